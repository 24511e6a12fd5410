"""Pieces of a page: cards, tables and lists, everything that comes from users escaped."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any


@dataclass(frozen=True)
class Cell:
    """A table cell.

    Attributes:
        text: What is shown, plain text.
        value: What it sorts by; None: by the text. NaN: unknown, sorted last.
        html: Markup shown instead of the text; the caller escapes.
        title: Text shown when the pointer rests on it.
    """

    text: str
    value: float | None = None
    html: str | None = None
    title: str = ""


@dataclass(frozen=True)
class Column:
    """Head of a table column: name, unit below it, and whether it holds numbers."""

    name: str
    unit: str = ""
    is_number: bool = False


def cell_html(cell: Cell, is_number: bool) -> str:
    """One `td`; numbers carry `data-v`, empty where unknown."""
    attributes = ' class="num"' if is_number else ""
    if is_number and cell.value is not None:
        attributes += ' data-v=""' if math.isnan(cell.value) else f' data-v="{cell.value:.10g}"'
    if cell.title:
        attributes += f' title="{escape(cell.title)}"'
    return f"<td{attributes}>{cell.html if cell.html is not None else escape(cell.text)}</td>"


def table_html(table_id: str, caption: str, columns: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> str:
    """A table whose heads sort it; `caption` is read by screen readers."""
    heads = "".join(
        f'<th scope="col"{" class=num" if column.is_number else ""} aria-sort="none">'
        f'<button type="button">{escape(column.name)}'
        + (f"<small>{escape(column.unit)}</small>" if column.unit else "")
        + "</button></th>"
        for column in columns
    )
    body = "\n".join(
        "<tr>" + "".join(cell_html(c, column.is_number) for c, column in zip(row, columns, strict=True)) + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll"><table class="sortable" id="{escape(table_id)}"><caption>{escape(caption)}</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>\n{body}\n</tbody></table></div>"
    )


def card_html(label: str, value: str, detail: str, tone: str = "plain") -> str:
    """A key number; tones: good, bad, plain."""
    return (
        f'<div class="card {escape(tone)}"><div class="label">{escape(label)}</div>'
        f'<div class="value">{escape(value)}</div><div class="detail">{escape(detail)}</div></div>'
    )


def facts_html(facts: Iterable[tuple[str, Any]]) -> str:
    """A list of names and values."""
    items = "".join(f"<dt>{escape(str(name))}</dt><dd>{escape(_plain(value))}</dd>" for name, value in facts)
    return f'<dl class="facts">{items}</dl>'


def flatten(values: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Nested mappings as pairs with dotted names; long lists are summed up by their length."""
    pairs: list[tuple[str, Any]] = []
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


def figure_html(name: str, tag: str, title: str, caption: str, menu: str = "") -> str:
    """A figure whose data lie in the script element `data-NAME`."""
    label = f"<span>{escape(tag)}</span>" if tag else ""
    return (
        f'<figure class="panel" id="{name}"><div class="panel-head"><h3>{label}{escape(title)}</h3>'
        f'{menu}</div><div class="plot" data-figure="{name}"></div><figcaption>{escape(caption)}</figcaption></figure>'
    )


def json_script(name: str, value_json: str) -> str:
    """JSON inside the page; "<" is written as an escape so that no text in it can end the element."""
    return f'<script type="application/json" id="data-{name}">{value_json.replace("<", chr(92) + "u003c")}</script>'


def _plain(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple) and all(isinstance(item, str | int | float) for item in value):
        return ", ".join(_plain(item) for item in value) or "–"
    return json.dumps(value, ensure_ascii=False, default=str)
