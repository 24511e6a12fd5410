from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from pareto_search.config import SearchSettings
from pareto_search.errors import StoreError
from pareto_search.search.optuna_search import FAILURE, IS_FINAL, StudySearch
from pareto_search.search.optuna_study import (
    enqueue_points,
    open_optuna_study,
    remaining_trials,
    settle_leftovers,
)
from pareto_search.search.space import distributions
from tests.search.fake_study import SPACE, objectives

SETTINGS = SearchSettings(space=SPACE, n_trials=6, sampler="tpe", seed=3)
POINT = {"n_features": 20, "n_sensitivities": 16, "weight_forces": 30.0, "weight_atomic_energy": 0.5}
WITH_POINT = SETTINGS.model_copy(update={"points": (POINT,)})


@pytest.fixture
def study(tmp_path: Path) -> Iterator[optuna.Study]:
    with open_optuna_study(tmp_path / "study.db", "fake") as study:
        yield study


def run(search: StudySearch, trial_id: str, **changes: object) -> int:
    """One whole trial; returns its Optuna number."""
    params = search.suggest(trial_id)
    search.on_trial_complete(trial_id, {**objectives(params), IS_FINAL: True, **changes})
    return params["trial_number"]


def test_the_study_has_directions_and_names(study: optuna.Study) -> None:
    assert study.metric_names == ["valid_force_rmse_ev_per_ang", "md_us_per_atom_step", "max_atoms"]
    assert [direction.name for direction in study.directions] == ["MINIMIZE", "MINIMIZE", "MAXIMIZE"]


def test_a_final_result_is_complete(study: optuna.Study) -> None:
    search = StudySearch(study, SETTINGS, [])
    run(search, "a", model_ids=["student-0"])
    (trial,) = study.trials
    assert trial.values == list(objectives(trial.params).values())
    assert trial.user_attrs == {"status": "complete", "model_ids": ["student-0"]}
    assert search.end_of("a") == ("complete", None)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, "fast"])
def test_an_objective_that_is_no_finite_number_fails_the_trial(study: optuna.Study, value: object) -> None:
    run(StudySearch(study, SETTINGS, []), "a", md_us_per_atom_step=value)
    assert study.trials[0].state is TrialState.FAIL
    assert study.trials[0].user_attrs["reason"] == f"md_us_per_atom_step is {value}"


def test_an_announced_failure_and_a_dead_worker_fail_the_trial(study: optuna.Study) -> None:
    search = StudySearch(study, SETTINGS, [])
    search.suggest("a")
    search.on_trial_result("a", {FAILURE: "no luck"})
    search.on_trial_complete("a", error=True)
    search.suggest("b")
    search.on_trial_complete("b", error=True)
    assert [trial.state for trial in study.trials] == [TrialState.FAIL] * 2
    assert study.trials[0].user_attrs["reason"] == "no luck"
    assert "worker process died" in study.trials[1].user_attrs["reason"]


def test_a_trial_stopped_before_its_final_result_is_pruned(study: optuna.Study) -> None:
    search = StudySearch(study, SETTINGS, [])
    search.on_trial_complete("a", objectives(search.suggest("a")))
    assert study.trials[0].state is TrialState.PRUNED
    assert remaining_trials(study, 6) == 5


def test_a_trial_is_told_once(study: optuna.Study) -> None:
    search = StudySearch(study, SETTINGS, [])
    run(search, "a")
    search.on_trial_complete("a", error=True)
    assert study.trials[0].state is TrialState.COMPLETE


def test_leftovers_are_handed_out_first_and_partial_ones_fail_without_counting(study: optuna.Study) -> None:
    whole = study.ask(fixed_distributions=distributions(SPACE))
    partial = study.ask()
    partial.suggest_int("n_features", 12, 128, log=True)
    leftovers = settle_leftovers(study, SETTINGS)
    assert [trial.number for trial in leftovers] == [whole.number]
    assert study.trials[partial.number].state is TrialState.FAIL
    assert remaining_trials(study, 3) == 3

    search = StudySearch(study, SETTINGS, leftovers)
    assert search.suggest("a") == {**whole.params, "trial_number": whole.number}
    search.on_trial_complete("a", {**objectives(whole.params), IS_FINAL: True})
    assert study.trials[whole.number].state is TrialState.COMPLETE
    assert run(search, "b") == 2
    assert remaining_trials(study, 3) == 1


def test_points_are_queued_once_and_again_only_if_abandoned(study: optuna.Study) -> None:
    enqueue_points(study, WITH_POINT)
    enqueue_points(study, WITH_POINT)
    assert len(study.trials) == 1
    study.ask()  # takes the point, and its driver dies before the parameters are stored
    settle_leftovers(study, WITH_POINT)
    enqueue_points(study, WITH_POINT)
    assert [trial.state for trial in study.trials] == [TrialState.FAIL, TrialState.WAITING]
    params = StudySearch(study, WITH_POINT, []).suggest("a")
    assert params == {**POINT, "trial_number": 1}


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "random"])
def test_a_resumed_search_draws_what_an_uninterrupted_one_draws(tmp_path: Path, sampler: str) -> None:
    settings = SETTINGS.model_copy(update={"sampler": sampler})
    with open_optuna_study(tmp_path / "whole.db", "fake") as study:
        search = StudySearch(study, settings, [])
        for number in range(18):
            run(search, str(number))
        whole = [trial.params for trial in study.trials]
    for _ in range(2):
        with open_optuna_study(tmp_path / "parts.db", "fake") as study:
            search = StudySearch(study, settings, [])
            for number in range(9):
                run(search, str(number))
            parts = [trial.params for trial in study.trials]
    assert parts == whole
    assert whole[9:] != whole[:9]


def test_a_damaged_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(StoreError, match=r"study\.db cannot be used"), open_optuna_study(path, "fake"):
        pass
