"""Learning curves of pairs: how soon a student is as accurate as its control ever becomes."""

import numpy as np
import pandas as pd

from pareto_search.analysis.networks import ARCHITECTURE_COLUMNS


def epoch_fractions(curves: pd.DataFrame, models: pd.DataFrame, control_kind: str) -> list[float]:
    """For each pair, the student's epoch over the control's at the control's lowest validation force RMSE.

    Args:
        curves: Rows of `curves.csv`.
        models: Rows of `models.csv` of one stage.
        control_kind: Which controls.

    Returns:
        One value per pair with curves: below 1 the student is there sooner, infinite if it never gets there.
    """
    errors = {
        model_id: group.sort_values("epoch")["valid_force_rmse_ev_per_ang"].to_numpy(dtype=float)
        for model_id, group in curves.groupby("model_id")
    }
    keys = [*ARCHITECTURE_COLUMNS, "seed"]
    students = models[models["role"] == "student"]
    controls = models[(models["role"] == "control") & (models["control_kind"] == control_kind)]
    pairs = students.merge(controls.drop_duplicates(keys), on=keys, suffixes=("", "_control"))
    fractions = []
    for student_id, control_id in zip(pairs["model_id"], pairs["model_id_control"], strict=True):
        student, control = errors.get(student_id), errors.get(control_id)
        if student is None or control is None or not np.isfinite(control).any():
            continue
        best = int(np.nanargmin(control))
        reached = np.flatnonzero(student <= control[best])
        fractions.append(float((reached[0] + 1) / (best + 1)) if len(reached) else float("inf"))
    return fractions
