import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from pareto_search.errors import StoreError
from pareto_search.records import Event
from pareto_search.report.live.followed_run import FollowedRun, check_followable
from pareto_search.run_directory import lock_holder
from pareto_search.store import ResultReader
from tests.report import live_study, synthetic

SHAPE = (12, 8, 1)
BEGAN = Event("stage_began", at_s=0.0, stage="search", n_planned=10)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return live_study.begin(tmp_path / "run")


def network(name: str, **values: object) -> dict[str, object]:
    return synthetic.row(name, SHAPE, stage="search", role="student", **values)


class Counting(ResultReader):
    """A reader that counts what it is asked for."""

    events_read = 0
    models_read = 0

    def event_list(self, after: int = 0) -> list[Event]:
        found = super().event_list(after)
        Counting.events_read += len(found)
        return found

    def models_at(self, positions):
        found = super().models_at(positions)
        Counting.models_read += len(found)
        return found


def test_only_what_is_new_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pareto_search.report.live.followed_run.ResultReader", Counting)
    monkeypatch.setattr(Counting, "events_read", 0)
    monkeypatch.setattr(Counting, "models_read", 0)
    run = FollowedRun(folder)
    live_study.tell(folder, BEGAN, *live_study.trial_events(0, 10.0, SHAPE, 5))
    live_study.store(folder, [network("a"), network("b", status="pruned")])
    run.refresh()
    n_events = run.progress.n_events
    assert (Counting.events_read, Counting.models_read) == (n_events, 2) == (1 + 3 + 3 + 1, 2)
    run.refresh()
    assert (Counting.events_read, Counting.models_read) == (n_events, 2)
    assert run.networks.version == 1
    assert run.networks.frame["model_id"].tolist() == ["a", "b"]

    live_study.tell(folder, Event("stage_ended", at_s=99.0, stage="search"))
    live_study.store(folder, [network("b", status="complete"), network("c")])
    run.refresh()
    assert (Counting.events_read, Counting.models_read) == (n_events + 1, 4)
    assert run.networks.version == 2
    assert [(r.model_id, r.status) for r in run.networks.records] == [
        ("a", "complete"), ("b", "complete"), ("c", "complete"),
    ]  # fmt: skip
    assert run.networks.frame["model_id"].tolist() == ["a", "b", "c"]
    assert run.n_starts == 1


@pytest.mark.parametrize("is_deleted", [False, True])
def test_results_that_were_made_anew_are_read_from_their_beginning(folder: Path, is_deleted: bool) -> None:
    path = folder / "results.sqlite"
    run = FollowedRun(folder)
    live_study.tell(folder, BEGAN, *live_study.trial_events(0, 10.0, SHAPE, 5))
    live_study.store(folder, [network("a")])
    run.refresh()
    if is_deleted:  # the new file may get the old one's number
        path.unlink()
    else:
        path.rename(folder / "results.old")
    run.refresh()
    assert run.progress.n_events > 1  # what was known is shown until there is something new
    live_study.begin(folder)
    live_study.tell(folder, *[Event("epoch", at_s=200.0 + n, trial_id=3, epoch=n) for n in range(1, 30)])
    run.refresh()
    assert run.n_starts == 2
    assert list(run.progress.trials) == [3]
    assert run.progress.n_events == 29
    assert run.networks.records == []


