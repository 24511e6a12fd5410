"""Confirmation: which architectures are retrained with fresh seeds, and the networks that this takes."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pareto_search.analysis.front import columns_of, to_costs
from pareto_search.analysis.networks import ARCHITECTURE_COLUMNS, TRAINING_COLUMNS, WEIGHT_COLUMNS, clean_models
from pareto_search.analysis.pareto import pareto_mask
from pareto_search.config import ConfirmSettings, LossWeights, StudyConfig, parse_architecture
from pareto_search.networks.job import NetworkJob, control_of, control_with
from pareto_search.objectives import Objective
from pareto_search.potential.model_files import read_description
from pareto_search.search.space import to_training


def select_students(models: pd.DataFrame, settings: ConfirmSettings, objectives: Sequence[Objective]) -> pd.DataFrame:
    """Search-stage students worth confirming: the front, then a ladder spread evenly along log MD cost; or all.

    Of a ladder one student per architecture, the most accurate; of a front, too, unless several objectives are learned:
    then students of one architecture may each be the best at something. Ranking uses the validation split only.

    Args:
        models: Rows with MODEL_COLUMNS.
        settings: How many of each.
        objectives: What the search optimised.

    Returns:
        The chosen rows, cheapest first.
    """
    models = clean_models(models)
    done = models[(models["stage"] == "search") & (models["role"] == "student") & (models["status"] == "complete")]
    learned = [objective for objective in objectives if objective.is_learned]
    ranked = done.iloc[np.lexsort(to_costs(done[columns_of(learned)].to_numpy(dtype=float), learned).T[::-1])]
    architecture = list(ARCHITECTURE_COLUMNS)
    if settings.select == "all":
        every = ranked.drop_duplicates([*architecture, *WEIGHT_COLUMNS, *TRAINING_COLUMNS])
        return every.sort_values(["md_us_per_atom_step", "weight_atomic_energy"], kind="stable")
    best = ranked.drop_duplicates(architecture)
    tried = best if len(learned) == 1 else ranked.drop_duplicates([*architecture, *WEIGHT_COLUMNS, *TRAINING_COLUMNS])
    front = tried[pareto_mask(to_costs(tried[columns_of(objectives)].to_numpy(dtype=float), objectives))]
    chosen = list(spread(front, settings.max_front).index)
    rest = best[~best.index.isin(chosen)]
    chosen += list(spread(rest, settings.n_ladder).index)
    return tried.loc[chosen].sort_values("md_us_per_atom_step", kind="stable")


def student_to_confirm(row: Mapping[Hashable, Any], config: StudyConfig, models_dir: Path) -> NetworkJob:
    """A chosen student as it was searched, but with the confirmation's training settings and first seed.

    Args:
        row: Its row of those that `select_students` returns.
        config: The study's settings.
        models_dir: Folder of the run's networks.
    """
    values = {str(name): value for name, value in row.items()}
    description = read_description(models_dir / values["model_id"])
    return NetworkJob(
        "confirm",
        "student",
        parse_architecture(description["architecture"]),
        LossWeights.model_validate({name: values[name] for name in LossWeights.model_fields}),
        to_training(config.search.space, values, config.confirm_training),
        config.confirm.first_seed,
        transfer=config.search.transfer,
    )


def spread(rows: pd.DataFrame, n: int) -> pd.DataFrame:
    """At most n rows, the ends included, spread evenly along the logarithm of MD step time."""
    if len(rows) <= n:
        return rows
    if n == 0:
        return rows.iloc[:0]
    ordered = rows.sort_values("md_us_per_atom_step", kind="stable")
    position = np.log(ordered["md_us_per_atom_step"].to_numpy(dtype=float))
    left = list(range(len(ordered)))
    chosen = []
    for target in np.linspace(position[0], position[-1], n):
        nearest = min(left, key=lambda i: abs(position[i] - target))
        left.remove(nearest)
        chosen.append(nearest)
    return ordered.iloc[sorted(chosen)]


def confirmation_jobs(
    students: list[NetworkJob], settings: ConfirmSettings, tuned_weights: Mapping[NetworkJob, LossWeights]
) -> list[NetworkJob]:
    """Student and controls of each chosen student, paired by seed; seed by seed, so that early stops are fair.

    Students that differ in the teacher's part of the loss alone share their controls, which are there once.

    Args:
        students: The chosen ones, with any seed.
        settings: Seeds and kinds of control.
        tuned_weights: Loss weights of the tuned control of each, where such controls are wanted.
    """
    jobs = []
    for seed in range(settings.first_seed, settings.first_seed + settings.n_seeds):
        for student in students:
            seeded = replace(student, seed=seed)
            jobs.append(seeded)
            for kind in settings.controls:
                if kind == "tuned":
                    jobs.append(control_with(seeded, kind, tuned_weights[student]))
                else:
                    jobs.append(control_of(seeded, kind))
    return list(dict.fromkeys(jobs))
