"""The document of the reproduction, and the script that makes its runs."""

import importlib.util
import json
from pathlib import Path

import pandas as pd
import pytest
import yaml
from plotly.offline import get_plotlyjs_version

from pareto_search import stages
from pareto_search.config import StudyConfig
from pareto_search.config.hipnn import HipnnArchitecture
from pareto_search.config_file import load_config
from pareto_search.records import CurvePoint, ModelRecord
from pareto_search.store import ResultStore
from reproduction.document import reproduction_markdown
from reproduction.kept import keep_runs
from reproduction.sections import SECTIONS
from tests.report.synthetic import report_input
from tests.tiny_study import TINY

SCRIPT = Path(__file__).parents[1] / "scripts" / "reproduce.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("reproduce", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def ladder(tmp_path_factory) -> Path:
    """A run directory with the results of a made-up study in it."""
    out = tmp_path_factory.mktemp("reproduction") / "ladder"
    config = StudyConfig.model_validate(TINY)
    stages.data(config, out)
    info = json.loads((out / "dataset.json").read_text(encoding="utf-8"))
    info["notes"]["path"] = str(out.parent / "data.h5")  # as readers of files note it
    (out / "dataset.json").write_text(json.dumps(info), encoding="utf-8")
    models = report_input(factors={"paper": 1.0, "ablation": 0.95}, noise=0.01).models
    with ResultStore(out / "results.sqlite") as store:
        for row in models.astype(object).where(pd.notna(models), None).to_dict("records"):
            values = {str(name): value for name, value in row.items()}
            values["hyperparameters"] = {
                name: values[name] for name in HipnnArchitecture.model_fields if name in values
            }
            store.put(ModelRecord.from_plain(values), list[CurvePoint]())
    return out


def test_the_document_tells_of_the_runs_that_are_there(ladder, tmp_path):
    keep_runs({"ladder": ladder, "tuned": ladder.parent / "tuned"}, tmp_path)
    text = reproduction_markdown(tmp_path)
    assert "## The ladder of sizes" in text
    assert "## Controls tuned as hard" not in text
    assert "| At equal cost, students have a lower force RMSE than the paper's controls | Fig. 2, 3A |" in text
    assert "| holds |" in text
    assert "| ladder | 20 | 128/40/4, 36 meV/Å | 10 | 410 | 96 | 240 | 30, 50 | 8 | 4 | 32 |" in text
    assert "| 12/8/1 | student, w_A 20 | 4 |" in text
    assert "Noise alone would make RDF errors" not in text
    widths = {line.count("|") for line in text.splitlines() if line.startswith("| ladder")}
    heads = next(line for line in text.splitlines() if line.startswith("| run"))
    assert widths == {heads.count("|")}
    kept = {path: path.read_bytes() for path in (tmp_path / "ladder").iterdir()}
    keep_runs({"ladder": ladder}, tmp_path)
    assert {path: path.read_bytes() for path in (tmp_path / "ladder").iterdir()} == kept
    keep_runs({}, tmp_path)
    assert reproduction_markdown(tmp_path) == text  # the runs are not needed any more


def test_figures_are_kept_as_a_page_without_the_places_of_the_machine(ladder, tmp_path):
    keep_runs({"ladder": ladder}, tmp_path)
    page = (tmp_path / "ladder" / "report.html").read_text(encoding="utf-8")
    assert f'src="https://cdn.plot.ly/plotly-{get_plotlyjs_version()}.min.js"' in page
    assert "needs the network for plotly.js alone" in page
    assert len(page) < 1e6
    for kind, link in (("css", 'href="'), ("js", 'src="')):
        shared = (tmp_path / "pages" / f"page.{kind}").read_text(encoding="utf-8")
        assert f"{link}../pages/page.{kind}" in page
        assert len(shared) > 1e4
        assert shared not in page
    assert "data.h5" in page
    assert str(ladder.parent) not in page
    assert f"({tmp_path.name}/ladder/report.html)" in reproduction_markdown(tmp_path)


