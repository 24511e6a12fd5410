"""What the hard cutoff buys in studies that search it: cutoffs of the front, and how costs grow with the cutoff."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pareto_search.analysis.comparison import front_mask
from pareto_search.analysis.intervals import Interval, t_interval
from pareto_search.objectives import Objective

#: A fit of three numbers to fewer architectures would mean little.
_MIN_ARCHITECTURES = 6


def front_cutoffs(networks: pd.DataFrame, objectives: Sequence[Objective]) -> list[float]:
    """Hard cutoffs (Å) of the students that no other student dominates, rising."""
    students = networks[networks["role"] == "student"]
    return sorted(students[front_mask(students, objectives)]["dist_hard_max_ang"])


@dataclass(frozen=True)
class Power:
    """The power to which a cost grows with the cutoff, and its 95 % interval."""

    power: float
    ci95: Interval


def power_of_cutoff(architectures: pd.DataFrame, column: str) -> Power | None:
    """Power p of a cost that grows as n_weights^q · cutoff^p, by least squares on logarithms.

    Args:
        architectures: One row each, with `n_weights`, `dist_hard_max_ang` (Å) and the cost.
        column: Name of the cost.

    Returns:
        p, or None where architectures are too few or too alike.
    """
    names = ["n_weights", "dist_hard_max_ang", column]
    values = architectures[names].to_numpy(dtype=float)
    logs = np.log(values[(np.isfinite(values) & (values > 0)).all(axis=1)])
    if len(logs) < _MIN_ARCHITECTURES:
        return None
    terms = np.column_stack([np.ones(len(logs)), logs[:, :2] - logs[:, :2].mean(axis=0)])
    found, _, rank, _ = np.linalg.lstsq(terms, logs[:, 2], rcond=None)
    if rank < terms.shape[1]:
        return None
    df = len(logs) - rank
    variance = np.sum((logs[:, 2] - terms @ found) ** 2) / df * np.linalg.inv(terms.T @ terms)[2, 2]
    return Power(float(found[2]), t_interval(float(found[2]), float(np.sqrt(variance)), df))
