import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pareto_search.analysis.networks import clean_models
from pareto_search.analysis.study_summary import StudySummary, summarize_study
from pareto_search.objectives import Objective, objectives_named
from pareto_search.records import MODEL_COLUMNS
from tests.report import synthetic

CONTRACT = {"n_architectures", "n_seeds", "control_kind", "paired_force_rmse", "hypervolume", "dominance", "teacher",
            "best_under", "front"}  # fmt: skip


def summary_of(models: pd.DataFrame, objectives: Sequence[Objective] = objectives_named()) -> StudySummary:
    return summarize_study(clean_models(models), objectives=objectives)


def plain_of(models: pd.DataFrame) -> dict[str, Any]:
    return summary_of(models).to_plain()


def test_students_better_by_ten_percent() -> None:
    plain = plain_of(synthetic.models(student_factor=0.9))
    errors = [synthetic.control_error(shape) for shape in synthetic.LADDER]
    assert plain["paired_force_rmse"]["mean"] == pytest.approx(-0.1 * np.mean(errors))
    assert plain["paired_force_rmse"]["mean_percent"] == pytest.approx(-10)
    assert plain["paired_force_rmse"]["n"] == 32
    assert plain["paired_force_rmse"]["p_value"] == pytest.approx(2 / 2**8)
    low, high = plain["paired_force_rmse"]["ci95"]
    assert low < plain["paired_force_rmse"]["mean"] < high < 0
    assert plain["dominance"] == {
        "n_controls_dominated": 8, "n_controls": 8, "n_students_dominated": 0, "n_students": 8,
    }  # fmt: skip
    assert (plain["n_architectures"], plain["n_seeds"], plain["control_kind"]) == (8, 4, "paper")
    assert (plain["stage"], plain["split"]) == ("confirm", "test")
    assert set(plain) >= CONTRACT


def test_front_holds_one_student_per_architecture_on_it() -> None:
    summary = summary_of(synthetic.models(student_factor=0.9))
    # In this ladder the larger network is always the slower and the more accurate: every student is on the front.
    assert all(network.role == "student" for network in summary.front_networks)
    assert summary.front == [network.model_id for network in summary.front_networks]
    assert len(set(summary.front)) == len(summary.front) == 8


def test_hypervolume_difference_in_closed_form() -> None:
    # One architecture: the volumes differ only in the extent along the error, by log10(1 / 0.9).
    shape = synthetic.LADDER[3]
    objectives = objectives_named(("valid_force_rmse_ev_per_ang", "md_us_per_atom_step", "bytes_per_atom"))
    found = summarize_study(synthetic.models(ladder=(shape,)), objectives=objectives).headline
    assert found is not None
    time = np.log10(2 * synthetic.us_per_atom(synthetic.TEACHER) / synthetic.us_per_atom(shape))
    memory = np.log10(2 * synthetic.bytes_per_atom(synthetic.TEACHER) / synthetic.bytes_per_atom(shape))
    assert found.hypervolume.difference == pytest.approx(np.log10(1 / 0.9) * time * memory)
    assert found.hypervolume.ci95 == pytest.approx((found.hypervolume.difference,) * 2)


def test_without_volume_there_is_no_interval_of_no_width() -> None:
    found = summary_of(synthetic.models(teacher_error=0.001, noise=0.02)).headline
    assert found is not None
    assert found.hypervolume.student == found.hypervolume.control == 0
    assert found.hypervolume.ci95 is None
    assert "within the reference point" in (found.hypervolume.no_ci95_reason or "")


def test_no_effect_is_not_claimed() -> None:
    found = summary_of(synthetic.models(student_factor=1.0, noise=0.05)).headline
    assert found is not None
    assert not found.paired_force_rmse.is_better
    assert not found.paired_force_rmse.is_worse


def test_each_control_kind_is_compared_and_paper_is_the_headline() -> None:
    plain = plain_of(synthetic.models(factors={"ablation": 0.8, "paper": 1.0}))
    assert plain["control_kind"] == "paper"
    assert plain["by_control_kind"]["ablation"]["paired_force_rmse"]["mean_percent"] == pytest.approx(12.5)
    assert plain["by_control_kind"]["ablation"]["dominance"]["n_controls_dominated"] == 0
    assert plain["by_control_kind"]["ablation"]["dominance"]["n_students_dominated"] == 8


def test_best_under_finds_the_paper_claim() -> None:
    claim = plain_of(synthetic.models(teacher_error=0.036))["best_under"]["paper"]
    assert claim["is_met_by_one"]
    assert claim["met"] == {"faster": True, "smaller": True, "accurate": True}
    network = claim["network"]
    assert network["label"] == "64/32/3"
    assert network["speedup"] == pytest.approx(
        synthetic.us_per_atom(synthetic.TEACHER) / synthetic.us_per_atom((64, 32, 3))
    )
    assert network["force_rmse_vs_teacher_percent"] == pytest.approx(
        100 * (0.9 * synthetic.control_error((64, 32, 3)) / 0.036 - 1)
    )


def test_best_under_says_which_criteria_fail() -> None:
    claim = plain_of(synthetic.models(teacher_error=0.010))["best_under"]["paper"]
    assert not claim["is_met_by_one"]
    assert claim["n_meeting"] == 0
    assert claim["met"] == {"faster": True, "smaller": True, "accurate": False}


