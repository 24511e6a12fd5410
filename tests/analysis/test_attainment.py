from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pytest

from pareto_search.analysis.attainment import attainment
from pareto_search.analysis.networks import Basis, clean_models

TEST = Basis("confirm", "test")


def rows(fronts: Mapping[int, Sequence[tuple[float, float]]], role: str = "student", kind: str = "") -> pd.DataFrame:
    """Rows of `models.csv` from the (step time, force RMSE) of each seed's networks."""
    return clean_models(pd.DataFrame([
        {"model_id": f"{role}{kind}{seed}-{n}", "stage": "confirm", "status": "complete", "role": role,
         "control_kind": kind, "seed": seed, "md_us_per_atom_step": cost, "test_force_rmse_ev_per_ang": error}
        for seed, points in fronts.items() for n, (cost, error) in enumerate(points)
    ]))  # fmt: skip


def surfaces(models: pd.DataFrame, role: str = "student", kind: str = "") -> dict[int, list[list[float]]]:
    found = attainment(models, TEST, "md_us_per_atom_step")[role, kind].surfaces
    return {percentile: corners.tolist() for percentile, corners in found.items()}


FOUR = {0: [(1, 0.4), (2, 0.1)], 1: [(1, 0.3), (2, 0.2)], 2: [(1, 0.2), (2, 0.3)], 3: [(1, 0.1), (2, 0.05)]}


def test_surfaces_are_order_statistics_of_the_seeds_at_each_cost():
    # Best so far: at cost 1 the errors 0.1, 0.2, 0.3, 0.4; at cost 2 they are 0.05, 0.1, 0.2, 0.2.
    assert surfaces(rows(FOUR)) == {25: [[1, 0.1], [2, 0.05]], 50: [[1, 0.2], [2, 0.1]], 75: [[1, 0.3], [2, 0.2]]}


def test_each_kind_of_control_has_its_own_surfaces():
    models = pd.concat([rows(FOUR), rows({0: [(1, 1.0)], 1: [(1, 2.0)]}, "control", "paper"),
                        rows({0: [(1, 3.0)], 1: [(1, 4.0)]}, "control", "ablation")])  # fmt: skip
    found = attainment(models, TEST, "md_us_per_atom_step")
    assert set(found) == {("student", ""), ("control", "paper"), ("control", "ablation")}
    assert found["student", ""].n_seeds == 4
    assert surfaces(models, "control", "paper")[75] == [[1, 2.0]]


def test_a_place_that_too_few_seeds_reach_is_not_attained():
    assert surfaces(rows({0: [(1, 0.1)], 1: [(2, 0.1)]})) == {25: [[1, 0.1]], 50: [[1, 0.1]], 75: [[2, 0.1]]}


def test_nothing_is_said_with_one_seed():
    assert attainment(rows({7: [(1, 0.1), (2, 0.05)]}), TEST, "md_us_per_atom_step") == {}
    assert attainment(clean_models(pd.DataFrame()), TEST, "md_us_per_atom_step") == {}


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("column", ["md_us_per_atom_step", "test_force_rmse_ev_per_ang"])
def test_what_was_not_measured_does_not_count(column, value):
    models = rows({**FOUR, 4: [(0.5, 0.01)]})
    models.loc[len(models) - 1, column] = value
    assert surfaces(models) == surfaces(rows(FOUR))


def test_only_complete_networks_of_the_stage_count():
    better = rows({seed: [(0.5, 0.01)] for seed in FOUR})
    assert surfaces(pd.concat([rows(FOUR), better])) != surfaces(rows(FOUR))
    models = pd.concat([rows(FOUR), better.assign(status="diverged"), better.assign(stage="search")])
    assert surfaces(models) == surfaces(rows(FOUR))
