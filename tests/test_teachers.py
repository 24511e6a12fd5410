"""Several teachers and generations of them, in this process: no Ray is needed to train and to label."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from ase.calculators.calculator import Calculator
from ase.calculators.emt import EMT

import pareto_search as ps
from pareto_search import stages
from pareto_search.cluster.liquid_stage import LiquidStage
from pareto_search.config import StudyConfig, TeacherSettings, TransferSettings
from pareto_search.config_file import load_config
from pareto_search.errors import DataError, ParetoSearchError
from pareto_search.journal import Journal
from pareto_search.loading import load_study_data
from pareto_search.networks.job import control_of
from pareto_search.networks.teaching import NetworkTeaching
from pareto_search.networks.training import NetworkTraining, finished_record
from pareto_search.potential.model_files import read_description, save_model
from pareto_search.search.run_trial import student_job
from pareto_search.stages import open_study
from tests.tiny_study import TINY

AGAIN = {
    "n_generations": 1,
    "training": {
        "max_epochs": 4,
        "batch_size": 8,
        "schedule": [
            {"epoch": 1, "weight_energy": 0, "weight_forces": 75, "weight_atomic_energy": 200},
            {"epoch": 3, "weight_energy": 1, "weight_forces": 15, "weight_atomic_energy": 0},
        ],
    },
}


def _config(**teacher) -> StudyConfig:
    training = TINY["teacher"]["training"] | {"max_epochs": 4}
    settings = TINY["teacher"] | {"training": training} | teacher
    return StudyConfig.model_validate(TINY | {"teacher": settings})


@pytest.fixture(scope="module")
def generations(tmp_path_factory):
    """Two teachers in two generations, and the labels of the second."""
    out = tmp_path_factory.mktemp("teachers") / "run"
    config = _config(n_members=2, born_again=AGAIN)
    return config, out, stages.label(config, out)


def _said(folder: Path, data) -> np.ndarray:
    """What one network says of the first frame, without reference energies."""
    network = ps.load(folder)
    atoms = data.dataset.frame(0)
    return network.atomic_energies(atoms) - network.potential.references.of_atoms(atoms.numbers)


def test_labels_are_the_mean_of_the_last_generation(generations):
    config, out, labels = generations
    models = ps.open_results(out).models
    assert models["generation"].tolist() == [0, 0, 1, 1]
    assert models["seed"].tolist() == [0, 1, 0, 1]
    assert (models["role"] == "teacher").all()
    last = [out / "models" / model_id for model_id in models["model_id"][2:]]
    data = load_study_data(config)
    mean = np.mean([_said(folder, data) for folder in last], axis=0)
    np.testing.assert_allclose(labels.atomic_energy_ev[data.dataset.atoms_of(0)], mean, atol=1e-5)


def test_the_first_teacher_keeps_its_folder(generations):
    _, out, _ = generations
    models = ps.open_results(out).models
    assert read_description(out / "teacher")["record"]["model_id"] == models["model_id"][0]
    assert ps.open_results(out).load("teacher").description["record"]["generation"] == 0
    assert ps.open_results(out).load(models["model_id"][3]).description["record"]["generation"] == 1


def test_a_generation_is_taught_by_the_one_before_at_the_epochs_of_its_schedule(generations):
    _, out, labels = generations
    results = ps.open_results(out)
    first, again = results.models["label_hash"][:2], results.models["label_hash"][2:]
    assert first.isna().all()
    assert again.nunique() == 1
    assert again.iloc[0] != labels.sha256  # these are the labels that they give
    curve = results.curves[results.curves["model_id"] == results.models["model_id"][2]]
    assert curve["weight_atomic_energy"].tolist() == [200, 200, 0, 0]
    assert curve["weight_forces"].tolist() == [75, 75, 15, 15]
    assert (curve["train_loss_atomic_energy"] > 1e-6).all()


def test_teachers_are_trained_and_asked_once(generations, monkeypatch):
    config, out, labels = generations

    def never(*arguments, **others):
        raise AssertionError("done twice")

    monkeypatch.setattr("pareto_search.networks.teaching.make_labels", never)
    monkeypatch.setattr("pareto_search.networks.training.fit", never)
    monkeypatch.setattr("pareto_search.measure.cost.CostProtocol.measure", never)
    assert stages.label(config, out).sha256 == labels.sha256


def test_students_take_weights_over_from_the_last_generation_and_are_held_against_its_liquid(generations, monkeypatch):
    config, out, _ = generations
    last = ps.open_results(out).models["model_id"][2]
    search = config.search.model_copy(update={"transfer": TransferSettings(interaction="frozen")})
    with open_study(config, out) as study:
        shared = study.labelled
        student = student_job(
            search, {"trial_number": 0, "n_features": 5, "weight_forces": 30, "weight_atomic_energy": 9}
        )
        record = NetworkTraining(student, shared.data, shared.folders()).run()
        found, theirs, first = (
            ps.load(folder).potential.network.state_dict()
            for folder in (out / "models" / record.model_id, out / "models" / last, out / "teacher")
        )
        frozen = [name for name, weight in theirs.items() if "sens" in name and weight.shape == found[name].shape]
        assert frozen
        for name in frozen:
            np.testing.assert_array_equal(found[name], theirs[name])
        assert any((theirs[name] != first[name]).any() for name in frozen)
        confirmed = replace(record, stage="confirm")
        monkeypatch.setattr(study, "records", lambda stage: [confirmed])
        seen = []
        monkeypatch.setattr(LiquidStage, "run", lambda stage, jobs, join_ray: seen.append(stage.work.teacher.model_id))
        study.liquid()
        assert seen == [last]


def test_a_teacher_that_diverges_is_named_with_the_remedy_however_often_it_is_asked_for(tmp_path):
    training = TINY["teacher"]["training"] | {"learning_rate": 1e18}
    config = _config(training=training)
    for _ in range(2):
        with pytest.raises(ParetoSearchError) as stop:
            stages.label(config, tmp_path / "run")
        assert re.match(
            r"the teacher teacher-8-6-1-\w+ diverged \(the loss became non-finite in epoch \d+\).* lower "
            r"teacher\.training\.learning_rate.*--out",
            str(stop.value),
        )


def test_controls_that_would_be_the_student_itself_are_refused():
    for kind, reason in (("static", "no schedule"), ("one_teacher", "there is one"), ("scratch", "takes over nothing")):
        with pytest.raises(ValueError, match=reason):
            StudyConfig.model_validate(TINY | {"confirm": TINY["confirm"] | {"controls": [kind]}})


def test_a_spread_needs_several_teachers():
    with pytest.raises(ValueError, match="no spread"):
        _config(label_weighting="spread")


FRAMES = {"source": "teacher-md", "structure": {"symbol": "Al"}, "n_atoms": 32, "n_frames": 20, "n_replicas": 1}
PRETRAINING = {
    "frames": FRAMES | {"temperatures_k": [20], "timestep_fs": 4, "min_distance_ang": 0.01},
    "training": {"max_epochs": 6, "batch_size": 4},
}


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    """A student that was trained on the teacher's own frames first, and the control that was not."""
    search = TINY["search"] | {"transfer": {"pretraining": PRETRAINING}}
    config = _config().model_copy(update={"search": StudyConfig.model_validate(TINY | {"search": search}).search})
    with open_study(config, tmp_path_factory.mktemp("pretrained") / "run") as study:
        shared = study.labelled
        student = student_job(
            config.search, {"trial_number": 0, "n_features": 5, "weight_forces": 30, "weight_atomic_energy": 9}
        )
        jobs = [student, control_of(student, "scratch"), control_of(student, "ablation")]
        records = [NetworkTraining(job, shared.data, shared.folders()).run() for job in jobs]
        yield shared, records, study.store, study.directory


