# mypy: strict-optional, enable-error-code="union-attr"
"""What users write against the package; only mypy reads it, as it does all tests (`scripts/test.sh`).

A wrong use carries the error that must be reported: an ignore that is not needed is an error too.
"""

from pathlib import Path
from typing import assert_type

import numpy as np
import pandas as pd
from ase import Atoms
from numpy.typing import NDArray

import pareto_search as ps
from pareto_search.analysis.claim import Claim
from pareto_search.analysis.described import DescribedNetwork
from pareto_search.config import StudyConfig
from pareto_search.potential.trained import TrainedPotential
from pareto_search.report.words import Answer
from pareto_search.results import Results
from pareto_search.study import StudyReport

config = ps.load_config("study.yaml", ("search.n_trials=8",))
assert_type(config, StudyConfig)
assert_type(config.search.n_trials, int | None)
ps.load_config(8)  # type: ignore[arg-type]
config.search.n_trials = 8  # type: ignore[misc]

report = ps.run(config, Path("runs/study"))
assert_type(report, StudyReport)
assert_type(report.answer, Answer)
ps.run("study.yaml", "runs/study")  # type: ignore[arg-type]

results = ps.open_results("runs/study")
assert_type(results, Results)
assert_type(results.models, pd.DataFrame)
assert_type(results.front, pd.DataFrame)
assert_type(results.claims, list[Claim])
assert_type(results.summary.front_networks, tuple[DescribedNetwork, ...])
assert_type(results.summary.best_under.students[0].force_rmse_ev_per_ang, float)
label: str = results.summary.teacher.label  # type: ignore[union-attr]  # a run may have no teacher
results.summary.best_under["students"]  # type: ignore[index]

student = results.load("student-0", device="cuda")
assert_type(student, TrainedPotential)
assert_type(ps.load("carried"), TrainedPotential)
energy, forces = student.energy_forces(Atoms("Al"))
assert_type(energy, float)
assert_type(forces, NDArray[np.float64])
ps.open_result("runs/study")  # type: ignore[attr-defined]
