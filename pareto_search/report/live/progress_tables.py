"""Tables of the live page, as plain values: trials, costs and failures."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pareto_search.analysis.progress import Progress, TrialProgress
from pareto_search.config import Architecture
from pareto_search.records import CostRecord, ModelRecord
from pareto_search.report.live.trial_catalogue import STATE_NAMES, UNKNOWN, TrialCatalogue, time_of_day
from pareto_search.report.numbers import number, whole
from pareto_search.report.tables import ArchitectureKey

#: Rows of a table at most, the newest.
N_ROWS = 40


@dataclass(frozen=True)
class Row:
    """Texts of a row's cells, the state for its tag and what a click chooses, as (kind, name)."""

    cells: tuple[str, ...]
    tag: str = ""
    chooses: tuple[str, str] | None = None


@dataclass(frozen=True)
class LiveTable:
    """A table: `columns` are (name, unit, is a number); `tag_column` holds the state as a tag."""

    caption: str
    columns: tuple[tuple[str, str, bool], ...]
    rows: tuple[Row, ...]
    note: str = ""
    tag_column: int = -1


def trials_table(progress: Progress, catalogue: TrialCatalogue, n_rows: int = N_ROWS) -> LiveTable:
    """Trials that train first, then the others, the newest first.

    Args:
        progress: The journal.
        catalogue: Architectures and costs.
        n_rows: Rows at most.
    """
    order = {"training": 0, "interrupted": 1, "ready": 1, "measuring": 1}
    trials = sorted(progress.trials.values(), key=lambda t: (order.get(t.state, 2), -t.changed_at))
    columns = (("Trial", "", True), ("State", "", False), ("Architecture", "", False), ("Epoch", "", True),
               ("Force valid", "meV/Å", True), *((cost.title, cost.unit, True) for cost in catalogue.cost_objectives),
               ("Last event", "", False), ("Reason", "", False))  # fmt: skip
    return LiveTable(
        "Trials of the search", columns, tuple(_trial_row(trial, catalogue) for trial in trials[:n_rows]),
        note=_shown(n_rows, len(trials), "trials"), tag_column=1,
    )  # fmt: skip


def _trial_row(trial: TrialProgress, catalogue: TrialCatalogue) -> Row:
    cost = catalogue.cost(trial)
    costs = (
        UNKNOWN if cost is None else number(objective.factor * cost.values()[objective.column])
        for objective in catalogue.cost_objectives
    )
    cells = (
        str(trial.number), STATE_NAMES[trial.state], catalogue.label(trial), whole(trial.epoch),
        number(1e3 * trial.last_error_ev_per_ang, 4), *costs, time_of_day(trial.changed_at_s), trial.reason or "",
    )  # fmt: skip
    return Row(cells, trial.state, ("trial", str(trial.number)))


def costs_table(
    costs: Mapping[ArchitectureKey, CostRecord], teacher: Architecture | None = None, n_rows: int = N_ROWS
) -> LiveTable:
    """Measured costs by architecture, cheapest first; the teacher's is named.

    Args:
        costs: By architecture.
        teacher: Architecture of the teacher.
        n_rows: Rows at most.
    """
    records = sorted(costs.items(), key=lambda item: item[1].md.us_per_atom_step_median)
    teacher_key = None if teacher is None else teacher.key
    rows = (_cost_row(record, key == teacher_key) for key, record in records[:n_rows])
    columns = (("Architecture", "", False), ("Cutoff", "Å", True), ("Engine", "", False), ("MD step", "µs/atom", True),
               ("Quartiles", "µs/atom", False), ("Max atoms", "", True), ("Smallest that fails", "", True),
               ("Memory", "kB/atom", True), ("Device", "", False))  # fmt: skip
    return LiveTable(
        "Measured costs of the architectures", columns, tuple(rows),
        note=_shown(n_rows, len(records), "architectures", "cheapest"),
    )  # fmt: skip


def _cost_row(record: CostRecord, is_teacher: bool) -> Row:
    md, capacity = record.md, record.capacity
    failed = capacity.bracket.n_failed
    return Row((
        f"{record.label} (teacher)" if is_teacher else record.label,
        number(record.cutoff_ang),
        f"{record.engine}{', compiled' if md.is_compiled else ''}, {record.dtype}",
        number(md.us_per_atom_step_median), f"{number(md.us_per_atom_step_q25)} – {number(md.us_per_atom_step_q75)}",
        whole(capacity.max_atoms), "none seen" if failed is None else whole(failed),
        number(capacity.bytes_per_atom / 1e3), record.device,
    ))  # fmt: skip


def failures_table(progress: Progress, records: Iterable[ModelRecord], n_rows: int = N_ROWS) -> LiveTable:
    """What failed, diverged or was refused, with the reason, the newest first.

    Args:
        progress: The journal.
        records: Stored networks.
        n_rows: Rows at most.
    """
    rows: list[tuple[int, Row]] = []
    for trial in progress.trials.values():
        if trial.state in ("failed", "infeasible"):
            cells = (f"trial {trial.number}", time_of_day(trial.changed_at_s), STATE_NAMES[trial.state],
                     whole(trial.epoch), trial.reason or "no reason given")  # fmt: skip
            rows.append((trial.changed_at, Row(cells, trial.state, ("trial", str(trial.number)))))
    known = {trial.number for trial in progress.trials.values() if trial.state == "failed"}
    for record in records:
        if record.status not in ("failed", "diverged") or (record.stage == "search" and record.trial_id in known):
            continue
        end = progress.networks.get(record.model_id)
        cells = (record.model_id, "" if end is None else time_of_day(end.at_s), record.status, whole(record.n_epochs),
                 record.reason or "no reason given")  # fmt: skip
        rows.append((end.event if end else 0, Row(cells, record.status, ("network", record.model_id))))
    rows.sort(key=lambda row: -row[0])
    columns = (("What", "", False), ("When", "", False), ("Status", "", False), ("Epochs", "", True),
               ("Reason", "", False))  # fmt: skip
    shown = tuple(row for _, row in rows[:n_rows])
    return LiveTable("What failed or was refused", columns, shown, _shown(n_rows, len(rows), "failures"), 2)


def _shown(n_rows: int, n_all: int, what: str, which: str = "newest") -> str:
    return f"the {which} {n_rows} of {n_all:,} {what}" if n_all > n_rows else ""
