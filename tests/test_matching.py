"""Student and control differ in their loss weights and in nothing else."""

from dataclasses import fields, replace
from typing import Any

import pandas as pd
import pytest
import torch

from pareto_search.config import (
    NO_TRANSFER,
    PAPER_CONTROL_WEIGHTS,
    LossWeights,
    ScheduledWeights,
    TrainingSettings,
    TransferSettings,
)
from pareto_search.networks import training as network
from pareto_search.networks.job import NetworkJob, control_of
from pareto_search.networks.training import NetworkFolders, NetworkTraining
from pareto_search.training.fit import FitResult, fit
from tests.training.toy import TINY, toy_data

TRAINING = TrainingSettings(max_epochs=3, batch_size=5)
STUDENT = NetworkJob(
    stage="search",
    role="student",
    architecture=TINY,
    weights=LossWeights(weight_energy=0.7, weight_forces=33.0, weight_atomic_energy=120.0),
    training=TRAINING,
    seed=4,
    trial_id=2,
)


@pytest.fixture(scope="module")
def data():
    return toy_data()


@pytest.fixture
def folders(tmp_path):
    return NetworkFolders(tmp_path / "teacher", tmp_path / "teacher", tmp_path / "models", tmp_path / "training", "cpu")


@pytest.mark.parametrize("kind", ["paper", "ablation"])
def test_control_is_the_students_job_with_other_weights(kind):
    control = control_of(STUDENT, kind)
    changed = {f.name for f in fields(NetworkJob) if getattr(control, f.name) != getattr(STUDENT, f.name)}
    assert changed == {"role", "control_kind", "weights"}
    assert control.weights.weight_atomic_energy == 0.0
    expected = PAPER_CONTROL_WEIGHTS if kind == "paper" else STUDENT.weights
    assert control.weights.weight_forces == expected.weight_forces
    assert control.weights.weight_energy == expected.weight_energy


def test_control_of_a_scheduled_student_has_no_teacher_term_at_any_epoch():
    rows = (
        ScheduledWeights(epoch=1, weight_forces=75.0, weight_atomic_energy=200.0),
        ScheduledWeights(epoch=9, weight_forces=15.0, weight_atomic_energy=0.0),
    )
    student = replace(STUDENT, training=TRAINING.model_copy(update={"schedule": rows}))
    ablation = control_of(student, "ablation").training.schedule
    assert [(r.epoch, r.weight_forces, r.weight_atomic_energy) for r in ablation] == [(1, 75.0, 0.0), (9, 15.0, 0.0)]
    assert control_of(student, "paper").training.schedule == ()


@pytest.mark.parametrize(("kind", "missing"), [("static", "training"), ("one_teacher", None), ("scratch", "transfer")])
def test_taught_control_lacks_one_thing_and_keeps_the_teacher(kind, missing, data):
    rows = (ScheduledWeights(epoch=1, weight_atomic_energy=200.0), ScheduledWeights(epoch=9, weight_forces=15.0))
    training = TRAINING.model_copy(update={"schedule": rows})
    student = replace(STUDENT, training=training, transfer=TransferSettings(interaction="frozen"))
    control = control_of(student, kind)
    changed = {f.name for f in fields(NetworkJob) if getattr(control, f.name) != getattr(student, f.name)}
    assert changed == {"role", "control_kind", missing} - {None}
    assert control.weights.weight_atomic_energy == student.weights.weight_atomic_energy
    assert control.training.schedule == (() if kind == "static" else rows)
    assert control.transfer == (NO_TRANSFER if kind == "scratch" else student.transfer)
    one = replace(data, first_labels=replace(data.labels, teacher_hash="first"))
    assert control.labels(one) is (one.first_labels if kind == "one_teacher" else one.labels)


@pytest.mark.parametrize("kind", ["paper", "ablation"])
def test_control_without_a_teacher_takes_over_nothing(kind, data):
    student = replace(STUDENT, transfer=TransferSettings(interaction="initialised"))
    control = control_of(student, kind)
    assert control.transfer == NO_TRANSFER
    assert control.labels(data) is None


