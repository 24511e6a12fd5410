"""Neighbour tables: every pair within a cutoff, built once per dataset with vesin and shared read-only."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from vesin import NeighborList

from pareto_search.data.dataset import Dataset


@dataclass(frozen=True)
class NeighborTable:
    """All ordered pairs (i, j, image) nearer than a cutoff; the pairs of atom i are rows offsets[i]:offsets[i+1].

    Memory is 16 bytes a pair in float32. Positions do not move while training, so the vectors are kept and no
    cell arithmetic is left for the training step.

    Attributes:
        cutoff_ang: Largest distance in the table.
        offsets: Shape (n_atoms + 1,).
        second: Index of the neighbour in the dataset's atom arrays, shape (n_pairs,).
        vectors: R_i - R_j of the pair's image in Å, shape (n_pairs, 3).
    """

    cutoff_ang: float
    offsets: NDArray[np.int64]
    second: NDArray[np.int32]
    vectors: NDArray[np.floating]

    @property
    def n_pairs(self) -> int:
        """Number of ordered pairs."""
        return len(self.second)

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
        return NeighborTable(cutoff_ang, kept_before[self.offsets], self.second[keep], self.vectors[keep])


def build_neighbor_table(dataset: Dataset, cutoff_ang: float, dtype: type[np.floating] = np.float32) -> NeighborTable:
    """Find all pairs nearer than the cutoff in every frame, periodic images included (full list, no self pair)."""
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
        order = np.argsort(i, kind="stable")
        counts.append(np.bincount(i.astype(np.int64), minlength=rows.stop - rows.start))
        seconds.append(j[order].astype(np.int32) + rows.start)
        vectors.append(-towards_j[order].astype(dtype))
    return NeighborTable(
        cutoff_ang=cutoff_ang,
        offsets=np.concatenate([[0], np.cumsum(np.concatenate(counts))]).astype(np.int64),
        second=np.concatenate(seconds).astype(np.int32),
        vectors=np.concatenate(vectors),
    )