def test_frames_for_pretraining_are_the_teachers_and_carry_its_word(pretrained):
    shared, _, _, directory = pretrained
    snapshots = shared.data.snapshots
    assert snapshots.dataset.n_systems == 20
    teacher = ps.load(directory.teacher_dir)
    energy, forces = teacher.energy_forces(snapshots.dataset.frame(3))
    assert snapshots.dataset.energy[3] == pytest.approx(energy, abs=1e-4)
    np.testing.assert_allclose(snapshots.dataset.forces[snapshots.dataset.atoms_of(3)], forces, atol=1e-4)
    said = _said(directory.teacher_dir, snapshots)
    np.testing.assert_allclose(snapshots.labels.atomic_energy_ev[snapshots.dataset.atoms_of(0)], said, atol=1e-5)


def test_of_frames_for_pretraining_as_many_are_used_as_the_settings_say(pretrained):
    shared, _, store, _ = pretrained
    plain = shared.config.to_plain()
    plain["search"]["transfer"]["pretraining"]["frames"]["max_frames"] = 12
    config = StudyConfig.model_validate(plain)
    assert isinstance(config.teacher, TeacherSettings)
    teaching = NetworkTeaching(replace(shared, config=config), store, Journal([]), (), config.teacher)
    assert teaching.snapshots().dataset.n_systems == 12


