"""The front of a study's objectives as it grows, its hypervolume, and the one rule for the reference point.

Values come in the order of the study's objectives, as they are stored. Fronts are measured on each objective's scale:
in decades where it is logarithmic, else in the unit shown.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from pareto_search.analysis.pareto import hypervolume
from pareto_search.objectives import Objective

#: Without a teacher's values the reference point is worse than the worst that was seen by this factor, or on a linear
#: scale by this part of it.
_MARGIN = 1.1


def columns_of(objectives: Sequence[Objective], *, are_claims: bool = False) -> list[str]:
    """The columns of objectives in rows of `models.csv`, or for claims in frames of seed-averaged networks."""
    return [objective.claim_column if are_claims else objective.column for objective in objectives]


def to_costs(values: ArrayLike, objectives: Sequence[Objective]) -> NDArray[np.float64]:
    """Values, shape (n, n_objectives), or one point, on the scales on which fronts are measured, all to be minimised.

    The result has shape (n, n_objectives), NaN for what a scale does not hold.
    """
    costs = np.array(values, dtype=float)
    if costs.ndim != 2:
        costs = costs.reshape(-1, len(objectives))
    for column, objective in zip(costs.T, objectives, strict=True):
        if objective.scale == "log":
            column[:] = np.log10(np.where(column > 0, column, np.nan))
        else:
            column *= objective.factor
        if objective.direction == "maximize":
            column *= -1
    return costs


def from_costs(costs: ArrayLike, objectives: Sequence[Objective]) -> NDArray[np.float64]:
    """Values as they are stored: the inverse of `to_costs`."""
    values = np.array(costs, dtype=float).reshape(-1, len(objectives))
    for column, objective in zip(values.T, objectives, strict=True):
        if objective.direction == "maximize":
            column *= -1
        column[:] = 10**column if objective.scale == "log" else column / objective.factor
    return values


@dataclass(frozen=True)
class ReferencePoint:
    """Worst values that still count in a hypervolume.

    Attributes:
        values: In the order of the objectives.
        origin: "teacher" (times `factors`) or, without a measured teacher, "networks" (a tenth worse than the worst).
        factors: Factors on the teacher's values.
    """

    values: tuple[float, ...]
    origin: Literal["teacher", "networks"]
    factors: tuple[float, ...]


def reference_point(
    rows: pd.DataFrame, objectives: Sequence[Objective], *, are_claims: bool = False
) -> ReferencePoint | None:
    """The reference point of a study: the teacher's values times the objectives' factors, else the worst seen.

    Args:
        rows: Networks with their `role` and the objectives' columns: complete rows of `models.csv`, or for claims
            seed-averaged networks. Of several teachers the one with the lowest validation error counts.
        objectives: What is optimised.
        are_claims: Which of the two the rows are.

    Returns:
        The point; None if no row has all values.
    """
    learned = [objective for objective in objectives if objective.is_learned]
    rows = rows.iloc[np.lexsort(to_costs(rows[columns_of(learned)].to_numpy(dtype=float), learned).T[::-1])]
    points = rows[columns_of(objectives, are_claims=are_claims)].to_numpy(dtype=float)
    costs = to_costs(points, objectives)
    usable = np.isfinite(costs).all(axis=1)
    is_teacher = (rows["role"] == "teacher").to_numpy(dtype=bool)
    if (usable & is_teacher).any():
        factors = tuple(objective.reference_factor for objective in objectives)
        best = points[usable & is_teacher][0]
        return ReferencePoint(tuple(float(value) for value in best * factors), "teacher", factors)
    if usable.any():
        worst = _beyond(costs[usable].max(axis=0), objectives)
        return ReferencePoint(tuple(from_costs(worst, objectives)[0].tolist()), "networks", ())
    return None


def worst_of(references: Iterable[ReferencePoint | None], objectives: Sequence[Objective]) -> tuple[float, ...] | None:
    """The worst value of several reference points for each objective; None without any."""
    costs = [to_costs(reference.values, objectives)[0] for reference in references if reference is not None]
    return tuple(from_costs(np.max(costs, axis=0), objectives)[0].tolist()) if costs else None


def volume_unit(objectives: Sequence[Objective]) -> str:
    """Unit of a hypervolume: "cubic decades"."""
    n_log = sum(objective.scale == "log" for objective in objectives)
    decades = {0: "", 1: "decades", 2: "square decades", 3: "cubic decades"}.get(n_log, f"decades^{n_log}")
    units = [objective.unit or objective.title.lower() for objective in objectives if objective.scale == "linear"]
    return " × ".join([decades, *units] if decades else units)


class RunningFront:
    """The points that no other one dominates, and their hypervolume, as points come.

    Args:
        objectives: What is optimised.
        reference: Worst values that still count; None: a tenth worse than the worst seen so far, so that the volume
            grows with the reference point too.

    Attributes:
        volume: The hypervolume, see `volume_unit`.
    """

    def __init__(self, objectives: Sequence[Objective], reference: Sequence[float] | None = None) -> None:
        self._objectives = tuple(objectives)
        self._worst = np.full(len(objectives), -np.inf)
        self._is_fixed = reference is not None
        self._reference = self._worst if reference is None else _corner(reference, objectives)
        self._front = np.zeros((0, len(objectives)))
        self.volume = 0.0

    def add(self, values: Sequence[float] | NDArray[np.float64]) -> float:
        """Add a point, and give the volume that was gained, from the reference point as it is now.

        One that lacks an objective, or has a value that its scale does not hold, is not on the front.
        """
        point = to_costs(values, self._objectives)[0]
        if not np.isfinite(point).all():
            return 0.0
        self._widen(point)
        if (self._front <= point).all(axis=1).any():
            return 0.0
        self._front = np.vstack([self._front[~(point <= self._front).all(axis=1)], point])
        if (point >= self._reference).any():
            return 0.0
        before, self.volume = self.volume, self._measure()
        return self.volume - before

    def volumes(self, points: ArrayLike) -> NDArray[np.float64]:
        """Add points, shape (n, n_objectives), and give the volume after each of them."""
        found = []
        for point in np.asarray(points, dtype=float).reshape(-1, len(self._objectives)):
            self.add(point)
            found.append(self.volume)
        return np.array(found)

    def is_on_front(self, values: Sequence[float] | NDArray[np.float64]) -> bool:
        """Whether no point so far dominates these values; an equal one does not."""
        point = to_costs(values, self._objectives)[0]
        no_worse, better = (self._front <= point).all(axis=1), (self._front < point).any(axis=1)
        return bool(np.isfinite(point).all() and not (no_worse & better).any())

    def _widen(self, point: NDArray[np.float64]) -> None:
        """Move a reference point that follows the worst seen."""
        if self._is_fixed or (point <= self._worst).all():
            return
        self._worst = np.maximum(self._worst, point)
        self._reference = _beyond(self._worst, self._objectives)
        self.volume = self._measure()

    def _measure(self) -> float:
        inside = self._front[(self._front < self._reference).all(axis=1)]
        return hypervolume(inside, self._reference)


def volume_of(points: ArrayLike, objectives: Sequence[Objective], reference: Sequence[float]) -> float:
    """The hypervolume of points that are all there: faster than one by one.

    Args:
        points: Values in the order of the objectives, shape (n_points, n_objectives).
        objectives: What is optimised.
        reference: Reference point, in their units.
    """
    return hypervolume(to_costs(points, objectives), _corner(reference, objectives))


def _corner(reference: Sequence[float], objectives: Sequence[Objective]) -> NDArray[np.float64]:
    corner: NDArray[np.float64] = to_costs(reference, objectives)[0]
    if not np.isfinite(corner).all():
        raise ValueError(f"the reference point must be finite, and positive in decades, got {reference}")
    return corner


def _beyond(worst: NDArray[np.float64], objectives: Sequence[Objective]) -> NDArray[np.float64]:
    """A little worse than the worst costs."""
    is_log = np.array([objective.scale == "log" for objective in objectives])
    return np.asarray(worst + np.where(is_log, np.log10(_MARGIN), (_MARGIN - 1) * np.abs(worst)))
