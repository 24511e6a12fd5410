"""Fronts and hypervolume of a run so far, drawn again as it grows."""

import re
from collections import Counter
from collections.abc import Sequence
from html import escape

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from pareto_search.analysis.comparison import kinds_of_control
from pareto_search.analysis.front import RunningFront, columns_of, reference_point, volume_unit
from pareto_search.analysis.networks import complete
from pareto_search.objectives import Objective, objectives_named
from pareto_search.report.figures.accuracy import accuracy_figure
from pareto_search.report.figures.quantities import FORCE, Quantity
from pareto_search.report.figures.style import axis, layout, look_of, no_data
from pareto_search.report.tables import ReportTables


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


#: More networks than this are drawn as a crowd.
_CROWD = 300


def front_figure(tables: ReportTables, x: Quantity) -> go.Figure:
    """The report's figure 2 with the networks' names as `customdata` of their points."""
    figure = accuracy_figure(tables, x, FORCE, has_fronts=True)
    names = _names_by_number(tables)
    for trace in figure.data:
        if trace.mode == "markers" and trace.customdata is not None:
            found = [names[number] for number in trace.customdata]
            trace.customdata, trace.text = [name for name, _ in found], [text for _, text in found]
            trace.hovertemplate = "%{text}<br>%{x:.3g}, %{y:.1f} meV/Å<extra></extra>"
    if len(names) > _CROWD:
        _thin_out(figure)
    return redrawn(figure)


def _thin_out(figure: go.Figure) -> None:
    """Small points without rims, and no lines between pairs: a crowd is easier to see so, and quicker to draw."""
    for trace in figure.data:
        if trace.mode == "markers" and trace.marker.symbol != "star":
            trace.update(marker={"size": 5, "opacity": 0.6, "line": {"width": 0}}, error_y={"visible": False})
        elif trace.name == "Same architecture":
            trace.visible = False


def _names_by_number(tables: ReportTables) -> dict[int, tuple[str, str]]:
    """Name of the best network and a short text, by the number that points carry."""
    names = {}
    for frame in (tables.search, tables.networks):
        columns = ("network", "role", "control_kind", "best_model_id", "label")
        for number, role, kind, name, label in zip(*(frame[column] for column in columns), strict=True):
            names[int(number)] = name, f"<b>{escape(label)}</b> {escape(f'{kind} {role}'.strip())}"
    return names


#: What all have: one revision, and the panel's own ground, which may be dark.
_SHARED = {"uirevision": "live", "height": 400, "margin": {"l": 62, "r": 16, "t": 20, "b": 96},
           "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)"}  # fmt: skip


def epoch_axis(title: str, last: float) -> dict[str, object]:
    """From 0 to beyond the last epoch, in whole epochs."""
    numbers = {"range": [0, 1.04 * max(float(last), 1.0)], "showticklabels": bool(last > 0)}
    return axis(title, [1.0, last], is_log=False) | numbers | ({"dtick": 1} if last < 8 else {})


def redrawn(figure: go.Figure) -> go.Figure:
    """A figure that is drawn again and again: zoom and hidden legend entries stay as the reader left them.

    Plotly keeps what is hidden by the traces' names, which must not depend on which others there are. Axes have
    automatic ranges, so that one which has not has been zoomed by the reader.
    """
    seen: Counter[str] = Counter()
    for trace in figure.data:
        name = re.sub(r"\W+", "-", f"{trace.name} {trace.mode}", flags=re.ASCII)  # Plotly makes a CSS class of it
        seen[name] += 1
        trace.uid = f"{name}-{seen[name]}"
    for each in (figure.layout.xaxis, figure.layout.yaxis):
        low, high = each.range  # as here, in logarithms for a logarithmic axis
        each.update(range=None, autorange=True, autorangeoptions={"minallowed": low, "maxallowed": high})
    return figure.update_layout(_SHARED)
