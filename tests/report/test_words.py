import re
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from pareto_search.config import SplitSettings
from pareto_search.report.numbers import p_text
from pareto_search.report.tables import ReportedStudy, ReportInput
from pareto_search.report.words import Answer, answer
from tests.report import synthetic


def words(data: ReportInput) -> Answer:
    return answer(ReportedStudy(data))


def words_of(**study: Any) -> Answer:
    return words(synthetic.report_input(**study))


def has(texts: tuple[str, ...], part: str) -> bool:
    return any(part in text for text in texts)


def test_a_gain_is_stated_with_interval_and_number_of_pairs() -> None:
    found = words_of(student_factor=0.9, noise=0.01)
    assert found.verdict == "better"
    assert "more accurate than their matched controls" in found.headline
    assert has(found.sentences, "32 pairs over 8 architectures and 4 seeds")
    assert has(found.sentences, "% below (95 % interval −1")
    assert has(found.sentences, "Students dominate 8 of 8 controls")


def test_a_loss_is_stated_as_plainly() -> None:
    found = words_of(student_factor=1.1, noise=0.01)
    assert found.verdict == "worse"
    assert "less accurate" in found.headline
    assert has(found.sentences, "% above (95 % interval +")
    assert has(found.sentences, "controls dominate 8 of 8 students")


def test_no_difference_is_no_gain() -> None:
    found = words_of(student_factor=1.0, noise=0.05)
    assert found.verdict == "unsure"
    assert "No sure difference" in found.headline
    against = words_of(student_factor=1.0, factors={"paper": 1.0, "ablation": 0.8}, noise=0.05)
    assert against.verdict == "unsure"
    assert "less accurate than controls with the students' loss weights, and not surely different" in against.headline
    better = words_of(student_factor=1.0, factors={"paper": 1.0, "ablation": 1.2}, noise=0.05)
    assert "more accurate than controls with the students' loss weights, but not surely different" in better.headline
    alone = words_of(student_factor=0.9, factors={"ablation": 1.0}, noise=0.01)
    assert "more accurate than their matched controls with the students' loss weights at the same" in alone.headline


def test_students_that_share_a_control_are_said_to_be_taken_together() -> None:
    data = synthetic.report_input(noise=0.01)
    students = data.models[data.models["role"] == "student"]
    others = students.assign(model_id=students["model_id"] + "-1", weight_atomic_energy=1.0)
    found = words(replace(data, models=pd.concat([data.models, others], ignore_index=True)))
    assert has(
        found.sentences, "64 pairs over 8 architectures and 4 seeds, students of all loss weights together, a mean"
    )
    assert not has(words(data).sentences, "together, a mean")


def test_the_liquid_is_told_of_where_it_was_run() -> None:
    data = synthetic.report_input(noise=0.01)
    assert not has(words(data).sentences, "Liquid")
    liquid = next(text for text in words(synthetic.with_liquid(data)).sentences if text.startswith("Liquid"))
    below = float(re.search(r"teacher's, is ([0-9.]+) % below \(95 % interval", liquid)[1])
    assert below == pytest.approx(10, abs=2)  # as far as the force errors


def test_gain_that_reverses_against_the_ablation_is_a_caution() -> None:
    found = words_of(factors={"paper": 1.0, "ablation": 0.8}, noise=0.01)
    assert "but less accurate than controls with the students' loss weights" in found.headline
    assert has(found.sentences, "the gain reverses")
    assert has(found.cautions, "reverses against the ablation controls")
    kept = words_of(factors={"paper": 1.0, "ablation": 0.97}, noise=0.005)
    assert has(kept.sentences, "the gain remains")
    assert not has(kept.cautions, "against the ablation controls")


def test_gain_that_may_be_none_against_the_ablation_is_not_said_to_reverse() -> None:
    found = words_of(factors={"paper": 1.0, "ablation": 0.88}, noise=0.08)
    assert "but not surely more accurate than controls with the students' loss weights" in found.headline
    assert has(found.sentences, "the gain is not sure")
    assert has(found.cautions, "vanishes against the ablation controls")


