"""The tables of a report: all networks, costs, and what went wrong."""

from collections.abc import Iterator
from html import escape

import pandas as pd

from pareto_search.analysis.networks import ARCHITECTURE_COLUMNS
from pareto_search.records import CostRecord
from pareto_search.report.elements import Cell, Column, table_html
from pareto_search.report.hover import number, whole
from pareto_search.report.style import look_of
from pareto_search.report.tables import ArchitectureKey, ReportTables, architecture_key, cost_key, failures

MODEL_HEADS = (
    Column("Network"),
    Column("Role"),
    Column("Stage"),
    Column("Architecture"),
    Column("Weights", "", True),
    Column("Seed", "", True),
    Column("Loss w", "E / F / A"),
    Column("Epochs", "", True),
    Column("Trained", "s", True),
    Column("Force valid", "meV/Å", True),
    Column("Force test", "meV/Å", True),
    Column("Energy test", "meV/atom", True),
    Column("MD step", "µs/atom", True),
    Column("Max atoms", "", True),
    Column("Memory", "kB/atom", True),
    Column("Status"),
)

COST_HEADS = (
    Column("Architecture"),
    Column("Engine"),
    Column("MD step", "µs/atom", True),
    Column("Quartiles", "µs/atom"),
    Column("Where the time goes", "neighbours, model, integrator"),
    Column("Atoms timed", "", True),
    Column("Neighbours", "per atom", True),
    Column("Energy drift", "eV/atom/ps", True),
    Column("Max atoms", "", True),
    Column("Smallest that fails", "", True),
    Column("Memory", "kB/atom", True),
    Column("Budget", "GiB", True),
    Column("Device"),
)
#: Colours of the parts of a step: neighbour list, model, integrator.
PART_COLORS = (("neighbour list", "#56B4E9"), ("model", "#4b5b73"), ("integrator", "#E69F00"))


def models_table(tables: ReportTables) -> str:
    """Every trained network, one row each."""
    models = tables.models.sort_values(["stage", "n_weights", "label", "role", "control_kind", "seed", "model_id"])
    return table_html("networks", "All trained networks", MODEL_HEADS, (_model_cells(r) for _, r in models.iterrows()))


def _model_cells(row: pd.Series) -> list[Cell]:
    look = look_of(row["role"], row["control_kind"])
    role = f"{row['role']} ({row['control_kind']})" if row["control_kind"] else row["role"]
    weights = " / ".join(f"{row[name]:.3g}" for name in ("weight_energy", "weight_forces", "weight_atomic_energy"))
    status = escape(row["status"])
    return [
        Cell("", html=f'<span class="id">{escape(row["model_id"])}</span>', title=row["model_id"]),
        Cell("", html=f'<span class="nowrap"><i class="dot {look.symbol}" style="background:{look.color}"></i>'
             f"{escape(role)}</span>"),
        Cell(row["stage"]),
        Cell("", html=f'<span class="nowrap">{escape(row["label"])}</span>'),
        _whole(row["n_weights"]),
        Cell(f"{row['seed']:.0f}", row["seed"]),
        Cell("", html=f'<span class="nowrap">{escape(weights)}</span>'),
        _whole(row["n_epochs"]),
        _whole(row["train_s"]),
        _number(1e3 * row["valid_force_rmse_ev_per_ang"], 4),
        _number(1e3 * row["test_force_rmse_ev_per_ang"], 4),
        _number(1e3 * row["test_energy_rmse_ev_per_atom"], 3),
        _number(row["md_us_per_atom_step"], 3),
        _whole(row["max_atoms"]),
        _number(row["bytes_per_atom"] / 1e3, 3),
        Cell("", html=f'<span class="tag {status}">{status}</span>', title=row["reason"]),
    ]  # fmt: skip


