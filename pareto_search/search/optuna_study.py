"""The search's Optuna study: kept in `study.db`, one transaction for each trial that begins, never with dead trials."""

import sqlite3
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import optuna
from optuna.samplers import RandomSampler
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy.exc import DatabaseError

from pareto_search.config import SearchSettings
from pareto_search.errors import StoreError
from pareto_search.objectives import Objective
from pareto_search.search.ledger import STATUS, KeptTrial
from pareto_search.search.messages import EndStatus
from pareto_search.search.optuna_private import begin_running, live_trial, set_constraint_attribute
from pareto_search.search.space import distributions

#: User attribute of the study: seconds that the search has run.
SECONDS = "search_s"
_STATES: dict[EndStatus, TrialState] = {
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "infeasible": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}
_STATUSES: dict[TrialState, EndStatus] = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}


@contextmanager
def open_optuna_study(study_db: Path, study_name: str, objectives: Sequence[Objective]) -> Iterator[optuna.Study]:
    """The study in a database, made if it is not there; its connections are closed at the end.

    Args:
        study_db: The database.
        study_name: Its name in it.
        objectives: What it optimises.

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
            sampler=RandomSampler(seed=0),  # never used: see `proposing`
            directions=[objective.direction for objective in objectives],
            load_if_exists=True,
        )
        experimental = optuna.exceptions.ExperimentalWarning  # as it has been since version 3.2
        with warnings.catch_warnings(action="ignore", category=experimental):
            study.set_metric_names([objective.column for objective in objectives])
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


class OptunaTrial:
    """A running trial of a study, as a `TrialHandle`."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        self.number = trial.number

    def keep(self, name: str, value: object) -> None:
        """Set a user attribute."""
        self._trial.set_user_attr(name, value)

    def refuse(self, violation: float) -> None:
        """Mark it as infeasible."""
        set_constraint_attribute(self._trial, violation)

    def end(self, status: EndStatus, values: Sequence[float] | None) -> None:
        """Store in the study how it ended."""
        self._trial.study.tell(self.number, values, state=_STATES[status])


@dataclass(frozen=True)
class OptunaLedger:
    """The study as a `Ledger`.

    Attributes:
        study: Opened and closed by the caller.
        settings: Whose space its trials are from.
    """

    study: optuna.Study
    settings: SearchSettings

    @property
    def name(self) -> str:
        """Name of the study."""
        return self.study.study_name

    @property
    def seconds(self) -> float:
        """That earlier drivers searched."""
        return float(self.study.user_attrs.get(SECONDS, 0.0))

    def note_seconds(self, seconds: float) -> None:
        """Keep how long the search has run."""
        self.study.set_user_attr(SECONDS, seconds)

    def trials(self) -> list[KeptTrial]:
        """All trials, by number."""
        return [self._kept(trial) for trial in self.study.get_trials(deepcopy=False)]

    def begin(self, params: Mapping[str, object], attributes: Mapping[str, object]) -> OptunaTrial:
        """Add a running trial, in one transaction."""
        return OptunaTrial(begin_running(self.study, params, distributions(self.settings.space), attributes))

    def _kept(self, trial: FrozenTrial) -> KeptTrial:
        is_complete = trial.state is TrialState.COMPLETE
        return KeptTrial(
            trial.number,
            trial.params,
            _status_of(trial),
            tuple(trial.values) if is_complete else None,
            trial.user_attrs,
            OptunaTrial(live_trial(self.study, trial)) if trial.state is TrialState.RUNNING else None,
        )


def _status_of(trial: FrozenTrial) -> EndStatus | None:
    if not trial.state.is_finished():
        return None
    status: EndStatus = trial.user_attrs.get(STATUS, _STATUSES[trial.state])
    return status
