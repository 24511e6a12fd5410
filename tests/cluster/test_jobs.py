import os
import signal
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from pareto_search.cluster.jobs import run_jobs
from pareto_search.cluster.session import RaySession, ray_session
from pareto_search.config import ClusterSettings
from pareto_search.errors import ConfigError, TrainingDiverged
from tests.cluster.fake_study import CLUSTER
from tests.cluster.fake_trial import Shared, make_shared

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


def work(shared: Shared, number: int) -> dict[str, Any]:
    died = shared.folder / "died"
    if number == 1:
        raise TrainingDiverged(7)
    if number == 2 and not died.exists():
        died.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return {
        "square": number**2,
        "threads": os.environ["OMP_NUM_THREADS"],
        "is_zero_copy": not shared.numbers.flags.writeable and not shared.numbers.flags.owndata,
    }


def run(folder: Path, jobs: list[int], on_result: Any, **changes: Any) -> None:
    arguments: dict[str, Any] = {
        "shared": make_shared(folder),
        "job": work,
        "name": "job-{:02d}".format,
        "notes": folder,
    }
    run_jobs(cluster=CLUSTER, jobs=jobs, on_result=on_result, **(arguments | changes))


@pytest.mark.usefixtures("cluster")
def test_jobs_end_with_a_result_or_a_reason_and_a_dead_worker_is_replaced(tmp_path: Path) -> None:
    ended: dict[int, tuple[Any, str | None]] = {}
    run(tmp_path, [0, 1, 2, 3], lambda job, result, reason: ended.update({job: (result, reason)}))
    assert set(ended) == {0, 1, 2, 3}
    assert ended.pop(1) == (None, "TrainingDiverged: the loss became non-finite in epoch 7")
    for number, (result, reason) in ended.items():
        assert reason is None
        assert result == {"square": number**2, "threads": "1", "is_zero_copy": True}
    assert (tmp_path / "pickled").read_text() == "x"


def wait_or_end(shared: Shared, number: int) -> None:
    """Job 0 ends once job 1 runs; job 1 would run for minutes."""
    note = shared.folder / "waiting"
    if number == 1:
        (shared.folder / "note").write_text(str(os.getpid()))
        (shared.folder / "note").rename(note)
        time.sleep(600)
    while not note.exists():
        time.sleep(0.02)


@pytest.mark.usefixtures("cluster")
def test_an_error_in_the_driver_cancels_what_runs(tmp_path: Path) -> None:
    def refuse(job: int, result: Any, reason: str | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, [0, 1], refuse, job=wait_or_end)
    worker = int((tmp_path / "waiting").read_text())
    deadline = time.monotonic() + 30
    while psutil.pid_exists(worker):
        assert time.monotonic() < deadline, "the job still runs"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cpus_per_trial": 4096}, "needs 4096 CPUs .* lower cluster.cpus_per_trial"),
        ({"gpus_per_trial": 64.0}, "64 GPUs"),
    ],
)
def test_a_trial_larger_than_every_machine_is_refused(
    cluster: RaySession, changes: dict[str, Any], message: str
) -> None:
    assert cluster.dashboard_url is None
    settings = CLUSTER.model_copy(update=changes)
    with pytest.raises(ConfigError, match=message), ray_session(settings, "fake"):
        pass
    with ray_session(CLUSTER.model_copy(update={"max_concurrent_trials": 1}), "fake") as session:
        assert session.n_slots == 1


@pytest.mark.parametrize("address", ["127.0.0.1:1", "no-such-host.invalid:6379", "ray://127.0.0.1:10001", "somewhere"])
def test_a_cluster_that_cannot_be_joined_is_one_clear_message(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    asked = time.monotonic()
    with (
        pytest.raises(ConfigError, match=r"cluster\.address.*") as caught,
        ray_session(ClusterSettings(address=address), "fake"),
    ):
        pass
    assert address in str(caught.value)
    assert time.monotonic() - asked < 15  # Ray itself tries for much longer
