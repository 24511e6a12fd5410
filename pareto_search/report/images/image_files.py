"""The report's figures as files for a paper, and what each shows as CSV."""

import logging
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import plotly.graph_objects as go
import plotly.io

from pareto_search.report.figures.entry import shown_figures
from pareto_search.report.figures.style import plain_text
from pareto_search.report.images.matplotlib import save_with_matplotlib
from pareto_search.report.tables import ReportInput, ReportTables, make_tables

logger = logging.getLogger(__name__)

ImageFormat = Literal["svg", "png", "pdf"]
#: Pixels; a PNG has three times as many along each side.
SIZE, PNG_SCALE = (760, 480), 3


def write_figures(data: ReportInput, folder: Path, formats: Sequence[ImageFormat]) -> list[Path]:
    """Write every figure that the study's report shows, as images and as CSV.

    Plotly draws them where kaleido and a browser are installed, Matplotlib otherwise.

    Args:
        data: What the report is made from.
        folder: Made if it is not there; files of the same names are replaced.
        formats: Kinds of image.

    Returns:
        The files, in the report's order.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tables = make_tables(data)
    figures = {entry.name: entry.draw(tables) for entry in shown_figures(tables)}
    images = {folder / f"{name}.{kind}": figure for name, figure in figures.items() for kind in formats}
    if not _save_with_plotly(images):
        for path, figure in images.items():
            save_with_matplotlib(figure, path, SIZE, PNG_SCALE)
    contents = {folder / f"{name}.csv": figure_table(figure, tables) for name, figure in figures.items()}
    for path, content in contents.items():
        content.to_csv(path, index=False)
    return [*images, *contents]


def _save_with_plotly(images: dict[Path, go.Figure]) -> bool:
    """Write images by a browser; False where there is none."""
    if not images:
        return True
    if find_spec("kaleido") is None:
        logger.info("figures: drawn by Matplotlib; with `pip install kaleido` and a browser they look as in the report")
        return False
    from choreographer.errors import BrowserDepsError, BrowserFailedError, ChromeNotFoundError

    scales = [PNG_SCALE if path.suffix == ".png" else 1 for path in images]
    try:
        plotly.io.write_images([*images.values()], [*images], width=SIZE[0], height=SIZE[1], scale=scales)
    except (BrowserDepsError, BrowserFailedError, ChromeNotFoundError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        logger.info("figures: drawn by Matplotlib, for no browser could be used (%s)", reason)
        return False
    return True


def figure_table(figure: go.Figure, tables: ReportTables) -> pd.DataFrame:
    """What a figure shows, a row a point: its series, coordinates by the titles of their axes, spread and networks.

    Where panels side by side show different quantities, or have titles, each has its own columns or its title.
    """
    frames = [
        _parallel_table(trace, tables) if trace.type == "parcoords" else _trace_table(figure, trace, tables)
        for trace in figure.data
    ]
    frames = [frame for frame in frames if len(frame)]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def _parallel_table(trace: Any, tables: ReportTables) -> pd.DataFrame:
    columns = {plain_text(dimension.label): dimension.values for dimension in trace.dimensions}
    return pd.DataFrame({**columns, "networks": _networks_of(trace, tables)})


def _trace_table(figure: go.Figure, trace: Any, tables: ReportTables) -> pd.DataFrame:
    columns: dict[str, object] = {"series": trace.name}
    for name in ("x", "y", "z"):
        values = getattr(trace, name, None)
        if values is not None:
            columns[_title(figure, trace, name)] = values
    if panel := _panel(figure, trace):
        columns["panel"] = panel
    for bars in (trace.error_y, trace.error_x) if trace.type == "scatter" else ():
        if bars.array is not None:
            columns["spread above"] = bars.array
            columns["spread below"] = bars.array if bars.arrayminus is None else bars.arrayminus
    columns["networks"] = _networks_of(trace, tables)
    frame = pd.DataFrame(columns)
    return frame[frame.iloc[:, 1].notna()]  # gaps between lines, and entries of the legend alone


def _title(figure: go.Figure, trace: Any, name: str) -> str:
    """Title of the axis that a coordinate belongs to; an axis without one shares that of the first."""
    axes = figure.layout.scene if trace.type == "scatter3d" else figure.layout
    own = "" if trace.type == "scatter3d" else (trace[f"{name}axis"] or name)[1:]
    title = axes[f"{name}axis{own}"].title.text or axes[f"{name}axis"].title.text or name
    return plain_text(title)


def _panel(figure: go.Figure, trace: Any) -> str:
    """Title of the panel that a trace is drawn in, in figures whose panels have titles; else nothing."""
    if trace.type != "scatter" or len({other.xaxis or "x" for other in figure.data}) < 2:
        return ""
    number = int((trace.xaxis or "x")[1:] or 1)
    titles = [plain_text(note.text) for note in figure.layout.annotations]
    return titles[number - 1] if number <= len(titles) else ""


def _networks_of(trace: Any, tables: ReportTables) -> list[str] | str:
    """Ids of the networks behind each point, as far as the trace carries them."""
    if trace.customdata is None:
        return ""
    by_number = tables.models.groupby(trace.meta["of"])["model_id"].agg(" ".join).to_dict()
    return [by_number.get(number, "") for number in trace.customdata]
