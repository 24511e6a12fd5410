import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr

from pareto_search.analysis import correlation
from pareto_search.analysis.correlation import pearson, spearman


def study(
    rng: np.random.Generator, rho: float, n_architectures: int = 8, n_each: int = 6
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of numbers with a correlation, mostly those of their architecture."""
    mix = np.array([[1.0, 0.0], [rho, np.sqrt(1 - rho**2)]])
    architecture = np.repeat(np.arange(n_architectures), n_each)
    own = rng.standard_normal((len(architecture), 2)) @ mix.T
    x, y = ((rng.standard_normal((n_architectures, 2)) @ mix.T)[architecture] + 0.3 * own).T
    return x, y, architecture


def test_values_are_those_of_scipy() -> None:
    x, y, architecture = study(np.random.default_rng(0), 0.5)
    rank, linear = spearman(x, np.exp(y), architecture), pearson(x, y, architecture)
    assert rank is not None
    assert linear is not None
    assert rank.value == pytest.approx(spearmanr(x, y).statistic)
    assert linear.value == pytest.approx(pearsonr(x, y).statistic)
    assert (rank.n, rank.n_architectures) == (48, 8)
    assert spearman(x, np.exp(y), architecture) == rank


def test_intervals_hold_the_truth_though_networks_of_an_architecture_resemble_each_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(correlation, "_N_RESAMPLES", 100)
    rng = np.random.default_rng(1)
    intervals = []
    for _ in range(100):
        found = pearson(*study(rng, 0.6))
        assert found is not None
        assert found.ci95 is not None
        assert -1 <= found.ci95[0] < found.value < found.ci95[1] <= 1
        intervals.append(found.ci95)
    assert sum(low <= 0.6 <= high for low, high in intervals) >= 88


@pytest.mark.parametrize("true", [0.5, 0.95])
def test_intervals_hold_the_truth_with_one_network_each(true: float) -> None:
    rng = np.random.default_rng(1)
    ranks = 6 / np.pi * np.arcsin(true / 2)  # the rank correlation of normal variables with that linear one
    held = 0
    for _ in range(300):
        x, y = rng.multivariate_normal([0, 0], [[1, true], [true, 1]], size=7).T
        found = spearman(x, y, np.arange(7))
        assert found is not None
        assert found.ci95 is not None
        held += found.ci95[0] <= ranks <= found.ci95[1]
    assert held >= 0.93 * 300
    ordered = spearman(np.arange(7), np.arange(7), np.arange(7))
    assert ordered is not None
    assert ordered.ci95 is not None
    assert 0.5 < ordered.ci95[0] < ordered.ci95[1] <= 1


def test_values_that_are_not_known_are_left_out() -> None:
    x, y, architecture = study(np.random.default_rng(2), 0.5)
    whole = pearson(x[6:], y[6:], architecture[6:])
    assert pearson(np.where(architecture == 0, np.nan, x), y, architecture) == whole


def test_little_gives_no_interval_or_nothing() -> None:
    x, y, architecture = study(np.random.default_rng(3), 0.5)
    few = spearman(x[:18], y[:18], architecture[:18])
    assert few is not None
    assert (few.ci95, few.n_architectures) == (None, 3)
    assert spearman(x[:2], y[:2], architecture[:2]) is None
    assert spearman([], [], []) is None
    assert pearson(x, np.ones_like(y), architecture) is None
