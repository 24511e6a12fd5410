"""Budget, history, metrics, live page and comparison say the same of the same students."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pareto_search.analysis.history import ended_trials, hypervolume_history, search_reference
from pareto_search.analysis.networks import clean_models
from pareto_search.analysis.study_summary import summarize_study
from pareto_search.cluster.metrics import RunMetrics
from pareto_search.config import SearchSettings
from pareto_search.journal import Journal
from pareto_search.objectives import objectives_named
from pareto_search.records import EVENT_COLUMNS, Event, ModelRecord
from pareto_search.report.live.study_figures import volume_figure
from pareto_search.search.budget import Budget
from tests.cluster.fake_study import SPACE
from tests.cluster.test_metrics import values  # noqa: F401 - a fixture
from tests.report import synthetic

CHOICES = [
    ("valid_force_rmse_ev_per_ang", "md_us_per_atom_step", "max_atoms"),
    ("valid_force_rmse_ev_per_ang", "md_us_per_atom_step"),
    ("valid_energy_rmse_ev_per_atom", "bytes_per_atom", "valid_force_rmse_ev_per_ang", "max_atoms"),
]


def of_budget(students: pd.DataFrame, names: tuple[str, ...], reference: tuple[float, ...]) -> float:
    budget = Budget(SearchSettings(space=SPACE, objectives=names), reference=reference)
    for point in students[list(names)].to_numpy(dtype=float):
        budget.trial_ended(tuple(point))
    return budget.front.volume


def of_metrics(models: pd.DataFrame, names: tuple[str, ...], reference: tuple[float, ...], kept: Any) -> float:
    rows = models.astype(object).where(models.notna(), None)
    records = {
        row["model_id"]: ModelRecord.from_plain({str(name): value for name, value in row.items()})
        for row in rows.to_dict("records")
    }
    journal = Journal([RunMetrics("fake", 20, 4096, objectives_named(names), reference, records.get)])
    for number, record in enumerate(records.values()):
        if record.role != "teacher":
            journal.note(Event("network_ended", trial_id=number, model_id=record.model_id, stage="search", epoch=1,
                         status=record.status))  # fmt: skip
    return kept[f"hypervolume_decades{len(names)}",]


@pytest.mark.parametrize("names", CHOICES)
@pytest.mark.parametrize("teacher_error", [0.036, None])
def test_all_agree(names: tuple[str, ...], teacher_error: float | None, values: dict[Any, float]) -> None:  # noqa: F811
    objectives = objectives_named(names)
    models = clean_models(synthetic.models(n_search=30, ladder=(), teacher_error=teacher_error))
    models = models[models["status"] == "complete"].reset_index(drop=True)
    reference = search_reference(models, objectives)
    assert reference is not None
    assert reference.origin == ("teacher" if teacher_error else "networks")
    trials = ended_trials(models, pd.DataFrame(columns=list(EVENT_COLUMNS)), objectives)
    volume = hypervolume_history(trials, objectives, reference.values).hypervolume[-1]
    assert volume > 0
    students = models[models["role"] == "student"]
    assert of_budget(students, names, reference.values) == pytest.approx(volume)
    assert of_metrics(models, names, reference.values, values) == pytest.approx(volume)
    drawn = volume_figure(models, np.full(len(models), np.nan), objectives)
    assert next(trace for trace in drawn.data if trace.name == "Students").y[-1] == pytest.approx(volume)
    summary = summarize_study(models, objectives=objectives)
    assert summary.basis.stage == "search"
    assert summary.reference == replace(reference)
    assert summary.headline is not None
    assert summary.headline.hypervolume.student == pytest.approx(volume)
