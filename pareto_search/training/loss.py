"""The loss: RMSE + MAE of energy, forces and atomic energies, L2 and hierarchicality (the paper's eqn 2, 3 and 5)."""

from typing import NamedTuple

import torch
from torch import Tensor

from pareto_search.config import LossWeights, TrainingSettings
from pareto_search.potential.engine import Evaluation
from pareto_search.potential.loader import Targets

#: Keeps the slope of the square root finite where every error is exactly zero; below any error that counts.
_TINY = 1e-30


class LossTerms(NamedTuple):
    """The terms before weighting, scalars: energies in eV, forces in eV/Å."""

    energy: Tensor
    forces: Tensor
    atomic_energy: Tensor
    l2: Tensor
    hierarchicality: Tensor


def rmse_plus_mae(predicted: Tensor, true: Tensor) -> Tensor:
    """Root-mean-square plus mean absolute error over all entries (eqn 3)."""
    error = predicted - true
    return torch.sqrt(error.square().mean() + _TINY) + error.abs().mean()


def loss_terms(evaluation: Evaluation, targets: Targets, regularized: list[Tensor]) -> LossTerms:
    """The terms of the loss for one batch; that of the atomic energies is zero where there are no labels."""
    energy = rmse_plus_mae(evaluation.energy, targets.energy)
    return LossTerms(
        energy=energy,
        forces=rmse_plus_mae(evaluation.forces, targets.forces),
        atomic_energy=(
            torch.zeros_like(energy)
            if targets.atomic_energy is None
            else rmse_plus_mae(evaluation.atomic_energy, targets.atomic_energy)
        ),
        l2=torch.stack([weight.square().sum() for weight in regularized]).sum(),
        hierarchicality=evaluation.hierarchicality.mean(),
    )


def total_loss(terms: LossTerms, weights: LossWeights, settings: TrainingSettings) -> Tensor:
    """The weighted sum that training minimises."""
    return (
        weights.weight_energy * terms.energy
        + weights.weight_forces * terms.forces
        + weights.weight_atomic_energy * terms.atomic_energy
        + settings.weight_l2 * terms.l2
        + settings.weight_hierarchicality * terms.hierarchicality
    )
