import math

import pytest
from ase import Atoms
from ase.build import bulk

from pareto_search.data.dataset import from_frames
from pareto_search.data.distances import closest_pair, shortest_distances
from tests.data.frames import labelled


def dataset_of(*frames: Atoms):
    return from_frames([labelled(atoms) for atoms in frames], ["test"] * len(frames), {})


def test_shortest_distances_are_found_however_long():
    dataset = dataset_of(
        bulk("Al", a=4.0),  # only images of one atom
        Atoms("Al3", [[0, 0, 0], [0, 0, 90], [0, 0, 150]]),
        Atoms("Al2", [[0, 0, 0.2], [0, 0, 9.8]], cell=[10, 10, 10], pbc=True),
        Atoms("Al"),
    )
    found = shortest_distances(dataset)
    assert found[:3] == pytest.approx([4.0 / math.sqrt(2), 60.0, 0.4])
    assert math.isnan(found[3])


@pytest.mark.parametrize("cutoff_ang", [0.7, 1.4, 5.0])
def test_closest_pair_names_the_atoms_below_the_cutoff(cutoff_ang):
    dataset = dataset_of(Atoms("Al3", [[0, 0, 0], [0, 0, 3], [0, 0, 4.5]]))
    pair = closest_pair(dataset, 0, cutoff_ang)
    if cutoff_ang < 1.5:
        assert pair is None
    else:
        assert pair is not None
        assert pair.distance_ang == pytest.approx(1.5)
        assert {pair.first, pair.second} == {1, 2}
