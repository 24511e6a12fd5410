from typing import Any

import numpy as np
import pytest

from pareto_search.config import Choice, Range, SearchSettings, SpaceSettings
from pareto_search.search.proposing import Exhausted, SeenTrial, propose

SPACE = SpaceSettings(
    n_features=Range(low=10, high=100, log=True),
    n_sensitivities=Choice(choices=(20, 8, 14)),
    n_atom_layers=Range(low=1, high=3),
    activation=Choice(choices=("softplus", "silu")),
    weight_forces=30,
    weight_atomic_energy=Range(low=1, high=100, log=True),
)
FINITE = SpaceSettings(
    n_features=Choice(choices=(8, 16)), n_sensitivities=Choice(choices=(8, 16, 24)), n_atom_layers=1,
    weight_forces=30, weight_atomic_energy=10,
)  # fmt: skip
SAMPLERS = ["tpe", "nsga2", "gp", "qmc", "random"]


def values_of(params: dict) -> tuple[float, float, float]:
    """The best error is at 50 features and 14 sensitivities; costs do not differ."""
    miss = abs(np.log(params["n_features"] / 50)) + abs(params["n_sensitivities"] - 14) / 14
    return 0.1 * (1 + miss), 1.0, 1e6


def run(sampler: str, n: int, space: SpaceSettings = SPACE, seed: int = 0) -> list[dict]:
    settings = SearchSettings(space=space, sampler=sampler, seed=seed)
    seen: list[SeenTrial] = []
    for number in range(n):
        params = propose(settings, seen, number)
        seen.append(SeenTrial(params, values_of(params)))
    return [dict(trial.params) for trial in seen]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_points_lie_in_the_space_differ_and_repeat_with_the_seed(sampler):
    points = run(sampler, 12)
    for point in points:
        assert list(point) == list(SPACE.searched)
        assert isinstance(point["n_features"], int)
        assert 10 <= point["n_features"] <= 100
        assert point["n_sensitivities"] in (8, 14, 20)
        assert point["n_atom_layers"] in (1, 2, 3)
        assert point["activation"] in ("softplus", "silu")
        assert 1 <= point["weight_atomic_energy"] <= 100
    assert len({tuple(point.values()) for point in points}) == 12
    assert run(sampler, 12) == points
    assert run(sampler, 12, seed=1) != points


@pytest.mark.parametrize(("sampler", "n"), [("tpe", 40), ("gp", 18)])
def test_a_model_finds_the_good_region(sampler, n):
    late = run(sampler, n)[n // 2 + 3 :]
    assert np.mean([values_of(point)[0] for point in late]) < 0.16
    assert np.mean([values_of(point)[0] for point in run("random", 40)]) > 0.18


def test_nsga2_evolves_after_one_population():
    late, first = run("nsga2", 64)[48:], run("nsga2", 16)
    assert np.mean([values_of(p)[0] for p in late]) < np.mean([values_of(p)[0] for p in first]) - 0.02


def test_qmc_is_more_even_than_random():
    def largest_gap(sampler: str) -> float:
        positions = sorted(np.log10(point["weight_atomic_energy"]) / 2 for point in run(sampler, 64))
        return max(np.diff([0.0, *positions, 1.0]))

    assert largest_gap("qmc") < 0.7 * np.median([largest_gap("random") for _ in range(3)])


@pytest.mark.parametrize("sampler", [*SAMPLERS, "grid"])
def test_a_finite_space_is_covered_without_repeats(sampler):
    assert len({tuple(point.values()) for point in run(sampler, 6, FINITE)}) == 6
    large = FINITE.model_copy(update={"weight_forces": Choice(choices=tuple(range(1, 9)))})
    if sampler != "gp":
        assert len({tuple(point.values()) for point in run(sampler, 48, large)}) == 48


def test_a_grid_ends_and_its_order_is_the_seeds():
    with pytest.raises(Exhausted):
        run("grid", 7, FINITE)
    assert run("grid", 6, FINITE) != run("grid", 6, FINITE, seed=1)


def test_a_sampler_learns_what_is_infeasible():
    settings = SearchSettings(space=SPACE, sampler="tpe")
    seen: list[SeenTrial] = []
    for number in range(50):
        params: dict[str, Any] = propose(settings, seen, number)
        violation = max(0.0, np.log(params["n_features"] / 20))
        values = (0.2, 1.0, 1e6) if violation else values_of(params)
        seen.append(SeenTrial(params, values, violation))
    late = [float(str(trial.params["n_features"])) <= 20 for trial in seen[30:]]
    assert np.mean(late) > 0.6  # 0.3 of the space is feasible


def test_running_trials_keep_others_away():
    settings = SearchSettings(space=SPACE, sampler="tpe")
    known = [SeenTrial(point, values_of(point)) for point in run("random", 30)]
    busy: list[SeenTrial] = []
    for number in range(30, 34):
        busy.append(SeenTrial(propose(settings, [*known, *busy], number), None, is_open=True))
    assert len({tuple(trial.params.values()) for trial in busy}) == 4


def test_a_long_search_proposes_as_fast_because_old_trials_off_the_front_are_left_out(monkeypatch):
    counts = []
    monkeypatch.setattr("pareto_search.search.proposing._as_optuna", lambda trial, *_: counts.append(trial) or 1 / 0)
    settings = SearchSettings(space=SPACE, sampler="tpe")
    rng = np.random.default_rng(0)
    seen = [
        SeenTrial({"n_features": 10 + number % 90, "n_sensitivities": 8, "n_atom_layers": 1, "activation": "silu",
                   "weight_atomic_energy": 1.0 + rng.random()}, (0.1 + rng.random(), 1.0, 1e6))
        for number in range(3000)
    ]  # fmt: skip
    from pareto_search.search.proposing import _latest

    kept = _latest(seen, 400, settings.objective_list)
    assert kept[-400:] == seen[-400:]
    best = min(seen, key=lambda trial: trial.values[0])
    assert best in kept
    assert len(kept) <= 401
    with pytest.raises(ZeroDivisionError):
        propose(settings, seen, 3000)
