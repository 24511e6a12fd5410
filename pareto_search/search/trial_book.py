"""The trials of a search: what they learned and came to, kept in a ledger as it happens."""

import math
from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import Any

from pareto_search.config import SearchSettings
from pareto_search.search.budget import Budget
from pareto_search.search.ledger import N_BEFORE, N_EPOCHS, ORIGIN, PAUSED, SEED_POINT, KeptTrial, Ledger
from pareto_search.search.messages import IS_FINAL, N_TRAINED_EPOCHS, EndStatus, TrialEnd
from pareto_search.search.proposing import SeenTrial
from pareto_search.search.rungs import ParetoRungs
from pareto_search.search.search_trial import SearchTrial
from pareto_search.search.space import to_features

_WORKER_DIED = (
    "its worker process died (out of memory, killed, or its machine lost); Ray's account is in the trial's error.txt "
    "below the run's ray folder"
)


class TrialBook:
    """All trials of a search, those of earlier runs included.

    Args:
        ledger: Where they are kept.
        settings: Settings of the search.
        on_end: Called with every trial that ends, before it is written to the ledger.
        reference: Reference point of the hypervolume; None: beyond the worst trial so far.
        rungs: The pruning rule; omitted: that of the settings.

    Attributes:
        n_open: Of them that have not ended.
        rungs: The pruning rule, with the trials that wait.
        leftovers: Trials that an earlier run left in the middle.
        seed_points: Indices of the user's points that have been begun.
    """

    def __init__(
        self,
        ledger: Ledger,
        settings: SearchSettings,
        on_end: Callable[[TrialEnd], None],
        *,
        reference: Sequence[float] | None = None,
        rungs: ParetoRungs | None = None,
    ) -> None:
        self._ledger = ledger
        self._settings = settings
        self._learned = tuple(objective for objective in settings.objective_list if objective.is_learned)
        self.on_end = on_end
        self.budget = Budget(settings, ledger.seconds, reference=reference)
        factor = settings.pruning.reduction_factor if settings.pruning else 2
        self.rungs = rungs or ParetoRungs(settings.rungs, factor, settings.objective_list)
        self.trials: dict[int, SearchTrial] = {}
        self.n_open = 0
        self.leftovers: list[int] = []
        kept = ledger.trials()
        self.seed_points = {trial.attributes.get(SEED_POINT) for trial in kept}
        self._take_up(kept)

    def _take_up(self, kept: list[KeptTrial]) -> None:
        """Learn from the trials of earlier runs; those left running are made ready, or wait as they did."""
        for trial in kept:
            self._learn(trial)
        ended = [t for t in kept if t.status not in (None, "infeasible") and ORIGIN not in t.attributes]
        # Not by the time at which they ended: clocks are set back.
        for trial in sorted(ended, key=lambda t: t.attributes.get(N_BEFORE, t.number)):
            self.budget.n_epochs += trial.attributes.get(N_EPOCHS, 0)
            self.budget.trial_ended(trial.values, is_pruned=trial.status == "pruned")
        for trial in kept:
            known = self.trials[trial.number]
            if not known.is_open:
                continue
            self.n_open += 1
            self.budget.n_epochs += known.n_epochs
            waits_at = trial.attributes.get(PAUSED)
            if waits_at in known.reached:
                self.rungs.pause(trial.number, waits_at)
            else:
                self.leftovers.append(trial.number)

    def _learn(self, trial: KeptTrial) -> None:
        """Give samplers and rungs what they need of a trial that an earlier run began."""
        known = SearchTrial.of_earlier_run(trial, self._settings.caps)
        self.trials[trial.number] = known
        if known.costs is None:
            return
        for epoch in sorted(known.reached.keys() & set(self.rungs.epochs)):
            self.record_rung(known, epoch, known.reached[epoch])
            if epoch != trial.attributes.get(PAUSED):
                self.rungs.passed(trial.number, epoch)
        if trial.values is not None:
            self.rungs.finish(trial.number, dict(zip(self._settings.objectives, trial.values, strict=True)))

    def begin(self, params: dict[str, Any], attributes: Mapping[str, Any]) -> SearchTrial:
        """Begin a trial, with attributes for the ledger."""
        handle = self._ledger.begin(params, attributes)
        self.n_open += 1
        self.trials[handle.number] = SearchTrial(handle.number, params, handle)
        return self.trials[handle.number]

    def learned(self, result: Mapping[str, Any]) -> dict[str, float] | None:
        """A report's values of the objectives that are learned, by column; None if it is not all finite."""
        found = {objective.column: result[objective.column] for objective in self._learned}
        return {name: float(value) for name, value in found.items()} if all(map(is_finite, found.values())) else None

    def record_rung(self, trial: SearchTrial, epoch: int, learned: Mapping[str, float]) -> None:
        """Pass on to the rungs what a trial has learned at one of them.

        Args:
            trial: The trial.
            epoch: Of the rung.
            learned: Values by column.
        """
        assert trial.costs is not None, "nothing is trained before its costs are known"
        features = to_features(self._settings.space, trial.params)
        self.rungs.record(trial.number, epoch, learned, trial.costs, features)

    def seen(self) -> list[SeenTrial]:
        """All trials, with what they learned or are forecast to; refused ones with the worst of it."""
        forecasts = self.rungs.forecasts()
        worst = {}
        for objective in self._learned if forecasts else ():
            worse = max if objective.direction == "minimize" else min
            worst[objective.column] = worse(learned[objective.column] for learned in forecasts.values())
        names = self._settings.objectives
        return [
            trial.as_seen(forecasts.get(number, (worst or None) if trial.violation > 0 else None), names)
            for number, trial in self.trials.items()
        ]

    def verdict(self, trial: SearchTrial, result: Mapping[str, Any], has_crashed: bool) -> tuple[EndStatus, str | None]:
        """How a trial has ended, by its last result, and why.

        Args:
            trial: The trial.
            result: Its last report.
            has_crashed: Whether its worker was lost.
        """
        if has_crashed or trial.failure is not None:
            return "failed", trial.failure or _WORKER_DIED
        if not result.get(IS_FINAL):
            return "failed", "it was stopped before its final result"
        named = ((name, result.get(name)) for name in self._settings.objectives)
        unusable = [f"{name} is {value}" for name, value in named if not is_finite(value)]
        return ("failed", ", ".join(unusable)) if unusable else ("complete", None)

    def end(self, trial: SearchTrial, status: EndStatus, reason: str | None, result: Mapping[str, Any]) -> None:
        """End a trial, with the result of its last stint.

        Args:
            trial: The trial.
            status: How it ended.
            reason: Why, unless it is complete.
            result: Its last report.
        """
        number, is_complete = trial.number, status == "complete"
        self.budget.n_epochs += trial.trained_until(int(result.get(N_TRAINED_EPOCHS) or 0))
        # First, so that a trial which has ended in the ledger has its record whenever the driver dies.
        self.on_end(
            TrialEnd(
                number,
                status,
                reason,
                dict(trial.params),
                cost_key=trial.costs.key if trial.costs else "",
                epoch=result.get("epoch", trial.n_epochs),
                result=dict(result) if is_complete else None,
            )
        )
        values = {name: float(result[name]) for name in self._settings.objectives} if is_complete else None
        kept = list(values.values()) if values else None
        trial.end(status, reason, n_ended_before=self.budget.n_ended, model_ids=result.get("model_ids"), values=kept)
        self.n_open -= 1
        if values:
            self.rungs.finish(number, values)
        if status != "infeasible":
            self.budget.trial_ended(kept, is_pruned=status == "pruned")
        self.note_time()

    def note_time(self) -> None:
        """Keep the time that the search has run."""
        self._ledger.note_seconds(self.budget.seconds)


def is_finite(value: object) -> bool:
    """Whether a value is a number and finite."""
    return isinstance(value, Real) and math.isfinite(value)
