"""The report: one HTML page that works without a network, and the same numbers as strict JSON."""

import json
from html import escape
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import yaml
from plotly.offline import get_plotlyjs

from pareto_search.analysis.networks import has_several_cutoffs
from pareto_search.analysis.study import StudySummary, summarize_study
from pareto_search.files import write_atomic
from pareto_search.report.assets import script, style_sheet
from pareto_search.report.captions import (
    curves_caption,
    cutoff_caption,
    cutoff_cost_caption,
    front_caption,
    has_rdf,
    memory_caption,
    size_caption,
    time_caption,
)
from pareto_search.report.cards import cards_html
from pareto_search.report.cautions import is_capacity_flat
from pareto_search.report.elements import facts_html, figure_html, flatten, json_script, note_lines
from pareto_search.report.figures import (
    CUTOFF,
    ENERGY,
    FORCE,
    MEMORY,
    RDF,
    SIZE,
    STEP_TIME,
    accuracy_figure,
    cost_figure,
    cutoff_cost_figure,
)
from pareto_search.report.learning_curves import LearningCurves, learning_curve_figure
from pareto_search.report.model_tables import PART_COLORS, costs_table, failures_table, models_table
from pareto_search.report.tables import ReportInput, ReportTables, make_tables
from pareto_search.report.words import Answer, answer, count


def write_report(data: ReportInput, html: Path, json_path: Path) -> tuple[StudySummary, Answer]:
    """Write the report and return what it says, in numbers and in words; equal input gives equal files.

    Args:
        data: What the report is made from.
        html: Page to write, replaced as a whole.
        json_path: Its numbers (`report.json`), strict JSON without NaN.
    """
    summary = summarize_study(data.models)
    tables = make_tables(data)
    words = answer(summary, data, tables)
    text = json.dumps(summary.to_plain(), indent=2, allow_nan=False, ensure_ascii=False)
    write_atomic(html, _report_html(data, summary, tables, words))
    write_atomic(json_path, text + "\n")
    return summary, words


def _report_html(data: ReportInput, summary: StudySummary, tables: ReportTables, words: Answer) -> str:
    """The whole page as text."""
    curves = learning_curve_figure(tables)
    sections = [
        _answer_section(words, summary),
        _figures_section(data, summary, tables, curves),
        _networks_section(tables),
        _costs_section(tables),
        f'<section id="failed"><h2>What went wrong</h2>{failures_table(tables)}</section>',
        _provenance_section(data, tables),
    ]
    header = _header(data, summary)
    scripts = [json_script(name, figure_json(figure)) for name, figure in _figures(tables, curves).items()]
    return page_html(str(data.config.get("name", "study")), header + "<main>" + "\n".join(sections), scripts)


def page_html(title: str, body: str, scripts: list[str]) -> str:
    """A page with style, plotly.js (once) and script inside it; `body` opens `main` and this closes it."""
    return "\n".join([
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<link rel="icon" href="data:,">',
        f"<title>{escape(title)}</title><style>{style_sheet()}</style></head><body>",
        body,
        "<footer>Made by pareto_search. The page needs no network.</footer></main>",
        *scripts,
        f"<script>{get_plotlyjs()}</script>",
        f"<script>{script()}</script></body></html>\n",
    ])  # fmt: skip


def figure_json(figure: go.Figure) -> str:
    """Data and layout of a figure; NaN becomes null."""
    text: str = figure.to_json(validate=False)
    return text


def _figures(tables: ReportTables, curves: LearningCurves) -> dict[str, go.Figure]:
    figures = {
        "fig2a": accuracy_figure(tables, STEP_TIME, FORCE, has_fronts=True),
        "fig2b": accuracy_figure(tables, MEMORY, FORCE, has_fronts=True),
        "fig3a": accuracy_figure(tables, SIZE, FORCE, has_fronts=False),
        "fig3b": accuracy_figure(tables, SIZE, ENERGY, has_fronts=False),
        "fig4": curves.figure,
        "fig5a": cost_figure(tables, STEP_TIME),
        "fig5b": cost_figure(tables, MEMORY),
    }
    if has_rdf(tables):
        figures["fig3c"] = accuracy_figure(tables, SIZE, RDF, has_fronts=False)
    if has_several_cutoffs(tables.models):
        figures["fig6a"] = accuracy_figure(tables, CUTOFF, FORCE, has_fronts=False)
        figures["fig6b"] = cutoff_cost_figure(tables, STEP_TIME)
    return figures


def _header(data: ReportInput, summary: StudySummary) -> str:
    name, description = str(data.config.get("name", "study")), str(data.config.get("description") or "")
    links = (("answer", "Answer"), ("figures", "Figures"), ("networks-section", "Networks"), ("cost-section", "Costs"),
             ("provenance", "Provenance"))  # fmt: skip
    nav = "".join(f'<a href="#{target}">{text}</a>' for target, text in links)
    size = f"{count(summary.n_architectures, 'architecture')}, {count(summary.n_seeds, 'seed')}"
    about = f"{description} ({size})" if description else size
    return f'<header><div class="top"><h1>{escape(name)}</h1><p>{escape(about)}</p><nav>{nav}</nav></div></header>\n'


