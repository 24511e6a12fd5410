"""Pieces of a page: cards, tables and lists, everything that comes from users escaped."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import plotly.graph_objects as go


@dataclass(frozen=True)
class Column:
    """A column of a table whose rows the page's script writes.

    Attributes:
        name: Its head.
        field: The column of the data it shows and is sorted by.
        unit: Written below the head.
        kind: How a cell is written: one of the kinds of `browser/cells.js`.
        digits: Significant digits of numbers.
        factor: From the unit stored to the unit shown.
    """

    name: str
    field: str
    unit: str = ""
    kind: str = "text"
    digits: int = 3
    factor: float = 1.0

    @property
    def is_number(self) -> bool:
        """Whether its cells are numbers, set right and sorted by value."""
        return self.kind in ("number", "whole", "seed")


def table_html(name: str, caption: str, columns: Sequence[Column]) -> str:
    """A table without rows, whose heads sort it; `caption` is read by screen readers."""
    heads = "".join(
        f'<th scope="col"{" class=num" if column.is_number else ""} aria-sort="none">'
        f'<button type="button">{escape(column.name)}'
        + (f"<small>{escape(column.unit)}</small>" if column.unit else "")
        + "</button></th>"
        for column in columns
    )
    return (
        f'<div class="scroll" tabindex="-1"><table id="{escape(name)}" role="grid"><caption>{escape(caption)}</caption>'
        f'<thead><tr>{heads}</tr></thead><tbody></tbody></table><p class="more"></p></div>'
    )


def card_html(label: str, value: str, detail: str, tone: str = "plain") -> str:
    """A key number; tones: good, bad, plain."""
    return (
        f'<div class="card {escape(tone)}"><div class="label">{escape(label)}</div>'
        f'<div class="value">{escape(value)}</div><div class="detail">{escape(detail)}</div></div>'
    )


def facts_html(facts: Iterable[tuple[str, object]]) -> str:
    """A list of names and values."""
    items = "".join(f"<dt>{escape(str(name))}</dt><dd>{escape(_plain(value))}</dd>" for name, value in facts)
    return f'<dl class="facts">{items}</dl>'


def flatten(values: dict[str, object], prefix: str = "") -> list[tuple[str, object]]:
    """Nested mappings as pairs with dotted names; long lists are summed up by their length."""
    pairs: list[tuple[str, object]] = []
    for name, value in values.items():
        if isinstance(value, dict):
            pairs += flatten(value, f"{prefix}{name}.")
        elif isinstance(value, list | tuple) and len(value) > 12:
            pairs.append((f"{prefix}{name}", f"{len(value)} values"))
        else:
            pairs.append((f"{prefix}{name}", value))
    return pairs


def note_lines(notes: Any) -> list[str]:
    """A reader's notes as lines, from a mapping (`name: value`), a list or one text; empty for None."""
    if isinstance(notes, dict):
        return [f"{name}: {_plain(value)}" for name, value in notes.items()]
    return [str(note) for note in ([notes] if isinstance(notes, str) else notes or [])]


def figure_html(
    name: str, tag: str, title: str, caption: str, figure: go.Figure, menu: str = "", *, is_wide: bool = False
) -> str:
    """A figure whose data lie in the script element `data-NAME`; it is drawn when it comes into view."""
    label = f"<span>{escape(tag)}</span>" if tag else ""
    height = figure.layout.height or 440
    return (
        f'<figure class="panel{" wide" if is_wide else ""}" id="{name}" data-figure="{name}">'
        f'<div class="panel-head"><h3 id="{name}-title">{label}{escape(title)}</h3>{menu}</div>'
        f'<div class="plot" role="application" tabindex="0" aria-roledescription="figure" aria-labelledby='
        f'"{name}-title" aria-describedby="{name}-caption {name}-summary" style="height:{height}px"></div>'
        f'<figcaption id="{name}-caption">{escape(caption)}</figcaption>'
        f'<p class="hidden" id="{name}-summary">{escape(summary_text(figure))}</p></figure>'
    )


def summary_text(figure: go.Figure) -> str:
    """What a reader who does not see the figure should know is in it: its axes and how many points each kind has."""
    layout = figure.layout.to_plotly_json()
    axes = layout.get("scene", layout)
    titles = [axes.get(f"{name}axis", {}).get("title", {}).get("text") for name in "xyz"]
    counts: dict[str, int] = {}
    for trace in (trace.to_plotly_json() for trace in figure.data):
        places = trace.get("z", trace.get("x"))
        if "markers" in trace.get("mode", "") and places is not None and places[0] is not None:
            counts[trace["name"]] = counts.get(trace["name"], 0) + len(places)
        for dimension in trace.get("dimensions", ()):
            titles.append(dimension["label"])
            counts[trace["name"]] = len(dimension["values"])
    shown = "; ".join(f"{name}: {n:,}" for name, n in counts.items())
    named = ", ".join(title.replace("<br>", " ").strip() for title in titles if title)
    return f"Axes: {named}." + (f" Points: {shown}." if shown else "")


def json_script(name: str, value_json: str) -> str:
    """JSON inside the page; "<" is written as an escape so that no text in it can end the element."""
    return f'<script type="application/json" id="data-{name}">{value_json.replace("<", chr(92) + "u003c")}</script>'


def _plain(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple) and all(isinstance(item, str | int | float) for item in value):
        return ", ".join(_plain(item) for item in value) or "–"
    if isinstance(value, dict) and all(isinstance(item, dict) for item in value.values()):
        return _plain(list(value))  # the rest of it is in dataset.json
    return json.dumps(value, ensure_ascii=False, default=str)
