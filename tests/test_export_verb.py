"""`pareto-search export`: what it writes, and the one line with which it refuses bad input."""

import re
import sys

import pytest

import pareto_search as ps
from pareto_search import cli, stages
from pareto_search.config import StudyConfig
from pareto_search.data.dataset_file import write_dataset_info
from pareto_search.errors import ConfigError
from pareto_search.potential.model_files import save_model
from pareto_search.run_directory import to_yaml
from tests.data.frames import aluminum_info
from tests.potential.systems import SMALL, aluminum, potential_for
from tests.tiny_study import TINY


@pytest.fixture
def run(tmp_path):
    """A run directory with a teacher, a student, one with two interaction layers and one that was pruned."""
    out = tmp_path / "run"
    write_dataset_info(out / "dataset.json", aluminum_info())
    (out / "config.yaml").write_text(to_yaml(StudyConfig.model_validate(TINY)))
    plain, two_layers = SMALL, SMALL.model_copy(update={"n_interaction_layers": 2})
    for folder, model_id, architecture in [
        ("teacher", "teacher-12-8-2", plain),
        ("models/student-1", "student-1", plain),
        ("models/student-two-layers", "student-two-layers", two_layers),
    ]:
        save_model(
            out / folder, potential_for(aluminum(), architecture).float(), {"record": {"model_id": model_id}}, {}
        )
    record = {"model_id": "student-pruned", "status": "pruned", "reason": "not among the best"}
    save_model(out / "models/student-pruned", None, {"record": record}, {})
    return out


def call(monkeypatch, capsys, *arguments):
    """Exit code, standard output and standard error."""
    monkeypatch.setattr(sys, "argv", ["pareto-search", "export", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    return stop.value.code, *capsys.readouterr()


@pytest.mark.parametrize("model_id", ["teacher", "teacher-12-8-2", "student-1"])
def test_the_verb_writes_a_network_and_says_how_to_read_it(run, tmp_path, monkeypatch, capsys, model_id):
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    path = tmp_path / "new" / "carried"
    code, said, errors = call(monkeypatch, capsys, run, model_id, "--to", "ase", path)
    assert (code, errors) == (0, "")
    assert f'pareto_search.load("{path}").calculator()' in said
    atoms = aluminum()
    folder = run / "teacher" if model_id.startswith("teacher") else run / "models" / model_id
    assert ps.load(path).energy_forces(atoms)[0] == ps.load(folder).energy_forces(atoms)[0]
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*")} == before


def test_hippynn_gets_cells_for_periodic_data(run, tmp_path, monkeypatch, capsys):
    code, said, _ = call(monkeypatch, capsys, run, "student-1", "--to", "hippynn", tmp_path / "h")
    assert (code, said.count("\n")) == (0, 1)  # nothing of what hippynn prints
    from hippynn.experiment.serialization import load_model_from_cwd

    monkeypatch.chdir(tmp_path / "h")
    assert {node.db_name for node in load_model_from_cwd().input_nodes} == {"Z", "R", "C"}


def with_frames(run, **n_frames):
    info = aluminum_info()
    info.summary["periodic_directions"] = {"all": 0, "some": 0, "no": 0, **n_frames}
    write_dataset_info(run / "dataset.json", info)


def test_hippynn_gets_no_cells_for_molecules(run, tmp_path, monkeypatch):
    from hippynn.experiment.serialization import load_model_from_cwd

    with_frames(run, no=3)
    stages.export(run, "student-1", "hippynn", tmp_path / "h")
    monkeypatch.chdir(tmp_path / "h")
    assert {node.db_name for node in load_model_from_cwd().input_nodes} == {"Z", "R"}


@pytest.mark.parametrize("others", [{}, {"all": 2}, {"no": 2}])
def test_hippynn_is_refused_slabs(run, tmp_path, monkeypatch, capsys, others):
    with_frames(run, some=1, **others)
    code, said, errors = call(monkeypatch, capsys, run, "student-1", "--to", "hippynn", tmp_path / "h")
    assert (code, said, errors.count("\n")) == (2, "", 1)
    assert re.search(
        r"student-1 cannot be exported to hippynn.*periodic in some directions.*; export it with --to ase", errors
    )
    stages.export(run, "student-1", "ase", tmp_path / "carried")


@pytest.mark.parametrize(
    ("model_id", "kind", "name", "message"),
    [
        ("student-2", "ase", "new", r"no model 'student-2'; did you mean 'student-1'\? models\.csv lists them all"),
        ("../teacher", "ase", "new", r"no model '\.\./teacher'"),
        ("teacher-12-8-3", "ase", "new", r"no model 'teacher-12-8-3'"),
        ("student-1", "ase", "run", r"run exists already and is not overwritten"),
        ("student-pruned", "ase", "new", r"student-pruned has no weights to export: pruned, not among the best"),
        ("student-two-layers", "lammps", "new.pt", r"2 interaction layers cannot be exported to LAMMPS"),
        ("student-1", "lammps", "new", r"new: LAMMPS reads a model only from a file named \*\.pt"),
    ],
)
def test_bad_input_is_one_line(run, tmp_path, monkeypatch, capsys, model_id, kind, name, message):
    before = sorted(tmp_path.rglob("*"))
    code, said, errors = call(monkeypatch, capsys, run, model_id, "--to", kind, tmp_path / name)
    assert (code, said, errors.count("\n")) == (2, "", 1)
    assert re.search(message, errors)
    assert sorted(tmp_path.rglob("*")) == before


def test_kinds_are_named(run, tmp_path, monkeypatch, capsys):
    code, _, errors = call(monkeypatch, capsys, run, "student-1", "--to", "openkim", tmp_path / "new")
    assert code == 2
    assert "'openkim'" in errors
    with pytest.raises(ConfigError, match="no export to 'openkim'; there are ase, hippynn, lammps"):
        stages.export(run, "student-1", "openkim", tmp_path / "new")  # type: ignore[arg-type]


def test_a_path_that_cannot_be_written_ends_without_a_traceback(run, monkeypatch, capsys):
    code, _, errors = call(monkeypatch, capsys, run, "student-1", "--to", "ase", run / "config.yaml" / "new")
    assert (code, errors.count("\n")) == (1, 1)
    assert re.search(r"new could not be written \(.*\); name a writable path", errors)


def test_no_run_directory(tmp_path, monkeypatch, capsys):
    code, _, errors = call(monkeypatch, capsys, tmp_path, "teacher", "--to", "ase", tmp_path / "new")
    assert (code, "not a run directory" in errors, list(tmp_path.iterdir())) == (2, True, [])
