"""What a reader chooses with: the bar of filters, the menus of architectures, the theme."""

from html import escape

import pandas as pd

from pareto_search.report.figures.learning_curves import curve_architectures
from pareto_search.report.figures.rdf import rdf_architectures
from pareto_search.report.figures.style import look_of
from pareto_search.report.tables import ReportTables

#: The page's script gives it its work.
THEME_BUTTON = '<button type="button" class="theme" id="theme">Dark</button>'

#: Fields that are chosen from a menu, with the menu's name.
_MENUS = (("stage", "Stage"), ("seed", "Seed"), ("engine", "Engine"))


def filter_bar_html(tables: ReportTables) -> str:
    """Switches for the roles, menus for what occurs more than once, a search box, and what is shown."""
    models = tables.models
    roles = sorted(set(zip(models["role"], models["control_kind"], strict=True)), key=_rank)
    switches = "".join(_switch(role, kind) for role, kind in roles)
    menus = "".join(_menu(models[field], field, name) for field, name in _MENUS)
    return (
        '<form class="filters" id="filters" aria-label="Filters" autocomplete="off">'
        f'<span class="switches" role="group" aria-label="Roles">{switches}</span>{menus}'
        '<input type="search" name="text" placeholder="Filter, e.g. 24/10 failed" aria-label="Words to filter by">'
        '<button type="reset">Reset</button><output id="shown" role="status"></output></form>'
    )


def _rank(role: tuple[str, str]) -> tuple[int, str]:
    return {"student": 0, "control": 1}.get(role[0], 2), role[1]


def _switch(role: str, kind: str) -> str:
    key = f"{role} {kind}".strip()
    return (
        f'<label><input type="checkbox" name="role" value="{escape(key)}" checked>'
        f'<i class="dot" data-look="{escape(key)}"></i>{escape(look_of(role, kind).name)}</label>'
    )


def _menu(values: pd.Series, field: str, name: str) -> str:
    """A menu of the values that occur; none where there is nothing to choose."""
    found = sorted(value for value in values.dropna().unique() if value != "")
    if len(found) < 2:
        return ""
    options = "".join(f"<option>{value:.0f}</option>" if field == "seed" else f"<option>{escape(value)}</option>"
                      for value in found)  # fmt: skip
    return f'<label>{name} <select name="{field}"><option value="">all</option>{options}</select></label>'


def curve_menu_html(tables: ReportTables) -> str:
    """The menu of architectures above the learning curves."""
    return _architecture_menu("curve-menu", curve_architectures(tables))


def rdf_menu_html(tables: ReportTables) -> str:
    """The menu of architectures above the radial distribution functions."""
    return _architecture_menu("rdf-menu", rdf_architectures(tables))


def _architecture_menu(name: str, architectures: pd.DataFrame) -> str:
    """A menu of architectures by their numbers; the page keeps all such menus at the same one.

    Labels leave cutoffs out or round them, so those that several architectures share are told apart by them.
    """
    columns = (architectures[name] for name in ("architecture", "label", "dist_soft_max_ang", "dist_hard_max_ang"))
    is_shared = architectures["label"].duplicated(keep=False)
    options = "".join(
        f'<option value="{number}">{escape(label)}{f", cutoff {soft:g} to {hard:g} Å" if shared else ""}</option>'
        for number, label, soft, hard, shared in zip(*columns, is_shared, strict=True)
    )
    if not options:
        return ""
    return (
        f'<label>Architecture <select class="architectures" id="{name}" autocomplete="off">{options}</select></label>'
    )
