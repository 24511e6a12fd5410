"""Work as Ray tasks: named, held to limits, tried again where its process or machine was lost, and how it ended."""

import logging
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

import ray

from pareto_search.cluster.limits import AllWorkFailsError, limited, named_failures
from pareto_search.cluster.session import n_slots
from pareto_search.config import ClusterSettings
from pareto_search.errors import WriteError

logger = logging.getLogger(__name__)

Shared = TypeVar("Shared")
Job = TypeVar("Job")
Key = TypeVar("Key")
Result = TypeVar("Result")

#: Work is started again this often if its worker process dies; work that raises is not.
_MAX_RETRIES = 2


class Tasks(Generic[Key, Result]):
    """Calls of one function in workers, under way.

    Args:
        function: Called with what all calls share and what is a call's own.
        cluster: The limits on time and memory.
        notes: Folder on storage that all machines share.
        n_cpus: CPUs that a task holds.
        n_gpus: GPUs that a task holds.

    Attributes:
        shared_ref: What all calls share, in the object store; set before the first `start`.
    """

    def __init__(
        self, function: Callable[..., Result], cluster: ClusterSettings, notes: Path, n_cpus: float, n_gpus: float
    ) -> None:
        self.shared_ref: ray.ObjectRef[object] | None = None
        self._function, self._cluster, self._notes = function, cluster, notes
        self._holds = {"num_cpus": n_cpus, "num_gpus": n_gpus}
        self._running: dict[ray.ObjectRef[Result], tuple[Key, float]] = {}

    def __len__(self) -> int:
        return len(self._running)

    def start(self, key: Key, argument: object, name: str) -> None:
        """Begin a call.

        Args:
            key: What `collect` knows it by.
            argument: What is its own.
            name: Of the task, in the dashboard.
        """
        assert self.shared_ref is not None, "it is set before the first start"
        task = _call.options(name=name, max_retries=_MAX_RETRIES, retry_exceptions=False, **self._holds)
        note = self._notes / f"{name}-hung.txt"
        reference: Any = task.remote(self._function, self.shared_ref, argument, self._cluster, note)
        self._running[reference] = key, time.perf_counter()

    def wait(self, timeout_s: float | None = None) -> None:
        """Wait until one has ended, at most so long."""
        if self._running:
            ray.wait(list(self._running), timeout=timeout_s)

    def collect(self) -> list[tuple[Key, Result | None, str | None, float]]:
        """Those that have ended: key, result or None, the reason if there is none, and seconds since `start`.

        Raises:
            WriteError: If what made one fail would make all others fail too, such as a full disk.
        """
        if not self._running:
            return []
        ready, _ = ray.wait(list(self._running), num_returns=len(self._running), timeout=0)
        ended = []
        for reference in ready:
            key, begun_s = self._running.pop(reference)
            ended.append((key, *_outcome_of(reference), time.perf_counter() - begun_s))
        return ended

    def cancel(self) -> None:
        """Stop what is under way."""
        for reference in self._running:
            ray.cancel(reference, force=True)
        self._running.clear()


@ray.remote
def _call(job: Callable[..., object], shared: object, argument: object, cluster: ClusterSettings, note: Path) -> object:
    with named_failures(cluster), limited(cluster, note):
        return job(shared, argument)


def _outcome_of(reference: ray.ObjectRef[Result]) -> tuple[Result | None, str | None]:
    try:
        return ray.get(reference), None
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, AllWorkFailsError):
            raise WriteError(str(error.cause)) from error
        return None, str(error.cause)
    except ray.exceptions.RayError as error:
        return None, f"its worker process died ({type(error).__name__})"


def run_jobs(
    *,
    cluster: ClusterSettings,
    shared: Shared,
    jobs: list[Job],
    job: Callable[[Shared, Job], Result],
    name: Callable[[Job], str],
    notes: Path,
    on_result: Callable[[Job, Result | None, str | None], None],
) -> None:
    """Run jobs on the Ray cluster, as many at once as it holds, in the order given; Ray is running.

    Args:
        cluster: What a job needs.
        shared: What every job reads; put into Ray's object store once.
        jobs: The jobs.
        job: Called in a worker with `shared` and the job.
        name: Name of a job in the dashboard and the log.
        notes: Folder on storage that all machines share.
        on_result: Called here as jobs end, with the job, its result or None, and the reason if it failed.

    Raises:
        WriteError: If a job failed for what would befall the others too, such as a full disk.
        KeyboardInterrupt: On Ctrl-C, after the running jobs were cancelled; so for anything on_result raises.
    """
    tasks = Tasks[Job, Result](job, cluster, notes, cluster.cpus_per_trial, cluster.gpus_per_trial)
    tasks.shared_ref = ray.put(shared)
    waiting, limit = deque(jobs), n_slots(cluster)
    try:
        while waiting or len(tasks):
            while waiting and len(tasks) < limit:
                following = waiting.popleft()
                tasks.start(following, following, name(following))
                logger.debug("job %s: started", name(following))
            tasks.wait()
            for finished, result, reason, _ in tasks.collect():
                if reason is not None:
                    logger.info("job %s: failed, %s", name(finished), reason)
                on_result(finished, result, reason)
    finally:
        tasks.cancel()
