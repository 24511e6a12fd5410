import gc
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState
from ray import tune
from ray.tune.execution import insufficient_resources_manager

from pareto_search.cluster import tune_private
from pareto_search.cluster.session import RaySession
from pareto_search.errors import StoreError
from pareto_search.search.messages import Costs, TrialEnd
from tests.cluster.fake_study import CLUSTER, search, settings_of
from tests.cluster.fake_trial import Shared, fake_costs, fake_trial, make_shared, objectives

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

REPOSITORY = Path(__file__).parents[2]


def trials(folder: Path) -> list[FrozenTrial]:
    storage = optuna.storages.RDBStorage(f"sqlite:///{folder / 'study.db'}")
    try:
        return optuna.load_study(study_name="fake", storage=storage).trials
    finally:
        storage.remove_session()
        storage.engine.dispose()


def params_run(folder: Path, number: int) -> list[dict]:
    """The parameters with which a trial was run, once for each time."""
    return [json.loads(line) for line in (folder / f"trial-{number}.jsonl").read_text().splitlines()]


def wait_for(condition: Callable[[], bool], driver: subprocess.Popen[str], timeout_s: float = 180.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert driver.poll() is None, driver.communicate()
        assert time.monotonic() < deadline, "timed out"
        time.sleep(0.05)


@contextmanager
def started_driver(folder: Path, n_trials: int, behaviour: str, *settings: str) -> Iterator[subprocess.Popen[str]]:
    """A search in a process of its own, which does not outlive the block."""
    command = [sys.executable, "-m", "tests.cluster.fake_study", str(folder), str(n_trials), behaviour, *settings]
    with subprocess.Popen(
        command, cwd=REPOSITORY, start_new_session=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as driver:
        try:
            yield driver
        finally:
            driver.kill()
            driver.communicate()


@pytest.mark.usefixtures("cluster")
def test_finished_trials_hold_three_objectives_and_an_extension_runs_only_the_new_ones(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reports: list[dict] = []
    with caplog.at_level(logging.INFO, logger="pareto_search"):
        finished = search(tmp_path, 2, on_result=reports.append)
    assert sorted(end.number for end in finished) == [0, 1]
    assert all(end.result["is_zero_copy"] and end.reason is None for end in finished)
    assert Counter(report["trial_number"] for report in reports) == {0: 3, 1: 3}
    for trial in trials(tmp_path):
        assert trial.state is TrialState.COMPLETE
        assert trial.values == list(objectives(trial.params).values())
        assert trial.user_attrs["model_ids"] == [f"student-{trial.number}"]
        assert caplog.text.count(f"trial {trial.number}: complete") == 1
    # pickled into the object store once; nothing else may carry it
    assert (tmp_path / "pickled").read_text() == "x"
    assert (tmp_path / "ray" / "fake" / "fake-trial-0001").is_dir()

    assert [end.number for end in search(tmp_path, 3)] == [2]
    assert search(tmp_path, 3) == []
    assert [trial.state for trial in trials(tmp_path)] == [TrialState.COMPLETE] * 3
    assert len({trial.params["n_features"] for trial in trials(tmp_path)}) == 3


@pytest.mark.usefixtures("cluster")
def test_failed_trials_are_fail_with_a_reason_and_the_others_go_on(tmp_path: Path) -> None:
    ends = {end.number: end for end in search(tmp_path, 4, shared=unlucky(tmp_path))}
    assert (ends[0].status, ends[0].reason) == ("failed", "ValueError: this one fails")
    assert (ends[1].status, ends[1].reason) == ("failed", "md_us_per_atom_step is nan")
    assert ends[2].status == "failed"
    assert "max_atoms" in ends[2].reason
    assert len(params_run(tmp_path, 0)) == 1  # not tried again: it would fail again
    states = [trial.state for trial in trials(tmp_path)]
    assert states == [TrialState.FAIL, TrialState.FAIL, TrialState.FAIL, TrialState.COMPLETE]
    attributes = trials(tmp_path)[0].user_attrs
    assert (attributes["status"], attributes["reason"]) == ("failed", "ValueError: this one fails")


def unlucky(folder: Path) -> Shared:
    return make_shared(folder, "unlucky")


def die(shared: Shared, params: dict, report: Callable[[dict], None]) -> dict:
    if params["trial_number"] == 0:
        with (shared.folder / "deaths").open("a") as file:
            file.write("x")
        os.kill(os.getpid(), signal.SIGKILL)
    return fake_trial(shared, params, report)


@pytest.mark.usefixtures("cluster")
def test_a_dead_worker_is_a_failed_trial(tmp_path: Path) -> None:
    ends = {end.number: end for end in search(tmp_path, 2, trial=die)}
    assert "worker process died" in ends[0].reason
    assert (tmp_path / "deaths").read_text() == "xxx"  # twice more, for it might have been the machine
    assert ends[1].status == "complete"
    assert [trial.state for trial in trials(tmp_path)] == [TrialState.FAIL, TrialState.COMPLETE]


@pytest.mark.usefixtures("cluster")
def _costs_after_go(shared: Shared, params: dict[str, Any]) -> Costs:
    while not (shared.folder / "go").exists():
        time.sleep(0.02)
    return fake_costs(shared, params)


def test_costs_may_take_longer_than_tune_waits_for_a_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    n_looks = 0

    def hours() -> float:
        nonlocal n_looks
        n_looks += 1
        if n_looks == 5:
            (tmp_path / "go").touch()
        return 3600.0 * n_looks

    monkeypatch.setattr(insufficient_resources_manager, "time", SimpleNamespace(monotonic=hours))
    assert [end.status for end in search(tmp_path, 1, measure=_costs_after_go)] == ["complete"]
    assert n_looks >= 5


def test_tune_forgets_trials_that_have_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tune_private, "N_REMEMBERED", 2)
    n_kept = []

    def count(end: TrialEnd) -> None:
        gc.collect()
        n_kept.append(sum(type(thing) is tune.experiment.Trial for thing in gc.get_objects()))

    search(tmp_path, 12, on_end=count)
    assert len(n_kept) == 12
    assert n_kept[-1] <= 6  # those that run, those just ended, and what is remembered


def test_an_error_in_the_driver_stops_the_search_and_the_trial_can_be_repeated(tmp_path: Path) -> None:
    def full(end: TrialEnd) -> None:
        raise StoreError("disk full")

    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(StoreError, match="disk full"):
        search(tmp_path, 6, on_end=full)
    assert signal.getsignal(signal.SIGINT) is handler
    states = Counter(trial.state for trial in trials(tmp_path))
    assert set(states) <= {TrialState.COMPLETE, TrialState.RUNNING}
    assert states.total() < 6


def test_a_killed_driver_is_resumed_with_the_same_trials(tmp_path: Path, cluster: RaySession) -> None:
    # Which two of the first three are trained depends on whose costs came first.
    with started_driver(tmp_path, 4, "wait") as driver:
        wait_for(lambda: len(list(tmp_path.glob("trial-*.jsonl"))) == 2, driver)
        driver.kill()
    trained = {int(path.stem.removeprefix("trial-")) for path in tmp_path.glob("trial-*.jsonl")}
    before = [trial for trial in trials(tmp_path) if trial.state is TrialState.RUNNING]
    assert {trial.number for trial in before} >= trained

    (tmp_path / "go").touch()
    finished = search(tmp_path, 4)
    assert sorted(end.number for end in finished) == [0, 1, 2, 3]
    after = trials(tmp_path)
    assert [trial.state for trial in after] == [TrialState.COMPLETE] * 4
    for trial in before:
        assert after[trial.number].params == trial.params
        runs = params_run(tmp_path, trial.number)
        assert runs == [{**trial.params, "trial_number": trial.number}] * (2 if trial.number in trained else 1)


def test_ctrl_c_stops_the_search_and_it_goes_on_later(tmp_path: Path, cluster: RaySession) -> None:
    with started_driver(tmp_path, 2, "wait") as driver:
        wait_for((tmp_path / "trial-0.jsonl").exists, driver)
        os.killpg(driver.pid, signal.SIGINT)
        _, errors = driver.communicate(timeout=60)
        assert driver.returncode == 130, errors
    assert "Traceback" not in errors
    assert {trial.state for trial in trials(tmp_path)} == {TrialState.RUNNING}

    (tmp_path / "go").touch()
    search(tmp_path, 2)
    assert [trial.state for trial in trials(tmp_path)] == [TrialState.COMPLETE] * 2


def test_ctrl_c_again_and_again_stops_at_once_and_loses_nothing(tmp_path: Path, cluster: RaySession) -> None:
    with started_driver(tmp_path, 2, "wait") as driver:
        wait_for((tmp_path / "trial-0.jsonl").exists, driver)
        deadline = time.monotonic() + 60
        while driver.poll() is None and time.monotonic() < deadline:
            os.killpg(driver.pid, signal.SIGINT)
            time.sleep(0.05)
    assert driver.returncode not in (0, -signal.SIGKILL)
    assert {trial.state for trial in trials(tmp_path)} == {TrialState.RUNNING}

    (tmp_path / "go").touch()
    search(tmp_path, 2)
    assert [trial.state for trial in trials(tmp_path)] == [TrialState.COMPLETE] * 2


@pytest.mark.usefixtures("cluster")
def test_a_trial_that_hangs_fails_after_its_time_and_the_others_go_on(tmp_path: Path) -> None:
    cluster = CLUSTER.model_copy(update={"max_hours_per_trial": 3 / 3600})
    ends = search(tmp_path, 3, shared=make_shared(tmp_path, "hang"), cluster=cluster)
    assert {end.number: end.status for end in ends} == {0: "complete", 1: "failed", 2: "complete"}
    reason = next(end.reason for end in ends if end.number == 1)
    assert "took longer than cluster.max_hours_per_trial" in reason
    assert "ended at File" in reason
    assert len(params_run(tmp_path, 1)) == 1  # the second time it only says why


@pytest.mark.usefixtures("cluster")
def test_seed_points_come_first_and_only_once(tmp_path: Path) -> None:
    point = {"n_features": 20, "n_sensitivities": 16, "weight_forces": 30, "weight_atomic_energy": 0.5}
    settings = settings_of(1, sampler="tpe", points=(point,))
    search(tmp_path, 1, settings=settings)
    search(tmp_path, 2, settings=settings.model_copy(update={"n_trials": 2}))
    first, second = trials(tmp_path)
    assert first.params == point
    assert second.params != point
