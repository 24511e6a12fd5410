"""What figures that are drawn again and again have in common."""

import re
from collections import Counter

import plotly.graph_objects as go

from pareto_search.report.figures.style import axis

#: What all have: one revision, and the panel's own ground, which may be dark.
_SHARED = {"uirevision": "live", "height": 400, "margin": {"l": 62, "r": 16, "t": 20, "b": 96},
           "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)"}  # fmt: skip


def epoch_axis(title: str, last: float) -> dict[str, object]:
    """From 0 to beyond the last epoch, in whole epochs."""
    numbers = {"range": [0, 1.04 * max(float(last), 1.0)], "showticklabels": bool(last > 0)}
    return axis(title, [1.0, last], is_log=False) | numbers | ({"dtick": 1} if last < 8 else {})


def redrawn(figure: go.Figure) -> go.Figure:
    """A figure that is drawn again and again: zoom and hidden legend entries stay as the reader left them.

    Plotly keeps what is hidden by the traces' names, which must not depend on which others there are. Axes have
    automatic ranges, so that one which has not has been zoomed by the reader.
    """
    seen: Counter[str] = Counter()
    for trace in figure.data:
        name = re.sub(r"\W+", "-", f"{trace.name} {trace.mode}", flags=re.ASCII)  # Plotly makes a CSS class of it
        seen[name] += 1
        trace.uid = f"{name}-{seen[name]}"
    for each in (figure.layout.xaxis, figure.layout.yaxis):
        low, high = each.range  # as here, in logarithms for a logarithmic axis
        each.update(range=None, autorange=True, autorangeoptions={"minallowed": low, "maxallowed": high})
    return figure.update_layout(_SHARED)
