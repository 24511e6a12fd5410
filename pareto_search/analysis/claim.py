"""What is found of a claim: an estimate, its 95 % interval and a verdict."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pareto_search.analysis.intervals import Interval, mean_interval
from pareto_search.analysis.paired import (
    MIN_SEEDS,
    are_enough,
    independent_values,
    mean_over_architectures,
    paired_difference,
)

Verdict = Literal["holds", "does not hold", "not sure"]

#: Name, source, statement and quantity of a claim, as in `Claim`.
Words = tuple[str, str, str, str]


@dataclass(frozen=True)
class Claim:
    """What a run finds of a claim.

    Attributes:
        name: Short, for tables that gather several runs.
        source: Figure or section of the paper.
        quantity: What was estimated, with its unit.
        ci95: Its 95 % interval.
        n: Values that the interval rests on, in words.
        verdict: Whether the claim holds here.
        is_difference: Whether the estimate has a sign to be shown.
    """

    name: str
    source: str
    statement: str
    quantity: str
    estimate: float
    ci95: Interval | None
    n: str
    verdict: Verdict
    is_difference: bool = True


def verdict_of(ci95: Interval | None, *, is_below: bool, limit: float = 0.0, is_enough: bool = True) -> Verdict:
    """Whether an interval lies on the claimed side of a limit; nothing is sure of fewer values than are enough.

    Args:
        ci95: 95 % interval of what is claimed to lie on a side of the limit; None: there is none.
        is_below: Whether the claimed side is below the limit.
        limit: In the unit of the interval.
        is_enough: Whether it rests on as many values as may decide.
    """
    if ci95 is None or not is_enough:
        return "not sure"
    low, high = (ci95[0] - limit, ci95[1] - limit) if is_below else (limit - ci95[1], limit - ci95[0])
    return "holds" if high < 0 else "does not hold" if low > 0 else "not sure"


def ratio_claim(values: pd.DataFrame, words: Words) -> Iterator[Claim]:
    """A claim that students have less of something than their controls: the report's own percentage and interval.

    `values` are as `pair_values` returns them; without any there is no claim.
    """
    found = paired_difference(values)
    if found.mean_percent is not None:
        n, verdict = _n_and_verdict(found.ci95_percent, values)
        yield Claim(*words, found.mean_percent, found.ci95_percent, n, verdict)


def paired_claim(
    pairs: pd.DataFrame, values: NDArray[np.float64], words: Words, shown: Callable[[float], float] = float
) -> Iterator[Claim]:
    """A claim that the mean of one value for each pair is below 0, architectures and seeds counting as in reports.

    Args:
        pairs: As `match_controls` returns them.
        values: Shape (n_pairs,); those that are not finite are left out, and without any there is no claim.
        words: Of the claim.
        shown: Mean and interval are given as this of them; it must keep signs.
    """
    is_known = np.isfinite(values)
    known = pairs.loc[is_known, ["architecture", "seed"]].assign(value=values[is_known])
    mean, ci95 = mean_over_architectures(independent_values(known))
    if mean is not None:
        n, verdict = _n_and_verdict(ci95, known)
        interval = ci95 and (shown(ci95[0]), shown(ci95[1]))
        yield Claim(*words, shown(mean), interval, n, verdict)


def seeds_claim(values: NDArray[np.float64], words: Words, limit: float = 0.0) -> Claim:
    """A claim that the mean of one value for each seed is below a limit.

    Args:
        values: Shape (n_seeds,), finite.
        words: Of the claim.
        limit: What the interval must lie below.
    """
    ci95 = mean_interval(values)
    verdict = verdict_of(ci95, is_below=True, limit=limit, is_enough=len(values) >= MIN_SEEDS)
    return Claim(*words, float(values.mean()), ci95, _in_seeds(len(values)), verdict)


def _in_seeds(n: int) -> str:
    return f"{n} seed{'s' if n > 1 else ''}"


def _n_and_verdict(ci95: Interval | None, pairs: pd.DataFrame) -> tuple[str, Verdict]:
    """What an interval rests on, and what it decides."""
    n_pairs = len(pairs.drop_duplicates(["architecture", "seed"]))
    n_architectures = pairs["architecture"].nunique()
    n = f"{n_pairs} pairs, {n_architectures} architectures" if n_architectures > 1 else _in_seeds(n_pairs)
    return n, verdict_of(ci95, is_below=True, is_enough=are_enough(pairs))
