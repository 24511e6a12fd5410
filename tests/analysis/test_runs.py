import numpy as np
import pandas as pd
import pytest

from pareto_search.analysis import runs as analysis
from pareto_search.analysis.networks import clean_models
from pareto_search.errors import DataError
from pareto_search.objectives import objectives_named
from pareto_search.records import MODEL_COLUMNS


def compare_runs(models: dict[str, pd.DataFrame], **options: bool) -> analysis.RunsComparison:
    return analysis.compare_runs(models, objectives_named(), **options)


def row(model_id: str, stage: str, role: str, error: float, md: float, **changes: object) -> dict[str, object]:
    values = {
        "model_id": model_id, "stage": stage, "role": role, "control_kind": "paper" if role == "control" else None,
        "seed": 0, "n_features": 8, "n_sensitivities": 8, "n_atom_layers": 1, "n_interaction_layers": 1, "l_max": 1,
        "dist_hard_max_ang": 5.0, "n_weights": int(100 * md), "status": "complete", "n_epochs": 10,
        "valid_force_rmse_ev_per_ang": error, "test_force_rmse_ev_per_ang": 1.1 * error, "md_us_per_atom_step": md,
        "max_atoms": 1000, "bytes_per_atom": 1000.0, "engine": "explicit", "device": "cpu", "dataset_hash": "aaa",
    }  # fmt: skip
    return values | changes


def run(*rows: dict[str, object], teacher: float = 0.1) -> pd.DataFrame:
    first = row("teacher-1", "teacher", "teacher", teacher, 10.0, n_features=64)
    return clean_models(pd.DataFrame([first, *rows], columns=list(MODEL_COLUMNS)))


def test_hypervolumes_share_the_worst_of_the_reference_points() -> None:
    one = run(row("s", "confirm", "student", 0.1, 5.0), row("c", "confirm", "control", 0.2, 5.0))
    two = run(row("s", "confirm", "student", 0.1, 5.0), teacher=0.2)
    comparison = compare_runs({"one": one, "two": two})
    assert comparison.reference == pytest.approx((4 * 1.1 * 0.2, 20.0, 500.0))
    first, second = comparison.runs
    expected = np.log10(8.0) * np.log10(4.0) * np.log10(2.0)
    assert first.hypervolumes["student"] == second.hypervolumes["student"] == pytest.approx(expected)
    assert first.hypervolumes["paper"] == pytest.approx(np.log10(4.0) * np.log10(4.0) * np.log10(2.0))
    assert (first.n_architectures, first.n_front, first.n_epochs) == (1, 1, 20)
    assert first.best_force_rmse_ev_per_ang == pytest.approx(0.11)
    assert comparison.differences == ()


def test_all_are_stated_as_the_least_confirmed_run_allows() -> None:
    confirmed = run(row("s", "confirm", "student", 0.1, 5.0), row("t", "search", "student", 0.3, 5.0))
    searched = run(row("s", "search", "student", 0.2, 5.0))
    comparison = compare_runs({"confirmed": confirmed, "searched": searched})
    assert [summary.basis.split for summary in comparison.runs] == ["valid", "valid"]
    assert comparison.runs[0].best_force_rmse_ev_per_ang == 0.3


def test_a_run_without_confirmation_is_weaker_than_one_without_test_errors() -> None:
    searched = row("s", "search", "student", 0.1, 5.0)
    untested = run(searched, row("t", "confirm", "student", 0.1, 5.0, test_force_rmse_ev_per_ang=None))
    for runs in ({"untested": untested, "searched": run(searched)}, {"searched": run(searched), "untested": untested}):
        comparison = compare_runs(runs)
        assert {(found.basis.stage, found.basis.split) for found in comparison.runs} == {("search", "valid")}
        assert all(found.n_architectures == 1 for found in comparison.runs)


def test_architectures_that_share_a_short_name_are_counted_apart() -> None:
    students = [row(f"s{cut}", "confirm", "student", 0.1, 5.0, dist_hard_max_ang=cut) for cut in (5.21, 5.24, 6.0)]
    (found,) = compare_runs({"one": run(*students)}).runs
    assert found.networks["label"].nunique() == 3  # the teacher's among them
    assert found.n_architectures == 3


def test_runs_on_different_data_are_refused_unless_forced_and_then_labelled() -> None:
    one = run(row("s", "search", "student", 0.1, 5.0))
    other = run(row("s", "search", "student", 0.1, 5.0, dataset_hash="bbb", device="another")).assign(
        dataset_hash="bbb"
    )
    with pytest.raises(DataError, match=r"one: aaa, other: bbb.*--force"):
        compare_runs({"one": one, "other": other})
    with pytest.raises(DataError, match="begun: no network is trained yet"):
        compare_runs({"one": one, "begun": one.iloc[:0]})
    differences = compare_runs({"one": one, "other": other}, is_forced=True).differences
    assert len(differences) == 2
    assert "different data" in differences[0]
    assert "another; cpu" in differences[1]


def test_other_teachers_and_epochs_are_said() -> None:
    one = run(row("s", "search", "student", 0.1, 5.0, label_hash="l1", n_epochs=30))
    other = run(row("s", "search", "student", 0.1, 5.0, label_hash="l2", n_epochs=6))
    assert compare_runs({"one": one, "other": other}).differences == (
        "Students learned from different teachers.",
        "Students were trained for different numbers of epochs, at most: one 30, other 6.",
    )
    assert compare_runs({"one": one, "again": one}).differences == ()
    failed = run(row("s", "search", "student", 0.1, 5.0, status="failed", n_epochs=None, label_hash="l1"))
    assert compare_runs({"one": one, "failed": failed}).differences == ()


def test_a_run_without_students_has_no_volume() -> None:
    comparison = compare_runs({"one": run(row("s", "search", "student", 0.1, 5.0)), "empty": run()})
    assert comparison.runs[1].hypervolumes["student"] == 0.0
    assert comparison.runs[1].n_front == 0
    assert np.isnan(comparison.runs[1].best_force_rmse_ev_per_ang)
