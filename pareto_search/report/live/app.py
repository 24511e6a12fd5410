"""The live page of a run, in Plotly Dash: layout, callbacks and the server. What it shows is made in `live_board`."""

import errno
import itertools
import logging
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from dash import Dash, Input, Output, State, dcc, html, no_update
from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from pareto_search.errors import ConfigError
from pareto_search.report.live.assets import ASK_JS, KEEP_JS, LIVE_CSS, LIVE_SCRIPT, POINT_JS
from pareto_search.report.live.board import Board, Chosen, Head
from pareto_search.report.live.details import Details
from pareto_search.report.live.live_run import LiveRun, check_followable
from pareto_search.report.live.live_tables import Card, LiveTable, Row
from pareto_search.report.page.assets import style_sheet

#: Milliseconds between two refreshes.
INTERVAL_MS = 2000
#: Figures by the name of their part: title and caption. The first is the one whose points are trials.
FIGURES = {
    "curves": ("Trials of the search", "Validation force RMSE of students, as reported: squares are pauses at a rung, "
               "triangles promotions, crosses ends before time. Click a curve for the trial and the reasons."),
    "front_speed": ("Accuracy against speed", "As in the report: points are means over seeds, step lines are fronts. "
                    "Click a point for its record."),
    "front_memory": ("Accuracy against memory", "The same networks against the memory of an MD step per atom."),
    "volume": ("Hypervolume so far", "What is dominated of the objectives, errors those on validation, up to a point "
               "beyond the teacher: higher is better. Click a point for the network that added to it."),
}  # fmt: skip
_PLACES = (("front_speed", "front_memory"), ("curves", "volume"))
_TABLES = {"trials": "Trials", "failures": "What went wrong", "costs": "Costs"}
_NOTHING = {
    "trials": "No trial has begun.",
    "failures": "Nothing failed or was refused.",
    "costs": "No cost has been measured.",
}
_PARTS = ("head", "cards", *_TABLES, *FIGURES, "details")
_GRAPH_CONFIG = {"responsive": True, "displaylogo": False, "toImageButtonOptions": {"format": "svg"},
                 "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
                 "showSendToCloud": False, "plotlyServerURL": ""}  # nothing of a run leaves the machine  # fmt: skip
_PAGE = (
    '<!DOCTYPE html><html lang="en"><head>{%metas%}<title>{%title%}</title><link rel="icon" href="data:,">{%css%}'
    f"<style>{style_sheet()}{LIVE_CSS}</style></head>"
    "<body>{%app_entry%}<footer>{%config%}{%scripts%}{%renderer%}"
    f"<script>{LIVE_SCRIPT}</script></footer></body></html>"
)


def serve(run_dir: Path, host: str, port: int, on_ready: Callable[[int, bool], None]) -> None:
    """Serve the live page of a run directory until interrupted.

    Args:
        run_dir: The run directory. It may be empty or missing: then the page waits for a run in it.
        host: Address to listen on.
        port: Port; 0: any that is free.
        on_ready: Called with the port and whether there is a run yet, once the page can be opened.

    Raises:
        StoreError: If the path can hold no run.
        ConfigError: If the address or the port cannot be had.
    """
    check_followable(run_dir)
    with _listen(host, port) as listener:
        app = make_app(Board(LiveRun(run_dir)))
        settings: dict[str, Any] = {"threaded": True, "request_handler": _QuietHandler, "fd": listener.fileno()}
        with make_server(host, port, app.server, **settings) as server:
            on_ready(server.port, (run_dir / "config.yaml").is_file())
            server.serve_forever()  # ends at an interrupt


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        where = f"the dashboard cannot listen on {host}, port {port}"
        if error.errno == errno.EADDRINUSE:
            raise ConfigError(f"{where}: it is taken; choose another, such as --port {port + 1}") from error
        reason = (error.strerror or str(error)).partition(" (while")[0]
        raise ConfigError(f"{where} ({reason}); choose another --host or --port") from error


class _QuietHandler(WSGIRequestHandler):
    """Leaves out the line per request."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


def make_app(board: Board, interval_ms: int = INTERVAL_MS) -> Dash:
    """The page of a board."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app = Dash(
        "pareto_search_live", server=Flask("pareto_search_live"), title="pareto-search live", update_title="",
        include_assets_files=False, index_string=_PAGE, serve_locally=True,
    )  # fmt: skip
    app.layout = lambda: _layout(interval_ms)
    app.clientside_callback(
        ASK_JS, Output("asked", "data"), Input("tick", "n_intervals"), Input("clicked", "data"), State("seen", "data")
    )
    app.clientside_callback(
        POINT_JS,
        Output("clicked", "data"),
        *(Output(name, "clickData") for name in FIGURES),
        *(Input(name, "clickData") for name in FIGURES),
        prevent_initial_call=True,
    )

    for name in FIGURES:
        app.clientside_callback(
            KEEP_JS, Output(name, "figure"), Input(f"{name}-sent", "data"), State(name, "id"), prevent_initial_call=True
        )

    @app.callback(  # type: ignore[untyped-decorator]
        *_outputs(),
        Output("seen", "data"),
        Input("asked", "data"),
        State("seen", "data"),
        prevent_initial_call=True,
    )
    def refresh(asked: dict[str, Any], seen: dict[str, str] | None) -> tuple[Any, ...]:
        *values, versions = refreshed(board, asked, seen or {})
        return (*values, {**versions, "answer": str(asked["n"])})

    return app


