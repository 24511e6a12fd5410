"""Paired differences between students and their matched controls, with intervals.

A pair is a student and the control of the same architecture and seed. Pairs of one architecture resemble each other,
so what is averaged and tested is one value per architecture: the mean over its pairs. The claim is then about
architectures like these, and more seeds sharpen it only as far as they sharpen each architecture's value. One or two
architectures cannot speak for others: they are taken as they are, and the interval is over their seeds.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata, wilcoxon

from pareto_search.analysis.intervals import Interval, mean_interval, welch_interval
from pareto_search.analysis.networks import ARCHITECTURE_COLUMNS, TRAINING_COLUMNS, WEIGHT_COLUMNS, Basis, complete
from pareto_search.config import TAUGHT_CONTROLS

#: Below this many values a two-sided Wilcoxon test cannot reach p < 0.05 whatever the data.
MIN_PAIRS = 6
#: Seeds that decide about a single architecture, by their interval alone.
MIN_SEEDS = 4
#: With fewer architectures an interval is about these alone: over two of them, Student's t has one degree of freedom.
MIN_ARCHITECTURES = 3


@dataclass(frozen=True)
class PairedDifference:
    """Mean of student − control over architectures; None where it cannot be computed.

    Attributes:
        mean: Mean over architectures of the mean difference of their pairs, in the unit of the column; negative:
            students are better.
        ci95: 95 % interval of the mean over architectures like these: Student's t on the architectures' means. Below
            `MIN_ARCHITECTURES` it is over the seeds of those that there are.
        p_value: Wilcoxon signed-rank test of the architectures' means, two-sided; None below `MIN_PAIRS` of them.
            (Below `MIN_ARCHITECTURES`: of the pairs.)
        n_architectures: Architectures among the pairs.
        mean_percent: Mean over architectures of 100 (student / control − 1), of the mean errors of their pairs.
        ci95_percent: 95 % interval of `mean_percent`, as far as it lies above −100: no error can be lower.
        is_conclusive: Whether there is an interval, and `are_enough` pairs.
        n_distinct: Pairs that differ in architecture or seed.
    """

    mean: float | None
    ci95: Interval | None
    n: int
    p_value: float | None
    n_architectures: int
    n_seeds: int
    mean_percent: float | None
    ci95_percent: Interval | None
    is_conclusive: bool
    n_distinct: int

    @property
    def is_better(self) -> bool:
        """Students are surely better: conclusive, and the whole interval is below 0."""
        return self.is_conclusive and self._deciding is not None and self._deciding[1] < 0

    @property
    def is_worse(self) -> bool:
        """Students are surely worse: conclusive, and the whole interval is above 0."""
        return self.is_conclusive and self._deciding is not None and self._deciding[0] > 0

    @property
    def _deciding(self) -> Interval | None:
        """The interval that reports show: of the percentage, where architectures with large errors weigh no more."""
        return self.ci95_percent or self.ci95


def match_controls(models: pd.DataFrame, basis: Basis, control_kind: str) -> pd.DataFrame:
    """Students beside their controls, the one place where controls are matched.

    A student's control has its architecture and seed and all settings that the kind leaves as they are: another
    student's may have been trained with other loss weights.

    Args:
        models: As `clean_models` returns them.
        basis: Stage and split.
        control_kind: Such as "paper".

    Returns:
        The complete students that have one, each column also as that of the control, with `_control` after its name,
        and the number of the `architecture`.
    """
    rows = complete(models)
    rows = rows[rows["stage"] == basis.stage]
    keys = [*ARCHITECTURE_COLUMNS, "seed", *_kept_settings(control_kind)]
    students = rows[rows["role"] == "student"].sort_values([*keys, "trial_id", "model_id"])
    controls = rows[(rows["role"] == "control") & (rows["control_kind"] == control_kind)].drop_duplicates(keys)
    pairs = students.merge(controls, on=keys, suffixes=("", "_control"))
    return pairs.assign(architecture=pairs.groupby(list(ARCHITECTURE_COLUMNS), dropna=False).ngroup())


def _kept_settings(control_kind: str) -> tuple[str, ...]:
    """Settings beside architecture and seed that a control of this kind has from its student."""
    if control_kind == "tuned":  # searched for an architecture
        return ()
    if control_kind in TAUGHT_CONTROLS:
        return (*TRAINING_COLUMNS, *WEIGHT_COLUMNS)
    return (*TRAINING_COLUMNS, "weight_energy", "weight_forces") if control_kind == "ablation" else TRAINING_COLUMNS


def pair_values(pairs: pd.DataFrame, column: str) -> pd.DataFrame:
    """One quantity of matched students and controls.

    Returns:
        A frame with the columns `architecture`, `seed`, `student` and `control`, all finite.
    """
    values = pairs[["architecture", "seed"]].assign(student=pairs[column], control=pairs[f"{column}_control"])
    is_known = np.isfinite(values[["student", "control"]].to_numpy(dtype=float)).all(axis=1)
    return values.iloc[np.flatnonzero(is_known)].reset_index(drop=True)


def paired_difference(pairs: pd.DataFrame) -> PairedDifference:
    """Mean student − control of the pairs, its 95 % interval and a Wilcoxon test."""
    # Students of one architecture and seed with other loss weights share their control: they are one value together.
    means = independent_values(pairs)
    n, n_distinct = len(pairs), len(pairs[["architecture", "seed"]].drop_duplicates())
    student, control = means["student"].to_numpy(dtype=float), means["control"].to_numpy(dtype=float)
    differences = student - control
    with np.errstate(divide="ignore", invalid="ignore"):
        percents = 100 * (student / control - 1)
    has_percent = n > 0 and bool(np.isfinite(percents).all())
    mean, ci95 = mean_over_architectures(means.assign(value=differences))
    mean_percent, ci95_percent = mean_over_architectures(means.assign(value=percents)) if has_percent else (None, None)
    return PairedDifference(
        mean=mean,
        ci95=ci95,
        n=n,
        p_value=wilcoxon_p_value(differences) if len(differences) >= MIN_PAIRS else None,
        n_architectures=int(pairs["architecture"].nunique()),
        n_seeds=int(pairs["seed"].nunique()),
        mean_percent=mean_percent,
        ci95_percent=_possible_percents(ci95_percent),
        is_conclusive=ci95 is not None and are_enough(pairs),
        n_distinct=n_distinct,
    )


def are_enough(pairs: pd.DataFrame) -> bool:
    """Whether so many pairs may decide: `MIN_PAIRS` that differ in architecture or seed, or `MIN_SEEDS` of one size."""
    n_distinct = len(pairs[["architecture", "seed"]].drop_duplicates())
    return n_distinct >= (MIN_SEEDS if pairs["architecture"].nunique() == 1 else MIN_PAIRS)


def independent_values(values: pd.DataFrame) -> pd.DataFrame:
    """Means over what is not independent: one row an architecture, or each seed's where the architectures are few."""
    is_few = values["architecture"].nunique() < MIN_ARCHITECTURES
    return values.groupby(["architecture", "seed"] if is_few else ["architecture"], as_index=False).mean()


