import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from pareto_search.analysis.comparison import HypervolumeComparison, compare_hypervolumes
from pareto_search.analysis.front import ReferencePoint, volume_of
from pareto_search.analysis.networks import Basis, average_networks, clean_models
from pareto_search.objectives import objectives_named

TEST = Basis("confirm", "test")
OBJECTIVES = objectives_named(("valid_force_rmse_ev_per_ang", "md_us_per_atom_step", "bytes_per_atom"))
REFERENCE = ReferencePoint((0.2, 12.0, 1200.0), "teacher", (4.0, 2.0, 2.0))
SIDES = (("student", ""), ("control", "paper"))


def ladder(n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Costs (n, 2) and errors (n,) of architectures that are all on the front."""
    size = np.linspace(0, 1, n)
    return np.column_stack([2 * 5**size, 200 * 4**size]), 0.12 * 0.5**size


def rows(costs: NDArray[np.float64], errors: NDArray[np.float64]) -> pd.DataFrame:
    """Rows of `models.csv` from errors of shape (2, n_architectures, n_seeds), NaN where a network was lost."""
    return clean_models(pd.DataFrame([
        {"model_id": f"{role}{n}-{seed}", "stage": "confirm", "status": "complete", "role": role,
         "control_kind": kind, "n_features": n, "seed": seed, "test_force_rmse_ev_per_ang": errors[side, n, seed],
         "md_us_per_atom_step": costs[n, 0], "bytes_per_atom": costs[n, 1]}
        for side, (role, kind) in enumerate(SIDES)
        for n in range(errors.shape[1]) for seed in range(errors.shape[2]) if np.isfinite(errors[side, n, seed])
    ]))  # fmt: skip


def compare(models: pd.DataFrame) -> HypervolumeComparison:
    networks = average_networks(models, TEST)
    students, controls = (networks[networks["role"] == role] for role, _ in SIDES)
    return compare_hypervolumes(models, students, controls, TEST, OBJECTIVES, REFERENCE)


def test_interval_of_one_architecture_in_closed_form() -> None:
    # The volume is the extent along the error times the area of the costs, and only the student varies between seeds.
    costs, _ = ladder(1)
    errors = np.stack([[[0.09, 0.10, 0.11, 0.10]], [[0.12] * 4]])
    area = np.log10(12 / costs[0, 0]) * np.log10(1200 / costs[0, 1])
    difference = area * np.log10(0.12 / 0.10)
    standard_error = area * errors[0].std(ddof=1) / 0.10 / np.log(10) / np.sqrt(4)
    found = compare(rows(costs, errors))
    assert found.difference == pytest.approx(difference)
    assert found.ci95 == pytest.approx(
        (difference - 3.18245 * standard_error, difference + 3.18245 * standard_error), rel=1e-4
    )


def test_interval_covers_the_truth_though_some_architectures_are_noisier() -> None:
    rng = np.random.default_rng(5)
    costs, control = ladder(4)
    true = np.stack([0.92 * control, control])
    spread = np.array([0.02, 0.15, 0.05, 0.03])[:, None]
    volumes = [volume_of(np.column_stack([e, costs]), OBJECTIVES, REFERENCE.values) for e in true]
    truth = volumes[0] - volumes[1]
    hits = []
    for _ in range(100):
        found = compare(rows(costs, true[:, :, None] * (1 + spread * rng.standard_normal((2, 4, 4)))))
        assert found.ci95 is not None
        hits.append(found.ci95[0] <= truth <= found.ci95[1])
    assert 0.90 <= np.mean(hits) <= 0.99


def test_what_student_and_control_of_a_seed_share_cancels() -> None:
    rng = np.random.default_rng(6)
    costs, control = ladder(4)
    both = control[:, None] * (1 + 0.1 * rng.standard_normal((4, 4)))
    together = compare(rows(costs, np.stack([0.9 * both, both])))
    apart = compare(rows(costs, np.stack([0.9 * both, both[:, ::-1]])))
    assert together.ci95 == pytest.approx((together.difference, together.difference), abs=1e-3)
    assert apart.ci95 is not None
    assert np.ptp(apart.ci95) > 0.02


def test_seeds_of_networks_behind_the_front_do_not_matter() -> None:
    costs, control = ladder(3)
    costs[1] = costs[2] * 1.01  # now slower and larger than the most accurate one
    errors = np.stack([0.9 * control, control])[:, :, None] * np.ones(4)
    errors[:, 1] *= [[0.9, 1.1, 0.95, 1.05]]
    found = compare(rows(costs, errors))
    assert found.ci95 == pytest.approx((found.difference, found.difference))
    errors[0, 1, 1:] = np.nan
    assert compare(rows(costs, errors)).ci95 is not None


def test_one_seed_of_a_front_network_gives_no_interval_but_a_reason() -> None:
    costs, control = ladder(3)
    errors = np.stack([0.9 * control, control])[:, :, None] * (1 + 0.01 * np.arange(4))
    errors[1, 2, 1:] = np.nan
    found = compare(rows(costs, errors))
    assert found.difference is not None
    assert found.ci95 is None
    assert "one seed" in (found.no_ci95_reason or "")
