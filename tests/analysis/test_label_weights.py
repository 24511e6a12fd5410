import numpy as np
import pandas as pd
import pytest

from pareto_search.analysis.label_weights import gains_by_weight
from pareto_search.analysis.networks import Basis, clean_models
from tests.report.synthetic import CONTROL_WEIGHTS, STUDENT_WEIGHTS, row

SHAPE = (12, 8, 1)
BASIS = Basis("confirm", "test")
#: Error of students over that of the ablation control, which is what a student of weight 0 would be, by weight.
FACTORS = {0.0: 1.0, 1.0: 0.99, 10.0: 0.95, 100.0: 0.8, 300.0: 1.1}


def models(weights: list[float]) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    rows = []
    for seed in range(4):
        for kind, factor in (("paper", 1.2), ("ablation", 1.0)):
            rows.append(row(
                f"{kind}-{seed}", SHAPE, stage="confirm", role="control", control_kind=kind, seed=seed,
                error=0.1 * factor, **CONTROL_WEIGHTS[kind],
            ))  # fmt: skip
        for weight in weights:
            rows.append(row(
                f"student-{weight:g}-{seed}", SHAPE, stage="confirm", role="student", seed=seed,
                error=0.1 * FACTORS[weight] * (1 + 0.005 * rng.normal()), test_energy_rmse_ev_per_atom=0.002,
                **(STUDENT_WEIGHTS | {"weight_atomic_energy": weight}),
            ))  # fmt: skip
    return clean_models(pd.DataFrame(rows))


def test_each_weight_is_compared_with_each_control_by_seed():
    gains = gains_by_weight(models([weight for weight in FACTORS if weight]), BASIS)
    assert [(gain.control_kind, gain.weight_atomic_energy) for gain in gains] == [
        (kind, weight) for kind in ("paper", "ablation") for weight in FACTORS if kind == "paper" or weight
    ]
    for gain in gains:
        expected = FACTORS[gain.weight_atomic_energy] / (1.2 if gain.control_kind == "paper" else 1.0)
        assert gain.force_rmse.mean_percent == pytest.approx(100 * (expected - 1), abs=1.0)
        control_energy = 0.0032 * (1.2 if gain.control_kind == "paper" else 1.0)
        if gain.weight_atomic_energy:
            assert gain.energy_rmse.mean_percent == pytest.approx(100 * (0.002 / control_energy - 1))
        assert (gain.force_rmse.n, gain.force_rmse.n_seeds) == (4, 4)


def test_two_weights_are_no_dependence():
    assert gains_by_weight(models([1.0, 10.0]), BASIS) == []
