"""When a search ends: trials, trained epochs, hours, or no more gain."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pareto_search.analysis.front import RunningFront
from pareto_search.config import SearchSettings

#: The hypervolume has grown if it is larger by more than this part of itself.
_GROWTH = 1e-3


@dataclass
class Budget:
    """What a search has used of what its settings allow.

    Attributes:
        settings: The limits.
        seconds_before: Time that earlier runs of the search took.
        clock: Seconds that only rise.
        reference: Reference point of the hypervolume; None: beyond the worst trial so far.
        n_ended: Trials that have ended, pruned and failed ones included, refused ones not.
        n_epochs: Epochs that networks of the search were trained for.
        front: Complete trials that no other one dominates.
    """

    settings: SearchSettings
    seconds_before: float = 0.0
    clock: Callable[[], float] = time.monotonic
    reference: Sequence[float] | None = None

    def __post_init__(self) -> None:
        self._started = self.clock()
        self.n_ended = self.n_epochs = self._n_without_gain = 0
        self.front = RunningFront(self.settings.objective_list, self.reference)

    @property
    def seconds(self) -> float:
        """Time of the search, earlier runs included."""
        return self.seconds_before + self.clock() - self._started

    def trial_ended(self, values: Sequence[float] | None, *, is_pruned: bool = False) -> None:
        """Count a trial.

        Args:
            values: Objectives of a complete one.
            is_pruned: Whether it was given up for others, which is no news of the hypervolume.
        """
        self.n_ended += 1
        self._n_without_gain += not is_pruned
        if values is not None and self.front.add(values) > _GROWTH * self.front.volume:
            self._n_without_gain = 0

    def n_trials_left(self, n_open: int) -> int | None:
        """How many trials may still be begun, beside those open now; None: any number."""
        if self.settings.n_trials is None:
            return None
        return max(0, self.settings.n_trials - self.n_ended - n_open)

    def why_over(self) -> str | None:
        """Why nothing more may be begun, in words; None while it may."""
        settings = self.settings
        if settings.max_trained_epochs is not None and self.n_epochs >= settings.max_trained_epochs:
            return f"{self.n_epochs} epochs have been trained (search.max_trained_epochs)"
        if settings.max_hours is not None and self.seconds >= 3600 * settings.max_hours:
            return f"it has run for {self.seconds / 3600:.2f} h (search.max_hours)"
        if settings.stop_without_gain is not None and self._n_without_gain >= settings.stop_without_gain:
            return f"the hypervolume has not grown for {self._n_without_gain} trials (search.stop_without_gain)"
        return None
