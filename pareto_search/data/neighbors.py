"""Neighbour tables: every pair within a cutoff, built once per dataset with vesin and shared read-only."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from vesin import NeighborList

from pareto_search.data.dataset import Dataset


@dataclass(frozen=True)
class NeighborTable:
    """All ordered pairs (i, j, image) nearer than a cutoff, by atom i and then by the element of j.

    The pairs of atom i with neighbours of element number e are offsets[i E + e]:offsets[i E + e + 1] for E elements.
    Memory is 16 bytes a pair in float32. Positions do not move while training, so the vectors are kept and no
    cell arithmetic is left for the training step.

    Attributes:
        cutoff_ang: Largest distance in the table.
        elements: Atomic numbers, rising, shape (E,).
        offsets: Shape (n_atoms E + 1,).
        second: Index of the neighbour in the dataset's atom arrays, shape (n_pairs,).
        vectors: R_i - R_j of the pair's image in Å, shape (n_pairs, 3).
    """

    cutoff_ang: float
    elements: tuple[int, ...]
    offsets: NDArray[np.int64]
    second: NDArray[np.int32]
    vectors: NDArray[np.floating]

    @property
    def n_pairs(self) -> int:
        """Number of ordered pairs."""
        return len(self.second)

    @property
    def n_neighbors(self) -> NDArray[np.int64]:
        """Neighbours of each atom, shape (n_atoms,)."""
        return np.diff(self.offsets[:: len(self.elements)])

    @property
    def nbytes(self) -> int:
        """Memory of the table in bytes."""
        return int(self.offsets.nbytes + self.second.nbytes + self.vectors.nbytes)

    def within(self, cutoff_ang: float) -> "NeighborTable":
        """The pairs nearer than a shorter cutoff.

        Raises:
            ValueError: If the cutoff is longer than the table's.
        """
        if cutoff_ang > self.cutoff_ang:
            raise ValueError(f"table holds pairs up to {self.cutoff_ang} Å, asked for {cutoff_ang} Å")
        if cutoff_ang == self.cutoff_ang:
            return self
        keep = np.einsum("pk,pk->p", self.vectors, self.vectors) < cutoff_ang**2
        kept_before = np.concatenate([[0], np.cumsum(keep)])
        return NeighborTable(
            cutoff_ang, self.elements, kept_before[self.offsets], self.second[keep], self.vectors[keep]
        )


def element_index(numbers: NDArray[np.int64], elements: tuple[int, ...]) -> NDArray[np.int64]:
    """Position of each atomic number in the rising list of elements.

    Raises:
        KeyError: If an atom is of no listed element.
    """
    index = np.searchsorted(elements, numbers)
    known = np.asarray(elements)
    if np.any(known[np.minimum(index, len(elements) - 1)] != numbers):
        raise KeyError(f"elements {sorted(set(numbers.tolist()) - set(elements))} are not among {list(elements)}")
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
            points=dataset.positions[rows],
            box=dataset.cell[system],
            periodic=dataset.pbc[system],
            quantities="ijD",
        )
        row = i.astype(np.int64) * len(elements) + kind[rows][j]
        order = np.argsort(row, kind="stable")
        counts.append(np.bincount(row, minlength=(rows.stop - rows.start) * len(elements)))
        seconds.append(j[order].astype(np.int32) + rows.start)
        vectors.append(-towards_j[order].astype(dtype))
    return NeighborTable(
        cutoff_ang=cutoff_ang,
        elements=elements,
        offsets=np.concatenate([[0], np.cumsum(np.concatenate(counts))]).astype(np.int64),
        second=np.concatenate(seconds).astype(np.int32),
        vectors=np.concatenate(vectors),
    )
