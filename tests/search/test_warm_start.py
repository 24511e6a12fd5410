"""What a run takes over from another one, in this process: the trials of the other run are made without Ray."""

import json
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, create_trial

from pareto_search.config import StudyConfig
from pareto_search.records import ModelRecord
from pareto_search.search.ledger import COSTS, MODEL_IDS
from pareto_search.search.optuna_study import open_optuna_study
from pareto_search.search.run_trial import measure_costs, run_trial
from pareto_search.search.space import distributions
from pareto_search.stages import open_study
from pareto_search.study import Study
from tests.tiny_study import TINY

pytestmark = pytest.mark.slow

WEIGHTS = {"weight_forces": 30, "weight_atomic_energy": 9}


def config_of(space: dict[str, Any] | None = None, **search: Any) -> StudyConfig:
    """TINY with its width alone to search, and changes."""
    teacher = TINY["teacher"] | {"training": TINY["teacher"]["training"] | {"max_epochs": 2}}
    space = TINY["search"]["space"] | WEIGHTS | (space or {})
    return StudyConfig.model_validate(
        TINY | {"teacher": teacher, "search": TINY["search"] | {"space": space, "controls": []} | search}
    )


def optuna_study_of(study: Study) -> AbstractContextManager[optuna.Study]:
    return open_optuna_study(study.directory.study_db, study.config.name, study.config.search.objective_list)


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """A run with two finished trials, of widths 4 and 8; its networks claim the costs of another machine."""
    out = tmp_path_factory.mktemp("source") / "run"
    config = config_of()
    with open_study(config, out) as study, optuna_study_of(study) as trials:
        for number, n_features in enumerate((4, 8)):
            params = {"n_features": n_features}
            end: dict[str, Any] = run_trial(study.labelled, {**params, "trial_number": number}, lambda result: None)
            costs = measure_costs(study.labelled, params)
            trials.add_trial(
                create_trial(
                    params=params,
                    distributions=distributions(config.search.space),
                    values=[end[name] for name in config.search.objectives],
                    user_attrs={COSTS: costs.to_plain(), MODEL_IDS: end["model_ids"]},
                )
            )
    for path in out.glob("models/student*/model.json"):
        description = json.loads(path.read_text())
        description["record"] |= {"md_us_per_atom_step": 1e9, "device": "elsewhere"}
        path.write_text(json.dumps(description))
    return out


def taken_over(config: StudyConfig, out: Path) -> tuple[list[FrozenTrial], list[ModelRecord]]:
    """Trials and networks that a run knows before its search begins."""
    with open_study(config, out) as study:
        return trials_of(study), study.records("search")


def trials_of(study: Study) -> list[FrozenTrial]:
    with open_optuna_study(study.directory.study_db, study.config.name, study.config.search.objective_list) as trials:
        study._warm_start(trials)
        return trials.get_trials()


def test_networks_come_with_their_trials_and_with_costs_of_this_run(source, tmp_path):
    trials, records = taken_over(config_of(warm_start=[str(source)]), tmp_path / "run")
    assert [trial.params["n_features"] for trial in trials] == [4, 8]
    assert [record.hyperparameters["n_features"] for record in records] == [4, 8]
    for trial, record in zip(trials, records, strict=True):
        assert trial.user_attrs[MODEL_IDS] == [record.model_id]
        assert record.md_us_per_atom_step == trial.values[1] < 1e9
        assert record.device != "elsewhere"
        assert record.trial_id is None


def test_values_come_in_the_order_of_this_runs_objectives(source, tmp_path):
    names = ["max_atoms", "valid_force_rmse_ev_per_ang", "md_us_per_atom_step"]
    trials, records = taken_over(config_of(warm_start=[str(source)], objectives=names), tmp_path / "run")
    assert len(trials) == 2
    for trial, record in zip(trials, records, strict=True):
        assert trial.values == [getattr(record, name) for name in names]


@pytest.mark.parametrize(
    ("space", "search"),
    [
        ({"weight_forces": 10}, {}),
        ({"learning_rate": 0.01}, {}),
        ({}, {"transfer": {"interaction": "initialised"}}),
    ],
)
def test_a_trial_of_another_network_is_left_out(source, tmp_path, space, search):
    trials, records = taken_over(config_of(space, warm_start=[str(source)], **search), tmp_path / "run")
    assert trials == []
    assert records == []


@pytest.mark.parametrize(
    ("space", "caps", "widths"),
    [
        ({"n_features": {"low": 4, "high": 6}}, {}, [4]),
        ({}, {"max_md_us_per_atom_step": 1e-9}, []),
    ],
)
def test_networks_outside_space_or_caps_stay_where_they_are(source, tmp_path, space, caps, widths):
    config = config_of(space, warm_start=[str(source)], caps=caps)
    trials, records = taken_over(config, tmp_path / "run")
    assert [trial.params["n_features"] for trial in trials] == widths
    assert [record.hyperparameters["n_features"] for record in records] == widths
