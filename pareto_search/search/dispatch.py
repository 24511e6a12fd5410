"""Which trial a search trains next, which ones wait, go on or end.

A trial begins in the ledger with all its parameters; its costs are looked up or measured; it is refused if they are
beyond the caps, else trained. At a rung it goes on or its stint ends, and it waits in the ledger as running until it is
promoted or the search is over. Trials that an interrupted run left are taken up under their numbers.
"""

import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pareto_search.config import SearchSettings
from pareto_search.errors import ConfigError, ParetoSearchError
from pareto_search.records import Event
from pareto_search.search.ledger import SEED_POINT
from pareto_search.search.messages import IS_FINAL, Costs, EndStatus
from pareto_search.search.proposing import Exhausted, is_exhausted, propose
from pareto_search.search.search_trial import SearchTrial, broken_caps
from pareto_search.search.space import to_point
from pareto_search.search.stop import Stop
from pareto_search.search.trial_book import TrialBook

#: The search ends with an error when this many proposals in a row were refused for their costs.
_MAX_REFUSED = 50
#: The search ends with an error when this many trials in a row failed.
_MAX_FAILED = 20
#: Trials whose costs are measured before there is a slot for them, so that none stands empty meanwhile.
_N_AHEAD = 1


class CostSource(Protocol):
    """Where costs that are not known are measured."""

    def __len__(self) -> int:
        """Measurements under way."""

    def start(self, number: int, params: dict[str, object], name: str) -> None:
        """Begin to measure for a trial.

        Args:
            number: Of the trial.
            params: Its parameters.
            name: Of the measurement, in logs.
        """

    def collect(self) -> list[tuple[int, Costs | None, str | None, float]]:
        """Those that have ended: trial number, costs or None, the reason if there are none, and seconds."""