def costs_table(tables: ReportTables) -> str:
    """The cost table with the parts of a step as bars."""
    labels = _labels(tables)
    records = sorted(tables.costs.values(), key=lambda r: (r.md.us_per_atom_step_median, r.engine, r.key))
    rows = (_cost_cells(record, labels.get(cost_key(record)) or _sizes(record)) for record in records)
    return table_html("costs", "Measured costs of the architectures", COST_HEADS, rows)


def _labels(tables: ReportTables) -> dict[ArchitectureKey, str]:
    """Label of every architecture among the models; the teacher's is marked."""
    models = tables.models.drop_duplicates([*ARCHITECTURE_COLUMNS, "role"])
    labels = {architecture_key(row): str(row["label"]) for _, row in models.iterrows()}
    teachers = models[models["role"] == "teacher"]
    return labels | {architecture_key(row): f"{row['label']} (teacher)" for _, row in teachers.iterrows()}


def _sizes(record: CostRecord) -> str:
    return "/".join(f"{value:.0f}" for value in cost_key(record)[:3])


def _cost_cells(record: CostRecord, label: str) -> list[Cell]:
    md, capacity = record.md, record.capacity
    quartiles = f"{number(md.us_per_atom_step_q25)} – {number(md.us_per_atom_step_q75)}"
    drift = md.energy_drift_ev_per_atom_ps
    failed = capacity.bracket.n_failed
    engine = f"{record.engine}, compiled" if md.is_compiled else record.engine
    return [
        Cell("", html=f'<span class="nowrap">{escape(label)}</span>'),
        Cell("", html=f'<span class="nowrap">{escape(engine)}, {escape(record.dtype)}</span>'),
        _number(md.us_per_atom_step_median, 3),
        Cell("", html=f'<span class="nowrap">{quartiles}</span>'),
        Cell("", html="".join(_bar(record))),
        _whole(md.n_atoms),
        _number(md.n_neighbors_mean, 3),
        Cell(f"{drift:.1e}".replace("-", "−"), drift),
        _whole(capacity.max_atoms),
        Cell("none seen", float("nan")) if failed is None else _whole(failed),
        _number(capacity.bytes_per_atom / 1e3, 3),
        _number(capacity.budget_gib, 3),
        Cell("", html=f'<span class="nowrap">{escape(record.device)}</span>'),
    ]


def _bar(record: CostRecord) -> Iterator[str]:
    """A stacked bar of the parts of a step, as shares of their sum."""
    md = record.md
    parts = (md.us_per_atom_neighbor, md.us_per_atom_model, md.us_per_atom_integrator)
    total = sum(max(part, 0.0) for part in parts) or 1.0
    title = ", ".join(f"{name} {number(part)} µs" for (name, _), part in zip(PART_COLORS, parts, strict=True))
    yield f'<span class="split" title="{escape(title)}">'
    for (_, color), part in zip(PART_COLORS, parts, strict=True):
        yield f'<i style="width:{100 * max(part, 0.0) / total:.2f}%;background:{color}"></i>'
    yield "</span>"


def failures_table(tables: ReportTables) -> str:
    """Networks that diverged or failed, or a sentence that none did."""
    lost = failures(tables.models)
    if lost.empty:
        return '<p class="none">No network diverged or failed.</p>'
    heads = (Column("Network"), Column("Role"), Column("Stage"), Column("Architecture"), Column("Status"),
             Column("Epochs", "", True), Column("Reason"))  # fmt: skip
    rows = (
        [
            Cell(row["model_id"]), Cell(f"{row['role']} {row['control_kind']}".strip()), Cell(row["stage"]),
            Cell(row["label"]), Cell(row["status"]), _whole(row["n_epochs"]), Cell(row["reason"] or "not stored"),
        ]
        for _, row in lost.iterrows()
    )  # fmt: skip
    return table_html("failures", "Networks that diverged or failed", heads, rows)


def _whole(value: float) -> Cell:
    return Cell(whole(value), float(value))


def _number(value: float, digits: int) -> Cell:
    return Cell(number(value, digits), float(value))
