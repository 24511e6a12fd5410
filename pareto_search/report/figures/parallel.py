"""Figure 7: parallel coordinates of the search: which settings lead to which errors and costs."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from pandas.api.types import is_numeric_dtype

from pareto_search.analysis.front import columns_of, to_costs
from pareto_search.analysis.networks import TRAINING_COLUMNS, WEIGHT_COLUMNS, hyperparameter_columns
from pareto_search.report.figures.entry import Entry
from pareto_search.report.figures.quantities import Quantity
from pareto_search.report.figures.style import FAINT, STUDENT, layout, log_ticks, no_data, plain_text, tick_text
from pareto_search.report.tables import ReportedStudy, ReportTables

#: Names of settings that the package knows, in the order of their axes. Those of further families are called as in
#: their configs.
_NAMES = {
    "n_features": "Features", "n_sensitivities": "Sensitivities", "n_atom_layers": "Atom layers",
    "n_interaction_layers": "Interaction<br>layers", "l_max": "l", "n_max": "n",
    "dist_soft_max_ang": "Soft cutoff<br>(Å)", "dist_hard_max_ang": "Hard cutoff<br>(Å)",
    "activation": "Activation", "weight_energy": "Loss weight<br>energy", "weight_forces": "Loss weight<br>forces",
    "weight_atomic_energy": "Loss weight<br>atomic energies",
    "weight_teacher_forces": "Loss weight<br>teacher's forces",
    "learning_rate": "Learning<br>rate", "batch_size": "Batch size",
}  # fmt: skip
_LOGARITHMIC = {*WEIGHT_COLUMNS, "learning_rate"}
#: A setting with at most so many values has a tick at each.
MAX_NAMED_VALUES = 6
#: Ticks of a logarithmic axis, most without a text: a range that a reader draws on an axis ends at one of them.
N_SNAPS = 40


def searched_students(tables: ReportTables) -> pd.DataFrame:
    """Students of the search that have all objectives, pruned ones included."""
    rows = tables.searched[(tables.searched["stage"] == "search") & (tables.searched["role"] == "student")]
    values = to_costs(rows[columns_of(tables.objectives)].to_numpy(dtype=float), tables.objectives)
    return rows.iloc[np.flatnonzero(np.isfinite(values).all(axis=1))]


def setting_name(parameter: str) -> str:
    """A hyperparameter as figures call it."""
    return plain_text(_NAMES.get(parameter, parameter))


def hyperparameter_names(rows: pd.DataFrame) -> dict[str, str]:
    """Columns that are hyperparameters, in the order of their axes, and what figures call them."""
    places = {name: place for place, name in enumerate(_NAMES)}
    columns = sorted(hyperparameter_columns(rows), key=lambda name: places.get(name, len(places)))
    return {name: setting_name(name) for name in columns}


def _varied_settings(rows: pd.DataFrame) -> list[Quantity]:
    """Numbers among the settings, whatever their family, that differ between the rows: the family's own first."""
    return [
        Quantity(name, _NAMES.get(name, name), is_log=name in _LOGARITHMIC)
        for name in (*hyperparameter_names(rows), *WEIGHT_COLUMNS, *TRAINING_COLUMNS)
        if is_numeric_dtype(rows[name]) and rows[name].nunique() > 1
    ]


def parallel_figure(tables: ReportTables) -> go.Figure:
    """One line per student of the search through its settings and objectives; colour is the first that is learned."""
    rows = searched_students(tables)
    look = {"height": 420, "margin": {"l": 60, "r": 30, "t": 78, "b": 34}}
    if rows.empty:
        hidden = {"xaxis": {"visible": False}, "yaxis": {"visible": False}}
        nothing = no_data("The search has no student with error and cost yet")
        return go.Figure(layout=layout(**look, **hidden, annotations=nothing))
    objectives = {
        one: Quantity(one.column, one.axis_title.replace(" (", "<br>("), one.factor, is_log=one.scale == "log")
        for one in tables.objectives
    }
    axes = (*_varied_settings(rows), *objectives.values())
    shown = next(axis for one, axis in objectives.items() if one.is_learned)
    color = _values(rows, shown)
    trace = go.Parcoords(
        dimensions=[_axis(rows, quantity) for quantity in axes],
        customdata=rows["network"].to_numpy(), name="Students of the search",
        meta={"of": "network", "fields": [[axis.column, axis.factor, axis.is_log] for axis in axes]},
        rangefont={"color": "rgba(0,0,0,0)", "size": 1},  # the ticks show it
        line={"color": color, "colorscale": [[0, STUDENT.color], [1, FAINT]], "showscale": True,
              "colorbar": {"title": {"text": shown.title, "font": {"size": 11}}, "thickness": 12,
                           **_color_ticks(color, shown), "outlinewidth": 0}},
    )  # fmt: skip
    return go.Figure(trace, layout(**look))


