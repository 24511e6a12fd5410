import numpy as np
import pytest
from pydantic import TypeAdapter

from pareto_search.config import SplitSettings
from pareto_search.data.split import Split, draw_split
from pareto_search.errors import DataError
from tests.data.frames import aluminum_dataset

TEN_SOURCES = [f"run-{number % 10}" for number in range(50)]


@pytest.fixture(scope="module")
def dataset():
    return aluminum_dataset(TEN_SOURCES)


def same(first: Split, second: Split) -> bool:
    return all(np.array_equal(first.part(name), second.part(name)) for name in ("train", "valid", "test"))


@pytest.mark.parametrize("kind", ["random", "source"])
def test_parts_hold_every_frame_once_in_the_wanted_proportions(dataset, kind):
    split = draw_split(dataset, SplitSettings(kind=kind, train=0.7, valid=0.1, test=0.2))
    assert sorted(np.concatenate([split.train, split.valid, split.test])) == list(range(50))
    assert [len(split.part(name)) for name in ("train", "valid", "test")] == [35, 5, 10]


@pytest.mark.parametrize("kind", ["random", "source"])
def test_same_seed_same_split_and_another_seed_another(dataset, kind):
    first, again, other = (draw_split(dataset, SplitSettings(kind=kind, seed=seed)) for seed in (3, 3, 4))
    assert same(first, again)
    assert not same(first, other)
    assert set(first.test) != set(other.test)


@pytest.mark.parametrize("seed", range(5))
def test_by_source_keeps_every_source_whole(dataset, seed):
    split = draw_split(dataset, SplitSettings(kind="source", seed=seed))
    origins = [{dataset.origin[i] for i in split.part(name)} for name in ("train", "valid", "test")]
    assert sum(len(part) for part in origins) == 10


@pytest.mark.parametrize("seed", range(20))
def test_by_source_fills_no_part_wildly_when_sources_differ_in_size(seed):
    origins = [name for name, n in (("a", 60), ("b", 20), ("c", 8), ("d", 7), ("e", 5)) for _ in range(n)]
    split = draw_split(aluminum_dataset(origins), SplitSettings(kind="source", seed=seed))
    assert len(split.train) >= 60
    assert 5 <= len(split.valid) <= 20
    assert 5 <= len(split.test) <= 20


def test_three_sources_give_one_to_each_part():
    split = draw_split(aluminum_dataset(["a"] * 2 + ["b"] * 9 + ["c"] * 3), SplitSettings(kind="source"))
    assert min(len(split.train), len(split.valid), len(split.test)) >= 2


@pytest.mark.parametrize("large", ["train", "valid", "test"])
def test_by_source_leaves_a_source_for_every_part(dataset, large):
    fractions = {"train": 0.01, "valid": 0.01, "test": 0.01} | {large: 0.98}
    split = draw_split(dataset, SplitSettings(kind="source", **fractions))
    sizes = {name: len(split.part(name)) for name in ("train", "valid", "test")}
    assert sizes == {"train": 5, "valid": 5, "test": 5} | {large: 40}


def test_training_frames_are_in_random_order(dataset):
    train = draw_split(dataset, SplitSettings()).train
    assert train.tolist() != sorted(train)


@pytest.mark.parametrize(
    ("origins", "settings", "message"),
    [
        (["a"] * 4, SplitSettings(), r"4 frames give 4 for training, 0 for validation and 0 for testing.*max_frames"),
        (["a"] * 10 + ["b"] * 10, SplitSettings(kind="source"), r"at least 3 sources.*20 frames have 2 \(a, b\)"),
    ],
)
def test_an_empty_part_is_an_error(origins, settings, message):
    with pytest.raises(DataError, match=message):
        draw_split(aluminum_dataset(origins), settings)


def test_hash_depends_on_data_and_indices(dataset):
    split = draw_split(dataset, SplitSettings())
    swapped = Split(train=split.train, valid=split.test, test=split.valid, kind=split.kind, seed=split.seed)
    hashes = {
        split.hash_with(dataset),
        swapped.hash_with(dataset),
        split.hash_with(dataset.take(np.arange(49, -1, -1))),
        draw_split(dataset, SplitSettings(seed=1)).hash_with(dataset),
    }
    assert len(hashes) == 4
    assert draw_split(dataset, SplitSettings()).hash_with(dataset) in hashes


def test_json_form_comes_back(dataset):
    split = draw_split(dataset, SplitSettings(kind="source", seed=7))
    form = TypeAdapter(Split)
    again = form.validate_json(form.dump_json(split))
    assert same(split, again)
    assert (again.kind, again.seed, again.train.dtype) == ("source", 7, np.int64)
    assert again.hash_with(dataset) == split.hash_with(dataset)
