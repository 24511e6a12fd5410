"""The figures of the report: those that modules of this folder list as `FIGURES`.

A new figure is a new module here: a function from the tables to a `go.Figure`, one that writes its caption, and
`FIGURES = (Entry(...),)`. Points that carry numbers of networks or architectures in `customdata`, with `meta.of` saying
which, are filtered, hovered over and clicked like all others.
"""

from importlib import import_module
from pkgutil import iter_modules

from pareto_search.report import figures
from pareto_search.report.figures.entry import Entry
from pareto_search.report.tables import ReportTables


def all_figures() -> list[Entry]:
    """Every figure, in the order of their tags."""
    modules = [import_module(f"{figures.__name__}.{module.name}") for module in iter_modules(figures.__path__)]
    entries: list[Entry] = [entry for module in modules for entry in getattr(module, "FIGURES", ())]
    return sorted(entries, key=lambda entry: entry.place)


def shown_figures(tables: ReportTables) -> list[Entry]:
    """Figures for which a study has what they need."""
    return [entry for entry in all_figures() if entry.is_shown(tables)]
