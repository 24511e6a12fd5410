import json

import numpy as np
import pytest

from pareto_search.data.dataset_file import DatasetInfo, read_dataset_info, write_dataset_info
from pareto_search.errors import DataError, StoreError
from tests.data.frames import aluminum_info


@pytest.fixture(scope="module")
def info() -> DatasetInfo:
    return aluminum_info()


def test_what_is_written_comes_back(tmp_path, info):
    path = tmp_path / "run" / "dataset.json"
    write_dataset_info(path, info)
    write_dataset_info(path, info)
    again = read_dataset_info(path)
    assert again.to_plain() == info.to_plain()
    assert again.references == info.references
    np.testing.assert_array_equal(again.split.train, info.split.train)
    assert [entry.name for entry in path.parent.iterdir()] == ["dataset.json"]


@pytest.mark.parametrize(("density", "expected"), [(None, {"no"}), ({"min": 2.7}, {"all"})])
def test_older_files_tell_periodic_frames_by_their_density(tmp_path, info, density, expected):
    plain = info.to_plain()
    plain["summary"] = {"density_g_per_cm3": density}
    (tmp_path / "dataset.json").write_text(json.dumps(plain))
    assert read_dataset_info(tmp_path / "dataset.json").periodic_directions == expected


def test_a_failed_write_leaves_the_old_file(tmp_path, info, monkeypatch):
    path = tmp_path / "dataset.json"
    write_dataset_info(path, info)
    before = path.read_bytes()

    def full_disk(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full_disk)
    with pytest.raises(StoreError, match=r"dataset\.json could not be written \(No space left.*free space"):
        write_dataset_info(path, info)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["dataset.json"]


def without(key):
    return lambda plain: json.dumps({k: v for k, v in plain.items() if k != key})


def changed(key, value):
    return lambda plain: json.dumps(plain | {key: value})


DAMAGE = {
    "cut": lambda plain: json.dumps(plain)[:-40],
    "empty": lambda plain: "",
    "a list": lambda plain: "[1, 2]",
    "no split": without("split"),
    "no hash": without("split_hash"),
    "split is text": changed("split", "random"),
    "indices are words": changed("split", {"train": ["x"], "valid": [1], "test": [2], "kind": "random", "seed": 0}),
    "no element": changed("references_ev", {"Qq": 1.0}),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_file_is_an_error_with_its_path(tmp_path, info, name):
    path = tmp_path / "dataset.json"
    path.write_text(DAMAGE[name](info.to_plain()))
    with pytest.raises(DataError, match=r"dataset\.json cannot be read .*delete it and run the same command again"):
        read_dataset_info(path)


def test_a_missing_file_and_another_version_are_errors(tmp_path, info):
    with pytest.raises(DataError, match="is not there"):
        read_dataset_info(tmp_path / "absent.json")
    path = tmp_path / "dataset.json"
    path.write_text(changed("format", 99)(info.to_plain()))
    with pytest.raises(DataError, match="has format 99, this version reads 1; use the version that wrote it"):
        read_dataset_info(path)
