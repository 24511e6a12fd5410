"""Which student to take: the most accurate one under caps on step time and memory, relative to the teacher."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pareto_search.analysis.comparison import front_mask
from pareto_search.analysis.described import ComparedNetwork, DescribedNetwork, describe_all, describe_beside
from pareto_search.objectives import Objective

#: The claim of the paper's section 3: over 2x faster, under half the memory, at most 20 % more force error.
MIN_SPEEDUP = 2.0
MAX_MEMORY_FRACTION = 0.5
MAX_ERROR_PERCENT = 20.0
#: Simple caps, as fractions of the teacher's cost.
CAP_FRACTIONS = (0.5, 0.25, 0.1)
#: The most accurate come first, on the split by which nothing that is claimed was measured.
_RANKING = ["valid_force_rmse_ev_per_ang", "label"]
CAPPED_COLUMNS = ("md_us_per_atom_step", "bytes_per_atom")


@dataclass(frozen=True)
class PaperCriteria:
    """The limits of the paper's claim."""

    speedup_over: float = MIN_SPEEDUP
    memory_fraction_under: float = MAX_MEMORY_FRACTION
    force_rmse_at_most_percent_above_teacher: float = MAX_ERROR_PERCENT


@dataclass(frozen=True)
class CriteriaMet:
    """Which of the criteria a student meets; what was not measured is not met."""

    faster: bool
    smaller: bool
    accurate: bool

    @property
    def n(self) -> int:
        """How many."""
        return self.faster + self.smaller + self.accurate


@dataclass(frozen=True)
class PaperClaim:
    """The student that meets the most of the paper's criteria, the most accurate among equals.

    Attributes:
        met: Those that it meets; None without students or teacher.
        is_met_by_one: Whether some student meets all.
    """

    criteria: PaperCriteria = PaperCriteria()
    met: CriteriaMet | None = None
    is_met_by_one: bool = False
    n_meeting: int = 0
    network: ComparedNetwork | None = None


@dataclass(frozen=True)
class CapChoice:
    """The most accurate student under a cap on a cost, in the unit of its column; None where none is under it."""

    quantity: str
    fraction_of_teacher: float
    cap: float
    network: ComparedNetwork | None


@dataclass(frozen=True)
class BestStudents:
    """The students a user would take. Validation decides which is more accurate.

    Attributes:
        paper: The nearest to the paper's claim.
        caps: The choice under each cap; empty without a teacher.
        students: Those that no other student dominates, the most accurate first.
    """

    paper: PaperClaim
    caps: tuple[CapChoice, ...]
    students: tuple[DescribedNetwork, ...]


def best_under(networks: pd.DataFrame, teacher: pd.Series | None, objectives: Sequence[Objective]) -> BestStudents:
    """The students a user would take.

    Args:
        networks: As `average_networks` returns them.
        teacher: The teacher's row, or None: then there is nothing to compare with.
        objectives: What the study optimises.
    """
    students = networks[networks["role"] == "student"].sort_values(_RANKING)
    return BestStudents(
        paper=PaperClaim() if teacher is None or students.empty else _paper_claim(students, teacher),
        caps=() if teacher is None else tuple(_under_caps(students, teacher)),
        students=describe_all(students[front_mask(students, objectives)], teacher),
    )


def _paper_claim(students: pd.DataFrame, teacher: pd.Series) -> PaperClaim:
    described = [describe_beside(row, teacher) for _, row in students.iterrows()]
    met = [_criteria_met(network) for network in described]
    best = max(range(len(met)), key=lambda i: met[i].n)  # the first of equals
    n_meeting = sum(m.n == 3 for m in met)
    return PaperClaim(met=met[best], is_met_by_one=n_meeting > 0, n_meeting=n_meeting, network=described[best])


def _criteria_met(network: ComparedNetwork) -> CriteriaMet:
    """Comparisons with NaN are False."""
    return CriteriaMet(
        faster=bool(network.speedup > MIN_SPEEDUP),
        smaller=bool(network.memory_fraction < MAX_MEMORY_FRACTION),
        accurate=bool(network.force_rmse_vs_teacher_percent <= MAX_ERROR_PERCENT),
    )


def _under_caps(students: pd.DataFrame, teacher: pd.Series) -> Iterator[CapChoice]:
    """The choice under each cap that is known; students come the most accurate first."""
    for column in CAPPED_COLUMNS:
        for fraction in CAP_FRACTIONS:
            cap = fraction * teacher[column]
            if np.isfinite(cap):
                under = students[students[column] <= cap]
                network = describe_beside(under.iloc[0], teacher) if len(under) else None
                yield CapChoice(column, fraction, cap, network)
