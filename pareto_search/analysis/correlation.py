"""Correlation of two errors over networks, with an interval that counts architectures and not networks.

Networks of one architecture resemble each other, so whole architectures are resampled (cluster bootstrap). Percentiles
of so few resampled units are too narrow; the interval is Student's t around Fisher's z = artanh r instead, with the
standard error of z from the resamples and one degree of freedom less than architectures. With one network each, the
standard error is √((1 + r²/2) / (n − 3)) instead (Bonett and Wright, Psychometrika 65, 23, 2000).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from pareto_search.analysis.intervals import Interval, t_interval

#: An interval over fewer architectures would mean nothing.
MIN_ARCHITECTURES = 4
_N_RESAMPLES = 1000
#: Correlations are kept this far from ±1, where z is infinite.
_MARGIN = 1e-6

_Measure = Callable[[NDArray[np.float64], NDArray[np.float64]], float]


@dataclass(frozen=True)
class Correlation:
    """A correlation and its 95 % interval.

    Attributes:
        value: Between −1 and 1.
        ci95: Its interval; None for fewer than `MIN_ARCHITECTURES` architectures.
        n_architectures: Architectures that they have.
    """

    value: float
    ci95: Interval | None
    n: int
    n_architectures: int


def spearman(x: ArrayLike, y: ArrayLike, architecture: ArrayLike) -> Correlation | None:
    """Correlation of the ranks of x and y.

    Args:
        x: One value a network, shape (n,); networks with a value that is not finite are left out.
        y: Another, shape (n,).
        architecture: Identifies architectures, shape (n,).

    Returns:
        The correlation, or None where fewer than three networks are left or one quantity is the same for all.
    """
    return _correlation(x, y, architecture, lambda a, b: _pearson(rankdata(a), rankdata(b)))


def pearson(x: ArrayLike, y: ArrayLike, architecture: ArrayLike) -> Correlation | None:
    """Linear correlation of x and y; the result is as for `spearman`.

    Args:
        x: One value a network, shape (n,); networks with a value that is not finite are left out.
        y: Another, shape (n,).
        architecture: Identifies architectures, shape (n,).
    """
    return _correlation(x, y, architecture, _pearson)


def _correlation(x: ArrayLike, y: ArrayLike, architecture: ArrayLike, measure: _Measure) -> Correlation | None:
    xs, ys = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    is_known = np.isfinite(xs) & np.isfinite(ys)
    xs, ys = xs[is_known], ys[is_known]
    groups = np.unique(np.asarray(architecture)[is_known], return_inverse=True)[1]
    n_groups = int(groups.max()) + 1 if len(groups) else 0
    if len(xs) < 3 or not np.isfinite(value := measure(xs, ys)):
        return None
    ci95 = _interval(xs, ys, groups, value, measure) if n_groups >= MIN_ARCHITECTURES else None
    return Correlation(value, ci95, len(xs), n_groups)


def _interval(
    x: NDArray[np.float64], y: NDArray[np.float64], groups: NDArray[np.int64], value: float, measure: _Measure
) -> Interval | None:
    n_groups = int(groups.max()) + 1
    if n_groups == len(x):
        return _interval_of_one_each(value, n_groups)
    rng = np.random.default_rng(0)  # so that reports can be repeated
    members = [np.flatnonzero(groups == group) for group in range(n_groups)]
    zs = []
    for chosen in rng.integers(n_groups, size=(_N_RESAMPLES, n_groups)):
        rows = np.concatenate([members[group] for group in chosen])
        found = measure(x[rows], y[rows])
        if np.isfinite(found):
            zs.append(_z(found))
    if len(zs) < _N_RESAMPLES / 2:
        return None
    standard_error = float(np.std(zs) * np.sqrt(n_groups / (n_groups - 1)))
    low, high = t_interval(_z(value), standard_error, n_groups - 1)
    return float(np.tanh(low)), float(np.tanh(high))


def _interval_of_one_each(value: float, n: int) -> Interval:
    """Interval for n architectures of one network; perfect order counts as half the smallest step of ranks below it."""
    r = float(np.clip(value, -1 + 6 / (n**3 - n), 1 - 6 / (n**3 - n)))
    low, high = t_interval(_z(r), float(np.sqrt((1 + r**2 / 2) / (n - 3))), n - 1)
    return float(np.tanh(low)), float(np.tanh(high))


def _pearson(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """NaN where one does not vary."""
    a, b = x - x.mean(), y - y.mean()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale > 0 else float("nan")


def _z(correlation: float) -> float:
    return float(np.arctanh(np.clip(correlation, -1 + _MARGIN, 1 - _MARGIN)))
