"""Figures drawn by Matplotlib, where no browser can draw them: plainer, with the same points, lines and axes."""

from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pareto_search.report.figures.style import plain_text

#: Plotly's names of markers and dashes, and Matplotlib's.
_MARKERS = {"circle": "o", "square": "s", "diamond": "D", "star": "*", "triangle-up": "^", "triangle-down": "v",
            "triangle-left": "<", "x": "x", "cross": "P", "circle-open": "o", "square-open": "s",
            "diamond-open": "D"}  # fmt: skip
_DASHES = {"solid": "-", "dot": ":", "dash": "--", "5px,2px": "--"}
_PIXELS_PER_INCH = 100
_LEGEND: dict[str, Any] = {"loc": "outside lower left", "ncols": 4, "frameon": False, "fontsize": 8,
                           "columnspacing": 1.2}  # fmt: skip


def save_with_matplotlib(figure: go.Figure, path: Path, size: tuple[int, int], png_scale: int) -> None:
    """Write a figure as an image; the kind is that of the file's name.

    Args:
        figure: With traces of type scatter, bar, scatter3d or parcoords.
        path: File to write.
        size: Width and height in pixels.
        png_scale: Pixels of a PNG for each of these.
    """
    canvas = Figure(figsize=(size[0] / _PIXELS_PER_INCH, size[1] / _PIXELS_PER_INCH), layout="constrained")
    kinds = {trace.type for trace in figure.data}
    if "parcoords" in kinds:
        _draw_parallel(canvas.subplots(), figure.data[0])
    elif "scatter3d" in kinds:
        _draw_scene(canvas, figure)
    else:
        _draw_planes(canvas, figure)
    legend: dict[str, Any] = {}
    for panel in canvas.axes:
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True):
            legend.setdefault(label, handle)
    if legend:
        canvas.legend(list(legend.values()), list(legend), **_LEGEND)
    undated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}  # equal figures are equal files
    dpi = _PIXELS_PER_INCH * (png_scale if path.suffix == ".png" else 1)
    canvas.savefig(path, dpi=dpi, metadata=undated.get(path.suffix, {}))


# --- planes ---------------------------------------------------------------------------------------------------------


def _draw_planes(canvas: Figure, figure: go.Figure) -> None:
    """Panels side by side, one for each pair of axes."""
    names = sorted({(trace.xaxis or "x", trace.yaxis or "y") for trace in figure.data}) or [("x", "y")]
    panels = canvas.subplots(1, len(names), squeeze=False)[0]
    for panel, (x_name, y_name) in zip(panels, names, strict=True):
        traces = [trace for trace in figure.data if (trace.xaxis or "x", trace.yaxis or "y") == (x_name, y_name)]
        for trace in traces:
            if trace.type == "scatter":
                _draw_trace(panel, trace)
        if bars := [trace for trace in traces if trace.type == "bar"]:
            _draw_bars(panel, bars)
        _set_axis(panel, "x", figure.layout[f"xaxis{x_name[1:]}"])
        _set_axis(panel, "y", figure.layout[f"yaxis{y_name[1:]}"])
        for shape in figure.layout.shapes if len(names) == 1 else ():
            if shape.type == "rect":
                look = {"color": shape.fillcolor, "alpha": shape.opacity, "linewidth": 0, "label": shape.name}
                panel.fill_between([shape.x0, shape.x1], shape.y0, shape.y1, zorder=0, **look)
    titles = [plain_text(note.text) for note in figure.layout.annotations]
    for panel, title in zip(panels, titles, strict=False):
        panel.set_title(title, loc="left", fontsize=10)


def _draw_trace(panel: Axes, trace: Any) -> None:
    if trace.x is None or trace.y is None:
        return
    label = trace.name if trace.showlegend is not False else None
    if trace.fill == "toself":
        panel.fill(trace.x, trace.y, color=trace.fillcolor, alpha=_opacity(trace), linewidth=0, label=label)
        return
    xerr, yerr = _spread(trace.error_x), _spread(trace.error_y)
    drawn = panel.errorbar(trace.x, trace.y, xerr=xerr, yerr=yerr, elinewidth=1, capsize=2, label=label, **_look(trace))
    if trace.marker.symbol is not None and not isinstance(trace.marker.symbol, str):  # one for each point
        is_open = [symbol.endswith("-open") for symbol in trace.marker.symbol]
        drawn[0].set_markevery(np.flatnonzero(~np.array(is_open)).tolist())
        hollow = {**_look(trace), "markerfacecolor": "white", "markevery": np.flatnonzero(is_open).tolist()}
        panel.plot(trace.x, trace.y, zorder=drawn[0].get_zorder() + 0.1, **hollow)


def _draw_bars(panel: Axes, traces: list[Any]) -> None:
    """Bars that stand, or that lie with the first on top; those of one place are stacked."""
    is_lying = traces[0].orientation == "h"
    starts: dict[Any, float] = {}
    for trace in traces:
        places, lengths = (trace.y, trace.x) if is_lying else (trace.x, trace.y)
        begins = [starts.get(place, 0.0) for place in places]
        begin: dict[str, Any] = {"left" if is_lying else "bottom": begins}
        draw = panel.barh if is_lying else panel.bar
        draw(places, lengths, color=trace.marker.color, label=trace.name, **begin)
        starts |= {place: low + float(n) for place, low, n in zip(places, begins, lengths, strict=True)}
    if is_lying:
        panel.invert_yaxis()


