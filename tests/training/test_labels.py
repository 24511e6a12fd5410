import numpy as np
import pytest

from pareto_search.errors import DataError
from pareto_search.potential.hipnn import HipnnPotential
from pareto_search.testing import evaluate_frames
from pareto_search.training.labels import make_labels, read_labels, save_labels, weights_hash
from tests.training.toy import TINY, toy_data


@pytest.fixture(scope="module")
def data():
    return toy_data()


@pytest.fixture
def teacher(data):
    return HipnnPotential(TINY, data.references, seed=1)


def _make(teacher, data, batch_size=3):
    loader = data.loader(TINY, device="cpu")
    return make_labels(teacher, loader, data.dataset, data.dataset_hash, batch_size=batch_size)


def test_labels_are_the_teachers_atomic_energies(teacher, data):
    labels = _make(teacher, data)
    expected = evaluate_frames(teacher, [data.dataset.frame(7)]).atomic_energy.detach().numpy()
    np.testing.assert_allclose(labels.atomic_energy_ev[data.dataset.atoms_of(7)], expected, rtol=1e-5, atol=1e-7)


def test_cache_is_used_only_for_the_same_teacher_and_data(teacher, data, tmp_path):
    path = tmp_path / "labels.npz"
    labels = _make(teacher, data)
    save_labels(path, labels)
    known = {"teacher_hash": weights_hash(teacher), "dataset_hash": data.dataset_hash}
    assert read_labels(path, **known).sha256 == labels.sha256
    other = HipnnPotential(TINY, data.references, seed=2)
    assert read_labels(path, **(known | {"teacher_hash": weights_hash(other)})) is None
    assert read_labels(path, **(known | {"dataset_hash": "another split"})) is None
    assert read_labels(tmp_path / "none.npz", **known) is None


def test_damaged_cache_is_named(tmp_path):
    path = tmp_path / "labels.npz"
    path.write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(DataError, match="delete it"):
        read_labels(path, teacher_hash="a", dataset_hash="b")


def test_labels_must_be_finite(teacher, data):
    teacher.energy.layers[1].bias.data.fill_(float("nan"))
    with pytest.raises(DataError, match="frame 0"):
        _make(teacher, data)
