"""The figures of a report, in their order: the one place where a figure is named.

A new figure is a function from the tables to a `go.Figure` and an entry here. Points that carry numbers of networks or
architectures in `customdata`, with `meta.of` saying which, are filtered, hovered over and clicked like all others.
"""

from collections.abc import Callable
from dataclasses import dataclass

import plotly.graph_objects as go

from pareto_search.analysis.networks import has_several_cutoffs
from pareto_search.analysis.study_summary import StudySummary
from pareto_search.report.cautions import is_capacity_flat
from pareto_search.report.figures.accuracy import accuracy_figure
from pareto_search.report.figures.captions import (
    curves_caption,
    cutoff_caption,
    cutoff_cost_caption,
    front_3d_caption,
    front_caption,
    history_caption,
    importance_caption,
    memory_caption,
    parallel_caption,
    size_caption,
    time_caption,
    work_caption,
)
from pareto_search.report.figures.costs import cost_figure, cutoff_cost_figure
from pareto_search.report.figures.front_3d import front_3d_figure
from pareto_search.report.figures.label_weights import weight_caption, weight_figure
from pareto_search.report.figures.learning_curves import learning_curve_figure
from pareto_search.report.figures.parallel import parallel_figure, searched_students
from pareto_search.report.figures.quantities import CUTOFF, ENERGY, FORCE, MEMORY, SIZE, STEP_TIME
from pareto_search.report.figures.rdf import (
    has_rdf,
    has_rdf_curves,
    rdf_caption,
    rdf_error_figure,
    rdf_figure,
    rdf_force_caption,
    rdf_size_caption,
)
from pareto_search.report.figures.search import (
    has_events,
    has_importances,
    history_figure,
    importance_figure,
    is_searched,
    time_figure,
)
from pareto_search.report.page.menus import curve_menu_html, rdf_menu_html
from pareto_search.report.tables import ReportInput, ReportTables


@dataclass(frozen=True)
class Study:
    """All that a caption may speak of."""

    data: ReportInput
    summary: StudySummary
    tables: ReportTables


@dataclass(frozen=True)
class Entry:
    """A figure of the report.

    Attributes:
        name: Its identifier in the page and in file names.
        tag: Its number.
        title: Above it.
        draw: Makes it.
        caption: The sentence below it, for those who do not see it as well.
        is_shown: Whether a study has what it needs.
        is_wide: Whether it takes the whole width; the others stand in pairs.
        menu: A control above it.
    """

    name: str
    tag: str
    title: str
    draw: Callable[[ReportTables], go.Figure]
    caption: Callable[[Study], str]
    is_shown: Callable[[ReportTables], bool] = lambda tables: True
    is_wide: bool = False
    menu: Callable[[ReportTables], str] = lambda tables: ""


def _has_several_cutoffs(tables: ReportTables) -> bool:
    return has_several_cutoffs(tables.models)


FIGURES = (
    Entry("fig2a", "2A", "Accuracy against speed",
          lambda t: accuracy_figure(t, STEP_TIME, FORCE, has_fronts=True),
          lambda s: front_caption(s.summary, "MD step time")),
    Entry("fig2b", "2B", "Accuracy against memory",
          lambda t: accuracy_figure(t, MEMORY, FORCE, has_fronts=True),
          lambda s: front_caption(s.summary, "memory per atom")),
    Entry("fig2c", "2C", "Accuracy, speed and memory together", front_3d_figure,
          lambda s: front_3d_caption(s.tables), is_wide=True),
    Entry("fig3a", "3A", "Force error against size",
          lambda t: accuracy_figure(t, SIZE, FORCE),
          lambda s: size_caption(s.tables, FORCE.column, "Force error")),
    Entry("fig3b", "3B", "Energy error against size",
          lambda t: accuracy_figure(t, SIZE, ENERGY),
          lambda s: size_caption(s.tables, ENERGY.column, "Energy error per atom")),
    Entry("fig3c", "3C", "Liquid structure against size",
          lambda t: rdf_error_figure(t, SIZE),
          lambda s: rdf_size_caption(s.tables), has_rdf),
    Entry("fig3d", "3D", "Liquid structure against force error",
          lambda t: rdf_error_figure(t, FORCE),
          lambda s: rdf_force_caption(s.tables), has_rdf),
    Entry("fig3e", "3E", "Radial distribution functions of the liquid", rdf_figure,
          lambda s: rdf_caption(s.tables), has_rdf_curves, is_wide=True, menu=rdf_menu_html),
    Entry("fig4", "4", "Learning curves", learning_curve_figure,
          lambda s: curves_caption(s.tables), is_wide=True, menu=curve_menu_html),
    Entry("fig5a", "5A", "Speed against size",
          lambda t: cost_figure(t, STEP_TIME),
          lambda s: time_caption(s.summary, s.tables)),
    Entry("fig5b", "5B", "Memory against size",
          lambda t: cost_figure(t, MEMORY),
          lambda s: memory_caption(s.summary, s.tables, is_capacity_flat(s.data, s.tables))),
    Entry("fig6a", "6A", "Accuracy against cutoff",
          lambda t: accuracy_figure(t, CUTOFF, FORCE),
          lambda s: cutoff_caption(s.tables), _has_several_cutoffs),
    Entry("fig6b", "6B", "Speed against cutoff",
          lambda t: cutoff_cost_figure(t, STEP_TIME),
          lambda s: cutoff_cost_caption(s.tables), _has_several_cutoffs),
    Entry("fig7", "7", "The search in parallel coordinates", parallel_figure,
          lambda s: parallel_caption(s.tables), lambda t: len(searched_students(t)) > 0, is_wide=True),
    Entry("fig8", "8", "How the search got on", history_figure,
          lambda s: history_caption(s.tables), is_searched, is_wide=True),
    Entry("fig9", "9", "What matters for what", importance_figure,
          lambda s: importance_caption(s.tables), has_importances, is_wide=True),
    Entry("fig10", "10", "Where the time went", time_figure,
          lambda s: work_caption(s.tables), has_events, is_wide=True),
    Entry("fig11", "11", "What the weight of the teacher's labels buys", weight_figure,
          lambda s: weight_caption(s.tables), lambda t: bool(t.weight_gains), is_wide=True),
)  # fmt: skip
