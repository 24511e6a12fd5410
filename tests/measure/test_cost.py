import json
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk

from pareto_search.config import HipnnArchitecture, MeasureSettings
from pareto_search.errors import ConfigError
from pareto_search.measure import cost as cost_module
from pareto_search.measure.cost import CostProtocol
from pareto_search.measure.device import device_name, software_versions
from pareto_search.potential import calculator as calculator_module
from pareto_search.potential.compiled import has_compiler
from pareto_search.records import Bracket, Capacity, CostRecord

SMALL = HipnnArchitecture(
    n_features=6, n_sensitivities=6, n_atom_layers=1, dist_soft_max_ang=4.5, dist_hard_max_ang=5.0
)


def settings(**changes: Any) -> MeasureSettings:
    return MeasureSettings(**{"structure": {"symbol": "Al"}, **changes})


def key(**changes: Any) -> str:
    """The key of a standard case with some ingredients changed."""
    of_network = {name: changes.pop(name) for name in ("dtype", "versions") if name in changes}
    architecture = changes.pop("architecture", SMALL)
    return protocol(**changes).key(architecture, **of_network)


def protocol(**changes: Any) -> CostProtocol:
    usual = {"settings": settings(), "unit": bulk("Al", cubic=True), "elements": (13,), "device": "cpu", "n_threads": 1}
    return CostProtocol(**{**usual, **changes})


def moved_cell() -> Atoms:
    unit = bulk("Al", cubic=True)
    unit.positions[0, 0] += 0.01
    return unit


CHANGES: list[dict[str, Any]] = [
    *({"architecture": SMALL.model_copy(update=update)} for update in (
        {"n_features": 7},
        {"n_sensitivities": 7},
        {"n_atom_layers": 2},
        {"n_interaction_layers": 2},
        {"l_max": 0},
        {"dist_soft_min_ang": 1.6},
        {"dist_soft_max_ang": 4.6},
        {"dist_hard_max_ang": 5.1},
        {"activation": "tanh"},
    )),
    {"elements": (13, 29)},
    *({"settings": settings(**update)} for update in (
        {"engine": "hippynn"},
        {"n_atoms": 1000},
        {"n_steps": 51},
        {"n_warmup_steps": 11},
        {"timestep_fs": 0.5},
        {"temperature_k": 301.0},
        {"skin_ang": 0.9},
        {"memory_budget_gib": 2.0},
        {"rel_tol": 0.03},
        {"max_atoms_limit": 10},
    )),
    {"unit": bulk("Al", cubic=True, a=4.06)},
    {"unit": bulk("Cu", cubic=True, a=4.05)},
    {"unit": moved_cell()},
    {"n_threads": 2},
    {"dtype": torch.float64},
    {"versions": {**software_versions(), "torch": "0"}},
]  # fmt: skip


def test_every_ingredient_changes_the_key() -> None:
    keys = [key(), *(key(**change) for change in CHANGES)]
    assert len(set(keys)) == len(keys)


def test_the_name_of_the_device_changes_the_key(monkeypatch) -> None:
    here = key()
    monkeypatch.setattr("pareto_search.measure.cost.device_name", lambda device: "another CPU")
    assert key() != here


def test_what_does_not_change_the_cost_does_not_change_the_key() -> None:
    wiggled = bulk("Al", cubic=True)
    wiggled.positions += 1e-9
    wiggled.set_momenta(np.ones((4, 3)))
    wiggled.info["source"] = "somewhere"
    same: list[dict[str, Any]] = [
        {"unit": wiggled},
        {"elements": [np.int64(13)]},
        {"settings": settings(structure={"symbol": "Al", "a_ang": 4.05})},  # the unit cell counts
        {"settings": settings(liquid={"n_atoms": 500})},
        {"versions": dict(reversed(software_versions().items()))},
    ]
    assert {key(**change) for change in same} == {key()}


