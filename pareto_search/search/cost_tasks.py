"""Costs before training: each proposal's architecture is measured by a Ray task of its own.

On a GPU the task asks for a whole one, so that no trial holds memory or time of it. On a CPU it asks for nothing, since
all CPUs may be held by trials, and takes the device gate: trials wait at the end of their epoch while it measures.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import ray

from pareto_search.config import ClusterSettings
from pareto_search.search.cluster import outcome_of, run_as_job
from pareto_search.search.limits import run_limited
from pareto_search.search.results import Costs

#: What measures: called in a worker with what all trials share and a trial's parameters.
MeasureCosts = Callable[[Any, dict[str, Any]], Costs]

_MAX_RETRIES = 2


class CostTasks:
    """Cost measurements under way.

    Args:
        measure: Takes one.
        cluster: Says whether trials train on GPUs, and what a measurement may take.
        notes: Folder on storage that all machines share.

    Attributes:
        shared_ref: What every trial reads, in the object store; set before the first `start`.
    """

    def __init__(self, measure: MeasureCosts, cluster: ClusterSettings, notes: Path) -> None:
        self.shared_ref: ray.ObjectRef | None = None
        self._measure = measure
        self._cluster = cluster
        self._notes = notes
        self._running: dict[ray.ObjectRef, int] = {}
        self._needs = {"num_gpus": 1, "num_cpus": cluster.cpus_per_trial} if cluster.gpus_per_trial else {"num_cpus": 0}

    def __len__(self) -> int:
        return len(self._running)

    def start(self, number: int, params: dict[str, Any], name: str) -> None:
        """Begin to measure for a trial."""
        task = ray.remote(**self._needs, max_retries=_MAX_RETRIES, retry_exceptions=False)(run_as_job)
        job = partial(run_limited, self._measure, self._cluster, self._notes / f"{name}-hung.txt")
        self._running[task.options(name=name).remote(job, self.shared_ref, params)] = number

    def collect(self) -> list[tuple[int, Costs | None, str | None]]:
        """Those that have ended: trial number, costs or None, and the reason if there are none."""
        if not self._running:
            return []
        ready, _ = ray.wait(list(self._running), num_returns=len(self._running), timeout=0)
        return [(self._running.pop(reference), *outcome_of(reference)) for reference in ready]

    def cancel(self) -> None:
        """Stop what is under way."""
        for reference in self._running:
            ray.cancel(reference, force=True)
        self._running.clear()
