"""Whole studies of four objectives and of two, through the command line to the report."""

import copy
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.tiny_study import TINY, call, states_of

pytestmark = [pytest.mark.slow, pytest.mark.cluster]

FORCE, ENERGY = "valid_force_rmse_ev_per_ang", "valid_energy_rmse_ev_per_atom"
FOUR = (FORCE, "md_us_per_atom_step", "max_atoms", ENERGY)
TWO = ("md_us_per_atom_step", FORCE)


def run(folder: Path, objectives: tuple[str, ...], **search: object) -> Path:
    config = copy.deepcopy(TINY)
    config["search"] |= {"objectives": list(objectives), "controls": [], "n_trials": 3, **search}
    config["confirm"] |= {"controls": ["ablation"], "max_front": 2, "n_ladder": 0}
    (folder / "study.yaml").write_text(yaml.safe_dump(config))
    assert call("run", folder / "study.yaml", "--out", folder / "run") == 0
    return folder / "run"


@pytest.fixture(scope="module")
def of_four(tmp_path_factory: pytest.TempPathFactory, one_ray: object) -> Path:
    return run(tmp_path_factory.mktemp("four"), FOUR, pruning={"reduction_factor": 2, "grace_epochs": 1}, n_trials=4)


@pytest.fixture(scope="module")
def of_two(tmp_path_factory: pytest.TempPathFactory, one_ray: object) -> Path:
    return run(tmp_path_factory.mktemp("two"), TWO)


def in_study(out: Path) -> tuple[dict[int, list[float]], list[str]]:
    """Values of complete trials by number, and the directions."""
    with closing(sqlite3.connect(out / "study.db")) as connection:
        rows = connection.execute(
            "SELECT number, objective, value FROM trial_values JOIN trials USING (trial_id) ORDER BY number, objective"
        ).fetchall()
        found = [name for (name,) in connection.execute("SELECT direction FROM study_directions ORDER BY objective")]
    values: dict[int, list[float]] = {}
    for number, _, value in rows:
        values.setdefault(number, []).append(value)
    return values, found


@pytest.mark.parametrize(("which", "names"), [("of_four", FOUR), ("of_two", TWO)])
def test_the_study_has_the_values_of_the_records_in_the_order_of_the_config(
    which: str, names: tuple[str, ...], request: pytest.FixtureRequest
) -> None:
    out = request.getfixturevalue(which)
    models = pd.read_csv(out / "models.csv")
    students = models[(models["stage"] == "search") & (models["role"] == "student") & (models["status"] == "complete")]
    values, found = in_study(out)
    assert found == ["MAXIMIZE" if name == "max_atoms" else "MINIMIZE" for name in names]
    assert len(values) >= 2
    assert set(values) == set(students["trial_id"])
    for _, row in students.iterrows():
        assert values[row["trial_id"]] == pytest.approx([row[name] for name in names])


@pytest.mark.parametrize(("which", "names"), [("of_four", FOUR), ("of_two", TWO)])
def test_report_figures_and_words_are_of_the_objectives(
    which: str, names: tuple[str, ...], request: pytest.FixtureRequest
) -> None:
    out = request.getfixturevalue(which)
    report, page = json.loads((out / "report.json").read_text()), (out / "report.html").read_text()
    assert report["objectives"] == list(names)
    assert len(report["hypervolume_reference"]["values"]) == len(names)
    assert report["hypervolume_reference"]["origin"] == "teacher"
    assert report["dominance"]["n_controls"] > 0
    assert report["front"]
    axes = {name: name in page_axes(page) for name in (*FOUR, "bytes_per_atom")}
    assert axes == {name: name in names for name in axes}
    assert ("decades^4" if len(names) == 4 else "square decades") in page
    assert ("energy RMSE together" if len(names) == 4 else "step time and force RMSE together") in page


def page_axes(page: str) -> set[str]:
    """Columns of the parallel coordinates' axes."""
    start = page.index('id="data-fig7">') + len('id="data-fig7">')
    figure = json.loads(page[start : page.index("</script>", start)])
    return {column for column, *_ in figure["data"][0]["meta"]["fields"]}


def test_trials_are_pruned_by_all_four(of_four: Path) -> None:
    assert set(states_of(of_four / "study.db")) <= {"COMPLETE", "PRUNED"}
    with closing(sqlite3.connect(of_four / "study.db")) as connection:
        query = "SELECT value_json FROM trial_user_attributes WHERE key = 'rungs'"
        kept = [json.loads(value) for (value,) in connection.execute(query)]
    assert kept
    assert all(set(values) == {FORCE, ENERGY} for rungs in kept for values in rungs.values())
    said = [line for line in (of_four / "log.txt").read_text().splitlines() if ": complete, on validation" in line]
    assert said
    assert all("energy RMSE" in line and "meV/atom" in line and "max atoms" in line for line in said)


def test_a_run_is_not_warm_started_from_one_of_other_objectives(
    of_two: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = copy.deepcopy(TINY)
    config["search"] |= {"objectives": list(FOUR), "warm_start": [str(of_two)]}
    (tmp_path / "other.yaml").write_text(yaml.safe_dump(config))
    assert call("search", tmp_path / "other.yaml", "--out", tmp_path / "out") == 2
    errors = capsys.readouterr().err
    assert "optimised other objectives (md_us_per_atom_step, valid_force_rmse_ev_per_ang; here" in errors
    assert "Traceback" not in errors


def test_a_run_is_not_continued_with_other_objectives(of_two: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("run", of_two.parent / "study.yaml", "--out", of_two, "--set", f"search.objectives={list(FOUR)}") == 2
    assert "search.objectives: ['md_us_per_atom_step', 'valid_force" in capsys.readouterr().err
