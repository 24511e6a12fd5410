"""Running a search on Ray Tune: the only file that knows Tune's Tuner."""

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from ray import tune
from ray.tune.experiment import Trial
from ray.tune.trainable.function_trainable import wrap_function

from pareto_search.config import ClusterSettings, SearchSettings
from pareto_search.records import OBJECTIVES
from pareto_search.search.cluster import WorkFailedError, n_slots, reason_of
from pareto_search.search.optuna_search import FAILURE, IS_FINAL, StudySearch
from pareto_search.search.optuna_study import (
    enqueue_points,
    open_optuna_study,
    remaining_trials,
    settle_leftovers,
)

logger = logging.getLogger(__name__)

Report = Callable[[dict[str, Any]], None]
TrialFunction = Callable[[Any, dict[str, Any], Report], dict[str, Any]]
OnFinished = Callable[[int, dict[str, Any] | None, str | None], None]

_ENVIRONMENT = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # results are kept by the study and the store
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # Tune's would swallow Ctrl-C, and outlive the search
    "RAY_AIR_NEW_OUTPUT": "0",  # the new output prints a table even when told to be silent
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",  # our log has the reason, Ray's the traceback
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000",  # its snapshots are never read: a search resumes from its study
}


def run_search(
    *,
    settings: SearchSettings,
    cluster: ClusterSettings,
    study_name: str,
    study_db: Path,
    storage_dir: Path,
    shared: Any,
    trial: TrialFunction,
    on_finished: OnFinished,
    on_result: Callable[[dict[str, Any]], None] | None = None,
    scheduler: Any = None,
    join_ray: Callable[[], None] = lambda: None,
) -> None:
    """Run the trials that a study still lacks.

    A failed trial does not end the search. After an interruption the same call goes on: trials that were running
    are run again under their numbers.

    Args:
        settings: Space, sampler and number of trials.
        cluster: What a trial needs.
        study_name: Name of the study in the database, of Tune's experiment, and of its trials in the dashboard.
        study_db: Optuna's database.
        storage_dir: Tune's scratch.
        shared: What every trial reads; put into Ray's object store once, its NumPy arrays are not copied.
        trial: Called in a worker with `shared`, the parameters (with `trial_number`) and a function that reports a
            result; every report, and the dict it returns, holds the three objectives.
        on_finished: Called here with the trial's number, its final result or None, and the reason if it failed.
        on_result: Called here with every report, which has the `trial_number` added.
        scheduler: Tune scheduler that may stop trials early; omitted: none does.
        join_ray: Called once there is a trial to run; omitted: Ray is running already.

    Raises:
        KeyboardInterrupt: On Ctrl-C, after the running trials were stopped.
        Exception: What on_finished or on_result raised; the search is stopped first.
    """
    with open_optuna_study(study_db, study_name) as study:
        leftovers = settle_leftovers(study, settings)
        enqueue_points(study, settings)
        n_remaining = remaining_trials(study, settings.n_trials)
        logger.info("search: %d trials wanted, %d to run", settings.n_trials, n_remaining)
        if n_remaining == 0:
            return
        join_ray()
        searcher = StudySearch(study, settings, leftovers)
        stop = _StopAll()
        tuner = tune.Tuner(
            _trainable(trial, shared, cluster),
            tune_config=tune.TuneConfig(
                search_alg=searcher,
                scheduler=scheduler,
                num_samples=n_remaining,
                max_concurrent_trials=n_slots(cluster),
                trial_name_creator=_NameTrials(study_name),
                trial_dirname_creator=_NameTrials(study_name),
            ),
            run_config=tune.RunConfig(
                name=study_name,
                storage_path=str(storage_dir),
                callbacks=[_Driver(searcher, stop, on_finished, on_result)],
                stop=stop,
                failure_config=tune.FailureConfig(max_failures=0),
                verbose=0,
            ),
        )
        with _environment(_ENVIRONMENT), _quiet_tune(), _interruptible(stop):
            tuner.fit()
        if stop.error is not None:
            raise stop.error


