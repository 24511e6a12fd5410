"""Figure 10: workers' time by stage."""

import plotly.graph_objects as go

from pareto_search.analysis.timeline import StageTime, stage_times
from pareto_search.report.figures.entry import Entry
from pareto_search.report.figures.style import axis, layout, no_data
from pareto_search.report.numbers import time_unit
from pareto_search.report.tables import ReportTables

#: Uses of workers' time, with colours; the names of `StageTime`'s attributes are these with `_s`.
USES = (("training", "#0072B2"), ("measuring", "#E69F00"), ("waiting", "#b9c0cb"))
#: Pixels from the bars down to the legend, so that the axis title fits between.
_LEGEND_BELOW = 58


def time_figure(tables: ReportTables) -> go.Figure:
    """Workers' time by stage: training, measuring costs and waiting."""
    stages = stage_times(tables.events)
    totals_s = [max(stage.n_workers, 1) * stage.wall_s for stage in stages]
    unit, unit_s = time_unit(max(totals_s, default=0.0))
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
        annotations=[] if stages else no_data("No events of the run are stored"),
    ))  # fmt: skip
    inner = height - figure.layout.margin.t - figure.layout.margin.b
    return figure.update_layout(legend_y=-_LEGEND_BELOW / inner)


def _stage_text(stage: StageTime, unit: str, unit_s: float) -> str:
    return f"<b>{stage.stage}</b>: {stage.wall_s / unit_s:.3g} {unit}, {max(stage.n_workers, 1)} at once"


def work_caption(tables: ReportTables) -> str:
    """Caption of figure 10: what the workers of the longest stage did."""
    text = (
        "Workers' time by stage, interruptions left out; measuring is that of workers with nothing to train while a "
        "cost was measured, waiting the rest"
    )
    longest = max(stage_times(tables.events), key=lambda stage: stage.wall_s, default=None)
    whole = longest.training_s + longest.measuring_s + longest.waiting_s if longest else 0.0
    if longest is None or whole <= 0:
        return f"{text}."
    shares = (f"{100 * getattr(longest, f'{use}_s') / whole:.0f} % {use}" for use, _ in USES)
    return f"{text}. The {longest.stage} took longest: {', '.join(shares)}."


FIGURES = (
    Entry("fig10", "10", "Time by stage",
          time_figure, lambda s: work_caption(s.tables), lambda t: len(t.events) > 0, is_wide=True),
)  # fmt: skip
