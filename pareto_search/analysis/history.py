"""How the hypervolume of a search grew with the trials ended, the epochs trained and the time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pareto_search.analysis.pareto import as_costs, directions, hypervolume
from pareto_search.analysis.timeline import active_seconds
from pareto_search.records import OBJECTIVES

#: The reference point is the teacher's force RMSE and step time times these, and its capacity times the third.
_REFERENCE_FACTORS = (4.0, 2.0, 0.5)


@dataclass(frozen=True)
class History:
    """A search after each of its ended trials; every array has the shape (n_trials,).

    Attributes:
        n_trials: Trials ended: 1, 2, 3, …
        n_epochs: Epochs trained by the trials ended so far, those pruned included.
        ended_s: Seconds from the start of the search to the end of the trial; None where it is not known.
        hypervolume: In cubic decades.
    """

    n_trials: NDArray[np.int64]
    n_epochs: NDArray[np.float64]
    ended_s: NDArray[np.float64] | None
    hypervolume: NDArray[np.float64]


def hypervolume_history(trials: pd.DataFrame, reference: Sequence[float]) -> History:
    """The hypervolume after each ended trial.

    Only a trial that enters the front changes the volume, so only then is it computed.

    Args:
        trials: Ended trials in the order in which they ended, with the columns of `OBJECTIVES` (eV/Å, µs/atom/step,
            atoms), `n_epochs`, and where they are known `status` and `ended_s`. A trial that is not complete, or
            lacks an objective, adds epochs and time but no volume.
        reference: Worst values that still count, in the order and units of `OBJECTIVES`; it must stay the same for
            numbers that are compared.
    """
    minimize = directions(OBJECTIVES)
    points = trials[[objective.name for objective in OBJECTIVES]].to_numpy(dtype=float)
    costs = as_costs(points, minimize)
    can_count = (np.isfinite(points) & (points > 0)).all(axis=1)
    can_count &= (costs < as_costs([reference], minimize)).all(axis=1)
    if "status" in trials:
        can_count &= (trials["status"] == "complete").to_numpy(dtype=bool)
    volumes = np.zeros(len(points))
    front = np.zeros(0, dtype=np.int64)
    for row in range(len(points)):
        volumes[row] = volumes[row - 1] if row else 0.0
        if can_count[row] and not (costs[front] <= costs[row]).all(axis=1).any():
            front = np.append(front[(costs[front] < costs[row]).any(axis=1)], row)
            volumes[row] = hypervolume(points[front], reference, minimize, is_log10=True)
    return History(
        n_trials=np.arange(1, len(points) + 1),
        n_epochs=np.cumsum(np.nan_to_num(trials["n_epochs"].to_numpy(dtype=float))),
        ended_s=trials["ended_s"].to_numpy(dtype=float) if "ended_s" in trials else None,
        hypervolume=volumes,
    )


def ended_trials(models: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    """The search's trials for `hypervolume_history`, in the order in which they ended.

    Args:
        models: As `clean_models` returns them, in the order they came.
        events: Rows of `events.csv`. Trials whose end is not among them, as in results that were read back from the
            model folders, come first, in the order of their rows; the time is then unknown.
    """
    rows = models[(models["stage"] == "search") & models["trial_id"].notna()]
    students = rows[rows["role"] == "student"].drop_duplicates("trial_id", keep="last").set_index("trial_id")
    trials = students[[*(objective.name for objective in OBJECTIVES), "status"]].assign(
        n_epochs=rows.groupby("trial_id")["n_epochs"].sum()
    )
    is_end = (events["kind"] == "trial_ended") & events["trial_id"].isin(trials.index)
    if not is_end.any():
        return trials
    is_search = events["stage"].eq("search") & events["kind"].eq("stage_began")
    seconds = active_seconds(events)
    ended_s = seconds[is_end].set_axis(events.loc[is_end, "trial_id"].astype(float)) - seconds[is_search].min()
    ended_s = ended_s[~ended_s.index.duplicated(keep="last")]
    untold = trials[~trials.index.isin(ended_s.index)]
    if len(untold):
        return pd.concat([untold, trials.loc[ended_s.index]])
    return trials.loc[ended_s.index].assign(ended_s=ended_s)


def search_reference(models: pd.DataFrame) -> tuple[float, ...] | None:
    """Reference point of the search's hypervolume, from the teacher's validation error and costs; None without it."""
    teacher = models.loc[models["role"] == "teacher", [objective.name for objective in OBJECTIVES]].dropna()
    return None if teacher.empty else tuple(teacher.iloc[0].to_numpy(dtype=float) * _REFERENCE_FACTORS)
