"""Samplers: from the trials seen so far to the next point of the space.

A proposal is a function of the settings and the trials alone, so a resumed search proposes what an uninterrupted one
would have, and recorded learning curves can be replayed through the very code that runs on a cluster.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, IntDistribution
from optuna.samplers import BaseSampler, GPSampler, NSGAIISampler, TPESampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from pareto_search.analysis.front import to_costs
from pareto_search.analysis.pareto import pareto_mask
from pareto_search.config import Choice, Range, SearchSettings, SpaceSettings
from pareto_search.objectives import Objective
from pareto_search.records import Scalar
from pareto_search.search.space import distribution_of, from_unit

#: Small, because a search has tens of trials: NSGA-II evolves only after one population.
_NSGA2_POPULATION = 16
#: A model sees the front and this many of the latest trials, so that a proposal takes as long in a long search.
_N_LATEST = {"tpe": 200, "nsga2": 200, "gp": 150}
#: Trials before a model of them is made.
_N_STARTUP = 10
#: Points drawn by the sampler in the hope of one that has not been tried; a Gaussian process insists on its optimum.
_N_TRIES, _N_TRIES_GP = 10, 2


@dataclass(frozen=True)
class SeenTrial:
    """A trial as a sampler sees it.

    Attributes:
        params: Value of every searched dimension.
        values: In the order of the objectives, measured or forecast; None where they are not known.
        violation: Above 0 where the costs are outside the user's caps; what is learned is then a stand-in.
        is_open: Whether the trial has begun and not ended.
    """

    params: Mapping[str, Any]
    values: tuple[float, ...] | None
    violation: float = 0.0
    is_open: bool = False


class Exhausted(Exception):  # noqa: N818 - the end of a grid is no error
    """Every point of the grid has been proposed."""


def propose(settings: SearchSettings, seen: Sequence[SeenTrial], n_proposed: int) -> dict[str, object]:
    """The next point of the space; in a space of choices another than all seen, as long as there is one.

    Args:
        settings: Space, sampler and seed.
        seen: All trials so far, running ones included.
        n_proposed: How many points have been proposed before; decides the random numbers.

    Returns:
        A value for every searched dimension.

    Raises:
        Exhausted: If the sampler is `grid` and every combination has been proposed.
    """
    tried = {_key(trial.params) for trial in seen}
    if settings.sampler == "grid":
        return _next_of_grid(settings, tried)
    point = {}
    for attempt in range(_N_TRIES_GP if settings.sampler == "gp" else _N_TRIES):
        point = _draw(settings, seen, n_proposed, attempt)
        if _key(point) not in tried:
            return point
    is_finite = all(isinstance(dimension, Choice) for dimension in settings.space.searched.values())
    left = [other for other in _grid(settings) if _key(other) not in tried] if is_finite else []
    return left[np.random.default_rng([settings.seed, n_proposed]).integers(len(left))] if left else point


def is_exhausted(settings: SearchSettings, points: Iterable[Mapping[str, object]]) -> bool:
    """Whether `propose` has nothing left to propose after these points."""
    if settings.sampler != "grid":
        return False
    tried = {_key(point) for point in points}
    return all(_key(point) in tried for point in _grid(settings))


def _key(params: Mapping[str, object]) -> tuple[tuple[str, object], ...]:
    return tuple(sorted(params.items()))


def _grid(settings: SearchSettings) -> list[dict[str, object]]:
    searched = settings.space.searched
    choices = [
        [settings.space.whole(name, c) for c in dim.choices]
        for name, dim in searched.items()
        if isinstance(dim, Choice)
    ]
    return [dict(zip(searched, values, strict=True)) for values in itertools.product(*choices)]


def _next_of_grid(settings: SearchSettings, tried: set[tuple[tuple[str, object], ...]]) -> dict[str, object]:
    """The first combination that is not tried, in an order shuffled by the seed."""
    grid = _grid(settings)
    for index in np.random.default_rng(settings.seed).permutation(len(grid)):
        point = grid[int(index)]
        if _key(point) not in tried:
            return point
    raise Exhausted


def _draw(settings: SearchSettings, seen: Sequence[SeenTrial], n_proposed: int, attempt: int) -> dict[str, object]:
    n_dimensions = len(settings.space.searched)
    if settings.sampler == "qmc" and attempt == 0:
        from scipy.stats import qmc

        sobol = qmc.Sobol(n_dimensions, rng=settings.seed)
        if n_proposed > 0:
            sobol.fast_forward(n_proposed)
        return from_unit(settings.space, sobol.random(1)[0])
    seeds = np.random.SeedSequence([settings.seed, n_proposed, attempt])
    known = [trial for trial in seen if trial.values is not None]
    if settings.sampler in ("random", "qmc") or len(known) < _N_STARTUP:
        return from_unit(settings.space, np.random.default_rng(seeds).random(n_dimensions))
    return _ask(
        settings,
        known,
        [trial for trial in seen if trial.values is None and trial.is_open],
        int(seeds.generate_state(1)[0]),
    )


# --- Optuna's samplers ----------------------------------------------------------------------------------------------


def _ask(
    settings: SearchSettings, known: Sequence[SeenTrial], running: Sequence[SeenTrial], seed: int
) -> dict[str, object]:
    """Ask one of Optuna's samplers, which sees a study in memory with what it needs of the trials."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # a line for every study, otherwise
    searched, objectives = settings.space.searched, settings.objective_list
    coded = {name: _coded_distribution(settings.space, name, dimension) for name, dimension in searched.items()}
    study = optuna.create_study(directions=["minimize"] * len(objectives), sampler=_sampler(settings.sampler, seed))
    for trial in _latest(known, _N_LATEST[settings.sampler], objectives):
        study.add_trial(_as_optuna(trial, searched, coded, objectives))
    for trial in running:
        study.add_trial(
            create_trial(state=TrialState.RUNNING, params=_code(trial.params, searched), distributions=coded)
        )
    params = study.ask(fixed_distributions=coded).params
    return {name: _decode(settings.space, name, dimension, params[name]) for name, dimension in searched.items()}


