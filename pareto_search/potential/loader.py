"""Frames of a dataset as batches with their targets, in the dtype and on the device of a potential."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pareto_search.data.dataset import Dataset
from pareto_search.data.labels import Labels, no_labels
from pareto_search.data.neighbors import NeighborTable
from pareto_search.data.references import ReferenceEnergies
from pareto_search.potential.batch import Batch, make_batch


class Targets(NamedTuple):
    """What a batch should give.

    Attributes:
        energy: eV without reference energies, shape (n_systems,).
        forces: eV/Å, shape (n_atoms, 3).
        atomic_energy: The teacher's atomic energies, eV without reference energies, shape (n_atoms,).
        teacher_forces: The teacher's forces, eV/Å, shape (n_atoms, 3).
        label_weight: Weight of the teacher's labels of each atom, 1 on average; 0 where it gave none, and then its
            energies and forces are zero. Shape (n_atoms,).
    """

    energy: Tensor
    forces: Tensor
    atomic_energy: Tensor
    teacher_forces: Tensor
    label_weight: Tensor


class FrameLoader:
    """Loads frames for one potential."""

    def __init__(
        self,
        dataset: Dataset,
        table: NeighborTable,
        references: ReferenceEnergies,
        *,
        cutoff_ang: float,
        labels: Labels | None = None,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        self._dataset = dataset
        self._table = table.within(cutoff_ang)
        self._residual_energy = dataset.energy - references.of_systems(dataset)
        self._labels = labels or no_labels(dataset)
        self._dtype = dtype
        self._device = device

    def load(self, systems: NDArray[np.int64]) -> tuple[Batch, Targets]:
        """The given frames as one batch."""
        batch = make_batch(self._dataset, self._table, systems, self._dtype)
        rows = self._dataset.rows_of(systems)
        targets = Targets(
            energy=self._tensor(self._residual_energy[systems]),
            forces=self._tensor(self._dataset.forces[rows]),
            atomic_energy=self._tensor(self._labels.atomic_energy_ev[rows]),
            teacher_forces=self._tensor(self._labels.forces_ev_per_ang[rows]),
            label_weight=self._tensor(self._labels.weight[rows]),
        )
        return batch.to(self._device), targets

    def batches(self, systems: NDArray[np.int64], batch_size: int) -> Iterator[tuple[Batch, Targets]]:
        """The given frames in order, batch_size at a time."""
        for start in range(0, len(systems), batch_size):
            yield self.load(systems[start : start + batch_size])

    def n_atoms(self, systems: NDArray[np.int64]) -> int:
        """Atoms of the given frames together."""
        return int(self._dataset.n_atoms_per_system[systems].sum())

    def n_pairs(self, systems: NDArray[np.int64]) -> int:
        """Ordered pairs within the cutoff of the given frames together."""
        return int(self._table.n_neighbors[self._dataset.rows_of(systems)].sum())

    def _tensor(self, values: NDArray[np.floating]) -> Tensor:
        return torch.from_numpy(values).to(self._device, self._dtype)
