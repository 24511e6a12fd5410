"""Batches: frames as padded neighbour tensors, the form in which a network gets atoms."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pareto_search.data.dataset import Dataset
from pareto_search.data.neighbors import NeighborTable, element_index

#: Neighbours are padded to a multiple of this: whole SIMD registers, and few different shapes.
WIDTH_STEP = 8


class Batch(NamedTuple):
    """Atoms of several frames with their neighbours: one row per atom and element, padded to one length K.

    A padded neighbour has a vector longer than the cutoff and points to the atom itself, so it adds exactly nothing.
    The neighbours are the last axis: sums over them and everything that is done for each of them run along memory.

    Attributes:
        species: Index into the potential's elements, shape (n_atoms,).
        neighbor: Row of each neighbour in this batch, shape (n_atoms, E, K), int32.
        vectors: R_i - R_j in Å, shape (3, n_atoms, E, K).
        system: Frame of each atom, counted in this batch, shape (n_atoms,).
        n_atoms: Atoms of each frame, shape (n_systems,).
    """

    species: Tensor
    neighbor: Tensor
    vectors: Tensor
    system: Tensor
    n_atoms: Tensor

    @property
    def n_systems(self) -> int:
        """Number of frames."""
        return len(self.n_atoms)

    def to(self, device: torch.device | str) -> "Batch":
        """The batch with every tensor on a device."""
        return Batch(*(tensor.to(device) for tensor in self))


def padded_width(counts: NDArray[np.int64]) -> int:
    """Length K of the neighbour axis for rows of so many neighbours."""
    return max(-(-int(counts.max(initial=1)) // WIDTH_STEP), 1) * WIDTH_STEP


def make_batch(dataset: Dataset, table: NeighborTable, systems: NDArray[np.int64], dtype: torch.dtype) -> Batch:
    """Join the given frames of a dataset into one batch on the CPU.

    Args:
        dataset: The frames.
        table: Their neighbours.
        systems: Numbers of the frames, shape (n_systems,).
        dtype: Of the neighbour vectors.
    """
    spans = [dataset.atoms_of(int(s)) for s in systems]
    rows = dataset.rows_of(systems)
    sizes = np.array([span.stop - span.start for span in spans])
    first_row = np.concatenate([[0], np.cumsum(sizes)[:-1]])

    n_elements = len(table.elements)
    pairs = [table.of_atoms(span) for span in spans]
    counts = np.concatenate([count for count, _, _ in pairs])
    filled = np.arange(padded_width(counts)) < counts[:, None]
    neighbor = np.repeat(np.arange(len(rows), dtype=np.int32), n_elements)[:, None].repeat(filled.shape[1], axis=1)
    neighbor[filled] = np.concatenate(
        [second + np.int32(new - s.start) for (_, second, _), s, new in zip(pairs, spans, first_row, strict=True)]
    )
    vectors = np.full((3, *filled.shape), 2.0 * table.cutoff_ang, dtype=table.vectors.dtype)
    for axis in range(3):
        vectors[axis][filled] = np.concatenate([vector[:, axis] for _, _, vector in pairs])
    return Batch(
        species=torch.from_numpy(element_index(dataset.species[rows], table.elements)),
        neighbor=torch.from_numpy(neighbor.reshape(len(rows), n_elements, -1)),
        vectors=torch.from_numpy(vectors.reshape(3, len(rows), n_elements, -1)).to(dtype),
        system=torch.from_numpy(np.repeat(np.arange(len(spans)), sizes)),
        n_atoms=torch.from_numpy(sizes),
    )
