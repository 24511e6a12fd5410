"""The Dash application of the live page: its callbacks, and which component each part of the `Board` fills."""

import itertools
import logging
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, no_update
from flask import Flask

from pareto_search.report.live.board import Board, Chosen, Head
from pareto_search.report.live.components import FIGURES, TABLES, card_box, details_list, page_layout, table_box
from pareto_search.report.page.page import style_sheet
from pareto_search.report.templates import render

#: Milliseconds between two refreshes.
INTERVAL_MS = 2000
#: Parts in the order in which a refresh sends them.
PARTS = ("head", "cards", *TABLES, *FIGURES, "details")
#: Components and properties that each part fills, in order.
OUTPUTS: dict[str, tuple[tuple[str, str], ...]] = {
    "head": (("name", "children"), ("about", "children"), ("state", "children"), ("state", "className"),
             ("warning", "children")),
    "cards": (("cards", "children"), ("cards", "data-at")),
    **{name: ((name, "children"),) for name in TABLES},
    **{name: ((f"{name}-sent", "data"),) for name in FIGURES},
    "details": (("details", "children"), ("drawer", "hidden"), ("drawer", "data-shown")),
}  # fmt: skip
#: Numbers of the answers that carry cards. Threads of several readers may take one at once: no generator allows that.
_numbers = itertools.count(1)


def make_app(board: Board, interval_ms: int = INTERVAL_MS) -> Dash:
    """The page of a board."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app = Dash(
        "pareto_search_live", server=Flask("pareto_search_live"), title="pareto-search live", update_title="",
        include_assets_files=False, index_string=_index_page(), serve_locally=True,
    )  # fmt: skip
    app.layout = lambda: page_layout(interval_ms)
    asks = Output("asked", "data"), Input("tick", "n_intervals"), Input("clicked", "data"), State("seen", "data")
    app.clientside_callback(ClientsideFunction("live", "ask"), *asks)
    points = (kind(name, "clickData") for kind in (Output, Input) for name in FIGURES)
    app.clientside_callback(
        ClientsideFunction("live", "point"), Output("clicked", "data"), *points, prevent_initial_call=True
    )
    for name in FIGURES:
        keeps = Output(name, "figure"), Input(f"{name}-sent", "data"), State(name, "id")
        app.clientside_callback(ClientsideFunction("live", "keep"), *keeps, prevent_initial_call=True)

    outputs = (Output(component, prop) for name in PARTS for component, prop in OUTPUTS[name])
    seen_data = Output("seen", "data"), Input("asked", "data"), State("seen", "data")

    @app.callback(*outputs, *seen_data, prevent_initial_call=True)
    def refresh(asked: dict[str, Any], seen: dict[str, str] | None) -> tuple[Any, ...]:
        *values, versions = refreshed(board, asked, seen or {})
        return (*values, {**versions, "answer": str(asked["n"])})

    return app


def _index_page() -> str:
    """The page that Dash fills in: with the style sheet of all pages, and this one's own style and scripts."""
    browser = files("pareto_search.report.live") / "browser"
    own, *scripts = ((browser / name).read_text(encoding="utf-8") for name in ("live.css", "callbacks.js", "live.js"))
    page = render("live.html.jinja", style=style_sheet() + own, script="\n".join(scripts))
    return str(page)  # no `Markup`, which would escape what Dash fills in


def refreshed(board: Board, asked: Mapping[str, Any], seen: Mapping[str, str]) -> tuple[Any, ...]:
    """Values of all outputs, `no_update` for what has not changed, and the versions that the page then has.

    Args:
        board: The parts of the page.
        asked: What the browser requests: kind and name of what is chosen, empty for nothing.
        seen: Versions of the parts that the browser has.
    """
    chosen: Chosen = (asked["kind"], asked["name"]) if asked.get("kind") else None
    mark = "/".join(chosen) if chosen else ""
    is_other = seen.get("chosen", "") != mark  # then other rows of the tables are to be marked
    known = {name: version for name, version in seen.items() if not (is_other and name in TABLES)}
    parts = board.update(known, chosen)
    values: list[Any] = []
    for name in PARTS:
        values += output_values(name, parts[name].content, mark) if name in parts else [no_update] * len(OUTPUTS[name])
    versions = {**seen, **{name: part.version for name, part in parts.items()}, "chosen": mark}
    return (*values, versions)


def output_values(name: str, content: Any, mark: str) -> list[Any]:
    """Values of the `OUTPUTS` of a part.

    Args:
        name: The part.
        content: What the board made of it.
        mark: Kind and name of what is chosen, as "trial/7".
    """
    if name == "head":
        head: Head = content
        return [head.name, head.about, head.state.text, f"state {head.state.kind}", head.warning]
    if name == "cards":
        return [[card_box(card) for card in content], str(next(_numbers))]
    if name == "details":
        return [details_list(content), content is None, mark if content is not None else ""]
    if name in TABLES:
        return [table_box(name, content, mark)]
    return [content]
