import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pareto_search.analysis import front, history
from pareto_search.analysis.front import volume_of
from pareto_search.analysis.pareto import hypervolume
from pareto_search.objectives import objectives_named

OBJECTIVES = objectives_named()
NAMES = [objective.column for objective in OBJECTIVES]
REFERENCE = (1.0, 100.0, 1000.0)


def hypervolume_history(frame, reference):
    return history.hypervolume_history(frame, OBJECTIVES, reference)


def trials(points, **columns):
    return pd.DataFrame(points, columns=NAMES, dtype=float).assign(**{"n_epochs": 10, **columns})


def test_volume_of_each_step_in_closed_form():
    # In decades below or above the reference: (1, 1, 1), then (2, 1, 1), then a dominated one, then (1, 1, 3).
    points = [(0.1, 10, 1e4), (0.01, 10, 1e4), (0.5, 50, 2e3), (0.1, 10, 1e6)]
    found = hypervolume_history(trials(points, n_epochs=[100, 100, 7, 50]), REFERENCE)
    assert found.hypervolume == pytest.approx([1, 2, 2, 4])
    assert found.n_trials.tolist() == [1, 2, 3, 4]
    assert found.n_epochs.tolist() == [100, 200, 207, 257]
    assert found.ended_s is None


# Few distinct values, so that ties, duplicates and points on the reference are common.
@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0.1, 0.3, 1.0]), st.sampled_from([3, 30, 300]),
                          st.sampled_from([500, 2000, 9000])), max_size=12))  # fmt: skip
def test_every_step_equals_the_volume_of_all_points_so_far(points):
    found = hypervolume_history(trials(points), REFERENCE).hypervolume
    for n in range(len(points)):
        whole = volume_of(points[: n + 1], OBJECTIVES, REFERENCE)
        assert found[n] == pytest.approx(whole)


def test_trials_without_a_result_cost_epochs_and_time_but_add_no_volume():
    best = (0.001, 1, 1e6)
    points = [(0.1, 10, 1e4), best, (np.nan, 1, 1e6), (0.0, 1, 1e6), (0.001, -1, 1e6), (0.001, 1, np.inf)]
    status = ["complete", "pruned", "complete", "complete", "complete", "complete"]
    epochs = [10, 2, np.nan, 1, 1, 1]
    ended_s = [5.0, 6.0, 8.0, 8.5, 9.0, 9.5]
    found = hypervolume_history(trials(points, status=status, n_epochs=epochs, ended_s=ended_s), REFERENCE)
    assert found.hypervolume == pytest.approx([1] * 6)
    assert found.n_epochs.tolist() == [10, 12, 12, 13, 14, 15]
    assert found.ended_s.tolist() == ended_s


def test_no_trials():
    found = hypervolume_history(trials(np.zeros((0, 3))), REFERENCE)
    assert len(found.n_trials) == len(found.n_epochs) == len(found.hypervolume) == 0


def test_the_volume_is_computed_only_when_a_trial_enters_the_front(monkeypatch):
    calls = []

    def counted(points, *args, **options):
        calls.append(len(points))
        return hypervolume(points, *args, **options)

    monkeypatch.setattr(front, "hypervolume", counted)
    points = [(0.1, 10, 1e4), (0.1, 10, 1e4), (0.5, 50, 2e3), (0.01, 10, 1e4), (2.0, 1, 1e6), (0.01, 5, 1e4)]
    found = hypervolume_history(trials(points), REFERENCE).hypervolume
    assert calls == [1, 1, 1]
    assert len(np.unique(found)) == 3


def test_ten_thousand_trials_take_a_fraction_of_a_second():
    rng = np.random.default_rng(0)
    size = rng.uniform(0, 1, 10_000)
    noise = np.exp(0.2 * rng.standard_normal((3, 10_000)))
    points = np.column_stack([0.5 * 0.1**size, 3 * 20**size, 1e5 * 0.1**size]) * noise.T
    started = time.process_time()
    found = hypervolume_history(trials(points), REFERENCE)
    assert time.process_time() - started < 1
    assert found.hypervolume[-1] == pytest.approx(volume_of(points, OBJECTIVES, REFERENCE))
