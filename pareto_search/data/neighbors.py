"""Neighbour tables: every pair within a cutoff, built once per dataset with vesin and shared read-only."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from ase.data import chemical_symbols
from numpy.typing import NDArray
from vesin import NeighborList

from pareto_search.data.dataset import Dataset

#: Rows whose distances are compared with a cutoff at once, so that this takes little memory.
_ROWS_AT_ONCE = 10_000


@dataclass(frozen=True)
class NeighborTable:
    """All ordered pairs (i, j, image) nearer than a cutoff, by atom i, then by the element of j, then by distance.

    The pairs of atom i with neighbours of element number e begin at offsets[i E + e] for E elements, and the first
    counts[i E + e] of them are within the cutoff. A shorter cutoff needs other counts but no copy of the pairs, so that
    all workers of a machine share them. Memory is 16 bytes a pair in float32. Positions do not move while training, so
    the vectors are kept and no cell arithmetic is left for the training step.

    Attributes:
        cutoff_ang: Largest distance counted.
        elements: Atomic numbers, rising, shape (E,).
        offsets: Shape (n_atoms E + 1,).
        counts: Shape (n_atoms E,).
        second: Index of the neighbour in the dataset's atom arrays, shape (n_pairs,).
        vectors: R_i - R_j of the pair's image in Å, shape (n_pairs, 3).
    """

    cutoff_ang: float
    elements: tuple[int, ...]
    offsets: NDArray[np.int64]
    counts: NDArray[np.int32]
    second: NDArray[np.int32]
    vectors: NDArray[np.floating]

    @property
    def n_pairs(self) -> int:
        """Number of ordered pairs within the cutoff."""
        return int(self.counts.sum())

    @property
    def n_neighbors(self) -> NDArray[np.int64]:
        """Neighbours of each atom, shape (n_atoms,)."""
        return np.asarray(self.counts.reshape(-1, len(self.elements)).sum(axis=1))

    @property
    def nbytes(self) -> int:
        """Memory of the table in bytes."""
        return int(self.offsets.nbytes + self.counts.nbytes + self.second.nbytes + self.vectors.nbytes)

    def within(self, cutoff_ang: float) -> "NeighborTable":
        """The pairs nearer than a shorter cutoff.

        Raises:
            ValueError: If the cutoff is longer than the table's.
        """
        if cutoff_ang > self.cutoff_ang:
            raise ValueError(f"the table holds pairs up to {self.cutoff_ang} Å, got a cutoff of {cutoff_ang} Å")
        if cutoff_ang == self.cutoff_ang:
            return self
        counts = np.empty_like(self.counts)
        for start in range(0, len(counts), _ROWS_AT_ONCE):
            rows = slice(start, min(start + _ROWS_AT_ONCE, len(counts)))
            bounds = self.offsets[rows.start : rows.stop + 1]
            near = _squared_length(self.vectors[bounds[0] : bounds[-1]]) < cutoff_ang**2
            counts[rows] = np.diff(np.concatenate([[0], np.cumsum(near)])[bounds - bounds[0]])
        return replace(self, cutoff_ang=cutoff_ang, counts=np.minimum(counts, self.counts))

    def of_atoms(self, atoms: slice) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.floating]]:
        """The pairs within the cutoff of consecutive atoms.

        Returns:
            Their counts, shape (n E,), and their parts of `second` and `vectors`.
        """
        rows = slice(atoms.start * len(self.elements), atoms.stop * len(self.elements))
        counts = self.counts[rows]
        if self._is_whole:
            pairs = slice(self.offsets[rows.start], self.offsets[rows.stop])
            return counts, self.second[pairs], self.vectors[pairs]
        found_before = np.cumsum(counts) - counts
        near = np.repeat(self.offsets[rows] - found_before, counts) + np.arange(counts.sum())
        return counts, self.second.take(near), self.vectors.take(near, axis=0)

    @cached_property
    def _is_whole(self) -> bool:
        """Whether every pair is within the cutoff."""
        return self.n_pairs == len(self.second)


def _squared_length(vectors: NDArray[np.floating]) -> NDArray[np.floating]:
    x, y, z = vectors.T
    return np.asarray(x * x + y * y + z * z)


def element_index(numbers: NDArray[np.int64], elements: tuple[int, ...]) -> NDArray[np.int64]:
    """Position of each atomic number in the rising list of elements.

    Raises:
        KeyError: If an atom is of no listed element.
    """
    index = np.searchsorted(elements, numbers)
    known = np.asarray(elements)
    if np.any(known[np.minimum(index, len(elements) - 1)] != numbers):
        unknown = ", ".join(chemical_symbols[number] for number in sorted(set(numbers.tolist()) - set(elements)))
        raise KeyError(f"the network is made for {', '.join(chemical_symbols[z] for z in elements)}, not {unknown}")
    return index.astype(np.int64)


def build_neighbor_table(
    dataset: Dataset,
    cutoff_ang: float,
    dtype: type[np.floating] = np.float32,
    *,
    elements: tuple[int, ...] | None = None,
) -> NeighborTable:
    """Find all pairs nearer than the cutoff in every frame, periodic images included (full list, no self pair).

    Args:
        dataset: The frames.
        cutoff_ang: Largest distance.
        dtype: Of the vectors.
        elements: Atomic numbers to sort neighbours by, rising; by default those of the dataset.
    """
    if elements is None:
        elements = tuple(int(z) for z in np.unique(dataset.species))
    kind = element_index(dataset.species, elements)
    search = NeighborList(cutoff=cutoff_ang, full_list=True)
    counts, seconds, vectors = [], [], []
    for system in range(dataset.n_systems):
        rows = dataset.atoms_of(system)
        i, j, towards_j = search.compute(
            points=dataset.positions[rows], box=dataset.cell[system], periodic=dataset.pbc[system], quantities="ijD"
        )
        row = i.astype(np.int64) * len(elements) + kind[rows][j]
        vector = -towards_j.astype(dtype)
        order = np.lexsort((_squared_length(vector), row))
        counts.append(np.bincount(row, minlength=(rows.stop - rows.start) * len(elements)))
        seconds.append(j[order].astype(np.int32) + rows.start)
        vectors.append(vector[order])
    count = np.concatenate(counts)
    return NeighborTable(
        cutoff_ang=cutoff_ang,
        elements=elements,
        offsets=np.concatenate([[0], np.cumsum(count)]).astype(np.int64),
        counts=count.astype(np.int32),
        second=np.concatenate(seconds).astype(np.int32),
        vectors=np.concatenate(vectors),
    )
