"""Compiled code: equal to the uncompiled, for other sizes than it was compiled with, kept on disk and shared."""

import logging
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from torch._export.verifier import SpecViolationError

from pareto_search.config import LossWeights, TrainingSettings
from pareto_search.potential import calculator
from pareto_search.potential import compiled as compiled_module
from pareto_search.potential.compiled import cache_dir, compiled, has_compiler, is_tracing
from pareto_search.potential.hipnn import engine
from pareto_search.training.loss import step_functions
from pareto_search.training.step import Steps
from tests.potential.batches import batch_of
from tests.potential.systems import SMALL, alloy, aluminum, potential_for

train_step, valid_step = step_functions(engine.evaluate, engine.regularized)
pytestmark = pytest.mark.skipif(not has_compiler("cpu"), reason="no C++ compiler here")

#: Other features and sensitivities, the same depth: what is compiled for SHAPES[0] serves the others.
SHAPES = [
    SMALL.model_copy(update={"n_atom_layers": 1, **sizes})
    for sizes in ({}, {"n_features": 9, "n_sensitivities": 9}, {"n_features": 21, "n_sensitivities": 5})
]
WEIGHTS = LossWeights(weight_energy=1.0, weight_forces=30.0, weight_atomic_energy=100.0, weight_teacher_forces=7.0)


def arguments(atoms, shape, n_frames, dtype):
    potential = potential_for(atoms, shape).to(dtype)
    batch, targets = batch_of(potential, [atoms] * n_frames)
    loss_weights = Steps(potential, TrainingSettings(), is_compiled=False).loss_weights(WEIGHTS)
    return potential.weights(), potential.constants(), batch, targets, loss_weights


def assert_equal(found, expected, tolerance):
    for ours, reference in zip(found, (value.detach() for value in expected), strict=True):
        scale = float(reference.abs().max()) or 1.0
        assert float((ours - reference).abs().max()) <= tolerance * scale


@pytest.mark.slow
@pytest.mark.parametrize("step", [train_step, valid_step])
def test_a_step_compiled_once_serves_other_shapes_and_batches(step, caplog):
    """Loss, sums and every gradient, in float64, for two elements."""
    caplog.set_level(logging.INFO, logger="pareto_search")
    for shape, n_frames in zip(SHAPES, (2, 3, 4), strict=True):
        example = arguments(alloy(), shape, n_frames, torch.float64)
        with torch.no_grad():
            found = compiled(step, *example)(*example)
        assert_equal(found, step(*example), 1e-10)
    assert sum(f"compiled {step.__name__}" in message for message in caplog.messages) <= 1
    assert "runs uncompiled" not in caplog.text


@pytest.mark.slow
@pytest.mark.parametrize("chunk_numbers", [3000, 400_000], ids=["chunked", "whole"])
def test_md_compiled_equals_uncompiled(monkeypatch, chunk_numbers, caplog):
    atoms = aluminum()
    plain = potential_for(atoms, SHAPES[0]).calculator(is_compiled=False)
    expected = {name: plain.get_property(name, atoms) for name in ("energy", "forces", "stress")}
    monkeypatch.setitem(calculator._CHUNK_NUMBERS, "cpu", chunk_numbers)
    fast = potential_for(atoms, SHAPES[0]).float().calculator(is_compiled=True)
    assert fast.get_property("energy", atoms) == pytest.approx(expected["energy"], rel=1e-6)
    scale = np.abs(expected["forces"]).max()
    np.testing.assert_allclose(fast.get_property("forces", atoms), expected["forces"], atol=1e-5 * scale)
    np.testing.assert_allclose(
        fast.get_property("stress", atoms), expected["stress"], atol=1e-5 * np.abs(expected["stress"]).max()
    )
    assert "runs uncompiled" not in caplog.text


def double(pair):
    """Says whether it was traced."""
    return (pair[0] * (3.0 if is_tracing() else 2.0),)


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PARETO_SEARCH_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(compiled_module, "_in_this_process", {})
    return tmp_path / "compiled"


