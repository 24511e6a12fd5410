import pytest

from pareto_search.config import SearchSettings
from pareto_search.search.budget import Budget
from tests.cluster.fake_study import SPACE


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def budget(**limits) -> tuple[Budget, Clock]:
    clock = Clock()
    return Budget(SearchSettings(space=SPACE, **({"n_trials": None} | limits)), 0.0, clock), clock


def test_trials():
    found, _ = budget(n_trials=3)
    assert found.n_trials_left(0) == 3
    found.trial_ended(None)
    assert found.n_trials_left(1) == 1
    assert found.n_trials_left(5) == 0
    assert budget(max_hours=1)[0].n_trials_left(7) is None


def test_epochs():
    found, _ = budget(max_trained_epochs=100)
    found.n_epochs = 99
    assert found.why_over() is None
    found.n_epochs = 100
    assert "max_trained_epochs" in found.why_over()


def test_hours_count_those_of_earlier_runs():
    found, clock = budget(max_hours=1)
    clock.now += 3599
    assert found.why_over() is None
    clock.now += 1
    assert "max_hours" in found.why_over()
    later = Budget(SearchSettings(space=SPACE, max_hours=1), 3000.0, Clock())
    assert later.seconds == 3000.0


def test_no_gain():
    found, _ = budget(stop_without_gain=2)
    found.trial_ended((0.2, 1.0, 1000.0))
    found.trial_ended((0.1, 2.0, 1000.0))  # a gain: a new point of the front
    found.trial_ended((0.3, 2.0, 1000.0))  # dominated
    assert found.why_over() is None
    found.trial_ended(None, is_pruned=True)  # given up for others
    assert found.why_over() is None
    found.trial_ended(None)  # a failed trial gains nothing
    assert "has not grown for 2 trials" in found.why_over()


def test_a_gain_counts_from_its_trial():
    found, _ = budget(stop_without_gain=2)
    for error in (0.4, 0.5, 0.2, 0.5):
        found.trial_ended((error, 1.0, 1000.0))
    assert found.why_over() is None


def test_a_search_must_end():
    with pytest.raises(ValueError, match="give the search an end"):
        SearchSettings(space=SPACE, n_trials=None)
