"""The fitting loop: Adam, plateau halving, early stopping, curves and checkpoints."""

import math
import time
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pareto_search.config import LossWeights, TrainingSettings
from pareto_search.data.split import Split
from pareto_search.errors import TrainingDiverged
from pareto_search.measure.accuracy import Accuracy, accuracy_of
from pareto_search.potential.interface import Potential
from pareto_search.potential.loader import FrameLoader
from pareto_search.records import CurvePoint
from pareto_search.training.checkpoint import Checkpoint, read_checkpoint
from pareto_search.training.loss import N_SUMS, named_sums
from pareto_search.training.schedule import Plateau, weights_at
from pareto_search.training.step import Steps, is_worth_compiling


@dataclass(frozen=True)
class FitResult:
    """How a fit ended.

    Attributes:
        status: complete, or diverged if the loss became non-finite.
        n_epochs: Epochs trained; where it diverged, the epoch in which it did.
        best_epoch: Epoch whose weights the potential now has.
        curve: One point per finished epoch.
        train_s: Seconds of training and validation.
    """

    status: Literal["complete", "diverged"]
    n_epochs: int
    best_epoch: int
    curve: tuple[CurvePoint, ...]
    train_s: float


@dataclass(frozen=True)
class _Pass:
    """Averages over one pass through a part of the data."""

    accuracy: Accuracy
    loss: float
    terms: dict[str, float]


