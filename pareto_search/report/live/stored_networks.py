"""Records of the networks that a run has stored so far."""

from functools import cached_property

import pandas as pd

from pareto_search.records import ModelRecord
from pareto_search.store import ResultReader
from pareto_search.store.tables import models_frame


class StoredNetworks:
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
