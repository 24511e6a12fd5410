"""Learning curves of the search's trials, and of one network."""

from collections.abc import Callable, Iterable, Sequence
from html import escape

import pandas as pd
import plotly.graph_objects as go

from pareto_search.analysis.progress import Mark, TrialProgress
from pareto_search.records import ModelRecord
from pareto_search.report.figures.style import STUDENT, axis, layout, look_of, no_data
from pareto_search.report.live.study_figures import epoch_axis, redrawn

#: Short name of a trial's architecture.
_Label = Callable[[TrialProgress], str]
#: Trials that have ended, and those that wait, are drawn as far as these many of the last: thousands may wait.
_N_LAST = 40
#: Colour, width and legend name of the curves of trials, by their state.
_CURVES = {
    "complete": ("#9aa7b8", 1.1, "Complete"),
    "pruned": ("#c9b8a6", 1.1, "Pruned"),
    "failed": ("#B4470A", 1.4, "Failed"),
    "waiting": ("#E69F00", 1.6, "Waiting at a rung"),
    "training": (STUDENT.color, 2.2, "Training"),
}
#: Colour, symbol and legend name of what happens to trials.
_MARKS = {
    "paused": ("#E69F00", "square-open", "Paused"),
    "promoted": ("#009E73", "triangle-up", "Promoted"),
    "pruned": ("#6b7280", "x-thin-open", "Pruned"),
    "failed": ("#B4470A", "x", "Failed"),
}


def trials_figure(trials: Iterable[TrialProgress], label: _Label) -> go.Figure:
    """Validation force RMSE of the search's students against epoch, and what was decided about them."""
    shown = drawn_trials(trials)
    figure = go.Figure()
    for state, (color, width, name) in _CURVES.items():
        members = [trial for trial in shown if _look(trial) == state and trial.errors]
        if members:
            figure.add_trace(_curves(members, label, name, color, width))
    marks = [(trial, mark) for trial in shown for mark in trial.marks if trial.errors]
    for kind, (color, symbol, name) in _MARKS.items():
        found = [(trial, mark) for trial, mark in marks if _kind(trial, mark) == kind]
        if found:
            figure.add_trace(_points(found, label, name, color, symbol))
    errors = [1e3 * error for trial in shown for error in trial.errors.values()]
    last = max((epoch for trial in shown for epoch in trial.errors), default=0)
    figure.update_layout(**layout(
        xaxis=epoch_axis("Epoch", last), yaxis=axis("Validation force RMSE (meV/Å)", errors),
        showlegend=True, annotations=[] if errors else no_data("No trial has reported an epoch yet"),
    ))  # fmt: skip
    return redrawn(figure)


def drawn_trials(trials: Iterable[TrialProgress]) -> list[TrialProgress]:
    """All trials that are under way, and the last of those that wait and of those that have ended, by number."""
    by_change = sorted(trials, key=lambda trial: trial.changed_at)
    waiting = [trial for trial in by_change if trial.state == "waiting"]
    ended = [trial for trial in by_change if not trial.is_live and trial.state != "waiting"]
    under_way = [trial for trial in by_change if trial.is_live and trial.state != "waiting"]
    return sorted([*under_way, *waiting[-_N_LAST:], *ended[-_N_LAST:]], key=lambda trial: trial.number)


def _look(trial: TrialProgress) -> str:
    if trial.state in _CURVES:
        return trial.state
    return "training" if trial.state in ("ready", "measuring", "interrupted") else "complete"


def _kind(trial: TrialProgress, mark: Mark) -> str:
    """Which of `_MARKS` shows it; a pruned trial's last pause is its end."""
    return trial.state if mark.kind == "ended" else mark.kind