def test_another_process_reads_what_was_compiled_and_leaves_nothing_behind(own_cache, monkeypatch, caplog):
    caplog.set_level(logging.INFO, logger="pareto_search")
    unpacked = own_cache.parent / "temporary"
    unpacked.mkdir()
    monkeypatch.setenv("TMPDIR", str(unpacked))
    monkeypatch.setattr(tempfile, "tempdir", str(unpacked))
    example = torch.ones(2, 3)
    assert compiled(double, (example, None))((example, None))[0].eq(3.0).all()
    assert cache_dir() == own_cache
    assert len(list(own_cache.glob("double-*.pt2"))) == 1
    assert [message.split(" in ")[0] for message in caplog.messages if message.startswith("compiled")] == [
        "compiled double"
    ]
    monkeypatch.setattr(compiled_module, "_in_this_process", {})
    monkeypatch.setattr(compiled_module, "_compile", None)  # would raise
    other = torch.ones(5, 4)
    assert compiled(double, (other, None))((other, None))[0].shape == (5, 4)
    assert not list(unpacked.rglob("aotinductor*"))  # a process that is killed now leaves nothing
    assert os.environ["TMPDIR"] == str(unpacked)


def test_where_compiling_fails_the_function_itself_goes_on(own_cache, monkeypatch, caplog):
    own_cache.mkdir()
    monkeypatch.setattr(compiled_module, "_compile", lambda function, example, path: path.write_bytes(b"damaged"))
    example = torch.ones(2, 3)
    assert compiled(double, (example,))((example,))[0].eq(2.0).all()
    assert "double runs uncompiled, compiling or loading it failed: " in caplog.text
    assert not list(own_cache.glob("*.pt2"))  # what is damaged is not kept


@pytest.mark.parametrize(
    "error",
    [
        AssertionError(),
        ImportError("no module"),
        SpecViolationError("graph"),
        subprocess.CalledProcessError(1, ["ld"]),
        RuntimeError("first line\nlast line"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_whatever_the_compiler_raises_is_said(own_cache, monkeypatch, caplog, error):
    monkeypatch.setattr(compiled_module, "_compile", Mock(side_effect=error))
    assert compiled(double, (torch.ones(2, 3),)) is double
    last = str(error).splitlines()[-1:]
    assert ": ".join(["compiling or loading it failed", type(error).__name__, *last]) in caplog.text
    assert "first line" not in caplog.text


def test_structure_source_and_threads_decide_what_is_shared(own_cache, monkeypatch):
    seen = set()
    monkeypatch.setattr(compiled_module, "_loaded", lambda function, digest, example: seen.add(digest))
    example = torch.ones(2, 3)
    for arguments_ in [((example,),), ((torch.ones(7, 8),),)]:
        compiled(double, *arguments_)
    assert len(seen) == 1
    compiled(double, (example.double(),))
    compiled(double, (torch.ones(1, 3),))
    compiled(double, (example, None))
    compiled(double, (example, example))
    assert len(seen) == 5
    compiled_module._surroundings.cache_clear()
    monkeypatch.setattr(torch, "__version__", "another")
    compiled(double, (example,))
    assert len(seen) == 6
    compiled_module._surroundings.cache_clear()


def test_every_module_that_is_traced_counts_as_source():
    """A function whose code goes into compiled code must be in a module that the cache key reads."""
    ran = set()

    def note(frame, event, argument):
        if "pareto_search" in frame.f_code.co_filename:
            ran.add(frame.f_globals["__name__"].removeprefix("pareto_search."))

    example = arguments(alloy(), SHAPES[0], 2, torch.float32)
    sys.setprofile(note)
    try:
        train_step(*example)
    finally:
        sys.setprofile(None)
    package = Path(compiled_module.__file__).parents[1]
    read = {path for pattern in compiled_module._TRACED for path in package.glob(pattern)}
    assert {package / f"{name.replace('.', '/')}.py" for name in ran} <= read
    assert {"potential.hipnn.engine", "training.loss", "measure.accuracy"} <= ran
