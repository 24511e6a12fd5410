"""Figures 8 to 10 and the attainment bands of figure 2, as data."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pareto_search.analysis.history import ended_trials, search_reference
from pareto_search.objectives import objectives_named
from pareto_search.records import EVENT_COLUMNS, Event
from pareto_search.report.figures.accuracy import SEARCH_NAME, accuracy_figure
from pareto_search.report.figures.history import history_caption, history_figure, is_searched
from pareto_search.report.figures.importance import has_importances, importance_caption, importance_figure
from pareto_search.report.figures.parallel import FIGURES, parallel_figure, searched_students
from pareto_search.report.figures.quantities import FORCE, STEP_TIME
from pareto_search.report.figures.worker_time import time_figure, work_caption
from pareto_search.report.tables import ReportedStudy, ReportInput, make_tables
from tests.report import synthetic

OBJECTIVES = objectives_named()


def journal(models: pd.DataFrame) -> pd.DataFrame:
    """A search whose trials end in the reverse of their order, a minute apart, with a night between two of them."""
    numbers = sorted(models.loc[(models["stage"] == "search") & models["trial_id"].notna(), "trial_id"].unique())
    events = [Event("stage_began", at_s=0.0, stage="search")]
    for at, trial in enumerate(reversed(numbers)):
        events.append(Event("training", at_s=60.0 * at, trial_id=int(trial)))
        events.append(Event("trial_ended", at_s=60.0 * (at + 1), trial_id=int(trial), status="complete"))
    late = 100_000.0
    events.append(Event("stage_began", at_s=late, stage="confirmation", n_planned=1))
    events.append(Event("network_ended", at_s=late + 50, stage="confirm", model_id="x", seconds=50.0))
    events.append(Event("stage_ended", at_s=late + 50, stage="confirmation"))
    return pd.DataFrame([event.__dict__ for event in events], columns=list(EVENT_COLUMNS))


@pytest.fixture(scope="module")
def data() -> ReportInput:
    plain = synthetic.report_input(factors={"paper": 1.0}, noise=0.01, n_search=40)
    return replace(plain, events=journal(plain.models))


def test_trials_come_in_the_order_in_which_they_ended(data: ReportInput) -> None:
    trials = ended_trials(data.models, data.events, OBJECTIVES)
    assert list(trials.index) == sorted(trials.index, reverse=True)
    assert list(trials["ended_s"]) == [60.0 * (n + 1) for n in range(len(trials))]
    without = ended_trials(data.models, data.events.iloc[:0], OBJECTIVES)
    assert set(without.index) == set(trials.index)
    assert "ended_s" not in without


def test_a_search_that_only_listed_what_to_confirm_is_not_drawn(data: ReportInput) -> None:
    confirm = data.config.confirm.model_copy(update={"select": "all"})
    listed = make_tables(replace(data, config=data.config.model_copy(update={"confirm": confirm})))
    for tables, is_drawn in ((make_tables(data), True), (listed, False)):
        names = [trace.name for trace in accuracy_figure(tables, STEP_TIME, FORCE).data]
        assert (SEARCH_NAME in names) is is_drawn
        assert is_searched(tables) is has_importances(tables) is is_drawn
        assert (len(searched_students(tables)) > 0) is is_drawn
    assert (listed.models["stage"] == "search").any()  # they are still in the report's table


def test_the_growth_is_drawn_against_trials_epochs_and_time(data: ReportInput) -> None:
    tables = make_tables(data)
    assert search_reference(data.models, OBJECTIVES) is not None
    figure = history_figure(tables)
    trials, epochs, minutes = figure.data
    assert list(trials.x) == list(range(1, len(trials.x) + 1))
    rows = data.models[(data.models["stage"] == "search") & data.models["trial_id"].notna()]
    assert epochs.x[-1] == rows["n_epochs"].sum()
    assert minutes.x[-1] == pytest.approx(len(minutes.x))
    assert figure.layout.xaxis3.title.text == "Minutes"
    assert (np.diff(trials.y) >= 0).all()
    assert trials.y[-1] > 0
    assert "95 % of it after" in history_caption(tables)
    older = make_tables(replace(data, events=data.events.iloc[:0]))
    assert len(history_figure(older).data) == 2
    assert is_searched(older)


def test_trials_that_the_journal_does_not_tell_of_are_there_all_the_same(data: ReportInput) -> None:
    told = ended_trials(data.models, data.events, OBJECTIVES)
    last = data.events["trial_id"].isna() | data.events["trial_id"].isin(told.index[-4:])
    found = ended_trials(data.models, data.events[last], OBJECTIVES)
    assert sorted(found.index) == sorted(told.index)
    assert list(found.index[-4:]) == list(told.index[-4:])
    assert "ended_s" not in found  # the time of most is not known


def test_importance_has_a_row_for_each_setting_and_needs_trials_enough(data: ReportInput) -> None:
    figure = importance_figure(make_tables(data))
    assert len(figure.data) == 3
    assert "Features" in figure.data[1].y
    assert all(len(trace.error_x.array) == len(trace.x) for trace in figure.data)
    assert "lowers" in importance_caption(make_tables(data)) or "raises" in importance_caption(make_tables(data))
    few = synthetic.report_input(factors={"paper": 1.0}, noise=0.01, n_search=5)
    assert has_importances(make_tables(data))
    assert not has_importances(make_tables(few))


def test_time_is_stacked_by_use_and_leaves_the_night_out(data: ReportInput) -> None:
    tables = make_tables(data)
    figure = time_figure(tables)
    used = {trace.name: dict(zip(trace.y, trace.x, strict=True)) for trace in figure.data}
    n = len(ended_trials(data.models, data.events, OBJECTIVES))
    assert used["Training"]["search"] == pytest.approx(n)
    assert used["Training"]["confirmation"] == pytest.approx(50 / 60)
    assert used["Waiting"] == {"search": 0.0, "confirmation": 0.0}
    assert figure.layout.xaxis.title.text == "Worker minutes"
    assert "The search took longest: 100 % training" in work_caption(tables)
    margin = figure.layout.margin
    assert -figure.layout.legend.y * (figure.layout.height - margin.t - margin.b) >= 50  # below the axis title
    assert time_figure(make_tables(replace(data, events=data.events.iloc[:0]))).layout.annotations


def test_bands_lie_between_the_quartiles_of_the_seeds(data: ReportInput) -> None:
    tables = make_tables(data)
    figure = accuracy_figure(tables, STEP_TIME, FORCE, has_fronts=True)
    bands = {trace.name: trace for trace in figure.data if trace.fill == "toself"}
    assert set(bands) == {"Quartiles of the seeds: Students", "Quartiles of the seeds: Controls (paper)"}
    medians = {trace.name: trace for trace in figure.data if (trace.name or "").startswith("Median of the seeds")}
    band, median = bands["Quartiles of the seeds: Students"], medians["Median of the seeds: Students"]
    assert min(band.y) <= min(median.y) <= max(median.y) <= max(band.y)
    students = tables.models[(tables.models["role"] == "student") & (tables.models["stage"] == "confirm")]
    errors = 1e3 * students["test_force_rmse_ev_per_ang"]
    assert errors.min() <= min(band.y) + 1e-9
    assert max(band.x) >= STEP_TIME.values(tables.networks[tables.networks["role"] == "student"]).max()
    assert not any(trace.fill for trace in accuracy_figure(tables, STEP_TIME, FORCE).data)


def test_parallel_axes_are_what_a_further_family_searched(data: ReportInput) -> None:
    own = data.models.drop(columns=["n_features", "n_sensitivities", "n_atom_layers", "n_interaction_layers", "l_max"])
    own = own.assign(family="tests.pair_potential:PairArchitecture", shape="round", spread=0.5)
    searched = (own["stage"] == "search") & (own["role"] == "student")
    own.loc[:, "n_gaussians"] = 8
    own.loc[searched, "n_gaussians"] = np.arange(searched.sum()) % 3 + 4
    own.loc[searched, "learning_rate"] = np.geomspace(1e-4, 1e-2, searched.sum())
    tables = make_tables(replace(data, models=own))
    (trace,) = parallel_figure(tables).data
    first, second, *objectives = trace.dimensions
    assert (first.label, second.label) == ("n_gaussians", "Learning<br>rate")
    names = [dimension.label.split("<br>")[0] for dimension in objectives]
    assert names == ["Force RMSE", "Step time", "Max atoms"]
    assert list(first.values) == list(searched_students(tables)["n_gaussians"])
    assert list(first.tickvals) == [4, 5, 6]
    assert trace.meta["fields"][:2] == [["n_gaussians", 1.0, False], ["learning_rate", 1.0, True]]
    (entry,) = FIGURES
    study = ReportedStudy(data)
    assert "students of the search with error and cost" in entry.caption(study)
