"""What happens while Tune runs: log lines, results handed on, Ctrl-C, and Tune's own voice turned down."""

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

from ray import tune
from ray.tune.experiment import Trial
from ray.tune.progress_reporter import TrialProgressCallback

from pareto_search.cluster.tune_private import lean_controller
from pareto_search.objectives import Objective
from pareto_search.search.messages import FAILURE, TrialEnd
from pareto_search.search.stop import Stop

logger = logging.getLogger(__name__)

_ENVIRONMENT = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # results are kept by the study and the store
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # Tune's would swallow Ctrl-C, and outlive the search
    "RAY_AIR_NEW_OUTPUT": "0",  # the new output prints a table even in silent mode
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",  # the run's log has the reason, Ray's the traceback
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    # its warning that nothing starts fails while no trial exists, as when the first costs take long
    "TUNE_WARN_INSUFFICENT_RESOURCE_THRESHOLD_S": "inf",
    "TUNE_WARN_INSUFFICENT_RESOURCE_THRESHOLD_S_AUTOSCALER": "inf",
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000",  # its snapshots are never read: a search resumes from its study
}


class StopAll(tune.Stopper):
    """Ends the experiment once there is a reason to stop."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop

    def __call__(self, trial_id: str, result: dict[str, object]) -> bool:
        """No trial is ended for itself."""
        return False

    def stop_all(self) -> bool:
        """Whether all end."""
        return self._stop.error is not None


class Events(TrialProgressCallback):
    """Logs the start of trials, hands results on, and lets no trial that failed by its own fault be retried.

    It takes the place of the callback that Tune would add for its own log, and which remembers every trial.
    """

    def __init__(self, stop: Stop, on_result: Callable[[dict[str, object]], None] | None) -> None:
        self._stop = stop
        self._on_result = on_result
        self._begun: set[int] = set()

    def __getstate__(self) -> dict[str, object]:
        """Nothing: Tune pickles its callbacks into a snapshot that is never read, and handlers may hold open files."""
        return {}

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: object) -> None:
        """Log it, the first time with its parameters."""
        number = trial.config["trial_number"]
        if number in self._begun:
            logger.info("trial %d: goes on", number)
            return
        self._begun.add(number)
        params = {name: value for name, value in trial.config.items() if name != "trial_number"}
        shown = ", ".join(f"{n}={v:.4g}" if isinstance(v, float) else f"{n}={v}" for n, v in params.items())
        logger.info("trial %d: started, %s", number, shown)

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, object], **info: Any
    ) -> None:
        """Hand it on."""
        if FAILURE in result:
            trial.max_failures = 0
        elif self._on_result is not None and self._stop.error is None:
            with self._stop.on_error():
                self._on_result({**result, "trial_number": trial.config["trial_number"]})

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: object) -> None:
        """Print nothing: the searcher stores how the trial ended."""

    on_trial_error = on_trial_complete

    def on_trial_recover(self, iteration: int, trials: list[Trial], trial: Trial, **info: object) -> None:
        """Log that a trial starts again."""
        logger.warning("trial %d: its worker or machine was lost, tried again", trial.config["trial_number"])


def log_end(end: TrialEnd, objectives: Sequence[Objective]) -> None:
    """One line on a trial that has ended."""
    if end.result is not None:
        values = ", ".join(objective.text(end.result[objective.column]) for objective in objectives)
        logger.info("trial %d: complete, on validation %s", end.number, values)
    else:
        logger.info("trial %d: %s, %s", end.number, end.status, end.reason)


@contextmanager
def interruptible(stop: Stop) -> Iterator[None]:
    """Turn the first Ctrl-C into an orderly stop; the second acts at once. Signal handlers are put back."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    old = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)}

    def interrupt(number: int, frame: FrameType | None) -> None:
        logger.info("search: interrupted, stopping the running trials (again to stop at once)")
        stop.because(KeyboardInterrupt())
        signal.signal(number, old[signal.Signals(number)])

    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


@contextmanager
def quiet_tune() -> Iterator[None]:
    """Silence Tune's own messages on failed and interrupted trials; the run's log has one line for each."""
    loggers = [logging.getLogger(f"ray.tune.{name}") for name in ("tune", "execution.tune_controller")]
    levels = [tune_logger.level for tune_logger in loggers]
    for tune_logger in loggers:
        tune_logger.setLevel(logging.CRITICAL)
    try:
        with _environment(_ENVIRONMENT), lean_controller():
            yield
    finally:
        for tune_logger, level in zip(loggers, levels, strict=True):
            tune_logger.setLevel(level)


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    old = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in old.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
