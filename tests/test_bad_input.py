"""Bad input gives exit code 2 and one message that names what, where and what to do; nothing is written."""

import pickle
import re
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

from pareto_search import cli
from pareto_search.potential.model_files import save_model
from tests.potential.systems import aluminum, potential_for

BASE = {
    "name": "bad",
    "data": {"source": "extxyz", "path": "frames.extxyz", "elements": ["Al"]},
    "teacher": {"architecture": {"n_features": 6, "n_sensitivities": 6, "n_atom_layers": 1}},
    "measure": {"structure": {"symbol": "Al"}, "n_atoms": 32},
}


def labelled(atoms, energy=-3.0, forces=None):
    forces = np.full((len(atoms), 3), 0.1) if forces is None else forces
    atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces)
    return atoms


def good_frames(n=20):
    frames = []
    for seed in range(n):
        atoms = bulk("Al", cubic=True)
        atoms.rattle(0.05, seed=seed)
        atoms.info["source"] = "one trajectory"
        frames.append(labelled(atoms))
    return frames


def with_frame(change, number=7):
    """Good frames of which one is spoilt."""
    frames = good_frames()
    frames[number] = change(frames[number]) or frames[number]
    return frames


def set_key(config, key, value):
    *sections, last = key.split(".")
    for section in sections:
        config = config.setdefault(section, {})
    config[last] = value