@dataclass
class Dispatcher:
    """Decides what becomes of the trials of a search.

    Attributes:
        book: The trials.
        settings: Settings of the search.
        name: Of the study.
        cost_source: Measures costs.
        stop: Whether the search must end at once.
        n_slots: How many trials fit at once.
        known_costs: Costs that need no measuring, by a trial's parameters, or None.
        note: Called with what happens to trials, as `Journal.note` is.
    """

    book: TrialBook
    settings: SearchSettings
    name: str
    cost_source: CostSource
    stop: Stop
    n_slots: Callable[[], int]
    known_costs: Callable[[Mapping[str, Any]], Costs | None] = lambda params: None
    note: Callable[[Event], None] = lambda event: None

    def __post_init__(self) -> None:
        self._rungs = self.book.rungs
        self._ready: deque[int] = deque()
        self._training: set[int] = set()
        self._n_refused = self._n_failed = 0
        self._leftovers = deque(self.book.leftovers)
        space, done = self.settings.space, self.book.seed_points
        points = enumerate(self.settings.points)
        self._points = deque((i, to_point(space, point)) for i, point in points if i not in done)

    @property
    def has_work(self) -> bool:
        """Whether a trial waits to be finished or may be begun."""
        tried = (trial.params for trial in self.book.trials.values())
        has_point = bool(self._points) or not is_exhausted(self.settings, tried)
        return self.book.n_open > 0 or (has_point and self._may_begin())

    @property
    def n_under_way(self) -> int:
        """Trials that are measured, ready or trained."""
        return self.n_training + len(self.cost_source) + len(self._ready)

    @property
    def n_training(self) -> int:
        """Trials that are trained."""
        return len(self._training)

    # --- training ---------------------------------------------------------------------------------------------------

    def next_trial(self) -> SearchTrial | None:
        """The trial that trains from now on: costs known, or paused and promoted; None while there is none."""
        self._collect_costs()
        while self._leftovers:
            self._find_costs(self.book.trials[self._leftovers.popleft()])
        while self.n_under_way < self.n_slots() + _N_AHEAD and self._begin():
            self._collect_costs()
        if self.stop.error is not None or self.n_training >= self.n_slots():
            return None
        if not self.book.budget.why_over() and (promotable := self._rungs.promotable()):
            return self.promote(promotable[0])
        return self._train(self._ready.popleft()) if self._ready else None

    def promote(self, number: int) -> SearchTrial:
        """Let a trial that waits train on."""
        self.book.trials[number].wait_at(None)
        self._rungs.resume(number)
        return self._train(number)

    def goes_on(self, number: int, result: Mapping[str, Any]) -> bool:
        """Whether a trial trains on after a report; its stint ends otherwise."""
        trial, epoch, learned = self.book.trials[number], int(result.get("epoch") or 0), self.book.learned(result)
        if result.get(IS_FINAL) or learned is None:
            return True
        self.book.budget.n_epochs += trial.trained_until(epoch)
        if epoch not in self._rungs.epochs:
            return True
        self.book.record_rung(trial, epoch, learned)
        goes_on = self._rungs.goes_on(number, epoch)
        if not goes_on:
            # Before the rung itself is noted: a rung without this note counts as passed in the next run.
            trial.wait_at(epoch)
            self.book.note_time()
        trial.reach(epoch, learned)
        if goes_on:
            self._rungs.passed(number, epoch)
        else:
            self._rungs.pause(number, epoch)
            self.note(Event("paused", trial_id=number, epoch=epoch, text=self._why_paused(epoch)))
        return goes_on

    def announce_failure(self, number: int, reason: str) -> None:
        """Remember why a trial is about to fail."""
        self.book.trials[number].failure = reason

    def stint_ended(self, number: int, result: Mapping[str, Any], *, has_crashed: bool = False) -> None:
        """Take in the end of a stint: the trial is complete, failed, or waits at its rung.

        Args:
            number: Of the trial.
            result: Its last report.
            has_crashed: Whether its worker was lost.
        """
        self._training.discard(number)
        if number not in self._rungs.paused:
            trial = self.book.trials[number]
            self._end(trial, *self.book.verdict(trial, result, has_crashed), result)

    def prune_paused(self) -> None:
        """The search is over: give up what waits."""
        for number, epoch in sorted(self._rungs.paused.items()):
            if self.stop.error is not None:  # Ctrl-C: the next run goes on with the rest
                return
            self._end(self.book.trials[number], "pruned", self._why_paused(epoch), {})
        self._rungs.paused.clear()

    def _train(self, number: int) -> SearchTrial:
        trial = self.book.trials[number]
        self._training.add(number)
        self.note(Event("training", trial_id=number, epoch=trial.n_epochs))
        return trial

    def _why_paused(self, epoch: int) -> str:
        return f"not among the best 1/{self._rungs.reduction_factor} at epoch {epoch}"

    # --- beginning --------------------------------------------------------------------------------------------------

    def _may_begin(self) -> bool:
        budget = self.book.budget
        return budget.why_over() is None and budget.n_trials_left(self.book.n_open) != 0

    def _begin(self) -> bool:
        """Begin one more trial, unless the search is over; its costs come first."""
        if not self._may_begin():
            return False
        attributes: dict[str, Any] = {}
        if self._points:
            attributes[SEED_POINT], params = self._points.popleft()
        else:
            try:
                params = propose(self.settings, self.book.seen(), len(self.book.trials))
            except Exhausted:
                return False
        trial = self.book.begin(params, attributes)
        self.note(Event("trial_began", trial_id=trial.number, text=json.dumps(params)))
        self._find_costs(trial)
        return True

    def _find_costs(self, trial: SearchTrial) -> None:
        params = dict(trial.params)
        known = trial.costs or self.known_costs(params)
        if known is None:
            self.cost_source.start(trial.number, params, f"{self.name}-costs-{trial.number:04d}")
        else:
            self._costs_came(trial, known)

    def _collect_costs(self) -> None:
        for number, costs, reason, seconds in self.cost_source.collect():
            if costs is None:
                self._end(self.book.trials[number], "failed", f"its costs could not be measured: {reason}", {})
            else:
                self._costs_came(self.book.trials[number], costs, seconds)

    def _costs_came(self, trial: SearchTrial, costs: Costs, seconds: float | None = None) -> None:
        """Train the trial next or refuse it; the seconds are those that its costs took to measure, if they were."""
        self.note(Event("costs_known", trial_id=trial.number, seconds=seconds))
        trial.know_costs(costs, self.settings.caps)
        broken = broken_caps(costs, self.settings.caps)
        if not broken:
            self._n_refused = 0
            self._ready.append(trial.number)
            return
        trial.refuse()
        self._end(trial, "infeasible", "beyond search.caps: " + ", ".join(broken), {})
        self._n_refused += 1
        if self._n_refused == _MAX_REFUSED:
            raise ConfigError(
                f"{_MAX_REFUSED} architectures in a row were beyond search.caps, the last with {', '.join(broken)}; "
                "raise the caps or move search.space to smaller networks"
            )

    def _end(self, trial: SearchTrial, status: EndStatus, reason: str | None, result: Mapping[str, Any]) -> None:
        """End a trial, and a search in which nothing works, whatever its budget."""
        self.book.end(trial, status, reason, result)
        self._n_failed = self._n_failed + 1 if status == "failed" else 0
        if self._n_failed == _MAX_FAILED:
            raise ParetoSearchError(f"{_MAX_FAILED} trials in a row failed, the last because: {reason}")
