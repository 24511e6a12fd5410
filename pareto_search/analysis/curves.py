"""Pace, start and scatter of a student and its control, from their learning curves.

A curve is an array of shape (n_epochs,) of validation force RMSE, eV/Å.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Curve = NDArray[np.float64]

#: Share of the epochs at the end of training over which the scatter of a learning curve is taken.
_LATE_SHARE = 1 / 3


def paired_curves(curves: pd.DataFrame, pairs: pd.DataFrame) -> list[tuple[Curve, Curve] | None]:
    """Learning curves, rows of `curves.csv`, of matched students and controls; None where one of them has none."""
    errors = {
        model_id: group.sort_values("epoch")["valid_force_rmse_ev_per_ang"].to_numpy(dtype=float)
        for model_id, group in curves.groupby("model_id")
    }
    errors = {model_id: curve for model_id, curve in errors.items() if np.isfinite(curve).any()}
    found = zip(pairs["model_id"].map(errors.get), pairs["model_id_control"].map(errors.get), strict=True)
    return [None if student is None or control is None else (student, control) for student, control in found]


def epochs_to_shared_error(student: Curve, control: Curve) -> float:
    """log2 of the student's epochs over the control's to the lowest error that both reach.

    Where the student becomes the more accurate one, that is its control's best error, as in the paper; where it does
    not, its own, which gives how much sooner the control was there. Neither is ever put at its last epoch for want of
    getting there.
    """
    shared = max(np.nanmin(student), np.nanmin(control))
    epochs = [int(np.flatnonzero(curve <= shared)[0]) + 1 for curve in (student, control)]
    return float(np.log2(epochs[0] / epochs[1]))


def first_error(student: Curve, control: Curve) -> float:
    """log2 of the student's error after one epoch over the control's."""
    return float(np.log2(student[0] / control[0]))


def late_scatter(student: Curve, control: Curve) -> float:
    """log2 ratio of the root-mean-square step from epoch to epoch, relative to the error, over the epochs both have.

    NaN where one has a single epoch or never changes.
    """
    n_epochs = min(len(student), len(control))
    if n_epochs < 2:
        return float("nan")
    first = n_epochs - max(int(_LATE_SHARE * n_epochs), 2)
    steps = [np.diff(np.log(errors[first:n_epochs])) for errors in (student, control)]
    scatter = [float(np.sqrt(np.mean(step**2))) for step in steps]
    return float(np.log2(scatter[0] / scatter[1])) if min(scatter) > 0 else float("nan")
