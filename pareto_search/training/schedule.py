"""What changes over the epochs: loss weights by table, learning rate and end of training by plateau."""

from dataclasses import dataclass, replace
from typing import Self

from pareto_search.config import LossWeights, TrainingSettings


def weights_at(epoch: int, weights: LossWeights, settings: TrainingSettings) -> LossWeights:
    """The loss weights in force in an epoch (from 1): the network's own, or the schedule's row.

    Args:
        epoch: From 1.
        weights: The network's own.
        settings: With the schedule, if there is one.
    """
    current = weights
    for row in settings.schedule:
        if row.epoch <= epoch:
            current = LossWeights.model_validate(row.model_dump(exclude={"epoch"}))
    return current


@dataclass(frozen=True)
class Plateau:
    """Progress of the validation loss.

    Attributes:
        learning_rate: In force.
        best_loss: Lowest validation loss under the current loss weights.
        best_epoch: Its epoch; 0 before the first.
        n_epochs_flat: Epochs since the last gain or the last cut of the learning rate.
    """

    learning_rate: float
    best_loss: float = float("inf")
    best_epoch: int = 0
    n_epochs_flat: int = 0

    def after(self, epoch: int, valid_loss: float, settings: TrainingSettings) -> Self:
        """The state after an epoch: a new best, or one more flat epoch and perhaps a lower learning rate.

        Args:
            epoch: That has ended.
            valid_loss: Its validation loss.
            settings: Patience and factor.
        """
        if valid_loss < self.best_loss:
            return replace(self, best_loss=valid_loss, best_epoch=epoch, n_epochs_flat=0)
        if self.n_epochs_flat + 1 > settings.plateau_patience:
            return replace(self, learning_rate=self.learning_rate * settings.plateau_factor, n_epochs_flat=0)
        return replace(self, n_epochs_flat=self.n_epochs_flat + 1)

    def restarted(self, epoch: int) -> Self:
        """The state when the loss weights change before an epoch: losses before and after cannot be compared."""
        return replace(self, best_loss=float("inf"), best_epoch=epoch - 1, n_epochs_flat=0)

    def is_over(self, epoch: int, settings: TrainingSettings) -> bool:
        """Whether training ends after this epoch for want of gain; never before the schedule's last row."""
        last_row = settings.schedule[-1].epoch if settings.schedule else 1
        return epoch >= last_row and epoch - self.best_epoch >= settings.termination_patience
