"""Panels side by side in one figure, and the groups of networks that each shows."""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from pareto_search.analysis.comparison import kinds_of_control
from pareto_search.report.figures.style import Look, look_of
from pareto_search.report.tables import ReportTables


def domains(n: int, gap: float = 0.06) -> list[list[float]]:
    """Places of panels of equal width, as fractions of the figure's."""
    width = (1 - gap * (n - 1)) / n
    return [[number * (width + gap), number * (width + gap) + width] for number in range(n)]


def panel_titles(titles: Sequence[str], places: Sequence[Sequence[float]]) -> list[dict[str, Any]]:
    """Annotations that name panels at their upper left corners."""
    return [
        {"text": f"<b>{title}</b>", "x": place[0], "y": 1.0, "xref": "paper", "yref": "paper", "xanchor": "left",
         "yanchor": "bottom", "showarrow": False, "font": {"size": 13}}
        for title, place in zip(titles, places, strict=True)
    ]  # fmt: skip


def groups_of(networks: pd.DataFrame) -> Iterator[tuple[Look, pd.DataFrame]]:
    """Students, then each kind of control that occurs, with their looks."""
    for role, kind in (("student", ""), *(("control", kind) for kind in kinds_of_control(networks))):
        yield look_of(role, kind), networks[(networks["role"] == role) & (networks["control_kind"] == kind)]


def with_curves(tables: ReportTables, curves: pd.DataFrame) -> pd.DataFrame:
    """Students and controls of the claims' stage that have a curve, by rising size."""
    is_drawn = tables.claimed["model_id"].isin(curves["model_id"].unique())
    return tables.claimed[is_drawn].sort_values(["n_weights", "label", "role", "control_kind", "seed", "model_id"])


def seeds_of(
    models: pd.DataFrame, architecture: int | None, *, width: float = 1.5
) -> Iterator[tuple[pd.Series, dict[str, Any]]]:
    """Networks of one architecture with how their lines are drawn, the legend naming each look once.

    Args:
        models: Networks by rising size.
        architecture: Its number; None: that of the first.
        width: Of the lines.
    """
    if architecture is None:
        architecture = next(iter(models["architecture"]), None)
    chosen = models[models["architecture"] == architecture]
    for look, members in groups_of(chosen):
        for place, (_, model) in enumerate(members.iterrows()):
            yield model, {"mode": "lines", "name": look.name, "legendgroup": look.name, "showlegend": place == 0,
                          "opacity": 0.8, "line": {"color": look.color, "width": width, "dash": look.dash}}  # fmt: skip
