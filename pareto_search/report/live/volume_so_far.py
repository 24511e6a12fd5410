"""The hypervolume of a run so far."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from pareto_search.analysis.comparison import FRONT_COLUMNS, kinds_of_control, reference_point
from pareto_search.analysis.networks import complete
from pareto_search.analysis.pareto import hypervolume
from pareto_search.report.figures.style import axis, layout, look_of, no_data
from pareto_search.report.live.redrawn import epoch_axis, redrawn


def volume_figure(networks: pd.DataFrame, n_epochs: ArrayLike) -> go.Figure:
    """The hypervolume of students and of controls so far, against all epochs trained until then.

    Args:
        networks: Rows of `models.csv`, cleaned, in the order they came.
        n_epochs: Epochs that had been trained when each of them ended; NaN where the journal does not hold it.
    """
    rows = networks.assign(at=np.asarray(n_epochs, dtype=float))
    if rows["at"].isna().all():  # results that were read back from the model folders have no journal
        rows["at"] = rows["n_epochs"].where(rows["role"] != "teacher").fillna(0).cumsum()
    rows["at"] = rows["at"].ffill().fillna(0).cummax()
    rows = complete(rows).rename(columns={"valid_force_rmse_ev_per_ang": FRONT_COLUMNS[0]})
    reference = reference_point(rows)
    figure = go.Figure()
    groups = [("student", ""), *(("control", kind) for kind in kinds_of_control(rows))]
    for role, kind in groups if reference else ():
        group = rows[(rows["role"] == role) & (rows["control_kind"] == kind)]
        volumes = volumes_so_far(group[list(FRONT_COLUMNS)], reference.values if reference else ())
        is_step = np.diff(volumes, prepend=0.0) > 0
        if is_step.any():
            is_step[-1] = True  # the line ends where the last network did
            look = look_of(role, kind)
            figure.add_scatter(
                x=group["at"][is_step], y=volumes[is_step], customdata=group["model_id"][is_step].tolist(),
                mode="lines+markers", name=look.name, line={"color": look.color, "width": 2, "shape": "hv"},
                marker={"symbol": look.symbol, "size": 6},
                hovertemplate=f"{look.name}: %{{y:.3f}} cubic decades<br>after %{{x}} epochs<extra></extra>",
            )  # fmt: skip
    epochs = epoch_axis("Epochs trained so far, all networks", rows["at"].max() if len(figure.data) else 0)
    heights = axis("Hypervolume (cubic decades)", [v for trace in figure.data for v in trace.y], is_log=False)
    what = "No network has both an error and a cost yet"
    figure.update_layout(**layout(
        xaxis=epochs, yaxis=heights, annotations=[] if len(figure.data) else no_data(what), showlegend=True,
    ))  # fmt: skip
    return redrawn(figure)


def volumes_so_far(points: ArrayLike, reference: Sequence[float]) -> NDArray[np.float64]:
    """Hypervolume, in cubic decades, of each point and all before it.

    Args:
        points: Force RMSE, step time and bytes per atom, all minimised, shape (n, 3); not finite: not measured.
        reference: Reference point in the same units.
    """
    costs = np.asarray(points, dtype=float).reshape(-1, len(reference))
    front = np.zeros((0, costs.shape[1]))
    volumes = np.zeros(len(costs))
    volume = 0.0
    for number, point in enumerate(costs):
        is_new = (point > 0).all() and not (front <= point).all(axis=1).any()
        if is_new:
            front = np.vstack([front[~(point <= front).all(axis=1)], point])
            volume = hypervolume(front, reference, is_log10=True)
        volumes[number] = volume
    return volumes
