"""Cards and tables of the live page, as plain values."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pareto_search.analysis.progress import Progress, TrialProgress
from pareto_search.analysis.time_left import RunState, StudyBudget, duration, time_left
from pareto_search.config import Architecture, StudyConfig
from pareto_search.errors import ConfigError
from pareto_search.objectives import Objective, objectives_named
from pareto_search.records import CostRecord, ModelRecord
from pareto_search.report.numbers import number, whole
from pareto_search.report.tables import ArchitectureKey, cost_key
from pareto_search.search.space import to_architecture

#: Rows of a table at most, the newest.
N_ROWS = 40
#: How states of trials are called.
STATE_NAMES = {
    "measuring": "costs are measured",
    "ready": "waits for a slot",
    "training": "training",
    "waiting": "waits at a rung",
    "interrupted": "interrupted",
    "complete": "complete",
    "pruned": "pruned",
    "infeasible": "beyond the caps",
    "failed": "failed",
}
_NO_VALUE = "–"


@dataclass(frozen=True)
class Card:
    """A key number; tones as in the report: good, bad, plain."""

    name: str
    label: str
    value: str
    detail: str
    tone: str = "plain"


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


class Catalogue:
    """Architectures and costs of trials.

    Args:
        config: The study's settings; None: nothing can be said.
        costs: Measured costs by architecture.
    """

    def __init__(self, config: StudyConfig | None, costs: Mapping[ArchitectureKey, CostRecord]) -> None:
        self.config = config
        self._costs = costs
        self._labels: dict[int, str] = {}

    @property
    def cost_objectives(self) -> list[Objective]:
        """What the study optimises that is no error."""
        found = objectives_named() if self.config is None else self.config.search.objective_list
        return [objective for objective in found if not objective.is_learned]

    def architecture(self, trial: TrialProgress) -> Architecture | None:
        """The architecture of a trial, or None where its parameters do not tell."""
        if self.config is None or not trial.params:
            return None
        try:
            return to_architecture(self.config.search.space, trial.params)
        except ConfigError:
            return None

    def label(self, trial: TrialProgress) -> str:
        """Its short name, with the cutoff where that is searched."""
        if trial.number not in self._labels:
            architecture = self.architecture(trial)
            if architecture is None or self.config is None:
                return _NO_VALUE
            is_searched = "dist_hard_max_ang" in self.config.search.space.searched
            cutoff = f" @{architecture.dist_hard_max_ang:.1f} Å" if is_searched else ""
            self._labels[trial.number] = architecture.label + cutoff
        return self._labels[trial.number]

    def cost(self, trial: TrialProgress) -> CostRecord | None:
        """Its measured cost, if that is known."""
        architecture = self.architecture(trial)
        return None if architecture is None else self._costs.get(architecture_key_of(architecture))


def architecture_key_of(architecture: Architecture) -> ArchitectureKey:
    """What identifies an architecture in the cost table."""
    record = _OnlyArchitecture(architecture.model_dump())
    return cost_key(record)  # type: ignore[arg-type]


@dataclass(frozen=True)
class _OnlyArchitecture:
    architecture: dict[str, Any]


def cards(
    progress: Progress, state: RunState, budget: StudyBudget, now_s: float, n_networks: Mapping[str, int]
) -> list[Card]:
    """Stage, trials, networks, speed, time left and the last event.

    Args:
        progress: The journal.
        state: Whether the run goes on.
        budget: What the study wants.
        now_s: Unix time.
        n_networks: Stored networks by status.
    """
    rate = progress.epochs_per_s()
    left = time_left(progress, budget, now_s)
    is_over = state.kind in ("ended", "dead", "nothing")
    tone = {"dead": "bad", "quiet": "bad", "ended": "good"}.get(state.kind, "plain")
    return [
        Card("stage", "Stage", _stage_name(progress, state), _stage_detail(progress, now_s), tone),
        Card("trials", "Trials", _trials_value(progress), _trials_detail(progress, is_over)),
        Card("networks", "Networks stored", whole(sum(n_networks.values())), _listed(n_networks)),
        Card("epochs", "Epochs trained", whole(progress.n_epochs),
             "all but the teacher's" if rate is None else f"{number(rate)} epochs/s in the last minutes"),
        Card("left", "Time left", _NO_VALUE if is_over or left.seconds is None else f"≈ {duration(left.seconds)}",
             "nothing is under way" if is_over else left.how),
        Card("last", "Last event", _age(progress, now_s), _event_text(progress)),
    ]  # fmt: skip


def _stage_name(progress: Progress, state: RunState) -> str:
    if progress.stage is not None:
        return progress.stage
    running = "between stages" if progress.n_events else "beginning"
    return {"ended": "ended", "nothing": "waiting", "running": running}.get(state.kind, _NO_VALUE)


def _stage_detail(progress: Progress, now_s: float) -> str:
    if progress.stage is None:
        done = ", ".join(dict.fromkeys(progress.stages_ended))
        return f"done: {done}" if done else "no stage has begun"
    planned = "" if progress.n_planned is None else f", {progress.n_planned:,} planned"
    return f"for {duration(max(0.0, now_s - progress.stage_began_at_s))}{planned}"


def _trials_value(progress: Progress) -> str:
    n_live = sum(trial.is_live for trial in progress.trials.values())
    return f"{len(progress.trials) - n_live:,} ended"


def _trials_detail(progress: Progress, is_over: bool) -> str:
    counts = progress.counts()
    names = {"interrupted": "interrupted", "measuring": "in measurement", "ready": "ready", "waiting": "at a rung"}
    if is_over:
        counts = {("interrupted" if k in ("training", "ready", "measuring") else k): n for k, n in counts.items()}
    return _listed({names.get(state, STATE_NAMES[state]): counts[state] for state in STATE_NAMES if state in counts})


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{n:,} {name}" for name, n in counts.items() if n) or "none yet"


def _age(progress: Progress, now_s: float) -> str:
    return _NO_VALUE if progress.n_events == 0 else f"{duration(max(0.0, now_s - progress.last_at_s))} ago"


def _event_text(progress: Progress) -> str:
    event = progress.last_event
    if event is None:
        return "none yet"
    if event.trial_id is not None:
        what = {"epoch": f"epoch {event.epoch}", "trial_began": "begun", "costs_known": "costs known",
                "trial_ended": event.status or "ended"}.get(event.kind, event.kind)  # fmt: skip
        return f"trial {event.trial_id}: {what}"
    if event.kind in ("network_ended", "liquid_ended"):
        return f"{event.model_id}: {event.status if event.kind == 'network_ended' else 'liquid'}"
    return f"{event.stage} {'began' if event.kind == 'stage_began' else 'ended'}"


def trials_table(progress: Progress, catalogue: Catalogue, n_rows: int = N_ROWS) -> LiveTable:
    """Trials that train first, then the others, the newest first."""
    order = {"training": 0, "interrupted": 1, "ready": 1, "measuring": 1}
    trials = sorted(progress.trials.values(), key=lambda t: (order.get(t.state, 2), -t.changed_at))
    columns = (("Trial", "", True), ("State", "", False), ("Architecture", "", False), ("Epoch", "", True),
               ("Force valid", "meV/Å", True), *((cost.title, cost.unit, True) for cost in catalogue.cost_objectives),
               ("Last heard", "", False), ("Reason", "", False))  # fmt: skip
    return LiveTable(
        "Trials of the search", columns, tuple(_trial_row(trial, catalogue) for trial in trials[:n_rows]),
        note=_shown(n_rows, len(trials), "trials"), tag_column=1,
    )  # fmt: skip


def _trial_row(trial: TrialProgress, catalogue: Catalogue) -> Row:
    cost = catalogue.cost(trial)
    error = trial.errors[max(trial.errors)] if trial.errors else float("nan")
    costs = (
        _NO_VALUE if cost is None else number(objective.factor * cost.values()[objective.column])
        for objective in catalogue.cost_objectives
    )
    cells = (
        str(trial.number), STATE_NAMES[trial.state], catalogue.label(trial), whole(trial.epoch),
        number(1e3 * error, 4), *costs, clock(trial.changed_at_s), trial.reason or "",
    )  # fmt: skip
    return Row(cells, trial.state, ("trial", str(trial.number)))


def costs_table(
    costs: Mapping[ArchitectureKey, CostRecord], teacher: Architecture | None = None, n_rows: int = N_ROWS
) -> LiveTable:
    """Measured costs by architecture, cheapest first; the teacher's is named."""
    records = sorted(costs.items(), key=lambda item: item[1].md.us_per_atom_step_median)
    teacher_key = None if teacher is None else architecture_key_of(teacher)
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
    sizes = "/".join(str(record.architecture.get(name)) for name in ("n_features", "n_sensitivities", "n_atom_layers"))
    return Row((
        f"{sizes} (teacher)" if is_teacher else sizes,
        number(float(record.architecture.get("dist_hard_max_ang", "nan"))),
        f"{record.engine}{', compiled' if md.is_compiled else ''}, {record.dtype}",
        number(md.us_per_atom_step_median), f"{number(md.us_per_atom_step_q25)} – {number(md.us_per_atom_step_q75)}",
        whole(capacity.max_atoms), "none seen" if failed is None else whole(failed),
        number(capacity.bytes_per_atom / 1e3), record.device,
    ))  # fmt: skip