def _curves(trials: Sequence[TrialProgress], label: _Label, name: str, color: str, width: float) -> go.Scatter:
    """All curves of one kind as one trace, with gaps."""
    xs, ys, numbers, texts = [], [], [], []
    for trial in trials:
        epochs = sorted(trial.errors)
        xs += [*epochs, None]
        ys += [*(1e3 * trial.errors[epoch] for epoch in epochs), None]
        numbers += [trial.number] * (len(epochs) + 1)
        texts += [f"Trial {trial.number}, {escape(label(trial))}"] * (len(epochs) + 1)
    return go.Scatter(
        x=xs, y=ys, customdata=numbers, text=texts, mode="lines+markers", name=name,
        line={"color": color, "width": width}, marker={"size": 4 if name == "Training" else 3}, meta="trial",
        hovertemplate="<b>%{text}</b><br>epoch %{x}: %{y:.1f} meV/Å<extra></extra>",
    )  # fmt: skip


def _points(
    marks: Sequence[tuple[TrialProgress, Mark]], label: _Label, name: str, color: str, symbol: str
) -> go.Scatter:
    """Points where something was decided about a trial, with the reason."""
    return go.Scatter(
        x=[mark.epoch for _, mark in marks], y=[1e3 * _error_at(trial, mark.epoch) for trial, mark in marks],
        customdata=[trial.number for trial, _ in marks], mode="markers", name=name, meta="trial",
        marker={"color": color, "symbol": symbol, "size": 9, "line": {"color": color, "width": 1.8}},
        text=[f"Trial {trial.number}, {escape(label(trial))}<br>{escape(mark.text)}" for trial, mark in marks],
        hovertemplate=f"<b>{name}</b> at epoch %{{x}}<br>%{{text}}<extra></extra>",
    )  # fmt: skip


def _error_at(trial: TrialProgress, epoch: int) -> float:
    """The error that was reported last up to an epoch, else the first, eV/Å; NaN where there is none."""
    known = [at for at in trial.errors if at <= epoch]
    return trial.errors[max(known, default=min(trial.errors))] if trial.errors else float("nan")


def network_figure(curve: pd.DataFrame, trial: TrialProgress | None, record: ModelRecord | None) -> go.Figure:
    """The learning curve of one network: training and validation as stored, else what its trial reported.

    Args:
        curve: Its learning curve, `CURVE_COLUMNS`.
        trial: The trial that trains it.
        record: Its record.
    """
    figure = go.Figure()
    look = STUDENT if record is None else look_of(record.role, record.control_kind or "")
    name = record.model_id if record else f"trial {trial.number}" if trial else ""
    if len(curve):
        lines = {"Training": "train_force_rmse_ev_per_ang", "Validation": "valid_force_rmse_ev_per_ang"}
        parts = [(text, curve["epoch"].tolist(), curve[column].tolist()) for text, column in lines.items()]
    else:
        epochs = sorted(trial.errors) if trial else []
        parts = [("Validation, as reported", epochs, [trial.errors[e] for e in epochs] if trial else [])]
    for text, epochs, errors in parts:
        figure.add_scatter(
            x=epochs, y=[1e3 * error for error in errors], name=text, mode="lines" if len(epochs) > 1 else "markers",
            line={"color": look.color if text != "Training" else "#9aa7b8", "width": 1.8},
            hovertemplate=f"{text}<br>epoch %{{x}}: %{{y:.1f}} meV/Å<extra></extra>",
        )  # fmt: skip
    values = [1e3 * error for *_, errors in parts for error in errors]
    last = max((epoch for _, epochs, _ in parts for epoch in epochs), default=0)
    figure.update_layout(**layout(
        xaxis=epoch_axis("Epoch", last), yaxis=axis("Force RMSE (meV/Å)", values), showlegend=True,
        annotations=[] if values else no_data("No epoch is stored"),
    ))  # fmt: skip
    margin = {"l": 56, "r": 12, "t": 12, "b": 84}
    return redrawn(figure).update_layout(height=270, margin=margin, uirevision=name, legend_y=-0.34)
