import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.stats import t as t_distribution
from scipy.stats import wilcoxon

from pareto_search.analysis.networks import Basis, clean_models
from pareto_search.analysis.paired import match_controls, pair_values, paired_difference, wilcoxon_p_value

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


def pairs_of(rows: list[dict[str, object]], kind: str = "paper") -> pd.DataFrame:
    return pair_values(match_controls(clean_models(pd.DataFrame(rows)), TEST, kind), "test_force_rmse_ev_per_ang")


def draw(rng: np.random.Generator, effect: float, n_architectures: int = 10, n_seeds: int = 4) -> pd.DataFrame:
    between = 0.05 * rng.standard_normal((n_architectures, 1))
    return frame(effect + between + 0.05 * rng.standard_normal((n_architectures, n_seeds)))


def test_exact_effect() -> None:
    found = paired_difference(frame(np.full((5, 4), -0.1), control=1.0))
    assert found.mean == pytest.approx(-0.1)
    assert found.mean_percent == pytest.approx(-10)
    assert found.ci95 == pytest.approx((-0.1, -0.1))
    assert found.ci95_percent == pytest.approx((-10, -10))
    assert (found.n, found.n_architectures, found.n_seeds) == (20, 5, 4)
    assert found.is_better
    assert not found.is_worse


def test_interval_is_students_t_over_architectures() -> None:
    # Means of -0.1, -0.2 and -0.6 have the variance 0.07; 4.3027 is t for two degrees of freedom.
    found = paired_difference(frame(np.array([[0.0, -0.2], [-0.1, -0.3], [-0.6, -0.6]])))
    half_width = 4.3027 * np.sqrt(0.07 / 3)
    assert found.ci95 == pytest.approx((-0.3 - half_width, -0.3 + half_width), rel=1e-4)


def test_the_interval_of_the_percentage_ends_where_errors_do() -> None:
    found = paired_difference(frame(np.array([[-0.9], [0.5], [-0.2]])))
    assert found.ci95_percent is not None
    low, high = found.ci95_percent
    assert low == -100.0
    assert high == pytest.approx(-20 + 4.3027 * 70 / np.sqrt(3), rel=1e-4)  # t for two degrees of freedom


def test_interval_covers_a_known_effect_even_with_four_architectures() -> None:
    rng = np.random.default_rng(1)
    intervals = [paired_difference(draw(rng, -0.07, n_architectures=4)).ci95 or (0, 0) for _ in range(800)]
    assert 0.925 <= np.mean([low <= -0.07 <= high for low, high in intervals]) <= 0.975


def test_no_effect_is_seldom_found_where_there_is_none() -> None:
    rng = np.random.default_rng(3)
    found = [paired_difference(draw(rng, 0.0, n_architectures=6, n_seeds=8)) for _ in range(800)]
    assert np.mean([f.is_better or f.is_worse for f in found]) <= 0.075
    assert np.mean([f.p_value is not None and f.p_value < 0.05 for f in found]) <= 0.075


def test_interval_counts_architectures_not_pairs() -> None:
    # Seeds that only repeat their architecture add nothing: the interval must stay as wide as that of one seed.
    one = np.random.default_rng(2).standard_normal((12, 1))
    found = [paired_difference(frame(np.repeat(one, n, axis=1), 9)) for n in (1, 8)]
    assert found[1].ci95 == pytest.approx(found[0].ci95)
    assert found[1].p_value == pytest.approx(found[0].p_value)


def test_architectures_count_the_same_however_many_pairs_they_have() -> None:
    pairs = frame(np.array([[-0.1, -0.1, -0.1], [-0.4, 0.0, 0.0]])).iloc[:4]
    assert paired_difference(pairs).mean == pytest.approx(-0.25)


def test_seeds_carry_the_interval_of_one_architecture() -> None:
    differences = np.array([[-0.11, -0.12, -0.09, -0.1, -0.08, -0.13]])
    found = paired_difference(frame(differences))
    half_width = 2.5706 * differences.std(ddof=1) / np.sqrt(6)
    assert found.ci95 == pytest.approx((-0.105 - half_width, -0.105 + half_width), rel=1e-4)
    assert found.p_value == pytest.approx(2 / 64)
    assert found.is_better


def test_two_architectures_are_taken_as_they_are() -> None:
    """However far apart their gains are: t over two values would have the interval nine standard deviations wide."""
    seeds = np.array([[-0.31, -0.29, -0.30, -0.30], [-0.11, -0.08, -0.12, -0.09]])
    found = paired_difference(frame(seeds))
    parts = seeds.var(axis=1, ddof=1) / 4 / 4
    df = parts.sum() ** 2 / (parts**2 / 3).sum()
    half_width = t_distribution.ppf(0.975, df) * np.sqrt(parts.sum())
    assert found.ci95 == pytest.approx((-0.2 - half_width, -0.2 + half_width))
    assert found.is_better
    assert paired_difference(frame(seeds[:, :1])).ci95 is None  # one seed of each says nothing of seeds
    three = paired_difference(frame(np.vstack([seeds, [[-0.2] * 4]])))
    assert three.ci95 == pytest.approx(tuple(-0.2 + sign * 4.3027 * 0.1 / np.sqrt(3) for sign in (-1, 1)), rel=1e-4)


