"""Accuracy of a potential on part of a dataset."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pareto_search.data.dataset import Dataset
from pareto_search.data.neighbors import NeighborTable
from pareto_search.data.references import ReferenceEnergies
from pareto_search.potential.batch import Batch, make_batch
from pareto_search.potential.engine import Evaluation
from pareto_search.potential.hipnn import HipnnPotential


@dataclass(frozen=True)
class Accuracy:
    """Errors over a set of frames: forces over Cartesian components, energies per atom."""

    force_rmse_ev_per_ang: float
    energy_rmse_ev_per_atom: float
    force_mae_ev_per_ang: float
    energy_mae_ev_per_atom: float


class ErrorSums:
    """Running sums of errors over batches, kept on the device so that no batch waits for the host."""

    def __init__(self, device: torch.device) -> None:
        self._sums = torch.zeros(4, dtype=torch.float64, device=device)
        self._n_components = 0
        self._n_systems = 0

    def add(self, evaluation: Evaluation, energy: Tensor, forces: Tensor, batch: Batch) -> None:
        """Count one batch.

        Args:
            evaluation: What the potential said, with forces.
            energy: True energies without reference energies, eV, shape (n_systems,).
            forces: True forces, eV/Å, shape (n_atoms, 3).
            batch: The batch.
        """
        assert evaluation.forces is not None
        sizes = torch.bincount(batch.system, minlength=batch.n_systems)
        energy_error = ((evaluation.energy - energy) / sizes).detach().double()
        force_error = (evaluation.forces - forces).detach().double()
        self._sums += torch.stack(
            [force_error.square().sum(), energy_error.square().sum(), force_error.abs().sum(), energy_error.abs().sum()]
        )
        self._n_components += force_error.numel()
        self._n_systems += batch.n_systems

    def result(self) -> Accuracy:
        """The errors over everything counted; waits for the device."""
        force_square, energy_square, force_absolute, energy_absolute = self._sums.tolist()
        return Accuracy(
            force_rmse_ev_per_ang=(force_square / self._n_components) ** 0.5,
            energy_rmse_ev_per_atom=(energy_square / self._n_systems) ** 0.5,
            force_mae_ev_per_ang=force_absolute / self._n_components,
            energy_mae_ev_per_atom=energy_absolute / self._n_systems,
        )


def measure_accuracy(
    potential: HipnnPotential,
    dataset: Dataset,
    table: NeighborTable,
    systems: NDArray[np.int64],
    references: ReferenceEnergies,
    *,
    batch_size: int = 64,
) -> Accuracy:
    """Errors of a potential on the given frames of a dataset."""
    sums = ErrorSums(potential.device)
    near = table.within(potential.architecture.dist_hard_max_ang)
    residual = dataset.energy - references.of_systems(dataset)
    with torch.no_grad():
        for start in range(0, len(systems), batch_size):
            chosen = systems[start : start + batch_size]
            batch = make_batch(dataset, near, chosen, potential.elements, potential.dtype).to(potential.device)
            rows = np.concatenate([np.arange(dataset.offsets[i], dataset.offsets[i + 1]) for i in chosen])
            energy = torch.from_numpy(residual[chosen]).to(potential.device, potential.dtype)
            forces = torch.from_numpy(dataset.forces[rows]).to(potential.device, potential.dtype)
            sums.add(potential(batch), energy, forces, batch)
    return sums.result()
