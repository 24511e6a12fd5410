"""Figures 5A, 5B and 6B: what an architecture costs, against its size and its cutoff.

Points carry the number of their architecture (`meta.of`), whose cost students and controls share.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pareto_search.analysis.cutoffs import Power, power_of_cutoff
from pareto_search.analysis.described import describe_beside
from pareto_search.analysis.networks import has_several_cutoffs
from pareto_search.report.cautions import is_capacity_flat
from pareto_search.report.figures.accuracy import add_points
from pareto_search.report.figures.entry import Entry
from pareto_search.report.figures.quantities import CUTOFF, MEMORY, SIZE, STEP_TIME, Quantity, with_values
from pareto_search.report.figures.style import ARCHITECTURE, SERIES, TEACHER, Look, axis, layout, no_data
from pareto_search.report.numbers import number
from pareto_search.report.tables import ReportedStudy, ReportTables, architectures


def _cost_figure(tables: ReportTables, x: Quantity, y: Quantity) -> go.Figure:
    """A cost, one point per architecture; colours tell cutoffs apart, or sizes."""
    frame = with_values(architectures(tables), x, y)
    is_teacher = frame["role"] == "teacher"
    groups = (_by_size if x is CUTOFF else _by_cutoff)(frame[~is_teacher])
    figure = go.Figure()
    for look, group in (*groups, (TEACHER, frame[is_teacher])):
        add_points(figure, group, look, x, y, _quartiles(tables, group, y), "architecture")
    bars = _quartiles(tables, frame, y)
    heights = [y.values(frame) - bars["arrayminus"], y.values(frame) + bars["array"]]
    return figure.update_layout(**layout(
        xaxis=axis(x.title, x.values(frame)), yaxis=axis(y.title, np.concatenate(heights)),
        annotations=[] if len(frame) else no_data("No cost has been measured yet"),
    ))  # fmt: skip


def _by_cutoff(trained: pd.DataFrame) -> list[tuple[Look, pd.DataFrame]]:
    """A group for each of a few cutoffs; all together where there are more, or one."""
    groups = list(trained.groupby("dist_hard_max_ang"))
    if not 1 < len(groups) <= len(SERIES):
        return [(ARCHITECTURE, trained)]
    coloured = zip(groups, SERIES, strict=False)
    return [(Look(f"Cutoff {cutoff:.4g} Å", *look), group) for (cutoff, group), look in coloured]


def _by_size(trained: pd.DataFrame) -> Iterator[tuple[Look, pd.DataFrame]]:
    """Small, medium and large networks, about equally many; all together where there are few sizes."""
    n_weights = trained["n_weights"]
    third = pd.qcut(n_weights, 3, labels=False, duplicates="drop") if n_weights.nunique() > 2 else 0 * n_weights
    for (_, group), look in zip(trained.groupby(third), SERIES, strict=False):
        low, high = group["n_weights"].min(), group["n_weights"].max()
        yield Look(f"{low:,.0f} to {high:,.0f} weights", *look), group


def _quartiles(tables: ReportTables, frame: pd.DataFrame, y: Quantity) -> dict[str, Any]:
    """Error bars from the quartiles of the timed steps to the median; none where there is no such record."""
    ends = np.zeros((len(frame), 2))
    keys = zip(frame["architecture_key"], frame["engine"], strict=True) if y is STEP_TIME else ()
    for place, key in enumerate(keys):
        if key in tables.costs:
            md = tables.costs[key].md
            median = md.us_per_atom_step_median
            ends[place] = median - md.us_per_atom_step_q25, md.us_per_atom_step_q75 - median
    below, above = np.maximum(ends, 0.0).T
    return {"symmetric": False, "array": above, "arrayminus": below}


def _time_caption(study: ReportedStudy) -> str:
    text = (
        "Step time against the number of weights, with quartiles over the steps; student and control of an "
        "architecture share it"
    )
    return f"{text}{_range_against_teacher(study, 'speedup')}."


def _memory_caption(study: ReportedStudy) -> str:
    text = "Memory of an MD step per atom against the number of weights"
    if is_capacity_flat(study):
        return f"{text}: capacity barely depends on the architecture here."
    return f"{text}{_range_against_teacher(study, 'memory_fraction')}."


def _range_against_teacher(study: ReportedStudy, name: str) -> str:
    if study.summary.teacher is None:
        return ""
    networks = study.tables.networks
    teacher = networks[networks["best_model_id"] == study.summary.teacher.model_id].iloc[0]
    beside = [describe_beside(row, teacher) for _, row in study.tables.of_role("student").iterrows()]
    values = [getattr(network, name) for network in beside if np.isfinite(getattr(network, name))]
    if not values:
        return ""
    low, high = min(values), max(values)
    whose = "the confirmed students" if study.summary.basis.stage == "confirm" else "students"
    if name == "speedup":
        return f": {whose} are {low:.1f} to {high:.1f} times as fast as the teacher"
    return f": {whose} need {100 * low:.0f} to {100 * high:.0f} % of the teacher's memory"


def _cutoff_caption(study: ReportedStudy) -> str:
    text = "Step time against the hard cutoff"
    frame = architectures(study.tables)
    columns = {"step time": STEP_TIME.column, "memory": MEMORY.column}
    powers = {name: power_of_cutoff(frame, column) for name, column in columns.items()}
    known = [f"{name} to {_power(power)}" for name, power in powers.items() if power is not None]
    if len(known) < len(powers):
        return f"{text}; too few architectures to separate the effect of the cutoff from that of the size."
    unsure = [name for name, power in powers.items() if power is not None and power.ci95[0] <= 0]
    claim = "costs go with the cutoff, " if unsure else "costs grow with the cutoff, "
    doubt = f"; whether {' and '.join(unsure)} grow{'' if len(unsure) > 1 else 's'} is not sure" if unsure else ""
    return (
        f"{text}: with equally many weights, {claim}{' and '.join(known)} (95 % intervals; fit over {len(frame)} "
        f"architectures){doubt}."
    )


def _power(found: Power) -> str:
    low, high = found.ci95
    return f"the power {number(found.power, 2)} ({number(low, 2)} to {number(high, 2)})"


FIGURES = (
    Entry("fig5a", "5A", "Speed against size",
          lambda t: _cost_figure(t, SIZE, STEP_TIME), _time_caption),
    Entry("fig5b", "5B", "Memory against size", lambda t: _cost_figure(t, SIZE, MEMORY), _memory_caption),
    Entry("fig6b", "6B", "Speed against cutoff",
          lambda t: _cost_figure(t, CUTOFF, STEP_TIME), _cutoff_caption,
          lambda t: has_several_cutoffs(t.models)),
)  # fmt: skip