def failures_table(progress: Progress, records: Iterable[ModelRecord], n_rows: int = N_ROWS) -> LiveTable:
    """What failed, diverged or was refused, with the reason, the newest first."""
    rows: list[tuple[int, Row]] = []
    for trial in progress.trials.values():
        if trial.state in ("failed", "infeasible"):
            cells = (f"trial {trial.number}", clock(trial.changed_at_s), STATE_NAMES[trial.state], whole(trial.epoch),
                     trial.reason or "not told")  # fmt: skip
            rows.append((trial.changed_at, Row(cells, trial.state, ("trial", str(trial.number)))))
    known = {trial.number for trial in progress.trials.values() if trial.state == "failed"}
    for record in records:
        if record.status not in ("failed", "diverged") or (record.stage == "search" and record.trial_id in known):
            continue
        end = progress.networks.get(record.model_id)
        cells = (record.model_id, "" if end is None else clock(end.at_s), record.status, whole(record.n_epochs),
                 record.reason or "not told")  # fmt: skip
        rows.append((end.event if end else 0, Row(cells, record.status, ("network", record.model_id))))
    rows.sort(key=lambda row: -row[0])
    columns = (("What", "", False), ("When", "", False), ("Status", "", False), ("Epochs", "", True),
               ("Reason", "", False))  # fmt: skip
    shown = tuple(row for _, row in rows[:n_rows])
    return LiveTable("What failed or was refused", columns, shown, _shown(n_rows, len(rows), "failures"), 2)


def _shown(n_rows: int, n_all: int, what: str, which: str = "newest") -> str:
    return f"the {which} {n_rows} of {n_all:,} {what}" if n_all > n_rows else ""


def clock(at_s: float) -> str:
    """Time of day on the machine that serves the page."""
    return datetime.fromtimestamp(at_s).astimezone().strftime("%H:%M:%S") if at_s else ""
