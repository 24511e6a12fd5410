"""A run that is followed: its directory is read bit by bit, and nothing in it is changed."""

import contextlib
import json
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray
from pydantic import ValidationError

from pareto_search.analysis.progress import Progress
from pareto_search.analysis.time_left import StudyBudget
from pareto_search.config import StudyConfig
from pareto_search.errors import StoreError
from pareto_search.records import CostRecord, ModelRecord
from pareto_search.report.tables import ArchitectureKey, ReportInput, ReportTables, make_tables
from pareto_search.run_directory import Holder, RunDirectory, lock_holder
from pareto_search.store import ResultReader
from pareto_search.store.tables import models_frame

#: A folder that changed a shorter time ago may have changed again within the tick of the file system's clock.
_SETTLED_S = 5.0
#: A file's place on disk, its length and its age: they change when it is replaced.
_Stamp = tuple[int, int, int]


class FollowedRun:
    """A run directory, followed while it changes.

    `refresh` takes in what is new. A results file that was replaced, as after a new start from nothing, is noticed
    and read from its beginning.

    Args:
        path: The run directory; it need not exist yet.
        clock: Unix time.

    Attributes:
        costs: Measured costs by architecture; of several the newest.
        config: The settings, or None while there are none.
        problem: Why the results could not be read the last time, or None.
        n_starts: How often the results were read from their beginning.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self.directory = RunDirectory(Path(path).resolve())
        self._clock = clock
        self.now_s = clock()
        self.config: StudyConfig | None = None
        self.costs: dict[ArchitectureKey, CostRecord] = {}
        self.n_costs_read = 0
        self.problem: str | None = None
        self.n_starts = 0
        self._stamps: dict[Path, _Stamp] = {}
        self._start()

    def _start(self) -> None:
        self.progress = Progress()
        self.networks = _StoredNetworks()
        self.n_starts += 1

    def refresh(self) -> None:
        """Read what is new."""
        self.now_s = self._clock()
        self._read_config()
        self._read_costs()
        self.problem = None
        try:
            self._read_results()
        except StoreError as error:
            self.problem = str(error)

    @property
    def is_reported(self) -> bool:
        """Whether there is a report."""
        return self.directory.report_html.is_file()

    @property
    def holder(self) -> Holder:
        """Whether the process that took the directory last still lives."""
        return lock_holder(self.directory.lock)

    @property
    def budget(self) -> StudyBudget:
        """Limits of the study."""
        if self.config is None:
            return StudyBudget(None, None, None, 0, 0)
        search, epochs = self.config.search, self.config.confirm_training.max_epochs
        n_confirm = self.config.max_confirmation_networks
        return StudyBudget(search.n_trials, search.max_hours, search.max_trained_epochs, n_confirm, epochs)

    def curve(self, model_id: str) -> pd.DataFrame:
        """The learning curve of a stored network, `CURVE_COLUMNS`; read now, and empty where that cannot be."""
        try:
            with ResultReader(self.directory.results_sqlite) as reader:
                return reader.curve(model_id)
        except StoreError:
            return pd.DataFrame()

    def tables(self) -> ReportTables:
        """What the report's figures are drawn from."""
        return make_tables(ReportInput(self.config, self.networks.frame, pd.DataFrame(), list(self.costs.values())))

    def n_epochs_at_ends(self) -> NDArray[np.float64]:
        """Epochs trained until each network ended, in their order; NaN where the journal does not hold its end."""
        ends = [self.progress.networks.get(record.model_id) for record in self.networks.records]
        n_epochs = self.progress.n_epochs_at(0 if end is None else end.event for end in ends).astype(float)
        return np.where([end is None for end in ends], np.nan, n_epochs)

    # --- reading ----------------------------------------------------------------------------------------------------

    def _read_config(self) -> None:
        path = self.directory.config_yaml
        if self._has_changed(path):
            with contextlib.suppress(OSError, yaml.YAMLError, UnicodeDecodeError, ValidationError):
                self.config = StudyConfig.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))

    def _read_costs(self) -> None:
        folder = self.directory.costs_dir
        if not self._has_changed(folder) and self._has_settled(folder):
            return
        for path in sorted(folder.glob("[!.]*.json")):
            if not self._has_changed(path):
                continue
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
                record = CostRecord.from_plain(json.loads(path.read_text(encoding="utf-8")))
                self.costs[record.architecture_key] = record
                self.n_costs_read += 1

    def _has_settled(self, folder: Path) -> bool:
        """Whether a folder's own time, which changes as files come or are renamed, lies back far enough."""
        try:
            return self.now_s - folder.stat().st_mtime > _SETTLED_S
        except OSError:
            return True

    def _has_changed(self, path: Path) -> bool:
        """Whether a file is another than at the last call; a file that is gone has not changed."""
        try:
            status = path.stat()
        except OSError:
            return False
        stamp = (status.st_ino, status.st_size, status.st_mtime_ns)
        has_changed = self._stamps.get(path) != stamp
        self._stamps[path] = stamp
        return has_changed

    def _read_results(self) -> None:
        path = self.directory.results_sqlite
        if not path.is_file():
            return
        with ResultReader(path) as reader:
            if not self._goes_on(reader):
                self._start()
            for event in reader.event_list(after=self.progress.n_events):
                self.progress.add(event)
            self.networks.take(reader)

    def _goes_on(self, reader: ResultReader) -> bool:
        """Whether the last event read is still where it was: otherwise the file is another, whatever its number."""
        last = self.progress.last_event
        return last is None or reader.event_at(self.progress.n_events) == last


