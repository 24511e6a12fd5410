"""What every page carries inside it, or several share: the style sheet and the script, from the files in `browser/`."""

from importlib.resources import files
from pathlib import Path

from pareto_search.files import write_atomic

#: What pages that do not carry them share.
STYLE_FILE, SCRIPT_FILE = "page.css", "page.js"
_FOLDER = files("pareto_search.report.page") / "browser"
#: Parts of the script, in the order in which they are joined.
_SCRIPTS = (
    "format.js", "data.js", "state.js", "cells.js", "hover.js", "scales.js", "traces.js", "figures.js", "tables.js",
    "record.js", "page.js",
)  # fmt: skip


def style_sheet() -> str:
    """The style sheet of all pages."""
    return (_FOLDER / "page.css").read_text(encoding="utf-8")


def script() -> str:
    """The script of all pages: its files one after another in one function, so that nothing becomes global."""
    parts = [(_FOLDER / name).read_text(encoding="utf-8") for name in _SCRIPTS]
    return "\n".join(["(function () {\n'use strict';", *parts, "})();"])


def write_assets(folder: Path) -> None:
    """Write style sheet and script for pages that link to them."""
    folder.mkdir(parents=True, exist_ok=True)
    write_atomic(folder / STYLE_FILE, style_sheet())
    write_atomic(folder / SCRIPT_FILE, script())


def head_script() -> str:
    """The part that runs before anything is shown, so that a dark page does not flash."""
    return (_FOLDER / "theme.js").read_text(encoding="utf-8")
