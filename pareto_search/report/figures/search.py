"""Figures 8 to 10: how the search got on, what mattered in it, and where the time of the run went."""

import numpy as np
import plotly.graph_objects as go

from pareto_search.analysis.front import volume_unit
from pareto_search.analysis.importance import Importance
from pareto_search.analysis.timeline import StageTime, stage_times
from pareto_search.report.figures.parallel import SETTINGS
from pareto_search.report.figures.style import STUDENT, axis, layout, no_data
from pareto_search.report.tables import ReportTables

#: Uses of workers' time, with colours; the names of `StageTime`'s attributes are these with `_s`.
USES = (("training", "#0072B2"), ("measuring", "#E69F00"), ("waiting", "#b9c0cb"))
#: Pixels from the bars down to the legend, so that the axis title fits between.
_LEGEND_BELOW = 58
_GAP = 0.06


def history_figure(tables: ReportTables) -> go.Figure:
    """Hypervolume of the search against trials ended, epochs trained and hours worked."""
    history = tables.history
    figure = go.Figure()
    if history is None:
        return figure.update_layout(**layout(annotations=no_data("The search has no ended trial yet")))
    panels = [("Trials ended", history.n_trials), ("Epochs trained", history.n_epochs)]
    if history.ended_s is not None:
        unit, unit_s = _time_unit(float(history.ended_s.max()))
        panels.append((unit.capitalize(), history.ended_s / unit_s))
    axes, unit_of_volume = {}, volume_unit(tables.objectives)
    for number, ((title, values), domain) in enumerate(zip(panels, _domains(len(panels)), strict=True), start=1):
        suffix = "" if number == 1 else str(number)
        figure.add_scatter(
            x=values, y=history.hypervolume, xaxis=f"x{suffix}", mode="lines", name="Students of the search",
            showlegend=False, line={"color": STUDENT.color, "width": 2, "shape": "hv"},
            hovertemplate=f"{title.lower()} %{{x:.4g}}: %{{y:.3f}} {unit_of_volume}<extra></extra>",
        )  # fmt: skip
        axes[f"xaxis{suffix}"] = {**axis(title, values, is_log=False), "domain": domain, "rangemode": "tozero",
                                  "range": [0, 1.02 * float(np.max(values))]}  # fmt: skip
    top = 1.05 * float(history.hypervolume.max()) or 1.0
    heights = {**axis(f"Hypervolume ({unit_of_volume})", history.hypervolume, is_log=False), "range": [0, top]}
    return figure.update_layout(
        **layout(**axes, yaxis=heights, height=360, margin={"l": 62, "r": 16, "t": 24, "b": 56})
    )


def importance_figure(tables: ReportTables) -> go.Figure:
    """Semi-partial rank correlation of every searched hyperparameter with each objective, with 95 % intervals."""
    found = tables.importances
    names = list(dict.fromkeys(effect.parameter for importance in found for effect in importance.effects))[::-1]
    figure = go.Figure()
    axes = {}
    for number, (importance, domain) in enumerate(zip(found, _domains(len(found)), strict=True), start=1):
        suffix = "" if number == 1 else str(number)
        _add_effects(figure, importance, names, suffix)
        axes[f"xaxis{suffix}"] = {**axis("Rank correlation", [1.0], is_log=False), "range": [-1.05, 1.05],
                                  "domain": domain, "zeroline": True, "zerolinecolor": "#8a94a3"}  # fmt: skip
    titles = [
        {"text": f"<b>{one.title}</b>", "x": domain[0], "y": 1.0, "xref": "paper", "yref": "paper", "xanchor": "left",
         "yanchor": "bottom", "showarrow": False, "font": {"size": 13}}
        for one, domain in zip(tables.objectives, _domains(len(found)), strict=True)
    ]  # fmt: skip
    shown = [setting_name(name) for name in names]
    heights = {"type": "category", "categoryarray": shown, "automargin": True, "gridcolor": "#e8ebf0"}
    return figure.update_layout(
        **layout(**axes, yaxis=heights, annotations=titles,
                 height=150 + 34 * max(len(names), 3), margin={"l": 62, "r": 16, "t": 40, "b": 56})
    )  # fmt: skip


