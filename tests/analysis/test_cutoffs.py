import numpy as np
import pandas as pd
import pytest

from pareto_search.analysis.cutoffs import front_cutoffs, power_of_cutoff
from pareto_search.objectives import objectives_named

OBJECTIVES = objectives_named(("valid_force_rmse_ev_per_ang", "md_us_per_atom_step", "bytes_per_atom"))


def architectures(n: int) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"n_weights": rng.integers(300, 8000, n), "dist_hard_max_ang": rng.uniform(4.5, 7.5, n)})
    return frame.assign(cost=0.1 * frame["n_weights"] ** 0.4 * frame["dist_hard_max_ang"] ** 2.7)


def test_the_power_of_the_cutoff_is_told_from_that_of_the_size():
    found = power_of_cutoff(architectures(6), "cost")
    assert found.power == pytest.approx(2.7)
    assert found.ci95 == pytest.approx((2.7, 2.7))


def test_the_interval_of_the_power_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(11)
    held = []
    for _ in range(400):
        frame = architectures(9)
        frame["cost"] *= np.exp(0.2 * rng.standard_normal(9))
        low, high = power_of_cutoff(frame, "cost").ci95
        held.append(low <= 2.7 <= high)
    assert 0.92 < np.mean(held) < 0.98


@pytest.mark.parametrize("frame", [architectures(5), architectures(9).assign(dist_hard_max_ang=5.0)])
def test_no_power_where_architectures_are_too_few_or_alike(frame):
    assert power_of_cutoff(frame, "cost") is None


def test_costs_that_were_not_measured_do_not_count():
    frame = architectures(8)
    frame.loc[:2, "cost"] = [np.nan, 0.0, np.inf]
    assert power_of_cutoff(frame, "cost") is None


def test_cutoffs_of_the_front_are_those_of_students_that_no_student_dominates():
    networks = pd.DataFrame(
        {
            "role": ["student", "student", "student", "control", "teacher"],
            "dist_hard_max_ang": [6.0, 5.0, 7.5, 4.5, 7.0],
            "force_rmse_ev_per_ang": [0.05, 0.06, 0.055, 0.01, 0.01],
            "md_us_per_atom_step": [2.0, 1.0, 3.0, 0.1, 9.0],
            "bytes_per_atom": [2.0, 1.0, 3.0, 0.1, 9.0],
        }
    )
    assert front_cutoffs(networks, OBJECTIVES) == [5.0, 6.0]