def test_only_the_student_is_trained_on_them_first(pretrained):
    _, (student, scratch, ablation), _, directory = pretrained
    first = [read_curve(directory, record)["valid_force_rmse_ev_per_ang"][0] for record in (student, scratch, ablation)]
    assert first[0] != first[1]
    assert student.label_hash == scratch.label_hash
    assert ablation.label_hash is None
    assert not list(directory.training_dir.glob("*.pt"))


def test_a_student_that_is_lost_on_them_is_not_trained_on(pretrained, monkeypatch):
    shared, *_ = pretrained
    settings = shared.config.search.transfer.pretraining
    training = settings.training.model_copy(update={"learning_rate": 1e18})
    pretraining = settings.model_copy(update={"training": training})
    search = shared.config.search.model_copy(update={"transfer": TransferSettings(pretraining=pretraining)})
    job = student_job(search, {"trial_number": 0, "n_features": 5, "weight_forces": 30, "weight_atomic_energy": 9})
    record = NetworkTraining(job, shared.data, shared.folders()).run()
    assert record.status == "diverged"
    assert re.fullmatch(r"the loss became non-finite in epoch \d of training on the teacher's frames", record.reason)


def test_the_structure_of_frames_for_pretraining_counts_from_the_configs_folder(tmp_path):
    frames = FRAMES | {"temperatures_k": [20], "structure": {"path": "cells/al.cif"}}
    search = TINY["search"] | {"transfer": {"pretraining": PRETRAINING | {"frames": frames}}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(TINY | {"search": search}))
    found = load_config(tmp_path / "config.yaml").search.transfer.pretraining.frames.structure
    assert found.path == tmp_path / "cells" / "al.cif"


