"""Attainment surfaces in figures 2A and 2B: what a quarter, half and three quarters of the seeds reach."""

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from pareto_search.analysis.attainment import attainment
from pareto_search.report.figures.quantities import Quantity
from pareto_search.report.figures.style import look_of
from pareto_search.report.tables import ReportTables


def add_attainment(figure: go.Figure, tables: ReportTables, x: Quantity, y: Quantity, x_end: float) -> None:
    """Add a band between the quartiles and a thin line at the median, for each role with at least two seeds.

    Args:
        figure: Drawn into.
        tables: The study.
        x: Cost.
        y: Error.
        x_end: Where the bands end.
    """
    for (role, kind), found in attainment(tables.models, tables.basis, x.column, y.column).items():
        low, middle, high = (found.surfaces[percent] * (x.factor, y.factor) for percent in (25, 50, 75))
        if min(len(low), len(middle), len(high)) == 0:
            continue
        look = look_of(role, kind)
        common = {"mode": "lines", "legendgroup": look.name, "showlegend": False, "hoverinfo": "skip"}
        top = max(low[0, 1], high[0, 1])
        outline = np.concatenate([_steps(low, x_end, top), _steps(high, x_end, top)[::-1]])
        figure.add_scatter(
            x=outline[:, 0], y=outline[:, 1], fill="toself", fillcolor=look.color, opacity=0.1, line={"width": 0},
            name=f"Quartiles of the seeds: {look.name}", **common,
        )  # fmt: skip
        line = _steps(middle, x_end, middle[0, 1])
        figure.add_scatter(
            x=line[:, 0], y=line[:, 1], opacity=0.6, line={"color": look.color, "width": 1, "dash": "dot"},
            name=f"Median of the seeds: {look.name}", **common,
        )  # fmt: skip


def _steps(corners: NDArray[np.float64], x_end: float, top: float) -> NDArray[np.float64]:
    """A surface as a line: down from the top to its first corner, level to the next, and so on to the end."""
    xs = np.repeat(corners[:, 0], 2)
    ys = np.repeat(np.append(top, corners[:, 1]), 2)[1:-1]
    return np.column_stack([np.append(xs, max(x_end, corners[-1, 0])), np.append(ys, corners[-1, 1])])
