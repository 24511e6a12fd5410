"""Figures 2, 3 and 5: accuracy against cost and size, cost against size (numbering of the paper)."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from pareto_search.analysis.comparison import kinds_of_control
from pareto_search.analysis.networks import ARCHITECTURE_COLUMNS
from pareto_search.analysis.pareto import pareto_mask
from pareto_search.report.hover import cost_text, network_text
from pareto_search.report.style import ARCHITECTURE, SERIES, TEACHER, Look, axis, layout, look_of, no_data
from pareto_search.report.tables import ReportTables, architecture_key, architectures


@dataclass(frozen=True)
class Quantity:
    """A column as an axis: its title, the factor to the unit shown and the column of its standard deviation."""

    column: str
    title: str
    factor: float = 1.0
    std_column: str | None = None

    def values(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """The column in the unit shown."""
        return self.factor * frame[self.column].to_numpy(dtype=float)

    def stds(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Standard deviations in the unit shown; 0 where there is none."""
        if self.std_column is None:
            return np.zeros(len(frame))
        return np.nan_to_num(self.factor * frame[self.std_column].to_numpy(dtype=float))


FORCE = Quantity("force_rmse_ev_per_ang", "Force RMSE (meV/Å)", 1e3, "force_rmse_std_ev_per_ang")
ENERGY = Quantity("energy_rmse_ev_per_atom", "Energy RMSE (meV/atom)", 1e3, "energy_rmse_std_ev_per_atom")
RDF = Quantity("rdf_error", "RDF error against the teacher", 1.0, "rdf_error_std")
STEP_TIME = Quantity("md_us_per_atom_step", "MD step time (µs/atom/step)")
MEMORY = Quantity("bytes_per_atom", "Memory per atom (kB)", 1e-3)
SIZE = Quantity("n_weights", "Number of weights")
CUTOFF = Quantity("dist_hard_max_ang", "Hard cutoff (Å)")


def accuracy_figure(tables: ReportTables, x: Quantity, y: Quantity, *, has_fronts: bool) -> go.Figure:
    """An error against a cost or size: students, their controls and the teacher.

    Points are means over seeds with standard deviations, a thin line joins the student and the controls of one
    architecture, networks of the search are faint, and step lines are the Pareto fronts.
    """
    networks = _with_values(tables.networks, x, y)
    search = _with_values(tables.search, x, y)
    figure = go.Figure()
    kinds = kinds_of_control(networks)
    groups = [("control", kind) for kind in reversed(kinds)] + [("student", "")]
    _add_search(figure, search, x, y)
    _add_pair_lines(figure, networks, x, y)
    x_end = max([*x.values(networks), *x.values(search), 0.0])
    for role, kind in groups:
        group = networks[(networks["role"] == role) & (networks["control_kind"] == kind)]
        if has_fronts:
            _add_front(figure, group, look_of(role, kind), x, y, x_end, is_dotted=kind not in ("", *kinds[:1]))
        _add_points(figure, group, look_of(role, kind), x, y)
    _add_points(figure, networks[networks["role"] == "teacher"], TEACHER, x, y)
    shown = pd.concat([f for f in (networks, search) if len(f)]) if len(networks) + len(search) else networks
    heights = [y.values(shown) - y.stds(shown), y.values(shown) + y.stds(shown)]
    figure.update_layout(**layout(
        xaxis=axis(x.title, x.values(shown)), yaxis=axis(y.title, np.concatenate(heights)),
        annotations=[] if len(shown) else no_data("Nothing has been measured yet"),
    ))  # fmt: skip
    return figure


def cost_figure(tables: ReportTables, y: Quantity) -> go.Figure:
    """A cost against the number of weights, one point per architecture; colours tell a few cutoffs apart."""
    frame = _with_values(architectures(tables), SIZE, y)
    figure = go.Figure()
    trained = frame[frame["role"] != "teacher"]
    cutoffs = sorted(trained["dist_hard_max_ang"].unique())
    if 1 < len(cutoffs) <= len(SERIES):
        for cutoff, (color, symbol) in zip(cutoffs, SERIES, strict=False):
            group = trained[trained["dist_hard_max_ang"] == cutoff]
            _add_costs(figure, tables, group, Look(f"Cutoff {cutoff:.2g} Å", color, symbol), SIZE, y)
    else:
        _add_costs(figure, tables, trained, ARCHITECTURE, SIZE, y)
    return _with_teacher_cost(figure, tables, frame, SIZE, y)


def cutoff_cost_figure(tables: ReportTables, y: Quantity) -> go.Figure:
    """A cost against the hard cutoff, one point per architecture; colours tell small networks from large ones."""
    frame = _with_values(architectures(tables), CUTOFF, y)
    figure = go.Figure()
    trained = frame[frame["role"] != "teacher"]
    for group, (color, symbol) in zip(_thirds(trained), SERIES, strict=False):
        low, high = group["n_weights"].min(), group["n_weights"].max()
        _add_costs(figure, tables, group, Look(f"{low:,.0f} to {high:,.0f} weights", color, symbol), CUTOFF, y)
    return _with_teacher_cost(figure, tables, frame, CUTOFF, y)


def _thirds(trained: pd.DataFrame) -> list[pd.DataFrame]:
    """Small, medium and large networks, about equally many; all together where there are few sizes."""
    if trained["n_weights"].nunique() < 3:
        return [trained] if len(trained) else []
    third = pd.qcut(trained["n_weights"], 3, labels=False, duplicates="drop")
    return [group for _, group in trained.groupby(third)]


