"""Figure 2C: the front on all three axes at once: force error, step time and memory."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from pareto_search.analysis.comparison import front_mask
from pareto_search.report.figures.accuracy import points, segments
from pareto_search.report.figures.entry import Entry
from pareto_search.report.figures.panels import groups_of
from pareto_search.report.figures.quantities import FORCE, MEMORY, STEP_TIME, Quantity, with_values
from pareto_search.report.figures.style import TEACHER, Look, axis, layout, no_data
from pareto_search.report.tables import ReportedStudy, ReportTables

AXES = (STEP_TIME, MEMORY, FORCE)
#: More lines to the floor would hide the points.
MAX_STEMS = 40
#: A scene has fewer symbols; no two roles share one.
_SYMBOLS = {
    "star": "cross", "cross": "x", "triangle-up": "square-open", "triangle-down": "diamond-open",
    "triangle-left": "circle-open",
}  # fmt: skip
#: From the corner where all three are small, a little above: fronts turn their inner side to the reader.
_CAMERA = {"eye": {"x": -1.35, "y": -1.5, "z": 0.6}, "projection": {"type": "orthographic"}}
#: Without perspective, these alone decide how large the scene is.
_SIZES = {"x": 2.0, "y": 2.0, "z": 1.15}


def front_3d_figure(tables: ReportTables) -> go.Figure:
    """Students, controls and teacher in three dimensions; networks that another of their group dominates are faint."""
    networks = with_values(tables.networks, *AXES)
    figure = go.Figure()
    for look, group in reversed(list(groups_of(networks))):
        is_front = _on_front(tables, group)
        _add_points(figure, group[is_front], look, size=6.0)
        _add_points(figure, group[~is_front], look, size=4.0, opacity=0.35)
        _add_stems(figure, group[is_front], networks, look)
    _add_points(figure, networks[networks["role"] == "teacher"], TEACHER, size=8.0)
    return figure.update_layout(**layout(
        scene={**{f"{name}axis": _axis(q, networks) for name, q in zip("xyz", AXES, strict=True)},
               "camera": _CAMERA, "dragmode": "orbit", "aspectmode": "manual", "aspectratio": _SIZES},
        height=560, margin={"l": 0, "r": 0, "t": 30, "b": 20}, showlegend=True,
        annotations=[] if len(networks) else no_data("Nothing has been measured yet"),
    ), legend_y=0)  # fmt: skip


def _on_front(tables: ReportTables, group: pd.DataFrame) -> NDArray[np.bool_]:
    """Which networks no other of the group dominates on the study's objectives."""
    return front_mask(group, tables.objectives) if len(group) else np.zeros(0, dtype=bool)


def _add_points(figure: go.Figure, group: pd.DataFrame, look: Look, size: float, opacity: float = 1.0) -> None:
    if group.empty:
        return
    look = Look(look.name, look.color, _SYMBOLS.get(look.symbol, look.symbol))
    places = {name: quantity.values(group) for name, quantity in zip("xyz", AXES, strict=True)}
    marker = {"color": look.color, "symbol": look.symbol, "size": size, "opacity": opacity}
    figure.add_scatter3d(**places, **{**points(group, look), "marker": marker, "showlegend": opacity == 1.0})


def _add_stems(figure: go.Figure, group: pd.DataFrame, networks: pd.DataFrame, look: Look) -> None:
    """Thin lines from the front's points to the floor, which make the depth of a few points readable."""
    if not 0 < len(group) <= MAX_STEMS:
        return
    columns = [quantity.factor * group[quantity.column] for quantity in AXES]
    floor = columns[2] * 0 + 0.97 * float(FORCE.values(networks).min())
    xs, ys, zs = (segments(start, end) for start, end in zip(columns, [*columns[:2], floor], strict=True))
    numbers = segments(group["network"], group["network"])
    figure.add_scatter3d(x=xs, y=ys, z=zs, customdata=numbers, meta={"of": "network"}, mode="lines", hoverinfo="skip",
                         legendgroup=look.name, showlegend=False, name=f"To the floor: {look.name}",
                         line={"color": look.color, "width": 1.5}, opacity=0.35)  # fmt: skip


def _axis(quantity: Quantity, networks: pd.DataFrame) -> dict[str, object]:
    """The axis of a plane figure without what a scene does not have."""
    plane = axis(quantity.title, quantity.values(networks))
    known = ("type", "range", "tickmode", "tickvals", "ticktext", "nticks", "linecolor", "showticklabels")
    title = {"text": f"<br>{quantity.title}", "font": {"size": 12}}  # a line lower, clear of the ticks
    return {**{key: plane[key] for key in known if key in plane}, "title": title, "gridcolor": plane["linecolor"],
            "showbackground": False, "zeroline": False, "showspikes": False}  # fmt: skip


def _caption(study: ReportedStudy) -> str:
    text = "Error, step time and memory; all three are small at the near corner below, and dominated networks are faint"
    groups = groups_of(with_values(study.tables.networks, *AXES))
    counts = [
        f"{int(_on_front(study.tables, group).sum())} of {len(group)} {look.name.lower()}"
        for look, group in groups if len(group)
    ]  # fmt: skip
    return f"{text}: {', '.join(counts)} are on their own front." if counts else f"{text}."


FIGURES = (
    Entry("fig2c", "2C", "Accuracy, speed and memory together",
          front_3d_figure, _caption, is_wide=True),
)  # fmt: skip
