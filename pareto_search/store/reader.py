"""The run's results, read."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Self

import pandas as pd

from pareto_search.errors import StoreError
from pareto_search.files import write_atomic
from pareto_search.records import CURVE_COLUMNS, EVENT_COLUMNS, Event, ModelRecord
from pareto_search.store.tables import (
    CURVE_TYPES,
    EVENT_TYPES,
    SCHEMA_VERSION,
    Row,
    as_frame,
    as_record,
    models_frame,
    select_list,
)


class ResultReader:
    """Results of a run, read while another process may write them; a context manager, open for moments only.

    Nothing is written and no other process has to wait. Where no process has the file open it is read as it lies, so
    that not even SQLite's own files beside it are made. Later errors of the file leave the context as a
    StoreError.

    Args:
        path: SQLite file.

    Raises:
        StoreError: If it is not there, cannot be read or was made by another version.
    """

    _connection: sqlite3.Connection
    _path: Path
    _model_columns: str
    _curve_columns: str

    def __init__(self, path: Path) -> None:
        self._path = path
        if not path.is_file():
            raise StoreError(f"{path} is not there; a run makes it when it begins")
        is_in_use = path.with_name(f"{path.name}-wal").exists()
        uri = f"{path.absolute().as_uri()}?mode=ro{'' if is_in_use else '&immutable=1'}"
        connection = None
        try:
            connection = sqlite3.connect(uri, uri=True, timeout=5.0, isolation_level=None)
            connection.execute("BEGIN")  # one state of the file for all that is read
            version = connection.execute("PRAGMA user_version").fetchone()[0]
        except sqlite3.Error as error:
            if connection is not None:
                connection.close()
            raise StoreError(f"{path} cannot be read ({error})") from error
        if version != SCHEMA_VERSION:
            connection.close()
            if version == 0:
                raise StoreError(f"{path} is empty; the run has only just begun")
            raise StoreError(f"{path} has table version {version}, not {SCHEMA_VERSION}; it is of another version")
        self._connection = connection
        self._model_columns, self._curve_columns = select_list(connection, "models"), select_list(connection, "curves")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self.close()
        if isinstance(error, sqlite3.Error):
            raise StoreError(f"{self._path} cannot be read ({error})") from error

    def close(self) -> None:
        """Close the file; further calls fail."""
        self._connection.close()

    @property
    def count(self) -> int:
        """Number of networks stored."""
        return int(self._connection.execute("SELECT count(*) FROM models").fetchone()[0])

    def get(self, model_id: str) -> ModelRecord | None:
        """One network's record, or None."""
        row = self._connection.execute(
            f"SELECT {self._model_columns} FROM models WHERE model_id = ?", (model_id,)
        ).fetchone()
        return None if row is None else as_record(row)

    def models(self) -> pd.DataFrame:
        """All networks in the order they came: MODEL_COLUMNS, then further hyperparameters.

        Whole numbers are Int64; what does not apply is missing.
        """
        rows = self._connection.execute(f"SELECT {self._model_columns} FROM models ORDER BY position").fetchall()
        return models_frame([as_record(row) for row in rows])

    def curves(self) -> pd.DataFrame:
        """All epochs of all networks in the order they came: CURVE_COLUMNS."""
        rows = self._connection.execute(
            f"SELECT {self._curve_columns} FROM curves JOIN models USING (model_id) ORDER BY position, epoch"
        ).fetchall()
        return as_frame(rows, CURVE_COLUMNS, CURVE_TYPES)

    def events(self, after: int = 0) -> pd.DataFrame:
        """What happened in the run, in order, after so many events: EVENT_COLUMNS; empty where none were kept."""
        return as_frame(self._event_rows(after), EVENT_COLUMNS, EVENT_TYPES)

    def curve(self, model_id: str) -> pd.DataFrame:
        """The epochs of one network, in order: CURVE_COLUMNS."""
        rows = self._connection.execute(
            f"SELECT {self._curve_columns} FROM curves WHERE model_id = ? ORDER BY epoch", (model_id,)
        ).fetchall()
        return as_frame(rows, CURVE_COLUMNS, CURVE_TYPES)

    def model_marks(self) -> dict[int, Row]:
        """Of every network's place in the order, what changes when it is stored again: the rest need not be read."""
        rows = self._connection.execute("SELECT position, model_id, status, reason, n_epochs, train_s FROM models")
        return {row[0]: row[1:] for row in rows}

    def models_at(self, positions: Iterable[int]) -> dict[int, ModelRecord]:
        """Records by their place in the order."""
        query = f"SELECT position, {self._model_columns} FROM models WHERE position BETWEEN ? AND ?"
        wanted = set(positions)
        if not wanted:
            return {}
        rows = self._connection.execute(query, (min(wanted), max(wanted)))
        return {row[0]: as_record(row[1:]) for row in rows if row[0] in wanted}

    def event_list(self, after: int = 0) -> list[Event]:
        """What `events` returns, as records."""
        return [_event(row) for row in self._event_rows(after)]

    def event_at(self, position: int) -> Event | None:
        """The event at a place in the order, counted from 1, or None."""
        return next(map(_event, self._event_rows(position - 1)), None)

    def _event_rows(self, after: int) -> list[Row]:
        query = f"SELECT {', '.join(EVENT_COLUMNS)} FROM events WHERE position > ? ORDER BY position"
        return self._connection.execute(query, (after,)).fetchall()

    def export_csv(self, models_csv: Path, curves_csv: Path, events_csv: Path) -> None:
        """Write the tables as CSV, each in one step.

        Args:
            models_csv: Gets a row for each network.
            curves_csv: Gets a row for each network and epoch.
            events_csv: Gets a row for each event.
        """
        write_atomic(models_csv, self.models().to_csv(index=False))
        write_atomic(curves_csv, self.curves().to_csv(index=False))
        write_atomic(events_csv, self.events().to_csv(index=False))


def _event(row: Row) -> Event:
    return Event(**dict(zip(EVENT_COLUMNS, row, strict=True)))
