import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pareto_search.config import PruningSettings
from pareto_search.objectives import DEFAULT_OBJECTIVES, objectives_named
from pareto_search.search.messages import Costs
from pareto_search.search.rungs import REGION_FACTOR, ParetoRungs, order_of

FORCE, *COSTS = DEFAULT_OBJECTIVES
HERE = [0.0]


def costs(md: float) -> Costs:
    return Costs(dict(zip(COSTS, (md, 1000), strict=True)))


class Rungs(ParetoRungs):
    """Of the usual objectives, told of the force RMSE alone."""

    def __init__(self, epochs: tuple[int, ...], reduction_factor: int) -> None:
        super().__init__(epochs, reduction_factor, objectives_named())

    def record(self, trial, epoch, error, *others):
        super().record(trial, epoch, {FORCE: error}, *others)

    def finish(self, trial, error):
        super().finish(trial, {FORCE: error})

    def forecasts(self):
        return {trial: values[FORCE] for trial, values in super().forecasts().items()}


SAME = costs(1.0)


@pytest.mark.parametrize(
    ("settings", "max_epochs", "rungs"),
    [
        ({}, 54, (1, 4, 16)),
        ({}, 500, (8, 32, 128)),
        ({"reduction_factor": 3}, 27, (1, 3, 9)),
        ({}, 4, (1,)),
        ({}, 1, ()),
        ({"grace_epochs": 10}, 100, (10, 40)),
        ({"grace_epochs": 10, "reduction_factor": 2}, 80, (10, 20, 40)),
        ({"grace_epochs": 10}, 10, ()),
    ],
)
def test_rungs_are_geometric_and_end_before_the_last_epoch(settings, max_epochs, rungs):
    assert PruningSettings(**settings).rungs(max_epochs) == rungs


def test_the_order_is_by_rank_and_then_by_hypervolume():
    points = np.array([[0.0, 2.0, 0.0], [1.0, 1.0, 0.0], [2.0, 0.0, 0.0], [1.1, 1.1, 0.0], [0.05, 1.99, 0.0]])
    assert order_of(points).tolist()[-1] == 3  # the only dominated one
    assert order_of(points).tolist()[:2] == [1, 2]  # the others of the front lie side by side
    assert len(order_of(np.zeros((0, 3)))) == 0


@given(st.lists(st.tuples(*[st.integers(0, 6)] * 3), min_size=1, max_size=25))
def test_no_trial_goes_before_one_that_dominates_it(points):
    array = np.array(points, dtype=float)
    order = order_of(array).tolist()
    assert sorted(order) == list(range(len(points)))
    for place, index in enumerate(order):
        later = array[order[place + 1 :]]
        assert not ((later <= array[index]).all(axis=1) & (later < array[index]).any(axis=1)).any()


def rungs_with(errors: list[float]) -> Rungs:
    rungs = Rungs((1, 3), 3)
    for trial, error in enumerate(errors):
        rungs.record(trial, 1, error, SAME, HERE)
    return rungs


def test_the_best_third_goes_on():
    rungs = rungs_with([0.5, 0.4, 0.3, 0.2, 0.1, 0.6])
    assert [trial for trial in range(6) if rungs.goes_on(trial, 1)] == [3, 4]


def test_a_second_value_at_a_rung_changes_nothing():
    rungs = rungs_with([0.5, 0.4, 0.3, 0.2])
    rungs.record(0, 1, 0.01, SAME, HERE)
    assert not rungs.goes_on(0, 1)


def test_the_only_holder_of_a_cost_region_goes_on_though_it_is_dominated():
    rungs = rungs_with([0.1, 0.2, 0.3])
    rungs.record(3, 1, 9.0, costs(1.0 * REGION_FACTOR**2.1), HERE)
    rungs.record(4, 1, 9.0, costs(1.0 * REGION_FACTOR * 0.99), HERE)
    assert rungs.goes_on(3, 1)
    assert not rungs.goes_on(4, 1)


def test_paused_trials_are_promoted_when_enough_others_have_come_and_the_furthest_first():
    rungs = rungs_with([0.1, 0.2, 0.3])
    rungs.pause(1, 1)
    rungs.pause(2, 1)
    assert rungs.promotable() == []
    assert rungs.next_best() == 1
    rungs.record(3, 1, 0.9, SAME, HERE)
    assert rungs.promotable() == [1]
    rungs.resume(1)
    assert rungs.promotable() == []
    assert rungs.goes_on(1, 1)  # it reports this rung again when it goes on from its checkpoint
    for trial, error in ((0, 0.1), (1, 0.2), (5, 0.15), (6, 0.5)):
        rungs.record(trial, 3, error, SAME, HERE)
    rungs.pause(5, 3)
    for trial in range(10, 14):
        rungs.record(trial, 1, 2.0, SAME, HERE)
    assert rungs.promotable() == [5, 2]


def test_a_trial_goes_on_for_what_is_forecast_of_it_and_not_for_its_early_error():
    rungs = Rungs((1,), 2)
    for trial, size in enumerate([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]):  # the larger, the worse at first, the better at last
        rungs.record(trial, 1, 0.5 + 0.01 * size, SAME, [size])
        rungs.finish(trial, 1.0 / size)
    rungs.record(7, 1, 0.58, SAME, [8.0])
    assert rungs.forecasts()[7] < 0.2
    assert rungs.goes_on(7, 1)
    rungs.record(8, 1, 0.50, SAME, [0.0])
    assert not rungs.goes_on(8, 1)


def test_a_forecast_is_scaled_by_what_finished_trials_gained():
    rungs = rungs_with([0.4, 0.8, 0.6])
    assert rungs.forecasts() == {}
    rungs.finish(0, 0.1)
    assert rungs.forecasts() == pytest.approx({0: 0.1, 1: 0.2, 2: 0.15})
    rungs.record(1, 3, 0.5, SAME, HERE)
    assert rungs.forecasts()[1] == pytest.approx(0.2)  # no finished trial has passed the second rung
    rungs.record(0, 3, 0.2, SAME, HERE)
    assert rungs.forecasts()[1] == pytest.approx(0.25)


def test_of_several_that_are_learned_a_trial_goes_on_for_any_at_which_it_is_best():
    energy = "valid_energy_rmse_ev_per_atom"
    rungs = ParetoRungs((1,), 2, objectives_named((FORCE, energy, *COSTS)))
    errors = [(0.1, 0.04), (0.4, 0.01), (0.2, 0.05), (0.5, 0.06)]
    for trial, values in enumerate(errors):
        rungs.record(trial, 1, dict(zip((FORCE, energy), values, strict=True)), SAME, HERE)
    assert [trial for trial in range(4) if rungs.goes_on(trial, 1)] == [0, 1]
    rungs.finish(0, {FORCE: 0.05, energy: 0.01})
    halved, quartered = 0.4 / 2, 0.01 / 4
    assert rungs.forecasts()[1] == pytest.approx({FORCE: halved, energy: quartered})


def test_without_costs_among_the_objectives_all_share_one_region():
    rungs = ParetoRungs((1,), 3, objectives_named((FORCE, "valid_energy_rmse_ev_per_atom")))
    for trial in range(4):
        rungs.record(trial, 1, {FORCE: 0.1 + trial, "valid_energy_rmse_ev_per_atom": 0.1 + trial}, SAME, HERE)
    assert [trial for trial in range(4) if rungs.goes_on(trial, 1)] == [0, 1]
