"""Figures 3C to 3E: the structure of the liquid against the teacher's, and how it goes with force errors."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pareto_search.analysis.correlation import Correlation, pearson, spearman
from pareto_search.report.figures.accuracy import accuracy_figure, size_caption
from pareto_search.report.figures.entry import ArchitectureMenu, Entry
from pareto_search.report.figures.panels import panel_titles, seeds_of, with_curves
from pareto_search.report.figures.quantities import FORCE, RDF, SIZE, Quantity
from pareto_search.report.figures.style import TEACHER, axis, layout, look_of, no_data
from pareto_search.report.numbers import number
from pareto_search.report.tables import ReportTables

#: Axes of g(r) and of its difference from the teacher's, with their titles.
PANELS = (("x", "y", "g(r) of the liquid"), ("x2", "y2", "Difference from the teacher's g(r)"))


def _has_errors(tables: ReportTables) -> bool:
    return bool(np.isfinite(tables.networks["rdf_error"].to_numpy(dtype=float)).any())


def _has_curves(tables: ReportTables) -> bool:
    return teacher_curve(tables) is not None and len(with_curves(tables, tables.rdf)) > 0


# --- errors ---------------------------------------------------------------------------------------------------------


def _rdf_error_figure(tables: ReportTables, x: Quantity) -> go.Figure:
    """RDF error against a size or an error, with the error that noise alone would give."""
    figure = accuracy_figure(tables, x, RDF)
    noise = _noise_ang(tables)
    if noise is None:
        return figure
    networks = tables.networks
    figure.add_scatter(
        x=[np.nanmin(x.values(networks)), np.nanmax(x.values(networks))], y=[noise, noise], mode="lines",
        line={"color": "#6b7280", "width": 1.5, "dash": "dot"}, name="Noise alone", hoverinfo="skip",
        legendrank=1500,
    )  # fmt: skip
    heights = np.concatenate([RDF.values(networks) + sign * RDF.stds(networks) for sign in (-1, 1)])
    return figure.update_layout(yaxis=axis(RDF.title, [*heights, noise]))


def _size_caption(tables: ReportTables) -> str:
    return size_caption(tables, RDF.column, "Total difference of g(r) from the teacher's") + _noise_text(tables)


def _force_caption(tables: ReportTables) -> str:
    text = "Total difference of g(r) from the teacher's against force error"
    rows = _measured(tables)
    names = (f"{tables.basis.split}_{FORCE.column}", RDF.column)
    x, y = (np.log10(rows[name].to_numpy(dtype=float)) for name in names)
    rank, linear = (measure(x, y, rows["architecture"]) for measure in (spearman, pearson))
    if rank is None or linear is None:
        return f"{text}; too few networks for a correlation."
    few = "" if rank.ci95 else "; too few architectures for an interval"
    return (
        f"{text}: rank correlation (Spearman) {_with_interval(rank)}, linear one of the logarithms (Pearson) "
        f"{_with_interval(linear)} over {rank.n} networks of {rank.n_architectures} architectures{few}."
    ) + _noise_text(tables)


def _with_interval(found: Correlation) -> str:
    text = number(found.value, 2)
    if found.ci95 is None:
        return text
    low, high = found.ci95
    return f"{text} (95 % interval {number(low, 2)} to {number(high, 2)})"


def _measured(tables: ReportTables) -> pd.DataFrame:
    """Networks that carry claims and have an RDF error."""
    rows = tables.claimed
    return rows[(rows["status"] == "complete") & (rows["rdf_error"] > 0)]


def _noise_ang(tables: ReportTables) -> float | None:
    """Mean over networks of the error that noise alone would give."""
    noise = _measured(tables)["rdf_noise"].dropna()
    return float(noise.mean()) if len(noise) else None


def _noise_text(tables: ReportTables) -> str:
    noise, rows = _noise_ang(tables), _measured(tables)
    if noise is None:
        return ""
    above = int((rows["rdf_error"] - 2 * rows["rdf_error_std"].fillna(0.0) > rows["rdf_noise"]).sum())
    text = f" Noise alone would give {number(noise)} Å; {above} of {len(rows)} networks are clearly above theirs"
    begun = tables.claimed
    unstable = int((begun["md_stable_ps"].notna() & begun["rdf_error"].isna()).sum())  # gave no g(r)
    return f"{text}. MD of {unstable} other networks went wrong before g(r) was known." if unstable else f"{text}."


# --- curves ---------------------------------------------------------------------------------------------------------


def teacher_curve(tables: ReportTables) -> pd.DataFrame | None:
    """g(r) of the teacher (`RDF_COLUMNS`), or None."""
    teachers = tables.models.loc[tables.models["role"] == "teacher", "model_id"]
    curve = tables.rdf[tables.rdf["model_id"].isin(teachers)]
    return curve if len(curve) else None


def rdf_figure(tables: ReportTables, architecture: int | None = None) -> go.Figure:
    """g(r) of the liquid on the left, its difference from the teacher's on the right, one line per seed.

    The architecture is given by its number; omitted: the smallest. The page's script draws the others.
    """
    models, teacher = with_curves(tables, tables.rdf), teacher_curve(tables)
    figure = go.Figure()
    if teacher is None or models.empty:
        return figure.update_layout(**layout(annotations=no_data("No g(r) has been measured")))
    _add_band(figure, teacher)
    for model, look in seeds_of(models, architecture, width=1.3):
        curve = tables.rdf[tables.rdf["model_id"] == model["model_id"]]
        hover = f"{look['name']}, seed {model['seed']:.0f}<br>%{{x:.2f}} Å: %{{y:.3f}}<extra></extra>"
        difference = curve["g"].to_numpy() - teacher["g"].to_numpy()
        for (x_axis, y_axis, _), heights in zip(PANELS, (curve["g"], difference), strict=True):
            figure.add_scatter(x=curve["r_ang"], y=heights, xaxis=x_axis, yaxis=y_axis, hovertemplate=hover, **look)
            look = look | {"showlegend": False}
    figure.add_scatter(
        x=teacher["r_ang"], y=teacher["g"], mode="lines", name=TEACHER.name, legendgroup=TEACHER.name,
        line={"color": TEACHER.color, "width": 2}, xaxis="x", yaxis="y",
        hovertemplate="Teacher<br>%{x:.2f} Å: %{y:.3f}<extra></extra>",
    )  # fmt: skip
    shown = tables.rdf[tables.rdf["model_id"].isin(models["model_id"])]
    return figure.update_layout(**_layout(shown, teacher))


def _curves_caption(tables: ReportTables) -> str:
    text = "g(r) of the liquid, one line per seed; the grey band is twice the standard error of the teacher's"
    rows, teacher = _measured(tables), teacher_curve(tables)
    if rows.empty or teacher is None:
        return f"{text}."
    best, peak = rows.iloc[int(rows["rdf_error"].argmin())], teacher.iloc[int(teacher["g"].argmax())]
    return (
        f"{text}: the teacher's first peak is {number(peak['g'], 3)} high at {number(peak['r_ang'], 3)} Å, and the "
        f"network nearest to it is {look_of(best['role'], best['control_kind']).name.lower()} {best['label']}, seed "
        f"{best['seed']:.0f}, with a total difference of {number(best['rdf_error'], 2)} Å."
    )


def _add_band(figure: go.Figure, teacher: pd.DataFrame) -> None:
    """Twice the standard error of the teacher's g(r), around 0 in the right panel."""
    r, spread = teacher["r_ang"].to_numpy(), 2 * teacher["g_std"].to_numpy()
    figure.add_scatter(
        x=np.concatenate([r, r[::-1]]), y=np.concatenate([spread, -spread[::-1]]), xaxis="x2", yaxis="y2",
        mode="lines", fill="toself", fillcolor="#a8b0bc", opacity=0.35, line={"width": 0}, hoverinfo="skip",
        name="Two standard errors of the teacher", legendrank=1500,
    )  # fmt: skip