def test_each_claim_comes_once_before_the_sections_and_after_what_was_concluded(ladder, tmp_path):
    keep_runs({"ladder": ladder, "ensemble": ladder}, tmp_path)
    (tmp_path / "conclusions.md").write_text("What we make of it.\n", encoding="utf-8")
    before, gathered, *_ = reproduction_markdown(tmp_path).split("## ")
    assert "What we make of it." in before
    claim = "At equal cost, students have a lower force RMSE than the paper's controls"
    assert [line.endswith(f"[ladder]({tmp_path.name}/ladder/report.html) |") for line in gathered.splitlines()
            if claim in line] == [True]  # fmt: skip
    ladder_section, ensemble_section = reproduction_markdown(tmp_path).split("## What was run")[1].split("## ")[1:]
    assert claim not in ladder_section
    assert claim in ensemble_section
    assert "labels are worth" not in reproduction_markdown(tmp_path)


def test_a_schedule_is_named_in_place_of_one_weight(ladder, tmp_path):
    keep_runs({"born-again": ladder}, tmp_path)
    path = tmp_path / "born-again" / "config.yaml"
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    row = {"epoch": 1, "weight_energy": 0.5, "weight_forces": 75, "weight_atomic_energy": 200}
    config["confirm"]["training"] = {"schedule": [row]}
    config["search"]["space"] |= {"weight_forces": 30, "weight_atomic_energy": 20}
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    assert "| 12/8/1 | student, by the schedule | 4 |" in reproduction_markdown(tmp_path)


def test_a_section_of_costs_tells_of_nothing_else(ladder, tmp_path):
    keep_runs({"hippynn-engine": ladder}, tmp_path)
    text = reproduction_markdown(tmp_path)
    assert "The step time per atom grows with the number of weights" in text
    assert "lower force RMSE" not in text
    assert "accurate than" not in text
    assert "| 12/8/1 |" in text
    assert "force RMSE, meV/Å" not in text


def test_runs_of_several_label_weights_stand_side_by_side(ladder, tmp_path):
    keep_runs({"label-weights": ladder, "label-weights-early": ladder}, tmp_path)
    for name in ("label-weights", "label-weights-early"):
        path = tmp_path / name / "models.csv"
        models = pd.read_csv(path)
        students = models[models["role"] == "student"]
        copies = [students.assign(model_id=students["model_id"] + f"-{w}", weight_atomic_energy=w) for w in (1, 300)]
        pd.concat([models, *copies]).assign(rdf_noise=0.02).to_csv(path, index=False)
    text = reproduction_markdown(tmp_path)
    assert "32 pairs each:" in text
    assert "more accurate than the paper's controls, but" not in text
    assert "Noise alone would make RDF errors of 0.0200 to 0.0200 Å." in text
    table, energies = text.split("## What the teacher's labels are worth\n")[1].split("## ")[0].split("Energy RMSE")
    assert energies.count("95 %") == table.count("95 %")
    assert energies.splitlines()[4:] != table.splitlines()[4:]
    heads = next(line for line in table.splitlines() if line.startswith("| weight"))
    assert [head.split(":")[0] for head in heads.split(" | ")[1:]] == ["label-weights", "label-weights-early"]
    assert [line.split(" | ")[0] for line in table.splitlines() if "95 %" in line] == ["| 1", "| 20", "| 300"]


def test_the_document_that_is_kept_is_what_its_tables_say():
    kept = SCRIPT.parents[1] / "docs" / "reproduction.md"
    assert kept.read_text(encoding="utf-8") == reproduction_markdown(kept.with_suffix(""))


def test_every_section_of_the_script_is_a_valid_study_with_four_seeds(script):
    assert set(SECTIONS) <= set(script.SECTIONS)
    for section in script.SECTIONS.values():
        changes = [*script.overrides(script.ON_CPU), *script.overrides(section.changes)]
        config = load_config(script.CONFIGS / f"{section.config}.yaml", tuple(changes))
        assert config.confirm.n_seeds == 4
        assert config.device == "cpu"
    schedule = load_config(
        script.CONFIGS / "born-again.yaml", tuple(script.overrides(script.SECTIONS["born-again"].changes))
    ).confirm_training.schedule
    assert [row.epoch for row in schedule] == [1, 25, 31, 37, 44, 50]


def test_overrides_are_yaml(script):
    changes = {"a": {"b": True, "c": [{"x": 1, "y": 0.5}]}, "d": {"choices": [1, 2]}, "e.f": "text"}
    found = dict(text.split("=", 1) for text in script.overrides(changes))
    assert {name: yaml.safe_load(value) for name, value in found.items()} == {
        "a.b": True, "a.c": [{"x": 1, "y": 0.5}], "d": {"choices": [1, 2]}, "e.f": "text",
    }  # fmt: skip
