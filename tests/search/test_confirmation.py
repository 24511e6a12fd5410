from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pareto_search.config import ConfirmSettings, LossWeights, TrainingSettings
from pareto_search.config_file import load_config
from pareto_search.networks.job import NetworkJob
from pareto_search.objectives import DEFAULT_OBJECTIVES, objectives_named
from pareto_search.search.confirmation import confirmation_jobs, select_students
from pareto_search.search.run_trial import student_job
from tests.report.synthetic import row
from tests.training.toy import TINY as TINY_SHAPE


def _students() -> pd.DataFrame:
    """Three sizes with two weights of the teacher's term each; the middle one is off the front."""
    rows: list[dict[str, Any]] = []
    for shape, error in (((12, 8, 1), 0.09), ((24, 12, 2), 0.095), ((32, 16, 2), 0.05)):
        for weight in (100.0, 1.0):
            rows.append(
                row(
                    f"student-{shape[0]}-{weight:g}", shape, stage="search", role="student",
                    error=error * (1 + 1e-3 * weight), weight_atomic_energy=weight, trial_id=len(rows),
                )
            )  # fmt: skip
    return pd.DataFrame(rows)


def test_front_takes_the_best_weights_of_each_architecture_on_it():
    chosen = select_students(_students(), ConfirmSettings(max_front=8, n_ladder=0), objectives_named())
    assert chosen["model_id"].tolist() == ["student-12-1", "student-32-1"]


def test_where_several_are_learned_one_architecture_may_be_on_the_front_twice():
    energy = "valid_energy_rmse_ev_per_atom"
    students = _students()
    students[energy] = [0.001, 0.003, 0.002, 0.004, 0.0005, 0.003]
    found = {}
    for names in (DEFAULT_OBJECTIVES, (*DEFAULT_OBJECTIVES, energy)):
        chosen = select_students(students, ConfirmSettings(max_front=8, n_ladder=1), objectives_named(names))
        found[len(names)] = chosen["model_id"].tolist()
    one_each = ["student-12-1", "student-24-1", "student-32-1"]  # the middle one is of the ladder
    assert found[3] == one_each
    assert sorted(found[4]) == sorted([*one_each, "student-12-100", "student-32-100"])


def test_all_takes_every_student_once_with_its_own_weights():
    models = pd.concat([_students(), _students().assign(model_id="again", trial_id=99)])
    chosen = select_students(models, ConfirmSettings(select="all"), objectives_named())
    assert len(chosen) == 6
    pairs = chosen[["n_features", "weight_atomic_energy"]].to_numpy(dtype=float)
    assert np.array_equal(pairs, [[12, 1], [12, 100], [24, 1], [24, 100], [32, 1], [32, 100]])


def test_all_needs_a_number_of_trials():
    from pareto_search.config import StudyConfig
    from tests.tiny_study import TINY

    search = TINY["search"] | {"n_trials": None, "max_hours": 1}
    with pytest.raises(ValueError, match="n_trials must say"):
        StudyConfig.model_validate(TINY | {"search": search, "confirm": TINY["confirm"] | {"select": "all"}})


def test_students_of_one_architecture_share_their_controls():
    student = NetworkJob("confirm", "student", TINY_SHAPE, LossWeights(weight_forces=30), TrainingSettings(), 0)
    weights = (1.0, 10.0, 100.0)
    students = [replace(student, weights=LossWeights(weight_forces=30, weight_atomic_energy=w)) for w in weights]
    jobs = confirmation_jobs(students, ConfirmSettings(n_seeds=2, controls=("paper", "ablation")), {})
    assert len(jobs) == 2 * (3 + 2)
    assert [job.kind for job in jobs[:5]] == ["student", "paper", "ablation", "student", "student"]
    assert len({job.seed for job in jobs[:5]}) == 1


@pytest.mark.parametrize("name", ["label-weights", "paper-ladder", "teacher-knowledge"])
def test_a_plan_counts_the_networks_that_a_grid_comes_to(name):
    config = load_config(Path(__file__).parents[2] / "configs" / f"{name}.yaml")
    space = config.search.space
    grid = config.search.points or ({"weight_atomic_energy": w} for w in space.weight_atomic_energy.choices)
    students = [
        replace(
            student_job(config.search, {"trial_number": number} | point),
            stage="confirm",
            trial_id=None,
            training=config.confirm_training,
        )
        for number, point in enumerate(grid)
    ]
    jobs = confirmation_jobs(students, config.confirm, {})
    assert config.max_confirmation_networks == len(jobs)
