"""Ray Tune's Optuna searcher, made honest: every trial ends as COMPLETE, PRUNED or FAIL, and none is lost."""

import math
from collections import deque
from collections.abc import Mapping
from numbers import Real
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState
from ray.tune.search.optuna import OptunaSearch

from pareto_search.config import SearchSettings
from pareto_search.records import OBJECTIVES
from pareto_search.search.optuna_study import live_trial, make_sampler
from pareto_search.search.space import distributions

#: Key of a result that holds the reason why the trial is about to fail, and of one that is the trial's last.
FAILURE, IS_FINAL = "failure", "is_final"

_WORKER_DIED = (
    "its worker process died (out of memory, killed, or its machine lost); Ray's account is in the trial's error.txt "
    "below the run's ray folder"
)


class StudySearch(OptunaSearch):
    """Suggests trials of a study to Tune and tells the study how they ended.

    Differs from its base class, which asks and tells only:

    - A trial fails on an error, and on an objective that is missing or not finite; a trial that a scheduler stopped
      before its final result is PRUNED; so none is left RUNNING, and no early result counts as a final one.
    - Trials left by an interrupted run are handed out first, with their numbers and parameters.
    - Every trial is drawn with fresh random numbers (`make_sampler`).
    - The suggestion holds the Optuna trial number as `trial_number`; the trial's user attributes hold `status`,
      `reason` and the final result's `model_ids`.

    Args:
        study: The study; opened and closed by the caller.
        settings: Settings of the search.
        leftovers: Trials to hand out first (from `settle_leftovers`).
    """

    def __init__(self, study: optuna.Study, settings: SearchSettings, leftovers: list[FrozenTrial]) -> None:
        self._settings = settings
        self._leftovers = deque(leftovers)
        self._study = study
        self._trials: dict[str, Trial] = {}
        self._failures: dict[str, str] = {}
        self._ended: dict[str, tuple[str, str | None]] = {}
        super().__init__(
            space=distributions(settings.space),
            metric=[objective.name for objective in OBJECTIVES],
            mode=["min" if objective.direction == "minimize" else "max" for objective in OBJECTIVES],
            study_name=study.study_name,
        )

    def _setup_study(self, mode: str | list[str]) -> None:
        """Use the caller's study where the base class would open one."""
        self._ot_study = self._study

    def suggest(self, trial_id: str) -> dict[str, Any]:
        """Parameters of the next trial, with its `trial_number`."""
        if self._leftovers:
            trial = live_trial(self._study, self._leftovers.popleft().number)
        else:
            self._study.sampler = make_sampler(self._settings, len(self._study.get_trials(deepcopy=False)))
            trial = self._study.ask(fixed_distributions=distributions(self._settings.space))
        self._trials[trial_id] = trial
        return {**trial.params, "trial_number": trial.number}

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Remember a failure that the worker announces; Optuna keeps no intermediate values of several objectives."""
        if result.get(FAILURE):
            self._failures[trial_id] = str(result[FAILURE])

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Tell the study how a trial ended."""
        if trial_id in self._ended or trial_id not in self._trials:
            return
        trial = self._trials[trial_id]
        state, reason = self._verdict(trial_id, result or {}, error)
        status = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned"}.get(state, "failed")
        attributes = {"status": status, "reason": reason, "model_ids": (result or {}).get("model_ids")}
        for name, value in attributes.items():
            if value is not None:
                trial.set_user_attr(name, value)
        values = _objectives(result or {}) if state is TrialState.COMPLETE else None
        self._study.tell(trial.number, values, state=state)
        self._ended[trial_id] = status, reason

    def trial_number(self, trial_id: str) -> int:
        """Optuna's number of a Tune trial."""
        return self._trials[trial_id].number

    def end_of(self, trial_id: str) -> tuple[str, str | None]:
        """Status (complete, pruned, failed) of a trial that has ended, and the reason where it is not complete."""
        return self._ended[trial_id]

    def save(self, checkpoint_path: str) -> None:
        """Save nothing: the study is the state, and a search is resumed from it rather than from Tune's snapshot."""
        Path(checkpoint_path).write_bytes(b"")

    def restore(self, checkpoint_path: str) -> None:
        """Refuse: see `save`."""
        raise NotImplementedError("a search is resumed from its Optuna study")

    def _verdict(self, trial_id: str, result: Mapping[str, Any], error: bool) -> tuple[TrialState, str | None]:
        if error or trial_id in self._failures:
            return TrialState.FAIL, self._failures.get(trial_id, _WORKER_DIED)
        if not result.get(IS_FINAL):
            return TrialState.PRUNED, "stopped by the scheduler"
        unusable = [f"{name} is {value}" for name, value in _named_objectives(result) if not _is_finite(value)]
        return (TrialState.FAIL, ", ".join(unusable)) if unusable else (TrialState.COMPLETE, None)


def _named_objectives(result: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(objective.name, result.get(objective.name)) for objective in OBJECTIVES]


def _objectives(result: Mapping[str, Any]) -> list[float]:
    return [float(value) for _, value in _named_objectives(result)]


def _is_finite(value: Any) -> bool:
    return isinstance(value, Real) and math.isfinite(value)
