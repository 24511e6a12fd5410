"""The hypervolume of a run so far."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from pareto_search.analysis.comparison import kinds_of_control
from pareto_search.analysis.front import RunningFront, columns_of, reference_point, volume_unit
from pareto_search.analysis.networks import complete
from pareto_search.objectives import Objective, objectives_named
from pareto_search.report.figures.style import axis, layout, look_of, no_data
from pareto_search.report.live.redrawn import epoch_axis, redrawn


def volume_figure(
    networks: pd.DataFrame, n_epochs: ArrayLike, objectives: Sequence[Objective] = objectives_named()
) -> go.Figure:
    """The hypervolume of students and of controls so far, against all epochs trained until then.

    Args:
        networks: Rows of `models.csv`, cleaned, in the order they came.
        n_epochs: Epochs that had been trained when each of them ended; NaN where the journal does not hold it.
        objectives: What the study optimises.
    """
    rows = networks.assign(at=np.asarray(n_epochs, dtype=float))
    if rows["at"].isna().all():  # results that were read back from the model folders have no journal
        rows["at"] = rows["n_epochs"].where(rows["role"] != "teacher").fillna(0).cumsum()
    rows["at"] = rows["at"].ffill().fillna(0).cummax()
    rows = complete(rows)
    reference, unit = reference_point(rows, objectives), volume_unit(objectives)
    figure = go.Figure()
    groups = [("student", ""), *(("control", kind) for kind in kinds_of_control(rows))]
    for role, kind in groups if reference else ():
        group = rows[(rows["role"] == role) & (rows["control_kind"] == kind)]
        front = RunningFront(objectives, reference.values if reference else None)
        volumes = front.volumes(group[columns_of(objectives)])
        is_step = np.diff(volumes, prepend=0.0) > 0
        if is_step.any():
            is_step[-1] = True  # the line ends where the last network did
            look = look_of(role, kind)
            figure.add_scatter(
                x=group["at"][is_step], y=volumes[is_step], customdata=group["model_id"][is_step].tolist(),
                mode="lines+markers", name=look.name, line={"color": look.color, "width": 2, "shape": "hv"},
                marker={"symbol": look.symbol, "size": 6},
                hovertemplate=f"{look.name}: %{{y:.3f}} {unit}<br>after %{{x}} epochs<extra></extra>",
            )  # fmt: skip
    epochs = epoch_axis("Epochs trained so far, all networks", rows["at"].max() if len(figure.data) else 0)
    heights = axis(f"Hypervolume ({unit})", [v for trace in figure.data for v in trace.y], is_log=False)
    what = "No network has both an error and a cost yet"
    figure.update_layout(**layout(
        xaxis=epochs, yaxis=heights, annotations=[] if len(figure.data) else no_data(what), showlegend=True,
    ))  # fmt: skip
    return redrawn(figure)
