"""The run's metrics as numbers, without Ray's exporter (tests/test_monitoring.py scrapes a real run)."""

import threading
import time
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from ray.util import metrics as ray_metrics

from pareto_search.analysis.history import search_reference
from pareto_search.cluster import metrics
from pareto_search.cluster.metrics import RunMetrics, failure_kind
from pareto_search.journal import Journal
from pareto_search.objectives import objectives_named
from pareto_search.records import Event, ModelRecord

TEACHER = ModelRecord(
    model_id="teacher-1", trial_id=None, stage="teacher", role="teacher", control_kind=None, seed=0, family="hipnn",
    label="8/8/1", hyperparameters={}, dist_hard_max_ang=5.0, n_weights=500,
    weight_energy=1.0, weight_forces=30.0, weight_atomic_energy=0.0, status="complete", n_epochs=9,
    valid_force_rmse_ev_per_ang=0.1, md_us_per_atom_step=10.0, max_atoms=1000,
)  # fmt: skip
STUDENT = replace(TEACHER, model_id="student-1", trial_id=0, stage="search", role="student")
OBJECTIVES = objectives_named()
REFERENCE = search_reference(pd.DataFrame([TEACHER.to_plain()]), OBJECTIVES).values
CONTROL = replace(STUDENT, model_id="paper-1", role="control", control_kind="paper")


class FakeMetric:
    """Remembers values by name and labels; counts or holds the last."""

    values: dict[tuple[Any, ...], float]

    def __init__(self, name: str, description: str, labels: tuple[str, ...]) -> None:
        self.name, self.labels = name, labels
        assert description

    def set_default_tags(self, tags: dict[str, str]) -> "FakeMetric":
        self.tags = tags
        return self

    def key(self, tags: dict[str, str] | None) -> tuple[Any, ...]:
        merged = {**self.tags, **(tags or {})}
        assert tuple(merged) == self.labels
        return (self.name.removeprefix("pareto_search_"), *list(merged.values())[1:])

    def set(self, value: float, tags: dict[str, str] | None = None) -> None:
        self.values[self.key(tags)] = value

    def inc(self, value: float, tags: dict[str, str] | None = None) -> None:
        assert value > 0  # as Ray demands
        self.values[self.key(tags)] = self.values.get(self.key(tags), 0) + value


@pytest.fixture
def values(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[Any, ...], float]:
    kept: dict[tuple[Any, ...], float] = {}
    monkeypatch.setattr(FakeMetric, "values", kept, raising=False)
    monkeypatch.setattr(ray_metrics, "Gauge", FakeMetric)
    monkeypatch.setattr(ray_metrics, "Counter", FakeMetric)
    return kept


def journal_of(*records: ModelRecord) -> Journal:
    by_id = {record.model_id: record for record in records}
    return Journal([RunMetrics("fake", 20, 4096, OBJECTIVES, REFERENCE, by_id.get)])


def states(values: dict[tuple[Any, ...], float]) -> dict[str, float]:
    return {key[1]: value for key, value in values.items() if key[0] == "trials" and value}


def test_trials_are_in_one_state_each(values: dict[tuple[Any, ...], float]) -> None:
    journal = journal_of()
    assert values["dataset_bytes",] == 4096
    for trial in (0, 1, 2):
        journal.note(Event("trial_began", trial_id=trial))
    assert states(values) == {"measuring": 3}
    assert values["measuring_queue",] == 3
    journal.note(Event("costs_known", trial_id=0, seconds=2.0))
    journal.note(Event("costs_known", trial_id=1))
    journal.note(Event("training", trial_id=0, epoch=0))
    journal.note(Event("paused", trial_id=0, epoch=5))
    journal.note(Event("trial_ended", trial_id=1, status="infeasible"))
    assert states(values) == {"measuring": 1, "paused": 1, "infeasible": 1}
    assert values["measuring_queue",] == 1
    assert values["costs_known", "measured"] == values["costs_known", "known"] == 1
    journal.note(Event("trial_ended", trial_id=0, status="pruned", epoch=5))
    assert states(values) == {"measuring": 1, "pruned": 1, "infeasible": 1}
    assert values["epochs_saved",] == 15


