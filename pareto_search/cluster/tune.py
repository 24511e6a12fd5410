"""Running a search on Ray Tune: the only file that uses Tune's Tuner."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
import ray
from ray import tune
from ray.tune.experiment import Trial
from ray.tune.trainable.function_trainable import wrap_function

from pareto_search.cluster.jobs import Tasks
from pareto_search.cluster.session import RememberedSlots, n_slots
from pareto_search.cluster.tune_events import Events, StopAll, interruptible, log_end, quiet_tune
from pareto_search.cluster.tune_loggers import make_loggers
from pareto_search.cluster.tune_searcher import RungScheduler, StudySearch
from pareto_search.cluster.worker import TrialFunction, run_in_worker
from pareto_search.config import ClusterSettings, SearchSettings
from pareto_search.records import Event
from pareto_search.search.dispatch import Dispatcher
from pareto_search.search.messages import Costs, TrialEnd
from pareto_search.search.optuna_study import OptunaLedger, open_optuna_study
from pareto_search.search.stop import Stop
from pareto_search.search.trial_book import TrialBook

logger = logging.getLogger(__name__)

#: A trial is started again this often if its worker process or machine is lost; one that raises is not.
_MAX_RETRIES = 2


def run_search(
    *,
    settings: SearchSettings,
    cluster: ClusterSettings,
    study_name: str,
    study_db: Path,
    storage_dir: Path,
    shared: object,
    measure: Callable[..., Costs],
    trial: TrialFunction,
    on_end: Callable[[TrialEnd], None],
    known_costs: Callable[[Mapping[str, object]], Costs | None] = lambda params: None,
    on_result: Callable[[dict[str, object]], None] | None = None,
    note: Callable[[Event], None] = lambda event: None,
    reference: Sequence[float] | None = None,
    prepare: Callable[[optuna.Study], None] = lambda study: None,
    join_ray: Callable[[], None] = lambda: None,
) -> None:
    """Run the trials that a study still lacks.

    A failed trial does not end the search. After an interruption the same call goes on: trials that were running
    are run again under their numbers, from their last checkpoint.

    Args:
        settings: Space, sampler, pruning and budget.
        cluster: What a trial needs.
        study_name: Name of the study in the database, of Tune's experiment, and of its trials in the dashboard.
        study_db: Optuna's database.
        storage_dir: Tune's scratch.
        shared: What every trial reads; put into Ray's object store once, its NumPy arrays are not copied.
        measure: Called in a worker with `shared` and the parameters; returns the costs of the trial's architecture.
        trial: Called in a worker with `shared`, the parameters (with `trial_number`) and a function that reports a
            result; every report, and the dict it returns, holds the objectives, and `epoch`. It reports at every rung
            after it has saved what it needs to go on from there, for its process may end then.
        on_end: Called here with every trial that ends.
        known_costs: Costs that are known without measuring, or None.
        on_result: Called here with every report, which has the `trial_number` added.
        note: Called with what happens to trials, as `Journal.note` is.
        reference: Reference point of the hypervolume; None: beyond the worst trial so far.
        prepare: Called with the study before anything is begun.
        join_ray: Called once there is a trial to run; omitted: Ray is running already.

    Raises:
        KeyboardInterrupt: On Ctrl-C, after the running trials were stopped.
        Exception: What a function given raised; the search is stopped first.
    """
    stop, objectives = Stop(), settings.objective_list

    def ended(end: TrialEnd) -> None:
        log_end(end, objectives)
        on_end(end)

    with open_optuna_study(study_db, study_name, objectives) as study:
        prepare(study)
        # A measurement takes a whole GPU, so that no trial holds memory or time of it. Of CPUs, which trials may all
        # hold, it takes none: trials wait at the device gate at the end of their epoch.
        on_gpu = cluster.gpus_per_trial > 0
        held = (cluster.cpus_per_trial, 1) if on_gpu else (0, 0)
        cost_tasks = Tasks[int, Costs](measure, cluster, storage_dir, *held)
        book = TrialBook(OptunaLedger(study, settings), settings, ended, reference=reference)
        slots = RememberedSlots(lambda: n_slots(cluster))
        dispatcher = Dispatcher(book, settings, study_name, cost_tasks, stop, slots, known_costs, note)
        searcher = StudySearch(dispatcher, objectives, cost_tasks, stop)
        if not dispatcher.has_work:
            logger.info("search: %d trials have ended, nothing to run", book.budget.n_ended)
            return
        join_ray()
        cost_tasks.shared_ref = shared_ref = ray.put(shared)
        wanted = "any number of" if settings.n_trials is None else settings.n_trials
        logger.info("search: %s trials wanted, %d ended before", wanted, book.budget.n_ended)
        callbacks = [Events(stop, on_result), *make_loggers(cluster.loggers, study_name, storage_dir)]
        trainable = _trainable(trial, shared_ref, cluster, storage_dir, settings.objectives)
        tuner = _tuner(trainable, searcher, callbacks, stop, study_name, storage_dir, reuse=cluster.reuse_workers)
        try:
            with quiet_tune(), interruptible(stop):
                tuner.fit()
        finally:
            cost_tasks.cancel()
            with stop.on_error():
                book.note_time()
        if stop.error is not None:
            raise stop.error
        logger.info("search: over, %s", book.budget.why_over() or f"{book.budget.n_ended} trials have ended")


def _tuner(
    trainable: Any,
    searcher: StudySearch,
    callbacks: list[tune.Callback],
    stop: Stop,
    study_name: str,
    storage_dir: Path,
    *,
    reuse: bool,
) -> tune.Tuner:
    """Tune, with all that decides in the hands of the searcher."""
    name_trials = _NameTrials(study_name)
    return tune.Tuner(
        trainable,
        tune_config=tune.TuneConfig(
            search_alg=searcher,
            scheduler=RungScheduler(searcher),
            num_samples=-1,  # the searcher ends it
            reuse_actors=reuse,
            trial_name_creator=name_trials,
            trial_dirname_creator=name_trials,
        ),
        run_config=tune.RunConfig(
            name=study_name,
            storage_path=str(storage_dir),
            callbacks=callbacks,
            stop=StopAll(stop),
            failure_config=tune.FailureConfig(max_failures=_MAX_RETRIES),
            verbose=0,
        ),
    )


def _trainable(
    trial: TrialFunction,
    shared_ref: ray.ObjectRef[Any],
    cluster: ClusterSettings,
    notes: Path,
    objectives: Sequence[str],
) -> Any:
    """The trial as Tune needs it: a class whose actors carry the trial's name in the dashboard."""

    def run(config: dict[str, object], shared: Any) -> None:
        run_in_worker(trial, ray.get(shared["ref"]), cluster, notes, objectives, config)

    resources = {"cpu": cluster.cpus_per_trial, "gpu": cluster.gpus_per_trial}
    needed = {kind: amount for kind, amount in resources.items() if amount}
    function = tune.with_resources(tune.with_parameters(run, shared={"ref": shared_ref}), needed)

    class NetworkTrial(wrap_function(function)):  # type: ignore[misc]
        def __repr__(self) -> str:
            return str(self.trial_name)

    NetworkTrial.__qualname__ = NetworkTrial.__name__
    return NetworkTrial


class _NameTrials:
    """Names trials after study and number, such as quickstart-trial-0007; a later stint has its count after that."""

    def __init__(self, study_name: str) -> None:
        self._study_name = study_name
        self._names: dict[str, str] = {}
        self._n_stints: Counter[int] = Counter()

    def __call__(self, trial: Trial) -> str:
        if trial.trial_id not in self._names:
            number = trial.config["trial_number"]
            self._n_stints[number] += 1
            stint = f"-{self._n_stints[number]}" if self._n_stints[number] > 1 else ""
            self._names[trial.trial_id] = f"{self._study_name}-trial-{number:04d}{stint}"
        return self._names[trial.trial_id]