def check_followable(path: Path) -> None:
    """Refuse a path that no run can be followed in.

    One that is empty, or not there but in a directory that is, can be waited for: a run may begin in it.

    Raises:
        StoreError: If it is a file, holds something else, or its own directory is missing too.
    """
    if path.is_file():
        raise StoreError(f"{path} is a file, not a run directory; name the --out of a run")
    directory = RunDirectory(path)
    if path.is_dir():
        is_empty = all(entry.name == directory.lock.name for entry in path.iterdir())
        if not directory.config_yaml.is_file() and not is_empty:
            raise StoreError(f"{path} is not a run directory: it has no config.yaml; name the --out of a run")
    elif not path.resolve().parent.is_dir():
        raise StoreError(f"{path} is not there, nor is the directory above it; name the --out of a run")
    if directory.results_sqlite.is_file() and directory.results_sqlite.stat().st_size:
        ResultReader(directory.results_sqlite).close()


class _StoredNetworks:
    """Stored networks in the order they came.

    Attributes:
        version: Grows whenever a network is added or changes.
    """

    def __init__(self) -> None:
        self.version = 0
        self._marks: dict[int, tuple[object, ...]] = {}
        self._records: dict[int, ModelRecord] = {}

    def take(self, reader: ResultReader) -> None:
        """Read what is new or has changed."""
        marks = reader.model_marks()
        if marks == self._marks:
            return
        changed = [position for position, mark in marks.items() if self._marks.get(position) != mark]
        records = {position: record for position, record in self._records.items() if position in marks}
        records |= reader.models_at(changed)
        self._records, self._marks = dict(sorted(records.items())), marks
        self.version += 1
        self.__dict__.pop("frame", None)

    @property
    def records(self) -> list[ModelRecord]:
        """All records."""
        return list(self._records.values())

    def of_trial(self, number: int) -> list[ModelRecord]:
        """The student and the controls that a trial of the search trained."""
        return [r for r in self._records.values() if r.trial_id == number and r.stage == "search"]

    def get(self, model_id: str) -> ModelRecord | None:
        """One record, or None."""
        return next((record for record in self._records.values() if record.model_id == model_id), None)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """All records: MODEL_COLUMNS, then further hyperparameters."""
        return models_frame(self.records)
