"""Shortest distances inside frames, periodic images included."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from vesin import NeighborList

from pareto_search.data.dataset import Dataset

#: Vesin is fastest here; shorter cutoffs mean a finer grid and cost up to eight times more.
_FASTEST_CUTOFF_ANG = 2.0
#: Where the search for the shortest distance of a frame starts; it is doubled until a pair is found.
_FIRST_CUTOFF_ANG = 3.5


class ClosePair(NamedTuple):
    """The two nearest atoms of a frame, numbered within it; the same number twice: an atom and its own image."""

    distance_ang: float
    first: int
    second: int


def closest_pair(dataset: Dataset, system: int, cutoff_ang: float) -> ClosePair | None:
    """The nearest pair of a frame, or None if no pair is nearer than the cutoff (Å).

    Args:
        dataset: The frames.
        system: Number of the frame.
        cutoff_ang: Distance from which on a pair does not count, Å.
    """
    rows = dataset.atoms_of(system)
    search = NeighborList(cutoff=max(cutoff_ang, _FASTEST_CUTOFF_ANG), full_list=False)
    i, j, distance = search.compute(
        points=dataset.positions[rows], box=dataset.cell[system], periodic=dataset.pbc[system], quantities="ijd"
    )
    if len(distance) == 0:
        return None
    nearest = int(np.argmin(distance))
    if distance[nearest] >= cutoff_ang:
        return None
    return ClosePair(float(distance[nearest]), int(i[nearest]), int(j[nearest]))


def shortest_distances(dataset: Dataset) -> NDArray[np.float64]:
    """Shortest distance of each frame in Å, shape (n_systems,); NaN for a lone atom without images."""
    return np.array([_shortest_distance(dataset, system) for system in range(dataset.n_systems)])


def _shortest_distance(dataset: Dataset, system: int) -> float:
    positions = dataset.positions[dataset.atoms_of(system)]
    if len(positions) == 1 and not dataset.pbc[system].any():
        return float("nan")
    cutoff_ang = _FIRST_CUTOFF_ANG
    while (pair := closest_pair(dataset, system, cutoff_ang)) is None:
        cutoff_ang *= 2
    return pair.distance_ang