def _answer_section(words: Answer, summary: StudySummary) -> str:
    findings = "".join(f"<li>{escape(sentence)}</li>" for sentence in words.sentences)
    items = "".join(f"<li>{escape(caution)}</li>" for caution in words.cautions)
    limits = f'<div class="cautions"><h3>What limits this result</h3><ul>{items}</ul></div>' if items else ""
    return (
        f'<section id="answer"><div class="answer {words.verdict}"><h2>{escape(words.headline)}</h2>'
        f'<ul class="findings">{findings}</ul>{limits}</div>{cards_html(summary)}</section>'
    )


def _figures_section(data: ReportInput, summary: StudySummary, tables: ReportTables, curves: LearningCurves) -> str:
    split = "test" if summary.basis.split == "test" else "validation"
    pairs = [
        figure_html("fig2a", "2A", "Accuracy against speed", front_caption(summary, "MD step time")),
        figure_html("fig2b", "2B", "Accuracy against memory", front_caption(summary, "memory per atom")),
        figure_html("fig3a", "3A", "Force error against size",
                    size_caption(tables, FORCE.column, "Force error")),
        figure_html("fig3b", "3B", "Energy error against size",
                    size_caption(tables, ENERGY.column, "Energy error per atom")),
    ]  # fmt: skip
    rdf = ""
    if has_rdf(tables):
        rdf = figure_html("fig3c", "3C", "Liquid structure against size", size_caption(tables, RDF.column, "RDF error"))
    learning = figure_html("fig4", "4", "Learning curves", curves_caption(tables), _menu(curves))
    costs = [
        figure_html("fig5a", "5A", "Speed against size", time_caption(summary, tables)),
        figure_html("fig5b", "5B", "Memory against size",
                    memory_caption(summary, tables, is_capacity_flat(data, tables))),
    ]  # fmt: skip
    cutoffs = ""
    if has_several_cutoffs(tables.models):
        cutoffs = (
            f'<div class="pair">{figure_html("fig6a", "6A", "Accuracy against cutoff", cutoff_caption(tables))}'
            f"{figure_html('fig6b', '6B', 'Speed against cutoff', cutoff_cost_caption(tables))}</div>"
        )
    return (
        f'<section id="figures"><h2>Figures</h2><p class="sub">Errors on the {split} split. Click a legend entry to '
        "hide or show it; rest on a point for everything that is known about it.</p>"
        f'<div class="pair">{pairs[0]}{pairs[1]}</div><div class="pair">{pairs[2]}{pairs[3]}</div>'
        f'{rdf}{learning}<div class="pair">{costs[0]}{costs[1]}</div>{cutoffs}</section>'
    )


def _menu(curves: LearningCurves) -> str:
    """The menu of architectures above figure 4."""
    if not curves.traces:
        return ""
    options = "".join(
        f'<option data-traces="{escape(json.dumps(traces))}">{escape(label)}</option>'
        for label, traces in curves.traces.items()
    )
    return (
        '<label class="sub" style="margin:0">Architecture '
        f'<select id="curve-menu" data-target="fig4" autocomplete="off">{options}</select></label>'
    )


def _networks_section(tables: ReportTables) -> str:
    return (
        '<section id="networks-section"><h2>All networks</h2><div class="tools">'
        '<input type="search" data-filters="networks" placeholder="Filter, e.g. student confirm 24/10" '
        'aria-label="Filter networks" autocomplete="off"><span id="networks-count" aria-live="polite"></span>'
        f"<span>Click a heading to sort.</span></div>{models_table(tables)}</section>"
    )


def _costs_section(tables: ReportTables) -> str:
    if not tables.costs:
        return '<section id="cost-section"><h2>Costs</h2><p class="none">No cost has been measured.</p></section>'
    key = "".join(f'<span class="key"><i style="background:{color}"></i>{name}</span>' for name, color in PART_COLORS)
    return (
        '<section id="cost-section"><h2>Costs</h2><div class="tools">'
        f"<span>Measured alone on the device, once per architecture.</span><span>{key}</span></div>"
        f"{costs_table(tables)}</section>"
    )


def _provenance_section(data: ReportInput, tables: ReportTables) -> str:
    notes = "".join(f"<li>{escape(note)}</li>" for note in note_lines(data.dataset.get("notes")))
    dataset = {key: value for key, value in data.dataset.items() if key not in ("notes", "split")}
    dataset["summary"] = {k: v for k, v in data.dataset.get("summary", {}).items() if k not in ("notes", "histograms")}
    facts: list[tuple[str, Any]] = [
        (name, ", ".join(sorted({value for value in tables.models[column] if value})) or None)
        for name, column in (("Dataset hash", "dataset_hash"), ("Label hash", "label_hash"),
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
