"""Figure 4: learning curves of the students and controls of one architecture."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pareto_search.analysis.comparison import kinds_of_control
from pareto_search.analysis.curves import epochs_to_shared_error, paired_curves
from pareto_search.analysis.paired import match_controls
from pareto_search.report.figures.entry import ArchitectureMenu, Entry
from pareto_search.report.figures.panels import domains, panel_titles, seeds_of, with_curves
from pareto_search.report.figures.style import axis, layout, no_data
from pareto_search.report.tables import ReportTables

PANELS = (("train", "x", "y", "Training"), ("valid", "x2", "y2", "Validation"))


def learning_curve_figure(tables: ReportTables, architecture: int | None = None) -> go.Figure:
    """Force RMSE against epoch, training left and validation right, one line per seed.

    The architecture is given by its number; omitted: the smallest. The page's script draws the others.
    """
    models = with_curves(tables, tables.curves)
    figure = go.Figure()
    for model, look in seeds_of(models, architecture):
        curve = tables.curves[tables.curves["model_id"] == model["model_id"]].sort_values("epoch")
        hover = f"{look['name']}, seed {model['seed']:.0f}<br>epoch %{{x}}: %{{y:.1f}} meV/Å<extra></extra>"
        for part, x_axis, y_axis, _ in PANELS:
            errors = 1e3 * curve[f"{part}_force_rmse_ev_per_ang"]
            figure.add_scatter(x=curve["epoch"], y=errors, xaxis=x_axis, yaxis=y_axis, hovertemplate=hover, **look)
            look = look | {"showlegend": False}
    return figure.update_layout(**_layout(tables.curves[tables.curves["model_id"].isin(models["model_id"])]))


def _layout(curves: pd.DataFrame) -> dict[str, object]:
    errors = [1e3 * curves[f"{part}_force_rmse_ev_per_ang"].to_numpy(dtype=float) for part, *_ in PANELS]
    heights = axis("Force RMSE (meV/Å)", np.concatenate(errors), is_log=True)
    epochs = axis("Epoch", curves["epoch"].to_numpy(dtype=float), is_log=False)
    epochs["range"] = [0, 1.02 * float(curves["epoch"].max())] if len(curves) else [0, 1]
    places = domains(2, gap=0.05)
    titles = panel_titles([title for *_, title in PANELS], places)
    return layout(
        xaxis=epochs | {"domain": places[0]}, xaxis2=epochs | {"domain": places[1], "anchor": "y2"}, yaxis=heights,
        yaxis2=heights | {"anchor": "x2", "matches": "y", "showticklabels": False, "title": {"text": ""}},
        annotations=titles if len(curves) else no_data("No learning curves are stored"),
    )  # fmt: skip


def _caption(tables: ReportTables) -> str:
    text = "Force error while training, one line per seed"
    kinds = kinds_of_control(tables.networks)
    curves = paired_curves(tables.curves, match_controls(tables.models, tables.basis, kinds[0])) if kinds else []
    known = [pair for pair in curves if pair is not None]
    if not known:
        return f"{text}; there are no pairs of curves to compare."
    n_reached = sum(np.nanmin(student) <= np.nanmin(control) for student, control in known)
    median = 2 ** float(np.median([epochs_to_shared_error(*pair) for pair in known]))
    return (
        f"{text}: {n_reached} of {len(known)} students reach their control's best validation error; to the lowest "
        f"error that both reach they take a median of {100 * median:.0f} % of its epochs."
    )


CURVE_MENU = ArchitectureMenu("curve-menu", lambda t: with_curves(t, t.curves))
FIGURES = (
    Entry("fig4", "4", "Learning curves", learning_curve_figure, lambda s: _caption(s.tables), is_wide=True,
          menu=CURVE_MENU),
)  # fmt: skip
