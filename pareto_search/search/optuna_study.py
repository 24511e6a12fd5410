"""The search's Optuna study: kept in `study.db`, one transaction for each trial that begins, never with dead trials."""

import sqlite3
import warnings
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import optuna
from optuna.samplers import RandomSampler
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial
from sqlalchemy.exc import DatabaseError

from pareto_search.config import SearchSettings
from pareto_search.errors import StoreError
from pareto_search.records import OBJECTIVES
from pareto_search.search.space import distributions, to_point

#: User attributes of a trial: index of the user's point; costs; force RMSE by rung; epoch of the rung at which it
#: waits; epochs its networks were trained for; run it came from; how many had ended before it; how it ended and why;
#: its networks.
SEED_POINT, COSTS, RUNGS, PAUSED = "seed_point", "costs", "rungs", "paused_at_epoch"
N_EPOCHS, ORIGIN, N_BEFORE = "n_trained_epochs", "warm_start", "n_ended_before"
STATUS, REASON, MODEL_IDS = "status", "reason", "model_ids"
#: User attribute of the study: seconds that the search has run.
SECONDS = "search_s"


@contextmanager
def open_optuna_study(study_db: Path, study_name: str) -> Iterator[optuna.Study]:
    """The study in a database, made if it is not there; its connections are closed at the end.

    Raises:
        StoreError: If the database is damaged or not writable.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # the package's own log has one line per trial
    storage = None
    try:
        _check(study_db)
        # A long wait for the lock: the live page may be reading.
        storage = optuna.storages.RDBStorage(f"sqlite:///{study_db}", engine_kwargs={"connect_args": {"timeout": 60.0}})
        study = optuna.create_study(
            storage=storage,
            study_name=study_name,
            sampler=RandomSampler(seed=0),  # never asked: see `proposing`
            directions=[objective.direction for objective in OBJECTIVES],
            load_if_exists=True,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # as it has been since version 3.2
            study.set_metric_names([objective.name for objective in OBJECTIVES])
    except (DatabaseError, sqlite3.Error, optuna.exceptions.StorageInternalError) as error:
        if storage is not None:
            storage.engine.dispose()
        raise StoreError(
            f"{study_db} cannot be used ({str(error).splitlines()[0]}); restore it from a copy, or move it away and "
            "run the same command again: the search starts anew and networks it meets again are not retrained"
        ) from error
    try:
        yield study
    finally:
        storage.remove_session()
        storage.engine.dispose()


def _check(study_db: Path) -> None:
    """Refuse a damaged file, and turn the write-ahead log on, so that readers never lock the driver out."""
    with closing(sqlite3.connect(study_db, timeout=60.0)) as connection:
        problem = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if problem != "ok":
            raise sqlite3.DatabaseError(problem)
        connection.execute("PRAGMA journal_mode=WAL")


def begin_trial(
    study: optuna.Study, settings: SearchSettings, params: Mapping[str, object], attributes: Mapping[str, object]
) -> Trial:
    """Add a running trial, in one transaction.

    `Study.add_trial` does the same but does not say which it was, and looking reads every unfinished trial again.
    """
    template = create_trial(
        state=TrialState.RUNNING,
        params=dict(params),
        distributions=distributions(settings.space),
        user_attrs=dict(attributes),
    )
    return Trial(study, study._storage.create_new_trial(study._study_id, template_trial=template))


def set_violation(trial: Trial, violation: float) -> None:
    """Mark a trial as infeasible, in the older of Optuna's two forms: the one that its dashboard reads."""
    trial.study._storage.set_trial_system_attr(trial._trial_id, "constraints", [violation])


def points_to_try(study: optuna.Study, settings: SearchSettings) -> list[tuple[int, dict[str, object]]]:
    """The user's points that no trial of the study has, with their index."""
    begun = {trial.user_attrs.get(SEED_POINT) for trial in study.get_trials(deepcopy=False)}
    return [(i, to_point(settings.space, point)) for i, point in enumerate(settings.points) if i not in begun]


def live_trial(study: optuna.Study, trial: FrozenTrial) -> Trial:
    """An unfinished trial, so that its attributes can be set."""
    return Trial(study, trial._trial_id)


def status_of(trial: FrozenTrial) -> str:
    """complete, pruned, infeasible, failed or running."""
    default = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}
    return str(trial.user_attrs.get(STATUS, default.get(trial.state, "running")))
