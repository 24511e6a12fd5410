"""Figures 2A, 2B, 3A, 3B and 6A: an error against cost, size or cutoff (numbering of the paper).

Points carry the number of their network in `customdata`, as `meta.of` declares: the page builds hover texts, filters
and selections from it. A line whose `meta.front_of` names a legend group is that group's front.
"""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from pareto_search.analysis.attainment import attainment
from pareto_search.analysis.caps import MAX_ERROR_PERCENT, MAX_MEMORY_FRACTION, MIN_SPEEDUP
from pareto_search.analysis.comparison import kinds_of_control
from pareto_search.analysis.cutoffs import front_cutoffs
from pareto_search.analysis.networks import ARCHITECTURE_COLUMNS, has_several_cutoffs
from pareto_search.analysis.pareto import pareto_mask
from pareto_search.analysis.study_summary import StudySummary, teacher_row
from pareto_search.report.figures.entry import Entry
from pareto_search.report.figures.panels import groups_of
from pareto_search.report.figures.quantities import (
    CUTOFF,
    ENERGY,
    FORCE,
    MEMORY,
    SIZE,
    STEP_TIME,
    Quantity,
    with_values,
)
from pareto_search.report.figures.style import TEACHER, Look, axis, layout, look_of, no_data
from pareto_search.report.numbers import together
from pareto_search.report.tables import ReportedStudy, ReportTables

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

    Args:
        tables: The study.
        x: Cost or size.
        y: Error.
        has_fronts: Whether fronts are drawn.
    """
    networks, search = with_values(tables.networks, x, y), with_values(tables.search, x, y)
    networks = networks[(networks["role"] != "teacher") | (y.values(networks) > 0)]  # without error: it made the data
    region = _claimed_region(tables, x) if has_fronts else None
    figure = go.Figure()
    _add_search(figure, search, x, y)
    _add_pair_lines(figure, networks, x, y)
    x_end = max([*x.values(networks), *x.values(search), 0.0])
    if has_fronts:
        _add_attainment(figure, tables, x, y, x_end)
    for number, (look, group) in reversed(list(enumerate(groups_of(networks)))):
        if has_fronts and len(group):
            _add_front(figure, group, look, x, y, x_end, is_dotted=number > 1)
        add_points(figure, group, look, x, y, {"array": y.stds(group)}, "network")
    teacher = networks[networks["role"] == "teacher"]
    add_points(figure, teacher, TEACHER, x, y, {"array": y.stds(teacher)}, "network")
    frames = [frame for frame in (networks, search) if len(frame)]
    return figure.update_layout(**_layout(pd.concat(frames) if frames else networks, x, y, region, has_fronts))


def _layout(
    shown: pd.DataFrame, x: Quantity, y: Quantity, region: dict[str, object] | None, has_fronts: bool
) -> dict[str, object]:
    xs, ys = [x.values(shown)], [y.values(shown) - y.stds(shown), y.values(shown) + y.stds(shown)]
    if region:  # its corner must be seen
        xs, ys = [*xs, np.array([region["x1"]])], [*ys, np.array([region["y1"]])]
    return layout(
        xaxis=axis(x.title, np.concatenate(xs)), yaxis=axis(y.title, np.concatenate(ys)),
        shapes=[region] if region else [], height=480 if has_fronts else 440,
        annotations=[] if len(shown) else no_data("Nothing has been measured yet"),
    )  # fmt: skip


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
    """What every trace of points has: what they stand for, looks and the place in the legend.

    Args:
        frame: Rows of networks.
        look: How they look.
        of: Column that identifies a point.
        is_faint: Whether they stand in the background.
    """
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


def front_steps(
    xs: NDArray[np.float64], ys: NDArray[np.float64], x_end: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Corners of the step line below which no point lies, from the first of the front to `x_end`.

    Args:
        xs: First coordinates of the front, rising.
        ys: Second ones.
        x_end: Where the line ends.
    """
    points = np.stack([xs, ys], axis=1)
    front = np.unique(points[pareto_mask(points)], axis=0)
    return np.append(front[:, 0], max(x_end, front[-1, 0])), np.append(front[:, 1], front[-1, 1])


def _add_front(
    figure: go.Figure, group: pd.DataFrame, look: Look, x: Quantity, y: Quantity, x_end: float, *, is_dotted: bool
) -> None:
    """The step line below which no network of the group lies."""
    xs, ys = front_steps(x.values(group), y.values(group), x_end)
    figure.add_scatter(
        x=xs, y=ys, mode="lines", legendgroup=look.name, showlegend=False, hoverinfo="skip", opacity=0.75,
        name=f"Front: {look.name}", meta={"front_of": look.name},
        line={"color": look.color, "width": 1.8, "shape": "hv", "dash": "dot" if is_dotted else "solid"},
    )  # fmt: skip


