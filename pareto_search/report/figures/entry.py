"""What a figure of the report is made of, and the figures: those that modules of this folder list as `FIGURES`.

A new figure is a new module here: a function from the tables to a `go.Figure`, one that writes its caption, and
`FIGURES = (Entry(...),)`. Points that carry numbers of networks or architectures in `customdata`, with `meta.of` saying
which, are filtered, hovered over and clicked like all others.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from string import ascii_uppercase

import pandas as pd
import plotly.graph_objects as go

from pareto_search.report import figures
from pareto_search.report.tables import ReportedStudy, ReportTables


@dataclass(frozen=True)
class ArchitectureMenu:
    """A menu of architectures above a figure that shows one at a time.

    Attributes:
        name: Its identifier in the page.
        networks: Rows of the networks that it draws, by rising size.
    """

    name: str
    networks: Callable[[ReportTables], pd.DataFrame]

    def options(self, tables: ReportTables) -> list[tuple[int, str]]:
        """Numbers and names of the architectures.

        Labels leave cutoffs out or round them, so those that several architectures share are told apart by them.
        """
        rows = self.networks(tables).drop_duplicates("architecture")
        columns = (rows[name] for name in ("architecture", "label", "dist_soft_max_ang", "dist_hard_max_ang"))
        is_shared = rows["label"].duplicated(keep=False)
        return [
            (number, f"{label}, cutoff {soft:g} to {hard:g} Å" if shared else label)
            for number, label, soft, hard, shared in zip(*columns, is_shared, strict=True)
        ]


@dataclass(frozen=True)
class Entry:
    """A figure of the report.

    Attributes:
        name: Its identifier in the page and in file names.
        tag: Its number and, where several share one, a letter; figures stand in the order of their tags.
        caption: The sentence below it, for those who do not see it as well.
        is_shown: Whether a study has what it needs.
        is_wide: Whether it takes the whole width; the others stand in pairs.
        menu: Of the architecture that it shows.
    """

    name: str
    tag: str
    title: str
    draw: Callable[[ReportTables], go.Figure]
    caption: Callable[[ReportedStudy], str]
    is_shown: Callable[[ReportTables], bool] = lambda tables: True
    is_wide: bool = False
    menu: ArchitectureMenu | None = None

    @property
    def place(self) -> tuple[int, str]:
        """What figures are ordered by: 2A before 2B before 10."""
        digits = self.tag.rstrip(ascii_uppercase)
        return int(digits), self.tag.removeprefix(digits)


def all_figures() -> list[Entry]:
    """Every figure, in the order of their tags."""
    modules = [import_module(f"{figures.__name__}.{module.name}") for module in iter_modules(figures.__path__)]
    entries: list[Entry] = [entry for module in modules for entry in getattr(module, "FIGURES", ())]
    return sorted(entries, key=lambda entry: entry.place)


def shown_figures(tables: ReportTables) -> list[Entry]:
    """Figures for which a study has what they need."""
    return [entry for entry in all_figures() if entry.is_shown(tables)]
