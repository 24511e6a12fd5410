"""Running independent jobs as Ray tasks: no search, every job's result is wanted."""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import ray

from pareto_search.cluster.remote import outcome_of, start_work
from pareto_search.cluster.session import n_slots
from pareto_search.config import ClusterSettings

logger = logging.getLogger(__name__)

Shared = TypeVar("Shared")
Job = TypeVar("Job")
Result = TypeVar("Result")


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
