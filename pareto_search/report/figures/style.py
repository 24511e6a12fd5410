"""How figures look: colours (Okabe-Ito, safe for colour-blind readers), markers, axes and layout."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

INK, MUTED, GRID, FAINT = "#1f2937", "#6b7280", "#e8ebf0", "#d5dae2"
FONT = 'Inter, "Segoe UI", system-ui, -apple-system, "Helvetica Neue", Arial, sans-serif'


@dataclass(frozen=True)
class Look:
    """Colour, marker, legend name and line of one kind of network."""

    name: str
    color: str
    symbol: str
    dash: str = "5px,2px"


STUDENT = Look("Students", "#0072B2", "circle", "solid")
TEACHER = Look("Teacher", "#1f2937", "star")
ARCHITECTURE = Look("Architectures (student = control)", "#4b5b73", "circle")
_CONTROLS = {
    "paper": Look("Controls (paper)", "#D55E00", "square"),
    "ablation": Look("Controls (ablation)", "#009E73", "diamond"),
    "tuned": Look("Controls (tuned)", "#CC79A7", "triangle-up"),
    "static": Look("Controls (taught, static weights)", "#8C564B", "triangle-down"),
    "one_teacher": Look("Controls (taught by one)", "#9467BD", "cross"),
    "scratch": Look("Controls (taught, own start)", "#7F7F00", "triangle-left"),
}
#: Free space at both ends of an axis, as a fraction of it.
_MARGIN = 0.08
#: For further groups, such as cutoffs.
SERIES = (("#4b5b73", "circle"), ("#56B4E9", "square"), ("#E69F00", "diamond"), ("#009E73", "triangle-up"))
#: For runs over each other.
RUN_SERIES = (("#0072B2", "circle"), ("#D55E00", "square"), ("#009E73", "diamond"), ("#CC79A7", "triangle-up"),
              ("#E69F00", "x"), ("#56B4E9", "cross"))  # fmt: skip
#: What the page turns colours of figures into when it is dark; a colour that is not named stays.
DARK = {
    "#ffffff": "#171c24",  # paper, and the rim of points
    INK: "#e4e8ee",
    MUTED: "#9aa4b2",
    GRID: "#2a313c",
    FAINT: "#3a4452",
    "#c3c9d3": "#465162",  # lines of axes
    "#b6bdc9": "#5b6675",
    "#aab2bf": "#566172",
    "#a8b0bc": "#7b8796",
    "#4b5b73": "#a3b4cc",
    "#0072B2": "#56B4E9",  # Okabe and Ito's sky blue in place of their blue, which is too dark here
}


def look_of(role: str, control_kind: str = "") -> Look:
    """Look of a role; a control kind that is not known gets a grey cross."""
    if role == "student":
        return STUDENT
    if role == "teacher":
        return TEACHER
    return _CONTROLS.get(control_kind, Look(f"Controls ({control_kind or 'unnamed'})", "#7a7a7a", "x"))


def axis(title: str, values: ArrayLike, *, is_log: bool | None = None) -> dict[str, Any]:
    """A Plotly axis for positive values: logarithmic with 1-2-5 ticks where they span more than a factor of 3.

    Args:
        title: Axis title with its unit.
        values: Everything the axis must show, error bars included; non-finite and non-positive ones are ignored.
        is_log: Force the kind of axis; omitted: by the span.
    """
    base = {
        "title": {"text": title, "standoff": 12, "font": {"size": 13}},
        "gridcolor": GRID, "linecolor": "#c3c9d3", "zeroline": False,
        "ticks": "outside", "ticklen": 4, "tickcolor": "#c3c9d3", "showline": True, "mirror": False,
        "automargin": True,
    }  # fmt: skip
    numbers = np.asarray(values, dtype=float)
    numbers = numbers[np.isfinite(numbers) & (numbers > 0)]
    if numbers.size == 0:
        return {**base, "range": [0, 1], "showticklabels": False}
    low, high = float(numbers.min()), float(numbers.max())
    if is_log is None:
        is_log = high > 3 * low
    if not is_log:
        margin = _MARGIN * ((high - low) or 0.2 * high)
        return {**base, "range": [max(low - margin, 0.0), high + margin], "nticks": 7}
    decades = max(np.log10(high / low), 0.05)
    span = [np.log10(low) - _MARGIN * decades, np.log10(high) + _MARGIN * decades]
    ticks = log_ticks(10 ** span[0], 10 ** span[1])
    texts = [tick_text(tick) for tick in ticks]
    return {**base, "type": "log", "range": span, "tickmode": "array", "tickvals": ticks, "ticktext": texts}


def log_ticks(low: float, high: float) -> list[float]:
    """At least four round values between two bounds for a logarithmic axis, from the coarsest ladder that has them."""
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    ticks: list[float] = []
    for digits in ((1,), (1, 2, 5), (1, 2, 3, 5, 7), (1, 1.5, 2, 3, 4, 5, 6, 8)):
        values = [float(f"{digit}e{decade}") for decade in decades for digit in digits]
        ticks = [value for value in values if low <= value <= high]
        if len(ticks) >= 4:
            break
    return ticks


def tick_text(value: float) -> str:
    """Compact text of a tick: 0.05, 20, 5k, 2M."""
    for factor, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= factor:
            return f"{value / factor:g}{suffix}"
    return f"{value:g}"


def plain_text(text: str | None) -> str:
    """A title of a figure without its markup, on one line."""
    return re.sub("</?b>", "", (text or "").replace("<br>", " ")).strip()


def layout(**changes: Any) -> dict[str, Any]:
    """Layout that all figures share."""
    return {
        "template": "none", "font": {"family": FONT, "size": 12.5, "color": INK}, "paper_bgcolor": "#ffffff",
        "modebar": {"color": "#b6bdc9", "activecolor": "#4b5b73", "bgcolor": "rgba(0,0,0,0)"},
        "plot_bgcolor": "#ffffff", "margin": {"l": 62, "r": 16, "t": 34, "b": 104}, "height": 440,
        "hovermode": "closest",
        "hoverlabel": {"bgcolor": "#ffffff", "bordercolor": "#c3c9d3", "align": "left",
                       "font": {"family": FONT, "size": 12, "color": INK}},
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": -0.2, "yanchor": "top", "font": {"size": 12},
                   "itemsizing": "constant", "bgcolor": "rgba(0,0,0,0)"},
        **changes,
    }  # fmt: skip


def no_data(text: str) -> list[dict[str, object]]:
    """Annotation of a figure that has nothing to show."""
    return [{"text": text, "showarrow": False, "xref": "paper", "yref": "paper", "x": 0.5, "y": 0.5,
             "font": {"size": 14, "color": MUTED}}]  # fmt: skip
