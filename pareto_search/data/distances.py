"""Distances of pairs of atoms, periodic images included, and the shortest of a frame."""

from typing import NamedTuple

import numpy as np
from ase import Atoms
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


class _Points(NamedTuple):
    """Positions in Å, shape (n_atoms, 3), in a cell."""

    positions: NDArray[np.float64]
    cell: NDArray[np.float64]
    pbc: NDArray[np.bool_]

    @classmethod
    def of(cls, atoms: Atoms) -> "_Points":
        return cls(atoms.positions, atoms.cell.array, atoms.pbc)

    @classmethod
    def of_frame(cls, dataset: Dataset, system: int) -> "_Points":
        return cls(dataset.positions[dataset.atoms_of(system)], dataset.cell[system], dataset.pbc[system])

    def closest(self, cutoff_ang: float) -> ClosePair | None:
        search = NeighborList(cutoff=max(cutoff_ang, _FASTEST_CUTOFF_ANG), full_list=False)
        i, j, distance = search.compute(self.positions, self.cell, periodic=self.pbc, quantities="ijd")
        nearest = int(np.argmin(distance)) if len(distance) else -1
        if nearest < 0 or distance[nearest] >= cutoff_ang:
            return None
        return ClosePair(float(distance[nearest]), int(i[nearest]), int(j[nearest]))

    def shortest_ang(self) -> float:
        if len(self.positions) == 1 and not self.pbc.any():
            return float("nan")
        cutoff_ang = _FIRST_CUTOFF_ANG
        while (pair := self.closest(cutoff_ang)) is None:
            cutoff_ang *= 2
        return pair.distance_ang


def closest_pair(dataset: Dataset, system: int, cutoff_ang: float) -> ClosePair | None:
    """The nearest pair of a frame, or None if no pair is nearer than the cutoff.

    Args:
        dataset: Holds the frame.
        system: Its number.
        cutoff_ang: In Å.
    """
    return _Points.of_frame(dataset, system).closest(cutoff_ang)


def shortest_distances(dataset: Dataset) -> NDArray[np.float64]:
    """Shortest distance of each frame in Å, shape (n_systems,); NaN for a lone atom without images."""
    return np.array([_Points.of_frame(dataset, system).shortest_ang() for system in range(dataset.n_systems)])


def shortest_distance(atoms: Atoms) -> float:
    """Distance of the two nearest atoms in Å; NaN for a lone atom without images."""
    return _Points.of(atoms).shortest_ang()


def pair_distances(atoms: Atoms, cutoff_ang: float) -> NDArray[np.float64]:
    """Distances in Å of all unordered pairs nearer than the cutoff."""
    search = NeighborList(cutoff=cutoff_ang, full_list=False)
    (distances,) = search.compute(points=atoms.positions, box=atoms.cell.array, periodic=atoms.pbc, quantities="d")
    return np.asarray(distances)
