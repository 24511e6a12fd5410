"""Batches: frames as padded neighbour tensors, the form in which a network sees atoms."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pareto_search.data.dataset import Dataset
from pareto_search.data.neighbors import NeighborTable


@dataclass(frozen=True)
class Batch:
    """Atoms of several frames with their neighbours, padded to the largest neighbour count K.

    A padded neighbour has a vector longer than the cutoff and points to the atom itself, so it adds exactly nothing.

    Attributes:
        species: Index into the potential's elements, shape (n_atoms,).
        neighbor: Row of each neighbour in this batch, shape (n_atoms, K).
        vectors: R_i - R_j in Å, shape (n_atoms, K, 3).
        system: Frame of each atom, counted in this batch, shape (n_atoms,).
        n_systems: Number of frames.
    """

    species: Tensor
    neighbor: Tensor
    vectors: Tensor
    system: Tensor
    n_systems: int

    def to(self, device: torch.device | str) -> Self:
        """The batch with every tensor on a device."""
        return replace(
            self,
            species=self.species.to(device),
            neighbor=self.neighbor.to(device),
            vectors=self.vectors.to(device),
            system=self.system.to(device),
        )


def species_index(numbers: NDArray[np.int64], elements: tuple[int, ...]) -> NDArray[np.int64]:
    """Position of each atomic number in the rising list of elements.

    Raises:
        KeyError: If an atom is of no listed element.
    """
    index = np.searchsorted(elements, numbers)
    known = np.asarray(elements)
    if np.any(known[np.minimum(index, len(elements) - 1)] != numbers):
        raise KeyError(f"elements {sorted(set(numbers.tolist()) - set(elements))} are not among {list(elements)}")
    return index.astype(np.int64)


def pad_pairs(counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Column layout for ragged rows: where each pair goes and which slots are filled.

    Args:
        counts: Neighbours of each atom, shape (n_atoms,).

    Returns:
        Flat positions in the padded (n_atoms, K) array of each pair in order, and the mask of filled slots.
    """
    width = max(int(counts.max(initial=0)), 1)
    filled = np.arange(width) < counts[:, None]
    return np.flatnonzero(filled), filled


def make_batch(
    dataset: Dataset,
    table: NeighborTable,
    systems: NDArray[np.int64],
    elements: tuple[int, ...],
    dtype: torch.dtype,
) -> Batch:
    """Join the given frames of a dataset into one batch on the CPU."""
    spans = [dataset.atoms_of(int(s)) for s in systems]
    rows = dataset.rows_of(systems)
    sizes = np.array([span.stop - span.start for span in spans])
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    row_shift = np.repeat(starts - np.array([span.start for span in spans]), sizes)

    counts = table.offsets[rows + 1] - table.offsets[rows]
    slots, filled = pad_pairs(counts)
    pairs = np.concatenate([np.arange(table.offsets[span.start], table.offsets[span.stop]) for span in spans])
    neighbor = np.broadcast_to(np.arange(len(rows))[:, None], filled.shape).copy()
    neighbor.reshape(-1)[slots] = table.second[pairs] + np.repeat(row_shift, counts)
    vectors = np.full((filled.size, 3), [2.0 * table.cutoff_ang, 0.0, 0.0], dtype=table.vectors.dtype)
    vectors[slots] = table.vectors[pairs]
    return Batch(
        species=torch.from_numpy(species_index(dataset.species[rows], elements)),
        neighbor=torch.from_numpy(neighbor),
        vectors=torch.from_numpy(vectors.reshape(*filled.shape, 3)).to(dtype),
        system=torch.from_numpy(np.repeat(np.arange(len(spans)), sizes)),
        n_systems=len(spans),
    )