def _sampler(name: str, seed: int) -> BaseSampler:
    if name == "nsga2":
        return _Nsga2(population_size=_NSGA2_POPULATION, seed=seed)
    if name == "gp":
        return GPSampler(seed=seed, n_startup_trials=_N_STARTUP, warn_independent_sampling=False)
    # Architecture dimensions act together, so they are modelled together; parallel trials keep apart (constant liar).
    return TPESampler(multivariate=True, constant_liar=True, n_startup_trials=_N_STARTUP, seed=seed)


class _Nsga2(NSGAIISampler):
    """NSGA-II whose generations follow from the order of the trials, complete ones first; nothing is stored."""

    def get_trial_generation(self, study: optuna.Study, trial: FrozenTrial) -> int:
        n_complete = len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))
        return min(trial.number, n_complete) // _NSGA2_POPULATION

    def get_population(self, study: optuna.Study, generation: int) -> list[FrozenTrial]:
        complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        return complete[generation * _NSGA2_POPULATION : (generation + 1) * _NSGA2_POPULATION]


def _latest(known: Sequence[SeenTrial], n: int, objectives: Sequence[Objective]) -> list[SeenTrial]:
    """The front and the latest n of the rest, in their order."""
    if len(known) <= n:
        return list(known)
    on_front = pareto_mask(to_costs([trial.values or () for trial in known], objectives))
    return [trial for trial, is_front in zip(known[:-n], on_front[:-n], strict=True) if is_front] + list(known[-n:])


def _as_optuna(
    trial: SeenTrial,
    searched: Mapping[str, Range | Choice],
    coded: dict[str, BaseDistribution],
    objectives: Sequence[Objective],
) -> FrozenTrial:
    """A trial with its values on the scales of the objectives, on which equal steps matter equally."""
    return create_trial(
        params=_code(trial.params, searched),
        distributions=coded,
        values=to_costs(trial.values or (), objectives)[0].tolist(),
        constraints={"caps": trial.violation},
    )


def _ordered(dimension: Range | Choice) -> list[Scalar]:
    """Numbers to choose from, whose order a sampler should know, rising; empty for other dimensions."""
    return sorted(dimension.choices, key=float) if isinstance(dimension, Choice) and dimension.is_numeric else []


def _coded_distribution(space: SpaceSettings, name: str, dimension: Range | Choice) -> BaseDistribution:
    """Numbers to choose from become their position in rising order."""
    ordered = _ordered(dimension)
    return IntDistribution(0, len(ordered) - 1) if ordered else distribution_of(space, name, dimension)


def _code(params: Mapping[str, Any], searched: Mapping[str, Range | Choice]) -> dict[str, object]:
    return {
        name: ordered.index(params[name]) if (ordered := _ordered(dim)) else params[name]
        for name, dim in searched.items()
    }


def _decode(space: SpaceSettings, name: str, dimension: Range | Choice, value: Any) -> Any:
    ordered = _ordered(dimension)
    return space.whole(name, ordered[value]) if ordered else value
