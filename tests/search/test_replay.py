"""Replays: every network once, and by the dispatch of the search itself."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pareto_search.config import Choice, PruningSettings, SearchSettings, SpaceSettings, TrainingSettings
from pareto_search.search.messages import IS_FINAL, Costs
from pareto_search.search.optuna_study import open_optuna_study
from pareto_search.search.rungs import ParetoRungs
from replay import CurveTable, Replay
from tests.cluster.test_tune_searcher import Search

N_EPOCHS = 9
SPACE = SpaceSettings(
    n_features=Choice(choices=(8, 12, 16, 24, 32)), n_sensitivities=Choice(choices=(8, 16, 24)), n_atom_layers=1,
    weight_forces=30, weight_atomic_energy=10,
)  # fmt: skip
POINTS = [{"n_features": f, "n_sensitivities": s} for f in (8, 12, 16, 24, 32) for s in (8, 16, 24)]


def table(learned: tuple[str, ...]) -> CurveTable:
    """Larger networks are better and dearer; what is learned falls with the epochs."""
    size = np.array([point["n_features"] * point["n_sensitivities"] for point in POINTS], dtype=float)
    rng = np.random.default_rng(3)
    finals = {name: size**-0.5 * np.exp(0.1 * rng.standard_normal(len(size))) for name in learned}
    epochs = np.arange(1, N_EPOCHS + 1)
    curves = {name: final[:, None] * (1 + 2 / epochs) for name, final in finals.items()}
    costs = {"md_us_per_atom_step": 0.01 * size, "max_atoms": 1e7 // size, "bytes_per_atom": 100 * size}
    return CurveTable(POINTS, curves, finals, costs, 1e-3 * size)


def settings_of(
    objectives: tuple[str, ...], pruning: PruningSettings | None, sampler: str = "random"
) -> SearchSettings:
    return SearchSettings(
        space=SPACE, sampler=sampler, objectives=objectives, pruning=pruning, n_trials=len(POINTS),
        training=TrainingSettings(max_epochs=N_EPOCHS), seed=4,
    )  # fmt: skip


def rule(settings: SearchSettings) -> ParetoRungs:
    factor = settings.pruning.reduction_factor if settings.pruning else 2
    return ParetoRungs(settings.rungs, factor, settings.objective_list)


PRUNING = PruningSettings(grace_epochs=1, reduction_factor=3)
FORCE, ENERGY = "valid_force_rmse_ev_per_ang", "valid_energy_rmse_ev_per_atom"
CHOICES = [(FORCE, "md_us_per_atom_step", "max_atoms"), (ENERGY, FORCE, "bytes_per_atom", "md_us_per_atom_step")]


@pytest.mark.parametrize("objectives", CHOICES)
@pytest.mark.parametrize("pruning", [PRUNING, None])
@pytest.mark.parametrize("n_workers", [1, 4])
def test_every_network_is_trained_to_its_end_once(
    objectives: tuple[str, ...], pruning: PruningSettings | None, n_workers: int
) -> None:
    settings = settings_of(objectives, pruning, "grid").model_copy(update={"n_trials": 2})  # its budget does not count
    ends = list(Replay(table((FORCE, ENERGY)), settings, rule(settings), n_workers).run())
    epochs, rows = zip(*ends, strict=True)
    assert sorted(rows) == list(range(len(POINTS)))
    assert list(epochs) == sorted(epochs)
    assert epochs[-1] == pytest.approx(len(POINTS) * N_EPOCHS)


def test_pruning_saves_epochs_before_the_first_networks_end_and_changes_their_order() -> None:
    orders = []
    for pruning in (PRUNING, None):
        settings = settings_of(CHOICES[0], pruning)
        orders.append([row for _, row in Replay(table((FORCE,)), settings, rule(settings)).run()])
    assert orders[0] != orders[1]


def test_a_replay_ends_what_the_search_on_a_cluster_ends(tmp_path: Path) -> None:
    """One worker: the searcher that Tune asks hands out and pauses the same trials as the replay."""
    settings, curves = settings_of(CHOICES[0], PRUNING), table((FORCE,))
    replayed = [row for _, row in Replay(curves, settings, rule(settings), 1).run()]
    complete: list[int] = []
    with open_optuna_study(tmp_path / "study.db", "fake", settings.objective_list) as study:
        search = Search(study, settings, n_slots=1)
        search.dispatcher.known_costs = lambda params: Costs(curves.costs_of(curves.row(params)))
        for stint in range(200):
            params = search.suggest(str(stint))
            search.raise_errors()
            if not isinstance(params, dict):
                break
            row = curves.row({name: params[name] for name in SPACE.searched})
            last: dict[str, Any] = {}
            for epoch in (*settings.rungs, N_EPOCHS):
                last = curves.report(row, epoch)
                if not search.goes_on(str(stint), last):
                    break
            search.on_trial_complete(str(stint), last)
            if last.get(IS_FINAL):
                complete.append(row)
    assert 3 <= len(complete) < len(POINTS)
    assert replayed[: len(complete)] == complete
