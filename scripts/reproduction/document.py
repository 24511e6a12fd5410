"""What several runs say of the paper's claims and of what it left open, as one Markdown document."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd

from pareto_search.analysis.claim import Claim
from pareto_search.analysis.label_weights import WeightGain
from pareto_search.analysis.paired import PairedDifference
from pareto_search.config import TrainingSettings
from pareto_search.report.numbers import number
from pareto_search.report.page.page_tables import CLAIM_HEADS, claim_cells
from pareto_search.report.words import answer, percent_interval
from reproduction.kept import KeptRun, read_kept_run
from reproduction.sections import SECTIONS, Section


def reproduction_markdown(folder: Path) -> str:
    """The document on the runs in a folder of `keep_runs`, with what people concluded, if `conclusions.md` is in it."""
    found = {name: read_kept_run(folder / name) for name in SECTIONS if (folder / name / "config.yaml").is_file()}
    conclusions = folder / "conclusions.md"
    parts = [_INTRODUCTION]
    if conclusions.is_file():
        parts.append(conclusions.read_text(encoding="utf-8"))
    gathered = _gathered_claims(found)
    rows = [(*claim_cells(claim), f"[{name}]({folder.name}/{name}/report.html)") for name, claim in gathered.values()]
    parts += ["## Claim by claim\n", _GATHERED, _markdown_table((*CLAIM_HEADS, "Run"), rows)]
    parts += _gathered_gains(found)
    parts += ["## What was run\n", _SCALE, _scale_table(found)]
    for name, run in found.items():
        others = [claim for claim in SECTIONS[name].claims(run) if gathered[claim.name][0] != name]
        parts += _section(SECTIONS[name], run, others, f"{folder.name}/{name}/report.html")
    return "\n".join(parts)


_INTRODUCTION = """# Reproduction

What reruns of the paper's protocols say of its claims, and of what it left open. Each section is a run, and this page
is written from their tables:

    python scripts/reproduce.py DATA --out DIR --only ladder          # a run; DATA is a folder in the ANI-Al layout
    python scripts/reproduce.py --out DIR --to docs/reproduction.md   # this page, of the runs that are there

The figures of a run are an interactive page, `reproduction/*/report.html` beside this one (to open in a browser;
plotly.js comes from the network), its networks are in `reproduction/*/models.csv`. Estimates are means over
architectures (each counts once) with 95 % intervals, over seeds where there are one or two of them, see
[statistics.md](statistics.md). A claim *holds* where the whole interval lies on its side of 0, or of the limit that
it names. Errors are on the test split, which no choice was made by; learning curves are on the validation split.

Networks are called by their features, radial functions and atom layers: 16/10/1. w_E, w_F and w_A are the weights of
energy, forces and the teacher's atomic energies in the loss. A student's controls have its architecture, initial
weights (unless these were the teacher's), data and batches. Three kinds have no teacher: `paper` with the paper's w_F
of 10, `ablation` with the student's own loss weights, `tuned` with weights that were searched as hard. Others are
explained in their sections.
"""

_SCALE = """Patience: epochs without gain in the validation loss before the learning rate is halved, and before
training ends. That loss has the teacher's part in it for those that are taught.
"""
_GATHERED = "Each claim by the first run that says something of it; the sections below add what others say.\n"


def _gathered_claims(found: Mapping[str, KeptRun]) -> dict[str, tuple[str, Claim]]:
    """Each claim once, by its name: the first run that says something of it, and what it says."""
    first: dict[str, tuple[str, Claim]] = {}
    for name, run in found.items():
        for claim in SECTIONS[name].claims(run):
            first.setdefault(claim.name, (name, claim))
    return first


def _gathered_gains(found: Mapping[str, KeptRun]) -> Iterator[str]:
    """Gain against the ablation controls by the weight of the labels, a column for each run of several weights."""
    columns = {}
    for name, run in found.items():
        gains = [gain for gain in run.tables.weight_gains if gain.control_kind == "ablation"]
        epochs = run.data.models.loc[run.data.models["stage"] == "confirm", "n_epochs"].max()
        if gains:
            columns[f"{name}: teacher {_teacher_error(run)}, up to {epochs:.0f} epochs"] = gains
    if columns:
        yield "## What the teacher's labels are worth\n"
        n = _from_to(pd.Series([gain.force_rmse.n for gains in columns.values() for gain in gains]))
        yield (
            "Force RMSE of students against ablation controls, which differ in the teacher term alone, by the weight "
            f"of the teacher's atomic energies, {n} pairs each:\n"
        )
        yield _gains_table(columns, lambda gain: gain.force_rmse)
        yield "Energy RMSE per atom of the same:\n"
        yield _gains_table(columns, lambda gain: gain.energy_rmse)


def _gains_table(columns: Mapping[str, Sequence[WeightGain]], of: Callable[[WeightGain], PairedDifference]) -> str:
    """Gains of an error by the weight of the labels; columns by their headings."""
    table: dict[float, dict[str, str]] = {}
    for head, gains in columns.items():
        for gain in gains:
            table.setdefault(gain.weight_atomic_energy, {})[head] = percent_interval(of(gain))
    rows = [(f"{weight:g}", *(row.get(head, "") for head in columns)) for weight, row in sorted(table.items())]
    return _markdown_table(("weight", *columns), rows)


def _teacher_error(run: KeptRun) -> str:
    """Of several teachers the mean."""
    teacher = run.summary.teacher
    return "" if teacher is None else f"{1e3 * teacher.force_rmse_ev_per_ang:.0f} meV/Å"


def _scale_table(found: Mapping[str, KeptRun]) -> str:
    """How large each run was; the paper's own numbers first."""
    heads = ("run", "frames", "teacher", "its w_F", "its epochs", "networks", "epochs", "patience", "batch", "seeds",
             "MD atoms")  # fmt: skip
    rows: list[Sequence[str]] = [(
        "the paper", "about 6000", "128/40/4, 92 meV/Å", "10", "until no gain", "", "until no gain", "30, 50", "", "4",
        "48,000; RDF 18,634",
    )]  # fmt: skip
    for name, run in found.items():
        config, models, teacher = run.config, run.data.models, run.summary.teacher
        confirmed = models[models["stage"] == "confirm"]
        training, measure = config.confirm_training, config.measure
        liquid = f"; RDF {measure.liquid.n_atoms:,}" if measure.liquid and confirmed["rdf_error"].notna().any() else ""
        teachers = models[models["role"] == "teacher"]
        several = f"{len(teachers)} × " if len(teachers) > 1 else ""
        rows.append((
            name, f"{run.n_frames}",
            "" if teacher is None else f"{several}{teacher.label}, {_teacher_error(run)}",
            "" if teachers.empty else f"{teachers['weight_forces'].iloc[0]:g}", _from_to(teachers["n_epochs"]),
            f"{len(confirmed)}", _from_to(confirmed["n_epochs"]),
            f"{training.plateau_patience}, {training.termination_patience}", f"{training.batch_size}",
            f"{confirmed['seed'].nunique()}", f"{measure.n_atoms:,}{liquid}",
        ))  # fmt: skip
    return _markdown_table(heads, rows)


def _from_to(numbers: pd.Series) -> str:
    """Smallest and largest of some numbers, or the one that they are."""
    low, high = numbers.min(), numbers.max()
    return "" if pd.isna(low) else f"{low:g}" if low == high else f"{low:g}–{high:g}"


def _section(section: Section, run: KeptRun, claims: Sequence[Claim], page: str) -> Iterator[str]:
    """A section, with those claims that are not told of before."""
    gains = run.tables.weight_gains
    yield f"## {section.title}\n"
    main = run.summary.headline
    is_pooled = main is not None and main.paired_force_rmse.n_distinct < main.paired_force_rmse.n
    # Claims of students of several loss weights are about some of them, the headline about all together.
    is_told = not section.is_of_costs and not is_pooled
    headline = f" {answer(run).headline}" if is_told else ""
    yield f"{section.about}{headline} [Figures]({page})\n"
    if claims:
        yield _markdown_table(CLAIM_HEADS, [claim_cells(claim) for claim in claims])
    if gains:
        yield "Force RMSE of students against controls without a teacher, by the weight of the atomic energies:\n"
        kinds = dict.fromkeys(gain.control_kind for gain in gains)
        columns = {f"against {kind}": [g for g in gains if g.control_kind == kind] for kind in kinds}
        yield _gains_table(columns, lambda gain: gain.force_rmse)
    yield _costs_table(run.tables.networks) if section.is_of_costs else _errors_table(run)
    noise = run.tables.models["rdf_noise"].dropna()
    if len(noise):
        yield (
            f"Noise alone would make RDF errors of {number(noise.min())} to {number(noise.max())} Å. It is in all of "
            "them, so that percentages understate how far networks differ.\n"
        )


def _errors_table(run: KeptRun) -> str:
    """Mean errors of every network with their standard deviations over seeds."""
    heads = ("network", "kind", "seeds", "force RMSE, meV/Å", "energy RMSE, meV/atom", "RDF error, Å", "µs/atom/step",
             "kB/atom")  # fmt: skip
    kinds = ["label", "role", "control_kind", "weight_atomic_energy"]
    rows = [
        (
            row["label"], _kind(row, run.config.confirm_training), f"{row['n']}",
            _spread(1e3 * row["force_rmse_ev_per_ang"], 1e3 * row["force_rmse_std_ev_per_ang"]),
            _spread(1e3 * row["energy_rmse_ev_per_atom"], 1e3 * row["energy_rmse_std_ev_per_atom"]),
            _spread(row["rdf_error"], row["rdf_error_std"]), number(row["md_us_per_atom_step"]),
            number(row["bytes_per_atom"] / 1000),
        )
        for _, row in run.tables.networks.sort_values(["n_weights", *kinds]).iterrows()
    ]  # fmt: skip
    return _markdown_table(heads, rows)


def _costs_table(networks: pd.DataFrame) -> str:
    """Costs of every architecture."""
    rows = [
        (row["label"], number(row["md_us_per_atom_step"]), number(row["bytes_per_atom"] / 1000))
        for _, row in networks.sort_values("n_weights").drop_duplicates("label").iterrows()
    ]
    return _markdown_table(("network", "µs/atom/step", "kB/atom"), rows)


def _kind(row: pd.Series, training: TrainingSettings) -> str:
    if row["role"] == "control":
        return f"control ({row['control_kind']})"
    weights = "by the schedule" if training.schedule else f"w_A {row['weight_atomic_energy']:g}"
    return f"student, {weights}" if row["role"] == "student" else str(row["role"])


def _spread(mean: float, std: float) -> str:
    if pd.isna(mean):
        return ""
    return number(mean) if pd.isna(std) else f"{number(mean)} ± {number(std, 2)}"


def _markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
