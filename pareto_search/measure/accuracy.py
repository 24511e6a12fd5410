"""Accuracy of a potential on part of a dataset."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from pareto_search.potential.batch import Batch
from pareto_search.potential.engine import Evaluation
from pareto_search.potential.hipnn import HipnnPotential
from pareto_search.potential.loader import FrameLoader, Targets


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

    def add(self, evaluation: Evaluation, targets: Targets, batch: Batch) -> None:
        """Count one batch."""
        sizes = torch.bincount(batch.system, minlength=batch.n_systems)
        energy_error = ((evaluation.energy - targets.energy) / sizes).detach().double()
        force_error = (evaluation.forces - targets.forces).detach().double()
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
    potential: HipnnPotential, loader: FrameLoader, systems: NDArray[np.int64], *, batch_size: int = 64
) -> Accuracy:
    """Errors of a potential on the given frames."""
    sums = ErrorSums(potential.device)
    with torch.no_grad():
        for batch, targets in loader.batches(systems, batch_size):
            sums.add(potential(batch), targets, batch)
    return sums.result()