def mean_over_architectures(values: pd.DataFrame) -> tuple[float | None, Interval | None]:
    """Mean of the architectures' means of `value`, and its 95 % interval.

    Args:
        values: `architecture` and `value`, as `independent_values` parts them. Several of an architecture are its
            seeds, whose variance is taken within it; the degrees of freedom are Satterthwaite's.

    Returns:
        None without values, and no interval where an architecture of few has one seed.
    """
    groups = values.groupby("architecture")["value"]
    means = groups.mean().to_numpy(dtype=float)
    if len(means) == 0 or len(means) >= MIN_ARCHITECTURES:
        return (float(means.mean()), mean_interval(means)) if len(means) else (None, None)
    n_seeds = groups.size().to_numpy()
    if (n_seeds < 2).any():
        return float(means.mean()), None
    variances = groups.var().to_numpy(dtype=float) / n_seeds / len(means) ** 2
    return float(means.mean()), welch_interval(float(means.mean()), variances, n_seeds)


def _possible_percents(interval: Interval | None) -> Interval | None:
    """What an interval has above −100 %: it holds the truth as often."""
    return None if interval is None else (max(interval[0], -100.0), interval[1])


def wilcoxon_p_value(differences: NDArray[np.float64]) -> float | None:
    """Two-sided Wilcoxon signed-rank p value, exact for up to 12 pairs even with ties.

    Args:
        differences: Shape (n_pairs,), finite; zeros are left out.

    Returns:
        1 if all differences are zero, None for fewer than two.
    """
    if len(differences) < 2:
        return None
    nonzero = differences[differences != 0]
    n = len(nonzero)
    if n == 0:
        return 1.0
    if n > 12:
        return float(wilcoxon(nonzero).pvalue)
    ranks = rankdata(np.abs(nonzero))
    signs = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    deviations = np.abs(signs @ ranks - ranks.sum() / 2)
    seen = abs(ranks[nonzero > 0].sum() - ranks.sum() / 2)
    return float((deviations >= seen - 1e-9).mean())