def _look(trace: Any) -> dict[str, Any]:
    mode = trace.mode or "lines"
    look: dict[str, object] = {"alpha": _opacity(trace), "linestyle": "none", "color": trace.marker.color}
    if "lines" in mode:
        look |= {"color": trace.line.color, "linestyle": _DASHES.get(trace.line.dash or "solid", "-"),
                 "linewidth": 0.75 * (2 if trace.line.width is None else trace.line.width),
                 "drawstyle": "steps-post" if trace.line.shape == "hv" else "default"}  # fmt: skip
    if "markers" in mode:
        symbol = trace.marker.symbol if isinstance(trace.marker.symbol, str) else "circle"
        look |= {"marker": _MARKERS.get(symbol, "o"), "markersize": 0.75 * (trace.marker.size or 6)}
    return look


def _spread(bars: Any) -> NDArray[np.float64] | None:
    """Lengths of error bars below and above, shape (2, n_points)."""
    if bars.array is None or bars.visible is False:
        return None
    above = np.asarray(bars.array, dtype=float)
    return np.stack([above if bars.arrayminus is None else np.asarray(bars.arrayminus, dtype=float), above])


def _opacity(trace: Any) -> float:
    marker = getattr(trace, "marker", None)
    return float(trace.opacity or (marker.opacity if marker is not None else None) or 1.0)


def _set_axis(panel: Any, name: str, axis: Any) -> None:
    is_log = axis.type == "log"
    getattr(panel, f"set_{name}label")(plain_text(axis.title.text))
    if is_log:
        getattr(panel, f"set_{name}scale")("log")
    if axis.range is not None:
        low, high = (10**end if is_log else end for end in axis.range)
        getattr(panel, f"set_{name}lim")(low, high)
    if axis.tickvals is not None:
        getattr(panel, f"set_{name}ticks")(list(axis.tickvals), labels=[str(text) for text in axis.ticktext])
        getattr(panel, f"{name}axis").minorticks_off()
    panel.grid(True, color="#e8ebf0")
    panel.set_axisbelow(True)


# --- three dimensions and parallel axes -------------------------------------------------------------------------------


def _draw_scene(canvas: Figure, figure: go.Figure) -> None:
    """Points and lines in three dimensions; Matplotlib has no logarithmic axes there, so decades are drawn."""
    panel = canvas.add_subplot(projection="3d")
    scene = figure.layout.scene
    for trace in figure.data:
        places = [_decades(getattr(trace, name), scene[f"{name}axis"]) for name in "xyz"]
        label = trace.name if trace.showlegend is not False else None
        if "markers" in (trace.mode or ""):
            panel.scatter(*places, color=trace.marker.color, s=20, alpha=_opacity(trace), label=label,
                          marker=_MARKERS.get(trace.marker.symbol or "circle", "o"))  # fmt: skip
        else:
            panel.plot(*places, color=trace.line.color, linewidth=0.8, alpha=_opacity(trace))
    for name in "xyz":
        axis = scene[f"{name}axis"]
        getattr(panel, f"set_{name}label")(plain_text(axis.title.text))
        if axis.tickvals is not None:
            ticks = _decades(axis.tickvals, axis)
            getattr(panel, f"set_{name}ticks")(list(ticks), labels=[str(text) for text in axis.ticktext])


def _decades(values: object, axis: Any) -> NDArray[np.float64]:
    numbers = np.asarray(values, dtype=float)
    return np.log10(numbers) if axis.type == "log" else numbers


def _draw_parallel(panel: Axes, trace: Any) -> None:
    """One line a network through axes that all go from 0 to 1; the ends of each carry its range."""
    values = np.array([np.asarray(dimension.values, dtype=float) for dimension in trace.dimensions])
    low, high = np.nanmin(values, axis=1, keepdims=True), np.nanmax(values, axis=1, keepdims=True)
    heights = (values - low) / np.where(high > low, high - low, 1.0)
    places = np.arange(len(values))
    colors = np.asarray(trace.line.color, dtype=float)
    shades = 0.15 + 0.75 * (colors - colors.min()) / (np.ptp(colors) or 1.0)
    for line, shade in zip(heights.T, shades, strict=True):
        panel.plot(places, line, color="#0072B2", alpha=float(1.05 - shade), linewidth=0.9)
    names = [dimension.label.replace("<br>", "\n") for dimension in trace.dimensions]
    panel.set_xticks(places, labels=names, fontsize=7)
    panel.set_yticks([])
    for place, dimension in zip(places, trace.dimensions, strict=True):
        panel.axvline(float(place), color="#c3c9d3", linewidth=0.8)
        ticks = [] if dimension.tickvals is None else list(dimension.tickvals)
        texts = [f"{tick:g}" for tick in ticks] if dimension.ticktext is None else list(dimension.ticktext)
        span = float(high[place, 0] - low[place, 0]) or 1.0
        for tick, text in zip(ticks, texts, strict=True):
            panel.text(place + 0.03, (tick - float(low[place, 0])) / span, text, fontsize=7, va="center")
