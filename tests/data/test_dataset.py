from dataclasses import replace

import numpy as np
import pytest
from ase.build import bulk, molecule

from pareto_search.data.dataset import from_frames
from tests.data.frames import aluminum_dataset, labelled


def mixed():
    frames = [labelled(molecule("H2O"), -14.0), labelled(bulk("Al"), -3.7), labelled(molecule("CH4"), -24.0)]
    return from_frames(frames, ["water", "metal", "methane"], {})


def test_atoms_of_a_frame_are_its_rows():
    dataset = mixed()
    assert dataset.offsets.tolist() == [0, 3, 4, 9]
    assert dataset.species[dataset.atoms_of(1)].tolist() == [13]
    assert dataset.rows_of(np.array([2, 0])).tolist() == [4, 5, 6, 7, 8, 0, 1, 2]


def test_composition_counts_every_element_of_every_frame():
    assert mixed().composition((1, 6, 8, 13)).tolist() == [[2, 0, 1, 0], [0, 0, 0, 1], [4, 1, 0, 0]]


def test_taken_frames_keep_everything_that_belongs_to_them():
    taken = mixed().take(np.array([2, 1]))
    assert taken.origin == ("methane", "metal")
    assert taken.energy.tolist() == [-24.0, -3.7]
    assert taken.offsets.tolist() == [0, 5, 6]
    np.testing.assert_array_equal(taken.frame(0).positions, molecule("CH4").positions)
    np.testing.assert_array_equal(taken.cell[1], bulk("Al").cell.array)


@pytest.mark.parametrize("name", ["species", "positions", "forces", "energy", "cell"])
def test_hash_changes_with_every_number(name):
    dataset = aluminum_dataset(["a", "b"])
    changed = getattr(dataset, name).copy()
    changed.flat[-1] += 1
    assert replace(dataset, **{name: changed}).sha256 != dataset.sha256
    assert replace(dataset).sha256 == dataset.sha256
