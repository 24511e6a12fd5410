"""Empirical attainment surfaces: what a share of the seeds reaches in error at each cost."""

from dataclasses import dataclass

import moocore
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pareto_search.analysis.networks import Basis, complete

#: Shares of the seeds, in percent: quartiles and median.
PERCENTILES = (25, 50, 75)


@dataclass(frozen=True)
class Attainment:
    """Surfaces of one set of networks over its seeds.

    Attributes:
        n_seeds: Seeds, each of whose networks form one front.
        surfaces: By percentile of the seeds, the corners of the region that at least so many of the seeds' fronts
            reach: shape (n_corners, 2), cost and error, by rising cost and falling error. With n seeds the percentile p
            asks for at least p n / 100 of them, so with two seeds 25 and 50 are the better of the two at each place.
    """

    n_seeds: int
    surfaces: dict[int, NDArray[np.float64]]


def attainment(
    models: pd.DataFrame, basis: Basis, cost: str, error: str = "force_rmse_ev_per_ang"
) -> dict[tuple[str, str], Attainment]:
    """Attainment surfaces of the students and of each kind of control (Fonseca et al. 2011, by moocore).

    Args:
        models: As `clean_models` returns them.
        basis: Stage and split.
        cost: Column of the cost, such as "md_us_per_atom_step".
        error: Column of the error without its split.

    Returns:
        By role and control kind ("" for students), those with at least two seeds; rows without a finite cost and error
        do not count. A seed that lost a network has the front of its others.
    """
    rows = complete(models)
    names = [cost, f"{basis.split}_{error}"]
    rows = rows[(rows["stage"] == basis.stage) & rows["role"].isin(["student", "control"])]
    rows = rows[np.isfinite(rows[[*names, "seed"]].to_numpy(dtype=float)).all(axis=1)]
    found = {}
    for (role, kind), group in rows.groupby(["role", "control_kind"]):
        n_seeds = group["seed"].nunique()
        if n_seeds > 1:
            surfaces = _surfaces(group[names].to_numpy(dtype=float), group["seed"].to_numpy())
            found[str(role), str(kind)] = Attainment(n_seeds, surfaces)
    return found


def _surfaces(points: NDArray[np.float64], seeds: NDArray[np.float64]) -> dict[int, NDArray[np.float64]]:
    corners = moocore.eaf(points, np.unique(seeds, return_inverse=True)[1], percentiles=PERCENTILES)
    corners = corners[np.lexsort(corners.T[::-1])]
    return {percentile: corners[corners[:, 2] == percentile, :2] for percentile in PERCENTILES}
