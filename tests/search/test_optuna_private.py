"""Names of Optuna that are not public still are where the package expects them, and do what it relies on."""

import inspect
from pathlib import Path

import optuna
import pytest
from optuna.storages import BaseStorage
from optuna.trial import TrialState
from sqlalchemy import event

from pareto_search.search.optuna_private import begin_running, live_trial, set_constraint_attribute

SPACE = {"x": optuna.distributions.FloatDistribution(0, 1), "n": optuna.distributions.IntDistribution(1, 9)}


@pytest.fixture(params=["sqlite", "memory"])
def study(request: pytest.FixtureRequest, tmp_path: Path) -> optuna.Study:
    url = f"sqlite:///{tmp_path / 'study.db'}" if request.param == "sqlite" else None
    return optuna.create_study(storage=url, study_name="fake")


def test_a_trial_begins_with_all_it_is_and_is_known(study: optuna.Study) -> None:
    begin_running(study, {"x": 0.5, "n": 3}, SPACE, {"seed_point": 0})
    trial = begin_running(study, {"x": 0.25, "n": 4}, SPACE, {})
    assert trial.number == 1
    assert [found.state for found in study.trials] == [TrialState.RUNNING] * 2
    assert [found.params for found in study.trials] == [{"x": 0.5, "n": 3}, {"x": 0.25, "n": 4}]
    assert study.trials[0].user_attrs == {"seed_point": 0}
    study.tell(trial.number, 1.0)
    assert study.best_trial.number == 1


def test_it_takes_fewer_transactions_than_the_public_way(tmp_path: Path) -> None:
    study = optuna.create_study(storage=f"sqlite:///{tmp_path / 'study.db'}")
    commits: list[object] = []
    event.listen(study._storage._backend.engine, "commit", commits.append)  # type: ignore[attr-defined]
    begin_running(study, {"x": 0.5, "n": 3}, SPACE, {"seed_point": 0})
    n_of_ours = len(commits)
    study.enqueue_trial({"x": 0.5, "n": 3}, user_attrs={"seed_point": 0})
    study.ask(SPACE)
    assert n_of_ours == 2  # one writes it, one reads it
    assert len(commits) - n_of_ours > 2


def test_a_trial_of_an_earlier_process_can_be_changed(study: optuna.Study) -> None:
    begin_running(study, {"x": 0.5, "n": 3}, SPACE, {})
    live_trial(study, study.trials[0]).set_user_attr("status", "waits")
    assert study.trials[0].user_attrs == {"status": "waits"}


def test_a_constraint_is_where_the_dashboard_looks(study: optuna.Study) -> None:
    trial = begin_running(study, {"x": 0.5, "n": 3}, SPACE, {})
    set_constraint_attribute(trial, 0.7)
    assert study.trials[0].system_attrs["constraints"] == [0.7]
    assert list(study.trials[0].constraints.values()) == [0.7]


def test_the_names_are_there(study: optuna.Study) -> None:
    assert isinstance(study._storage, BaseStorage)
    assert isinstance(study._study_id, int)
    assert "template_trial" in inspect.signature(BaseStorage.create_new_trial).parameters
    assert list(inspect.signature(BaseStorage.set_trial_system_attr).parameters) == ["self", "trial_id", "key", "value"]
    assert begin_running(study, {"x": 0.5, "n": 3}, SPACE, {})._trial_id == study.trials[0]._trial_id


def test_no_other_file_of_the_package_uses_them(request: pytest.FixtureRequest) -> None:
    names = ("._storage", "._study_id", "._trial_id", "._contains")
    for path in (request.config.rootpath / "pareto_search").rglob("*.py"):
        found = [name for name in names if name in path.read_text()]
        assert not found or path.name == "optuna_private.py", (path, found)
