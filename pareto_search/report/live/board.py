"""What the live page shows of a run: parts that are made again only when what they show has changed."""

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from pareto_search.analysis.progress import TrialProgress
from pareto_search.analysis.time_left import RunState, run_state
from pareto_search.config import TeacherSettings
from pareto_search.records import ModelRecord
from pareto_search.report.figures.quantities import MEMORY, STEP_TIME
from pareto_search.report.live.details import Details, network_details, trial_details
from pareto_search.report.live.followed_run import FollowedRun
from pareto_search.report.live.progress_cards import progress_cards
from pareto_search.report.live.progress_tables import LiveTable, costs_table, failures_table, trials_table
from pareto_search.report.live.study_figures import front_figure, volume_figure
from pareto_search.report.live.trial_catalogue import TrialCatalogue
from pareto_search.report.live.trial_curves import network_figure, trials_figure
from pareto_search.report.page.elements import Card
from pareto_search.report.tables import ReportTables

#: Figures are drawn in a refresh until they have taken this long; the others follow in the next.
DRAWING_S = 0.05
#: Several pages, and clicks, share what was read this short a time ago.
_FRESH_S = 0.5
#: Parts that are cheap to make, in any number, and those that take longer the more networks there are; `tables` is not
#: shown, but what figures are drawn from.
LIGHT = ("head", "cards", "trials", "failures", "costs")
HEAVY = ("tables", "front_speed", "curves", "front_memory", "volume")
#: Networks of the same architecture that details lead on to, at most.
_N_SIBLINGS = 20
#: What a reader has chosen: ("trial", number), ("network", name), or None.
Chosen = tuple[str, str] | None


@dataclass(frozen=True)
class Head:
    """Name of the study, what it is about and whether it goes on; a warning, if there is one."""

    name: str
    about: str
    state: RunState
    warning: str = ""


@dataclass(frozen=True)
class Part:
    """Something shown, and a text that changes when it does."""

    version: str
    content: Any


