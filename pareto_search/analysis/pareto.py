"""Pareto dominance, fronts and hypervolume of point sets; pure arrays, direction-aware.

Points have shape (n_points, n_objectives). `minimize` says per objective whether smaller is better (omitted: all).
A row with a NaN or an infinity was not measured: it is never on a front, dominates nothing and adds no volume.
"""

from collections.abc import Sequence

import moocore
import numpy as np
from numpy.typing import ArrayLike, NDArray

from pareto_search.objectives import Objective

Directions = Sequence[bool] | None


def directions(objectives: Sequence[Objective]) -> tuple[bool, ...]:
    """True for each objective that is minimised, in order: the `minimize` argument of the functions here."""
    return tuple(objective.direction == "minimize" for objective in objectives)


def as_costs(points: ArrayLike, minimize: Directions = None) -> NDArray[np.float64]:
    """The points with every objective to be minimised.

    Args:
        points: Objective values, shape (n_points, n_objectives); an empty sequence is an empty set.
        minimize: Per objective, is smaller better; omitted: all.

    Returns:
        A copy of shape (n_points, n_objectives), the maximised columns with their sign turned.

    Raises:
        ValueError: If the points are not a matrix or `minimize` has another length.
    """
    costs = np.array(points, dtype=float)
    if costs.size == 0:
        width = costs.shape[1] if costs.ndim == 2 else len(minimize or ())
        return np.zeros((costs.shape[0], width))
    if costs.ndim != 2:
        raise ValueError(f"points need shape (n_points, n_objectives), got {costs.shape}")
    if minimize is not None:
        if len(minimize) != costs.shape[1]:
            raise ValueError(f"{len(minimize)} directions for {costs.shape[1]} objectives")
        costs[:, ~np.asarray(minimize, dtype=bool)] *= -1
    return costs


def weakly_dominates(a: ArrayLike, b: ArrayLike, minimize: Directions = None) -> bool:
    """True if point `a` is at least as good as point `b` in every objective.

    Args:
        a: Objective values, shape (n_objectives,).
        b: Those of the other point, same shape.
        minimize: Per objective, is smaller better; omitted: all.
    """
    costs = as_costs(np.stack([np.asarray(a), np.asarray(b)]), minimize)
    return bool(np.isfinite(costs).all() and (costs[0] <= costs[1]).all())


def dominates(a: ArrayLike, b: ArrayLike, minimize: Directions = None) -> bool:
    """True if point `a` is at least as good as `b` everywhere and better somewhere.

    Args:
        a: Objective values, shape (n_objectives,).
        b: Those of the other point, same shape.
        minimize: Per objective, is smaller better; omitted: all.
    """
    costs = as_costs(np.stack([np.asarray(a), np.asarray(b)]), minimize)
    return bool(np.isfinite(costs).all() and (costs[0] <= costs[1]).all() and (costs[0] < costs[1]).any())


def is_dominated(points: ArrayLike, by: ArrayLike, minimize: Directions = None) -> NDArray[np.bool_]:
    """Which points are dominated by some member of another set.

    Args:
        points: Shape (n_points, n_objectives).
        by: The other set, shape (n_others, n_objectives).
        minimize: Per objective, is smaller better; omitted: all.

    Returns:
        Shape (n_points,); False for points with a non-finite value, since nothing is known about them.
    """
    costs, others = as_costs(points, minimize), as_costs(by, minimize)
    dominated = np.zeros(len(costs), dtype=bool)
    others = others[np.isfinite(others).all(axis=1)]
    for row in np.flatnonzero(np.isfinite(costs).all(axis=1)):
        no_worse = (others <= costs[row]).all(axis=1)
        dominated[row] = bool((no_worse & (others < costs[row]).any(axis=1)).any())
    return dominated


def pareto_mask(points: ArrayLike, minimize: Directions = None) -> NDArray[np.bool_]:
    """Which points nothing in the set dominates; of equal points all are kept.

    Args:
        points: Shape (n_points, n_objectives).
        minimize: Per objective, is smaller better; omitted: all.

    Returns:
        Shape (n_points,); False for points with a non-finite value.
    """
    costs = as_costs(points, minimize)
    mask: NDArray[np.bool_] = np.asarray(np.isfinite(costs).all(axis=1))
    if mask.any():
        mask[mask] = moocore.is_nondominated(costs[mask], keep_weakly=True)
    return mask


def pareto_ranks(points: ArrayLike, minimize: Directions = None) -> NDArray[np.int64]:
    """Non-dominated rank of each point: 0 on the front, 1 on the front of the rest, and so on.

    Args:
        points: Shape (n_points, n_objectives).
        minimize: Per objective, is smaller better; omitted: all.

    Returns:
        Shape (n_points,); points with a non-finite value share the rank after the last.
    """
    costs = as_costs(points, minimize)
    finite = np.isfinite(costs).all(axis=1)
    ranks = np.zeros(len(costs), dtype=np.int64)
    if finite.any():
        ranks[finite] = moocore.pareto_rank(costs[finite])
        ranks[~finite] = ranks[finite].max() + 1
    return ranks


def hypervolume(
    points: ArrayLike, reference: ArrayLike, minimize: Directions = None, *, is_log10: bool = False
) -> float:
    """Volume that the points dominate, up to the reference point; exact (moocore).

    Args:
        points: Shape (n_points, n_objectives). Rows with a non-finite value are left out, and in logarithms those
            with a value that is not positive.
        reference: The worst values that still count, shape (n_objectives,).
        minimize: Per objective, is smaller better; omitted: all.
        is_log10: Measure in decades: log10 of points and reference, which must be positive.

    Returns:
        The volume in the product of the units, or in decades to the power n_objectives; 0 for an empty set.

    Raises:
        ValueError: If the reference point is not finite (or not positive where logarithms are asked for).
    """
    costs, reference_costs = _volume_costs(points, reference, minimize, is_log10)
    costs = costs[np.isfinite(costs).all(axis=1)]
    return float(moocore.hypervolume(costs, ref=reference_costs)) if len(costs) else 0.0


def hypervolume_contributions(
    points: ArrayLike, reference: ArrayLike, minimize: Directions = None, *, is_log10: bool = False
) -> NDArray[np.float64]:
    """Volume that would be lost without each point, as `hypervolume` takes it.

    Args:
        points: Objective values, shape (n_points, n_objectives).
        reference: Worst values that still count, shape (n_objectives,).
        minimize: Per objective, is smaller better; omitted: all.
        is_log10: Take the volume in decades of the objectives.

    Returns:
        Shape (n_points,); 0 for dominated, repeated and non-finite points.
    """
    costs, reference_costs = _volume_costs(points, reference, minimize, is_log10)
    finite = np.isfinite(costs).all(axis=1)
    contributions = np.zeros(len(costs))
    if finite.any():
        contributions[finite] = moocore.hv_contributions(costs[finite], ref=reference_costs)
    return contributions


def _volume_costs(
    points: ArrayLike, reference: ArrayLike, minimize: Directions, is_log10: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points and reference as costs, in decades where asked; unusable points become non-finite rows."""
    matrix, corner = as_costs(points), np.array(reference, dtype=float)
    if not np.isfinite(corner).all() or (is_log10 and (corner <= 0).any()):
        raise ValueError(f"the reference point must be finite{' and positive' if is_log10 else ''}, got {corner}")
    if is_log10:
        matrix = np.log10(np.where(matrix > 0, matrix, np.nan))
        corner = np.log10(corner)
    if matrix.shape[0] == 0:
        matrix = matrix.reshape(0, len(corner))
    return as_costs(matrix, minimize), as_costs([corner], minimize)[0]