def _trainable(trial: TrialFunction, shared: Any, cluster: ClusterSettings) -> Any:
    """The trial as Tune wants it: a class whose actors carry the trial's name in the dashboard."""

    def run(config: dict[str, Any], shared: Any) -> None:
        _run_in_worker(trial, shared, config)

    resources = {"cpu": cluster.cpus_per_trial, "gpu": cluster.gpus_per_trial}
    needed = {kind: amount for kind, amount in resources.items() if amount}
    function = tune.with_resources(tune.with_parameters(run, shared=shared), needed)

    class NetworkTrial(wrap_function(function)):  # type: ignore[misc]
        def __repr__(self) -> str:
            return str(self.trial_name)

    NetworkTrial.__qualname__ = NetworkTrial.__name__
    return NetworkTrial


def _run_in_worker(trial: TrialFunction, shared: Any, config: dict[str, Any]) -> None:
    """Run one trial; Tune hears of its failure in a report, because it would tell the searcher no reason."""

    def report(result: dict[str, Any]) -> None:
        missing = [objective.name for objective in OBJECTIVES if objective.name not in result]
        if missing:
            raise ValueError(f"every report of a trial holds the three objectives; missing {missing}")
        tune.report(result)

    try:
        final = trial(shared, dict(config), report)
        report({**final, IS_FINAL: True})
    except Exception as error:
        reason = reason_of(error)
        tune.report({**dict.fromkeys((objective.name for objective in OBJECTIVES), float("nan")), FAILURE: reason})
        raise WorkFailedError(reason) from error


class _NameTrials:
    """Names trials after study and number, such as quickstart-trial-0007."""

    def __init__(self, study_name: str) -> None:
        self._study_name = study_name

    def __call__(self, trial: Trial) -> str:
        return f"{self._study_name}-trial-{trial.config['trial_number']:04d}"


class _StopAll(tune.Stopper):
    """Ends the experiment once an error is set; trials that run then are neither pruned nor failed."""

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        return self.error is not None


class _Driver(tune.Callback):
    """Logs what happens and hands it on; an error in a handler stops the search and is raised by `run_search`."""

    def __init__(
        self,
        searcher: StudySearch,
        stop: _StopAll,
        on_finished: OnFinished,
        on_result: Callable[[dict[str, Any]], None] | None,
    ) -> None:
        self._searcher = searcher
        self._stop = stop
        self._on_finished = on_finished
        self._on_result = on_result

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its callbacks into a snapshot that is never read, and handlers may hold open files."""
        return {}

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        params = {name: value for name, value in trial.config.items() if name != "trial_number"}
        shown = ", ".join(f"{n}={v:.4g}" if isinstance(v, float) else f"{n}={v}" for n, v in params.items())
        logger.info("trial %d: started, %s", trial.config["trial_number"], shown)

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        if self._on_result is not None and FAILURE not in result:
            self._guarded(self._on_result, {**result, "trial_number": trial.config["trial_number"]})

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._ended(trial)

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._ended(trial)

    def _ended(self, trial: Trial) -> None:
        number = trial.config["trial_number"]
        status, reason = self._searcher.end_of(trial.trial_id)
        if status == "complete":
            values = [trial.last_result[objective.name] for objective in OBJECTIVES]
            logger.info(
                "trial %d: complete, valid force_rmse=%.4f eV/Å, %.3g µs/atom/step, %d atoms fit", number, *values
            )
        else:
            logger.info("trial %d: %s, %s", number, status, reason)
        self._guarded(self._on_finished, number, dict(trial.last_result) if status == "complete" else None, reason)

    def _guarded(self, handler: Callable[..., None], *arguments: Any) -> None:
        if self._stop.error is None:
            try:
                handler(*arguments)
            except Exception as error:
                self._stop.error = error


@contextmanager
def _interruptible(stop: _StopAll) -> Iterator[None]:
    """Turn the first Ctrl-C into an orderly stop; the second acts at once. Signal handlers are put back."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    old = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)}

    def interrupt(number: int, frame: FrameType | None) -> None:
        logger.info("search: interrupted, stopping the running trials (again to stop at once)")
        stop.error = KeyboardInterrupt()
        signal.signal(number, old[signal.Signals(number)])

    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


@contextmanager
def _quiet_tune() -> Iterator[None]:
    """Silence Tune's own messages on failed and interrupted trials; ours say the same in one line each."""
    loggers = [logging.getLogger(f"ray.tune.{name}") for name in ("tune", "execution.tune_controller")]
    levels = [tune_logger.level for tune_logger in loggers]
    for tune_logger in loggers:
        tune_logger.setLevel(logging.CRITICAL)
    try:
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
