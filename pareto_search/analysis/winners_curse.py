"""How much too low the errors of the best points of a search are, for they were chosen by them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pareto_search.analysis.comparison import front_mask
from pareto_search.analysis.intervals import Interval, mean_interval
from pareto_search.analysis.networks import (
    ARCHITECTURE_COLUMNS,
    TRAINING_COLUMNS,
    WEIGHT_COLUMNS,
    Basis,
    average_networks,
)
from pareto_search.objectives import Objective


@dataclass(frozen=True)
class WinnersCurse:
    """Students of the search's front, retrained with new seeds.

    A point is on the front for its architecture and for the luck of its seed; new seeds have no such luck.

    Attributes:
        n: Students of the search's front that were retrained.
        mean_percent: Validation force RMSE of the retrained over that in the search, as a percentage above it
            (geometric mean); positive: they were too low in the search.
        ci95_percent: 95 % interval over students like these; None for fewer than two.
        epochs_ratio: Epochs of the retrained over those in the search; above 1 they also trained longer, which hides
            part of the difference. NaN where epochs are not known.
    """

    n: int
    mean_percent: float
    ci95_percent: Interval | None
    epochs_ratio: float


def winners_curse(models: pd.DataFrame, objectives: Sequence[Objective]) -> WinnersCurse | None:
    """Errors of the search's front against those of the same students in the confirmation; None without any."""
    searched, confirmed = (average_networks(models, Basis(stage, "valid")) for stage in ("search", "confirm"))
    searched, confirmed = (frame[frame["role"] == "student"] for frame in (searched, confirmed))
    front = searched[front_mask(searched, objectives)]
    varied = [name for name in TRAINING_COLUMNS if searched[name].nunique() > 1]  # fixed ones may differ by stage
    both = front.merge(confirmed, on=[*ARCHITECTURE_COLUMNS, *WEIGHT_COLUMNS, *varied], suffixes=("", "_confirmed"))
    if both.empty:
        return None
    ratios = np.log((both["force_rmse_ev_per_ang_confirmed"] / both["force_rmse_ev_per_ang"]).to_numpy(dtype=float))
    interval = mean_interval(ratios)
    return WinnersCurse(
        n=len(ratios),
        mean_percent=_percent(float(ratios.mean())),
        ci95_percent=(_percent(interval[0]), _percent(interval[1])) if interval else None,
        epochs_ratio=float(both["n_epochs_confirmed"].mean() / both["n_epochs"].mean()),
    )


def _percent(log_ratio: float) -> float:
    return 100 * float(np.expm1(log_ratio))
