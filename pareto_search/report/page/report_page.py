"""The report: one HTML page that works without a network, and the same numbers as strict JSON."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import yaml

from pareto_search.analysis.study_summary import StudySummary
from pareto_search.files import write_atomic
from pareto_search.report.figures.entry import Entry, shown_figures
from pareto_search.report.figures.style import look_of
from pareto_search.report.numbers import count, split_name
from pareto_search.report.page.browser_data import study_json
from pareto_search.report.page.cards import study_cards
from pareto_search.report.page.elements import Panel, facts, flatten, note_lines
from pareto_search.report.page.page import page_html, write_assets
from pareto_search.report.page.page_tables import CLAIM_HEADS, PART_COLORS, TABLES, claim_cells
from pareto_search.report.tables import ReportedStudy, ReportInput, ReportTables, failures
from pareto_search.report.words import Answer, answer

#: How the page colours a verdict on a claim: as it does the ends of networks.
_TAGS = {"holds": "complete", "does not hold": "failed", "not sure": "pruned"}


def write_report(
    data: ReportInput, html: Path, json_path: Path, *, shared: Path | None = None
) -> tuple[StudySummary, Answer]:
    """Write the report and return its results, in numbers and in words; equal input gives equal files.

    Args:
        data: What the report is made from.
        html: Page to write, replaced as a whole.
        json_path: Its numbers (`report.json`), strict JSON without NaN.
        shared: Folder for what several pages have in common, style and script; they get plotly.js (5 MB) from plotly's
            own server. None: the page holds all that it needs.
    """
    assets = None
    if shared is not None:
        write_assets(shared)
        assets = os.path.relpath(shared, html.parent)
    study = ReportedStudy(data)
    words = answer(study)
    plain = study.summary.to_plain() | {"paper_claims": [asdict(claim) for claim in study.tables.claims]}
    text = json.dumps(plain, indent=2, allow_nan=False, ensure_ascii=False)
    write_atomic(html, _report_html(study, words, assets))
    write_atomic(json_path, text + "\n")
    return study.summary, words


def _report_html(study: ReportedStudy, words: Answer, assets: str | None) -> str:
    data, tables = study.data, study.tables
    return page_html(
        "report.html.jinja",
        title=data.name, about=_about(study), panels=list(_panels(study)), data={"study": study_json(tables)},
        assets=assets, answer=words,
        cards=study_cards(study.summary),
        split=split_name(study.summary.basis),
        roles=_role_switches(tables.models), menus=list(_filter_menus(tables)),
        claims=[(claim_cells(claim)[:-1], claim.verdict, _TAGS[claim.verdict]) for claim in tables.claims],
        claim_heads=CLAIM_HEADS,
        columns=TABLES, part_colors=PART_COLORS,
        has_costs=bool(tables.costs), has_failures=not failures(tables.models).empty,
        **_provenance(study),
    )  # fmt: skip


def _about(study: ReportedStudy) -> str:
    size = f"{count(study.summary.n_architectures, 'architecture')}, {count(study.summary.n_seeds, 'seed')}"
    description = "" if study.data.config is None else study.data.config.description
    return f"{description} ({size})" if description else size


def _panels(study: ReportedStudy) -> Iterator[Panel]:
    """The figures for which the study has what they need."""
    entries = shown_figures(study.tables)
    for entry, is_wide in zip(entries, _widths(entries), strict=True):
        menu, options = (entry.menu.name, tuple(entry.menu.options(study.tables))) if entry.menu else ("", ())
        caption, figure = entry.caption(study), entry.draw(study.tables)
        yield Panel(entry.name, entry.title, caption, figure, entry.tag, menu, options, is_wide)


def _widths(entries: list[Entry]) -> Iterator[bool]:
    """Whether each figure takes the whole width: those that want to, and one whose neighbour is missing."""
    waits = False
    for number, entry in enumerate(entries):
        has_partner = waits or (number + 1 < len(entries) and not entries[number + 1].is_wide)
        yield entry.is_wide or not has_partner
        waits = not entry.is_wide and has_partner and not waits


def _provenance(study: ReportedStudy) -> dict[str, object]:
    """Where the numbers come from: the dataset, the run and its settings."""
    data, models = study.data, study.tables.models
    info = data.dataset
    dataset = {} if info is None else {k: v for k, v in info.to_plain().items() if k not in ("notes", "split")}
    if info is not None:
        dataset["summary"] = {k: v for k, v in info.summary.items() if k not in ("notes", "histograms")}
    run: list[tuple[str, object]] = [
        (name, ", ".join(sorted({value for value in models[column] if value})) or None)
        for name, column in (("Split hash", "dataset_hash"), ("Label hash", "label_hash"),
                             ("Engine", "engine"), ("Device", "device"))
    ]  # fmt: skip
    versions = {name: value for record in data.costs for name, value in record.versions.items()}
    run += [(f"{name} version", value) for name, value in sorted(versions.items())]
    run.append(("Split", data.config and data.config.split.kind))
    return {
        "notes": note_lines(info and info.notes),
        "dataset_facts": facts(flatten(dataset)),
        "run_facts": facts(run),
        "config": yaml.safe_dump(data.config.to_plain() if data.config else {}, sort_keys=False, allow_unicode=True),
    }


#: Fields that are chosen from a menu, with the menu's name.
_MENUS = (("stage", "Stage"), ("seed", "Seed"), ("engine", "Engine"))


def _role_switches(models: pd.DataFrame) -> list[tuple[str, str]]:
    """Keys of the roles that occur, and their names: students, controls, teachers."""
    roles = sorted(set(zip(models["role"], models["control_kind"], strict=True)), key=_rank)
    return [(f"{role} {kind}".strip(), look_of(role, kind).name) for role, kind in roles]


def _rank(role: tuple[str, str]) -> tuple[int, str]:
    return {"student": 0, "control": 1}.get(role[0], 2), role[1]


def _filter_menus(tables: ReportTables) -> Iterator[tuple[str, str, list[str]]]:
    """Fields with at least two values, the menu's name and the values as texts."""
    for field, name in _MENUS:
        found = sorted(value for value in tables.models[field].dropna().unique() if value != "")
        if len(found) > 1:
            yield field, name, [f"{value:.0f}" if field == "seed" else value for value in found]
