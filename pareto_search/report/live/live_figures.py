"""Figures of the live page: the report's fronts, learning curves of the search's trials, and the hypervolume so far."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from html import escape

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from pareto_search.analysis.comparison import kinds_of_control
from pareto_search.analysis.front import RunningFront, columns_of, reference_point, volume_unit
from pareto_search.analysis.networks import complete
from pareto_search.analysis.progress import Mark, TrialProgress
from pareto_search.objectives import Objective, objectives_named
from pareto_search.records import ModelRecord
from pareto_search.report.figures.accuracy import accuracy_figure
from pareto_search.report.figures.quantities import FORCE, Quantity
from pareto_search.report.figures.style import STUDENT, axis, layout, look_of, no_data
from pareto_search.report.tables import ReportTables

#: More networks than this are drawn as a crowd.
_CROWD = 300
#: Trials that have ended, and those that wait, are drawn as far as these many of the last: thousands may wait.
_N_LAST = 40
#: What all have: one revision, and the panel's own ground, which may be dark.
_SHARED = {"uirevision": "live", "height": 400, "margin": {"l": 62, "r": 16, "t": 20, "b": 96},
           "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)"}  # fmt: skip
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


def front_figure(tables: ReportTables, x: Quantity) -> go.Figure:
    """The report's figure 2 with the networks' names as `customdata` of their points."""
    figure = accuracy_figure(tables, x, FORCE, has_fronts=True)
    names = _names_by_number(tables)
    for trace in figure.data:
        if trace.mode == "markers" and trace.customdata is not None:
            found = [names[number] for number in trace.customdata]
            trace.customdata, trace.text = [name for name, _ in found], [text for _, text in found]
            trace.hovertemplate = "%{text}<br>%{x:.3g}, %{y:.1f} meV/Å<extra></extra>"
    if len(names) > _CROWD:
        _thin_out(figure)
    return _followed(figure)


def _thin_out(figure: go.Figure) -> None:
    """Small points without rims, and no lines between pairs: a crowd is easier to see so, and quicker to draw."""
    for trace in figure.data:
        if trace.mode == "markers" and trace.marker.symbol != "star":
            trace.update(marker={"size": 5, "opacity": 0.6, "line": {"width": 0}}, error_y={"visible": False})
        elif trace.name == "Same architecture":
            trace.visible = False


def _names_by_number(tables: ReportTables) -> dict[int, tuple[str, str]]:
    """Name of the best network and a short text, by the number that points carry."""
    names = {}
    for frame in (tables.search, tables.networks):
        columns = ("network", "role", "control_kind", "best_model_id", "label")
        for number, role, kind, name, label in zip(*(frame[column] for column in columns), strict=True):
            names[int(number)] = name, f"<b>{escape(label)}</b> {escape(f'{kind} {role}'.strip())}"
    return names


def trials_figure(trials: Iterable[TrialProgress], label: Callable[[TrialProgress], str]) -> go.Figure:
    """Validation force RMSE of the search's students against epoch, and what was decided about them.

    Args:
        trials: All trials, of which `drawn_trials` are drawn.
        label: Name of a trial's architecture.
    """
    shown = drawn_trials(trials)
    figure = go.Figure()
    for state, (color, width, name) in _CURVES.items():
        members = [trial for trial in shown if _look(trial) == state and trial.errors]
        if members:
            _add_curves(figure, members, label, name, {"color": color, "width": width})
    for kind, (color, symbol, name) in _MARKS.items():
        found = [
            (trial, mark) for trial in shown for mark in trial.marks if _kind(trial, mark) == kind and trial.errors
        ]
        if found:
            _add_marks(figure, found, label, name, {"color": color, "symbol": symbol})
    errors = [1e3 * error for trial in shown for error in trial.errors.values()]
    last = max((epoch for trial in shown for epoch in trial.errors), default=0)
    epochs = _epoch_axis("Epoch", last)
    figure.update_layout(**layout(
        xaxis=epochs, yaxis=axis("Validation force RMSE (meV/Å)", errors),
        showlegend=True, annotations=[] if errors else no_data("No trial has reported an epoch yet"),
    ))  # fmt: skip
    return _followed(figure)


def drawn_trials(trials: Iterable[TrialProgress]) -> list[TrialProgress]:
    """All trials that are under way, and the last of those that wait and of those that have ended, by number."""
    under_way: list[TrialProgress] = []
    waiting: list[TrialProgress] = []
    ended: list[TrialProgress] = []
    for trial in sorted(trials, key=lambda trial: trial.changed_at):
        (waiting if trial.state == "waiting" else under_way if trial.is_live else ended).append(trial)
    return sorted([*under_way, *waiting[-_N_LAST:], *ended[-_N_LAST:]], key=lambda trial: trial.number)


def _look(trial: TrialProgress) -> str:
    if trial.state in _CURVES:
        return trial.state
    return "training" if trial.state in ("ready", "measuring", "interrupted") else "complete"


def _kind(trial: TrialProgress, mark: Mark) -> str:
    """Which of `_MARKS` shows it; a pruned trial's last pause is its end."""
    if mark.kind == "ended":
        return trial.state
    return mark.kind


