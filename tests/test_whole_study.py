"""A whole study: each verb does its stage of it, and one that is killed on the way ends with the same numbers."""

import doctest
import importlib
import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import pareto_search as ps
from pareto_search import stages
from pareto_search.cluster.session import RaySession
from pareto_search.config_file import load_config
from pareto_search.errors import ConfigError, StoreError
from pareto_search.stages import open_study
from pareto_search.store import ResultStore
from tests.tiny_study import call, start, states_of, write_config

pytestmark = [pytest.mark.slow, pytest.mark.cluster]

#: Columns that a repeated run may fill differently: clocks, measured costs, which trial came first to a shared control.
NOISE = ["trial_id", "train_s", "md_us_per_atom_step", "max_atoms", "bytes_per_atom"]


def finished_models(out: Path) -> dict[str, int]:
    """Finished networks, and when each was written."""
    # Folders that begin with a dot are still being written, and vanish at any moment.
    paths = [*out.glob("teacher/model.json"), *out.glob("models/[!.]*/model.json")]
    return {path.parent.name: path.stat().st_mtime_ns for path in paths}


def run_until(condition: Callable[[], bool], config: Path, out: Path) -> None:
    """A run that is killed, with all that it has started, when the condition holds."""
    process = start("run", config, "--out", out)
    deadline = time.monotonic() + 300
    try:
        while not condition():
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < deadline, "the moment to kill never came"
            time.sleep(0.02)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def models_of(out: Path) -> pd.DataFrame:
    return pd.read_csv(out / "models.csv").sort_values("model_id", ignore_index=True)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory, one_ray: RaySession) -> Path:
    """A run made stage by stage."""
    folder = tmp_path_factory.mktemp("verbs")
    config, out = write_config(folder), folder / "run"
    for verb, arguments, made in [
        ("plan", (config,), None),
        ("data", (config, "--out", out), "data.html"),
        ("teacher", (config, "--out", out), "teacher/weights.npz"),
        ("label", (config, "--out", out), "labels.npz"),
        ("costs", (config, "--out", out, "--ladder", 1), "costs.json"),
        ("search", (config, "--out", out), "study.db"),
        ("confirm", (config, "--out", out), "models"),
    ]:
        assert made is None or made == "models" or not (out / made).exists(), verb
        assert call(verb, *arguments) == 0, verb
        assert made is None or (out / made).exists(), verb
    return out


@pytest.mark.parametrize(
    ("verb", "arguments", "made"),
    [
        ("report", ("--figures", "FOLDER/figures", "--format", "pdf"), "figures/fig2a.pdf"),
        ("measure", ("teacher",), None),
        ("export", ("teacher", "--to", "hippynn", "FOLDER/exported"), "exported/best_model.pt"),
    ],
)
def test_a_run_is_used(out, tmp_path, capsys, verb, arguments, made):
    assert call(verb, out, *(word.replace("FOLDER", str(tmp_path)) for word in arguments)) == 0
    assert len(capsys.readouterr().out) > 50
    assert made is None or (tmp_path / made).exists()


def test_a_confirmation_trains_what_was_chosen(out):
    models = ps.open_results(out).models
    assert models["stage"].value_counts().to_dict() == {"teacher": 1, "search": 6, "confirm": 9}
    assert set(models["status"]) == {"complete"}


def test_results_are_read_in_python(out: Path) -> None:
    results = ps.open_results(out)
    models, networks = results.models, results.networks
    assert set(models["stage"]) == {"teacher", "search", "confirm"}
    assert set(results.curves["model_id"]) == set(models.loc[models["n_epochs"] > 0, "model_id"])
    assert len(results.costs) == len(json.loads((out / "costs.json").read_text()))
    report = json.loads((out / "report.json").read_text())
    assert [claim["name"] for claim in report.pop("paper_claims")] == [claim.name for claim in results.claims]
    assert results.summary.to_plain() == report
    assert results.answer.headline in (out / "report.html").read_text()
    assert list(results.front["model_id"]) == results.summary.front
    for name in results.figures:
        assert len(results.figure(name).data) > 0, name
    with pytest.raises(ConfigError, match="no figure 'fig3c'; it has fig2a, "):
        results.figure("fig3c")
    for model_id in ("teacher", networks.query("role == 'teacher'")["best_model_id"].item(), results.summary.front[0]):
        record = results.load(model_id).description["record"]
        assert model_id in ("teacher", record["model_id"])
    with pytest.raises(ConfigError, match="no model 'student-none'"):
        results.load("student-none")
    with pytest.raises(ConfigError, match="asked for 'cuda:99'"):
        results.load("teacher", device="cuda:99")
    with pytest.raises(StoreError, match="not a run directory"):
        ps.open_results(out / "models")


def test_the_notebook_runs(out: Path) -> None:
    path = Path(__file__).parents[1] / "dashboards" / "results.ipynb"
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    is_parameter = ["parameters" in cell["metadata"].get("tags", ()) for cell in cells]
    assert is_parameter == [True] + [False] * (len(cells) - 1)
    names: dict[str, Any] = {"RUN": out}
    for cell in cells[1:]:
        exec(compile("".join(cell["source"]), path.name, "exec"), names)
    assert len(names["energies"]) == 101
    assert names["energies"][-1] == pytest.approx(names["energies"][0], abs=0.01)