def call(monkeypatch, capsys, *arguments):
    """Exit code and what was printed to stderr."""
    monkeypatch.setattr(sys, "argv", ["pareto-search", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    return stop.value.code, capsys.readouterr().err


def contents(folder):
    return {path: path.read_bytes() if path.is_file() else None for path in Path(folder).rglob("*")}


@pytest.fixture
def study(tmp_path):
    """Writes the frames and a config; gives the config's path and the run directory to be."""

    def prepare(changes=None, frames=None, text=None):
        write(tmp_path / "frames.extxyz", good_frames() if frames is None else frames)
        config = yaml.safe_load(yaml.safe_dump(BASE))
        for key, value in (changes or {}).items():
            set_key(config, key, value)
        (tmp_path / "study.yaml").write_text(yaml.safe_dump(config) if text is None else text)
        return tmp_path / "study.yaml", tmp_path / "run"

    return prepare


SETTINGS = {
    "unknown key": ({"search.n_trial": 3}, r"search\.n_trial is not an option.*'n_trials'"),
    "unknown nested key": ({"teacher.architecture.n_feature": 3}, r"n_feature is not an option.*'n_features'"),
    "unknown section": ({"trainin": {}}, r"trainin is not an option"),
    "wrong type": ({"search.n_trials": "many"}, r"search\.n_trials.*valid integer.*'many'"),
    "negative number": ({"search.training.learning_rate": -1.0}, r"learning_rate.*greater than 0"),
    "range reversed": ({"search.space.n_features": {"low": 64, "high": 12}}, r"need low < high, got 64 and 12"),
    "log range from zero": (
        {"search.space.weight_forces": {"low": 0, "high": 9, "log": True}},
        r"weight_forces.*log range needs low > 0",
    ),
    "nothing to search": (
        {
            "search.space": dict.fromkeys(("n_features", "n_sensitivities"), 12)
            | {"n_atom_layers": 1, "weight_forces": 3, "weight_atomic_energy": 3}
        },
        r"nothing to search",
    ),
    "no choices": ({"search.space.n_features": {"choices": []}}, r"n_features\.choices.*at least 1"),
    "cutoffs out of order": (
        {"teacher.architecture": {"dist_soft_max_ang": 8.0}},
        r"dist_soft_max_ang < dist_hard_max_ang, got 1\.5, 8\.0, 7\.5",
    ),
    "cutoffs of the space overlap": (
        {"search.space.dist_hard_max_ang": {"low": 6, "high": 8}},
        r"need dist_soft_min_ang < dist_soft_max_ang < dist_hard_max_ang",
    ),
    "point outside the space": (
        {
            "search.points": [
                {
                    "n_features": 500,
                    "n_sensitivities": 8,
                    "n_atom_layers": 1,
                    "weight_forces": 3,
                    "weight_atomic_energy": 3,
                }
            ]
        },
        r"point 1: n_features = 500.* is outside 12 to 128",
    ),
    "point incomplete": ({"search.points": [{"n_features": 20}]}, r"point 1 must name exactly.*n_atom_layers"),
    "split does not add up": ({"split": {"train": 0.9, "valid": 0.3, "test": 0.1}}, r"must be 1, got 1\.3"),
    "split leaves a part empty": ({"split": {"train": 0.98, "valid": 0.01, "test": 0.01}}, r"split.*(valid|test)"),
    "one source cannot be split": ({"split.kind": "source"}, r"source"),
    "not an element": ({"data.elements": ["Alu"]}, r"'Alu' is not a chemical element"),
    "element not listed": ({"data.elements": ["Mo"]}, r"Al"),
    "unknown source": ({"data.source": "xyz"}, r"data.*'xyz'.*extxyz"),
    "missing file": ({"data.path": "nowhere.extxyz"}, r"nowhere\.extxyz"),
    "two structures": ({"measure.structure": {"symbol": "Al", "frame": 0}}, r"exactly one of symbol, path and frame"),
    "no such frame": ({"measure.structure": {"frame": 99}}, r"99"),
    "another material": (
        {"measure.structure": {"symbol": "Cu"}},
        r"measure\.structure holds Cu, which the data do not",
    ),
    "GPU without GPUs": ({"device": "cuda"}, r"gpus_per_trial"),
    "GPU that is not there": ({"device": "cuda", "cluster": {"gpus_per_trial": 1}}, r"cuda.*(cpu|GPU)"),
    "schedule from epoch 2": (
        {"search.training.schedule": [{"epoch": 2, "weight_forces": 1}]},
        r"schedule epochs must start at 1",
    ),
    "weights all zero": (
        {"teacher.weights": {"weight_energy": 0, "weight_forces": 0}},
        r"at least one loss weight",
    ),
    "confirmation with the search's seed": ({"confirm.first_seed": 0}, r"network_seed 0 is among.*first_seed"),
    "schedule without energy and forces": (
        {
            "confirm.training.schedule": [
                {"epoch": 1, "weight_energy": 0, "weight_forces": 0, "weight_atomic_energy": 9},
            ]
        },
        r"epoch 1 has no energy or force weight",
    ),
    "schedule and searched weights": (
        {"search.training.schedule": [{"epoch": 1, "weight_forces": 9}]},
        r"schedule replaces the loss weights",
    ),
    "searched activation that is none": (
        {"search.space.activation": {"choices": ["softplus", "relu"]}},
        r"activation.*'softplus', 'silu' or 'tanh'",
    ),
    "frames by a teacher that does not exist yet": (
        {"data": {"source": "teacher-md", "structure": {"symbol": "Al"}, "temperatures_k": [300]}},
        r"teacher-md has its frames made by a teacher that exists already.*teacher\.calculator",
    ),
    "teacher written otherwise": (
        {"teacher": {"calculator": "emt.EMT"}},
        r"teacher\.calculator: write it as module:name",
    ),
    "misspelt option of an external teacher": (
        {"teacher": {"calculator": "ase.calculators.emt:EMT", "option": {}}},
        r"teacher\.option is not an option\. Did you mean 'options'",
    ),
    "external teacher that is not installed": (
        {"teacher": {"calculator": "no_such_package.ase:Calculator"}},
        r"no_such_package\.ase:Calculator cannot be imported.*pip install",
    ),
    "external teacher that does not like its options": (
        {"teacher": {"calculator": "ase.calculators.emt:EMT", "options": {"asap_cutof": 1, "label": 5}}},
        r"does not accept teacher\.options",
    ),
    "no structure to make frames of": (
        {
            "data": {"source": "teacher-md", "structure": {}, "temperatures_k": [300]},
            "teacher": {"calculator": "ase.calculators.emt:EMT"},
        },
        r"data\.structure.*exactly one of symbol and path",
    ),
    "a temperature twice": (
        {
            "data": {"source": "teacher-md", "structure": {"symbol": "Al"}, "temperatures_k": [300, 900, 300]},
            "teacher": {"calculator": "ase.calculators.emt:EMT"},
        },
        r"temperatures_k has one twice; n_replicas",
    ),
    "interaction layers that no student can have": (
        {"search.transfer": {"interaction": "initialised"}, "search.space.n_sensitivities": {"choices": [7, 9]}},
        r"teacher's \d+ sensitivities, which no student.*interaction: own",
    ),
    "one teacher of several that label frames": (
        {
            "search.transfer": {
                "pretraining": {
                    "frames": {"source": "teacher-md", "structure": {"symbol": "Al"}, "temperatures_k": [300]},
                    "training": {"max_epochs": 2},
                }
            },
            "teacher.n_members": 2,
            "confirm.controls": ["one_teacher"],
        },
        r"'one_teacher', but search\.transfer\.pretraining has all teachers label",
    ),
    "warm start from a folder that is no run": (
        {"search.warm_start": ["elsewhere"]},
        r"search\.warm_start: /\S+/elsewhere is no run directory.*--out",
    ),
    "teacher of a folder that is no run": (
        {"teacher.reuse": ["elsewhere"]},
        r"teacher\.reuse: /\S+/elsewhere is no run directory.*--out",
    ),
    "unknown objective": (
        {"search.objectives": ["valid_force_rmse_ev_per_ang", "max_atom"]},
        r"search\.objectives.*'max_atom' is no objective; did you mean 'max_atoms'\? known are valid_force",
    ),
    "objective named twice": (
        {"search.objectives": ["valid_force_rmse_ev_per_ang", "max_atoms", "max_atoms"]},
        r"search\.objectives.*max_atoms is named more than once",
    ),
    "one objective": ({"search.objectives": ["valid_force_rmse_ev_per_ang"]}, r"search\.objectives.*at least two"),
    "nothing that is learned": (
        {"search.objectives": ["max_atoms", "md_us_per_atom_step"]},
        r"search\.objectives.*depends on training; name at least one of valid_force_rmse_ev_per_ang",
    ),
    "infinite number": ({"search.training.learning_rate": float("inf")}, r"learning_rate.*finite"),
}


@pytest.mark.parametrize(("changes", "message"), SETTINGS.values(), ids=SETTINGS.keys())
def test_settings(study, monkeypatch, capsys, changes, message):
    if "cuda" in str(changes) and "gpus_per_trial" in str(changes):
        import torch

        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    config, out = study(changes)
    check_refused(config, out, monkeypatch, capsys, message)


def check_refused(config, out, monkeypatch, capsys, message):
    before = contents(config.parent)
    code, said = call(monkeypatch, capsys, "run", config, "--out", out)
    assert code == 2, said
    complaint = "\n".join(line for line in said.splitlines() if not re.match(r"\d\d:\d\d:\d\d ", line))
    assert re.search(message, complaint, re.S), complaint
    assert "Traceback" not in said
    assert contents(config.parent) == before


def nan_position(atoms):
    atoms.positions[1, 2] = np.nan
    return labelled(atoms)


def nan_force(atoms):
    forces = np.zeros((len(atoms), 3))
    forces[2, 0] = np.nan
    return labelled(atoms, forces=forces)


def infinite_energy(atoms):
    return labelled(atoms, energy=np.inf)


def no_energy(atoms):
    atoms.calc = SinglePointCalculator(atoms, forces=np.zeros((len(atoms), 3)))


def no_forces(atoms):
    atoms.calc = SinglePointCalculator(atoms, energy=1.0)


def left_handed(atoms):
    atoms.set_cell(atoms.cell.array[[1, 0, 2]])


def flat_cell(atoms):
    atoms.set_cell([[4, 0, 0], [0, 4, 0], [4, 4, 0]])


def tiny_cell(atoms):
    return labelled(Atoms("Al", cell=[0.5, 4, 4], pbc=True))


def touching(atoms):
    atoms.positions[1] = atoms.positions[0] + [0.1, 0, 0]


def other_element(atoms):
    atoms.numbers[0] = 29


FRAMES = {
    "NaN position": (nan_position, "position"),
    "NaN force": (nan_force, "force"),
    "infinite energy": (infinite_energy, "energy"),
    "missing energy": (no_energy, "energy"),
    "missing forces": (no_forces, "force"),
    "left-handed cell": (left_handed, "left-handed|right-handed"),
    "cell without volume": (flat_cell, "cell"),
    "cell too small": (tiny_cell, "cell"),
    "atoms too near": (touching, r"0\.1"),
    "element not listed": (other_element, "Cu"),
}


@pytest.mark.parametrize(("change", "message"), FRAMES.values(), ids=FRAMES.keys())
def test_frames(study, monkeypatch, capsys, change, message):
    config, out = study(frames=with_frame(change))
    check_refused(config, out, monkeypatch, capsys, rf"frame 7\b.*({message})|({message}).*frame 7\b")


def test_no_frames(study, monkeypatch, capsys):
    config, out = study()
    (config.parent / "frames.extxyz").write_text("")
    check_refused(config, out, monkeypatch, capsys, r"frames\.extxyz.*(no frame|empty|cannot be read)")


def test_truncated_extxyz(study, monkeypatch, capsys):
    config, out = study()
    path = config.parent / "frames.extxyz"
    path.write_text(path.read_text()[:-40])
    check_refused(config, out, monkeypatch, capsys, r"frames\.extxyz")


H5 = {"data.source": "ani-h5", "data.path": "data.h5"}


@pytest.mark.parametrize("keep", [100, 3000])
def test_truncated_hdf5(study, monkeypatch, capsys, keep):
    config, out = study(H5)
    write_h5(config.parent / "data.h5")
    path = config.parent / "data.h5"
    path.write_bytes(path.read_bytes()[:keep])
    check_refused(config, out, monkeypatch, capsys, r"data\.h5")


def write_h5(path, force_shape=(12, 4, 3)):
    rng = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        group = file.create_group("Al4")
        group["species"] = np.array([b"Al"] * 4)
        group["coordinates"] = np.stack([bulk("Al", cubic=True).positions] * 12) + rng.normal(0, 0.05, (12, 4, 3))
        group["cell"] = np.stack([np.eye(3) * 4.05] * 12)
        group["energy"] = np.full(12, -10.0)
        group["force"] = np.zeros(force_shape)


def test_forces_of_the_wrong_shape(study, monkeypatch, capsys):
    config, out = study(H5)
    write_h5(config.parent / "data.h5", force_shape=(12, 5, 3))
    check_refused(config, out, monkeypatch, capsys, r"data\.h5.*force.*\(12, 4, 3\)")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no settings"),
        ("- a\n- b\n", "holds no settings"),
        ("name: [unclosed", "not valid YAML"),
        ("name: x\n", r"data is missing.*measure is missing"),
    ],
)
def test_config_files(study, monkeypatch, capsys, text, message):
    config, out = study(text=text)
    check_refused(config, out, monkeypatch, capsys, message)


def test_config_file_that_is_not_there(study, monkeypatch, capsys):
    config, out = study()
    check_refused(config.with_name("other.yaml"), out, monkeypatch, capsys, r"other\.yaml.*cannot be read")


def test_overrides_that_contradict_each_other(study, monkeypatch, capsys):
    config, out = study()
    overrides = ("--set", "search=1", "--set", "search.n_trials=2")
    code, said = call(monkeypatch, capsys, "run", config, "--out", out, *overrides)
    assert (code, "Traceback" in said, out.exists()) == (2, False, False)
    assert "earlier --set" in said


@pytest.mark.parametrize("override", ["search.n_trials", "=3", "search..x=1", "a=[", "search.n_trials=0"])
def test_overrides(study, monkeypatch, capsys, override):
    config, out = study()
    code, said = call(monkeypatch, capsys, "run", config, "--out", out, "--set", override)
    assert (code, "Traceback" in said, out.exists()) == (2, False, False)


@pytest.mark.parametrize(
    "arguments",
    [[], ["run"], ["rum"], ["run", "a.yaml"], ["run", "a.yaml", "--ot", "x"], ["costs", "a", "--ladder", "-1"]],
)
def test_command_lines(monkeypatch, capsys, arguments):
    code, said = call(monkeypatch, capsys, *arguments)
    assert code == 2
    assert "Traceback" not in said


