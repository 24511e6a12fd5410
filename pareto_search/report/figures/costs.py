"""Figures 5 and 6B: what an architecture costs, against its size and its cutoff.

Points carry the number of their architecture (`meta.of`), whose cost students and controls share.
"""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pareto_search.report.figures.accuracy import points
from pareto_search.report.figures.quantities import CUTOFF, SIZE, STEP_TIME, Quantity, with_values
from pareto_search.report.figures.style import ARCHITECTURE, SERIES, TEACHER, Look, axis, layout, no_data
from pareto_search.report.tables import ReportTables, architecture_keys, architectures


def cost_figure(tables: ReportTables, y: Quantity) -> go.Figure:
    """A cost against the number of weights, one point per architecture; colours tell a few cutoffs apart."""
    frame = with_values(architectures(tables), SIZE, y)
    figure = go.Figure()
    trained = frame[frame["role"] != "teacher"]
    cutoffs = sorted(trained["dist_hard_max_ang"].unique())
    if 1 < len(cutoffs) <= len(SERIES):
        for cutoff, (color, symbol) in zip(cutoffs, SERIES, strict=False):
            group = trained[trained["dist_hard_max_ang"] == cutoff]
            _add_costs(figure, tables, group, Look(f"Cutoff {cutoff:.4g} Å", color, symbol), SIZE, y)
    else:
        _add_costs(figure, tables, trained, ARCHITECTURE, SIZE, y)
    return _with_teacher(figure, tables, frame, SIZE, y)


def cutoff_cost_figure(tables: ReportTables, y: Quantity) -> go.Figure:
    """A cost against the hard cutoff, one point per architecture; colours tell small networks from large ones."""
    frame = with_values(architectures(tables), CUTOFF, y)
    figure = go.Figure()
    for group, (color, symbol) in zip(_thirds(frame[frame["role"] != "teacher"]), SERIES, strict=False):
        low, high = group["n_weights"].min(), group["n_weights"].max()
        _add_costs(figure, tables, group, Look(f"{low:,.0f} to {high:,.0f} weights", color, symbol), CUTOFF, y)
    return _with_teacher(figure, tables, frame, CUTOFF, y)


def _thirds(trained: pd.DataFrame) -> list[pd.DataFrame]:
    """Small, medium and large networks, about equally many; all together where there are few sizes."""
    if trained["n_weights"].nunique() < 3:
        return [trained] if len(trained) else []
    third = pd.qcut(trained["n_weights"], 3, labels=False, duplicates="drop")
    return [group for _, group in trained.groupby(third)]


def _with_teacher(figure: go.Figure, tables: ReportTables, frame: pd.DataFrame, x: Quantity, y: Quantity) -> go.Figure:
    _add_costs(figure, tables, frame[frame["role"] == "teacher"], TEACHER, x, y)
    bars = _quartiles(tables, frame, y)
    heights = [y.values(frame) - bars["arrayminus"], y.values(frame) + bars["array"]]
    return figure.update_layout(**layout(
        xaxis=axis(x.title, x.values(frame)), yaxis=axis(y.title, np.concatenate(heights)),
        annotations=[] if len(frame) else no_data("No cost has been measured yet"),
    ))  # fmt: skip


def _add_costs(
    figure: go.Figure, tables: ReportTables, group: pd.DataFrame, look: Look, x: Quantity, y: Quantity
) -> None:
    if group.empty:
        return
    figure.add_scatter(
        x=x.values(group), y=y.values(group), error_y=_quartiles(tables, group, y),
        **points(group, look, of="architecture"),
    )  # fmt: skip


def _quartiles(tables: ReportTables, frame: pd.DataFrame, y: Quantity) -> dict[str, Any]:
    """Error bars from the quartiles of the timed steps to the median; none where there is no such record."""
    ends = np.zeros((len(frame), 2))
    keys = zip(architecture_keys(frame), frame["engine"], strict=True) if y is STEP_TIME else ()
    for number, key in enumerate(keys):
        if key in tables.costs:
            md = tables.costs[key].md
            median = md.us_per_atom_step_median
            ends[number] = median - md.us_per_atom_step_q25, md.us_per_atom_step_q75 - median
    below, above = np.maximum(ends, 0.0).T
    return {"type": "data", "symmetric": False, "array": above, "arrayminus": below, "visible": bool(ends.any()),
            "thickness": 1.3, "width": 3}  # fmt: skip
