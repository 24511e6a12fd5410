"""What is said of a claim: an estimate, its 95 % interval and a verdict."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pareto_search.analysis.intervals import Interval, mean_interval
from pareto_search.analysis.paired import MIN_PAIRS

Verdict = Literal["holds", "does not hold", "not sure"]


@dataclass(frozen=True)
class Claim:
    """What a run says of a claim.

    Attributes:
        name: Short, for tables that gather several runs.
        source: Figure or section of the paper.
        statement: The claim.
        quantity: What was estimated, with its unit.
        estimate: Its value.
        ci95: Its 95 % interval.
        n: Values that the interval rests on, in words.
        verdict: Whether the claim holds here.
    """

    name: str
    source: str
    statement: str
    quantity: str
    estimate: float
    ci95: Interval | None
    n: str
    verdict: Verdict


def verdict_of(ci95: Interval | None, *, is_below: bool, n_pairs: int = MIN_PAIRS) -> Verdict:
    """Whether an interval lies on the claimed side of 0."""
    if ci95 is None or n_pairs < MIN_PAIRS:
        return "not sure"
    low, high = ci95 if is_below else (-ci95[1], -ci95[0])
    return "holds" if high < 0 else "does not hold" if low > 0 else "not sure"


def paired_claim(
    pairs: pd.DataFrame,
    values: NDArray[np.float64],
    name: str,
    source: str,
    statement: str,
    quantity: str,
    shown: Callable[[float], float] = float,
) -> Iterator[Claim]:
    """A claim that the mean of one value for each pair is below 0; architectures count once each, of one its seeds.

    Args:
        pairs: Rows with the `number` of an architecture and a `seed`.
        values: Shape (n_pairs,); those that are not finite are left out, and without any there is no claim.
        name: As in `Claim`, as the next three are.
        source: See there.
        statement: See there.
        quantity: See there.
        shown: Mean and interval are given as this of them; it must keep signs.
    """
    is_known = np.isfinite(values)
    known = pairs.loc[is_known, ["number", "seed"]].assign(value=values[is_known])
    if known.empty:
        return
    n_architectures = known["number"].nunique()
    unit = "number" if n_architectures > 1 else "seed"
    units = known.groupby(unit)["value"].mean().to_numpy(dtype=float)
    ci95 = mean_interval(units)
    n = f"{len(known)} pairs, " + (f"{len(units)} architectures" if n_architectures > 1 else f"{len(units)} seeds")
    verdict = verdict_of(ci95, is_below=True, n_pairs=len(known) if n_architectures > 1 else MIN_PAIRS)
    estimate, interval = shown(float(units.mean())), ci95 and (shown(ci95[0]), shown(ci95[1]))
    yield Claim(name, source, statement, quantity, estimate, interval, n, verdict)