@dataclass
class Trainer:
    """One network in training; everything that changes between epochs is in `state`."""

    potential: Potential
    loader: FrameLoader
    split: Split
    weights: LossWeights
    settings: TrainingSettings
    seed: int

    def __post_init__(self) -> None:
        potential, settings = self.potential, self.settings
        trainable = [p for p in potential.parameters() if p.requires_grad]
        is_compiled = is_worth_compiling(potential, settings, self.loader, self.split.train)
        self.steps = Steps(potential, settings, is_compiled=is_compiled)
        self._optimizer = torch.optim.Adam(trainable, lr=settings.learning_rate, fused=True)
        plateau, best = Plateau(settings.learning_rate), self._copy_weights()
        self.state = Checkpoint(0, {}, best, optimizer={}, plateau=plateau, curve=(), train_s=0.0)

    def is_over(self) -> bool:
        """Whether the last epoch was the last."""
        epoch = self.state.epoch
        ended = self.state.plateau.is_over(epoch, self.settings) and epoch > 0
        return epoch >= self.settings.max_epochs or ended

    def run_epoch(self) -> CurvePoint:
        """Train and validate for one epoch.

        Raises:
            TrainingDiverged: If a loss is not finite.
        """
        started = time.perf_counter()
        epoch = self.state.epoch + 1
        weights = weights_at(epoch, self.weights, self.settings)
        plateau = self.state.plateau
        if epoch > 1 and weights != weights_at(epoch - 1, self.weights, self.settings):
            plateau = plateau.restarted(epoch)
        for group in self._optimizer.param_groups:
            group["lr"] = plateau.learning_rate

        order = np.random.default_rng([self.seed, epoch]).permutation(self.split.train)
        train = self._pass(order, weights, step=True)
        valid = self._pass(self.split.valid, weights, step=False)
        if not (math.isfinite(train.loss) and math.isfinite(valid.loss)):
            raise TrainingDiverged(epoch)
        after = plateau.after(epoch, valid.loss, self.settings)
        seconds = time.perf_counter() - started
        point = _curve_point(epoch, train, valid, plateau.learning_rate, weights, seconds)
        self.state = Checkpoint(
            epoch=epoch,
            weights={},
            best_weights=self._copy_weights() if after.best_epoch == epoch else self.state.best_weights,
            optimizer={},
            plateau=after,
            curve=(*self.state.curve, point),
            train_s=self.state.train_s + seconds,
        )
        return point

    def _pass(self, systems: NDArray[np.int64], weights: LossWeights, *, step: bool) -> _Pass:
        """One pass over frames, with optimiser steps or without gradients; the host waits once, at the end."""
        loss_weights = self.steps.loss_weights(weights)
        sums = torch.zeros(N_SUMS, dtype=torch.float64, device=self.potential.device)
        self.potential.train(step)
        for batch, targets in self.loader.batches(systems, self.settings.batch_size):
            if step:
                sums += self.steps.train(batch, targets, loss_weights)
                self._optimizer.step()
            else:
                sums += self.steps.validate(batch, targets, loss_weights)
        n_systems = len(systems)
        loss, terms, errors = named_sums(sums.tolist())
        accuracy = accuracy_of(errors, n_atoms=self.loader.n_atoms(systems), n_systems=n_systems)
        return _Pass(accuracy, loss / n_systems, {name: value / n_systems for name, value in terms.items()})

    def _copy_weights(self) -> dict[str, Tensor]:
        state = self.potential.state_dict()
        return {name: value.detach().clone() for name, value in state.items() if isinstance(value, Tensor)}

    def save(self, path: Path) -> None:
        """Write a checkpoint."""
        live = {name: getattr(self.state, name) for name in ("epoch", "best_weights", "plateau", "curve", "train_s")}
        Checkpoint(weights=self._copy_weights(), optimizer=self._optimizer.state_dict(), **live).save(path)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Continue from a checkpoint."""
        self._set_weights(checkpoint.weights)
        self._optimizer.load_state_dict(checkpoint.optimizer)
        self.state = checkpoint

    def use_best_weights(self) -> None:
        """Give the potential the weights of its best epoch."""
        self._set_weights(self.state.best_weights)

    def _set_weights(self, weights: dict[str, Tensor]) -> None:
        with torch.no_grad():
            for name, value in self.potential.state_dict().items():
                if isinstance(value, Tensor):
                    value.copy_(weights[name])


def fit(
    potential: Potential,
    loader: FrameLoader,
    split: Split,
    weights: LossWeights,
    settings: TrainingSettings,
    *,
    seed: int,
    checkpoint: Path | None = None,
    on_epoch: Callable[[CurvePoint], None] | None = None,
    save_at: Collection[int] = (),
    epoch_guard: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> FitResult:
    """Train a potential; it ends with the weights of its best epoch by validation loss.

    Two fits with one seed see the same batches in the same order whatever the weights of the loss.

    Args:
        potential: Network with its initial weights; changed in place.
        loader: Frames with targets.
        split: Frames to train and to validate on.
        weights: Loss weights, unless the settings hold a schedule.
        settings: Epochs, batch size, patience.
        seed: Of the order of the frames.
        checkpoint: File that is continued from if it exists, and written every settings.checkpoint_every_s.
        on_epoch: Called after each epoch, also for those before a continuation.
        save_at: Epochs after which the checkpoint is written as well, before on_epoch is called.
        epoch_guard: Entered for the length of each epoch.

    Returns:
        How it ended; a non-finite loss is status `diverged`, not an error.
    """
    trainer = Trainer(potential, loader, split, weights, settings, seed)
    stored = read_checkpoint(checkpoint, potential.device) if checkpoint else None
    if stored is not None:
        trainer.restore(stored)
        for point in stored.curve:
            if on_epoch:
                on_epoch(point)
    saved_at = time.monotonic()
    while not trainer.is_over():
        try:
            with epoch_guard():
                point = trainer.run_epoch()
        except TrainingDiverged as error:
            state = trainer.state
            return FitResult("diverged", error.epoch, state.plateau.best_epoch, state.curve, state.train_s)
        is_due = time.monotonic() - saved_at >= settings.checkpoint_every_s or point.epoch in save_at
        if checkpoint and is_due:
            trainer.save(checkpoint)
            saved_at = time.monotonic()
        if on_epoch:
            on_epoch(point)
    trainer.use_best_weights()
    state = trainer.state
    return FitResult("complete", state.epoch, state.plateau.best_epoch, state.curve, state.train_s)


def _curve_point(
    epoch: int, train: _Pass, valid: _Pass, learning_rate: float, weights: LossWeights, seconds: float
) -> CurvePoint:
    return CurvePoint(
        epoch=epoch,
        train_force_rmse_ev_per_ang=train.accuracy.force_rmse_ev_per_ang,
        train_energy_rmse_ev_per_atom=train.accuracy.energy_rmse_ev_per_atom,
        valid_force_rmse_ev_per_ang=valid.accuracy.force_rmse_ev_per_ang,
        valid_energy_rmse_ev_per_atom=valid.accuracy.energy_rmse_ev_per_atom,
        train_loss=train.loss,
        valid_loss=valid.loss,
        learning_rate=learning_rate,
        seconds=seconds,
        **{f"train_loss_{name}": value for name, value in train.terms.items()},
        **weights.model_dump(),
    )
