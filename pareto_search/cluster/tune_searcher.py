"""The searcher and scheduler of Tune: its names on one side, the search's dispatcher on the other."""

import logging
from collections.abc import Mapping
from pathlib import Path

from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from pareto_search.cluster.jobs import Tasks
from pareto_search.errors import WriteError
from pareto_search.objectives import Objective
from pareto_search.search.dispatch import Dispatcher
from pareto_search.search.messages import ENDS_ALL, FAILURE, Costs
from pareto_search.search.stop import Stop

logger = logging.getLogger(__name__)

#: Seconds between two looks at what Tune does not wait for.
_MAX_WAIT_S = 0.1


class StudySearch(Searcher):
    """Suggests trials of a study to Tune and passes on to the dispatcher how their stints ended.

    Args:
        dispatcher: Its decisions on trials are carried out.
        objectives: What is optimised.
        cost_tasks: The dispatcher's source of costs.
        stop: Ends the search when something is wrong.
    """

    def __init__(
        self, dispatcher: Dispatcher, objectives: tuple[Objective, ...], cost_tasks: Tasks[int, Costs], stop: Stop
    ) -> None:
        super().__init__(
            metric=[objective.column for objective in objectives],  # type: ignore[arg-type]  # takes several, too
            mode=["min" if o.direction == "minimize" else "max" for o in objectives],  # type: ignore[arg-type]
        )
        self._dispatcher = dispatcher
        self._cost_tasks = cost_tasks
        self._stop = stop
        self._numbers: dict[str, int] = {}

    def suggest(  # type: ignore[override]  # it leaves FINISHED out
        self, trial_id: str
    ) -> dict[str, object] | str | None:
        """Parameters of the next trial, with its `trial_number`; None while there is none; FINISHED at the end."""
        with self._stop.on_error():
            trial = self._dispatcher.next_trial()
            if trial is not None:
                self._numbers[trial_id] = trial.number
                return {**trial.params, "trial_number": trial.number}
            if self._stop.error is None:
                if self._dispatcher.n_under_way:
                    if not self._dispatcher.n_training:  # Tune has nothing to wait for, and would call without a pause
                        self._cost_tasks.wait(_MAX_WAIT_S)
                    return None
                self._dispatcher.prune_paused()
        return Searcher.FINISHED

    def goes_on(self, trial_id: str, result: Mapping[str, object]) -> bool:
        """Whether a trial trains on after a report; its stint ends otherwise."""
        with self._stop.on_error():
            return self._dispatcher.goes_on(self._numbers[trial_id], result)
        return True  # the search is ending, and the trial with it

    def on_trial_result(self, trial_id: str, result: dict[str, object]) -> None:
        """Remember a failure that the worker announces."""
        if result.get(ENDS_ALL):
            self._stop.because(WriteError(str(result[FAILURE])))
        if result.get(FAILURE):
            self._dispatcher.announce_failure(self._numbers[trial_id], str(result[FAILURE]))

    def on_trial_complete(self, trial_id: str, result: dict[str, object] | None = None, error: bool = False) -> None:
        """Pass on to the dispatcher how a stint ended."""
        number = self._numbers.pop(trial_id, None)
        if number is None or self._stop.error is not None:
            return
        with self._stop.on_error():
            self._dispatcher.stint_ended(number, result or {}, has_crashed=error)

    def save(self, checkpoint_path: str) -> None:
        """Save nothing: the study is the state, and a search is resumed from it rather than from Tune's snapshot."""
        Path(checkpoint_path).write_bytes(b"")

    def restore(self, checkpoint_path: str) -> None:
        """Refuse: see `save`."""
        raise NotImplementedError("a search is resumed from its Optuna study")

    def __getstate__(self) -> dict[str, object]:
        """Nothing: Tune pickles its searcher into a snapshot that is never read, and the study's files stay open."""
        return {}


class RungScheduler(FIFOScheduler):
    """Ends stints at rungs: Ray ships no scheduler for several objectives.

    A paused trial is not held by Tune: it comes back from the searcher as a new one that goes on from its checkpoint.
    So pausing takes no slot and no memory, and an interrupted search needs no state of the scheduler.
    """

    def __init__(self, searcher: StudySearch) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Ray's
        self._searcher = searcher

    def on_trial_result(self, tune_controller: object, trial: Trial, result: dict[str, object]) -> str:
        """CONTINUE or STOP."""
        if self._searcher.goes_on(trial.trial_id, result):
            return TrialScheduler.CONTINUE
        logger.info("trial %d: waits at epoch %d", trial.config["trial_number"], result["epoch"])
        return TrialScheduler.STOP

    def __getstate__(self) -> dict[str, object]:
        """Nothing: Tune pickles its scheduler into a snapshot that is never read."""
        return {}