@pytest.fixture
def started(study, monkeypatch, capsys):
    """A run directory with its data stage done."""
    config, out = study()
    assert call(monkeypatch, capsys, "data", config, "--out", out)[0] == 0
    return config, out


def check_run_refused(config, out, monkeypatch, capsys, message, *extra):
    before = contents(out)
    code, said = call(monkeypatch, capsys, "teacher", config, "--out", out, *extra)
    assert code == 2, said
    assert re.search(message, said, re.S), said
    assert "Traceback" not in said
    assert contents(out) == before


def test_run_directory_of_another_config(started, monkeypatch, capsys):
    message = r"made with other settings.*teacher\.seed: 0 there, 5 now.*--out"
    check_run_refused(*started, monkeypatch, capsys, message, "--set", "teacher.seed=5")


def test_run_directory_in_use(started, monkeypatch, capsys):
    import fcntl

    with (started[1] / ".lock").open("a+") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        check_run_refused(*started, monkeypatch, capsys, r"in use")


def test_directory_of_something_else(study, monkeypatch, capsys):
    config, out = study()
    out.mkdir()
    (out / "thesis.tex").write_text("do not touch")
    check_run_refused(config, out, monkeypatch, capsys, r"not empty and not a run directory")


def test_directory_that_is_a_file(study, monkeypatch, capsys):
    config, out = study()
    out.write_text("a file")
    check_refused(config, out, monkeypatch, capsys, r"is a file")


