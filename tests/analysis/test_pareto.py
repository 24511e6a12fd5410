import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import ArrayLike, NDArray

from pareto_search.analysis.front import to_costs, volume_of
from pareto_search.analysis.pareto import (
    hypervolume,
    hypervolume_contributions,
    is_dominated,
    pareto_mask,
    pareto_ranks,
)
from pareto_search.objectives import Objective, objectives_named

INF = float("inf")


@st.composite
def point_clouds(draw: st.DrawFn) -> NDArray[np.float64]:
    # Few distinct values, so that ties and duplicates are common.
    shape = draw(st.tuples(st.integers(0, 12), st.integers(1, 4)))
    return draw(arrays(float, shape, elements=st.integers(-3, 3).map(float)))


def _dominates(a: ArrayLike, b: ArrayLike) -> bool:
    return bool(is_dominated(np.array([b]), np.array([a]))[0])


@given(point_clouds())
def test_front_is_exact(points: NDArray[np.float64]) -> None:
    front = points[pareto_mask(points)]
    assert all(any((f <= p).all() for f in front) for p in points)
    assert not any(_dominates(a, b) for a in points for b in front)


@given(point_clouds(), st.lists(st.booleans(), min_size=4, max_size=4))
def test_directions_equal_turned_signs(points: NDArray[np.float64], minimize: list[bool]) -> None:
    minimize = minimize[: points.shape[1]]
    turned = points * np.where(minimize, 1.0, -1.0)
    objectives = [Objective("x", "minimize" if is_min else "maximize", "X", scale="linear") for is_min in minimize]
    assert (to_costs(points, objectives) == turned).all()
    assert (pareto_mask(to_costs(points, objectives)) == pareto_mask(turned)).all()
    assert (pareto_ranks(to_costs(points, objectives)) == pareto_ranks(turned)).all()


@given(point_clouds())
def test_rank_is_the_number_of_fronts_to_peel(points: NDArray[np.float64]) -> None:
    ranks, rank = pareto_ranks(points), 0
    left = np.arange(len(points))
    while len(left):
        is_front = pareto_mask(points[left])
        assert (ranks[left[is_front]] == rank).all()
        left, rank = left[~is_front], rank + 1


@given(point_clouds())
def test_dominated_points_add_no_hypervolume(points: NDArray[np.float64]) -> None:
    reference = np.full(points.shape[1], 4.0)
    everything = hypervolume(points, reference)
    assert everything == pytest.approx(hypervolume(points[pareto_mask(points)], reference))
    assert everything >= hypervolume(points[:-1], reference) - 1e-9


def test_objectives_of_the_study_have_directions() -> None:
    assert [objective.direction == "minimize" for objective in objectives_named()] == [True, True, False]


def test_front_of_the_three_objectives() -> None:
    points = [[0.10, 5.0, 900], [0.10, 5.0, 800], [0.05, 9.0, 400], [0.12, 6.0, 900]]
    assert pareto_mask(to_costs(points, objectives_named())).tolist() == [True, False, True, False]


def test_duplicates_stay_on_the_front_together() -> None:
    assert pareto_mask([[1, 2], [1, 2], [2, 2], [2, 1]]).tolist() == [True, True, False, True]
    assert pareto_ranks([[1, 2], [1, 2], [2, 2], [2, 3]]).tolist() == [0, 0, 1, 2]


def test_non_finite_points_are_nowhere() -> None:
    points = [[1.0, INF], [np.nan, 0.0], [2.0, 2.0], [-INF, -INF]]
    assert pareto_mask(points).tolist() == [False, False, True, False]
    assert pareto_ranks(points).tolist() == [1, 1, 0, 1]
    assert is_dominated([[3.0, 3.0], [np.nan, 3.0]], points).tolist() == [True, False]
    assert not _dominates([-INF, 0], [1, 1])
    assert not _dominates([np.nan, 0], [1, 1])


def test_empty_sets() -> None:
    assert pareto_mask([]).shape == (0,)
    assert pareto_ranks(np.zeros((0, 3))).shape == (0,)
    assert hypervolume([], [1, 1]) == 0
    assert hypervolume(np.zeros((0, 2)), [1, 1]) == 0
    assert volume_of(np.zeros((0, 3)), objectives_named(), [1, 1, 1]) == 0
    assert hypervolume_contributions([], [1, 1]).shape == (0,)
    assert is_dominated([[1, 1]], np.zeros((0, 2))).tolist() == [False]


def test_only_non_finite_points_leave_an_empty_front() -> None:
    assert not pareto_mask([[np.nan, 1]]).any()
    assert hypervolume([[np.nan, 1]], [2, 2]) == 0


def test_hypervolume_in_closed_form() -> None:
    assert hypervolume([[1, 1]], [3, 4]) == pytest.approx(6)
    assert hypervolume([[1, 2], [2, 1]], [3, 3]) == pytest.approx(2 + 2 - 1)
    assert hypervolume([[1, 2], [1, 2], [2, 2]], [3, 3]) == pytest.approx(2)
    assert hypervolume([[0, 0, 0]], [1, 2, 3]) == pytest.approx(6)
    assert hypervolume([[4, 0]], [3, 3]) == 0
    assert hypervolume([[1, -10]], [2, 0]) == pytest.approx(10)
    assert hypervolume([[1.0, 1.0], [np.nan, 0.0], [INF, 0.0]], [3, 3]) == pytest.approx(4)


def test_hypervolume_in_decades() -> None:
    points = [[0.01, 10.0, 1e6], [-1.0, 1.0, 1.0], [0.0, 1.0, 1.0], [np.nan, 1.0, 1.0]]
    assert volume_of(points, objectives_named(), [0.1, 1000, 1000]) == pytest.approx(1 * 2 * 3)


def test_contributions() -> None:
    points = [[1.0, 2.0], [2.0, 1.0], [2.0, 2.0], [np.nan, 0.0]]
    assert hypervolume_contributions(points, [3, 3]).tolist() == [1, 1, 0, 0]


@pytest.mark.parametrize("reference", [[np.nan, 1], [INF, 1]])
def test_reference_must_be_finite(reference: list[float]) -> None:
    with pytest.raises(ValueError, match="must be finite"):
        hypervolume([[0, 0]], reference)


def test_reference_must_be_positive_in_decades() -> None:
    with pytest.raises(ValueError, match="finite, and positive"):
        volume_of([[1, 1, 1]], objectives_named(), [0, 1, 1])


def test_shapes_are_checked() -> None:
    with pytest.raises(ValueError, match="shape"):
        pareto_mask([1.0, 2.0])
    with pytest.raises(ValueError, match="zip"):
        to_costs([[1, 2, 3, 4]], objectives_named())
