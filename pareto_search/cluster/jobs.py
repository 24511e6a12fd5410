"""Work as Ray tasks: named, held to limits, tried again where its process or machine was lost, and how it ended."""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar, cast

import ray

from pareto_search.cluster.limits import AllWorkFailsError, limited, named_failures
from pareto_search.cluster.session import n_slots
from pareto_search.config import ClusterSettings
from pareto_search.errors import WriteError

logger = logging.getLogger(__name__)

Shared = TypeVar("Shared")
Job = TypeVar("Job")
Result = TypeVar("Result")

#: Work is started again this often if its worker process dies; work that raises is not.
_MAX_RETRIES = 2


def start_work(
    job: Callable[[Shared, Job], Result],
    shared_ref: ray.ObjectRef[Shared],
    argument: Job,
    *,
    name: str,
    cluster: ClusterSettings,
    notes: Path,
    n_cpus: float,
    n_gpus: float,
) -> ray.ObjectRef[Result]:
    """Begin to call a job in a worker with what it shares with others and its argument.

    Args:
        job: The job.
        shared_ref: What it shares, in the object store.
        argument: What is its own.
        name: Of the task, in the dashboard.
        cluster: The limits on time and memory.
        notes: Folder on storage that all machines share.
        n_cpus: CPUs that the task holds.
        n_gpus: GPUs that the task holds.
    """
    task = _call.options(name=name, num_cpus=n_cpus, num_gpus=n_gpus, max_retries=_MAX_RETRIES, retry_exceptions=False)
    reference = task.remote(job, shared_ref, argument, cluster, notes / f"{name}-hung.txt")
    return cast("ray.ObjectRef[Result]", reference)


def outcome_of(reference: ray.ObjectRef[Result]) -> tuple[Result | None, str | None]:
    """Result of work that has ended, or None and the reason.

    Raises:
        WriteError: If what made it fail would make all other work fail too.
    """
    try:
        return ray.get(reference), None
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, AllWorkFailsError):
            raise WriteError(str(error.cause)) from error
        return None, str(error.cause)
    except ray.exceptions.RayError as error:
        return None, f"its worker process died ({type(error).__name__})"


@ray.remote
def _call(job: Callable[..., object], shared: object, argument: object, cluster: ClusterSettings, note: Path) -> object:
    with named_failures(cluster), limited(cluster, note):
        return job(shared, argument)


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
    start = partial(
        start_work, job, ray.put(shared), cluster=cluster, notes=notes,
        n_cpus=cluster.cpus_per_trial, n_gpus=cluster.gpus_per_trial,
    )  # fmt: skip
    waiting = list(reversed(jobs))
    limit = n_slots(cluster)
    running: dict[ray.ObjectRef[Result], Job] = {}
    try:
        while waiting or running:
            while waiting and len(running) < limit:
                following = waiting.pop()
                running[start(following, name=name(following))] = following
                logger.debug("job %s: started", name(following))
            ready, _ = ray.wait(list(running), num_returns=1)
            finished = running.pop(ready[0])
            result, reason = outcome_of(ready[0])
            if reason is not None:
                logger.info("job %s: failed, %s", name(finished), reason)
            on_result(finished, result, reason)
    finally:
        for reference in running:
            ray.cancel(reference, force=True)
