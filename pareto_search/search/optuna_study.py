"""The search's Optuna study: kept in `study.db`, seeded so that it can be resumed, never left with dead trials."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import optuna
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy.exc import DatabaseError

from pareto_search.config import SearchSettings
from pareto_search.errors import StoreError
from pareto_search.records import OBJECTIVES
from pareto_search.search.space import distributions, to_point

logger = logging.getLogger(__name__)

#: User attributes of a trial.
SEED_POINT, ABANDONED = "seed_point", "abandoned"
#: Small, because a search has tens of trials: NSGA-II evolves only after one population.
_NSGA2_POPULATION = 16


@contextmanager
def open_optuna_study(study_db: Path, study_name: str) -> Iterator[optuna.Study]:
    """The study in a database, made if it is not there; its connections are closed at the end.

    Raises:
        StoreError: If the database is damaged or not writable.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # our own log has one line per trial
    storage = None
    try:
        # A long wait for the lock: the live page may be reading.
        storage = optuna.storages.RDBStorage(f"sqlite:///{study_db}", engine_kwargs={"connect_args": {"timeout": 60.0}})
        study = optuna.create_study(
            storage=storage,
            study_name=study_name,
            directions=[objective.direction for objective in OBJECTIVES],
            load_if_exists=True,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # as it has been since version 3.2
            study.set_metric_names([objective.name for objective in OBJECTIVES])
    except (DatabaseError, optuna.exceptions.StorageInternalError) as error:
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


def make_sampler(settings: SearchSettings, n_trials_existing: int) -> BaseSampler:
    """A sampler whose random numbers depend on the seed and on how many trials exist.

    Made afresh for every trial, so that a resumed search draws what an uninterrupted one would have drawn, and never
    the same points again.
    """
    seed = int(np.random.SeedSequence([settings.seed, n_trials_existing]).generate_state(1)[0])
    if settings.sampler == "random":
        return RandomSampler(seed=seed)
    if settings.sampler == "nsga2":
        return NSGAIISampler(population_size=_NSGA2_POPULATION, seed=seed)
    # Architecture dimensions act together, so they are modelled together; parallel trials keep apart (constant liar).
    return TPESampler(multivariate=True, constant_liar=True, seed=seed)


def settle_leftovers(study: optuna.Study, settings: SearchSettings) -> list[FrozenTrial]:
    """Deal with trials that a killed driver left running.

    One with all its parameters can be run again. One without is failed and marked abandoned, so that it does not
    count; if it was a seed point, `enqueue_points` puts the point back in the queue.

    Returns:
        The trials to run again, by number.
    """
    wanted = set(distributions(settings.space))
    adoptable = []
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if set(trial.params) == wanted:
            adoptable.append(trial)
            continue
        live = live_trial(study, trial.number)
        live.set_user_attr(ABANDONED, True)
        live.set_user_attr("reason", "the driver died before the trial had all its parameters")
        study.tell(trial.number, state=TrialState.FAIL)
    if adoptable:
        numbers = ", ".join(str(trial.number) for trial in adoptable)
        logger.info("search: trials left by an interrupted run are taken up again: %s", numbers)
    return sorted(adoptable, key=lambda trial: trial.number)


def enqueue_points(study: optuna.Study, settings: SearchSettings) -> None:
    """Queue the user's points that the study has not seen, to be tried before the sampler's."""
    seen = {t.user_attrs.get(SEED_POINT) for t in study.get_trials(deepcopy=False) if not t.user_attrs.get(ABANDONED)}
    for number, point in enumerate(settings.points):
        if number not in seen:
            study.enqueue_trial(to_point(settings.space, point), user_attrs={SEED_POINT: number})


def remaining_trials(study: optuna.Study, n_trials: int) -> int:
    """How many of n_trials are still to be finished; abandoned ones do not count as finished."""
    finished = [
        trial
        for trial in study.get_trials(deepcopy=False)
        if trial.state.is_finished() and not trial.user_attrs.get(ABANDONED)
    ]
    return max(0, n_trials - len(finished))


def live_trial(study: optuna.Study, number: int) -> Trial:
    """An unfinished trial by number, so that its attributes can be set."""
    return Trial(study, study.get_trials(deepcopy=False)[number]._trial_id)
