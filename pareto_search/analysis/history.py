"""How the hypervolume of a search grew with the trials ended, the epochs trained and the time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pareto_search.analysis.front import ReferencePoint, RunningFront, columns_of, reference_point
from pareto_search.analysis.networks import complete
from pareto_search.analysis.timeline import active_seconds
from pareto_search.objectives import Objective


@dataclass(frozen=True)
class History:
    """A search after each of its ended trials; every array has the shape (n_trials,).

    Attributes:
        n_epochs: Epochs trained by the trials ended so far, those pruned included.
        ended_s: Seconds from the start of the search to the end of the trial; None where it is not known.
        hypervolume: See `front.volume_unit`.
    """

    n_trials: NDArray[np.int64]
    n_epochs: NDArray[np.float64]
    ended_s: NDArray[np.float64] | None
    hypervolume: NDArray[np.float64]


def hypervolume_history(trials: pd.DataFrame, objectives: Sequence[Objective], reference: Sequence[float]) -> History:
    """The hypervolume after each ended trial.

    Args:
        trials: Ended trials in the order in which they ended, with the objectives' columns, `n_epochs`, and where they
            are known `status` and `ended_s`. A trial that is not complete, or lacks an objective, adds epochs and time
            but no volume.
        objectives: What is optimised.
        reference: Worst values that still count; it must stay the same for numbers that are compared.
    """
    points = np.array(trials[columns_of(objectives)], dtype=float)
    if "status" in trials:
        points[(trials["status"] != "complete").to_numpy(dtype=bool)] = np.nan
    return History(
        n_trials=np.arange(1, len(points) + 1),
        n_epochs=np.cumsum(np.nan_to_num(trials["n_epochs"].to_numpy(dtype=float))),
        ended_s=trials["ended_s"].to_numpy(dtype=float) if "ended_s" in trials else None,
        hypervolume=RunningFront(objectives, reference).volumes(points),
    )


def ended_trials(models: pd.DataFrame, events: pd.DataFrame, objectives: Sequence[Objective]) -> pd.DataFrame:
    """The search's trials for `hypervolume_history`, in the order in which they ended.

    Args:
        models: As `clean_models` returns them, in the order they came.
        events: Rows of `events.csv`. Trials whose end is not among them, as in results that were read back from the
            model folders, come first, in the order of their rows; the time is then unknown.
        objectives: What is optimised.
    """
    rows = models[(models["stage"] == "search") & models["trial_id"].notna()]
    students = rows[rows["role"] == "student"].drop_duplicates("trial_id", keep="last").set_index("trial_id")
    trials = students[[*columns_of(objectives), "status"]].assign(n_epochs=rows.groupby("trial_id")["n_epochs"].sum())
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


def search_reference(models: pd.DataFrame, objectives: Sequence[Objective]) -> ReferencePoint | None:
    """Reference point of the search's hypervolume: of the teacher, or without its values of the search's networks."""
    rows = complete(models)
    return reference_point(rows[rows["stage"].isin(["teacher", "search"])], objectives)
