"""The loss: RMSE + MAE of energy, forces and what the teacher says, L2, hierarchicality (the paper's eqn 2, 3 and 5).

`train_step` and `valid_step` are what is compiled: pure functions of the explicit engine's weights and one batch.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from pareto_search.config import LossWeights, TrainingSettings
from pareto_search.measure.accuracy import error_sums
from pareto_search.potential.batch import Batch
from pareto_search.potential.compiled import leaves, rebuilt
from pareto_search.potential.engine import Evaluation, HipnnConstants, HipnnWeights, evaluate, geometry, regularized
from pareto_search.potential.loader import Targets

#: Keeps the slope of the square root finite where every error is exactly zero; below any error that counts.
_TINY = 1e-30


class LossTerms(NamedTuple):
    """The terms before weighting, scalars: energies in eV, forces in eV/Å."""

    energy: Tensor
    forces: Tensor
    atomic_energy: Tensor
    teacher_forces: Tensor
    l2: Tensor
    hierarchicality: Tensor


def rmse_plus_mae(predicted: Tensor, true: Tensor, weight: Tensor | float = 1.0) -> Tensor:
    """Root-mean-square plus mean absolute error over all entries (eqn 3), each counted with its weight."""
    error = predicted - true
    return torch.sqrt((weight * error.square()).mean() + _TINY) + (weight * error.abs()).mean()


def loss_terms(evaluation: Evaluation, targets: Targets, regularized_weights: list[Tensor]) -> LossTerms:
    """The terms of the loss for one batch; those of what a teacher says are zero where none said anything."""
    return LossTerms(
        energy=rmse_plus_mae(evaluation.energy, targets.energy),
        forces=rmse_plus_mae(evaluation.forces, targets.forces),
        atomic_energy=rmse_plus_mae(evaluation.atomic_energy, targets.atomic_energy, targets.label_weight),
        teacher_forces=rmse_plus_mae(evaluation.forces, targets.teacher_forces, targets.label_weight[:, None]),
        l2=torch.stack([weight.square().sum() for weight in regularized_weights]).sum(),
        hierarchicality=evaluation.hierarchicality.mean(),
    )


def term_weights(weights: LossWeights, settings: TrainingSettings, like: Tensor) -> Tensor:
    """What each of the `LossTerms` counts, shape (6,), in the dtype and on the device of `like`."""
    by_term = {
        "energy": weights.weight_energy,
        "forces": weights.weight_forces,
        "atomic_energy": weights.weight_atomic_energy,
        "teacher_forces": weights.weight_teacher_forces,
        "l2": settings.weight_l2,
        "hierarchicality": settings.weight_hierarchicality,
    }
    return torch.tensor([by_term[name] for name in LossTerms._fields], dtype=like.dtype, device=like.device)


def total_loss(terms: LossTerms, weights: Tensor) -> Tensor:
    """The weighted sum that training minimises."""
    return (torch.stack(list(terms)) * weights).sum()


def batch_sums(loss: Tensor, terms: LossTerms, evaluation: Evaluation, targets: Targets, batch: Batch) -> Tensor:
    """What a pass adds up over its batches, float64: (loss, terms) times frames, then the four error sums; (11,)."""
    losses = torch.stack([loss, *terms]).detach().double() * batch.n_atoms.shape[0]
    return torch.cat([losses, error_sums(evaluation, targets, batch)])


def _losses(
    weights: HipnnWeights, constants: HipnnConstants, batch: Batch, targets: Targets, loss_weights: Tensor
) -> tuple[Tensor, Tensor]:
    """The loss and the sums of a batch."""
    evaluation = evaluate(weights, constants, batch, geometry(batch.vectors, constants.cutoff_ang))
    terms = loss_terms(evaluation, targets, regularized(weights))
    loss = total_loss(terms, loss_weights)
    return loss, batch_sums(loss, terms, evaluation, targets, batch)


def train_step(
    weights: HipnnWeights, constants: HipnnConstants, batch: Batch, targets: Targets, loss_weights: Tensor
) -> tuple[Tensor, ...]:
    """The sums of a batch, then the gradient of its loss by every tensor of the weights, in their order."""

    def losses(flat: list[Tensor]) -> tuple[Tensor, Tensor]:
        return _losses(rebuilt(weights, iter(flat)), constants, batch, targets, loss_weights)

    gradient, sums = torch.func.grad(losses, has_aux=True)(leaves(weights))
    return sums, *gradient


def valid_step(
    weights: HipnnWeights, constants: HipnnConstants, batch: Batch, targets: Targets, loss_weights: Tensor
) -> tuple[Tensor, ...]:
    """The sums of a batch."""
    return (_losses(weights, constants, batch, targets, loss_weights)[1],)
