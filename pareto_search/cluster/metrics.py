"""The run as Ray metrics, which Prometheus reads as `ray_pareto_search_…` and Grafana draws.

They are sums over the run: a label for each trial would make as many time series as there are trials.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import numpy as np
from ray.util import metrics

from pareto_search.analysis.front import RunningFront, volume_unit
from pareto_search.objectives import Objective
from pareto_search.records import Event, ModelRecord

_Metric = TypeVar("_Metric", metrics.Gauge, metrics.Counter)
#: What a trial may be doing; how it may have ended.
OPEN_STATES = ("measuring", "ready", "training", "paused")
END_STATES = ("complete", "pruned", "infeasible", "failed")
_STATE_AFTER = {"trial_began": "measuring", "costs_known": "ready", "training": "training", "paused": "paused"}
#: Seconds after which gauges are repeated: Ray forgets those that are not within two of its reports.
_REPEAT_S = 1.0
#: Phrases of reasons and the few kinds of failure that they stand for.
_FAILURES = {
    "worker process died": "worker_lost",
    "out of memory": "out_of_memory",
    "took longer than": "hung",
    "non-finite": "diverged",
    "costs could not be measured": "costs",
}


def failure_kind(reason: str | None) -> str:
    """One of a few words for the reason of a failure."""
    return next((kind for phrase, kind in _FAILURES.items() if phrase in (reason or "")), "other")


class RunMetrics:
    """A listener of the journal that keeps the run's metrics; Ray is running.

    Args:
        study: Name of the study, the label of every metric.
        max_epochs: That a student of the search is trained for at most.
        dataset_bytes: Of the frames and neighbours in the object store.
        objectives: What it optimises.
        reference: Reference point of the hypervolume; None: beyond the worst student so far.
        record_of: Record of a network that has ended.
    """

    def __init__(
        self,
        study: str,
        max_epochs: int,
        dataset_bytes: int,
        objectives: Sequence[Objective],
        reference: Sequence[float] | None,
        record_of: Callable[[str], ModelRecord | None],
    ) -> None:
        self._max_epochs = max_epochs
        self._objectives = tuple(objectives)
        self._record_of = record_of
        self._states: dict[int, str] = {}
        self._counts: Counter[str] = Counter()
        self._epochs: dict[int, int] = {}
        self._networks: set[str] = set()
        self._front = RunningFront(objectives, reference)
        self._best: dict[str, float] = {}
        self._shown: dict[tuple[metrics.Gauge, str | None], float] = {}
        self._showing = threading.Lock()

        def made(kind: type[_Metric], name: str, description: str, *labels: str) -> _Metric:
            metric = kind(f"pareto_search_{name}", description, ("study", *labels))
            metric.set_default_tags({"study": study})
            return metric

        gauge, counter = partial(made, metrics.Gauge), partial(made, metrics.Counter)
        self._trials = gauge("trials", "Trials of the search by state", "state")
        self._measuring_queue = gauge("measuring_queue", "Trials that wait for their costs")
        unit = volume_unit(objectives)
        self._hypervolume = gauge(f"hypervolume_decades{len(objectives)}", f"Of the search's students, {unit}")
        self._bests = {
            objective.column: gauge(f"best_{objective.claim_column}", f"Best validation {objective.noun} of students")
            for objective in objectives
            if objective.is_learned
        }
        self._networks_trained = counter("networks_trained", "Networks that have ended", "stage", "status")
        self._epochs_trained = counter("epochs_trained", "Epochs trained")
        self._epochs_saved = counter("epochs_saved", "Epochs that pruned trials were not trained for, at most")
        self._costs_known = counter("costs_known", "Costs of trials: measured, or known before", "source")
        self._failures = counter("failures", "Networks and trials that failed or diverged", "reason")
        self._show(gauge("dataset_bytes", "Frames and neighbours in the object store"), dataset_bytes)
        self._show(self._measuring_queue, 0)
        for state in (*OPEN_STATES, *END_STATES):
            self._show(self._trials, 0, state)

    def __call__(self, event: Event) -> None:
        """Take note of an event."""
        if event.kind in _STATE_AFTER and event.trial_id is not None:
            self._set_state(event.trial_id, _STATE_AFTER[event.kind])
        if event.kind == "costs_known":
            self._costs_known.inc(1, {"source": "known" if event.seconds is None else "measured"})
        elif event.kind == "epoch" and event.trial_id is not None:
            self._count_epochs(event.trial_id, event.epoch or 0)
        elif event.kind == "network_ended":
            self._network_ended(event)
        elif event.kind == "trial_ended" and event.trial_id is not None:
            self._trial_ended(event, event.trial_id)

    def _set_state(self, trial: int, state: str) -> None:
        old = self._states.get(trial)
        self._states[trial] = state
        self._counts[state] += 1
        self._show(self._trials, self._counts[state], state)
        if old is not None:
            self._counts[old] -= 1
            self._show(self._trials, self._counts[old], old)
        self._show(self._measuring_queue, self._counts["measuring"])

    def _count_epochs(self, trial: int, epoch: int) -> None:
        """Add what a student was trained for since its last report."""
        if epoch > self._epochs.get(trial, 0):
            self._epochs_trained.inc(epoch - self._epochs.get(trial, 0))
            self._epochs[trial] = epoch

    def _trial_ended(self, event: Event, trial: int) -> None:
        self._set_state(trial, event.status or "failed")
        if event.status == "pruned" and event.epoch and event.epoch < self._max_epochs:
            self._epochs_saved.inc(self._max_epochs - event.epoch)
        if event.status == "failed":
            self._failures.inc(1, {"reason": failure_kind(event.text)})

    def _network_ended(self, event: Event) -> None:
        """Count a network, once; two trials may share a control."""
        if event.model_id is None or event.model_id in self._networks:
            return
        self._networks.add(event.model_id)
        self._networks_trained.inc(1, {"stage": str(event.stage), "status": str(event.status)})
        record = self._record_of(event.model_id)
        is_student = record is not None and record.role == "student" and event.trial_id is not None
        if is_student and event.trial_id is not None:
            self._count_epochs(event.trial_id, event.epoch or 0)
        elif event.epoch:
            self._epochs_trained.inc(event.epoch)
        if event.trial_id is None and event.status in ("failed", "diverged"):
            self._failures.inc(1, {"reason": failure_kind(event.text)})
        if is_student and record is not None and record.status == "complete":
            self._add_to_front(record)

    def _add_to_front(self, record: ModelRecord) -> None:
        found = [getattr(record, objective.column) for objective in self._objectives]
        values = [float("nan") if value is None else float(value) for value in found]
        if not np.isfinite(values).all():
            return
        self._front.add(values)
        self._show(self._hypervolume, self._front.volume)
        for objective, value in zip(self._objectives, values, strict=True):
            if objective.is_learned:
                better = min if objective.direction == "minimize" else max
                best = self._best[objective.column] = better(value, self._best.get(objective.column, value))
                self._show(self._bests[objective.column], best)

    def _show(self, gauge: metrics.Gauge, value: float, state: str | None = None) -> None:
        with self._showing:  # else a value that is being repeated may take the place of a new one
            self._shown[gauge, state] = value
            _set(gauge, value, state)

    @contextmanager
    def kept_up(self) -> Iterator[None]:
        """Repeat the gauges as long as this is entered."""
        is_over = threading.Event()

        def repeat() -> None:
            while not is_over.wait(_REPEAT_S):
                with self._showing:
                    for (gauge, state), value in self._shown.items():
                        _set(gauge, value, state)

        thread = threading.Thread(target=repeat, name="metrics", daemon=True)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()


def _set(gauge: metrics.Gauge, value: float, state: str | None) -> None:
    gauge.set(value, {} if state is None else {"state": state})