def _color_ticks(values: NDArray[np.float64], quantity: Quantity) -> dict[str, object]:
    """Ticks of the colour bar, whose own would be logarithms."""
    if not quantity.is_log:
        return {}
    ticks = log_ticks(10 ** float(values.min()), 10 ** float(values.max()))
    return {"tickvals": np.log10(ticks), "ticktext": [tick_text(tick) for tick in ticks]}


def _values(rows: pd.DataFrame, quantity: Quantity) -> NDArray[np.float64]:
    """The column in the unit shown, as log10 on a logarithmic axis; there 0 goes a step below the smallest."""
    values = quantity.values(rows)
    if not quantity.is_log:
        return values
    positive = values[values > 0]
    smallest = float(positive.min()) if len(positive) else 1.0
    return np.log10(np.where(values > 0, values, smallest / 2))


def _axis(rows: pd.DataFrame, quantity: Quantity) -> dict[str, object]:
    values = _values(rows, quantity)
    plain: dict[str, object] = {"label": quantity.title, "values": values, "multiselect": False}
    if not quantity.is_log:
        found = np.unique(values)
        return {**plain, "tickvals": found} if len(found) <= MAX_NAMED_VALUES else plain
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    has_zero = bool((rows[quantity.column] == 0).any())
    ticks = [tick for tick in log_ticks(10**low, 10**high) if not has_zero or np.log10(tick) > low + 0.1]
    # Plotly finds the place of a tick by its text, so blank texts must differ.
    texts = {float(place): " " * n for n, place in enumerate(np.linspace(low, high, N_SNAPS), start=1)}
    texts |= {float(np.log10(tick)): tick_text(tick) for tick in ticks} | ({low: "0"} if has_zero else {})
    return {**plain, "tickvals": sorted(texts), "ticktext": [texts[place] for place in sorted(texts)]}


def _caption(study: ReportedStudy) -> str:
    """The setting that the most accurate students agree on most."""
    tables = study.tables
    rows = searched_students(tables)
    text = f"{len(rows):,} students of the search with error and cost; a range drawn on an axis filters all figures"
    learned = next(objective for objective in tables.objectives if objective.is_learned)
    order = rows[learned.column] if learned.direction == "minimize" else -rows[learned.column]
    best = rows.loc[order.nsmallest(len(rows) // 10).index]
    settings = _varied_settings(rows)
    if len(best) < 5 or not settings:
        return f"{text}."
    spreads = {d: _share_of_range(best[d.column], rows[d.column], is_log=d.is_log) for d in settings}
    setting = min(spreads, key=spreads.__getitem__)
    low, high = f"{best[setting.column].min():.4g}", f"{best[setting.column].max():.4g}"
    name = setting_name(setting.column).lower()
    found = f"all have {name} {low}" if low == high else f"agree most on {name}, {low} to {high}"
    return f"{text}. The most accurate tenth {found}."


def _share_of_range(part: pd.Series, whole: pd.Series, *, is_log: bool) -> float:
    """Width of a part's range over that of the whole, logarithmic where the axis is (0 counts as the smallest)."""
    if is_log:
        smallest = whole[whole > 0].min()
        part, whole = np.log(part.clip(lower=smallest)), np.log(whole.clip(lower=smallest))
    width = float(whole.max() - whole.min())
    return float(part.max() - part.min()) / width if width > 0 else 1.0


FIGURES = (
    Entry("fig7", "7", "The search in parallel coordinates",
          parallel_figure, _caption, lambda t: len(searched_students(t)) > 0, is_wide=True),
)  # fmt: skip
