"""The report: one HTML page that works without a network, and the same numbers as strict JSON."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import yaml
from plotly.offline import get_plotlyjs, get_plotlyjs_version

from pareto_search.analysis.study_summary import StudySummary, summarize_study
from pareto_search.files import write_atomic
from pareto_search.report.figures.all import FIGURES, Entry, Study
from pareto_search.report.figures.style import DARK
from pareto_search.report.page.assets import SCRIPT_FILE, STYLE_FILE, head_script, script, style_sheet, write_assets
from pareto_search.report.page.browser_data import dumps, figure_json, study_json
from pareto_search.report.page.cards import cards_html
from pareto_search.report.page.claims_table import claims_html
from pareto_search.report.page.elements import facts_html, figure_html, flatten, json_script, note_lines
from pareto_search.report.page.menus import THEME_BUTTON, filter_bar_html
from pareto_search.report.page.model_tables import PART_COLORS, costs_table, failures_table, networks_table
from pareto_search.report.tables import ReportInput, ReportTables, make_tables
from pareto_search.report.words import Answer, answer, count


def write_report(
    data: ReportInput, html: Path, json_path: Path, *, shared: Path | None = None
) -> tuple[StudySummary, Answer]:
    """Write the report and return what it says, in numbers and in words; equal input gives equal files.

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
    summary = summarize_study(data.models, objectives=data.objectives)
    tables = make_tables(data)
    words = answer(summary, data, tables)
    plain = summary.to_plain() | {"paper_claims": [asdict(claim) for claim in tables.claims]}
    text = json.dumps(plain, indent=2, allow_nan=False, ensure_ascii=False)
    write_atomic(html, _report_html(Study(data, summary, tables), words, assets))
    write_atomic(json_path, text + "\n")
    return summary, words


def _report_html(study: Study, words: Answer, assets: str | None) -> str:
    """The whole page as text."""
    figures = [(entry, entry.draw(study.tables)) for entry in FIGURES if entry.is_shown(study.tables)]
    sections = [
        _answer_section(words, study.summary),
        filter_bar_html(study.tables),
        _figures_section(study, figures),
        claims_html(study.tables.claims),
        _networks_section(),
        _costs_section(study.tables),
        f'<section id="failed"><h2>What went wrong</h2>{failures_table(study.tables)}</section>',
        _provenance_section(study.data, study.tables),
    ]
    data = [json_script("study", study_json(study.tables))]
    data += [json_script(entry.name, figure_json(figure)) for entry, figure in figures]
    body = _header(study.data, study.summary, has_claims=bool(study.tables.claims)) + "<main>" + "\n".join(sections)
    return page_html(str(study.data.config.get("name", "study")), body, data, assets)


def page_html(title: str, body: str, data: list[str], assets: str | None = None) -> str:
    """A page with style, plotly.js (once) and script; `body` opens `main` and this closes it.

    Args:
        title: Name in the browser's tab.
        body: Everything that is seen.
        data: Script elements with the JSON that the page's script draws (`json_script`).
        assets: Where, seen from the page, style and script lie (`write_assets`); plotly.js is not there, but comes from
            the network. None: all is inside the page.
    """
    if assets is None:
        style, needs = f"<style>{style_sheet()}</style>", "no network"
        scripts = f"<script>{get_plotlyjs()}</script>", f"<script>{script()}</script>"
    else:
        style = f'<link rel="stylesheet" href="{assets}/{STYLE_FILE}">'
        needs = f"the network for plotly.js alone, and the files in {assets}"
        plotly = f"https://cdn.plot.ly/plotly-{get_plotlyjs_version()}.min.js"
        scripts = f'<script src="{plotly}"></script>', f'<script src="{assets}/{SCRIPT_FILE}"></script>'
    return "\n".join([
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<link rel="icon" href="data:,">',
        f"<title>{escape(title)}</title>{style}<script>{head_script()}</script></head><body>",
        body,
        "<noscript>Figures and tables need JavaScript; models.csv holds the numbers.</noscript>",
        f"<footer>Made by pareto_search. The page needs {needs}.</footer></main>",
        json_script("dark", dumps(DARK)),
        *data,
        *scripts,
        "</body></html>\n",
    ])  # fmt: skip


