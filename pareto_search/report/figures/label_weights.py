"""Figure 11: the gain against the weight of the teacher's atomic energies, in studies that confirm several weights."""

import numpy as np
import plotly.graph_objects as go

from pareto_search.analysis.label_weights import WeightGain
from pareto_search.report.figures.entry import Entry
from pareto_search.report.figures.style import MUTED, axis, layout, look_of
from pareto_search.report.numbers import signed
from pareto_search.report.tables import ReportTables


def weight_figure(tables: ReportTables) -> go.Figure:
    """Force RMSE of students against that of their controls, in percent, with 95 % intervals, against the weight."""
    figure = go.Figure()
    ends: list[float] = [0.0]
    for kind in dict.fromkeys(gain.control_kind for gain in tables.weight_gains):
        of_kind = [gain for gain in tables.weight_gains if gain.control_kind == kind]
        gains = [gain for gain in of_kind if gain.weight_atomic_energy > 0]
        means = np.array([gain.force_rmse.mean_percent for gain in gains], dtype=float)
        lows, highs = np.array([_interval(gain) for gain in gains]).T
        ends += [*lows, *highs, *means]
        look = look_of("control", kind)
        name = f"Against {look.name[0].lower()}{look.name[1:]}"
        for gain in of_kind:
            if gain.weight_atomic_energy == 0:  # has no place on a logarithmic axis
                ends.append(gain.force_rmse.mean_percent or 0.0)
                figure.add_scatter(
                    x=[min(_weights(tables)), max(_weights(tables))], y=2 * [gain.force_rmse.mean_percent],
                    mode="lines", name=f"{name}, weight 0", line={"color": look.color, "width": 1, "dash": "dot"},
                    hovertemplate="weight 0: %{y:+.1f} %<extra></extra>",
                )  # fmt: skip
        figure.add_scatter(
            x=[gain.weight_atomic_energy for gain in gains], y=means, mode="lines+markers", name=name,
            marker={"color": look.color, "symbol": look.symbol, "size": 9}, line={"color": look.color, "width": 1.5},
            error_y={"type": "data", "array": highs - means, "arrayminus": means - lows, "thickness": 1.3, "width": 3},
            hovertemplate="weight %{x}: %{y:+.1f} %<extra></extra>",
        )  # fmt: skip
    return figure.update_layout(**layout(
        xaxis=axis("Weight of the teacher's atomic energies", _weights(tables), is_log=True),
        yaxis=axis("Force RMSE against controls (%)", [], is_log=False) | _percent_axis(ends),
    ))  # fmt: skip


def _caption(tables: ReportTables) -> str:
    parts = []
    for kind in dict.fromkeys(gain.control_kind for gain in tables.weight_gains):
        gains = [gain for gain in tables.weight_gains if gain.control_kind == kind]
        best = min(gains, key=lambda gain: gain.force_rmse.mean_percent or 0.0)
        mean, low, high = (signed(value, 1) for value in (best.force_rmse.mean_percent or 0.0, *_interval(best)))
        where = f"against {kind} controls lowest at {best.weight_atomic_energy:g}"
        parts.append(f"{where} ({mean} %, 95 % interval {low} to {high} %)")
    n_seeds = max(gain.force_rmse.n_seeds for gain in tables.weight_gains)
    text = f"Force RMSE of students against the weight of the teacher's atomic energies, {n_seeds} seeds"
    return f"{text}: {'; '.join(parts)}."


def _interval(gain: WeightGain) -> tuple[float, float]:
    mean = gain.force_rmse.mean_percent or 0.0
    return gain.force_rmse.ci95_percent or (mean, mean)


def _percent_axis(values: list[float]) -> dict[str, object]:
    """An axis with a line at 0, which `axis` has no place for."""
    low, high = min(values), max(values)
    margin = 0.08 * ((high - low) or 1.0)
    return {"range": [low - margin, high + margin], "nticks": 7, "showticklabels": True, "zeroline": True,
            "zerolinecolor": MUTED, "zerolinewidth": 1.5}  # fmt: skip


def _weights(tables: ReportTables) -> list[float]:
    return [gain.weight_atomic_energy for gain in tables.weight_gains if gain.weight_atomic_energy > 0]


FIGURES = (
    Entry("fig11", "11", "Gain against the weight of the teacher's labels",
          weight_figure, lambda s: _caption(s.tables), lambda t: bool(t.weight_gains), is_wide=True),
)  # fmt: skip
