"""Where a run stands, from its journal: trials as they train, wait and end, networks, epochs per second."""

import json
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pareto_search.records import Event

#: Epochs per second are those of the last so many seconds before the last event.
RATE_WINDOW_S = 300.0
#: A run that has been silent for longer, and for many times its usual pause, may be dead.
QUIET_S = 300.0
_QUIET_PAUSES = 20.0
_N_PAUSES = 50

TrialState = Literal[
    "measuring", "ready", "training", "waiting", "interrupted", "complete", "pruned", "infeasible", "failed"
]
#: States of trials that have not ended.
LIVE_STATES: tuple[TrialState, ...] = ("training", "ready", "measuring", "waiting", "interrupted")
MarkKind = Literal["began", "costs", "training", "promoted", "resumed", "paused", "interrupted", "ended"]


@dataclass(frozen=True)
class Mark:
    """Something that happened to a trial; `epoch` is what its student had been trained for."""

    at_s: float
    kind: MarkKind
    epoch: int
    text: str = ""


@dataclass
class TrialProgress:
    """A trial by the journal's events.

    Attributes:
        changed_at_s: Unix time of its latest event.
        changed_at: Number of that event.
        errors: Validation force RMSE in eV/Å by epoch of the student, as far as it was reported.
        reason: Why it waits, or is not complete.
        ended_at: Number of the event of its end, or None.
    """

    number: int
    params: dict[str, object] = field(default_factory=dict)
    state: TrialState = "measuring"
    changed_at_s: float = 0.0
    changed_at: int = 0
    errors: dict[int, float] = field(default_factory=dict)
    marks: list[Mark] = field(default_factory=list)
    reason: str | None = None
    ended_at: int | None = None

    @property
    def epoch(self) -> int:
        """Epochs that its student is known to have been trained for."""
        return max(max(self.errors, default=0), max((mark.epoch for mark in self.marks), default=0))

    @property
    def last_error_ev_per_ang(self) -> float:
        """The error of the last epoch that was reported, eV/Å; NaN before the first."""
        return self.errors[max(self.errors)] if self.errors else math.nan

    @property
    def is_live(self) -> bool:
        """Whether it has not ended."""
        return self.state in LIVE_STATES

    @property
    def is_settled(self) -> bool:
        """Whether nothing more has to be done for it now: it has ended, or waits at a rung."""
        return self.state in ("complete", "pruned", "failed", "waiting")


@dataclass(frozen=True)
class _NetworkEnd:
    """The end of a network; `event` is the number of the event."""

    at_s: float
    event: int
    model_id: str
    status: str
    reason: str | None


