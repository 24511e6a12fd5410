"""Neighbours as an objective: known before training, it decides what is proposed and confirmed, and is drawn."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pareto_search.analysis.history import search_reference
from pareto_search.analysis.study_summary import summarize_study
from pareto_search.config import (
    Choice,
    ConfirmSettings,
    PruningSettings,
    Range,
    SearchSettings,
    SpaceSettings,
    TrainingSettings,
)
from pareto_search.networks.training import cost_columns
from pareto_search.objectives import OBJECTIVES, objectives_named
from pareto_search.records import MODEL_COLUMNS
from pareto_search.report.figures.entry import shown_figures
from pareto_search.report.figures.parallel import parallel_figure
from pareto_search.report.tables import ReportInput, make_tables
from pareto_search.search.confirmation import select_students
from pareto_search.search.proposing import SeenTrial, propose
from pareto_search.search.run_trial import costs_of
from pareto_search.search.rungs import ParetoRungs
from replay import CurveTable, Replay
from tests.report import synthetic

NAMES = ("valid_force_rmse_ev_per_ang", "md_us_per_atom_step", "n_neighbors_mean")
SPACE = SpaceSettings(
    n_features=Choice(choices=(8, 12, 16, 24, 32)), n_sensitivities=Choice(choices=(8, 16, 24)), n_atom_layers=1,
    weight_forces=30, weight_atomic_energy=10,
)  # fmt: skip
N_EPOCHS = 9


@pytest.fixture
def data() -> ReportInput:
    """A study in which all that is searched differs in neighbours alone, the teacher's being 200."""
    plain = synthetic.report_input(n_search=30)
    search = plain.config.search.model_copy(update={"objectives": NAMES, "space": SPACE})
    models = plain.models.assign(n_neighbors_mean=np.linspace(50, 150, len(plain.models)))
    models.loc[models["role"] == "teacher", "n_neighbors_mean"] = 200.0
    models.loc[models["stage"] == "search", list(NAMES[:2])] = 0.05, 7.0
    return replace(plain, models=models, config=plain.config.model_copy(update={"search": search}))


def test_it_is_a_cost_that_trials_and_networks_keep():
    cost = synthetic.cost((12, 8, 1))
    assert costs_of(cost).values["n_neighbors_mean"] == cost.md.n_neighbors_mean == 106.2
    assert cost_columns(cost)["n_neighbors_mean"] == 106.2
    assert "n_neighbors_mean" in MODEL_COLUMNS
    assert not OBJECTIVES["n_neighbors_mean"].is_learned


@pytest.mark.parametrize("seed", range(4))
def test_pruning_goes_by_it(seed):
    """Of networks that are equal otherwise, those that were put off are taken up by rising numbers of neighbours."""
    points = [{"n_features": f, "n_sensitivities": s} for f in (8, 12, 16, 24, 32) for s in (8, 16, 24)]
    ones, neighbors = np.ones(15), np.random.default_rng(0).permutation(np.geomspace(20, 400, 15))
    costs = {"md_us_per_atom_step": ones, "max_atoms": ones, "bytes_per_atom": ones, "n_neighbors_mean": neighbors}
    table = CurveTable(points, {NAMES[0]: np.ones((15, N_EPOCHS))}, {NAMES[0]: ones}, costs, ones)
    settings = SearchSettings(
        space=SPACE, sampler="random", objectives=NAMES, seed=seed, training=TrainingSettings(max_epochs=N_EPOCHS),
        pruning=PruningSettings(grace_epochs=1, reduction_factor=3),
    )  # fmt: skip
    rungs = ParetoRungs(settings.rungs, 3, settings.objective_list)
    rows = [row for _, row in Replay(table, settings, rungs, n_workers=1).run()]
    assert (np.diff(neighbors[rows[-5:]]) > 0).all()


def test_what_is_proposed_goes_by_it():
    """Where it alone differs, and falls with the features, late proposals have more of these than the middle, 32."""
    space = SpaceSettings(
        n_features=Range(low=8, high=128, log=True), n_sensitivities=8, n_atom_layers=1,
        weight_forces=30, weight_atomic_energy=10,
    )  # fmt: skip
    settings = SearchSettings(space=space, objectives=NAMES)
    seen: list[SeenTrial] = []
    for number in range(30):
        params: dict[str, Any] = propose(settings, seen, number)
        seen.append(SeenTrial(params, (0.05, 7.0, 2000 / params["n_features"])))
    assert np.median([trial.params["n_features"] for trial in seen[18:]]) > 50


def test_its_front_is_confirmed(data):
    students = data.models[(data.models["stage"] == "search") & (data.models["role"] == "student")]
    chosen = select_students(data.models, ConfirmSettings(n_ladder=0), data.objectives)
    done = students[students["status"] == "complete"]
    assert chosen["model_id"].tolist() == [done.loc[done["n_neighbors_mean"].idxmin(), "model_id"]]


def test_it_is_measured_and_drawn(data):
    reference = search_reference(data.models, objectives_named(NAMES))
    assert reference.values[-1] == pytest.approx(2 * 200)
    summary = summarize_study(data.models, objectives=data.objectives)
    assert summary.headline.hypervolume.student > 0
    tables = make_tables(data)
    labels = [dimension.label for dimension in parallel_figure(tables).data[0].dimensions]
    assert labels[-1] == "Neighbours<br>(per atom)"
    drawn = {entry.name for entry in shown_figures(tables) if "eighbours" in entry.draw(tables).to_json()}
    assert drawn >= {"fig7", "fig9"}