def _add_curves(
    figure: go.Figure,
    trials: Sequence[TrialProgress],
    label: Callable[[TrialProgress], str],
    name: str,
    line: dict[str, object],
) -> None:
    """All curves of one kind as one trace, with gaps."""
    xs, ys, numbers, texts = [], [], [], []
    for trial in trials:
        epochs = sorted(trial.errors)
        xs += [*epochs, None]
        ys += [*(1e3 * trial.errors[epoch] for epoch in epochs), None]
        numbers += [trial.number] * (len(epochs) + 1)
        texts += [f"Trial {trial.number}, {escape(label(trial))}"] * (len(epochs) + 1)
    figure.add_scatter(
        x=xs, y=ys, customdata=numbers, text=texts, mode="lines+markers", name=name, line=line,
        marker={"size": 4 if name == "Training" else 3}, meta="trial",
        hovertemplate="<b>%{text}</b><br>epoch %{x}: %{y:.1f} meV/Å<extra></extra>",
    )  # fmt: skip


def _add_marks(
    figure: go.Figure,
    marks: Sequence[tuple[TrialProgress, Mark]],
    label: Callable[[TrialProgress], str],
    name: str,
    look: dict[str, object],
) -> None:
    """Points where something was decided about a trial, with the reason."""
    figure.add_scatter(
        x=[mark.epoch for _, mark in marks], y=[1e3 * error_at(trial, mark.epoch) for trial, mark in marks],
        customdata=[trial.number for trial, _ in marks], mode="markers", name=name, meta="trial",
        marker={**look, "size": 9, "line": {"color": look["color"], "width": 1.8}},
        text=[f"Trial {trial.number}, {escape(label(trial))}<br>{escape(mark.text)}" for trial, mark in marks],
        hovertemplate=f"<b>{name}</b> at epoch %{{x}}<br>%{{text}}<extra></extra>",
    )  # fmt: skip


def error_at(trial: TrialProgress, epoch: int) -> float:
    """The error that was reported last up to an epoch, else the first, eV/Å; NaN where there is none."""
    known = [at for at in trial.errors if at <= epoch]
    return trial.errors[max(known, default=min(trial.errors))] if trial.errors else float("nan")


