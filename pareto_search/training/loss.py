"""The loss: RMSE + MAE of energy, forces and the teacher's labels, L2, hierarchicality (the paper's eqn 2, 3 and 5).

`step_functions` are what is compiled: pure functions of a potential's weights and one batch.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pareto_search.config import LossWeights, TrainingSettings
from pareto_search.measure.accuracy import ErrorSums, error_sums
from pareto_search.potential.batch import Batch
from pareto_search.potential.compiled import TensorFunction, leaves, named_after, rebuilt
from pareto_search.potential.interface import Evaluation
from pareto_search.potential.loader import Targets

#: A tensor, or tuples of them in any nesting.
TensorTree = Any
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


def _rmse_plus_mae(predicted: Tensor, true: Tensor, weight: Tensor | float = 1.0) -> Tensor:
    """Root-mean-square plus mean absolute error over all entries (eqn 3), each counted with its weight."""
    error = predicted - true
    return torch.sqrt((weight * error.square()).mean() + _TINY) + (weight * error.abs()).mean()


def loss_terms(evaluation: Evaluation, targets: Targets, regularized_weights: list[Tensor]) -> LossTerms:
    """The terms of the loss for one batch; those of a teacher's labels are zero where there are none.

    Args:
        evaluation: What the potential gives.
        targets: What it should give.
        regularized_weights: Those in the L2 term.
    """
    return LossTerms(
        energy=_rmse_plus_mae(evaluation.energy, targets.energy),
        forces=_rmse_plus_mae(evaluation.forces, targets.forces),
        atomic_energy=_rmse_plus_mae(evaluation.atomic_energy, targets.atomic_energy, targets.label_weight),
        teacher_forces=_rmse_plus_mae(evaluation.forces, targets.teacher_forces, targets.label_weight[:, None]),
        l2=torch.stack([weight.square().sum() for weight in regularized_weights]).sum(),
        hierarchicality=evaluation.hierarchicality.mean(),
    )


def term_weights(weights: LossWeights, settings: TrainingSettings, dtype: torch.dtype, device: torch.device) -> Tensor:
    """What each of the `LossTerms` counts, shape (n_terms,).

    Args:
        weights: Of the error terms.
        settings: Weights of the others.
        dtype: Of the tensor.
        device: Of the tensor.
    """
    by_name = {**dict(settings), **dict(weights)}
    return torch.tensor([by_name[f"weight_{name}"] for name in LossTerms._fields], dtype=dtype, device=device)


def total_loss(terms: LossTerms, weights: Tensor) -> Tensor:
    """The weighted sum that training minimises."""
    return (torch.stack(list(terms)) * weights).sum()


#: Length of what `batch_sums` returns: the loss, its terms and the errors.
N_SUMS = 1 + len(LossTerms._fields) + len(ErrorSums._fields)


def batch_sums(loss: Tensor, terms: LossTerms, evaluation: Evaluation, targets: Targets, batch: Batch) -> Tensor:
    """What a pass adds up over its batches, in one tensor so that the host waits once: float64, shape (N_SUMS,).

    Args:
        loss: Of the batch, a scalar; it counts times the frames.
        terms: Before weighting; they count times the frames.
        evaluation: What the potential gives.
        targets: What it should give.
        batch: The frames.
    """
    losses = torch.stack([loss, *terms]).detach().double() * batch.n_atoms.shape[0]
    return torch.cat([losses, torch.stack(error_sums(evaluation, targets, batch))])


def named_sums(values: Sequence[float]) -> tuple[float, dict[str, float], list[float]]:
    """Loss, terms by name and `ErrorSums` from sums of `batch_sums`."""
    loss, *rest = values
    n_terms = len(LossTerms._fields)
    return loss, dict(zip(LossTerms._fields, rest, strict=False)), rest[n_terms:]


@functools.cache
def step_functions(
    evaluate: Callable[..., Evaluation], regularized: Callable[..., list[Tensor]]
) -> tuple[TensorFunction, TensorFunction]:
    """Training and validation step of a potential's pure form, which are what is compiled.

    Args:
        evaluate: (weights, constants, batch) → `Evaluation`.
        regularized: weights → those in the L2 term.

    Returns:
        Two functions of (weights, constants, batch, targets, loss_weights): `train_step` gives the stacked sums of the
        batch, then the gradient of its loss by every tensor of the weights, in their order; `valid_step` the sums.
    """

    def losses(
        weights: TensorTree, constants: TensorTree, batch: Batch, targets: Targets, loss_weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        evaluation = evaluate(weights, constants, batch)
        terms = loss_terms(evaluation, targets, regularized(weights))
        loss = total_loss(terms, loss_weights)
        return loss, batch_sums(loss, terms, evaluation, targets, batch)

    def train_step(weights: TensorTree, *rest: TensorTree) -> tuple[Tensor, ...]:
        def of_flat(flat: list[Tensor]) -> tuple[Tensor, Tensor]:
            return losses(rebuilt(weights, iter(flat)), *rest)

        gradient, sums = torch.func.grad(of_flat, has_aux=True)(leaves(weights))
        return sums, *gradient

    def valid_step(*arguments: TensorTree) -> tuple[Tensor, ...]:
        return (losses(*arguments)[1],)

    return named_after(train_step, evaluate, regularized), named_after(valid_step, evaluate, regularized)
