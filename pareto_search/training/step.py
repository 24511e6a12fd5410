"""One step of training or validation: compiled where that is repaid, else as it is."""

import logging

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pareto_search.config import LossWeights, TrainingSettings
from pareto_search.potential.batch import Batch
from pareto_search.potential.compiled import TensorFunction, compiled, has_compiler, leaves
from pareto_search.potential.interface import Potential, PureForm
from pareto_search.potential.loader import FrameLoader, Targets
from pareto_search.training.loss import batch_sums, loss_terms, step_functions, term_weights, total_loss

logger = logging.getLogger(__name__)

#: What an uncompiled step takes on one CPU core: for each step, and for each pair × sensitivity.
_STEP_S, _PAIR_SENSITIVITY_S = 5e-3, 40e-9
#: From this expected time of a network's uncompiled training on, it is compiled. That saves two thirds and more of it,
#: and takes 1.5 minutes once for each depth and machine, then less than a second.
_COMPILE_FROM_S = 100.0


def is_worth_compiling(
    potential: Potential, settings: TrainingSettings, loader: FrameLoader, systems: NDArray[np.int64]
) -> bool:
    """Whether a training is compiled, by the work expected and not by what is in the cache: equal jobs go equal ways.

    Args:
        potential: The network.
        settings: The training; steps of one frame are never compiled.
        loader: Its frames.
        systems: Those it is trained on.
    """
    name = potential.architecture.label
    if potential.pure_form() is None or settings.batch_size == 1 or settings.compile == "never":
        return False
    if not has_compiler(potential.device.type):
        logger.info("%s trains uncompiled: there is no compiler", name)
        return False
    n_steps = -(-len(systems) // settings.batch_size)
    pair_sensitivities = loader.n_pairs(systems) * potential.numbers_per_pair
    seconds = settings.max_epochs * (n_steps * _STEP_S + pair_sensitivities * _PAIR_SENSITIVITY_S)
    chosen = settings.compile == "always" or seconds >= _COMPILE_FROM_S
    how = "compiled" if chosen else "uncompiled"
    logger.info(
        "%s trains %s: at most %.0f s of work, and compiling pays from %.0f s", name, how, seconds, _COMPILE_FROM_S
    )
    return chosen


class Steps:
    """The steps of one network's training; those of more than one frame are compiled if that is wanted."""

    def __init__(self, potential: Potential, settings: TrainingSettings, *, is_compiled: bool) -> None:
        self._potential = potential
        self._settings = settings
        self._regularized = potential.regularization_parameters()
        self._form = potential.pure_form() if is_compiled else None
        self._compiled: dict[TensorFunction, TensorFunction] = {}

    @property
    def is_compiled(self) -> bool:
        """Whether batches of more than one frame run compiled: it is wanted, and has not failed so far."""
        return self._form is not None and all(form is not function for function, form in self._compiled.items())

    def loss_weights(self, weights: LossWeights) -> Tensor:
        """Weights in the form that the steps take."""
        return term_weights(weights, self._settings, self._potential.dtype, self._potential.device)

    def train(self, batch: Batch, targets: Targets, loss_weights: Tensor) -> Tensor:
        """Set the gradient of every parameter.

        Args:
            batch: The frames.
            targets: What the potential should give.
            loss_weights: As `loss_weights` gives them.

        Returns:
            The batch's `batch_sums`, shape (N_SUMS,). Nothing waits for the device.
        """
        if self._form is not None and batch.n_systems > 1:
            train_step, _ = step_functions(self._form.evaluate, self._form.regularized)
            sums, *gradients = self._run(train_step, self._form, batch, targets, loss_weights)
            for parameter, gradient in zip(leaves(self._form.weights), gradients, strict=True):
                parameter.grad = gradient
            return sums
        for parameter in self._potential.parameters():
            parameter.grad = None
        with torch.enable_grad():
            loss, sums = self._uncompiled(batch, targets, loss_weights)
            loss.backward()
        return sums

    def validate(self, batch: Batch, targets: Targets, loss_weights: Tensor) -> Tensor:
        """The `batch_sums` of a batch, without gradients.

        Args:
            batch: The frames.
            targets: What the potential should give.
            loss_weights: As `loss_weights` gives them.
        """
        if self._form is not None and batch.n_systems > 1:
            _, valid_step = step_functions(self._form.evaluate, self._form.regularized)
            return self._run(valid_step, self._form, batch, targets, loss_weights)[0]
        with torch.no_grad():
            return self._uncompiled(batch, targets, loss_weights)[1]

    def _run(self, function: TensorFunction, form: PureForm, *rest: object) -> tuple[Tensor, ...]:
        arguments = (form.weights, form.constants, *rest)
        if function not in self._compiled:
            self._compiled[function] = compiled(function, *arguments)
        with torch.no_grad():
            return self._compiled[function](*arguments)

    def _uncompiled(self, batch: Batch, targets: Targets, loss_weights: Tensor) -> tuple[Tensor, Tensor]:
        evaluation = self._potential(batch)
        terms = loss_terms(evaluation, targets, self._regularized)
        loss = total_loss(terms, loss_weights)
        return loss, batch_sums(loss, terms, evaluation, targets, batch)
