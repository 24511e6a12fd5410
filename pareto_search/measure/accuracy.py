"""Accuracy of a potential on part of a dataset."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pareto_search.potential.batch import Batch
from pareto_search.potential.interface import Evaluation, Potential
from pareto_search.potential.loader import FrameLoader, Targets

_BATCH_SIZE = 64


@dataclass(frozen=True)
class Accuracy:
    """Errors over a set of frames: forces over Cartesian components, energies per atom."""

    force_rmse_ev_per_ang: float
    energy_rmse_ev_per_atom: float
    force_mae_ev_per_ang: float
    energy_mae_ev_per_atom: float


class ErrorSums(NamedTuple):
    """Sums of squared and absolute errors, float64 scalars: of force components, and of energies per atom of frames."""

    force_square: Tensor
    energy_square: Tensor
    force_absolute: Tensor
    energy_absolute: Tensor


def error_sums(evaluation: Evaluation, targets: Targets, batch: Batch) -> ErrorSums:
    """Squared and absolute errors of a batch.

    Args:
        evaluation: What the potential gives.
        targets: What it should give.
        batch: The frames.
    """
    energy_error = ((evaluation.energy - targets.energy) / batch.n_atoms).detach().double()
    force_error = (evaluation.forces - targets.forces).detach().double()
    return ErrorSums(
        force_error.square().sum(), energy_error.square().sum(), force_error.abs().sum(), energy_error.abs().sum()
    )


def accuracy_of(sums: list[float], *, n_atoms: int, n_systems: int) -> Accuracy:
    """The errors of frames with so many atoms together, from their `ErrorSums`, stacked.

    Args:
        sums: Values of `ErrorSums` over all frames, in their order.
        n_atoms: Atoms of the frames together.
        n_systems: Number of frames.
    """
    force_square, energy_square, force_absolute, energy_absolute = sums
    return Accuracy(
        force_rmse_ev_per_ang=(force_square / (3 * n_atoms)) ** 0.5,
        energy_rmse_ev_per_atom=(energy_square / n_systems) ** 0.5,
        force_mae_ev_per_ang=force_absolute / (3 * n_atoms),
        energy_mae_ev_per_atom=energy_absolute / n_systems,
    )


def measure_accuracy(potential: Potential, loader: FrameLoader, systems: NDArray[np.int64]) -> Accuracy:
    """Errors of a potential on the given frames; the host waits once, at the end.

    Args:
        potential: The network.
        loader: Its frames.
        systems: Numbers of the frames, shape (n_systems,).
    """
    sums = torch.zeros(len(ErrorSums._fields), dtype=torch.float64, device=potential.device)
    with torch.no_grad():
        for batch, targets in loader.batches(systems, _BATCH_SIZE):
            sums += torch.stack(error_sums(potential(batch), targets, batch))
    return accuracy_of(sums.tolist(), n_atoms=loader.n_atoms(systems), n_systems=len(systems))
