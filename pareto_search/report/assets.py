"""What every page carries inside it: the style sheet and the script, from the files in `browser/`."""

from importlib.resources import files

_FOLDER = files("pareto_search.report") / "browser"
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


def head_script() -> str:
    """The part that runs before anything is shown, so that a dark page does not flash."""
    return (_FOLDER / "theme.js").read_text(encoding="utf-8")