def volume_figure(
    networks: pd.DataFrame, n_epochs: ArrayLike, objectives: Sequence[Objective] = objectives_named()
) -> go.Figure:
    """The hypervolume of students and of controls so far, against all epochs trained until then.

    Args:
        networks: Rows of `models.csv`, cleaned, in the order they came.
        n_epochs: Epochs that had been trained when each of them ended; NaN where the journal does not tell.
        objectives: What the study optimises.
    """
    rows = networks.assign(at=np.asarray(n_epochs, dtype=float))
    if rows["at"].isna().all():  # results that were read back from the model folders have no journal
        rows["at"] = rows["n_epochs"].where(rows["role"] != "teacher").fillna(0).cumsum()
    rows["at"] = rows["at"].ffill().fillna(0).cummax()
    rows = complete(rows)
    reference, unit = reference_point(rows, objectives), volume_unit(objectives)
    figure = go.Figure()
    groups = [("student", ""), *(("control", kind) for kind in kinds_of_control(rows))]
    for role, kind in groups if reference else ():
        group = rows[(rows["role"] == role) & (rows["control_kind"] == kind)]
        volumes = volumes_so_far(group[columns_of(objectives)], objectives, reference.values if reference else ())
        is_step = np.diff(volumes, prepend=0.0) > 0
        if is_step.any():
            is_step[-1] = True  # the line ends where the last network did
            look = look_of(role, kind)
            figure.add_scatter(
                x=group["at"][is_step], y=volumes[is_step], customdata=group["model_id"][is_step].tolist(),
                mode="lines+markers", name=look.name, line={"color": look.color, "width": 2, "shape": "hv"},
                marker={"symbol": look.symbol, "size": 6},
                hovertemplate=f"{look.name}: %{{y:.3f}} {unit}<br>after %{{x}} epochs<extra></extra>",
            )  # fmt: skip
    epochs = _epoch_axis("Epochs trained so far, all networks", rows["at"].max() if len(figure.data) else 0)
    heights = axis(f"Hypervolume ({unit})", [v for trace in figure.data for v in trace.y], is_log=False)
    what = "No network has both an error and a cost yet"
    figure.update_layout(**layout(
        xaxis=epochs, yaxis=heights, annotations=[] if len(figure.data) else no_data(what), showlegend=True,
    ))  # fmt: skip
    return _followed(figure)


def volumes_so_far(
    points: ArrayLike, objectives: Sequence[Objective], reference: Sequence[float]
) -> NDArray[np.float64]:
    """Hypervolume of each point and all before it.

    Args:
        points: Values in the order of the objectives, shape (n, n_objectives); not finite: not measured.
        objectives: What the study optimises.
        reference: Reference point.
    """
    front = RunningFront(objectives, reference)
    volumes = []
    for point in np.asarray(points, dtype=float):
        front.add(point)
        volumes.append(front.volume)
    return np.array(volumes)


def _epoch_axis(title: str, last: float) -> dict[str, object]:
    """From 0 to beyond the last epoch, in whole epochs."""
    numbers = {"range": [0, 1.04 * max(float(last), 1.0)], "showticklabels": bool(last > 0)}
    return axis(title, [1.0, last], is_log=False) | numbers | ({"dtick": 1} if last < 8 else {})


def network_figure(curve: pd.DataFrame, trial: TrialProgress | None, record: ModelRecord | None) -> go.Figure:
    """The learning curve of one network: training and validation as stored, else what its trial reported."""
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
        xaxis=_epoch_axis("Epoch", last), yaxis=axis("Force RMSE (meV/Å)", values), showlegend=True,
        annotations=[] if values else no_data("No epoch is stored"),
    ))  # fmt: skip
    margin = {"l": 56, "r": 12, "t": 12, "b": 84}
    return _followed(figure).update_layout(height=270, margin=margin, uirevision=name, legend_y=-0.34)


def _followed(figure: go.Figure) -> go.Figure:
    """A figure that is drawn again and again: zoom and hidden legend entries stay as the reader left them.

    Plotly keeps what is hidden by the traces' names, which must not depend on which others there are. Axes say that
    they find their range by themselves, so that one which does not is known to have been zoomed by the reader.
    """
    seen: Counter[str] = Counter()
    for trace in figure.data:
        name = re.sub(r"\W+", "-", f"{trace.name} {trace.mode}", flags=re.ASCII)  # Plotly makes a CSS class of it
        seen[name] += 1
        trace.uid = f"{name}-{seen[name]}"
    for each in (figure.layout.xaxis, figure.layout.yaxis):
        low, high = each.range  # as here, in logarithms for a logarithmic axis
        each.update(range=None, autorange=True, autorangeoptions={"minallowed": low, "maxallowed": high})
    return figure.update_layout(_SHARED)