def _layout(shown: pd.DataFrame, teacher: pd.DataFrame) -> dict[str, object]:
    distances = axis("Distance r (Å)", teacher["r_ang"].to_numpy(dtype=float), is_log=False)
    distances["range"] = [0, float(teacher["r_ang"].max())]
    heights = axis("g(r)", np.concatenate([shown["g"], teacher["g"]]).astype(float), is_log=False)
    heights["range"] = [0, 1.05 * float(max(shown["g"].max(), teacher["g"].max()))]
    reference = shown["r_ang"].map(dict(zip(teacher["r_ang"], teacher["g"], strict=True)))
    most = 1.08 * float(np.nanmax([np.abs(shown["g"] - reference).max(), 2 * teacher["g_std"].max()]))
    places = [[0.0, 0.46], [0.56, 1.0]]
    return layout(
        xaxis=distances | {"domain": places[0]}, xaxis2=distances | {"domain": places[1], "anchor": "y2"},
        yaxis=heights, yaxis2=heights | {"anchor": "x2", "title": {"text": "Δg(r)"}, "range": [-most, most]},
        annotations=panel_titles([title for *_, title in PANELS], places),
    )  # fmt: skip


RDF_MENU = ArchitectureMenu("rdf-menu", lambda t: with_curves(t, t.rdf))
FIGURES = (
    Entry("fig3c", "3C", "Liquid structure against size",
          lambda t: _rdf_error_figure(t, SIZE), lambda s: _size_caption(s.tables), _has_errors),
    Entry("fig3d", "3D", "Liquid structure against force error",
          lambda t: _rdf_error_figure(t, FORCE), lambda s: _force_caption(s.tables), _has_errors),
    Entry("fig3e", "3E", "Radial distribution functions of the liquid",
          rdf_figure, lambda s: _curves_caption(s.tables), _has_curves, is_wide=True, menu=RDF_MENU),
)  # fmt: skip
