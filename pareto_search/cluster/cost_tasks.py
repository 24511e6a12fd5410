"""Costs before training: each proposal's architecture is measured by a Ray task of its own.

On a GPU the task takes a whole one, so that no trial holds memory or time of it. On a CPU it takes nothing, since
all CPUs may be held by trials, and takes the device gate: trials wait at the end of their epoch while it measures.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ray

from pareto_search.cluster.jobs import outcome_of, start_work
from pareto_search.config import ClusterSettings
from pareto_search.search.messages import Costs

#: What measures: called in a worker with what all trials share and a trial's parameters.
MeasureCosts = Callable[[Any, dict[str, object]], Costs]


class CostTasks:
    """Cost measurements under way.

    Args:
        measure: Takes one.
        cluster: Whether trials train on GPUs, and what a measurement may take.
        notes: Folder on storage that all machines share.

    Attributes:
        shared_ref: What every trial reads, in the object store; set before the first `start`.
    """

    def __init__(self, measure: MeasureCosts, cluster: ClusterSettings, notes: Path) -> None:
        self.shared_ref: ray.ObjectRef[Any] | None = None
        self._measure = measure
        self._cluster = cluster
        self._notes = notes
        self._running: dict[ray.ObjectRef[Costs], tuple[int, float]] = {}

    def __len__(self) -> int:
        return len(self._running)

    def start(self, number: int, params: dict[str, object], name: str) -> None:
        """Begin to measure for a trial.

        Args:
            number: Of the trial.
            params: Its parameters.
            name: Of the task, in the dashboard.
        """
        assert self.shared_ref is not None, "it is set before the first start"
        on_gpu = self._cluster.gpus_per_trial > 0
        reference = start_work(
            self._measure,
            self.shared_ref,
            params,
            name=name,
            cluster=self._cluster,
            notes=self._notes,
            n_cpus=self._cluster.cpus_per_trial if on_gpu else 0,
            n_gpus=1 if on_gpu else 0,
        )
        self._running[reference] = number, time.perf_counter()

    def wait(self, timeout_s: float) -> None:
        """Wait until one has ended, at most so long."""
        if self._running:
            ray.wait(list(self._running), timeout=timeout_s)

    def collect(self) -> list[tuple[int, Costs | None, str | None, float]]:
        """Those that have ended: trial number, costs or None, the reason if there are none, and seconds since `start`.

        Raises:
            WriteError: If one failed for what would befall the others too, such as a full disk.
        """
        if not self._running:
            return []
        ready, _ = ray.wait(list(self._running), num_returns=len(self._running), timeout=0)
        ended = []
        for reference in ready:
            number, begun_s = self._running.pop(reference)
            ended.append((number, *outcome_of(reference), time.perf_counter() - begun_s))
        return ended

    def cancel(self) -> None:
        """Stop what is under way."""
        for reference in self._running:
            ray.cancel(reference, force=True)
        self._running.clear()
