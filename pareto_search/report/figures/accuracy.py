"""Figures 2, 3 and 6A: an error against cost, size or cutoff (numbering of the paper).

Points carry the number of their network in `customdata` and say so in `meta.of`: the page builds hover texts, filters
and selections from it. A line whose `meta.front_of` names a legend group is that group's front.
"""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from pareto_search.analysis.caps import MAX_ERROR_PERCENT, MAX_MEMORY_FRACTION, MIN_SPEEDUP
from pareto_search.analysis.comparison import kinds_of_control
from pareto_search.analysis.networks import ARCHITECTURE_COLUMNS
from pareto_search.analysis.pareto import pareto_mask
from pareto_search.analysis.study_summary import teacher_row
from pareto_search.report.figures.attainment_bands import add_attainment
from pareto_search.report.figures.quantities import FORCE, MEMORY, STEP_TIME, Quantity, with_values
from pareto_search.report.figures.style import TEACHER, Look, axis, layout, look_of, no_data
from pareto_search.report.tables import ReportTables

SEARCH_NAME = "Search (one seed, validation)"
#: The claim's limit of a cost, as a fraction of the teacher's, and how the region below it is called.
_CLAIMED = {
    STEP_TIME.column: (1 / MIN_SPEEDUP, f"over {MIN_SPEEDUP:.0f}× faster than the teacher"),
    MEMORY.column: (MAX_MEMORY_FRACTION, f"under {100 * MAX_MEMORY_FRACTION:.0f} % of the teacher's memory"),
}


def accuracy_figure(tables: ReportTables, x: Quantity, y: Quantity, *, has_fronts: bool = False) -> go.Figure:
    """An error against a cost or size: students, their controls and the teacher.

    Points are means over seeds with standard deviations, a thin line joins the student and the controls of one
    architecture, networks of the search are faint. Step lines are the Pareto fronts, in bands that show how far those
    of single seeds scatter.
    """
    networks, search = with_values(tables.networks, x, y), with_values(tables.search, x, y)
    networks = networks[(networks["role"] != "teacher") | (y.values(networks) > 0)]  # without error: it made the data
    region = _claimed_region(tables, x) if has_fronts else None
    figure = go.Figure()
    kinds = kinds_of_control(networks)
    groups = [("control", kind) for kind in reversed(kinds)] + [("student", "")]
    _add_search(figure, search, x, y)
    _add_pair_lines(figure, networks, x, y)
    x_end = max([*x.values(networks), *x.values(search), 0.0])
    if has_fronts:
        add_attainment(figure, tables, x, y, x_end)
    for role, kind in groups:
        group = networks[(networks["role"] == role) & (networks["control_kind"] == kind)]
        if has_fronts:
            _add_front(figure, group, look_of(role, kind), x, y, x_end, is_dotted=kind not in ("", *kinds[:1]))
        _add_points(figure, group, look_of(role, kind), x, y)
    _add_points(figure, networks[networks["role"] == "teacher"], TEACHER, x, y)
    shown = pd.concat([f for f in (networks, search) if len(f)]) if len(networks) + len(search) else networks
    xs, ys = [x.values(shown)], [y.values(shown) - y.stds(shown), y.values(shown) + y.stds(shown)]
    if region:  # its corner must be seen
        xs, ys = [*xs, np.array([region["x1"]])], [*ys, np.array([region["y1"]])]
    return figure.update_layout(**layout(
        xaxis=axis(x.title, np.concatenate(xs)), yaxis=axis(y.title, np.concatenate(ys)),
        shapes=[region] if region else [], height=480 if has_fronts else 440,
        annotations=[] if len(shown) else no_data("Nothing has been measured yet"),
    ))  # fmt: skip


def _claimed_region(tables: ReportTables, x: Quantity) -> dict[str, object] | None:
    """The region in which a network meets the paper's claim on error and this cost; None without such a claim."""
    teacher = teacher_row(tables.networks)
    if teacher is None or x.column not in _CLAIMED:
        return None
    fraction, name = _CLAIMED[x.column]
    cost = fraction * x.factor * teacher[x.column]
    error = (1 + MAX_ERROR_PERCENT / 100) * FORCE.factor * teacher[FORCE.column]
    if not (np.isfinite([cost, error]).all() and cost > 0 and error > 0):
        return None
    return {
        "type": "rect", "layer": "below", "x0": 1e-4 * cost, "x1": cost, "y0": 1e-4 * error, "y1": error,
        "fillcolor": "#E69F00", "opacity": 0.13, "line": {"width": 0}, "showlegend": True, "legendrank": 3000,
        "name": f"At most {MAX_ERROR_PERCENT:.0f} % worse and {name}",
    }  # fmt: skip