def test_the_engine_counts_as_the_one_really_used() -> None:
    needs_hippynn = SMALL.model_copy(update={"l_max": 2})
    asked_explicit = key(architecture=needs_hippynn)
    assert asked_explicit == key(architecture=needs_hippynn, settings=settings(engine="hippynn"))
    assert asked_explicit != key()


def test_a_gpu_that_is_not_there_is_refused() -> None:
    if torch.cuda.is_available():
        pytest.skip("has a GPU")
    with pytest.raises(ConfigError, match="asked for 'cuda'"):
        protocol(device="cuda").measure(SMALL)


def test_only_long_runs_are_timed_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    short, long = settings(n_atoms=1000, n_steps=90, n_warmup_steps=9), settings(n_atoms=1000, n_steps=90)
    assert [protocol(settings=each).is_compiled for each in (short, long)] == [False, has_compiler("cpu")]
    before = key(settings=long)
    monkeypatch.setattr(cost_module, "has_compiler", lambda device_type: not has_compiler("cpu"))
    assert key(settings=long) != before  # a compiler that was installed later makes another cost
    assert key(settings=short) != key(settings=long)


@pytest.mark.parametrize(("engine", "fails"), [("explicit", True), ("explicit", False), ("hippynn", True)])
def test_a_cost_says_where_compiling_failed(monkeypatch: pytest.MonkeyPatch, engine: str, fails: bool) -> None:
    specs = []
    capacity = Capacity(Bracket(n_ok=10, n_failed=11), 1.0, 1.0, 0.1, ())
    monkeypatch.setattr(cost_module, "measure_capacity", lambda spec, *_, **__: specs.append(spec) or capacity)
    monkeypatch.setattr(cost_module, "COMPILE_AFTER_ATOM_STEPS", 1)
    monkeypatch.setattr(calculator_module, "compiled", lambda function, *_: function if fails else partial(function))
    for module in (cost_module, calculator_module):
        monkeypatch.setattr(module, "has_compiler", lambda device_type: True)
    measured = settings(engine=engine, n_atoms=32, n_steps=5, n_warmup_steps=1)
    record = protocol(settings=measured).measure(SMALL)
    runs_compiled = engine == "explicit" and not fails
    assert record.md.is_compiled == specs[0].is_compiled == runs_compiled
    assert record.is_fallback == (engine == "explicit" and fails)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_a_gpu_is_free_when_its_capacity_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = []
    capacity = Capacity(Bracket(n_ok=10, n_failed=11), 1.0, 1.0, 0.1, ())
    monkeypatch.setattr(
        cost_module, "measure_capacity", lambda *_, **__: kept.append(torch.cuda.memory_reserved()) or capacity
    )
    measured = settings(n_atoms=20_000, n_steps=5, n_warmup_steps=1)
    protocol(settings=measured, device="cuda").measure(SMALL)
    assert kept[0] < 100 * 2**20  # the network alone, not what MD needed


@pytest.mark.slow
@pytest.mark.parametrize(("engine", "budget_gib"), [("explicit", 0.008), ("hippynn", 0.06)])
def test_real_cost(engine: str, budget_gib: float) -> None:
    measured = settings(
        engine=engine, n_atoms=108, n_steps=6, n_warmup_steps=1, memory_budget_gib=budget_gib, rel_tol=0.1
    )
    record = protocol(settings=measured).measure(SMALL)
    assert record.key == key(settings=measured)
    assert (record.engine, record.dtype, record.device) == (engine, "float32", device_name("cpu"))
    assert record.architecture == SMALL.model_dump(mode="json")
    assert record.md.n_atoms == 108
    assert len(record.md.us_per_atom_steps) == 6
    assert record.md.n_neighbors_mean >= 42
    assert 0 < record.md.us_per_atom_model < record.md.us_per_atom_step_q75 * 3
    assert record.capacity.bracket.n_failed is not None
    assert CostRecord.from_plain(json.loads(json.dumps(record.to_plain()))) == record