def test_other_runs_count_from_the_configs_folder_and_in_overrides_from_where_the_user_is(tmp_path, monkeypatch):
    config = TINY | {"teacher": TINY["teacher"] | {"reuse": ["runs/a", "/b"]}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    found = load_config(tmp_path / "config.yaml", ("search.warm_start=[runs/c]",))
    assert found.teacher.reuse == (tmp_path / "runs" / "a", Path("/b"))
    assert found.search.warm_start == (tmp_path / "here" / "runs" / "c",)


def test_a_teacher_whose_md_goes_astray_is_named(tmp_path, pretrained):
    shared, *_ = pretrained
    frames = shared.config.search.transfer.pretraining.frames.model_copy(update={"min_distance_ang": 3.0})
    pretraining = shared.config.search.transfer.pretraining.model_copy(update={"frames": frames})
    search = shared.config.search.model_copy(update={"transfer": TransferSettings(pretraining=pretraining)})
    config = shared.config.model_copy(update={"search": search})
    with open_study(config, tmp_path / "run") as study, pytest.raises(DataError, match="MD by the teacher left"):
        study.label()


def read_curve(directory, record) -> pd.DataFrame:
    return pd.read_csv(directory.models_dir / record.model_id / "curve.csv")


def test_a_teacher_is_taken_from_another_run_if_it_is_the_very_one(generations, tmp_path, monkeypatch, caplog):
    config, out, labels = generations
    teacher = config.teacher.model_copy(update={"reuse": (out,)})
    monkeypatch.setattr("pareto_search.measure.cost.CostProtocol.measure", None)
    monkeypatch.setattr("pareto_search.networks.training.fit", None)
    with pytest.raises(TypeError):  # another seed is another teacher, and has to be trained
        stages.label(config.model_copy(update={"teacher": teacher.model_copy(update={"seed": 7})}), tmp_path / "other")
    assert len(re.findall(rf"teacher-8-6-1-\w+ is in none of {out}", caplog.text)) == 2  # members
    caplog.clear()
    assert stages.label(config.model_copy(update={"teacher": teacher}), tmp_path / "run").sha256 == labels.sha256
    assert "in none of" not in caplog.text
    assert len(ps.open_results(tmp_path / "run").models) == 4


def test_a_teacher_is_taken_over_in_place_of_one_that_failed_here(generations, tmp_path, monkeypatch):
    config, out, labels = generations
    monkeypatch.setattr("pareto_search.networks.training.fit", None)
    config = config.model_copy(update={"teacher": config.teacher.model_copy(update={"reuse": (out,)})})
    with open_study(config, tmp_path / "run") as study:
        record = replace(finished_record(out / "teacher"), status="failed", reason="out of memory")
        save_model(study.directory.teacher_dir, None, {"record": record.to_plain()}, {})
        assert study.label().sha256 == labels.sha256
        assert finished_record(study.directory.teacher_dir).status == "complete"
    assert not list((tmp_path / "run").glob(".teacher-*"))


class WithoutAtomicEnergies(Calculator):
    """EMT that tells energy and forces alone."""

    implemented_properties = ["energy", "forces"]  # noqa: RUF012 - as ASE declares it

    def calculate(self, atoms=None, properties=("energy",), system_changes=()):
        super().calculate(atoms, properties, system_changes)
        emt = EMT()
        self.results = {name: emt.get_property(name, atoms) for name in self.implemented_properties}


def _forces_only(weight_atomic_energy: float) -> StudyConfig:
    weights = {"weight_forces": 10, "weight_teacher_forces": 30, "weight_atomic_energy": weight_atomic_energy}
    search = TINY["search"] | {"space": TINY["search"]["space"] | weights}
    teacher = {"calculator": f"{__name__}:WithoutAtomicEnergies", "n_steps_timed": 5}
    return StudyConfig.model_validate(TINY | {"teacher": teacher, "search": search})


def test_a_teacher_without_atomic_energies_is_refused_or_teaches_forces(tmp_path):
    with open_study(_forces_only(9), tmp_path / "refused") as study, pytest.raises(DataError, match="teach forces"):
        study.label()
    config = _forces_only(0)
    with open_study(config, tmp_path / "run") as study:
        data = study.labelled.data
        student = student_job(config.search, {"trial_number": 0, "n_features": 5})
        record = NetworkTraining(student, data, study.shared.folders()).run()
        curve = read_curve(study.directory, record)
    np.testing.assert_allclose(data.labels.forces_ev_per_ang, data.dataset.forces, atol=1e-6)  # EMT made the data too
    assert (record.weight_teacher_forces, record.weight_atomic_energy) == (30, 0)
    assert (curve["train_loss_teacher_forces"] > 0.01).all()
    np.testing.assert_allclose(curve["train_loss_teacher_forces"], curve["train_loss_forces"], rtol=1e-4)
