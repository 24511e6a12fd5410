"""Work as a Ray task: named, held to limits, tried again where its process or machine was lost, and how it ended."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import ray

from pareto_search.cluster.limits import AllWorkFailsError, limited, named_failures
from pareto_search.config import ClusterSettings
from pareto_search.errors import WriteError

_Shared = TypeVar("_Shared")
_Argument = TypeVar("_Argument")
_Result = TypeVar("_Result")

#: Work is started again this often if its worker process dies; work that raises is not.
_MAX_RETRIES = 2


def start_work(
    job: Callable[[_Shared, _Argument], _Result],
    shared_ref: ray.ObjectRef[_Shared],
    argument: _Argument,
    *,
    name: str,
    cluster: ClusterSettings,
    notes: Path,
    n_cpus: float,
    n_gpus: float,
) -> ray.ObjectRef[_Result]:
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
    return cast("ray.ObjectRef[_Result]", reference)


def outcome_of(reference: ray.ObjectRef[_Result]) -> tuple[_Result | None, str | None]:
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
