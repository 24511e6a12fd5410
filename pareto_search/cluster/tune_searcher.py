"""The searcher that Tune asks for trials: costs first, then training, and an end for every trial in the study."""

import json
import math
from collections import deque
from collections.abc import Callable, Mapping
from numbers import Real
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState
from ray.tune.search import Searcher

from pareto_search.cluster.cost_tasks import CostTasks
from pareto_search.cluster.session import RememberedSlots
from pareto_search.config import SearchSettings
from pareto_search.errors import ConfigError, ParetoSearchError, WriteError
from pareto_search.journal import Note
from pareto_search.records import OBJECTIVES
from pareto_search.search.budget import Budget
from pareto_search.search.cost_caps import broken_caps
from pareto_search.search.messages import (
    ENDS_ALL,
    FAILURE,
    IS_FINAL,
    N_TRAINED_EPOCHS,
    Costs,
    EndStatus,
    TrialEnd,
)
from pareto_search.search.optuna_study import (
    N_BEFORE,
    N_EPOCHS,
    ORIGIN,
    PAUSED,
    SECONDS,
    SEED_POINT,
    points_to_try,
    status_of,
)
from pareto_search.search.proposing import Exhausted, SeenTrial, is_exhausted, propose
from pareto_search.search.rungs import ParetoRungs
from pareto_search.search.search_trial import SearchTrial
from pareto_search.search.space import to_features
from pareto_search.search.stop import Stop

#: The search ends with an error when this many proposals in a row were refused for their costs.
_MAX_REFUSED = 50
#: The search ends with an error when this many trials in a row failed.
_MAX_FAILED = 20
#: Trials whose costs are measured before there is a slot for them, so that none stands empty meanwhile.
_N_AHEAD = 1
#: Seconds between two looks at what Tune does not wait for.
_MAX_WAIT_S = 0.1
_WORKER_DIED = (
    "its worker process died (out of memory, killed, or its machine lost); Ray's account is in the trial's error.txt "
    "below the run's ray folder"
)