def refreshed(board: Board, asked: Mapping[str, Any], seen: Mapping[str, str]) -> tuple[Any, ...]:
    """Values of all outputs, `no_update` for what has not changed, and the versions that the page then has."""
    chosen: Chosen = (asked["kind"], asked["name"]) if asked.get("kind") else None
    mark = "/".join(chosen) if chosen else ""
    is_other = seen.get("chosen", "") != mark  # then other rows of the tables are to be marked
    known = {name: version for name, version in seen.items() if not (is_other and name in _TABLES)}
    parts = board.update(known, chosen)
    values: list[Any] = []
    for name in _PARTS:
        n_outputs = len(_OUTPUTS[name])
        is_new = name in parts
        values += _render(name, parts[name].content, mark) if is_new else [no_update] * n_outputs
    versions = {**seen, **{name: part.version for name, part in parts.items()}, "chosen": mark}
    return (*values, versions)


#: Components and properties that each part fills, in order.
_OUTPUTS: dict[str, tuple[tuple[str, str], ...]] = {
    "head": (("name", "children"), ("about", "children"), ("state", "children"), ("state", "className"),
             ("warning", "children")),
    "cards": (("cards", "children"), ("cards", "data-at")),
    **{name: ((name, "children"),) for name in _TABLES},
    **{name: ((f"{name}-sent", "data"),) for name in FIGURES},
    "details": (("details", "children"), ("drawer", "hidden"), ("drawer", "data-shown")),
}  # fmt: skip


def _outputs() -> list[Output]:
    return [Output(component, prop) for name in _PARTS for component, prop in _OUTPUTS[name]]


def _render(name: str, content: Any, mark: str) -> list[Any]:
    """Values of a part's outputs."""
    if name == "head":
        head: Head = content
        return [head.name, head.about, head.state.text, f"state {head.state.kind}", head.warning]
    if name == "cards":
        return [[_card(card) for card in content], str(next(_numbers))]
    if name == "details":
        return [_details(content), content is None, mark if content is not None else ""]
    if name in _TABLES:
        return [_table(content, _NOTHING[name], mark)]
    return [content]


#: Numbers of the answers that carry cards. Threads of several readers may ask at once, which no generator bears.
_numbers = itertools.count(1)


def _layout(interval_ms: int) -> html.Div:
    pairs = [html.Div([_figure(name) for name in names], className="pair") for names in _PLACES]
    tables = [
        html.Section([html.H2(title, id=f"{name}-title"), html.Div(id=name)], **{"aria-labelledby": f"{name}-title"})
        for name, title in _TABLES.items()
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


def _figure(name: str) -> html.Figure:
    title, caption = FIGURES[name]
    graph = dcc.Graph(id=name, figure=_empty(), config=_GRAPH_CONFIG, className="plot", style={"height": "400px"})
    return html.Figure(
        [html.Div(html.H3(title, id=f"{name}-title"), className="panel-head"), graph, html.Figcaption(caption)],
        className="panel", **{"aria-labelledby": f"{name}-title"},
    )  # fmt: skip


def _empty() -> go.Figure:
    axes = {"visible": False}
    return go.Figure(layout={"template": "none", "height": 400, "xaxis": axes, "yaxis": axes})


def _card(card: Card) -> html.Div:
    return html.Div(
        [
            html.Div(card.label, className="label"),
            html.Div(card.value, className="value", title=card.value),
            html.Div(card.detail, className="detail"),
        ],
        className=f"card {card.tone}", id=f"card-{card.name}",
    )  # fmt: skip


def _table(table: LiveTable, nothing: str, mark: str) -> Any:
    if not table.rows:
        return html.P(nothing, className="none")
    heads = [
        html.Th([name, html.Small(unit)] if unit else name, scope="col", className="num" if is_number else "")
        for name, unit, is_number in table.columns
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


def _details(content: tuple[Details, go.Figure] | None) -> Any:
    if content is None:
        return []
    details, figure = content
    parts: list[Any] = [
        html.H2(details.title),
        dcc.Graph(figure=figure, config=_GRAPH_CONFIG, className="plot", style={"height": "270px"}, id="details-curve"),
    ]
    if details.trial is not None and not details.title.startswith("Trial"):
        parts.append(_more("trial", str(details.trial), f"trial {details.trial}"))
    for title, facts in details.facts:
        pairs = [part for key, value in facts for part in (html.Dt(key), html.Dd(value))]
        parts += [html.H3(title), html.Dl(pairs, className="facts")]
    if details.others:
        parts.append(html.H3("Networks"))
        parts += [_more("network", name, text) for name, text in details.others]
    return parts


def _more(kind: str, name: str, text: str) -> html.Button:
    return html.Button(text, type="button", className="more", **{"data-kind": kind, "data-name": name})
