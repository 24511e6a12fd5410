"""A whole page: a template that extends `page.html.jinja`, with style, plotly.js, script and the figures' data."""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from markupsafe import Markup
from plotly.offline import get_plotlyjs, get_plotlyjs_version

from pareto_search.files import write_atomic
from pareto_search.report.figures.style import DARK
from pareto_search.report.page.browser_data import dumps, figure_json
from pareto_search.report.page.elements import Panel
from pareto_search.report.templates import render


def page_html(
    template: str,
    *,
    title: str,
    about: str,
    panels: Sequence[Panel],
    data: Mapping[str, str] | None = None,
    assets: str | None = None,
    **values: object,
) -> str:
    """A page.

    Args:
        template: File name of its template.
        title: Its heading, and its name in the browser's tab.
        about: What it is, beside the heading.
        panels: Its figures.
        data: Further JSON that the page's script works from, by name.
        assets: Where, seen from the page, style and script lie (`write_assets`); plotly.js is not there, but comes from
            the network. None: all is inside the page.
        values: Further variables of the template.
    """
    all_data = {"dark": dumps(DARK), **(data or {}), **{panel.name: figure_json(panel.figure) for panel in panels}}
    return render(
        template,
        title=title, about=about, panels=panels, assets=assets,
        data={name: json_text(value_json) for name, value_json in all_data.items()},
        style_sheet=Markup(style_sheet()), script=Markup(script()), head_script=Markup(_browser_file("theme.js")),
        plotly=Markup(get_plotlyjs()), plotly_version=get_plotlyjs_version(),
        **values,
    )  # fmt: skip


def json_text(value_json: str) -> Markup:
    """JSON inside a script element; "<" is written as an escape so that no text in it can end the element."""
    return Markup(value_json.replace("<", "\\u003c"))


#: What pages that do not carry them share.
STYLE_FILE, SCRIPT_FILE = "page.css", "page.js"
#: Parts of the script, in the order in which they are joined.
_SCRIPTS = (
    "format.js", "data.js", "state.js", "cells.js", "hover.js", "scales.js", "traces.js", "figures.js", "tables.js",
    "record.js", "page.js",
)  # fmt: skip


def style_sheet() -> str:
    """The style sheet of all pages."""
    return _browser_file(STYLE_FILE)


def script() -> str:
    """The script of all pages: its files one after another in one function, so that nothing becomes global."""
    return "\n".join(["(function () {\n'use strict';", *map(_browser_file, _SCRIPTS), "})();"])


def write_assets(folder: Path) -> None:
    """Write style sheet and script for pages that link to them."""
    folder.mkdir(parents=True, exist_ok=True)
    write_atomic(folder / STYLE_FILE, style_sheet())
    write_atomic(folder / SCRIPT_FILE, script())


def _browser_file(name: str) -> str:
    return (files("pareto_search.report.page") / "browser" / name).read_text(encoding="utf-8")