def test_worse_students_are_called_worse() -> None:
    assert paired_difference(frame(np.full((3, 4), 0.02))).is_worse


def test_the_verdict_goes_by_the_percentage_that_is_shown() -> None:
    """One inaccurate architecture makes the absolute differences uneven, though all gain alike."""
    gains = {1.0: -0.22, 0.1: -0.20, 0.11: -0.24}
    pairs = [frame(np.full((1, 2), gain * control), control) for control, gain in gains.items()]
    found = paired_difference(pd.concat([pair.assign(architecture=n) for n, pair in enumerate(pairs)]))
    assert found.ci95 is not None
    assert found.ci95[0] < 0 < found.ci95[1]
    assert found.ci95_percent is not None
    assert found.ci95_percent[1] < 0
    assert found.is_better


def test_few_pairs_are_computed_but_not_conclusive() -> None:
    found = paired_difference(frame(np.array([[-0.1, -0.1], [-0.1, -0.1]])))
    assert found.ci95 is not None
    assert found.p_value is None
    assert not found.is_conclusive
    assert not found.is_better
    assert paired_difference(
        frame(np.array([[-0.1, -0.1, -0.1, -0.1]]))
    ).is_better  # four seeds tell of one architecture
    assert not paired_difference(frame(np.array([[-0.1, -0.1, -0.1]]))).is_conclusive


def test_one_pair_and_no_pair() -> None:
    one = paired_difference(frame(np.array([[-0.1]])))
    assert one.mean == pytest.approx(-0.1)
    assert (one.ci95, one.p_value, one.n) == (None, None, 1)
    none = paired_difference(frame(np.zeros((0, 0))))
    assert (none.mean, none.ci95, none.p_value, none.mean_percent, none.n) == (None, None, None, None, 0)


def test_no_percent_of_a_control_without_error() -> None:
    found = paired_difference(frame(np.full((3, 2), 0.1), control=0.0))
    assert (found.mean_percent, found.ci95_percent) == (None, None)
    assert found.mean == pytest.approx(0.1)


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
    pairs = pairs_of(rows)
    assert pairs[["seed", "student", "control"]].to_numpy().tolist() == [[0, 0.9, 1.0], [1, 0.8, 1.1]]


def test_pairs_leave_out_what_is_not_complete_or_not_measured() -> None:
    rows = [model("student", 12, 0, 0.9), model("control", 12, 0, 1.0, status="diverged"),
            model("student", 12, 1, 0.9), model("control", 12, 1, float("nan")),
            model("student", 12, 2, 0.9), model("control", 12, 2, 1.0, stage="search"),
            model("student", 12, 3, 0.9), model("control", 12, 3, 1.0, control_kind="ablation")]  # fmt: skip
    assert pairs_of(rows).empty


@pytest.mark.parametrize(("kind", "settings"), [
    ("paper", {"learning_rate": [1e-3, 2e-3]}), ("ablation", {"weight_forces": [10.0, 30.0]}),
    ("one_teacher", {"weight_atomic_energy": [10.0, 30.0]}), ("scratch", {"batch_size": [16, 32]}),
])  # fmt: skip
def test_a_control_is_that_of_its_own_student(kind: str, settings: dict[str, list[float]]) -> None:
    [(name, values)] = settings.items()
    rows = [model("student", 12, 0, 0.1 * (n + 1), **{name: value}) for n, value in enumerate(values)]
    rows += [
        model("control", 12, 0, n + 1.0, control_kind=kind, **{name: value})
        for n, value in reversed(list(enumerate(values)))
    ]
    assert pairs_of(rows, kind)[["student", "control"]].to_numpy().tolist() == [[0.1, 1.0], [0.2, 2.0]]


def test_what_a_control_lacks_does_not_part_it_from_its_students() -> None:
    rows = [model("student", 12, 0, 0.9, weight_forces=30.0, weight_atomic_energy=w) for w in (10.0, 100.0)]
    for kind, weight in (("ablation", 30.0), ("paper", 10.0), ("tuned", 60.0)):
        rows.append(model("control", 12, 0, 1.0, control_kind=kind, weight_forces=weight, weight_atomic_energy=0.0))
        assert len(pairs_of(rows, kind)) == 2


def test_students_that_share_a_control_are_one_value_together() -> None:
    once = pd.DataFrame({"architecture": 0, "seed": range(3), "student": [0.9, 0.8, 1.1], "control": 1.0})
    thrice = pd.concat([once.assign(student=once["student"] + shift) for shift in (-0.1, 0.0, 0.1)])
    assert paired_difference(thrice).ci95 == pytest.approx(paired_difference(once).ci95)
    assert paired_difference(thrice).n == 9
    assert not paired_difference(thrice).is_conclusive  # there are three seeds, whatever was tried with them
