import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.stats import wilcoxon

from pareto_search.analysis.networks import Basis
from pareto_search.analysis.paired import bootstrap_means, pair_models, paired_difference, wilcoxon_p_value

TEST = Basis("confirm", "test")


def frame(differences: NDArray[np.float64], control: float = 1.0) -> pd.DataFrame:
    """Pairs from a matrix (n_architectures, n_seeds) of student − control."""
    n_architectures, n_seeds = differences.shape
    return pd.DataFrame({
        "architecture": np.repeat(np.arange(n_architectures), n_seeds),
        "seed": np.tile(np.arange(n_seeds), n_architectures),
        "student": control + differences.ravel(),
        "control": control,
    })  # fmt: skip


def model(role: str, features: int, seed: int, error: float, **values: object) -> dict[str, object]:
    return {
        "model_id": f"{role}{features}-{seed}-{values.get('trial_id')}-{error}", "stage": "confirm", "role": role,
        "control_kind": "paper" if role == "control" else None, "seed": seed, "n_features": features,
        "n_sensitivities": 10, "n_atom_layers": 2, "n_interaction_layers": 1, "l_max": 1, "dist_hard_max_ang": 7.5,
        "dist_soft_max_ang": 7.0, "activation": "softplus",
        "status": "complete", "test_force_rmse_ev_per_ang": error, **values,
    }  # fmt: skip


def draw(rng: np.random.Generator, effect: float, n_architectures: int = 10, n_seeds: int = 4) -> pd.DataFrame:
    between = 0.05 * rng.standard_normal((n_architectures, 1))
    return frame(effect + between + 0.05 * rng.standard_normal((n_architectures, n_seeds)))


def test_exact_effect() -> None:
    found = paired_difference(frame(np.full((5, 4), -0.1), control=1.0), np.random.default_rng(0))
    assert found.mean == pytest.approx(-0.1)
    assert found.mean_percent == pytest.approx(-10)
    assert found.ci95 == pytest.approx((-0.1, -0.1))
    assert found.ci95_percent == pytest.approx((-10, -10))
    assert (found.n, found.n_architectures, found.n_seeds) == (20, 5, 4)
    assert found.is_better
    assert not found.is_worse


def test_interval_covers_a_known_effect() -> None:
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(120):
        low, high = paired_difference(draw(rng, -0.07), rng, n_resamples=400).ci95 or (0, 0)
        hits += low <= -0.07 <= high
    assert 0.87 <= hits / 120 <= 0.995


def test_interval_counts_architectures_not_pairs() -> None:
    # Seeds that only repeat their architecture add nothing: the interval must stay as wide as that of one seed.
    rng = np.random.default_rng(2)
    one = rng.standard_normal((12, 1))
    widths = [np.ptp(paired_difference(frame(np.repeat(one, n, axis=1), 9), rng).ci95 or (0, 0)) for n in (1, 8)]
    assert widths[1] == pytest.approx(widths[0], rel=0.1)


def test_no_effect_is_seldom_found_where_there_is_none() -> None:
    rng = np.random.default_rng(3)
    found = [paired_difference(draw(rng, 0.0), rng, n_resamples=400) for _ in range(100)]
    assert sum(f.is_better or f.is_worse for f in found) <= 15


def test_worse_students_are_called_worse() -> None:
    assert paired_difference(frame(np.full((3, 4), 0.02)), np.random.default_rng(0)).is_worse


def test_few_pairs_are_computed_but_not_conclusive() -> None:
    found = paired_difference(frame(np.array([[-0.1, -0.2], [-0.3, -0.4]])), np.random.default_rng(0))
    assert found.ci95 is not None
    assert found.p_value == pytest.approx(0.125)
    assert not found.is_conclusive
    assert not found.is_better


def test_one_pair_and_no_pair() -> None:
    one = paired_difference(frame(np.array([[-0.1]])), np.random.default_rng(0))
    assert one.mean == pytest.approx(-0.1)
    assert (one.ci95, one.p_value, one.n) == (None, None, 1)
    none = paired_difference(frame(np.zeros((0, 0))), np.random.default_rng(0))
    assert (none.mean, none.ci95, none.p_value, none.mean_percent, none.n) == (None, None, None, None, 0)


def test_same_seed_same_interval() -> None:
    pairs = draw(np.random.default_rng(4), -0.05)
    first, again = (paired_difference(pairs, np.random.default_rng(9)) for _ in range(2))
    assert first == again


def test_bootstrap_of_unequal_groups_is_the_mean_over_members() -> None:
    values = np.array([[1.0, 1.0, 1.0, 4.0]])
    means = bootstrap_means(values, np.array([5, 5, 5, 2]), np.random.default_rng(0), 2000)[0]
    # Both groups: (3 + 4) / 4; the first twice: 1; the second twice: 4.
    assert set(np.round(means, 9)) == {1.0, 1.75, 4.0}
    assert (means == 1.75).mean() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("n", [5, 9, 12, 20, 40])
def test_wilcoxon_equals_scipy_without_ties(n: int) -> None:
    differences = np.random.default_rng(n).standard_normal(n) - 0.4
    assert wilcoxon_p_value(differences) == pytest.approx(wilcoxon(differences).pvalue)


def test_wilcoxon_with_ties_and_zeros() -> None:
    assert wilcoxon_p_value(np.full(6, -0.1)) == pytest.approx(2 / 64)
    assert wilcoxon_p_value(np.zeros(8)) == 1.0
    assert wilcoxon_p_value(np.array([0.0, -1.0, 1.0])) == 1.0


def test_pairs_match_architecture_and_seed() -> None:
    rows = [model("student", 12, 0, 0.9), model("student", 12, 1, 0.8), model("student", 24, 0, 0.7),
            model("control", 12, 1, 1.1), model("control", 12, 0, 1.0), model("control", 24, 3, 5.0)]  # fmt: skip
    pairs = pair_models(pd.DataFrame(rows), TEST, "paper", "force_rmse_ev_per_ang")
    assert pairs[["seed", "student", "control"]].to_numpy().tolist() == [[0, 0.9, 1.0], [1, 0.8, 1.1]]


def test_pairs_leave_out_what_is_not_complete_or_not_measured() -> None:
    rows = [model("student", 12, 0, 0.9), model("control", 12, 0, 1.0, status="diverged"),
            model("student", 12, 1, 0.9), model("control", 12, 1, float("nan")),
            model("student", 12, 2, 0.9), model("control", 12, 2, 1.0, stage="search"),
            model("student", 12, 3, 0.9), model("control", 12, 3, 1.0, control_kind="ablation")]  # fmt: skip
    assert pair_models(pd.DataFrame(rows), TEST, "paper", "force_rmse_ev_per_ang").empty


def test_pairs_prefer_the_control_of_the_same_trial() -> None:
    rows = [model("student", 12, 0, 0.9, trial_id=1), model("student", 12, 0, 0.8, trial_id=2),
            model("student", 12, 0, 0.7, trial_id=3),
            model("control", 12, 0, 1.0, trial_id=1), model("control", 12, 0, 2.0, trial_id=2)]  # fmt: skip
    pairs = pair_models(pd.DataFrame(rows), TEST, "paper", "force_rmse_ev_per_ang")
    assert pairs["control"].tolist() == [1.0, 2.0, 1.5]
