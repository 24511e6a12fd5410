"""Several teachers and generations of them, in this process: no Ray is needed to train and to label."""

from pathlib import Path

import numpy as np
import pytest

import pareto_search as ps
from pareto_search import stages
from pareto_search.config import StudyConfig
from pareto_search.potential.model_files import read_description
from pareto_search.search import trial
from tests.study import TINY

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


def _said(folder: Path, labels, data) -> np.ndarray:
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
    data = ps.study.load_study_data(config)
    mean = np.mean([_said(folder, labels, data) for folder in last], axis=0)
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

    monkeypatch.setattr(ps.teaching, "make_labels", never)
    monkeypatch.setattr("pareto_search.search.network.fit", never)
    monkeypatch.setattr(trial, "measure_cost", never)
    assert stages.label(config, out).sha256 == labels.sha256


def test_controls_that_would_be_the_student_itself_are_refused():
    for kind, reason in (("static", "no schedule"), ("one_teacher", "there is one"), ("scratch", "takes over nothing")):
        with pytest.raises(ValueError, match=reason):
            StudyConfig.model_validate(TINY | {"confirm": TINY["confirm"] | {"controls": [kind]}})


def test_a_spread_needs_several_teachers():
    with pytest.raises(ValueError, match="no spread"):
        _config(label_weighting="spread")