def test_ablation_controls_without_a_pair_say_nothing() -> None:
    data = synthetic.report_input(factors={"paper": 1.0, "ablation": 0.8}, noise=0.01)
    of_ablation = data.models["control_kind"] == "ablation"
    apart = data.models.assign(seed=data.models["seed"] + 100 * of_ablation)
    assert words(replace(data, models=apart)).headline == words_of(noise=0.01).headline


def test_paper_controls_alone_leave_the_loss_weights_as_a_cause() -> None:
    assert has(words_of().cautions, "add ablation controls")


def test_a_weak_teacher_is_a_caution() -> None:
    text = "not clearly more accurate than the controls"
    assert has(words_of(teacher_error=0.2).cautions, text)
    assert not has(words_of(teacher_error=0.02).cautions, text)


def test_demonstration_data_are_named() -> None:
    assert has(words_of(data_source="emt-aluminum").cautions, "demonstration potential")
    assert not has(words_of().cautions, "demonstration potential")


def test_notes_that_name_a_demonstration_are_heeded() -> None:
    data = synthetic.report_input()
    notes = {"source": "extxyz", "potential": "EMT, a demonstration potential"}
    noted = replace(data, dataset=replace(data.dataset, notes=notes))
    assert has(words(noted).cautions, "demonstration potential")


def test_flattery_of_the_search_is_stated() -> None:
    data = synthetic.report_input(noise=0.01)
    confirmed = data.models[(data.models["role"] == "student") & (data.models["seed"] == 1000)]
    # Every confirmed student was on the search's front, with an error 5 % lower than it has with new seeds.
    searched = confirmed.assign(
        model_id="s" + confirmed["model_id"], stage="search", seed=0,
        valid_force_rmse_ev_per_ang=[0.95 * 0.98 * 0.9 * synthetic.control_error(shape) for shape in synthetic.LADDER],
    )  # fmt: skip
    models = pd.concat([data.models, searched], ignore_index=True)
    found = words(replace(data, models=models)).cautions
    assert has(found, "8 students of its front have a validation force RMSE 5.")
    assert has(found, "% above what the search found (95 % interval +4.")
    assert has(found, "its errors are too low")
    assert not has(found, "times as many epochs")
    longer = models.assign(n_epochs=models["n_epochs"].where(models["stage"] != "confirm", 480))
    assert has(words(replace(data, models=longer)).cautions, "though they trained for 2.0 times as many epochs")
    factors = (models["n_features"] < 20).map({True: 0.5, False: 1.5}).where(models["stage"] == "confirm", 1)
    wild = models["valid_force_rmse_ev_per_ang"] * factors
    unsure = words(replace(data, models=models.assign(valid_force_rmse_ev_per_ang=wild))).cautions
    assert has(unsure, "whether its errors are too low is not sure")
    assert not has(words(data).cautions, "errors are too low")
    confirm = data.config.confirm.model_copy(update={"select": "all"})  # chooses nothing
    listed = data.config.model_copy(update={"confirm": confirm})
    assert not has(words(replace(data, models=models, config=listed)).cautions, "errors are too low")


def test_split_kind_is_named() -> None:
    data = synthetic.report_input()
    assert has(words(data).cautions, "The split is random")
    by_source = replace(data, config=data.config.model_copy(update={"split": SplitSettings(kind="source")}))
    assert has(words(by_source).cautions, "The split is by source")


@pytest.mark.parametrize(
    ("factor", "said"),
    [
        (3.0, "on the validation split is 3.0 times that on the test split (median of 65 networks)"),
        (0.2, "on the test split is 5.0 times that on the validation split"),
    ],
)
def test_splits_of_which_one_is_far_harder_are_a_caution(factor: float, said: str) -> None:
    data = synthetic.report_input()
    errors = data.models["test_force_rmse_ev_per_ang"]
    found = words(replace(data, models=data.models.assign(valid_force_rmse_ev_per_ang=factor * errors)))
    assert has(found.cautions, said)
    assert not has(words(data).cautions, "times that on the")


def test_flat_capacity_is_a_caution() -> None:
    text = "Capacity barely depends on the architecture"
    data = synthetic.report_input()
    assert not has(words(data).cautions, text)
    # The bracket is 1.5 % wide.
    atoms = [10_000 + number % 100 for number in range(len(data.models))]
    assert has(words(replace(data, models=data.models.assign(max_atoms=atoms))).cautions, text)


