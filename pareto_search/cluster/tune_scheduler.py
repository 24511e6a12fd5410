"""The scheduler by which Tune ends stints at rungs; Ray ships none for several objectives."""

import logging

from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from pareto_search.cluster.tune_searcher import StudySearch

logger = logging.getLogger(__name__)


class RungScheduler(FIFOScheduler):
    """Runs trials in the order in which the searcher hands them out, and ends a stint where the searcher says so.

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
