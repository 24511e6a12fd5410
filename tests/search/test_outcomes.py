"""What the driver stores and notes when a network has ended; whole studies are in tests/test_search_stages.py."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pareto_search.journal import Journal
from pareto_search.records import Event, ModelRecord
from pareto_search.search.outcomes import Outcomes
from pareto_search.store import ResultStore

STUDENT = ModelRecord(
    model_id="student-1", trial_id=None, stage="confirm", role="student", control_kind=None, seed=1, family="hipnn",
    label="8/8/1", hyperparameters={}, dist_hard_max_ang=5.0, n_weights=500,
    weight_energy=1.0, weight_forces=30.0, weight_atomic_energy=0.0, status="complete", n_epochs=9, train_s=3.0,
    test_force_rmse_ev_per_ang=0.1,
)  # fmt: skip


def job_of(model_id: str) -> Any:
    return SimpleNamespace(stage="confirm", model_id=lambda data: model_id)


def test_the_end_of_a_network_costs_the_same_however_many_folders_there_are(tmp_path: Path) -> None:
    for name in ("student-1", "student-2"):
        (tmp_path / name).mkdir()
        record = replace(STUDENT, model_id=name).to_plain()
        (tmp_path / name / "model.json").write_text(json.dumps({"record": record}))
    events: list[Event] = []
    shared: Any = SimpleNamespace(directory=SimpleNamespace(models_dir=tmp_path), data=None)
    with ResultStore(tmp_path / "r.sqlite") as store:
        outcomes = Outcomes(shared, store, Journal([events.append]))
        outcomes.network_ended(job_of("student-1"), STUDENT, None)
        assert store.get("student-1") == STUDENT
        assert store.count == 1  # no other folder was read
        outcomes.network_ended(job_of("student-3"), None, "its worker process died")
    told = [(event.model_id, event.status, event.epoch, event.seconds, event.text) for event in events]
    assert told == [
        ("student-1", "complete", 9, 3.0, None),
        ("student-3", "failed", None, None, "its worker process died"),
    ]
