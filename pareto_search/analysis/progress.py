"""Where a run stands, from its journal: trials as they train, wait and end, epochs per second, and the time left."""

import json
import math
from bisect import insort
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, Literal

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
    """A trial as the journal tells it.

    Attributes:
        number: Its number in the study.
        params: The sampler's choice.
        state: Where it stands.
        changed_at_s: When that was last heard of.
        changed_at: Number of that event.
        errors: Validation force RMSE in eV/Å by epoch of the student, as far as it was reported.
        marks: What happened to it.
        reason: Why it waits, or is not complete.
        ended_at: Number of the event of its end, or None.
    """

    number: int
    params: dict[str, Any] = field(default_factory=dict)
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
    def is_live(self) -> bool:
        """Whether it has not ended."""
        return self.state in LIVE_STATES

    @property
    def is_settled(self) -> bool:
        """Whether nothing more has to be done for it now: it has ended, or waits at a rung."""
        return self.state in ("complete", "pruned", "failed", "waiting")


@dataclass(frozen=True)
class NetworkEnd:
    """The end of a network that belongs to no trial; `event` is the number of the event."""

    at_s: float
    event: int
    model_id: str
    status: str
    reason: str | None


class Progress:
    """A run's journal, event by event.

    Attributes:
        n_events: Events taken in.
        first_at_s, last_at_s: Time of the first and last of them.
        last_event: The last of them.
        stage: The stage that has begun and not ended, or None.
        stages_ended: Names of those that have ended.
        n_planned: Networks or trials that the stage wants, where it says.
        stage_began_at_s: When it began.
        n_settled_before: Trials that were settled when it began.
        search_s: Seconds that the search has gone on.
        n_epochs: Epochs trained so far, of all networks but the teacher.
        trials: By number.
        networks: Networks that ended and belong to no trial, by name.
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
        self.n_epochs = 0
        self.trials: dict[int, TrialProgress] = {}
        self.networks: dict[str, NetworkEnd] = {}
        self._n_networks_before = 0
        self._epochs: list[tuple[int, float, int]] = []  # number of the event, time, epochs
        self._pauses: list[float] = []

    def add(self, event: Event) -> None:
        """Take in the next event."""
        self.n_events += 1
        if self.n_events == 1:
            self.first_at_s = event.at_s
        else:
            self._pauses = [*self._pauses[-_N_PAUSES + 1 :], max(0.0, event.at_s - self.last_at_s)]
            if self.stage == "search" and event.kind != "stage_began":  # nobody worked before it began again
                self.search_s += max(0.0, event.at_s - self.last_at_s)
        self.last_at_s, self.last_event = event.at_s, event
        if event.kind == "stage_began":
            self._begin_stage(event)
        elif event.kind == "stage_ended":
            self.stage = None
            self.stages_ended.append(event.stage or "")
        elif event.kind == "network_ended":
            self._end_network(event)
        elif event.trial_id is not None:
            self._add_to_trial(self.trials.setdefault(event.trial_id, TrialProgress(event.trial_id)), event)

    def add_epochs(self, n_epochs: int, event: int, at_s: float) -> None:
        """Count epochs by the number and the time of the event that ended them.

        The journal itself does not tell of those of a search's controls.
        """
        insort(self._epochs, (event, at_s, n_epochs))
        self.n_epochs += n_epochs

    @property
    def n_done(self) -> int:
        """What the stage has done since it last began: settled trials, or networks."""
        if self.stage == "search":
            return sum(trial.is_settled for trial in self.trials.values()) - self.n_settled_before
        return len(self.networks) - self._n_networks_before

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
        self._n_networks_before = len(self.networks)

    def _end_network(self, event: Event) -> None:
        name = event.model_id or f"network {self.n_events}"
        self.networks[name] = NetworkEnd(event.at_s, self.n_events, name, event.status or "", event.text)
        if event.epoch:
            self.add_epochs(event.epoch, self.n_events, event.at_s)

    def _add_to_trial(self, trial: TrialProgress, event: Event) -> None:
        if event.kind == "epoch":
            trial.changed_at_s, trial.changed_at = event.at_s, self.n_events
            self._add_epoch(trial, event)
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

    def _add_epoch(self, trial: TrialProgress, event: Event) -> None:
        epoch, before = event.epoch or 0, max(trial.errors, default=0)
        if event.valid_force_rmse_ev_per_ang is not None:
            trial.errors[epoch] = event.valid_force_rmse_ev_per_ang
        if epoch > before:
            self.add_epochs(epoch - before, self.n_events, event.at_s)

    def _mark(self, trial: TrialProgress, event: Event, kind: MarkKind, state: TrialState, text: str = "") -> None:
        epoch = trial.epoch if event.epoch is None else event.epoch
        trial.state = state
        trial.marks.append(Mark(event.at_s, kind, epoch, text))
        trial.changed_at_s, trial.changed_at = event.at_s, self.n_events


@dataclass(frozen=True)
class StudyBudget:
    """What a study wants, as far as it tells how long it takes; None: no such limit.

    Attributes:
        n_trials, max_hours, max_epochs: Limits of the search.
        n_confirm: Networks of the confirmation, at most.
        confirm_epochs: Epochs of each, at most.
    """

    n_trials: int | None
    max_hours: float | None
    max_epochs: int | None
    n_confirm: int
    confirm_epochs: int


@dataclass(frozen=True)
class TimeLeft:
    """Seconds that the run may still take, None where that cannot be said, and how they were estimated."""

    seconds: float | None
    how: str


def time_left(progress: Progress, budget: StudyBudget, now_s: float) -> TimeLeft:
    """How long a run may still take: the stage at the speed it has had, then the confirmation at its longest."""
    stage = progress.stage
    if stage is None:
        return TimeLeft(None, "no stage is under way")
    if stage == "teacher":
        return TimeLeft(None, "known when the search has begun")
    elapsed_s = max(0.0, min(now_s, progress.last_at_s + QUIET_S) - progress.stage_began_at_s)
    left = _nearest(_stage_limits(progress, budget, elapsed_s))
    if stage == "confirmation" or left.seconds is None:
        return left
    rate = progress.epochs_per_s()
    if rate is None:
        return TimeLeft(left.seconds, f"{left.how}; the confirmation comes on top")
    n_epochs = budget.n_confirm * budget.confirm_epochs
    return TimeLeft(
        left.seconds + n_epochs / rate,
        f"{left.how}; then at most {n_epochs:,} epochs of confirmation at {rate:.3g} epochs/s",
    )


def _stage_limits(progress: Progress, budget: StudyBudget, elapsed_s: float) -> Sequence[TimeLeft]:
    """What each limit of the stage leaves."""
    name = "trials" if progress.stage == "search" else "networks"
    done, planned = progress.n_done, progress.n_planned
    limits = []
    if planned is not None:
        n_before = progress.n_settled_before if progress.stage == "search" else 0
        n_left = max(0, planned - n_before - done)
        if done > 0:
            how = f"{done} {name if done > 1 else name[:-1]} in {duration(elapsed_s)}, {n_left} of {planned} left"
            limits.append(TimeLeft(elapsed_s * n_left / done, how))
        else:
            limits.append(TimeLeft(None, f"known when the first of {planned} {name} has ended"))
    if progress.stage == "search" and budget.max_hours is not None:
        seconds = max(0.0, 3600 * budget.max_hours - progress.search_s)
        limits.append(TimeLeft(seconds, f"the search's limit of {budget.max_hours:g} h"))
    rate = progress.epochs_per_s()
    if progress.stage == "search" and budget.max_epochs is not None and rate:
        n_left = max(0, budget.max_epochs - progress.n_epochs)
        limits.append(TimeLeft(n_left / rate, f"{n_left:,} epochs left at {rate:.3g} epochs/s"))
    return limits


def _nearest(limits: Sequence[TimeLeft]) -> TimeLeft:
    known = [limit for limit in limits if limit.seconds is not None]
    if known:
        return min(known, key=lambda limit: limit.seconds or 0.0)
    return limits[0] if limits else TimeLeft(None, "the stage has no limit that tells")


Holder = Literal["alive", "gone", "unknown"]
RunKind = Literal["nothing", "running", "quiet", "dead", "ended"]


@dataclass(frozen=True)
class RunState:
    """Whether a run goes on, in a word and in a sentence."""

    kind: RunKind
    text: str


def run_state(progress: Progress, holder: Holder, now_s: float) -> RunState:
    """Whether a run goes on.

    Args:
        progress: Its journal.
        holder: Whether the process that took the run directory last still lives, where that can be seen.
        now_s: Unix time.
    """
    if progress.n_events == 0:
        return RunState("running", "the run begins") if holder == "alive" else RunState("nothing", "nothing yet")
    silence_s = max(0.0, now_s - progress.last_at_s)
    is_quiet = silence_s > progress.quiet_after_s()
    silent = f"no event for {duration(silence_s)}"
    if progress.stage is None:
        if holder == "alive" or (holder == "unknown" and not is_quiet):
            return RunState("running", "between two stages")
        last = progress.stages_ended[-1] if progress.stages_ended else ""
        return RunState("ended", f"ended after the {last}" if last else "ended")
    if holder == "gone":
        return RunState("dead", f"stopped in the {progress.stage}: its process is gone; {silent}")
    if is_quiet and progress.stage == "teacher":
        return RunState("quiet", f"{silent}; there are none while the teacher trains")
    if is_quiet and holder == "alive":
        return RunState("quiet", f"{silent}, but its process lives")
    if is_quiet:
        return RunState("dead", f"{silent}: the run seems dead")
    return RunState("running", f"in the {progress.stage}")


def duration(seconds: float) -> str:
    """Such as "12 s", "12 min" or "3.4 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
