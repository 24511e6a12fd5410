"""What the bar of filters above the figures offers: roles, and menus of what occurs more than once."""

from collections.abc import Iterator

import pandas as pd

from pareto_search.report.figures.style import look_of
from pareto_search.report.tables import ReportTables

#: Fields that are chosen from a menu, with the menu's name.
_MENUS = (("stage", "Stage"), ("seed", "Seed"), ("engine", "Engine"))


def role_switches(models: pd.DataFrame) -> list[tuple[str, str]]:
    """Keys of the roles that occur, and their names: students, controls, teachers."""
    roles = sorted(set(zip(models["role"], models["control_kind"], strict=True)), key=_rank)
    return [(f"{role} {kind}".strip(), look_of(role, kind).name) for role, kind in roles]


def _rank(role: tuple[str, str]) -> tuple[int, str]:
    return {"student": 0, "control": 1}.get(role[0], 2), role[1]


def filter_menus(tables: ReportTables) -> Iterator[tuple[str, str, list[str]]]:
    """Fields with at least two values, the menu's name and the values as texts."""
    for field, name in _MENUS:
        found = sorted(value for value in tables.models[field].dropna().unique() if value != "")
        if len(found) > 1:
            yield field, name, [f"{value:.0f}" if field == "seed" else value for value in found]
