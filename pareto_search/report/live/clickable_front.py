"""The report's fronts, whose points lead to the networks' records."""

from html import escape

import plotly.graph_objects as go

from pareto_search.report.figures.accuracy import accuracy_figure
from pareto_search.report.figures.quantities import FORCE, Quantity
from pareto_search.report.live.redrawn import redrawn
from pareto_search.report.tables import ReportTables

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