class Board:
    """The parts of the page of one run, for any number of readers.

    Args:
        run: The run.
        timer: Seconds, for `DRAWING_S`.
    """

    def __init__(self, run: FollowedRun, timer: Callable[[], float] = time.perf_counter) -> None:
        self._run = run
        self._timer = timer
        self._lock = threading.Lock()
        self._read_at = -math.inf
        self._began = f"{time.time():.0f}"  # a page that was opened before this began gets everything anew
        self._parts: dict[str, Part] = {}
        self._queue = list(HEAVY)
        self._catalogue = TrialCatalogue(None, {})

    def update(self, seen: Mapping[str, str], chosen: Chosen = None) -> dict[str, Part]:
        """Read what is new and return the parts that have changed."""
        with self._lock:
            if self._timer() - self._read_at > _FRESH_S:
                self._run.refresh()
                self._make_parts()
                self._read_at = self._timer()
            parts = {name: part for name, part in self._parts.items() if name != "tables"}
            parts["details"] = self._details(chosen, seen.get("details"))
            return {name: part for name, part in parts.items() if part.version != seen.get(name)}

    def _make_parts(self) -> None:
        if self._catalogue.config is not self._run.config:
            self._catalogue = TrialCatalogue(self._run.config, self._run.costs)
        for name in LIGHT:
            self._make(name)
        began, n_made = self._timer(), 0
        for name in list(self._queue):
            if n_made and self._timer() - began > DRAWING_S:
                break
            if self._make(name):  # the one that was made longest ago comes first the next time
                n_made += 1
                self._queue.remove(name)
                self._queue.append(name)

    def _make(self, name: str) -> bool:
        """Make a part again if what it shows has changed; returns whether anything was done."""
        version = self._version(name)
        if name in self._parts and self._parts[name].version == version:
            return False
        self._parts[name] = Part(version, getattr(self, f"_{name}")())
        return True

    def _version(self, name: str) -> str:
        run = self._run
        events, networks = run.progress.n_events, run.networks.version
        numbers: dict[str, tuple[object, ...]] = {
            "head": (run.config is None or run.config.name, run.problem, run.is_reported, self._state()),
            "cards": (run.now_s,),
            "trials": (events, run.n_costs_read),
            "failures": (events, networks),
            "costs": (run.n_costs_read,),
            "curves": (events,),
            "tables": (networks,),
        }
        if name not in numbers:
            return self._parts["tables"].version
        return "/".join(map(str, (self._began, run.n_starts, *numbers[name])))

    # --- parts ------------------------------------------------------------------------------------------------------

    def _state(self) -> RunState:
        return run_state(self._run.progress, self._run.holder, self._run.now_s)

    def _head(self) -> Head:
        run, config = self._run, self._run.config
        state = self._state()
        if config is None:
            return Head("No run yet", f"waiting for a run in {run.directory.path}", state)
        about = " · ".join(part for part in (config.description, str(run.directory.path)) if part)
        if state.kind == "ended" and run.is_reported:
            state = RunState("ended", f"{state.text}; its report is report.html")
        return Head(config.name, about, state, run.problem or "")

    def _cards(self) -> list[Card]:
        run = self._run
        counts = Counter(str(record.status) for record in run.networks.records)
        return progress_cards(run.progress, self._state(), run.budget, run.now_s, counts)

    def _trials(self) -> LiveTable:
        return trials_table(self._run.progress, self._catalogue)

    def _failures(self) -> LiveTable:
        return failures_table(self._run.progress, self._run.networks.records)

    def _costs(self) -> LiveTable:
        teacher = None if self._run.config is None else self._run.config.teacher
        return costs_table(self._run.costs, teacher.architecture if isinstance(teacher, TeacherSettings) else None)

    def _tables(self) -> tuple[ReportTables, NDArray[np.float64]]:
        return self._run.tables(), self._run.n_epochs_at_ends()

    def _front_speed(self) -> go.Figure:
        return front_figure(self._parts["tables"].content[0], STEP_TIME)

    def _front_memory(self) -> go.Figure:
        return front_figure(self._parts["tables"].content[0], MEMORY)

    def _volume(self) -> go.Figure:
        tables, n_epochs = self._parts["tables"].content
        return volume_figure(tables.models, n_epochs, tables.objectives)

    def _curves(self) -> go.Figure:
        return trials_figure(self._run.progress.trials.values(), self._catalogue.label)

    def _details(self, chosen: Chosen, seen: str | None) -> Part:
        """What is chosen, made for this reader alone, and only where it is not what the page shows already."""
        run = self._run
        kind, name = chosen or ("", "")
        trial = run.progress.trials.get(int(name)) if kind == "trial" and name.isdecimal() else None
        record = run.networks.get(name) if kind == "network" else None
        if trial is None and record is None:
            return Part(f"{self._began}/none", None)
        changed = (0 if trial is None else trial.changed_at, run.networks.version, run.n_costs_read)
        version = "/".join(map(str, (self._began, run.n_starts, kind, name, *changed)))
        if version == seen:
            return Part(version, None)
        return Part(version, self._trial_details(trial) if trial else self._network_details(record) if record else None)

    def _trial_details(self, trial: TrialProgress) -> tuple[Details, go.Figure]:
        records = self._run.networks.of_trial(trial.number)
        details = trial_details(trial, self._catalogue, records)
        student = next((record for record in records if record.model_id == details.model_id), None)
        curve = pd.DataFrame() if student is None else self._run.curve(student.model_id)
        return details, network_figure(curve, trial, student)

    def _network_details(self, record: ModelRecord) -> tuple[Details, go.Figure]:
        key = record.stage, record.architecture_key
        siblings = [other for other in self._run.networks.records if (other.stage, other.architecture_key) == key]
        trial = None if record.trial_id is None else self._run.progress.trials.get(record.trial_id)
        details = network_details(record, siblings[:_N_SIBLINGS])
        return details, network_figure(self._run.curve(record.model_id), trial, record)