def _header(data: ReportInput, summary: StudySummary, *, has_claims: bool) -> str:
    name, description = str(data.config.get("name", "study")), str(data.config.get("description") or "")
    claims = [("claims", "Claims")] if has_claims else []
    links = [("answer", "Answer"), ("figures", "Figures"), *claims, ("networks-section", "Networks"),
             ("cost-section", "Costs"), ("provenance", "Provenance")]  # fmt: skip
    nav = "".join(f'<a href="#{target}">{text}</a>' for target, text in links)
    size = f"{count(summary.n_architectures, 'architecture')}, {count(summary.n_seeds, 'seed')}"
    about = f"{description} ({size})" if description else size
    title = f'<header><div class="top"><h1>{escape(name)}</h1><p>{escape(about)}</p>'
    return f"{title}<nav>{nav}</nav>{THEME_BUTTON}</div></header>\n"


def _answer_section(words: Answer, summary: StudySummary) -> str:
    findings = "".join(f"<li>{escape(sentence)}</li>" for sentence in words.sentences)
    items = "".join(f"<li>{escape(caution)}</li>" for caution in words.cautions)
    limits = f'<div class="cautions"><h3>What limits this result</h3><ul>{items}</ul></div>' if items else ""
    return (
        f'<section id="answer"><div class="answer {words.verdict}"><h2>{escape(words.headline)}</h2>'
        f'<ul class="findings">{findings}</ul>{limits}</div>{cards_html(summary)}</section>'
    )


def _figures_section(study: Study, figures: list[tuple[Entry, go.Figure]]) -> str:
    split = "test" if study.summary.basis.split == "test" else "validation"
    panels = "".join(
        figure_html(
            entry.name, entry.tag, entry.title, entry.caption(study), figure, entry.menu(study.tables), is_wide=is_wide
        )
        for (entry, figure), is_wide in zip(figures, _widths([entry for entry, _ in figures]), strict=True)
    )  # fmt: skip
    return (
        f'<section id="figures"><h2>Figures</h2><p class="sub">Errors on the {split} split. Rest on a point for its '
        "numbers, click it for its record and learning curves, click a legend entry to hide or show it. With the "
        "keyboard: Tab to a figure, arrow keys to step through its points, Enter for the record.</p>"
        f'<div class="figures">{panels}</div></section>'
    )


def _widths(entries: list[Entry]) -> Iterator[bool]:
    """Whether each figure takes the whole width: those that want to, and one whose neighbour is missing."""
    waits = False
    for number, entry in enumerate(entries):
        has_partner = waits or (number + 1 < len(entries) and not entries[number + 1].is_wide)
        yield entry.is_wide or not has_partner
        waits = not entry.is_wide and has_partner and not waits


def _networks_section() -> str:
    return (
        '<section id="networks-section"><h2>All networks</h2><p class="sub">The networks that pass the filters above. '
        "Click a heading to sort, a row for its record. With the keyboard: arrow keys to step through rows, Enter for "
        f"the record.</p>{networks_table()}</section>"
    )


def _costs_section(tables: ReportTables) -> str:
    key = "".join(f'<span class="key"><i style="background:{color}"></i>{name}</span>' for name, color in PART_COLORS)
    return (
        '<section id="cost-section"><h2>Costs</h2><div class="sub">Measured alone on the device, once per '
        f"architecture. Parts of a step: {key}</div>{costs_table(tables)}</section>"
    )


def _provenance_section(data: ReportInput, tables: ReportTables) -> str:
    notes = "".join(f"<li>{escape(note)}</li>" for note in note_lines(data.dataset.get("notes")))
    dataset = {key: value for key, value in data.dataset.items() if key not in ("notes", "split")}
    dataset["summary"] = {k: v for k, v in data.dataset.get("summary", {}).items() if k not in ("notes", "histograms")}
    facts: list[tuple[str, Any]] = [
        (name, ", ".join(sorted({value for value in tables.models[column] if value})) or None)
        for name, column in (("Split hash", "dataset_hash"), ("Label hash", "label_hash"),
                             ("Engine", "engine"), ("Device", "device"))
    ]  # fmt: skip
    versions = {name: value for record in data.costs for name, value in sorted(record.versions.items())}
    facts += [(f"{name} version", value) for name, value in sorted(versions.items())]
    facts.append(("Split", (data.config.get("split") or {}).get("kind")))
    config = yaml.safe_dump(data.config, sort_keys=False, allow_unicode=True)
    return (
        '<section id="provenance"><h2>Provenance</h2><div class="columns">'
        f'<div class="box"><h3>Data</h3>{f"<ul>{notes}</ul>" if notes else ""}{facts_html(flatten(dataset))}</div>'
        f'<div class="box"><h3>Run</h3>{facts_html(facts)}'
        f"<details><summary>Configuration</summary><pre>{escape(config)}</pre></details></div></div></section>"
    )