def test_directory_that_cannot_be_written(study, monkeypatch, capsys):
    config, _ = study()
    code, said = call(monkeypatch, capsys, "run", config, "--out", "/proc/pareto_search_run")
    assert (code, "Traceback" in said) == (2, False)
    assert re.search(r"/proc/pareto_search_run cannot be used.*--out", said)


def test_data_that_changed_under_a_run(started, monkeypatch, capsys):
    config, out = started
    write(config.parent / "frames.extxyz", good_frames(21))
    code, said = call(monkeypatch, capsys, "teacher", config, "--out", out)
    assert code == 2
    assert "the data have changed" in said


def test_report_of_no_run(tmp_path, monkeypatch, capsys):
    code, said = call(monkeypatch, capsys, "report", tmp_path)
    assert (code, "not a run directory" in said, list(tmp_path.iterdir())) == (2, True, [])


def test_confirmation_without_a_search(started, monkeypatch, capsys):
    config, out = started
    code, said = call(monkeypatch, capsys, "confirm", config, "--out", out)
    assert (code, "no search to confirm" in said) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--figures", "study.yaml"), "is a file; name a folder"),
        (("--format", "pdf"), "with --figures"),
        (("--out", "page.html"), "for several run directories"),
        (("--force",), "for several run directories"),
    ],
)
def test_report_options_that_would_do_nothing(started, monkeypatch, capsys, arguments, message):
    config, out = started
    monkeypatch.chdir(config.parent)
    before = contents(config.parent)
    code, said = call(monkeypatch, capsys, "report", out, *arguments)
    assert (code, message in said, contents(config.parent) == before) == (2, True, True)


def truncate(path):
    path.write_bytes(path.read_bytes()[:100])


def make_pickle(path):
    path.write_bytes(pickle.dumps([1, 2]))


@pytest.mark.parametrize(("damage", "message"), [(truncate, "truncated"), (make_pickle, "pickle")])
def test_model_files(started, monkeypatch, capsys, damage, message):
    _, out = started
    save_model(out / "models" / "student-x", potential_for(aluminum()).float(), {"record": {}}, {})
    damage(out / "models" / "student-x" / "weights.npz")
    code, said = call(monkeypatch, capsys, "measure", out, "student-x")
    assert (code, "Traceback" in said) == (2, False)
    assert re.search(rf"weights\.npz.*{message}", said)


def test_model_that_is_not_there(started, monkeypatch, capsys):
    _, out = started
    save_model(out / "teacher", potential_for(aluminum()).float(), {"record": {"model_id": "teacher-1"}}, {})
    before = contents(out)
    for model_id in ("student-none", "teacher-2"):
        code, said = call(monkeypatch, capsys, "measure", out, model_id)
        assert code == 2
        assert said.count(f"has no model '{model_id}'") == 1
    assert "did you mean 'teacher'?" in said
    code, said = call(monkeypatch, capsys, "measure", out, "teacher", "--set", "search.n_trials=4")
    assert (code, "only settings of measure can be changed" in said) == (2, True)
    assert contents(out) == before


def test_errors_are_said_once_and_kept_in_the_log(started, monkeypatch, capsys):
    _, out = started
    save_model(
        out / "models" / "student-x", potential_for(aluminum()).float(), {"record": {"model_id": "student-x"}}, {}
    )
    make_pickle(out / "models" / "student-x" / "weights.npz")
    _, said = call(monkeypatch, capsys, "measure", out, "student-x")
    assert said.count("pickle") == 1
    assert "ERROR pareto_search.journal: stopped: " in (out / "log.txt").read_text()
