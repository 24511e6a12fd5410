"""Figure 4: learning curves of the students and controls of one architecture."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pareto_search.analysis.comparison import kinds_of_control
from pareto_search.report.style import axis, layout, look_of, no_data
from pareto_search.report.tables import ReportTables, architecture_key

#: Longer curves are thinned to about this many points.
MAX_POINTS = 250
PANELS = (("train", "x", "y", "Training"), ("valid", "x2", "y2", "Validation"))


@dataclass(frozen=True)
class LearningCurves:
    """Figure 4 and what its menu offers.

    Attributes:
        figure: All curves of all architectures; those of the first are visible.
        traces: Label of each architecture and the numbers of its traces, smallest network first.
    """

    figure: go.Figure
    traces: dict[str, list[int]]


def learning_curve_figure(tables: ReportTables) -> LearningCurves:
    """Force RMSE against epoch, training left and validation right, one line per seed."""
    curves = tables.curves
    figure = go.Figure()
    traces: dict[str, list[int]] = {}
    by_model = {str(model_id): curve for model_id, curve in curves.groupby("model_id")}
    models = tables.models[tables.models["stage"] == tables.basis.stage]
    models = models[models["model_id"].isin(by_model) & models["role"].isin(["student", "control"])]
    models = models.sort_values(["n_weights", "label", "role", "control_kind", "seed", "model_id"])
    kinds = kinds_of_control(models)
    for _, group in models.groupby(models.apply(architecture_key, axis=1), sort=False) if len(models) else ():
        label = str(group["label"].iloc[0])
        traces[label] = []
        for role, kind in (("student", ""), *(("control", kind) for kind in kinds)):
            members = group[(group["role"] == role) & (group["control_kind"] == kind)]
            traces[label] += _add_curves(figure, members, by_model, role, kind)
    first = next(iter(traces.values()), [])
    for number, trace in enumerate(figure.data):
        trace.visible = number in first
    figure.update_layout(**_layout(curves[curves["model_id"].isin(models["model_id"])]))
    return LearningCurves(figure, traces)


def _add_curves(
    figure: go.Figure, members: pd.DataFrame, by_model: dict[str, pd.DataFrame], role: str, kind: str
) -> list[int]:
    """Add both panels' curves of some seeds; returns the numbers of the new traces."""
    look = look_of(role, kind)
    start = len(figure.data)
    for number, (_, model) in enumerate(members.iterrows()):
        curve = thin(by_model[model["model_id"]].sort_values("epoch"))
        epochs = curve["epoch"].to_numpy(dtype=np.int32)
        for part, x_axis, y_axis, _ in PANELS:
            errors = 1e3 * curve[f"{part}_force_rmse_ev_per_ang"].to_numpy(dtype=float)
            figure.add_scatter(
                x=epochs, y=errors.astype(np.float32), xaxis=x_axis, yaxis=y_axis, mode="lines", name=look.name,
                legendgroup=look.name, showlegend=number == 0 and part == "train", opacity=0.8,
                line={"color": look.color, "width": 1.5, "dash": "solid" if role == "student" else "5px,2px"},
                hovertemplate=f"{look.name}, seed {model['seed']:.0f}<br>epoch %{{x}}: %{{y:.1f}} meV/Å<extra></extra>",
            )  # fmt: skip
    return list(range(start, len(figure.data)))


def thin(curve: pd.DataFrame) -> pd.DataFrame:
    """At most about `MAX_POINTS` rows, evenly spread, first and last included."""
    if len(curve) <= MAX_POINTS:
        return curve
    return curve.iloc[np.unique(np.linspace(0, len(curve) - 1, MAX_POINTS).round().astype(int))]


def _layout(curves: pd.DataFrame) -> dict[str, object]:
    errors = [1e3 * curves[f"{part}_force_rmse_ev_per_ang"].to_numpy(dtype=float) for part, *_ in PANELS]
    heights = axis("Force RMSE (meV/Å)", np.concatenate(errors), is_log=True)
    epochs = axis("Epoch", curves["epoch"].to_numpy(dtype=float), is_log=False)
    epochs["range"] = [0, 1.02 * float(curves["epoch"].max())] if len(curves) else [0, 1]
    titles = [
        {"text": f"<b>{title}</b>", "x": x, "y": 1.0, "xref": "paper", "yref": "paper", "xanchor": "left",
         "yanchor": "bottom", "showarrow": False, "font": {"size": 13}}
        for (*_, title), x in zip(PANELS, (0.0, 0.525), strict=True)
    ]  # fmt: skip
    return layout(
        xaxis={**epochs, "domain": [0, 0.475]},
        xaxis2={**epochs, "domain": [0.525, 1], "anchor": "y2"},
        yaxis=heights,
        yaxis2={**heights, "anchor": "x2", "matches": "y", "showticklabels": False, "title": {"text": ""}},
        annotations=titles if len(curves) else no_data("No learning curves are stored"),
    )
