"""A run that is killed goes on where it stopped: nothing lost, nothing trained twice, the same numbers."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import optuna
import pandas as pd
import pytest

from tests.study import start, write_config

pytestmark = [pytest.mark.slow, pytest.mark.cluster]

#: Columns that a repeated run may fill differently: clocks, measured costs, which trial came first to a shared control.
NOISE = ["trial_id", "train_s", "md_us_per_atom_step", "max_atoms", "bytes_per_atom"]


def kill(process) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def kill_when(condition: Callable[[], bool], process) -> None:
    deadline = time.monotonic() + 300
    try:
        while not condition():
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < deadline, "the moment to kill never came"
            time.sleep(0.005)
    finally:
        kill(process)


def finished_models(out: Path) -> dict[str, int]:
    # Folders that begin with a dot are still being written, and vanish at any moment.
    paths = [*out.glob("teacher/model.json"), *out.glob("models/[!.]*/model.json")]
    return {path.parent.name: path.stat().st_mtime_ns for path in paths}


def complete(config: Path, out: Path) -> pd.DataFrame:
    return result_of(start("run", config, "--out", out), out)


def result_of(process, out: Path) -> pd.DataFrame:
    _, errors = process.communicate(timeout=400)
    assert process.returncode == 0, errors
    return pd.read_csv(out / "models.csv").sort_values("model_id", ignore_index=True)


@pytest.fixture
def undisturbed(tmp_path):
    """The same study in another folder, one trial at a time, running meanwhile."""
    folder = tmp_path / "undisturbed"
    folder.mkdir()
    process = start("run", write_config(folder), "--out", folder / "run")
    yield process
    kill(process)


def test_killed_three_times_it_ends_as_an_undisturbed_run(tmp_path, undisturbed):
    config, out = write_config(tmp_path, max_concurrent_trials=2), tmp_path / "run"
    moments = (
        lambda: any((out / "training").glob("teacher-*.pt")),
        lambda: len(finished_models(out)) >= 2,  # the teacher and the first student or control
        lambda: len(finished_models(out)) >= 7,  # in the confirmation
    )
    for moment in moments:
        process = start("run", config, "--out", out)
        kill_when(moment, process)
        before = finished_models(out)
    models = complete(config, out)

    after = finished_models(out)
    assert {name: after[name] for name in before} == before  # what was finished was not touched again
    assert models["model_id"].is_unique
    assert set(models["model_id"]) >= set(before) - {"teacher"}
    assert set(models["status"]) == {"complete"}
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{out / 'study.db'}")
    assert [trial.state for trial in study.trials] == [optuna.trial.TrialState.COMPLETE] * 3

    expected = result_of(undisturbed, tmp_path / "undisturbed/run")
    pd.testing.assert_frame_equal(models.drop(columns=NOISE), expected.drop(columns=NOISE))

    written_anew = ("report.json", "costs.json")
    stamps = {path: path.stat().st_mtime_ns for path in out.rglob("*.json") if path.name not in written_anew}
    assert complete(config, out).equals(models)  # a finished run does nothing
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps
