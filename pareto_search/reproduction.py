"""What several runs say of the paper's claims and of what it left open, as one Markdown document."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from pareto_search.analysis.claim import Claim
from pareto_search.analysis.claims import COSTS_SOURCE
from pareto_search.analysis.study import StudySummary, summarize_study
from pareto_search.config import StudyConfig
from pareto_search.files import write_atomic
from pareto_search.report.claims_table import CLAIM_HEADS, claim_cells, claims_markdown, markdown_table
from pareto_search.report.numbers import number
from pareto_search.report.page import write_report
from pareto_search.report.tables import ReportInput, ReportTables, make_tables
from pareto_search.report.words import answer, percent_interval
from pareto_search.results import open_results, stored_config
from pareto_search.run_directory import to_yaml

#: What is kept of learning curves.
_CURVE_COLUMNS = ["model_id", "epoch", "train_force_rmse_ev_per_ang", "valid_force_rmse_ev_per_ang"]


@dataclass(frozen=True)
class Section:
    """A part of the document.

    Attributes:
        title: Its heading.
        about: What was compared.
        is_of_costs: Whether costs alone are what it tells of.
    """

    title: str
    about: str
    is_of_costs: bool = False

    def claims(self, run: "_Run") -> list[Claim]:
        """What it says of the paper's claims."""
        return [claim for claim in run.tables.claims if not self.is_of_costs or claim.source == COSTS_SOURCE]


_LADDER = "Six sizes, students against the paper's controls and against controls that differ in the teacher term alone."
#: The sections by the name of their run, in their order.
SECTIONS = {
    "ladder": Section("The ladder of sizes (Fig. 2 to 5)", _LADDER),
    "hippynn-engine": Section(
        "Costs with hippynn's engine (Fig. 5)",
        "The same sizes with the engine that the paper used, for their costs alone: they are trained for one epoch.",
        is_of_costs=True,
    ),
    "tuned": Section(
        "Controls tuned as hard", "Two sizes whose loss weights were searched, with and without a teacher."
    ),
    "converged": Section("At convergence", "One size trained until it gained no more."),
    "label-weights": Section(
        "The weight of the teacher's labels", "Students of one size by the weight of the atomic energies in their loss."
    ),
    "label-weights-early": Section("The same with a poor teacher", "The teacher was stopped early."),
    "label-weights-strong": Section(
        "The same with a better teacher", "The teacher has the students' weight of forces, and more epochs."
    ),
    "born-again": Section(
        "Born Again (section 3.5)",
        "Students of the teacher's own architecture, with a schedule and with static weights.",
    ),
    "ensemble": Section("Four teachers", "Students of four teachers against students of the first of them."),
    "knowledge": Section(
        "Other knowledge",
        "Students that start from the teacher's radial functions and from training on its own frames.",
    ),
}


def keep_runs(runs: Mapping[str, Path], folder: Path) -> None:
    """Keep what the document is written from, so that runs made at different times or places meet in it.

    Args:
        runs: Run directories by the names of `SECTIONS`; those that are not there or not confirmed are left out.
        folder: Gets a folder for each, with `config.yaml`, `models.csv`, `curves.csv.gz`, `dataset.json`, and the
            interactive `report.html`, which gets plotly.js from the network.
    """
    for name in SECTIONS:
        if not (runs.get(name, Path()) / "config.yaml").is_file():
            continue
        results = open_results(runs[name])
        if (results.models["stage"] == "confirm").any():
            kept = folder / name
            kept.mkdir(parents=True, exist_ok=True)
            config, dataset = _without_places(results.config), dict(results.data.dataset)
            write_atomic(kept / "config.yaml", to_yaml(config))
            summary = dataset["summary"]
            write_atomic(
                kept / "dataset.json", json.dumps({"summary": {n: summary[n] for n in ("n_frames", "n_atoms")}})
            )
            write_atomic(kept / "models.csv", results.models.to_csv(index=False))
            results.curves[_CURVE_COLUMNS].to_csv(kept / "curves.csv.gz", index=False, float_format="%.5g")
            if "path" in dataset["notes"]:
                dataset["notes"] = dict(dataset["notes"], path=Path(dataset["notes"]["path"]).name)
            report = replace(results.data, config=config.to_plain(), dataset=dataset)
            write_report(report, kept / "report.html", kept / "report.json", is_offline=False)


def _without_places(config: StudyConfig) -> StudyConfig:
    """Settings without where on a machine data and other runs lay."""
    plain = config.to_plain()
    if "path" in plain["data"]:
        plain["data"]["path"] = Path(plain["data"]["path"]).name
    plain["teacher"].pop("reuse", None)
    return StudyConfig.model_validate(plain)


def reproduction_markdown(folder: Path) -> str:
    """The document on the runs in a folder of `keep_runs`, with what people concluded, if `conclusions.md` is in it."""
    found = {name: _kept_run(folder / name) for name in SECTIONS if (folder / name / "config.yaml").is_file()}
    conclusions = folder / "conclusions.md"
    parts = [_INTRODUCTION]
    if conclusions.is_file():
        parts.append(conclusions.read_text(encoding="utf-8"))
    parts += ["## Claim by claim\n", _GATHERED, _gathered_claims(found, folder.name)]
    parts += _gathered_gains(found)
    parts += ["## What was run\n", _scale_table(found)]
    for name, run in found.items():
        parts += _section(SECTIONS[name], run, f"{folder.name}/{name}/report.html")
    return "\n".join(parts)


@dataclass(frozen=True)
class _Run:
    """A kept run, and what its report would say."""

    config: StudyConfig
    data: ReportInput
    tables: ReportTables
    summary: StudySummary


def _kept_run(folder: Path) -> _Run:
    config = stored_config(folder)
    data = ReportInput(
        config=config.to_plain(),
        models=pd.read_csv(folder / "models.csv"),
        curves=pd.read_csv(folder / "curves.csv.gz"),
        costs=[],
        dataset=json.loads((folder / "dataset.json").read_text(encoding="utf-8")),
    )
    return _Run(config, data, make_tables(data), summarize_study(data.models))


_INTRODUCTION = """# Reproduction

What reruns of the paper's protocols say of its claims, and of what it left open. Written by `scripts/reproduce.py`,
which also makes the runs. The figures of each are an interactive page, `reproduction/*/report.html` beside this one (to
open in a browser; plotly.js comes from the network), its networks are in `reproduction/*/models.csv`. Estimates are
means over architectures (each counts once; of one, over its seeds) with 95 % intervals, see
[statistics.md](statistics.md). A claim *holds* where the whole interval lies on its side of 0. Errors are on the test
split, which no choice was made by.
"""

_GATHERED = "Each claim by the run that was made for it; the sections below have what the other runs say.\n"


def _gathered_claims(found: Mapping[str, _Run], folder: str) -> str:
    """Each claim once, from the first run that says something of it."""
    first: dict[str, tuple[str, ...]] = {}
    for name, run in found.items():
        for claim in SECTIONS[name].claims(run):
            first.setdefault(claim.name, (*claim_cells(claim), f"[{name}]({folder}/{name}/report.html)"))
    return markdown_table((*CLAIM_HEADS, "Run"), list(first.values()))


def _gathered_gains(found: Mapping[str, _Run]) -> Iterator[str]:
    """Gain against the ablation controls by the weight of the labels, a column for each run of several weights."""
    heads, table = ["weight"], dict[float, dict[str, str]]()
    for name, run in found.items():
        gains = [gain for gain in run.tables.weight_gains if gain.control_kind == "ablation"]
        if not gains:
            continue
        epochs = run.data.models.loc[run.data.models["stage"] == "confirm", "n_epochs"].max()
        heads.append(f"{name}: teacher {_teacher_error(run)}, up to {epochs:.0f} epochs")
        for gain in gains:
            table.setdefault(gain.weight_atomic_energy, {})[heads[-1]] = percent_interval(gain.force_rmse)
    if table:
        rows = [(f"{weight:g}", *(row.get(head, "") for head in heads[1:])) for weight, row in sorted(table.items())]
        yield "## What the teacher's labels are worth\n"
        yield (
            "Force RMSE of students against ablation controls, which differ in the teacher term alone, by the weight "
            "of the teacher's atomic energies:\n"
        )
        yield markdown_table(heads, rows)


def _teacher_error(run: _Run) -> str:
    teacher = run.summary.teacher
    return "" if teacher is None else f"{1e3 * teacher['test_force_rmse_ev_per_ang']:.0f} meV/Å"


def _scale_table(found: Mapping[str, _Run]) -> str:
    """How large each run was; the paper's own numbers first."""
    heads = ("run", "frames", "teacher", "networks", "epochs", "batch", "seeds", "MD atoms")
    rows: list[Sequence[str]] = [
        ("the paper", "about 6000", "128/40/4, 92 meV/Å", "", "", "", "4", "48,000; RDF 18,634")
    ]
    for name, run in found.items():
        config, models, teacher = run.config, run.data.models, run.summary.teacher
        confirmed = models[models["stage"] == "confirm"]
        epochs = confirmed["n_epochs"].dropna()
        error = "" if teacher is None else f"{teacher['label']}, {_teacher_error(run)}"
        measure = config.measure
        liquid = f"; RDF {measure.liquid.n_atoms:,}" if measure.liquid and confirmed["rdf_error"].notna().any() else ""
        rows.append((
            name, f"{run.data.dataset['summary']['n_frames']}", error, f"{len(confirmed)}",
            "" if epochs.empty else f"{epochs.min():.0f}–{epochs.max():.0f}",
            f"{config.confirm_training.batch_size}", f"{confirmed['seed'].nunique()}", f"{measure.n_atoms:,}{liquid}",
        ))  # fmt: skip
    return markdown_table(heads, rows)


def _section(section: Section, run: _Run, page: str) -> Iterator[str]:
    yield f"## {section.title}\n"
    headline = "" if section.is_of_costs else f" {answer(run.summary, run.data, run.tables).headline}"
    yield f"{section.about}{headline} [Figures]({page})\n"
    yield claims_markdown(section.claims(run))
    gains = run.tables.weight_gains
    if gains:
        yield "Force RMSE of students against controls without a teacher, by the weight of the atomic energies:\n"
        kinds = list(dict.fromkeys(gain.control_kind for gain in gains))
        table: dict[float, dict[str, str]] = {}
        for gain in gains:
            table.setdefault(gain.weight_atomic_energy, {})[gain.control_kind] = percent_interval(gain.force_rmse)
        rows = [(f"{weight:g}", *(row.get(kind, "") for kind in kinds)) for weight, row in sorted(table.items())]
        yield markdown_table(("weight", *(f"against {kind}" for kind in kinds)), rows)
    yield _errors_table(run.tables.networks)


def _errors_table(networks: pd.DataFrame) -> str:
    """Mean errors of every network with their standard deviations over seeds."""
    heads = ("network", "kind", "seeds", "force RMSE, meV/Å", "energy RMSE, meV/atom", "RDF error, Å", "µs/atom/step",
             "kB/atom")  # fmt: skip
    kinds = ["label", "role", "control_kind", "weight_atomic_energy"]
    rows = [
        (
            row["label"], _kind(row), f"{row['n']}",
            _spread(1e3 * row["force_rmse_ev_per_ang"], 1e3 * row["force_rmse_std_ev_per_ang"]),
            _spread(1e3 * row["energy_rmse_ev_per_atom"], 1e3 * row["energy_rmse_std_ev_per_atom"]),
            _spread(row["rdf_error"], row["rdf_error_std"]), number(row["md_us_per_atom_step"]),
            number(row["bytes_per_atom"] / 1000),
        )
        for _, row in networks.sort_values(["n_weights", *kinds]).iterrows()
    ]  # fmt: skip
    return markdown_table(heads, rows)


def _kind(row: pd.Series) -> str:
    if row["role"] == "control":
        return f"control ({row['control_kind']})"
    weight = row["weight_atomic_energy"]
    return f"student, w_A {weight:g}" if row["role"] == "student" else str(row["role"])


def _spread(mean: float, std: float) -> str:
    if pd.isna(mean):
        return ""
    return number(mean) if pd.isna(std) else f"{number(mean)} ± {number(std, 2)}"