class StudySearch(Searcher):
    """Suggests trials of a study to Tune and tells the study how they ended.

    A trial begins in the study with all its parameters; its costs are measured; it is refused if they are beyond the
    caps, else trained. At a rung it goes on or its stint ends, and it waits in the study as running until it is
    promoted or the search is over. Trials that an interrupted run left are taken up under their numbers.

    Args:
        study: The study; opened and closed by the caller.
        settings: Settings of the search.
        cost_tasks: Measures costs.
        on_end: Called with every trial that ends, before the study knows.
        stop: Ends the search when something is wrong.
        n_slots: How many trials fit at once.
        known_costs: Costs that need no measuring, by a trial's parameters, or None.
        note: Told what happens to trials, as `Journal.note` is.
    """

    def __init__(
        self,
        study: optuna.Study,
        settings: SearchSettings,
        cost_tasks: CostTasks,
        on_end: Callable[[TrialEnd], None],
        stop: Stop,
        n_slots: Callable[[], int],
        known_costs: Callable[[Mapping[str, object]], Costs | None] = lambda params: None,
        note: Note = lambda kind, **details: None,
    ) -> None:
        super().__init__(
            metric=[objective.name for objective in OBJECTIVES],  # type: ignore[arg-type]  # takes several, too
            mode=["min" if o.direction == "minimize" else "max" for o in OBJECTIVES],  # type: ignore[arg-type]
        )
        self._study = study
        self._settings = settings
        self._cost_tasks = cost_tasks
        self._on_end = on_end
        self._stop = stop
        self._n_slots = RememberedSlots(n_slots)
        self._known_costs = known_costs
        self._note = note
        self.budget = Budget(settings, float(study.user_attrs.get(SECONDS, 0.0)))
        self.rungs = ParetoRungs(settings.rungs, settings.pruning.reduction_factor if settings.pruning else 2)
        self._trials: dict[int, SearchTrial] = {}
        self._open: set[int] = set()
        self._ready: deque[int] = deque()
        self._numbers: dict[str, int] = {}
        self._training: set[int] = set()
        self._n_refused = self._n_failed = 0
        self._leftovers: deque[int] = deque()
        self._load()
        self._points = deque(points_to_try(study, settings))

    # --- taking up the study ----------------------------------------------------------------------------------------

    def _load(self) -> None:
        """Learn from the study's trials; those left running are made ready, or wait as they did."""
        trials = self._study.get_trials(deepcopy=False)
        for trial in trials:
            self._learn(trial)
        ended = [
            t for t in trials if t.state.is_finished() and ORIGIN not in t.user_attrs and status_of(t) != "infeasible"
        ]
        # Not by the time at which they ended: clocks are set back.
        for trial in sorted(ended, key=lambda t: t.user_attrs.get(N_BEFORE, t.number)):
            self.budget.n_epochs += trial.user_attrs.get(N_EPOCHS, 0)
            objectives = tuple(trial.values) if trial.state is TrialState.COMPLETE else None
            self.budget.trial_ended(objectives, is_pruned=trial.state is TrialState.PRUNED)
        for trial in trials:
            known = self._trials[trial.number]
            if not known.is_open:
                continue
            self._open.add(trial.number)
            self.budget.n_epochs += known.n_epochs
            waits_at = trial.user_attrs.get(PAUSED)
            if waits_at in known.reached:
                self.rungs.pause(trial.number, waits_at)
            else:
                self._leftovers.append(trial.number)

    def _learn(self, trial: FrozenTrial) -> None:
        """What samplers and rungs must know of a trial that an earlier run began."""
        known = SearchTrial.of_earlier_run(self._study, trial, self._settings.caps)
        self._trials[trial.number] = known
        if known.costs is None:
            return
        for epoch in sorted(known.reached.keys() & set(self.rungs.epochs)):
            self._record_rung(known, epoch, known.reached[epoch])
            if epoch != trial.user_attrs.get(PAUSED):
                self.rungs.passed(trial.number, epoch)
        if trial.state is TrialState.COMPLETE:
            self.rungs.finish(trial.number, trial.values[0])

    @property
    def has_work(self) -> bool:
        """Whether a trial waits to be finished or may be begun."""
        tried = (trial.params for trial in self._trials.values())
        has_point = bool(self._points) or not is_exhausted(self._settings, tried)
        return bool(self._open) or (has_point and self._may_begin())

    # --- Tune's questions -------------------------------------------------------------------------------------------

    def suggest(  # type: ignore[override]  # it leaves FINISHED out
        self, trial_id: str
    ) -> dict[str, object] | str | None:
        """Parameters of the next trial, with its `trial_number`; None while there is none; FINISHED at the end."""
        with self._stop.on_error():
            number = self._next()
            if number is not None:
                self._numbers[trial_id] = number
                self._training.add(number)
                trial = self._trials[number]
                self._note("training", trial_id=number, epoch=trial.n_epochs)
                return {**trial.params, "trial_number": number}
            if self._stop.error is None:
                if self._n_under_way:
                    if not self._training:  # Tune has nothing to wait for, and would ask without a pause
                        self._cost_tasks.wait(_MAX_WAIT_S)
                    return None
                self._prune_paused()
        return Searcher.FINISHED

    def goes_on(self, trial_id: str, result: Mapping[str, object]) -> bool:
        """Whether a trial trains on after a report; its stint ends otherwise."""
        with self._stop.on_error():
            return self._goes_on(self._trials[self._numbers[trial_id]], result)
        return True  # the search is ending, and the trial with it

    def on_trial_result(self, trial_id: str, result: dict[str, object]) -> None:
        """Remember a failure that the worker announces."""
        if result.get(ENDS_ALL):
            self._stop.because(WriteError(str(result[FAILURE])))
        if result.get(FAILURE):
            self._trials[self._numbers[trial_id]].failure = str(result[FAILURE])

    def on_trial_complete(self, trial_id: str, result: dict[str, object] | None = None, error: bool = False) -> None:
        """Tell the study how a stint ended: the trial is complete, failed, or waits at its rung."""
        number = self._numbers.pop(trial_id, None)
        if number is None or self._stop.error is not None:
            return
        with self._stop.on_error():
            self._training.discard(number)
            if number not in self.rungs.paused:
                trial = self._trials[number]
                self._end(trial, *self._verdict(trial, result or {}, error), result or {})

    def note_time(self) -> None:
        """Keep the time that the search has run."""
        with self._stop.on_error():
            self._study.set_user_attr(SECONDS, self.budget.seconds)

    def save(self, checkpoint_path: str) -> None:
        """Save nothing: the study is the state, and a search is resumed from it rather than from Tune's snapshot."""
        Path(checkpoint_path).write_bytes(b"")

    def restore(self, checkpoint_path: str) -> None:
        """Refuse: see `save`."""
        raise NotImplementedError("a search is resumed from its Optuna study")

    def __getstate__(self) -> dict[str, object]:
        """Nothing: Tune pickles its searcher into a snapshot that is never read, and the study's files stay open."""
        return {}

    # --- beginning --------------------------------------------------------------------------------------------------

    def _next(self) -> int | None:
        """The trial to train next: one whose costs are known, else a paused one that may go on; None for neither."""
        self._collect_costs()
        while self._leftovers:
            self._find_costs(self._trials[self._leftovers.popleft()])
        while self._n_under_way < self._n_slots() + _N_AHEAD and self._begin():
            self._collect_costs()
        if self._stop.error is not None or len(self._training) >= self._n_slots():
            return None
        if not self.budget.why_over() and (promotable := self.rungs.promotable()):
            self._trials[promotable[0]].go_on()
            self.rungs.resume(promotable[0])
            return promotable[0]
        return self._ready.popleft() if self._ready else None

    @property
    def _n_under_way(self) -> int:
        return len(self._training) + len(self._cost_tasks) + len(self._ready)

    def _may_begin(self) -> bool:
        return self.budget.why_over() is None and self.budget.n_trials_left(len(self._open)) != 0

    def _begin(self) -> bool:
        """Begin one more trial, unless the search is over; its costs come first."""
        if not self._may_begin():
            return False
        attributes: dict[str, object] = {}
        if self._points:
            attributes[SEED_POINT], params = self._points.popleft()
        else:
            try:
                params = propose(self._settings, self._what_samplers_see(), len(self._trials))
            except Exhausted:
                return False
        trial = SearchTrial.begin(self._study, self._settings, params, attributes)
        self._trials[trial.number] = trial
        self._open.add(trial.number)
        self._note("trial_began", trial_id=trial.number, text=json.dumps(params))
        self._find_costs(trial)
        return True

    def _find_costs(self, trial: SearchTrial) -> None:
        params = dict(trial.params)
        known = trial.costs or self._known_costs(params)
        if known is None:
            self._cost_tasks.start(trial.number, params, f"{self._study.study_name}-costs-{trial.number:04d}")
        else:
            self._costs_came(trial, known)

    def _collect_costs(self) -> None:
        for number, costs, reason, seconds in self._cost_tasks.collect():
            if costs is None:
                self._end(self._trials[number], "failed", f"its costs could not be measured: {reason}", {})
            else:
                self._costs_came(self._trials[number], costs, seconds)

    def _costs_came(self, trial: SearchTrial, costs: Costs, seconds: float | None = None) -> None:
        """Train the trial next or refuse it; the seconds are those that its costs took to measure, if they were."""
        self._note("costs_known", trial_id=trial.number, seconds=seconds)
        trial.know_costs(costs, self._settings.caps)
        broken = broken_caps(costs, self._settings.caps)
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

    def _what_samplers_see(self) -> list[SeenTrial]:
        """All trials, with measured or forecast errors; refused ones with the largest of them."""
        forecasts = self.rungs.forecasts()
        largest = max(forecasts.values(), default=None)
        return [
            trial.as_seen(forecasts.get(number, largest if trial.violation > 0 else None))
            for number, trial in self._trials.items()
        ]

    # --- training and ending ----------------------------------------------------------------------------------------

    def _goes_on(self, trial: SearchTrial, result: Mapping[str, Any]) -> bool:
        number, epoch, rmse = trial.number, int(result.get("epoch") or 0), result[OBJECTIVES[0].name]
        if result.get(IS_FINAL) or not _is_finite(rmse):
            return True
        self.budget.n_epochs += trial.trained_until(epoch)
        if epoch not in self.rungs.epochs:
            return True
        self._record_rung(trial, epoch, rmse)
        goes_on = self.rungs.goes_on(number, epoch)
        if not goes_on:
            # Before the rung itself is noted: a rung without this note counts as passed in the next run.
            trial.wait_at(epoch)
            self._study.set_user_attr(SECONDS, self.budget.seconds)
        trial.reach(epoch, float(rmse))
        if goes_on:
            self.rungs.passed(number, epoch)
        else:
            self.rungs.pause(number, epoch)
            self._note("paused", trial_id=number, epoch=epoch, text=self._why_paused(epoch))
        return goes_on

    def _record_rung(self, trial: SearchTrial, epoch: int, force_rmse: float) -> None:
        """Tell the rungs of a trial's error at one of them."""
        assert trial.costs is not None, "nothing is trained before its costs are known"
        features = to_features(self._settings.space, trial.params)
        self.rungs.record(trial.number, epoch, float(force_rmse), trial.costs, features)

    def _verdict(self, trial: SearchTrial, result: Mapping[str, object], error: bool) -> tuple[EndStatus, str | None]:
        if error or trial.failure is not None:
            return "failed", trial.failure or _WORKER_DIED
        if not result.get(IS_FINAL):
            return "failed", "it was stopped before its final result"
        unusable = [f"{name} is {value}" for name, value in _named_objectives(result) if not _is_finite(value)]
        return ("failed", ", ".join(unusable)) if unusable else ("complete", None)

    def _end(self, trial: SearchTrial, status: EndStatus, reason: str | None, result: Mapping[str, Any]) -> None:
        number, is_complete = trial.number, status == "complete"
        self.budget.n_epochs += trial.trained_until(int(result.get(N_TRAINED_EPOCHS) or 0))
        # First, so that a trial which the study knows to have ended has its record whenever the driver dies.
        self._on_end(
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
        values = [float(result[objective.name]) for objective in OBJECTIVES] if is_complete else None
        trial.end(status, reason, n_ended_before=self.budget.n_ended, model_ids=result.get("model_ids"), values=values)
        self._open.discard(number)
        if is_complete:
            self.rungs.finish(number, float(result[OBJECTIVES[0].name]))
        if status != "infeasible":
            objectives = (values[0], values[1], values[2]) if values else None
            self.budget.trial_ended(objectives, is_pruned=status == "pruned")
        self._study.set_user_attr(SECONDS, self.budget.seconds)
        self._check_failures(status, reason)

    def _check_failures(self, status: EndStatus, reason: str | None) -> None:
        """End a search in which nothing works, whatever its budget."""
        self._n_failed = self._n_failed + 1 if status == "failed" else 0
        if self._n_failed == _MAX_FAILED:
            raise ParetoSearchError(f"{_MAX_FAILED} trials in a row failed, the last because: {reason}")

    def _prune_paused(self) -> None:
        """The search is over: give up what waits."""
        for number, epoch in sorted(self.rungs.paused.items()):
            if self._stop.error is not None:  # Ctrl-C: the next run goes on with the rest
                return
            self._end(self._trials[number], "pruned", self._why_paused(epoch), {})
        self.rungs.paused.clear()

    def _why_paused(self, epoch: int) -> str:
        return f"not among the best 1/{self.rungs.reduction_factor} at epoch {epoch}"


def _named_objectives(result: Mapping[str, object]) -> list[tuple[str, object]]:
    return [(objective.name, result.get(objective.name)) for objective in OBJECTIVES]


def _is_finite(value: object) -> bool:
    return isinstance(value, Real) and math.isfinite(value)
