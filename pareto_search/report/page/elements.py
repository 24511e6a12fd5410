"""Pieces of a page, and the texts in them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go


@dataclass(frozen=True)
class Card:
    """A key number; tones: good, bad, plain."""

    name: str
    label: str
    value: str
    detail: str
    tone: str = "plain"


@dataclass(frozen=True)
class Column:
    """A column of a table whose rows the page's script writes.

    Attributes:
        field: The column of the data it shows and is sorted by.
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


@dataclass(frozen=True)
class Panel:
    """A figure with what stands around it; its data lie in the script element `data-NAME` until it comes into view.

    Attributes:
        name: Its identifier in the page.
        tag: Its number, before the title.
        menu, options: Identifier of the menu above it, and the numbers and names of the architectures to choose among.
        is_wide: Whether it takes the whole width.
    """

    name: str
    title: str
    caption: str
    figure: go.Figure
    tag: str = ""
    menu: str = ""
    options: tuple[tuple[int, str], ...] = ()
    is_wide: bool = False

    @property
    def height(self) -> int:
        """Of its place, in pixels."""
        return int(self.figure.layout.height or 440)

    @property
    def summary(self) -> str:
        """What a reader who does not see the figure should know of it: its axes, and how many points each kind has."""
        layout = self.figure.layout.to_plotly_json()
        axes = layout.get("scene", layout)
        titles = [axes.get(f"{name}axis", {}).get("title", {}).get("text") for name in "xyz"]
        counts: dict[str, int] = {}
        for trace in (trace.to_plotly_json() for trace in self.figure.data):
            places = trace.get("z", trace.get("x"))
            if "markers" in trace.get("mode", "") and places is not None and places[0] is not None:
                counts[trace["name"]] = counts.get(trace["name"], 0) + len(places)
            for dimension in trace.get("dimensions", ()):
                titles.append(dimension["label"])
                counts[trace["name"]] = len(dimension["values"])
        shown = "; ".join(f"{name}: {n:,}" for name, n in counts.items())
        named = ", ".join(title.replace("<br>", " ").strip() for title in titles if title)
        return f"Axes: {named}." + (f" Points: {shown}." if shown else "")


def facts(pairs: Iterable[tuple[str, object]]) -> list[tuple[str, str]]:
    """Names and values as texts."""
    return [(str(name), _plain(value)) for name, value in pairs]


def flatten(values: Mapping[str, object], prefix: str = "") -> list[tuple[str, object]]:
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