def test_several_devices_are_a_caution() -> None:
    data = synthetic.report_input()
    devices = ["A6000"] * (len(data.models) - 1) + ["H100"]
    assert has(
        words(replace(data, models=data.models.assign(device=devices))).cautions, "several devices (A6000; H100)"
    )


def test_lost_networks_of_the_confirmation_are_counted() -> None:
    data = synthetic.report_input()
    models = data.models.copy()
    models.loc[models["model_id"].isin(["c00-student-s1000", "c01-student-s1000"]), "status"] = "diverged"
    assert has(words(replace(data, models=models)).cautions, "2 students diverged or failed")


def test_too_few_pairs_are_not_concluded_from() -> None:
    found = words_of(n_seeds=1, ladder=synthetic.LADDER[:3])
    assert found.verdict == "unsure"
    assert "Too few pairs to decide: 3 pairs" in found.headline
    assert has(found.cautions, "nothing can be concluded")
    assert has(found.cautions, "One seed per network")
    assert has(found.sentences, "no interval, because a network of the fronts has one seed only")


@pytest.mark.parametrize(
    ("role", "part"), [("control", "No control was trained to its end"), ("student", "No student was trained")]
)
def test_missing_roles_are_said_in_words(role: str, part: str) -> None:
    data = synthetic.report_input()
    found = words(replace(data, models=data.models[data.models["role"] != role]))
    assert found.verdict == "nothing"
    assert part in found.headline


def test_nothing_at_all_is_said_in_words() -> None:
    data = replace(synthetic.report_input(), models=pd.DataFrame(), costs=[])
    assert "No student was trained to its end" in words(data).headline
    assert has(words(data).sentences, "No teacher is stored")


def test_p_values_are_short() -> None:
    assert p_text(0.0312) == "0.031"
    assert p_text(4.66e-10) == "5×10⁻¹⁰"


def test_what_several_teachers_cost_is_said() -> None:
    data = synthetic.report_input()
    is_teacher = data.models["role"] == "teacher"
    first = data.models[is_teacher].iloc[[0]].assign(train_s=100.0, generation=0, seed=0)
    more = [first.assign(model_id=f"teacher-{n}", seed=n, train_s=110.0) for n in (1, 2)]
    models = pd.concat([data.models[~is_teacher], first, *more], ignore_index=True)
    text = "There are 3 teachers: their training took 3.2 times as long as that of the first."
    found = words(replace(data, models=models)).sentences
    assert text in found
    assert has(found, "The 3 teachers (128/40/4) have a mean force RMSE of")
    assert not has(words(data).sentences, "There are")
    assert has(words(data).sentences, "The teacher (128/40/4) has a force RMSE of")


def test_controls_with_a_teacher_are_told_apart() -> None:
    found = words_of(student_factor=0.9, noise=0.01, factors={"one_teacher": 1.0})
    assert "matched controls, which have a teacher too, at the same cost" in found.headline
    assert has(found.sentences, "controls with one teacher")
    assert "teacher too" not in words_of(student_factor=0.9, noise=0.01).headline


def test_md_that_went_wrong_is_a_caution_and_said_of_the_student_to_take() -> None:
    base = synthetic.report_input(student_factor=0.9, noise=0.01)
    stable = words(synthetic.with_liquid(base))
    assert not has((*stable.sentences, *stable.cautions), "went wrong")
    unstable = synthetic.with_liquid(base)
    is_lost = (unstable.models["role"] == "student") & unstable.models["seed"].isin([1000, 1001])
    is_lost |= (unstable.models["role"] == "control") & (unstable.models["seed"] == 1000)
    models = unstable.models.assign(md_stable_ps=unstable.models["md_stable_ps"].where(~is_lost, 0.2))
    found = words(replace(unstable, models=models))
    assert has(found.cautions, "MD of the liquid went wrong with 16 of 32 students, 8 of 32 paper controls: they are")
    assert has(found.sentences, "% force error; but MD of the liquid went wrong with 2 of 4 seeds")
