"""Figure 4: learning curves of the students and controls of one architecture."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pareto_search.analysis.comparison import kinds_of_control
from pareto_search.report.figures.style import axis, layout, look_of, no_data
from pareto_search.report.tables import ReportTables

PANELS = (("train", "x", "y", "Training"), ("valid", "x2", "y2", "Validation"))


def curve_architectures(tables: ReportTables) -> pd.DataFrame:
    """Architectures of the claims' stage that have curves: one of its networks' rows for each, the smallest first."""
    return _with_curves(tables).drop_duplicates("architecture")


def learning_curve_figure(tables: ReportTables, architecture: int | None = None) -> go.Figure:
    """Force RMSE against epoch, training left and validation right, one line per seed.

    Args:
        tables: The study.
        architecture: Its number; omitted: the first of `curve_architectures`. The page's script draws the others.
    """
    models = _with_curves(tables)
    first = next(iter(models["architecture"]), None)
    chosen = models[models["architecture"] == (first if architecture is None else architecture)]
    figure = go.Figure()
    for role, kind in (("student", ""), *(("control", kind) for kind in kinds_of_control(models))):
        members = chosen[(chosen["role"] == role) & (chosen["control_kind"] == kind)]
        for number, (_, model) in enumerate(members.iterrows()):
            _add_curve(figure, model, tables.curves, is_first=number == 0)
    return figure.update_layout(**_layout(tables.curves[tables.curves["model_id"].isin(models["model_id"])]))


def _with_curves(tables: ReportTables) -> pd.DataFrame:
    models = tables.models[tables.models["stage"] == tables.basis.stage]
    has_curve = models["model_id"].isin(tables.curves["model_id"].unique())
    models = models[has_curve & models["role"].isin(["student", "control"])]
    return models.sort_values(["n_weights", "label", "role", "control_kind", "seed", "model_id"])


def _add_curve(figure: go.Figure, model: pd.Series, curves: pd.DataFrame, *, is_first: bool) -> None:
    """Both panels' lines of one network."""
    look = look_of(model["role"], model["control_kind"])
    curve = curves[curves["model_id"] == model["model_id"]].sort_values("epoch")
    for part, x_axis, y_axis, _ in PANELS:
        figure.add_scatter(
            x=curve["epoch"], y=1e3 * curve[f"{part}_force_rmse_ev_per_ang"], xaxis=x_axis, yaxis=y_axis, mode="lines",
            name=look.name, legendgroup=look.name, showlegend=is_first and part == "train", opacity=0.8,
            line={"color": look.color, "width": 1.5, "dash": look.dash},
            hovertemplate=f"{look.name}, seed {model['seed']:.0f}<br>epoch %{{x}}: %{{y:.1f}} meV/Å<extra></extra>",
        )  # fmt: skip


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