def points(frame: pd.DataFrame, look: Look, *, of: str = "network", is_faint: bool = False) -> dict[str, object]:
    """What every trace of points has: what they stand for, looks and the place in the legend."""
    marker = {"color": look.color, "symbol": look.symbol, "size": 6, "opacity": 0.28}
    if not is_faint:
        size = 15 if look.symbol == "star" else 9
        marker = {"color": look.color, "symbol": look.symbol, "size": size, "line": {"color": "#ffffff", "width": 1}}
    return {
        "mode": "markers", "name": SEARCH_NAME if is_faint else look.name, "marker": marker,
        "legendgroup": "search" if is_faint else look.name, "showlegend": not is_faint,
        "legendrank": {"circle": 900, "star": 1100}.get(look.symbol, 1000),
        "customdata": frame[of].to_numpy(), "meta": {"of": of},
    }  # fmt: skip


def segments(starts: pd.Series, ends: pd.Series) -> NDArray[np.float64]:
    """Values along separate lines from each start to its end: start, end, gap, start, end, gap and so on."""
    gaps = np.full(len(starts), np.nan)
    return np.column_stack([starts.to_numpy(dtype=float), ends.to_numpy(dtype=float), gaps]).ravel()


def _add_search(figure: go.Figure, search: pd.DataFrame, x: Quantity, y: Quantity) -> None:
    """Faint points of the search, behind everything, with one grey legend entry for all."""
    if len(search):
        figure.add_scatter(x=[None], y=[None], mode="markers", name=SEARCH_NAME, legendgroup="search", legendrank=2000,
                           marker={"color": "#a8b0bc", "size": 7})  # fmt: skip
    for (role, kind), group in search.groupby(["role", "control_kind"]):
        look = look_of(str(role), str(kind))
        figure.add_scatter(x=x.values(group), y=y.values(group), **points(group, look, is_faint=True))


def _add_pair_lines(figure: go.Figure, networks: pd.DataFrame, x: Quantity, y: Quantity) -> None:
    """Thin lines from each student to the controls of its architecture."""
    places = networks[[*ARCHITECTURE_COLUMNS, "network"]].assign(x=x.values(networks), y=y.values(networks))
    students, controls = places[networks["role"] == "student"], places[networks["role"] == "control"]
    pairs = students.merge(controls, on=list(ARCHITECTURE_COLUMNS), suffixes=("_student", "_control"))
    xs, ys, numbers = (segments(pairs[f"{n}_student"], pairs[f"{n}_control"]) for n in ("x", "y", "network"))
    if len(pairs):
        figure.add_scatter(x=xs, y=ys, customdata=numbers, meta={"of": "network"}, mode="lines",
                           line={"color": "#aab2bf", "width": 1.2}, hoverinfo="skip",
                           name="Same architecture", showlegend=False)  # fmt: skip


def _add_front(
    figure: go.Figure, group: pd.DataFrame, look: Look, x: Quantity, y: Quantity, x_end: float, *, is_dotted: bool
) -> None:
    """The step line below which no network of the group lies."""
    places = np.stack([x.values(group), y.values(group)], axis=1)
    front = np.unique(places[pareto_mask(places)], axis=0) if len(places) else places
    if len(front) == 0:
        return
    xs, ys = [*front[:, 0], max(x_end, front[-1, 0])], [*front[:, 1], front[-1, 1]]
    figure.add_scatter(
        x=xs, y=ys, mode="lines", legendgroup=look.name, showlegend=False, hoverinfo="skip", opacity=0.75,
        name=f"Front: {look.name}", meta={"front_of": look.name},
        line={"color": look.color, "width": 1.8, "shape": "hv", "dash": "dot" if is_dotted else "solid"},
    )  # fmt: skip


def _add_points(figure: go.Figure, group: pd.DataFrame, look: Look, x: Quantity, y: Quantity) -> None:
    """Points with error bars."""
    if group.empty:
        return
    stds = y.stds(group)
    figure.add_scatter(
        x=x.values(group), y=y.values(group), **points(group, look),
        error_y={"type": "data", "array": stds, "visible": bool(stds.any()), "thickness": 1.3, "width": 3},
    )  # fmt: skip
