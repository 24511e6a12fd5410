"""Every verb of the command line does its stage, one after the other on one run directory."""

import shutil
import sys

import pytest

from pareto_search import cli
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
    ]:
        process = start(verb, *arguments)
        said, errors = process.communicate(timeout=200)
        assert process.returncode == 0, (verb, errors)
        assert len(said) > 50, (verb, said)
        assert made is None or (out / made).exists(), verb
    said, errors = planning.communicate(timeout=200)
    assert planning.returncode == 0, errors
    assert len(said) > 50


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