def test_epochs_count_once_whoever_reports_them(values: dict[tuple[Any, ...], float]) -> None:
    journal = journal_of(STUDENT, CONTROL)
    for epoch in (5, 10, 10):
        journal.note(Event("epoch", trial_id=0, epoch=epoch))
    assert values["epochs_trained",] == 10
    journal.note(Event("network_ended", trial_id=0, model_id="student-1", stage="search", status="complete", epoch=12))
    journal.note(Event("network_ended", trial_id=0, model_id="paper-1", stage="search", status="complete", epoch=7))
    assert values["epochs_trained",] == 19
    journal.note(Event("network_ended", trial_id=1, model_id="paper-1", stage="search", status="complete", epoch=7))
    assert values["epochs_trained",] == 19  # a control that two trials share
    assert values["networks_trained", "search", "complete"] == 2


def test_the_front_grows_with_complete_students(values: dict[tuple[Any, ...], float]) -> None:
    better = replace(STUDENT, model_id="student-2", valid_force_rmse_ev_per_ang=0.05)
    control = replace(CONTROL, valid_force_rmse_ev_per_ang=0.001)
    journal = journal_of(STUDENT, better, control)

    def end(model_id: str, status: str = "complete") -> None:
        journal.note(Event("network_ended", trial_id=0, model_id=model_id, stage="search", status=status, epoch=12))

    end("student-1")
    volume = values["hypervolume_decades3",]
    assert volume == pytest.approx(0.60206 * 0.30103**2, rel=1e-4)  # factors 4, 2 and ½ from the teacher's values
    assert values["best_force_rmse_ev_per_ang",] == 0.1
    end("paper-1")
    assert values["hypervolume_decades3",] == volume
    end("student-2")
    assert values["hypervolume_decades3",] == pytest.approx(0.90309 * 0.30103**2, rel=1e-4)
    assert values["best_force_rmse_ev_per_ang",] == 0.05


def test_a_value_that_is_repeated_never_takes_the_place_of_a_new_one(
    values: dict[tuple[Any, ...], float], monkeypatch: pytest.MonkeyPatch
) -> None:
    is_repeating = threading.Event()

    class SlowMetric(FakeMetric):
        def set(self, value: float, tags: dict[str, str] | None = None) -> None:
            if threading.current_thread() is not threading.main_thread() and "queue" in self.name:
                is_repeating.set()
                time.sleep(0.2)  # the driver notes something meanwhile
            super().set(value, tags)

    monkeypatch.setattr(ray_metrics, "Gauge", SlowMetric)
    monkeypatch.setattr(metrics, "_REPEAT_S", 0.01)
    run_metrics = RunMetrics("fake", 20, 4096, OBJECTIVES, REFERENCE, lambda model_id: None)
    with run_metrics.kept_up():
        assert is_repeating.wait(30)
        Journal([run_metrics]).note(Event("trial_began", trial_id=0))
    assert values["measuring_queue",] == 1


def test_failures_are_counted_by_few_reasons(values: dict[tuple[Any, ...], float]) -> None:
    journal = journal_of()
    reasons = {
        "out of memory: OutOfMemoryError: CUDA": "out_of_memory",
        "it took longer than cluster.max_hours_per_trial = 1 h and was ended at File x": "hung",
        "its worker process died (out of memory, killed, or its machine lost)": "worker_lost",
        "ValueError: 17 is not 4": "other",
        None: "other",
    }
    for trial, (reason, kind) in enumerate(reasons.items()):
        assert failure_kind(reason) == kind
        journal.note(Event("trial_ended", trial_id=trial, status="failed", text=reason))
    assert values["failures", "other"] == 2
    journal.note(
        Event("network_ended", model_id="x", stage="confirm", status="diverged", text="the loss became non-finite")
    )
    assert values["failures", "diverged"] == 1
