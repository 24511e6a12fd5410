"""Pareto fronts and hypervolumes of costs, by moocore.

Costs have shape (n_points, n_objectives), all to be minimised; `front.to_costs` makes them of objectives' values. A row
with a NaN or an infinity was not measured: it is never on a front, dominates nothing and adds no volume.
"""

import moocore
import numpy as np
from numpy.typing import ArrayLike, NDArray


def is_dominated(costs: ArrayLike, by: ArrayLike) -> NDArray[np.bool_]:
    """Which points some member of another set dominates, shape (n_points,); of a point not measured that is unknown."""
    own, others = _matrix(costs)[:, None], _matrix(by)
    others = others[_is_measured(others)]
    dominates = np.asarray((others <= own).all(axis=2) & (others < own).any(axis=2))
    return np.asarray(np.isfinite(own).all(axis=(1, 2)) & dominates.any(axis=1))


def pareto_mask(costs: ArrayLike) -> NDArray[np.bool_]:
    """Which points nothing in the set dominates, shape (n_points,); of equal points all are kept."""
    points = _matrix(costs)
    mask = _is_measured(points)
    if mask.any():
        mask[mask] = moocore.is_nondominated(points[mask], keep_weakly=True)
    return mask


def pareto_ranks(costs: ArrayLike) -> NDArray[np.int64]:
    """Rank of each point: 0 on the front, 1 on the front of the rest, and so on; those not measured come last."""
    points = _matrix(costs)
    is_measured = _is_measured(points)
    ranks = np.zeros(len(points), dtype=np.int64)
    if is_measured.any():
        ranks[is_measured] = moocore.pareto_rank(points[is_measured])
        ranks[~is_measured] = ranks[is_measured].max() + 1
    return ranks


def hypervolume(costs: ArrayLike, reference: ArrayLike) -> float:
    """Volume that the points dominate, up to the worst costs that still count, of shape (n_objectives,).

    Raises:
        ValueError: If the reference point is not finite.
    """
    points, corner = _matrix(costs), _corner(reference)
    points = points[_is_measured(points)]
    return float(moocore.hypervolume(points, ref=corner)) if len(points) else 0.0


def hypervolume_contributions(costs: ArrayLike, reference: ArrayLike) -> NDArray[np.float64]:
    """Volume that would be lost without each point, shape (n_points,), as `hypervolume` takes it."""
    points, corner = _matrix(costs), _corner(reference)
    is_measured = _is_measured(points)
    contributions = np.zeros(len(points))
    if is_measured.any():
        contributions[is_measured] = moocore.hv_contributions(points[is_measured], ref=corner)
    return contributions


def _matrix(costs: ArrayLike) -> NDArray[np.float64]:
    points = np.asarray(costs, dtype=float)
    if points.size and points.ndim != 2:
        raise ValueError(f"costs need shape (n_points, n_objectives), got {points.shape}")
    return points if points.ndim == 2 else points.reshape(0, 0)


def _is_measured(points: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(points).all(axis=1))


def _corner(reference: ArrayLike) -> NDArray[np.float64]:
    corner = np.asarray(reference, dtype=float)
    if not np.isfinite(corner).all():
        raise ValueError(f"the reference point must be finite, got {corner}")
    return corner
