"""Student's t intervals of means over few independent values; `docs/statistics.md` has their measured coverage.

With four or five values, percentiles of bootstrap resamples make an interval of the mean that holds the truth in 81 to
85 % of studies instead of 95 %: resampled means spread less than means do, by sqrt((n − 1) / n), and their tails are
those of a normal distribution. Student's t has neither fault (Hesterberg 2015, doi:10.1080/00031305.2015.1089789).
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

Interval = tuple[float, float]


def t_interval(estimate: float, standard_error: float, df: float) -> Interval:
    """The 95 % interval of an estimate whose standard error is known with `df` degrees of freedom.

    Args:
        estimate: The middle.
        standard_error: Of the estimate, in its unit.
        df: Degrees of freedom, not necessarily whole.
    """
    half_width = float(stdtrit(df, 0.975)) * standard_error
    return estimate - half_width, estimate + half_width


def welch_interval(estimate: float, variances: NDArray[np.float64], n_values: NDArray[np.integer]) -> Interval:
    """The 95 % interval of a sum of independent estimates, degrees of freedom by Welch and Satterthwaite.

    Args:
        estimate: The sum.
        variances: Of each part, shape (n_parts,), estimated.
        n_values: Values that each variance was estimated from, at least two.
    """
    variance = float(variances.sum())
    df = variance**2 / float((variances**2 / (n_values - 1)).sum()) if variance else 1.0
    return t_interval(estimate, variance**0.5, df)


def mean_interval(values: NDArray[np.float64]) -> Interval | None:
    """The 95 % interval of the mean of independent values, shape (n,); None for fewer than two."""
    n = len(values)
    return t_interval(float(values.mean()), float(values.std(ddof=1) / np.sqrt(n)), n - 1) if n > 1 else None
