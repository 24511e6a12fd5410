"""Dash components of the live page, without its data and filled with them."""

from typing import Any

import plotly.graph_objects as go
from dash import dcc, html

from pareto_search.report.live.details import Details
from pareto_search.report.live.progress_tables import LiveTable, Row
from pareto_search.report.page.elements import Card

#: Figures by the name of their part: title and caption. The first is the one whose points are trials.
FIGURES = {
    "curves": ("Trials of the search", "Validation force RMSE of students, as reported: squares are pauses at a rung, "
               "triangles promotions, crosses ends before time. Click a curve for the trial and the reasons."),
    "front_speed": ("Accuracy against speed", "As in the report: points are means over seeds, step lines are fronts. "
                    "Click a point for its record."),
    "front_memory": ("Accuracy against memory", "The same networks against the memory of an MD step per atom."),
    "volume": ("Hypervolume so far", "What is dominated of validation error, step time and memory, up to a point "
               "beyond the teacher: higher is better. Click a point for the network that added to it."),
}  # fmt: skip
#: Tables by the name of their part: title, and what stands there while they are empty.
TABLES = {
    "trials": ("Trials", "No trial has begun."),
    "failures": ("What went wrong", "Nothing failed or was refused."),
    "costs": ("Costs", "No cost has been measured."),
}
_PLACES = (("front_speed", "front_memory"), ("curves", "volume"))
_GRAPH_CONFIG = {"responsive": True, "displaylogo": False, "toImageButtonOptions": {"format": "svg"},
                 "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
                 "showSendToCloud": False, "plotlyServerURL": ""}  # nothing of a run leaves the machine  # fmt: skip


def page_layout(interval_ms: int) -> html.Div:
    """The page without its data; every `interval_ms` milliseconds it requests what is new."""
    pairs = [html.Div([_figure_panel(name) for name in names], className="pair") for names in _PLACES]
    tables = [
        html.Section([html.H2(title, id=f"{name}-title"), html.Div(id=name)], **{"aria-labelledby": f"{name}-title"})
        for name, (title, _) in TABLES.items()
    ]
    return html.Div([
        html.Header(html.Div([
            html.H1("…", id="name"), html.P("", id="about"),
            html.Span("", id="state", className="state", role="status", **{"aria-live": "polite"}),
            html.P("", id="warning", className="warning", role="alert"),
        ], className="top")),
        html.Div("", id="lost", hidden=True, role="alert"),
        html.Main([
            html.Div(id="cards", className="cards"),
            html.Section([html.H2("Figures", className="hidden"), *pairs]),
            *tables,
            html.Footer("Made by pareto_search. The page reads the run directory and changes nothing in it."),
        ]),
        html.Aside([
            html.Button("×", id="close", **{"aria-label": "Close the details", "data-kind": "", "data-name": ""}),
            html.Div(id="details"),
        ], id="drawer", hidden=True, tabIndex="-1", role="region", **{"aria-label": "Details", "data-shown": ""}),
        dcc.Interval(id="tick", interval=interval_ms),
        *(dcc.Store(id=name) for name in ("clicked", "asked", "seen", *(f"{name}-sent" for name in FIGURES))),
    ], className="live")  # fmt: skip


def _figure_panel(name: str) -> html.Figure:
    title, caption = FIGURES[name]
    axes = {"visible": False}
    empty = go.Figure(layout={"template": "none", "height": 400, "xaxis": axes, "yaxis": axes})
    graph = dcc.Graph(id=name, figure=empty, config=_GRAPH_CONFIG, className="plot", style={"height": "400px"})
    return html.Figure(
        [html.Div(html.H3(title, id=f"{name}-title"), className="panel-head"), graph, html.Figcaption(caption)],
        className="panel", **{"aria-labelledby": f"{name}-title"},
    )  # fmt: skip


def card_box(card: Card) -> html.Div:
    """A key number in its box."""
    value = html.Div(card.value, className="value", title=card.value)
    parts = [html.Div(card.label, className="label"), value, html.Div(card.detail, className="detail")]
    return html.Div(parts, className=f"card {card.tone}", id=f"card-{card.name}")


def table_box(name: str, table: LiveTable, mark: str) -> Any:
    """A table that scrolls by itself, or the sentence that stands for an empty one.

    Args:
        name: Its part, one of `TABLES`.
        table: Its columns and rows.
        mark: Kind and name of the row that is chosen, as "trial/7".
    """
    if not table.rows:
        return html.P(TABLES[name][1], className="none")
    heads = [
        html.Th([head, html.Small(unit)] if unit else head, scope="col", className="num" if is_number else "")
        for head, unit, is_number in table.columns
    ]
    body = html.Tbody([_row(row, table, mark) for row in table.rows])
    content = html.Table([html.Caption(table.caption), html.Thead(html.Tr(heads)), body])
    return [html.Div(content, className="scroll", tabIndex="0", **{"aria-label": table.caption}, role="region"),
            html.P(table.note, className="none")]  # fmt: skip


def _row(row: Row, table: LiveTable, mark: str) -> html.Tr:
    cells = []
    for number, (text, (_, _, is_number)) in enumerate(zip(row.cells, table.columns, strict=True)):
        content: Any = text
        if number == table.tag_column:
            content = html.Span(text, className=f"tag {row.tag} nowrap")
        elif number == 0 and row.chooses:
            content = html.Button(text or "open", type="button")
        cells.append(html.Td(content, className="num" if is_number else ""))
    if row.chooses is None:
        return html.Tr(cells)
    kind, name = row.chooses
    is_chosen = f"{kind}/{name}" == mark
    return html.Tr(cells, className="choose chosen" if is_chosen else "choose",
                   **{"data-kind": kind, "data-name": name})  # fmt: skip


def details_list(content: tuple[Details, go.Figure] | None) -> list[Any]:
    """What the drawer shows of a trial or a network; nothing for None."""
    if content is None:
        return []
    details, figure = content
    parts: list[Any] = [
        html.H2(details.title),
        dcc.Graph(figure=figure, config=_GRAPH_CONFIG, className="plot", style={"height": "270px"}, id="details-curve"),
    ]
    if details.trial is not None and not details.title.startswith("Trial"):
        parts.append(_more_button("trial", str(details.trial), f"trial {details.trial}"))
    for title, facts in details.facts:
        pairs = [part for key, value in facts for part in (html.Dt(key), html.Dd(value))]
        parts += [html.H3(title), html.Dl(pairs, className="facts")]
    if details.others:
        parts.append(html.H3("Networks"))
        parts += [_more_button("network", name, text) for name, text in details.others]
    return parts


def _more_button(kind: str, name: str, text: str) -> html.Button:
    return html.Button(text, type="button", className="more", **{"data-kind": kind, "data-name": name})