@pytest.mark.parametrize("kind", ["paper", "ablation"])
def test_same_initial_weights_and_same_batches_in_the_same_order(kind, data, folders, monkeypatch):
    runs: dict[Any, Any] = {}

    def spy(potential, loader, split, weights, settings, *, seed, **others):
        seen = []
        batches = loader.batches

        def recorded(systems, batch_size):
            for batch, targets in batches(systems, batch_size):
                seen.append((batch.vectors, batch.species, targets.energy, targets.forces))
                yield batch, targets

        loader.batches = recorded
        start = [p.detach().clone() for p in potential.parameters()]
        result = fit(potential, loader, split, weights, settings, seed=seed, **others)
        runs[weights] = (start, seen)
        return result

    monkeypatch.setattr(network, "fit", spy)
    control = control_of(STUDENT, kind)
    for job in (STUDENT, control):
        assert NetworkTraining(job, data, folders).run().status == "complete"

    (start, seen), (control_start, control_seen) = runs[STUDENT.weights], runs[control.weights]
    assert all(torch.equal(a, b) for a, b in zip(start, control_start, strict=True))
    assert len(seen) == len(control_seen) > 3 * 2
    for ours, theirs in zip(seen, control_seen, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_only_students_see_labels(data, folders):
    records = {job.role: NetworkTraining(job, data, folders).run() for job in (STUDENT, control_of(STUDENT, "paper"))}
    assert records["student"].label_hash == data.labels.sha256
    assert records["control"].label_hash is None
    curves = {role: pd.read_csv(folders.models_dir / r.model_id / "curve.csv") for role, r in records.items()}
    assert (curves["student"][["train_loss_atomic_energy", "train_loss_teacher_forces"]] > 0.01).all(axis=None)
    assert (curves["control"][["train_loss_atomic_energy", "train_loss_teacher_forces"]] < 1e-12).all(axis=None)


def test_a_network_is_trained_once(data, folders, monkeypatch):
    first = NetworkTraining(STUDENT, data, folders).run()

    def never(*args, **kwargs):
        raise AssertionError("trained twice")

    monkeypatch.setattr(network, "fit", never)
    again = NetworkTraining(replace(STUDENT, trial_id=9), data, folders).run()
    assert again == replace(first, trial_id=9)
    assert not list(folders.training_dir.glob("*.pt"))


def test_identity_follows_everything_that_decides_the_weights(data):
    base = STUDENT.model_id(data)
    assert replace(STUDENT, trial_id=77, stage="confirm").model_id(data) == base
    for other in (
        replace(STUDENT, seed=5),
        replace(STUDENT, weights=LossWeights()),
        replace(STUDENT, training=TRAINING.model_copy(update={"max_epochs": 4})),
        replace(STUDENT, architecture=TINY.model_copy(update={"cusp_reg": 1e-5})),
        control_of(STUDENT, "paper"),
    ):
        assert other.model_id(data) != base
    relabelled = replace(data, labels=replace(data.labels, teacher_hash="another teacher"))
    assert STUDENT.model_id(relabelled) != base
    control = control_of(STUDENT, "ablation")
    assert control.model_id(relabelled) == control.model_id(data)  # a control does not depend on the teacher


def test_divergence_and_failure_leave_a_record(data, folders, monkeypatch):
    diverging = replace(STUDENT, training=TRAINING.model_copy(update={"learning_rate": 1e18}))
    record = NetworkTraining(diverging, data, folders).run()
    assert (record.status, record.test_force_rmse_ev_per_ang) == ("diverged", None)
    assert "epoch" in record.reason

    def broken(*args, **kwargs):
        raise RuntimeError("out of paper\nand ink")

    job = replace(STUDENT, seed=8)
    with monkeypatch.context() as patch:
        patch.setattr(network, "fit", broken)
        with pytest.raises(RuntimeError, match="out of paper"):
            NetworkTraining(job, data, folders).run()
    folder = folders.models_dir / job.model_id(data)
    failed = network.finished_record(folder)
    assert (failed.status, failed.reason) == ("failed", "RuntimeError: out of paper")
    assert not network.is_finished(folder)
    assert NetworkTraining(job, data, folders).run().status == "complete"  # what failed is tried again
    assert network.is_finished(folder)


def test_result_of_fit_is_kept_as_it_is(data, folders, monkeypatch):
    result = FitResult("complete", 3, 2, (), 1.5)
    monkeypatch.setattr(network, "fit", lambda *args, **kwargs: result)
    record = NetworkTraining(STUDENT, data, folders).run()
    assert (record.n_epochs, record.train_s, record.n_weights) == (3, 1.5, record.n_weights)
    assert record.n_weights > 50