@pytest.mark.parametrize("module", ["", ".stages", ".results", ".potential.trained"])
def test_the_examples_of_docstrings_run(out, tmp_path, monkeypatch, module):
    monkeypatch.chdir(tmp_path)
    for name, target in (("runs/quickstart", out), ("configs/quickstart.yaml", out.parent / "tiny.yaml")):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).symlink_to(target)
    found = doctest.testmod(importlib.import_module(f"pareto_search{module}"))
    assert (found.failed, found.attempted > 0) == (0, True)


LIQUID = {
    "temperature_k": 1200, "melt_temperature_k": 3000, "n_atoms": 32, "n_steps_melt": 60, "n_steps_equilibration": 2,
    "n_steps_sampling": 12, "n_steps_between_frames": 2, "n_steps_nve": 4, "r_max_ang": 4, "n_bins": 40, "n_blocks": 3,
    "max_temperature_factor": 50, "min_distance_fraction": 0.1,
}  # fmt: skip


def test_the_liquid_is_run_once(out, tmp_path, capsys, monkeypatch):
    run = tmp_path / "run"
    shutil.copytree(out, run)
    settings = [word for key, value in LIQUID.items() for word in ("--set", f"measure.liquid.{key}={value}")]
    assert call("liquid", run, *settings) == 0
    assert "NVE drift" in capsys.readouterr().out
    results = ps.open_results(run)
    by_stage = results.models.groupby("stage")
    assert by_stage["rdf_error"].count().to_dict() == {"confirm": 9, "search": 0, "teacher": 0}
    assert by_stage["md_stable_ps"].max().drop("search").tolist() == pytest.approx([18 * 2e-3] * 2)
    assert results.events.query("stage == 'liquid'")["kind"].tolist() == ["stage_began", "stage_ended"]
    assert {"fig3c", "fig3d", "fig3e"} <= set(results.figures)
    before = {path: path.stat().st_mtime_ns for path in (run / "liquid").iterdir()}
    assert len(before) == 1 + 1 + 9
    monkeypatch.setattr("pareto_search.cluster.liquid_stage.run_jobs", None)
    assert call("liquid", run) == 0  # with the settings of last time
    assert {path: path.stat().st_mtime_ns for path in (run / "liquid").iterdir()} == before
    assert call("liquid", run, "--set", "measure.n_steps=6") == 2
    assert "only settings of measure.liquid" in capsys.readouterr().err
    kept = (run / "config.yaml").read_bytes()
    assert call("liquid", run, "--set", "measure.liquid.r_max_ang=50") == 2
    assert "at most half the height" in capsys.readouterr().err
    assert (run / "config.yaml").read_bytes() == kept
    with open_study(load_config(out / "config.yaml"), run) as study:  # whose config says nothing of a liquid
        assert study.config.measure.liquid == load_config(run / "config.yaml").measure.liquid is not None


def test_another_structure_is_measured_where_one_is_asked_for(out):
    model_id = ps.open_results(out).summary.front[0]
    quick = ("measure.n_atoms=32", "measure.n_steps=5", "measure.n_warmup_steps=0", "measure.memory_budget_gib=0.01")
    densities = [
        stages.measure(out, model_id, (*quick, *structure)).cost.md.density_g_per_cm3
        for structure in ((), ("measure.structure.a_ang=4.455",))
    ]
    assert densities[0] / densities[1] == pytest.approx((4.455 / 4.05) ** 3, rel=0.02)
    with pytest.raises(ConfigError, match="none of the liquid, which `pareto-search liquid` runs"):
        stages.measure(out, model_id, ("measure.liquid.n_atoms=32",))


def test_runs_are_compared_while_others_use_them(out, tmp_path, capsys):
    two = tmp_path / "two"
    shutil.copytree(out, two)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    with ResultStore(two / "results.sqlite"):  # as a run that goes on
        assert call("report", out, two, "--out", tmp_path / "both.html") == 0
    page = (tmp_path / "both.html").read_text()
    assert f"{out} and {two}" in page  # both have the name tiny
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before
    for arguments, message in [
        ((out, out), "named twice"),
        ((out, tmp_path), "no config.yaml"),
        ((out, two, "--figures", tmp_path / "x"), "one run directory"),
    ]:
        capsys.readouterr()
        assert call("report", *arguments) == 2
        assert message in capsys.readouterr().err


def test_killed_three_times_it_ends_as_an_undisturbed_run(out, tmp_path):
    config, killed = write_config(tmp_path, max_concurrent_trials=2), tmp_path / "run"
    moments = (
        lambda: any((killed / "training").glob("teacher-*.pt")),
        lambda: len(finished_models(killed)) >= 2,  # the teacher and the first student or control
        lambda: len(finished_models(killed)) >= 7,  # in the confirmation
    )
    for moment in moments:
        run_until(moment, config, killed)
        before = finished_models(killed)
    assert call("run", config, "--out", killed) == call("report", out) == 0

    after, models = finished_models(killed), models_of(killed)
    assert {name: after[name] for name in before} == before  # what was finished was not touched again
    assert models["model_id"].is_unique
    assert set(models["model_id"]) >= set(before) - {"teacher"}
    assert set(models["status"]) == {"complete"}
    assert states_of(killed / "study.db") == ["COMPLETE"] * 3
    pd.testing.assert_frame_equal(models.drop(columns=NOISE), models_of(out).drop(columns=NOISE))

    written_anew = ("report.json", "costs.json")
    stamps = {path: path.stat().st_mtime_ns for path in killed.rglob("*.json") if path.name not in written_anew}
    assert call("run", config, "--out", killed) == 0
    assert models_of(killed).equals(models)  # a finished run does nothing
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps
