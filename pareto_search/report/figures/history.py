"""Figure 8: growth of the search's hypervolume."""

import numpy as np
import plotly.graph_objects as go

from pareto_search.analysis.front import volume_unit
from pareto_search.report.figures.entry import Entry
from pareto_search.report.figures.panels import domains
from pareto_search.report.figures.style import STUDENT, axis, layout, no_data
from pareto_search.report.numbers import time_unit
from pareto_search.report.tables import ReportTables


def history_figure(tables: ReportTables) -> go.Figure:
    """Hypervolume of the search against trials ended, epochs trained and hours worked."""
    history = tables.history
    figure = go.Figure()
    if history is None:
        return figure.update_layout(**layout(annotations=no_data("The search has no ended trial yet")))
    panels = [("Trials ended", history.n_trials), ("Epochs trained", history.n_epochs)]
    if history.ended_s is not None:
        unit, unit_s = time_unit(float(history.ended_s.max()))
        panels.append((unit.capitalize(), history.ended_s / unit_s))
    axes, unit_of_volume = {}, volume_unit(tables.objectives)
    for number, ((title, values), domain) in enumerate(zip(panels, domains(len(panels)), strict=True), start=1):
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
    margin = {"l": 62, "r": 16, "t": 24, "b": 56}
    return figure.update_layout(**layout(**axes, yaxis=heights, height=360, margin=margin))


def is_searched(tables: ReportTables) -> bool:
    """Whether trials of a search have ended."""
    return tables.history is not None


def history_caption(tables: ReportTables) -> str:
    """Caption of figure 8: how soon most of the hypervolume was there."""
    text = f"Hypervolume of the search's students (validation){_origin(tables)}"
    history = tables.history
    if history is None or history.hypervolume[-1] == 0:
        return f"{text}."
    at = int(np.argmax(history.hypervolume >= 0.95 * history.hypervolume[-1]))
    last = int(np.argmax(history.hypervolume >= history.hypervolume[-1]))
    return (
        f"{text}: 95 % of it after {history.n_trials[at]} of {len(history.n_trials)} trials and "
        f"{history.n_epochs[at]:,.0f} of {history.n_epochs[-1]:,.0f} epochs; trials after the last gain: "
        f"{len(history.n_trials) - 1 - last}."
    )


def _origin(tables: ReportTables) -> str:
    reference = tables.reference
    if reference is None:
        return ""
    if reference.origin == "networks":
        return ", reference point a tenth beyond the worst values seen"
    factors = ["½" if factor == 0.5 else f"{factor:g}" for factor in reference.factors]
    return f", reference point at {', '.join(factors[:-1])} and {factors[-1]} times the teacher's values"


FIGURES = (
    Entry("fig8", "8", "Growth of the hypervolume",
          history_figure, lambda s: history_caption(s.tables), is_searched, is_wide=True),
)  # fmt: skip