def _with_teacher_cost(
    figure: go.Figure, tables: ReportTables, frame: pd.DataFrame, x: Quantity, y: Quantity
) -> go.Figure:
    _add_costs(figure, tables, frame[frame["role"] == "teacher"], TEACHER, x, y)
    return figure.update_layout(**layout(
        xaxis=axis(x.title, x.values(frame)), yaxis=axis(y.title, y.values(frame)),
        annotations=[] if len(frame) else no_data("No cost has been measured yet"),
    ))  # fmt: skip


def _with_values(frame: pd.DataFrame, x: Quantity, y: Quantity) -> pd.DataFrame:
    """Rows that have both quantities, positive since the axes may be logarithmic."""
    values = np.stack([x.values(frame), y.values(frame)])
    return frame.iloc[np.flatnonzero((np.isfinite(values) & (values > 0)).all(axis=0))]


def _add_search(figure: go.Figure, search: pd.DataFrame, x: Quantity, y: Quantity) -> None:
    """Faint points of the search, behind everything, with one grey legend entry for all."""
    name = "Search (one seed, validation)"
    if len(search):
        figure.add_scatter(x=[None], y=[None], mode="markers", name=name, legendgroup="search", legendrank=2000,
                           marker={"color": "#a8b0bc", "size": 7})  # fmt: skip
    for (role, kind), group in search.groupby(["role", "control_kind"]):
        look = look_of(str(role), str(kind))
        figure.add_scatter(
            x=x.values(group), y=y.values(group), mode="markers", name=name, legendgroup="search",
            showlegend=False,
            marker={"color": look.color, "symbol": look.symbol, "size": 6, "opacity": 0.28},
            text=[network_text(row) for _, row in group.iterrows()], hovertemplate="%{text}<extra></extra>",
        )  # fmt: skip


def _add_pair_lines(figure: go.Figure, networks: pd.DataFrame, x: Quantity, y: Quantity) -> None:
    """Thin lines from each student to the controls of its architecture."""
    places = networks[list(ARCHITECTURE_COLUMNS)].assign(x=x.values(networks), y=y.values(networks))
    students, controls = places[networks["role"] == "student"], places[networks["role"] == "control"]
    pairs = students.merge(controls, on=list(ARCHITECTURE_COLUMNS), suffixes=("_student", "_control"))
    if len(pairs):
        gaps = np.full(len(pairs), np.nan)
        xs, ys = (np.column_stack([pairs[f"{n}_student"], pairs[f"{n}_control"], gaps]).ravel() for n in "xy")
        figure.add_scatter(x=xs, y=ys, mode="lines", line={"color": "#aab2bf", "width": 1.2}, hoverinfo="skip",
                           name="Same architecture", showlegend=False)  # fmt: skip


def _add_front(
    figure: go.Figure, group: pd.DataFrame, look: Look, x: Quantity, y: Quantity, x_end: float, *, is_dotted: bool
) -> None:
    """The step line below which no network of the group lies."""
    points = np.stack([x.values(group), y.values(group)], axis=1)
    front = np.unique(points[pareto_mask(points)], axis=0) if len(points) else points
    if len(front) == 0:
        return
    xs, ys = [*front[:, 0], max(x_end, front[-1, 0])], [*front[:, 1], front[-1, 1]]
    figure.add_scatter(
        x=xs, y=ys, mode="lines", legendgroup=look.name, showlegend=False, hoverinfo="skip", opacity=0.75,
        name=f"Front: {look.name}",
        line={"color": look.color, "width": 1.8, "shape": "hv", "dash": "dot" if is_dotted else "solid"},
    )  # fmt: skip


def _add_points(figure: go.Figure, group: pd.DataFrame, look: Look, x: Quantity, y: Quantity) -> None:
    """Points with error bars."""
    if group.empty:
        return
    stds = y.stds(group)
    is_teacher = look.symbol == "star"
    figure.add_scatter(
        x=x.values(group), y=y.values(group), mode="markers", name=look.name, legendgroup=look.name,
        legendrank={"circle": 900, "star": 1100}.get(look.symbol, 1000),
        error_y={"type": "data", "array": stds, "visible": bool(stds.any()), "thickness": 1.3, "width": 3},
        marker={"color": look.color, "symbol": look.symbol, "size": 15 if is_teacher else 9,
                "line": {"color": "#ffffff", "width": 1}},
        text=[network_text(row) for _, row in group.iterrows()], hovertemplate="%{text}<extra></extra>",
    )  # fmt: skip


def _add_costs(
    figure: go.Figure, tables: ReportTables, group: pd.DataFrame, look: Look, x: Quantity, y: Quantity
) -> None:
    if group.empty:
        return
    texts = [cost_text(row, tables.costs.get((architecture_key(row), row["engine"]))) for _, row in group.iterrows()]
    figure.add_scatter(
        x=x.values(group), y=y.values(group), mode="markers", name=look.name, text=texts,
        hovertemplate="%{text}<extra></extra>",
        marker={"color": look.color, "symbol": look.symbol, "size": 15 if look.symbol == "star" else 9,
                "line": {"color": "#ffffff", "width": 1}},
    )  # fmt: skip