def test_caps_give_the_most_accurate_student_below_them() -> None:
    caps = plain_of(synthetic.models())["best_under"]["caps"]
    half_time = next(c for c in caps if c["quantity"] == "md_us_per_atom_step" and c["fraction_of_teacher"] == 0.5)
    assert half_time["network"]["label"] == "64/32/3"
    tenth_memory = next(c for c in caps if c["quantity"] == "bytes_per_atom" and c["fraction_of_teacher"] == 0.1)
    assert tenth_memory["network"]["label"] == "12/8/1"
    assert tenth_memory["network"]["bytes_per_atom"] <= tenth_memory["cap"]


def test_who_is_most_accurate_is_told_by_validation() -> None:
    models = synthetic.models()
    is_favoured = (models["role"] == "student") & (models["n_features"] == 48)
    models["valid_force_rmse_ev_per_ang"] *= np.where(is_favoured, 0.01, 1.0)
    best = plain_of(models)["best_under"]
    half_time = next(c for c in best["caps"] if c["quantity"] == "md_us_per_atom_step")
    assert {best["paper"]["network"]["label"], best["students"][0]["label"], half_time["network"]["label"]} == {
        "48/20/3"
    }


@pytest.mark.parametrize(("teacher_error", "is_clear"), [(0.02, True), (0.3, False)])
def test_teacher_is_held_against_the_controls(teacher_error: float, is_clear: bool) -> None:
    teacher = summary_of(synthetic.models(teacher_error=teacher_error)).teacher
    assert teacher is not None
    assert teacher.is_clearly_better_than_controls is is_clear


def test_without_confirmation_the_search_and_its_validation_split_carry_the_claims() -> None:
    plain = plain_of(synthetic.models(ladder=(), n_search=20))
    assert (plain["stage"], plain["split"]) == ("search", "valid")
    assert "confirmation" in plain["basis_reason"]
    assert plain["paired_force_rmse"]["n"] == 14  # of 20: three kinds of end do not count, twice each


def test_only_complete_networks_enter() -> None:
    frame = synthetic.models()
    broken = frame.copy()
    ids = ["c07-student-s1002", "c00-paper-s1001"]  # of the cheapest, which only its own student can dominate
    broken.loc[broken["model_id"].isin(ids), "status"] = "pruned"
    broken.loc[broken["model_id"].isin(ids), "test_force_rmse_ev_per_ang"] = 1e9
    found = summary_of(broken).headline
    assert found is not None
    assert found.paired_force_rmse.n == 30
    # Costs of three seeds and of four must still count as equal, or dominance would be lost to rounding.
    assert found.dominance.n_controls_dominated == 8


def test_loss_of_all_costs_leaves_the_errors() -> None:
    frame = synthetic.models()
    frame[["md_us_per_atom_step", "max_atoms", "bytes_per_atom"]] = None
    plain = plain_of(frame)
    assert plain["paired_force_rmse"]["n"] == 32
    assert plain["hypervolume"]["difference"] is None
    assert plain["dominance"]["n_controls"] == 0
    assert plain["front"] == []


def degenerate() -> dict[str, pd.DataFrame]:
    whole = synthetic.models(noise=0.01)
    return {
        "empty": pd.DataFrame(columns=list(MODEL_COLUMNS)),
        "no columns": pd.DataFrame(),
        "teacher only": whole[whole["role"] == "teacher"],
        "no teacher": whole[whole["role"] != "teacher"],
        "no controls": whole[whole["role"] != "control"],
        "no students": whole[whole["role"] != "student"],
        "one architecture": synthetic.models(ladder=synthetic.LADDER[:1], noise=0.01),
        "one seed": synthetic.models(n_seeds=1),
        "one pair": synthetic.models(n_seeds=1, ladder=synthetic.LADDER[:1]),
        "all diverged": whole.assign(status="diverged", reason="the loss became non-finite in epoch 2"),
        "no costs": whole.assign(md_us_per_atom_step=None, max_atoms=None, bytes_per_atom=None),
        "no test errors": whole.assign(test_force_rmse_ev_per_ang=None),
        "infinite errors": whole.assign(test_force_rmse_ev_per_ang=np.inf, valid_force_rmse_ev_per_ang=np.inf),
    }


@pytest.mark.parametrize("name", sorted(degenerate()))
def test_degenerate_studies_are_summarised_in_strict_json(name: str) -> None:
    plain = plain_of(degenerate()[name])
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert set(plain) >= CONTRACT


def test_csv_and_records_give_the_same_summary(tmp_path_factory: pytest.TempPathFactory) -> None:
    frame = synthetic.models(noise=0.02, n_search=10)
    path = tmp_path_factory.mktemp("csv") / "models.csv"
    frame.to_csv(path, index=False)
    assert plain_of(pd.read_csv(path)) == plain_of(frame)


def test_row_order_does_not_matter() -> None:
    frame = synthetic.models(noise=0.02)
    shuffled = frame.sample(frac=1, random_state=3)
    first, again = plain_of(frame), plain_of(shuffled)
    assert first["paired_force_rmse"]["ci95"] == pytest.approx(again["paired_force_rmse"]["ci95"])
    assert first["front"] == again["front"]