def _add_effects(figure: go.Figure, importance: Importance, names: list[str], suffix: str) -> None:
    effects = {effect.parameter: effect for effect in importance.effects}
    shown = [effects[name] for name in names if name in effects]
    if not shown:
        return
    figure.add_scatter(
        x=[effect.correlation for effect in shown], y=[setting_name(effect.parameter) for effect in shown],
        xaxis=f"x{suffix}", mode="markers", name=importance.objective, showlegend=False,
        error_x={"type": "data", "symmetric": False, "array": [e.ci95[1] - e.correlation for e in shown],
                 "arrayminus": [e.correlation - e.ci95[0] for e in shown], "thickness": 1.6, "width": 4},
        marker={"size": 9, "symbol": ["circle" if effect.is_sure else "circle-open" for effect in shown],
                "color": STUDENT.color},
        hovertemplate="%{y}: %{x:.2f}<extra></extra>",
    )  # fmt: skip


def time_figure(tables: ReportTables) -> go.Figure:
    """Workers' time by stage: training, measuring costs and waiting."""
    stages = stage_times(tables.events)
    totals_s = [max(stage.n_workers, 1) * stage.wall_s for stage in stages]
    unit, unit_s = _time_unit(max(totals_s, default=0.0))
    figure = go.Figure()
    for use, color in USES:
        figure.add_bar(
            x=[getattr(stage, f"{use}_s") / unit_s for stage in stages], y=[stage.stage for stage in stages],
            orientation="h", name=use.capitalize(),
            marker={"color": color}, text=[_stage_text(stage, unit, unit_s) for stage in stages], textposition="none",
            hovertemplate=f"%{{text}}<br>{use} %{{x:.3g}} worker {unit}<extra></extra>",
        )  # fmt: skip
    totals = [total_s / unit_s for total_s in totals_s]
    height = 180 + 42 * max(len(stages), 2)
    figure.update_layout(**layout(
        barmode="stack", height=height, yaxis={"autorange": "reversed", "automargin": True},
        xaxis={**axis(f"Worker {unit}", totals, is_log=False), "range": [0, 1.02 * max(totals, default=1.0) or 1.0]},
        annotations=[] if stages else no_data("The run has kept no journal"),
    ))  # fmt: skip
    inner = height - figure.layout.margin.t - figure.layout.margin.b
    return figure.update_layout(legend_y=-_LEGEND_BELOW / inner)


def _stage_text(stage: StageTime, unit: str, unit_s: float) -> str:
    return f"<b>{stage.stage}</b>: {stage.wall_s / unit_s:.3g} {unit}, {max(stage.n_workers, 1)} at once"


def _time_unit(longest_s: float) -> tuple[str, float]:
    """Unit in which a time is easily read, and its seconds."""
    return ("minutes", 60.0) if longest_s < 2 * 3600 else ("hours", 3600.0)


def _domains(n: int) -> list[list[float]]:
    """Places of panels side by side."""
    width = (1 - _GAP * (n - 1)) / n
    return [[number * (width + _GAP), number * (width + _GAP) + width] for number in range(n)]


def setting_name(parameter: str) -> str:
    """A hyperparameter as figures call it."""
    names = {dimension.column: dimension.name.replace("<br>", " ") for dimension in SETTINGS}
    return names.get(parameter, parameter)


def has_events(tables: ReportTables) -> bool:
    """Whether the run kept a journal."""
    return len(tables.events) > 0


def is_searched(tables: ReportTables) -> bool:
    """Whether trials of a search have ended."""
    return tables.history is not None


def has_importances(tables: ReportTables) -> bool:
    """Whether there are trials enough to tell what matters."""
    return any(importance.effects for importance in tables.importances)
