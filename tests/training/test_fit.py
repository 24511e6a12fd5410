from typing import Any

import numpy as np
import pytest
import torch

from pareto_search.config import LossWeights, ScheduledWeights, TrainingSettings
from pareto_search.measure.accuracy import measure_accuracy
from pareto_search.potential.hipnn import HipnnPotential
from pareto_search.training.fit import Trainer, fit
from tests.training.toy import TINY, toy_data

SETTINGS = TrainingSettings(max_epochs=6, batch_size=5, checkpoint_every_s=1e9)
WEIGHTS = LossWeights(weight_atomic_energy=5.0, weight_teacher_forces=3.0)


@pytest.fixture(scope="module")
def data():
    return toy_data()


def _new(data, seed=3):
    potential = HipnnPotential(TINY, data.references, seed=seed)
    return potential, data.loader(TINY, labels=data.labels, device="cpu")


def _weights(potential):
    return {name: p.detach().clone() for name, p in potential.named_parameters()}


def test_training_lowers_the_errors_and_records_every_epoch(data):
    potential, loader = _new(data)
    before = measure_accuracy(potential, loader, data.split.valid)
    settings = SETTINGS.model_copy(update={"max_epochs": 60, "learning_rate": 5e-3})
    result = fit(potential, loader, data.split, WEIGHTS, settings, seed=0)
    after = measure_accuracy(potential, loader, data.split.valid)
    assert after.force_rmse_ev_per_ang < 0.5 * before.force_rmse_ev_per_ang
    assert [point.epoch for point in result.curve] == list(range(1, result.n_epochs + 1))
    best = result.curve[result.best_epoch - 1]
    assert best.valid_loss == min(point.valid_loss for point in result.curve)
    assert best.valid_force_rmse_ev_per_ang == pytest.approx(after.force_rmse_ev_per_ang, rel=1e-5)


def test_curve_adds_up_to_the_loss(data):
    potential, loader = _new(data)
    (point, *_) = fit(potential, loader, data.split, WEIGHTS, SETTINGS, seed=0).curve
    total = (
        point.weight_energy * point.train_loss_energy
        + point.weight_forces * point.train_loss_forces
        + point.weight_atomic_energy * point.train_loss_atomic_energy
        + point.weight_teacher_forces * point.train_loss_teacher_forces
        + SETTINGS.weight_l2 * point.train_loss_l2
        + SETTINGS.weight_hierarchicality * point.train_loss_hierarchicality
    )
    assert point.train_loss == pytest.approx(total, rel=1e-6)


def test_continuation_is_bit_for_bit(data, tmp_path):
    whole, loader = _new(data)
    uninterrupted = fit(whole, loader, data.split, WEIGHTS, SETTINGS, seed=7)

    first, loader = _new(data)
    trainer = Trainer(first, loader, data.split, WEIGHTS, SETTINGS, seed=7)
    for _ in range(3):
        trainer.run_epoch()
    trainer.save(tmp_path / "half.pt")
    second, loader = _new(data, seed=99)  # whatever it starts from, the checkpoint decides
    seen: list[Any] = []
    continued = fit(
        second, loader, data.split, WEIGHTS, SETTINGS, seed=7, checkpoint=tmp_path / "half.pt", on_epoch=seen.append
    )
    for name, value in _weights(whole).items():
        assert torch.equal(value, _weights(second)[name]), name
    losses = [(p.epoch, p.valid_loss, p.train_loss, p.learning_rate) for p in continued.curve]
    assert losses == [(p.epoch, p.valid_loss, p.train_loss, p.learning_rate) for p in uninterrupted.curve]
    assert [p.epoch for p in seen] == [1, 2, 3, 4, 5, 6]


def test_damaged_checkpoint_starts_again(data, tmp_path, caplog):
    path = tmp_path / "half.pt"
    path.write_bytes(b"not a checkpoint")
    potential, loader = _new(data)
    result = fit(potential, loader, data.split, WEIGHTS, SETTINGS, seed=7, checkpoint=path)
    assert result.n_epochs == 6
    assert "cannot be read" in caplog.text


def test_checkpoint_is_written_on_time(data, tmp_path):
    potential, loader = _new(data)
    often = SETTINGS.model_copy(update={"checkpoint_every_s": 1e-9})
    seen: list[Any] = []
    fit(
        potential,
        loader,
        data.split,
        WEIGHTS,
        often,
        seed=0,
        checkpoint=tmp_path / "c.pt",
        on_epoch=lambda point: seen.append((tmp_path / "c.pt").is_file()),
    )
    assert all(seen)
    assert [p.name for p in tmp_path.iterdir()] == ["c.pt"]


def test_divergence_is_a_result(data):
    potential, loader = _new(data)
    settings = SETTINGS.model_copy(update={"learning_rate": 1e18})
    result = fit(potential, loader, data.split, WEIGHTS, settings, seed=0)
    assert result.status == "diverged"
    assert 1 <= result.n_epochs <= 3
    assert len(result.curve) == result.n_epochs - 1


def test_training_ends_without_gain(data):
    potential, loader = _new(data)
    settings = SETTINGS.model_copy(update={"learning_rate": 1e-30, "termination_patience": 2, "max_epochs": 50})
    assert fit(potential, loader, data.split, WEIGHTS, settings, seed=0).n_epochs <= 4


def test_schedule_is_applied_and_recorded(data):
    rows = (
        ScheduledWeights(epoch=1, weight_energy=0.0, weight_forces=75.0, weight_atomic_energy=200.0),
        ScheduledWeights(epoch=4, weight_energy=1.0, weight_forces=15.0, weight_atomic_energy=0.0),
    )
    potential, loader = _new(data)
    result = fit(potential, loader, data.split, WEIGHTS, SETTINGS.model_copy(update={"schedule": rows}), seed=0)
    assert [p.weight_atomic_energy for p in result.curve] == [200.0] * 3 + [0.0] * 3
    assert [p.weight_forces for p in result.curve] == [75.0] * 3 + [15.0] * 3
    assert result.best_epoch >= 4  # losses before the change do not count


def test_order_depends_on_seed_and_epoch_alone(data):
    """Student and control see the same batches in the same order."""
    orders = {}
    for name, weights in [("student", WEIGHTS), ("control", LossWeights(weight_forces=10.0))]:
        potential, loader = _new(data)
        recorder = _Recorder(loader)
        fit(potential, recorder, data.split, weights, SETTINGS, seed=11)  # type: ignore[arg-type]
        orders[name] = recorder.seen
    assert orders["student"] == orders["control"]
    first, second = orders["student"][:12], orders["student"][12 + len(data.split.valid) :][:12]
    assert sorted(first) == sorted(data.split.train.tolist())
    assert first != second


class _Recorder:
    def __init__(self, loader):
        self._loader = loader
        self.n_atoms, self.n_pairs = loader.n_atoms, loader.n_pairs
        self.seen = []

    def batches(self, systems, batch_size):
        self.seen.extend(np.asarray(systems).tolist())
        return self._loader.batches(systems, batch_size)
