import numpy as np
import pytest
from ase import Atoms
from ase.io import write

from pareto_search.config import ExtxyzSource
from pareto_search.data.sources import load_dataset
from pareto_search.errors import DataError
from tests.data.frames import aluminum_frames, labelled


def settings(path, **values) -> ExtxyzSource:
    return ExtxyzSource(source="extxyz", path=path, **values)


def test_max_frames_takes_the_same_sample_in_the_old_order(tmp_path):
    path = tmp_path / "al.extxyz"
    write(path, aluminum_frames(20))
    everything = load_dataset(settings(path))
    sample = load_dataset(settings(path, max_frames=8))
    assert sample.n_systems == 8
    assert (np.diff(sample.energy) < 0).all()
    assert set(sample.energy) < set(everything.energy)
    assert not np.array_equal(sample.energy, everything.energy[:8])
    assert load_dataset(settings(path, max_frames=8)).sha256 == sample.sha256
    assert sample.notes["max_frames"] == "a random sample of 8 of 20 frames, seed 0"


def test_max_frames_beyond_the_data_takes_all(tmp_path):
    path = tmp_path / "al.extxyz"
    write(path, aluminum_frames(5))
    assert load_dataset(settings(path, max_frames=5)).sha256 == load_dataset(settings(path)).sha256


def test_frames_outside_the_sample_are_checked_too(tmp_path):
    path = tmp_path / "al.extxyz"
    bad = labelled(Atoms("Al2", [[0, 0, 0], [0.1, 0, 0]]))
    write(path, [*aluminum_frames(30), bad])
    with pytest.raises(DataError, match="frame 30 "):
        load_dataset(settings(path, max_frames=1))
