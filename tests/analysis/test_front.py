"""The running front, and the one rule for the reference point."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pareto_search.analysis import front
from pareto_search.analysis.front import (
    RunningFront,
    from_costs,
    reference_point,
    to_costs,
    volume_unit,
    worst_of,
)
from pareto_search.objectives import DEFAULT_OBJECTIVES, LEARNED, OBJECTIVES, Objective, objectives_named
from pareto_search.records import MODEL_COLUMNS, CurvePoint

THREE = objectives_named()
LINEAR = Objective("valid_score", "maximize", "Score", "points", 10.0, "linear", is_learned=True)
MIXED = (LINEAR, OBJECTIVES["md_us_per_atom_step"])
REFERENCE = (1.0, 100.0, 1000.0)


def test_volumes_in_closed_form() -> None:
    found = RunningFront(THREE, REFERENCE)
    assert found.volume == 0
    assert found.add((0.1, 10, 1e4)) == pytest.approx(1)  # a decade along each
    assert found.add((0.01, 10, 1e4)) == pytest.approx(1)
    assert found.add((0.1, 10, 1e6)) == pytest.approx(2)
    assert found.volume == pytest.approx(4)


def test_a_linear_objective_is_measured_in_the_unit_shown_and_a_maximised_one_upwards() -> None:
    found = RunningFront(MIXED, (2.0, 100.0))
    assert found.add((5.0, 10.0)) == pytest.approx(10 * 3 * 1)
    assert found.add((1.0, 10.0)) == 0
    assert found.add((0.0, 1.0)) == 0  # zero is a score like others, but beyond the reference point
    assert volume_unit(MIXED) == "decades × points"
    assert [volume_unit(THREE[:n]) for n in (2, 3)] == ["square decades", "cubic decades"]


def test_equal_points_share_the_front_and_add_nothing() -> None:
    found = RunningFront(THREE, REFERENCE)
    found.add((0.1, 10, 1e4))
    assert found.add((0.1, 10, 1e4)) == 0
    assert found.is_on_front((0.1, 10, 1e4))
    assert not found.is_on_front((0.1, 11, 1e4))
    assert found.is_on_front((0.1, 9, 1e4))
    found.add((0.1, 9, 1e4))
    assert not found.is_on_front((0.1, 10, 1e4))


def front_of(
    points: list[tuple[float, ...]], objectives: tuple[Objective, ...], reference: tuple[float, ...] | None
) -> RunningFront:
    found = RunningFront(objectives, reference)
    found.volumes(points)
    return found


@pytest.mark.parametrize("bad", [(np.nan, 1, 1e6), (0.0, 1, 1e6), (0.01, -1, 1e6), (0.01, 1, np.inf)])
def test_what_was_not_measured_is_on_no_front(bad: tuple[float, ...]) -> None:
    found = front_of([(0.1, 10, 1e4)], THREE, REFERENCE)
    assert found.add(bad) == 0
    assert not found.is_on_front(bad)
    assert found.volume == pytest.approx(1)


def test_a_point_beyond_the_reference_is_on_the_front_but_adds_no_volume() -> None:
    found = front_of([(0.1, 10, 1e4)], THREE, REFERENCE)
    assert found.add((2.0, 1, 1e6)) == 0
    assert found.is_on_front((2.0, 1, 1e6))
    assert not found.is_on_front((3.0, 1, 1e6))


@pytest.mark.parametrize("reference", [(1.0, 0.0, 1000.0), (1.0, np.inf, 1000.0), (1.0, np.nan, 1000.0)])
def test_a_reference_point_must_be_of_the_scale(reference: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="reference point must be finite"):
        RunningFront(THREE, reference)


# Few distinct values, so that ties, duplicates and points on the reference are common.
POINTS = st.lists(
    st.tuples(*(st.sampled_from(values) for values in ([0.1, 0.3, 1.0], [3, 30, 300], [500, 2000, 9000]))), max_size=10
)


@given(POINTS, st.randoms(), st.sampled_from([REFERENCE, None]))
def test_the_order_of_points_does_not_matter(points: list[tuple[float, ...]], random, reference) -> None:
    found = front_of(points, THREE, reference)
    shuffled = random.sample(points, len(points))
    again = front_of(shuffled, THREE, reference)
    assert again.volume == pytest.approx(found.volume)
    assert [again.is_on_front(point) for point in points] == [found.is_on_front(point) for point in points]


@given(POINTS)
def test_gains_add_up_to_the_volume_and_are_never_negative(points: list[tuple[float, ...]]) -> None:
    found = RunningFront(THREE, REFERENCE)
    gains = [found.add(point) for point in points]
    assert min(gains, default=0) >= 0
    assert sum(gains) == pytest.approx(found.volume)


def test_without_a_reference_point_it_lies_a_tenth_beyond_the_worst_so_far() -> None:
    found = RunningFront(THREE)
    margin = np.log10(1.1)
    assert found.add((0.1, 10, 1e4)) == pytest.approx(margin**3)
    # Worse in time by a decade, better in error by one: each has an arm, and they share the corner.
    gained = found.add((0.01, 100, 1e4))
    assert gained == pytest.approx((1 + margin) * margin * margin - margin**3)
    assert found.volume == pytest.approx(2 * margin**2 + margin**3)


@given(st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=2))
def test_costs_and_back(values: list[float]) -> None:
    assert from_costs(to_costs(values, MIXED), MIXED)[0].tolist() == pytest.approx(values)


def rows(*networks: dict[str, object]) -> pd.DataFrame:
    usual = {"role": "student", "valid_force_rmse_ev_per_ang": 0.1, "md_us_per_atom_step": 10.0, "max_atoms": 1000.0,
             "force_rmse_ev_per_ang": 0.2}  # fmt: skip
    return pd.DataFrame([{**usual, **network} for network in networks])


def test_the_reference_point_is_the_best_teachers_times_factors() -> None:
    frame = rows({}, {"role": "teacher", "valid_force_rmse_ev_per_ang": 0.05}, {"role": "teacher"})
    found = reference_point(frame, THREE)
    assert found is not None
    assert found.values == pytest.approx((4 * 0.05, 20, 500))
    assert (found.origin, found.factors) == ("teacher", (4.0, 2.0, 0.5))
    claims = reference_point(frame, THREE, are_claims=True)
    assert claims is not None
    assert claims.values == pytest.approx((4 * 0.2, 20, 500))


@pytest.mark.parametrize("lacking", [{"max_atoms": np.nan}, {"valid_force_rmse_ev_per_ang": 0.0}])
def test_without_a_usable_teacher_it_lies_beyond_the_worst_networks(lacking: dict[str, float]) -> None:
    frame = rows({}, {"valid_force_rmse_ev_per_ang": 0.3, "max_atoms": 2000.0}, {"role": "teacher", **lacking})
    found = reference_point(frame, THREE)
    assert found is not None
    assert found.values == pytest.approx((0.3 * 1.1, 11, 1000 / 1.1))
    assert found.origin == "networks"
    assert reference_point(frame.iloc[2:], THREE) is None
    other = reference_point(rows({"md_us_per_atom_step": 1.0, "max_atoms": 110.0}), THREE)
    assert worst_of([found, None, other], THREE) == pytest.approx((0.33, 11, 100))
    assert worst_of([None], THREE) is None


def test_the_volume_is_measured_only_when_a_point_enters_the_front(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    monkeypatch.setattr(front, "hypervolume", lambda points, reference: calls.append(len(points)) or float(len(calls)))
    front_of([(0.1, 10, 1e4), (0.1, 10, 1e4), (0.5, 50, 2e3), (2.0, 1, 1e6), (0.05, 20, 1e4)], THREE, REFERENCE)
    assert calls == [1, 2]


def test_what_is_learned_has_its_columns() -> None:
    """Where the search reads it at an epoch, where the claims do, and in the record; a cost in the record alone."""
    for objective in LEARNED:
        assert objective.column == f"valid_{objective.claim_column}"
        assert {objective.column, f"test_{objective.claim_column}"} <= set(MODEL_COLUMNS)
        assert objective.column in CurvePoint.__dataclass_fields__
    assert set(OBJECTIVES) <= set(MODEL_COLUMNS)
    assert set(DEFAULT_OBJECTIVES) <= set(OBJECTIVES)