class Progress:
    """A run's journal, event by event.

    Attributes:
        first_at_s, last_at_s: Time of the first and last of them.
        stage: The stage that has begun and not ended, or None.
        stages_ended: Names of those that have ended.
        n_planned: Networks or trials that the stage is to train, where that is noted.
        n_settled_before: Trials that were settled when it began.
        search_s: Seconds that the search has gone on.
        n_epochs: Epochs trained so far, of all networks but the teacher.
        n_search_epochs: Those of them that the search trained, which its budget counts.
        networks: Networks that ended, by name.
    """

    def __init__(self) -> None:
        self.n_events = 0
        self.first_at_s = self.last_at_s = math.nan
        self.last_event: Event | None = None
        self.stage: str | None = None
        self.stages_ended: list[str] = []
        self.n_planned: int | None = None
        self.stage_began_at_s = math.nan
        self.n_settled_before = 0
        self.search_s = 0.0
        self.n_epochs = self.n_search_epochs = 0
        self.trials: dict[int, TrialProgress] = {}
        self.networks: dict[str, _NetworkEnd] = {}
        self._n_liquids = self._n_done_before = 0
        self._epochs: list[tuple[int, float, int]] = []  # number of the event, time, epochs
        self._epochs_of: dict[int | str, int] = {}  # of a trial's student by the trial, of other networks by name
        self._pauses: list[float] = []

    def add(self, event: Event) -> None:
        """Take in the next event."""
        self.n_events += 1
        if self.n_events == 1:
            self.first_at_s = event.at_s
        else:
            self._pauses = [*self._pauses[-_N_PAUSES + 1 :], max(0.0, event.at_s - self.last_at_s)]
            if self.stage == "search" and event.kind != "stage_began":  # nothing was trained before it began again
                self.search_s += max(0.0, event.at_s - self.last_at_s)
        self.last_at_s, self.last_event = event.at_s, event
        if event.kind == "stage_began":
            self._begin_stage(event)
        elif event.kind == "stage_ended":
            self.stage = None
            self.stages_ended.append(event.stage or "")
        elif event.kind == "network_ended":
            self._end_network(event)
        elif event.kind == "liquid_ended":
            self._n_liquids += 1
        elif event.trial_id is not None:
            self._add_to_trial(self.trials.setdefault(event.trial_id, TrialProgress(event.trial_id)), event)

    @property
    def n_done(self) -> int:
        """What the stage has done since it last began: settled trials, or networks."""
        if self.stage == "search":
            return sum(trial.is_settled for trial in self.trials.values()) - self.n_settled_before
        return len(self.networks) + self._n_liquids - self._n_done_before

    def n_epochs_at(self, events: Iterable[int]) -> NDArray[np.int64]:
        """Epochs trained up to events, by their numbers."""
        totals = np.concatenate([[0], np.cumsum([n for *_, n in self._epochs], dtype=np.int64)])
        places = np.searchsorted([number for number, *_ in self._epochs], list(events), side="right")
        return np.asarray(totals[places])

    def epochs_per_s(self) -> float | None:
        """Epochs per second over the last minutes before the last event; None where too little is known."""
        if not self._epochs:
            return None
        began = self.first_at_s if math.isnan(self.stage_began_at_s) else self.stage_began_at_s
        window_s = min(RATE_WINDOW_S, self.last_at_s - began)
        recent = takewhile(lambda entry: entry[1] > self.last_at_s - window_s, reversed(self._epochs))
        n_epochs = sum(n for *_, n in recent)
        return n_epochs / window_s if window_s > 0 and n_epochs else None

    def quiet_after_s(self) -> float:
        """How long a silence is unusual."""
        return max(QUIET_S, _QUIET_PAUSES * (float(np.median(self._pauses)) if self._pauses else 0.0))

    def counts(self) -> dict[TrialState, int]:
        """Trials by state."""
        return dict(Counter(trial.state for trial in self.trials.values()))

    def _begin_stage(self, event: Event) -> None:
        self.stage, self.n_planned, self.stage_began_at_s = event.stage, event.n_planned, event.at_s
        for trial in self.trials.values():  # whatever was under way died with the process that did it
            if trial.state in ("training", "ready", "measuring"):
                self._mark(trial, event, "interrupted", "interrupted")
        self.n_settled_before = sum(trial.is_settled for trial in self.trials.values())
        self._n_done_before = len(self.networks) + self._n_liquids

    def _end_network(self, event: Event) -> None:
        name = event.model_id or f"network {self.n_events}"
        self.networks[name] = _NetworkEnd(event.at_s, self.n_events, name, event.status or "", event.text)
        is_student = event.trial_id is not None and name.startswith("student")  # its epochs were noted one by one
        self._count_epochs(event.trial_id if is_student and event.trial_id is not None else name, event)

    def _count_epochs(self, who: int | str, event: Event) -> None:
        """Count epochs once: a network may be noted again, trained further or shared by two trials."""
        before, epoch = self._epochs_of.get(who, 0), event.epoch or 0
        if epoch > before:
            self._epochs_of[who] = epoch
            self._epochs.append((self.n_events, event.at_s, epoch - before))
            self.n_epochs += epoch - before
            self.n_search_epochs += epoch - before if self.stage == "search" else 0

    def _add_to_trial(self, trial: TrialProgress, event: Event) -> None:
        if event.kind == "epoch":
            trial.changed_at_s, trial.changed_at = event.at_s, self.n_events
            if event.valid_force_rmse_ev_per_ang is not None:
                trial.errors[event.epoch or 0] = event.valid_force_rmse_ev_per_ang
            self._count_epochs(trial.number, event)
        elif event.kind == "trial_began":
            trial.params = json.loads(event.text or "{}")
            self._mark(trial, event, "began", "measuring")
        elif event.kind == "costs_known":
            text = "known already" if event.seconds is None else f"measured in {event.seconds:.0f} s"
            self._mark(trial, event, "costs", "ready", text)
        elif event.kind == "training":
            before: dict[TrialState, MarkKind] = {"waiting": "promoted", "interrupted": "resumed"}
            trial.reason = None
            self._mark(trial, event, before.get(trial.state, "training"), "training")
        elif event.kind == "paused":
            trial.reason = event.text
            self._mark(trial, event, "paused", "waiting", event.text or "")
        elif event.kind == "trial_ended":
            states: dict[str | None, TrialState] = {"complete": "complete", "pruned": "pruned",
                                                    "infeasible": "infeasible"}  # fmt: skip
            trial.reason = event.text
            self._mark(trial, event, "ended", states.get(event.status, "failed"), event.text or "")
            trial.ended_at = self.n_events

    def _mark(self, trial: TrialProgress, event: Event, kind: MarkKind, state: TrialState, text: str = "") -> None:
        epoch = trial.epoch if event.epoch is None else event.epoch
        trial.state = state
        trial.marks.append(Mark(event.at_s, kind, epoch, text))
        trial.changed_at_s, trial.changed_at = event.at_s, self.n_events
