import json
import pickle
from typing import Any

import numpy as np
import pytest
import torch

import pareto_search as ps
from pareto_search.errors import ConfigError, DataError
from pareto_search.potential import trained as trained_module
from pareto_search.potential.model_files import load_model, save_model
from pareto_search.potential.trained import TrainedPotential
from tests.potential.systems import SMALL, alloy, aluminum, potential_for


@pytest.fixture
def saved(tmp_path):
    potential = potential_for(alloy()).float()
    save_model(tmp_path / "model", potential, {"record": {"seed": 5}}, {"curve.csv": "epoch\n"})
    return tmp_path / "model", potential


def test_round_trip_gives_the_same_forces(saved):
    folder, potential = saved
    atoms = alloy()
    loaded = ps.load(folder)
    assert loaded.description["record"] == {"seed": 5}
    energy, forces = loaded.energy_forces(atoms)
    expected = potential.calculator(skin_ang=0.0)
    assert energy == pytest.approx(expected.get_property("energy", atoms), rel=1e-9)
    np.testing.assert_allclose(forces, expected.get_property("forces", atoms), rtol=1e-6, atol=1e-6)
    assert loaded.atomic_energies(atoms).sum() == pytest.approx(energy, rel=1e-6)


@pytest.mark.parametrize("changes", [{}, {"l_max": 2}, {"activation": "tanh"}], ids=["explicit", "l=2", "tanh"])
def test_atomic_energies_come_from_every_engine(tmp_path, changes):
    atoms = aluminum()
    save_model(tmp_path / "m", potential_for(atoms, SMALL.model_copy(update=changes)).float(), {"record": {}}, {})
    loaded = ps.load(tmp_path / "m")
    assert loaded.atomic_energies(atoms).sum() == pytest.approx(loaded.energy_forces(atoms)[0], rel=1e-6)


def test_atomic_energies_are_made_where_the_network_is():
    """On `meta`, a tensor left on the CPU raises; that the results are then brought to the host ends it there."""
    atoms = alloy()
    network = TrainedPotential(potential_for(atoms).to("meta"), {})
    with pytest.raises(NotImplementedError, match="Cannot copy out of meta tensor"):
        network.atomic_energies(atoms)


def test_a_network_is_loaded_onto_a_device(saved, monkeypatch):
    folder, _ = saved
    assert ps.load(folder).potential.device.type == "cpu"
    monkeypatch.setattr(trained_module, "check_device", lambda device: None)
    assert {value.device.type for value in ps.load(folder, device="meta").potential.parameters()} == {"meta"}


def test_a_device_that_is_not_there_is_refused(saved, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(ConfigError, match="asked for 'cuda'"):
        ps.load(saved[0], device="cuda")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize("changes", [{}, {"l_max": 2}], ids=["explicit", "hippynn"])
def test_a_gpu_says_what_the_cpu_says(tmp_path, changes):
    atoms = alloy()
    save_model(tmp_path / "m", potential_for(atoms, SMALL.model_copy(update=changes)).float(), {"record": {}}, {})
    on_cpu, on_gpu = (ps.load(tmp_path / "m", device=device) for device in ("cpu", "cuda"))
    pairs: Any = zip(on_gpu.energy_forces(atoms), on_cpu.energy_forces(atoms), strict=True)
    for ours, expected in pairs:
        np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(on_gpu.atomic_energies(atoms), on_cpu.atomic_energies(atoms), rtol=1e-4, atol=1e-4)


def test_nothing_is_left_beside_the_folder(saved):
    folder, _ = saved
    assert [p.name for p in folder.parent.iterdir()] == ["model"]
    assert {p.name for p in folder.iterdir()} == {"model.json", "weights.npz", "curve.csv"}


def _truncate(folder):
    path = folder / "weights.npz"
    path.write_bytes(path.read_bytes()[:200])


def _pickle(folder):
    (folder / "weights.npz").write_bytes(pickle.dumps({"weights": 1}))


def _pickle_inside(folder):
    np.savez(folder / "weights.npz", x=np.array([{"a": 1}], dtype=object))


def _other_architecture(folder):
    path = folder / "model.json"
    description = json.loads(path.read_text())
    description["architecture"]["n_features"] = 13
    path.write_text(json.dumps(description))


def _json_cut(folder):
    (folder / "model.json").write_text('{"format": 1, "arch')


def _no_json(folder):
    (folder / "model.json").unlink()


def _no_weights(folder):
    (folder / "weights.npz").unlink()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_truncate, "truncated"),
        (_pickle, "pickles are never read"),
        (_pickle_inside, "plain arrays|does not match"),
        (_other_architecture, "does not match the architecture"),
        (_json_cut, "damaged"),
        (_no_json, "not a model folder"),
        (_no_weights, "missing"),
    ],
)
def test_damage_is_named(saved, damage, message):
    folder, _ = saved
    damage(folder)
    with pytest.raises(DataError, match=message):
        load_model(folder)


def test_initial_weights_follow_the_seed():
    first, same, other = (potential_for(aluminum(), seed=seed) for seed in (1, 1, 2))
    assert all((a == b).all() for a, b in zip(first.parameters(), same.parameters(), strict=True))
    assert any((a != b).any() for a, b in zip(first.parameters(), other.parameters(), strict=True))
