"""Every verb of the command line does its stage, one after the other on one run directory."""

import json
import shutil
import sys
from pathlib import Path

import pytest

import pareto_search as ps
from pareto_search import cli
from pareto_search.errors import ConfigError, DataError, StoreError
from pareto_search.store import ResultStore
from tests.study import start, write_config

pytestmark = [pytest.mark.slow, pytest.mark.cluster]


def test_stages_one_by_one(tmp_path):
    config, out = write_config(tmp_path), tmp_path / "run"
    planning = start("plan", config)  # it writes nothing, so it may run beside the others
    for verb, arguments, made in [
        ("data", (config, "--out", out), "data.html"),
        ("teacher", (config, "--out", out), "teacher/weights.npz"),
        ("label", (config, "--out", out), "labels.npz"),
        ("costs", (config, "--out", out, "--ladder", 1), "costs.json"),
        ("search", (config, "--out", out), "study.db"),
        ("confirm", (config, "--out", out), "models"),
        ("report", (out, "--figures", out / "figures", "--format", "pdf"), "figures/fig2a.pdf"),
        ("measure", (out, "teacher"), None),
        ("export", (out, "teacher", "--to", "hippynn", out / "exported"), "exported/best_model.pt"),
    ]:
        process = start(verb, *arguments)
        said, errors = process.communicate(timeout=200)
        assert process.returncode == 0, (verb, errors)
        assert len(said) > 50, (verb, said)
        assert made is None or (out / made).exists(), verb
    said, errors = planning.communicate(timeout=200)
    assert planning.returncode == 0, errors
    assert len(said) > 50
    the_results_are_read_in_python(out)
    the_notebook_runs(out)


def the_results_are_read_in_python(out: Path) -> None:
    results = ps.open_results(out)
    models, networks = results.models, results.networks
    assert set(models["stage"]) == {"teacher", "search", "confirm"}
    assert set(results.curves["model_id"]) == set(models.loc[models["n_epochs"] > 0, "model_id"])
    assert len(results.costs) == len(json.loads((out / "costs.json").read_text()))
    assert results.summary.to_plain() == json.loads((out / "report.json").read_text())
    assert results.answer.headline in (out / "report.html").read_text()
    assert list(results.front["model_id"]) == results.summary.front
    for name in results.figures:
        assert len(results.figure(name).data) > 0, name
    with pytest.raises(ConfigError, match="no figure 'fig3c'; it has fig2a, "):
        results.figure("fig3c")
    for model_id in ("teacher", networks.query("role == 'teacher'")["best_model_id"].item(), results.summary.front[0]):
        record = results.load(model_id).description["record"]
        assert model_id in ("teacher", record["model_id"])
    with pytest.raises(DataError, match="student-none"):
        results.load("student-none")
    with pytest.raises(StoreError, match="not a run directory"):
        ps.open_results(out / "models")


def the_notebook_runs(out: Path) -> None:
    path = Path(__file__).parents[1] / "dashboards" / "results.ipynb"
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    is_parameter = ["parameters" in cell["metadata"].get("tags", ()) for cell in cells]
    assert is_parameter == [True] + [False] * (len(cells) - 1)
    names = {"RUN": out}
    for cell in cells[1:]:
        exec(compile("".join(cell["source"]), path.name, "exec"), names)
    assert len(names["energies"]) == 101
    assert names["energies"][-1] == pytest.approx(names["energies"][0], abs=0.01)


def test_runs_are_compared_while_others_use_them(tmp_path, capsys, monkeypatch):
    config = write_config(tmp_path)
    one, two = tmp_path / "one", tmp_path / "two"
    process = start("search", config, "--out", one)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    shutil.copytree(one, two)
    before = {path: path.stat().st_mtime_ns for path in one.rglob("*")}

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["pareto-search", "report", *map(str, arguments)])
        try:
            cli.main()
        except SystemExit as stop:
            return stop.code, capsys.readouterr()
        return 0, capsys.readouterr()

    with ResultStore(two / "results.sqlite"):  # as a run that goes on
        code, said = call(one, two, "--out", tmp_path / "both.html")
    assert code == 0, said
    assert str(two) in (tmp_path / "both.html").read_text()  # both have the name tiny
    assert (tmp_path / "both.html").is_file()
    assert {path: path.stat().st_mtime_ns for path in one.rglob("*")} == before
    for arguments, message in [
        ((one, one), "named twice"),
        ((one, tmp_path), "no config.yaml"),
        ((one, two, "--figures", tmp_path / "x"), "one run directory"),
    ]:
        code, said = call(*arguments)
        assert code == 2
        assert message in said.err
