"""A study whose teacher is not ours and makes its own frames, from the command line."""

import json

import pandas as pd
import pytest
import yaml

import pareto_search as ps
from pareto_search import stages
from pareto_search.analysis.described import ComparedNetwork
from pareto_search.config_file import load_config, parse_config
from pareto_search.data.dataset_file import read_dataset_info
from pareto_search.errors import DataError, StoreError
from pareto_search.report.live.board import Board
from pareto_search.report.live.followed_run import FollowedRun
from pareto_search.stages import open_study
from pareto_search.training.labels import stored_labels
from tests.data.test_teacher_md import PLAIN as MADE_BY_EMT
from tests.tiny_study import TINY, call

pytestmark = [pytest.mark.slow, pytest.mark.cluster]

STUDY = TINY | {
    "name": "distill",
    "data": MADE_BY_EMT,
    "split": {"kind": "source"},
    "teacher": {"calculator": "ase.calculators.emt:EMT", "n_steps_timed": 5},
    "search": TINY["search"] | {"n_trials": 2},
    "confirm": {"n_seeds": 1, "max_front": 1, "n_ladder": 0, "controls": ["ablation"]},
    "measure": TINY["measure"] | {"structure": {"frame": 0}, "n_atoms": 108},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory, one_ray):
    folder = tmp_path_factory.mktemp("distill")
    (folder / "config.yaml").write_text(yaml.safe_dump(STUDY))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PARETO_SEARCH_CACHE_DIR", str(folder / "cache"))
        assert call("plan", folder / "config.yaml") == 0
        assert call("run", folder / "config.yaml", "--out", folder / "run") == 0
        yield folder


def test_students_are_compared_with_the_teacher_in_one_run(run):
    results = ps.open_results(run / "run")
    models = results.models
    teacher = models[models["role"] == "teacher"].iloc[0]
    assert teacher["engine"] == "EMT"
    assert teacher["test_force_rmse_ev_per_ang"] == teacher["valid_energy_rmse_ev_per_atom"] == 0  # its own frames
    assert teacher["md_us_per_atom_step"] > 0
    assert pd.isna(teacher["n_features"])
    timing = json.loads((run / "run/teacher/model.json").read_text())["md"]
    assert (timing["n_atoms"], timing["n_steps"], timing["timestep_fs"]) == (
        128,
        5,
        1.0,
    )  # the supercell nearest to 108
    student = results.summary.best_under.students[0]
    assert isinstance(student, ComparedNetwork)
    speedup = teacher["md_us_per_atom_step"] / student.md_us_per_atom_step
    assert student.speedup == pytest.approx(speedup)
    assert not (run / "cache/costs").exists()  # nor are step times of other runs taken over
    page = (run / "run/report.html").read_text()
    assert f"The most accurate student, {student.label}, is" in page
    assert "as fast as EMT and within" in page
    assert results.answer.headline.startswith("The most accurate student")
    assert "errors measure how far students are from it" in " ".join(results.answer.cautions)


def test_students_learn_from_the_teachers_atomic_energies(run):
    labels = stored_labels(run / "run/labels.npz")
    models = ps.open_results(run / "run").models
    students = models[models["role"] == "student"]
    assert set(students["label_hash"]) == {labels.sha256}
    assert labels.atomic_energy_ev.std() > 0.01


def test_the_same_command_again_trains_nothing(run, capsys):
    before = {path: path.stat().st_mtime_ns for path in (run / "run").rglob("model.json")}
    assert call("run", run / "config.yaml", "--out", run / "run") == 0
    assert {path: path.stat().st_mtime_ns for path in (run / "run").rglob("model.json")} == before


def test_the_frames_are_the_runs_own(run, monkeypatch):
    monkeypatch.setattr("pareto_search.loading.load_dataset", None)  # neither the user's cache nor MD is needed
    with open_study(load_config(run / "config.yaml"), run / "run") as study:
        known = read_dataset_info(run / "run/dataset.json")
        assert study.data.dataset_hash == known.split_hash
        assert study.data.dataset.notes == known.notes


def test_the_teacher_is_no_network_to_load_or_export(run, tmp_path):
    for of in (lambda: ps.open_results(run / "run").load("teacher"),
               lambda: stages.export(run / "run", "teacher", "ase", tmp_path / "new")):  # fmt: skip
        with pytest.raises(DataError, match=r"is of the teacher ase\.calculators\.emt:EMT"):
            of()


@pytest.mark.parametrize(
    ("weight", "schedule", "learns"),
    [
        (0, [], False),
        ({"low": 0.3, "high": 300, "zero_below": 1}, [], True),
        (0, [{"epoch": 1, "weight_atomic_energy": 2}], True),
    ],
)
def test_only_students_without_atomic_energies_take_a_teacher_without(weight, schedule, learns):
    space = STUDY["search"]["space"] | {"weight_atomic_energy": weight, "weight_forces": 10}
    training = STUDY["search"]["training"] | {"schedule": schedule}
    config = parse_config(STUDY | {"search": STUDY["search"] | {"space": space, "training": training}}, "here")
    assert config.learns_atomic_energies == learns


def test_a_structure_or_teacher_given_on_the_command_line_replaces_the_files(run):
    changes = ("data.structure.path=POSCAR", "teacher.n_atoms_timed=5")
    config = load_config(run / "config.yaml", changes)
    assert (config.data.structure.symbol, config.data.structure.path.name) == (None, "POSCAR")
    assert (config.teacher.name, config.teacher.n_atoms_timed) == ("EMT", 5)
    assert config.largest_cutoff_ang == 4.5


def test_the_live_page_shows_the_run(run, monkeypatch):
    monkeypatch.setattr("pareto_search.report.live.board.DRAWING_S", 60.0)
    teacher = ps.open_results(run / "run").summary.teacher.model_id
    parts = Board(FollowedRun(run / "run")).update({}, ("network", teacher))
    assert {"costs", "front_speed", "volume"} <= set(parts)
    assert "EMT" in str(parts["details"].content)


def test_another_version_of_the_teacher_is_refused(run, monkeypatch):
    monkeypatch.setattr("pareto_search.networks.external_teaching.ExternalTeaching.model_id", "teacher-EMT-other")
    with pytest.raises(StoreError, match=r"not teacher-EMT-other: its package or file has changed"):
        stages.teacher(load_config(run / "config.yaml"), run / "run")
