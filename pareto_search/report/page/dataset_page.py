"""The page of the `data` command: what a dataset holds, as numbers and histograms."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go

from pareto_search.files import write_atomic
from pareto_search.report.figures.style import STUDENT, axis, layout
from pareto_search.report.page.elements import Panel, facts, flatten, note_lines
from pareto_search.report.page.page import page_html

#: Units by the ending of a quantity's name.
_UNITS = (("_ev_per_atom", "eV/atom"), ("_ev_per_ang", "eV/Å"), ("_g_per_cm3", "g/cm³"), ("_ang3", "Å³"),
         ("_ang", "Å"), ("_ev", "eV"))  # fmt: skip


def write_dataset_page(summary: dict[str, Any], html: Path) -> None:
    """Write the page of a dataset; equal summaries give equal files.

    Args:
        summary: Plain values: numbers, texts, `notes` (a mapping, a list or a text), and `histograms`, a mapping from
            a quantity to {"counts", "edges"} or to a pair of these lists; there is one edge more than there are counts.
        html: Page to write, replaced as a whole.
    """
    notes = summary.get("notes")
    source = notes.get("source") if isinstance(notes, Mapping) else None
    title = str(summary.get("name") or summary.get("source") or source or "Dataset")
    values = {key: value for key, value in summary.items() if key not in ("histograms", "notes")}
    histograms = enumerate((summary.get("histograms") or {}).items())
    panels = [_panel(f"hist{index}", quantity, *_counts_and_edges(pair)) for index, (quantity, pair) in histograms]
    page = page_html(
        "dataset.html.jinja", title=title, about="What the dataset holds", panels=panels,
        notes=note_lines(notes), facts=facts(flatten(values)),
    )  # fmt: skip
    write_atomic(html, page)


def _panel(name: str, quantity: str, counts: list[float], edges: list[float]) -> Panel:
    title, unit = _title_and_unit(quantity)
    return Panel(name, title, _caption(title, unit, counts, edges), _histogram_figure(counts, edges, title, unit))


def _counts_and_edges(histogram: Mapping[str, Any] | Sequence[Any]) -> tuple[list[float], list[float]]:
    """Counts and bin edges from either form; empty lists if they do not fit each other."""
    pair = (histogram["counts"], histogram["edges"]) if isinstance(histogram, Mapping) else histogram
    counts, edges = [float(v) for v in pair[0]], [float(v) for v in pair[1]]
    return (counts, edges) if len(edges) == len(counts) + 1 else ([], [])


def _histogram_figure(counts: list[float], edges: list[float], title: str, unit: str) -> go.Figure:
    """Bars of a histogram, one per bin; the counts are logarithmic where they span a factor of 1000."""
    figure = go.Figure()
    filled = [count for count in counts if count > 0]
    is_log = bool(filled) and max(filled) > 1e3 * min(filled)
    left, right = np.array(edges[:-1]), np.array(edges[1:])
    figure.add_bar(
        x=(left + right) / 2, y=counts, width=right - left, name=title,
        marker={"color": STUDENT.color, "line": {"color": "#ffffff", "width": 0.5}},
        customdata=np.stack([left, right], axis=1),
        hovertemplate="%{customdata[0]:.4g} to %{customdata[1]:.4g}" + f" {unit}<br>%{{y:,}}<extra></extra>",
    )  # fmt: skip
    heights = axis("Count", filled, is_log=is_log)
    if not is_log:
        heights["range"] = [0, 1.08 * max(filled, default=1.0)]
    widths = axis(f"{title} ({unit})" if unit else title, [1.0])
    widths.pop("range")
    margin = {"l": 62, "r": 16, "t": 34, "b": 56}
    return figure.update_layout(**layout(xaxis=widths, yaxis=heights, showlegend=False, height=320, margin=margin))


def _title_and_unit(name: str) -> tuple[str, str]:
    """Such as ("Force", "eV/Å") from "force_ev_per_ang"."""
    for ending, unit in _UNITS:
        if name.endswith(ending):
            return name.removesuffix(ending).replace("_", " ").capitalize(), unit
    return name.replace("_", " ").capitalize(), ""


def _caption(title: str, unit: str, counts: list[float], edges: list[float]) -> str:
    """How many values and where half of them lie."""
    total = sum(counts)
    if total <= 0:
        return "No values."
    shares = np.concatenate([[0.0], np.cumsum(counts) / total])
    low, high = np.interp([0.25, 0.75], shares, edges)
    return f"{title} of {total:,.0f} values; half lie between {low:.3g} and {high:.3g} {unit}".rstrip() + "."