def test_a_run_is_waited_for(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    run = FollowedRun(folder)
    run.refresh()
    assert (run.config, run.progress.n_events, run.problem) == (None, 0, None)
    live_study.begin(folder)
    run.refresh()
    assert run.config is not None
    assert run.config.name == "followed"
    live_study.tell(folder, BEGAN)
    run.refresh()
    assert run.progress.stage == "search"


def test_results_that_cannot_be_read_are_a_problem_until_they_can(folder: Path) -> None:
    run = FollowedRun(folder)
    live_study.tell(folder, BEGAN)
    run.refresh()
    good = (folder / "results.sqlite").read_bytes()
    (folder / "results.sqlite").write_bytes(b"no database" * 500)
    run.refresh()
    assert "cannot be read" in (run.problem or "")
    assert run.progress.stage == "search"
    (folder / "results.sqlite").write_bytes(good)
    run.refresh()
    assert run.problem is None


def test_a_run_that_is_locked_for_a_moment_is_not_waited_for_in_vain(folder: Path) -> None:
    with sqlite3.connect(folder / "results.sqlite", isolation_level=None) as writer:
        writer.execute("BEGIN IMMEDIATE")
        run = FollowedRun(folder)
        run.refresh()  # a writer does not keep readers out
        assert run.problem is None
    writer.close()


def test_costs_are_read_once_and_again_when_replaced(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    costs = folder / "costs"
    costs.mkdir()
    for number, shape in enumerate(((12, 8, 1), (16, 8, 1))):
        (costs / f"{number}.json").write_text(json.dumps(synthetic.cost(shape).to_plain()))
    for unfinished in (".2.json", "2.json-half"):
        (costs / unfinished).write_text(json.dumps(synthetic.cost((32, 8, 1)).to_plain()))
    run = FollowedRun(folder)
    run.refresh()
    run.refresh()
    assert (len(run.costs), run.n_costs_read) == (2, 2)
    (costs / "0.json").write_text(json.dumps(synthetic.cost((24, 8, 1)).to_plain()))
    run.refresh()
    assert (len(run.costs), run.n_costs_read) == (3, 3)


def test_the_journal_tells_when_a_network_ended(folder: Path) -> None:
    first = live_study.trial_events(0, 10.0, SHAPE, 5)
    live_study.tell(folder, BEGAN, *first[:-1],
                    Event("network_ended", at_s=18.0, trial_id=0, model_id="student-0", status="complete", epoch=5),
                    Event("network_ended", at_s=18.0, trial_id=0, model_id="paper-0", status="complete", epoch=40),
                    first[-1])  # fmt: skip
    live_study.store(folder, [
        network("student-0", trial_id=0, n_epochs=5), network("of an older version", trial_id=0),
        synthetic.row("paper-0", SHAPE, trial_id=0, stage="search", role="control", control_kind="paper"),
    ])  # fmt: skip
    run = FollowedRun(folder)
    run.refresh()
    student, unknown, control = run.n_epochs_at_ends()
    assert np.isnan(unknown)
    assert [student, control] == [5, 45]


def test_the_curve_of_a_network_is_read_when_it_is_wanted(folder: Path) -> None:
    run = FollowedRun(folder)
    assert run.curve("nobody").empty
    shutil.rmtree(folder)
    assert run.curve("nobody").empty


def lock(folder: Path, pid: int, host: str, since: str) -> Path:
    path = folder / ".lock"
    path.write_text(f"process {pid} on {host} since {since}\n")
    return path


def test_whether_the_process_lives_is_told_by_its_number_host_and_beginning(tmp_path: Path) -> None:
    here, now = socket.gethostname(), datetime.now(UTC).isoformat(timespec="seconds")
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert lock_holder(lock(tmp_path, os.getpid(), here, now)) == "alive"
    assert lock_holder(lock(tmp_path, gone.pid, here, now)) == "gone"
    assert lock_holder(lock(tmp_path, os.getpid(), here, "2001-01-01T00:00:00+00:00")) == "gone"  # a later one's number
    assert lock_holder(lock(tmp_path, os.getpid(), "elsewhere", now)) == "unknown"
    (tmp_path / ".lock").write_text("")
    assert lock_holder(tmp_path / ".lock") == "unknown"
    assert lock_holder(tmp_path / "nothing") == "unknown"


def test_paths_that_hold_no_run_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("x")
    with pytest.raises(StoreError, match="is a file, not a run directory"):
        check_followable(tmp_path / "file")
    with pytest.raises(StoreError, match=r"no config\.yaml"):
        check_followable(tmp_path / "other")
    with pytest.raises(StoreError, match="nor is the directory above it"):
        check_followable(tmp_path / "nowhere" / "run")
    old = live_study.begin(tmp_path / "old")
    with sqlite3.connect(old / "results.sqlite") as connection:
        connection.execute("PRAGMA user_version=1")
    connection.close()
    with pytest.raises(StoreError, match="table version 1"):
        check_followable(old)


def test_paths_in_which_a_run_may_begin_are_followed(tmp_path: Path) -> None:
    check_followable(tmp_path / "new")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / ".lock").write_text("")
    check_followable(tmp_path / "empty")
    check_followable(live_study.begin(tmp_path / "run"))
