"""The page of several runs: their fronts over each other, and their hypervolumes from one reference point."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go

from pareto_search.analysis.front import volume_unit, worst_of
from pareto_search.analysis.history import ended_trials, hypervolume_history, search_reference
from pareto_search.analysis.runs import RunsComparison, compare_runs, shared_objectives
from pareto_search.files import write_atomic
from pareto_search.objectives import Objective, objectives_named
from pareto_search.report.figures.accuracy import front_steps
from pareto_search.report.figures.quantities import FORCE, MEMORY, STEP_TIME, Quantity, with_values
from pareto_search.report.figures.style import RUN_SERIES, axis, layout, no_data
from pareto_search.report.numbers import number, split_name, whole
from pareto_search.report.page.elements import Panel
from pareto_search.report.page.page import page_html
from pareto_search.report.tables import ReportInput

#: Heads of the table of runs, and whether the column holds numbers.
_HEADS = (
    ("Run", False), ("Architectures", True), ("On the front", True), ("Best force RMSE (meV/Å)", True),
    ("Hypervolume", True), ("Epochs", True), ("Data", False),
)  # fmt: skip


def write_comparison(inputs: Mapping[str, ReportInput], html: Path, *, is_forced: bool = False) -> RunsComparison:
    """Write the page and return what it compares.

    Args:
        inputs: What the runs' own reports are made from, by the run's name.
        html: Page to write, replaced as a whole.
        is_forced: Compare runs on different data, and label the page so.

    Raises:
        DataError: If the runs do not share data and split, unless forced.
    """
    objectives = shared_objectives({name: data.objectives for name, data in inputs.items()}, is_forced=is_forced)
    comparison = compare_runs({name: data.models for name, data in inputs.items()}, objectives, is_forced=is_forced)
    fronts = "Students of each run, means over seeds; lower left is better, step lines are fronts."
    growth = (
        "Hypervolume of each search's students (validation) against the epochs it had trained, from the worst of the "
        "runs' reference points."
    )
    panels = [
        Panel("fronts-speed", "Accuracy against speed", fronts, overlay_figure(comparison, STEP_TIME)),
        Panel("fronts-memory", "Accuracy against memory", fronts, overlay_figure(comparison, MEMORY)),
        Panel("volumes", "Hypervolume", _volume_caption(comparison), volume_figure(comparison)),
        Panel("growth", "Growth of the hypervolume", growth, growth_figure(inputs, objectives)),
    ]
    title = " and ".join(inputs) if len(inputs) < 4 else f"{len(inputs)} runs"
    page = page_html(
        "comparison.html.jinja", title=title, about="Runs side by side", panels=panels, heads=_HEADS,
        headline=_headline(comparison), differences=comparison.differences, runs=_run_rows(comparison),
    )  # fmt: skip
    write_atomic(html, page)
    return comparison


def overlay_figure(comparison: RunsComparison, x: Quantity) -> go.Figure:
    """Students of all runs with the front of each."""
    figure = go.Figure()
    frames = [with_values(run.networks[run.networks["role"] == "student"], x, FORCE) for run in comparison.runs]
    x_end = max((float(x.values(frame).max()) for frame in frames if len(frame)), default=1.0)
    for run, frame, (color, symbol) in zip(comparison.runs, frames, RUN_SERIES * len(frames), strict=False):
        if frame.empty:
            continue
        xs, ys = x.values(frame), FORCE.values(frame)
        front_xs, front_ys = front_steps(xs, ys, x_end)
        figure.add_scatter(
            x=front_xs, y=front_ys, mode="lines", legendgroup=run.name,
            showlegend=False, hoverinfo="skip", name=f"Front: {run.name}",
            line={"color": color, "width": 1.8, "shape": "hv"},
        )  # fmt: skip
        figure.add_scatter(
            x=xs, y=ys, mode="markers", name=run.name, legendgroup=run.name, text=frame["label"],
            marker={"color": color, "symbol": symbol, "size": 9, "line": {"color": "#ffffff", "width": 1}},
            hovertemplate=f"{escape(run.name)} %{{text}}<br>%{{x:.3g}}, %{{y:.3g}} meV/Å<extra></extra>",
        )  # fmt: skip
    shown = [np.concatenate([q.values(frame) for frame in frames]) for q in (x, FORCE)]
    return figure.update_layout(**layout(
        xaxis=axis(x.title, shown[0]), yaxis=axis(FORCE.title, shown[1]),
        annotations=[] if len(shown[0]) else no_data("No run has a measured student"),
    ))  # fmt: skip


def volume_figure(comparison: RunsComparison) -> go.Figure:
    """Hypervolume of students and of each kind of control, run by run."""
    roles = list(dict.fromkeys(role for run in comparison.runs for role in run.hypervolumes))
    names = ["students" if role == "student" else f"controls ({role})" for role in roles]
    figure = go.Figure()
    for run, (color, _) in zip(comparison.runs, RUN_SERIES * len(comparison.runs), strict=False):
        figure.add_bar(
            x=names, y=[run.hypervolumes.get(role) for role in roles], name=run.name,
            marker={"color": color}, hovertemplate=f"{escape(run.name)}, %{{x}}: %{{y:.3f}}<extra></extra>",
        )  # fmt: skip
    volumes = [volume for run in comparison.runs for volume in run.hypervolumes.values()]
    heights = _from_zero(f"Hypervolume ({volume_unit(comparison.objectives)})", volumes)
    return figure.update_layout(**layout(barmode="group", yaxis=heights, xaxis={"type": "category"}))


def growth_figure(inputs: Mapping[str, ReportInput], objectives: Sequence[Objective] = objectives_named()) -> go.Figure:
    """Hypervolume of each search against its epochs, from a shared reference point."""
    shared = worst_of((search_reference(data.models, objectives) for data in inputs.values()), objectives)
    figure = go.Figure()
    if shared is None:
        return figure.update_layout(**layout(annotations=no_data("No run has a measured network")))
    for (name, data), (color, _) in zip(inputs.items(), RUN_SERIES * len(inputs), strict=False):
        trials = ended_trials(data.models, data.events, objectives)
        if trials.empty:
            continue
        history = hypervolume_history(trials, objectives, shared)
        figure.add_scatter(
            x=history.n_epochs, y=history.hypervolume, mode="lines", name=name,
            line={"color": color, "width": 2, "shape": "hv"},
            hovertemplate=f"{escape(name)}: %{{x:,.0f}} epochs, %{{y:.3f}}<extra></extra>",
        )  # fmt: skip
    heights = _from_zero(f"Hypervolume ({volume_unit(objectives)})")
    return figure.update_layout(**layout(xaxis=_from_zero("Epochs trained"), yaxis=heights))


def _from_zero(title: str, values: Sequence[float] = ()) -> dict[str, Any]:
    """An axis from 0 to what its figure shows."""
    return {**axis(title, values or [1.0], is_log=False), "range": None, "rangemode": "tozero"}


def _headline(comparison: RunsComparison) -> str:
    ranked = sorted(comparison.runs, key=lambda run: -run.hypervolumes.get("student", 0.0))
    if not ranked or ranked[0].hypervolumes.get("student", 0.0) == 0.0:
        return "No run has students that can be compared."
    volumes = ", ".join(f"{run.name} {run.hypervolumes.get('student', 0.0):.3f}" for run in ranked)
    split, unit = split_name(ranked[0].basis), volume_unit(comparison.objectives)
    return f"Hypervolume of the students on the {split} split, {unit}: {volumes}."


def _volume_caption(comparison: RunsComparison) -> str:
    if comparison.reference is None:
        return "Nothing has been measured."
    values = [one.text(value) for one, value in zip(comparison.objectives, comparison.reference, strict=True)]
    return f"From one reference point for all: {', '.join(values)}, the worst of the runs' own."


def _run_rows(comparison: RunsComparison) -> list[tuple[str, ...]]:
    return [
        (
            run.name, whole(run.n_architectures), whole(run.n_front), number(1e3 * run.best_force_rmse_ev_per_ang),
            number(run.hypervolumes.get("student", float("nan"))), whole(run.n_epochs), run.dataset_hash[:12],
        )
        for run in comparison.runs
    ]  # fmt: skip