def add_points(
    figure: go.Figure, group: pd.DataFrame, look: Look, x: Quantity, y: Quantity, spread: dict[str, Any], of: str
) -> None:
    """Add points with error bars, if there are any.

    Args:
        figure: Drawn into.
        group: Rows of networks.
        look: How they look.
        x: Across.
        y: Up.
        spread: Lengths of the bars above, `array`, and below, `arrayminus` where they differ.
        of: Column that identifies a point.
    """
    if len(group):
        is_visible = any(np.any(lengths) for lengths in spread.values())
        bars = {"type": "data", "visible": is_visible, "thickness": 1.3, "width": 3, **spread}
        figure.add_scatter(x=x.values(group), y=y.values(group), error_y=bars, **points(group, look, of=of))


def _add_attainment(figure: go.Figure, tables: ReportTables, x: Quantity, y: Quantity, x_end: float) -> None:
    """What the fronts of single seeds attain: a band between the quartiles, a thin line at the median."""
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


def _front_caption(summary: StudySummary, axis_name: str) -> str:
    text = (
        f"Force error against {axis_name}, lower left is better; points are means over seeds, bars their spread, "
        "step lines are fronts, bands the quartiles of what the fronts of single seeds attain"
    )
    found = summary.headline.dominance if summary.headline else None
    if found is None or found.n_controls == 0:
        text += "; there are no controls to compare with."
    else:
        text += f": {found.n_controls_dominated} of {found.n_controls} controls are dominated by some student on "
        text += f"{together(summary.objectives)}."
    is_hidden = summary.teacher is not None and summary.teacher.made_the_data
    return text + (" The teacher made the data: its error is 0, and it is not drawn." if is_hidden else "")


def size_caption(tables: ReportTables, column: str, name: str) -> str:
    """At how many sizes the student is more accurate than its headline control.

    Args:
        tables: The study.
        column: Of the error.
        name: Of the error.
    """
    text = f"{name} against the number of weights"
    kinds, keys = kinds_of_control(tables.networks), list(ARCHITECTURE_COLUMNS)
    students = tables.of_role("student").groupby(keys)[column].mean()
    controls = tables.of_role("control", kinds[0] if kinds else "").groupby(keys)[column].mean()
    both = pd.concat([students.rename("student"), controls.rename("control")], axis=1).dropna()
    if both.empty:
        return f"{text}; no architecture has both a student and a control."
    better = int((both["student"] < both["control"]).sum())
    return f"{text}: with equal weights the student is the more accurate in {better} of {len(both)} architectures."


def _cutoff_caption(study: ReportedStudy) -> str:
    tables = study.tables
    text = "Force error against the hard cutoff"
    tried = tables.models.loc[tables.models["role"] != "teacher", "dist_hard_max_ang"]
    found = front_cutoffs(tables.networks, tables.objectives)
    if not found:
        return f"{text}; no student is on the front yet."
    low, high = f"{found[0]:.1f}", f"{found[-1]:.1f}"
    theirs = f"a cutoff of {low} Å" if low == high else f"cutoffs from {low} to {high} Å"
    longer = "; longer ones brought no student onto the front" if found[-1] < tried.max() else ""
    return f"{text}: students on the front have {theirs}, of {tried.min():.1f} to {tried.max():.1f} Å tried{longer}."


FIGURES = (
    Entry("fig2a", "2A", "Accuracy against speed",
          lambda t: accuracy_figure(t, STEP_TIME, FORCE, has_fronts=True),
          lambda s: _front_caption(s.summary, "MD step time")),
    Entry("fig2b", "2B", "Accuracy against memory",
          lambda t: accuracy_figure(t, MEMORY, FORCE, has_fronts=True),
          lambda s: _front_caption(s.summary, "memory per atom")),
    Entry("fig3a", "3A", "Force error against size",
          lambda t: accuracy_figure(t, SIZE, FORCE),
          lambda s: size_caption(s.tables, FORCE.column, "Force error")),
    Entry("fig3b", "3B", "Energy error against size",
          lambda t: accuracy_figure(t, SIZE, ENERGY),
          lambda s: size_caption(s.tables, ENERGY.column, "Energy error per atom")),
    Entry("fig6a", "6A", "Accuracy against cutoff",
          lambda t: accuracy_figure(t, CUTOFF, FORCE),
          _cutoff_caption, lambda t: has_several_cutoffs(t.models)),
)  # fmt: skip
