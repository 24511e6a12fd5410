"""Confirmation: which architectures are retrained with fresh seeds, and the networks that this takes."""

import numpy as np
import pandas as pd

from pareto_search.analysis.pareto import pareto_mask
from pareto_search.config import Architecture, ConfirmSettings, LossWeights, StudyConfig
from pareto_search.search.network import NetworkJob, control_of

_OBJECTIVES = ["valid_force_rmse_ev_per_ang", "md_us_per_atom_step", "bytes_per_atom"]


def select_students(models: pd.DataFrame, settings: ConfirmSettings) -> pd.DataFrame:
    """Search-stage students worth confirming: the front, then a ladder spread evenly along log MD cost.

    One student per architecture, the most accurate; ranking uses the validation split only.

    Args:
        models: Rows with MODEL_COLUMNS.
        settings: How many of each.

    Returns:
        The chosen rows, cheapest first.
    """
    done = models[(models["stage"] == "search") & (models["role"] == "student") & (models["status"] == "complete")]
    ranked = done.sort_values(_OBJECTIVES[0], kind="stable")
    best = ranked.drop_duplicates(list(_architecture_columns(models)))
    front = best[pareto_mask(best[_OBJECTIVES].to_numpy(dtype=float))]
    chosen = list(spread(front, settings.max_front).index)
    rest = best.drop(index=chosen)
    chosen += list(spread(rest, settings.n_ladder).index)
    return best.loc[chosen].sort_values("md_us_per_atom_step", kind="stable")


def _architecture_columns(models: pd.DataFrame) -> list[str]:
    names = ("n_features", "n_sensitivities", "n_atom_layers", "n_interaction_layers", "l_max", "dist_hard_max_ang")
    return [name for name in names if name in models]


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


def confirmation_jobs(students: list[tuple[Architecture, LossWeights]], config: StudyConfig) -> list[NetworkJob]:
    """Student and controls of each chosen architecture, paired by seed; seed by seed, so that early stops are fair."""
    jobs = []
    for seed in range(config.confirm.first_seed, config.confirm.first_seed + config.confirm.n_seeds):
        for architecture, weights in students:
            student = NetworkJob("confirm", "student", architecture, weights, config.confirm_training, seed)
            jobs.append(student)
            jobs.extend(control_of(student, kind) for kind in config.confirm.controls)
    return jobs
