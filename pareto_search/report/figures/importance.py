"""Figure 9: importance of the searched hyperparameters for each objective."""

import plotly.graph_objects as go

from pareto_search.analysis.importance import Importance
from pareto_search.report.figures.entry import Entry
from pareto_search.report.figures.panels import domains, panel_titles
from pareto_search.report.figures.parallel import setting_name
from pareto_search.report.figures.style import STUDENT, axis, layout
from pareto_search.report.tables import ReportTables


def importance_figure(tables: ReportTables) -> go.Figure:
    """Semi-partial rank correlation of every searched hyperparameter with each objective, with 95 % intervals."""
    found = tables.importances
    names = list(dict.fromkeys(effect.parameter for importance in found for effect in importance.effects))[::-1]
    figure = go.Figure()
    axes = {}
    for number, (importance, domain) in enumerate(zip(found, domains(len(found)), strict=True), start=1):
        suffix = "" if number == 1 else str(number)
        _add_effects(figure, importance, names, suffix)
        axes[f"xaxis{suffix}"] = {**axis("Rank correlation", [1.0], is_log=False), "range": [-1.05, 1.05],
                                  "domain": domain, "zeroline": True, "zerolinecolor": "#8a94a3"}  # fmt: skip
    titles = panel_titles([objective.title for objective in tables.objectives], domains(len(found)))
    shown = [setting_name(name) for name in names]
    heights = {"type": "category", "categoryarray": shown, "automargin": True, "gridcolor": "#e8ebf0"}
    look = {"height": 150 + 34 * max(len(names), 3), "margin": {"l": 62, "r": 16, "t": 40, "b": 56}}
    return figure.update_layout(**layout(**axes, **look, yaxis=heights, annotations=titles))


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


def has_importances(tables: ReportTables) -> bool:
    """Whether there are trials enough for importances."""
    return any(importance.effects for importance in tables.importances)


def importance_caption(tables: ReportTables) -> str:
    """Caption of figure 9: the strongest of the significant effects on each objective."""
    text = "Rank correlation of each hyperparameter with the objectives, others held; filled: 95 % interval without 0"
    sure = ([effect for effect in importance.effects if effect.is_sure] for importance in tables.importances)
    strongest = [
        f"{setting_name(effect.parameter).lower()} {'raises' if effect.correlation > 0 else 'lowers'} {objective.noun}"
        for effects, objective in zip(sure, tables.objectives, strict=True) for effect in effects[:1]
    ]  # fmt: skip
    if not strongest:
        return f"{text}; every interval holds 0."
    return f"{text}. The strongest of these: {', '.join(strongest)}."


FIGURES = (
    Entry("fig9", "9", "Importance of hyperparameters",
          importance_figure, lambda s: importance_caption(s.tables), has_importances, is_wide=True),
)  # fmt: skip
