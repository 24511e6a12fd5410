from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from pareto_search.analysis.networks import clean_models
from pareto_search.analysis.winners_curse import WinnersCurse, winners_curse
from pareto_search.objectives import Objective, objectives_named

OBJECTIVES = objectives_named(("valid_force_rmse_ev_per_ang", "md_us_per_atom_step", "bytes_per_atom"))


def row(features, stage, seed, error, **values):
    """A student; larger ones are slower, so that a front is ordered by size."""
    return {"model_id": f"{stage}{features}-{seed}", "stage": stage, "role": "student", "status": "complete",
            "n_features": features, "seed": seed, "weight_forces": 30.0, "valid_force_rmse_ev_per_ang": error,
            "md_us_per_atom_step": features, "bytes_per_atom": features, "n_epochs": 100, **values}  # fmt: skip


def curse_of(models: pd.DataFrame, objectives: Sequence[Objective] = OBJECTIVES) -> WinnersCurse:
    found = winners_curse(clean_models(models), objectives)
    assert found is not None
    return found


def test_retrained_errors_are_held_against_those_of_the_search():
    rows = [row(10, "search", 0, 0.4), row(20, "search", 0, 0.2),
            row(10, "confirm", 1, 0.5), row(10, "confirm", 2, 0.46), row(20, "confirm", 1, 0.2, n_epochs=150),
            row(20, "confirm", 2, 0.2, n_epochs=150)]  # fmt: skip
    found = winners_curse(clean_models(pd.DataFrame(rows)), OBJECTIVES)
    middle = np.log(1.2) / 2
    assert found.n == 2
    assert found.mean_percent == pytest.approx(100 * np.expm1(middle))
    assert found.ci95_percent == pytest.approx(
        [100 * np.expm1(middle + sign * 12.7062 * middle) for sign in (-1, 1)], rel=1e-4
    )
    assert found.epochs_ratio == pytest.approx(1.25)


def test_only_students_of_the_searchs_front_count():
    rows = [row(10, "search", 0, 0.2), row(20, "search", 0, 0.3),
            row(10, "confirm", 1, 0.2), row(20, "confirm", 1, 0.9)]  # fmt: skip
    found = winners_curse(clean_models(pd.DataFrame(rows)), OBJECTIVES)
    assert (found.n, found.mean_percent, found.ci95_percent) == (1, pytest.approx(0), None)


@pytest.mark.parametrize("other", [{"weight_forces": 10.0}, {"status": "diverged"}, {"role": "control"}])
def test_without_the_same_student_retrained_nothing_is_said(other):
    rows = [row(10, "search", 0, 0.2), row(10, "confirm", 1, 0.3, **other)]
    assert winners_curse(clean_models(pd.DataFrame(rows)), OBJECTIVES) is None
    assert winners_curse(clean_models(pd.DataFrame()), OBJECTIVES) is None


def test_a_learning_rate_that_was_searched_is_part_of_the_student():
    found = curse_of(pd.DataFrame([
        row(10, "search", 0, 0.2, learning_rate=1e-3), row(20, "search", 1, 0.1, learning_rate=1e-2),
        row(10, "confirm", 1, 0.2, learning_rate=1e-3), row(10, "confirm", 2, 0.9, learning_rate=1e-2),
        row(20, "confirm", 1, 0.1, learning_rate=1e-2)]), OBJECTIVES)  # fmt: skip
    assert (found.n, found.mean_percent) == (2, pytest.approx(0))
    # One that was not may be another in the confirmation, which has training settings of its own.
    fixed = [row(10, "search", 0, 0.2, learning_rate=1e-3), row(10, "confirm", 1, 0.3, learning_rate=1e-2)]
    assert winners_curse(clean_models(pd.DataFrame(fixed)), OBJECTIVES).n == 1


def test_luck_of_the_search_is_found():
    # The best of three equals at every cost: they show the lowest of three deviates, -0.846 standard deviations.
    rng = np.random.default_rng(1)
    rows = []
    for group in range(60):
        for member in range(3):
            features = 10 * group + 10 + 0.01 * member
            true = 0.7**group
            rows.append(row(features, "search", 0, true * np.exp(0.1 * rng.standard_normal())))
            rows += [row(features, "confirm", s, true * np.exp(0.1 * rng.standard_normal())) for s in (1, 2)]
    models = pd.DataFrame(rows).assign(
        md_us_per_atom_step=lambda f: f["n_features"] // 10, bytes_per_atom=lambda f: f["n_features"] // 10
    )
    found = curse_of(models)
    low, high = found.ci95_percent
    assert low < 100 * np.expm1(0.0846) < high
    assert low > 4
