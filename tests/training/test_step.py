from functools import partial

import pytest
import torch

from pareto_search.config import LossWeights, TrainingSettings
from pareto_search.potential.hipnn import engine
from pareto_search.training import step as step_module
from pareto_search.training.loss import step_functions
from pareto_search.training.step import Steps, is_worth_compiling
from tests.potential.batches import batch_of
from tests.potential.systems import SMALL, alloy, aluminum, potential_for
from tests.training.toy import TINY, toy_data

train_step, valid_step = step_functions(engine.evaluate, engine.regularized)

WEIGHTS = LossWeights(weight_atomic_energy=100.0, weight_teacher_forces=7.0)


@pytest.fixture(scope="module")
def data():
    return toy_data()


@pytest.fixture
def with_compiler(monkeypatch):
    monkeypatch.setattr(step_module, "has_compiler", lambda device_type: True)


def decide(data, architecture=TINY, **settings):
    loader = data.loader(TINY, labels=data.labels, device="cpu")
    training = TrainingSettings(**{"batch_size": 4, **settings})
    return is_worth_compiling(potential_for(aluminum(), architecture), training, loader, data.split.train)


@pytest.mark.usefixtures("with_compiler")
def test_only_long_trainings_are_compiled(data, caplog):
    caplog.set_level("INFO", logger="pareto_search")
    assert not decide(data, max_epochs=100)
    assert decide(data, max_epochs=100_000)
    assert [message.split(":")[0] for message in caplog.messages] == [
        "6/6/1 trains uncompiled",
        "6/6/1 trains compiled",
    ]


@pytest.mark.usefixtures("with_compiler")
def test_settings_and_engine_decide_before_the_work(data):
    assert decide(data, max_epochs=1, compile="always")
    assert not decide(data, max_epochs=10**6, compile="never")
    assert not decide(data, max_epochs=10**6, batch_size=1)
    assert not decide(data, TINY.model_copy(update={"l_max": 2}), compile="always")


def test_without_a_compiler_training_goes_on_and_says_so(data, monkeypatch, caplog):
    caplog.set_level("INFO", logger="pareto_search")
    monkeypatch.setattr(step_module, "has_compiler", lambda device_type: False)
    assert not decide(data, max_epochs=10**6, compile="always")
    assert "there is no compiler" in caplog.text


@pytest.mark.parametrize("n_features", [12, 2], ids=["adjusted input", "input as wide as the features"])
def test_both_ways_give_the_same_sums_and_gradients(monkeypatch, n_features):
    """What is compiled is replaced by itself: this is about where gradients and sums go."""
    made = []
    monkeypatch.setattr(step_module, "compiled", lambda function, *example: made.append(function) or function)
    found = []
    for is_compiled in (True, False):
        potential = potential_for(alloy(), SMALL.model_copy(update={"n_features": n_features}))
        steps = Steps(potential, TrainingSettings(), is_compiled=is_compiled)
        loss_weights = steps.loss_weights(WEIGHTS)
        batch, targets = batch_of(potential, [alloy()] * 2)
        sums = [steps.train(batch, targets, loss_weights), steps.validate(batch, targets, loss_weights)]
        found.append([*sums, *(p.grad for p in potential.parameters() if p.requires_grad)])
    assert len(made) == 2
    for ours, expected in zip(*found, strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("failing", [(), (train_step,), (valid_step,), (train_step, valid_step)])
def test_steps_say_whether_compiling_succeeded(monkeypatch, failing):
    forms = {step: step if step in failing else partial(step) for step in (train_step, valid_step)}
    monkeypatch.setattr(step_module, "compiled", lambda function, *example: forms[function])
    potential = potential_for(alloy())
    steps = Steps(potential, TrainingSettings(), is_compiled=True)
    batch, targets = batch_of(potential, [alloy()] * 2)
    for step in (steps.train, steps.validate):
        step(batch, targets, steps.loss_weights(WEIGHTS))
    assert steps.is_compiled == (not failing)


def test_a_single_frame_runs_uncompiled(monkeypatch):
    monkeypatch.setattr(step_module, "compiled", None)  # would raise
    potential = potential_for(alloy())
    steps = Steps(potential, TrainingSettings(), is_compiled=True)
    batch, targets = batch_of(potential, [alloy()])
    assert steps.train(batch, targets, steps.loss_weights(WEIGHTS)).shape == (11,)
    assert potential.energy.layers[1].weight.grad is not None
