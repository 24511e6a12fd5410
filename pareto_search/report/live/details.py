"""What the live page shows of one trial or network."""

from collections.abc import Sequence
from dataclasses import dataclass

from pareto_search.analysis.progress import Mark, TrialProgress
from pareto_search.records import CostRecord, ModelRecord
from pareto_search.report.live.trial_catalogue import STATE_NAMES, TrialCatalogue, time_of_day
from pareto_search.report.numbers import number, whole
from pareto_search.report.page.elements import facts

#: How kinds of marks are called, where that is not their own name.
_MARK_NAMES = {"began": "begun", "costs": "costs known", "resumed": "taken up again"}
#: Names with their values as texts.
Facts = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Details:
    """Facts about a trial or a network."""

    title: str
    facts: tuple[tuple[str, Facts], ...]
    model_id: str | None = None
    trial: int | None = None
    others: Facts = ()


def trial_details(trial: TrialProgress, catalogue: TrialCatalogue, records: Sequence[ModelRecord]) -> Details:
    """Facts about a trial: its parameters, cost, history and networks.

    Args:
        trial: The trial.
        catalogue: Architectures and costs.
        records: Its networks.
    """
    student = next((record for record in records if record.role == "student"), None)
    found: list[tuple[str, Facts]] = [
        ("Trial", _trial_facts(trial, catalogue)),
        ("Parameters", facts(trial.params.items())),
    ]
    cost = catalogue.cost(trial)
    if cost is not None:
        found.append(("Cost", _cost_facts(cost)))
    found.append(("History", tuple((time_of_day(mark.at_s), _mark_text(mark)) for mark in trial.marks)))
    if student is not None:
        found.append(("Student", _record_facts(student)))
    others = tuple((record.model_id, f"{_role(record)}: {record.model_id}") for record in records)
    model_id = None if student is None else student.model_id
    return Details(f"Trial {trial.number}", tuple(found), model_id, trial.number, others)


def network_details(record: ModelRecord, siblings: Sequence[ModelRecord]) -> Details:
    """Facts about a stored network; `siblings` are other seeds and controls to lead on to."""
    others = tuple(
        (other.model_id, f"{_role(other)}, seed {other.seed}: {other.model_id}")
        for other in siblings
        if other.model_id != record.model_id
    )
    trial = record.trial_id if record.stage == "search" else None
    return Details(record.model_id, ((_role(record).capitalize(), _record_facts(record)),), record.model_id, trial,
                   others)  # fmt: skip


def _role(record: ModelRecord) -> str:
    return record.role if record.control_kind is None else f"{record.control_kind} control"


def _trial_facts(trial: TrialProgress, catalogue: TrialCatalogue) -> Facts:
    error = number(1e3 * trial.last_error_ev_per_ang, 4)
    found = [("Architecture", catalogue.label(trial)), ("State", STATE_NAMES[trial.state]),
             ("Epochs", whole(trial.epoch)), ("Force RMSE, validation", f"{error} meV/Å")]  # fmt: skip
    return (*found, ("Reason", trial.reason)) if trial.reason else found


def _cost_facts(cost: CostRecord) -> Facts:
    md, capacity = cost.md, cost.capacity
    return (
        ("MD step", f"{number(md.us_per_atom_step_median)} µs/atom ({number(md.us_per_atom_step_q25)} – "
                    f"{number(md.us_per_atom_step_q75)})"),
        ("Most atoms", f"{whole(capacity.max_atoms)} in {capacity.budget_gib:.3g} GiB"),
        ("Memory", f"{number(capacity.bytes_per_atom / 1e3)} kB/atom"),
        ("Device", cost.device),
    )  # fmt: skip


def _record_facts(record: ModelRecord) -> Facts:
    return facts((name, value) for name, value in record.to_plain().items() if value is not None)


def _mark_text(mark: Mark) -> str:
    text = f"{_MARK_NAMES.get(mark.kind, mark.kind)}{f' at epoch {mark.epoch}' if mark.epoch else ''}"
    return f"{text}: {mark.text}" if mark.text else text
