"""The run's results in SQLite, written by the driver alone: a row per network, per epoch, and per event of the run."""

import contextlib
import csv
import json
import logging
import sqlite3
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from pareto_search.errors import StoreError, WriteError
from pareto_search.files import write_atomic
from pareto_search.records import (
    CURVE_COLUMNS,
    EVENT_COLUMNS,
    LIQUID_COLUMNS,
    MODEL_COLUMNS,
    CurvePoint,
    Event,
    ModelRecord,
)

logger = logging.getLogger(__name__)

_SCHEMA_VERSION = 2
#: Status of networks that may be trained on.
_UNSETTLED = "'failed', 'pruned'"
_SQL_TYPES = {int: "INTEGER", float: "REAL", str: "TEXT"}
#: pandas' own dtype for text: `str` from version 3 on, `object` before.
_TEXT_DTYPE = pd.Series(["text"]).dtype


def _plain_type(annotation: Any) -> type:
    """int, float or str, seen through Optional and Literal."""
    if typing.get_origin(annotation) is typing.Literal:
        return str
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        annotation = next(a for a in typing.get_args(annotation) if a is not type(None))
    return typing.cast(type, annotation)


_MODEL_TYPES = {name: _plain_type(hint) for name, hint in typing.get_type_hints(ModelRecord).items()}
_EVENT_TYPES = {name: _plain_type(hint) for name, hint in typing.get_type_hints(Event).items()}
_CURVE_TYPES = {"model_id": str} | {name: _plain_type(h) for name, h in typing.get_type_hints(CurvePoint).items()}
#: Tables whose columns have become more from version to version.
_TABLES = {"models": _MODEL_TYPES, "curves": _CURVE_TYPES}
_DEFAULTS = {f.name: f.default for f in (*fields(ModelRecord), *fields(CurvePoint)) if f.default is not MISSING}


class ResultReader:
    """Results of a run, read while another process may write them; a context manager, open for moments only.

    Nothing is written and nobody has to wait. Where no process has the file open it is read as it lies, so that not
    even SQLite's own files beside it are made. What goes wrong with the file later leaves the context as a StoreError.

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
        if version != _SCHEMA_VERSION:
            connection.close()
            if version == 0:
                raise StoreError(f"{path} is empty; the run has only just begun")
            raise StoreError(f"{path} has table version {version}, not {_SCHEMA_VERSION}; it is of another version")
        self._connection = connection
        self._model_columns, self._curve_columns = _select(connection, "models"), _select(connection, "curves")

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
        return None if row is None else ModelRecord(*row)

    def models(self) -> pd.DataFrame:
        """All networks in the order they came: MODEL_COLUMNS; whole numbers as Int64, what does not apply missing."""
        rows = self._connection.execute(f"SELECT {self._model_columns} FROM models ORDER BY position").fetchall()
        return _frame(rows, MODEL_COLUMNS, _MODEL_TYPES)

    def curves(self) -> pd.DataFrame:
        """All epochs of all networks in the order they came: CURVE_COLUMNS."""
        rows = self._connection.execute(
            f"SELECT {self._curve_columns} FROM curves JOIN models USING (model_id) ORDER BY position, epoch"
        ).fetchall()
        return _frame(rows, CURVE_COLUMNS, _CURVE_TYPES)

    def events(self, after: int = 0) -> pd.DataFrame:
        """What happened in the run, in order, but for the first events: EVENT_COLUMNS; empty where none were kept.

        Args:
            after: How many events are known already.
        """
        return _frame(self._event_rows(after), EVENT_COLUMNS, _EVENT_TYPES)

    def curve(self, model_id: str) -> pd.DataFrame:
        """The epochs of one network, in order: CURVE_COLUMNS."""
        rows = self._connection.execute(
            f"SELECT {self._curve_columns} FROM curves WHERE model_id = ? ORDER BY epoch", (model_id,)
        ).fetchall()
        return _frame(rows, CURVE_COLUMNS, _CURVE_TYPES)

    def model_marks(self) -> dict[int, tuple[Any, ...]]:
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
        return {row[0]: ModelRecord(*row[1:]) for row in rows if row[0] in wanted}

    def event_list(self, after: int = 0) -> list[Event]:
        """What `events` returns, as records."""
        return [Event(*row) for row in self._event_rows(after)]

    def event_at(self, position: int) -> Event | None:
        """The event at a place in the order, counted from 1, or None."""
        rows = self._event_rows(position - 1, 1)
        return Event(*rows[0]) if rows else None

    def _event_rows(self, after: int, limit: int = -1) -> list[tuple[Any, ...]]:
        return self._connection.execute(
            f"SELECT {', '.join(EVENT_COLUMNS)} FROM events WHERE position > ? ORDER BY position LIMIT ?",
            (after, limit),
        ).fetchall()

    def export_csv(self, models_csv: Path, curves_csv: Path, events_csv: Path) -> None:
        """Write the tables as CSV, each in one step."""
        write_atomic(models_csv, self.models().to_csv(index=False))
        write_atomic(curves_csv, self.curves().to_csv(index=False))
        write_atomic(events_csv, self.events().to_csv(index=False))


class ResultStore(ResultReader):
    """Durable results of a run; a context manager.

    All but the events can be rebuilt from the model folders with `ingest_all`.

    Args:
        path: SQLite file, made if it does not exist.

    Raises:
        StoreError: If the file is damaged, not a results file or cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._remedy = (
            f"move {path} (and {path.name}-wal, {path.name}-shm) away and run the same command again: "
            "the results are read back from the model folders"
        )
        connection = None
        try:
            connection = sqlite3.connect(path, timeout=60.0, isolation_level=None)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            self._check_integrity(connection)
            self._create_tables(connection)
            self._add_new_columns(connection)
        except (sqlite3.Error, StoreError) as error:
            if connection is not None:
                connection.close()
            if isinstance(error, StoreError):
                raise
            raise StoreError(f"{path} cannot be used ({error}); {self._remedy}") from error
        self._connection = connection
        self._model_columns, self._curve_columns = _select(connection, "models"), _select(connection, "curves")

    # --- writing ----------------------------------------------------------------------------------------------------

    def put(self, record: ModelRecord, curve: Sequence[CurvePoint]) -> None:
        """Store a network and its curve in one transaction, replacing what is there under its model_id."""
        row = _as_row(record.to_plain(), _MODEL_TYPES)
        points = [_as_row({"model_id": record.model_id, **asdict(point)}, _CURVE_TYPES) for point in curve]
        updates = ", ".join(f"{name} = excluded.{name}" for name in MODEL_COLUMNS[1:])
        try:
            with self._connection:
                self._connection.execute("BEGIN IMMEDIATE")
                self._connection.execute(
                    f"INSERT INTO models ({', '.join(MODEL_COLUMNS)}) VALUES ({_marks(MODEL_COLUMNS)}) "
                    f"ON CONFLICT(model_id) DO UPDATE SET {updates}",
                    row,
                )
                self._connection.execute("DELETE FROM curves WHERE model_id = ?", (record.model_id,))
                self._connection.executemany(
                    f"INSERT INTO curves ({', '.join(CURVE_COLUMNS)}) VALUES ({_marks(CURVE_COLUMNS)})", points
                )
        except sqlite3.Error as error:
            raise self._write_error(record.model_id, error) from error

    def put_liquid(self, columns: Mapping[str, Mapping[str, float | None]]) -> None:
        """Set `LIQUID_COLUMNS` of the networks named, and empty those of all others, in one transaction."""
        updates = ", ".join(f"{name} = ?" for name in LIQUID_COLUMNS)
        rows = [(*(values[name] for name in LIQUID_COLUMNS), model_id) for model_id, values in columns.items()]
        try:
            with self._connection:
                self._connection.execute("BEGIN IMMEDIATE")
                self._connection.execute(f"UPDATE models SET {updates}", [None] * len(LIQUID_COLUMNS))
                self._connection.executemany(f"UPDATE models SET {updates} WHERE model_id = ?", rows)
        except sqlite3.Error as error:
            raise self._write_error("what MD of the liquid gave", error) from error

    def add_event(self, event: Event) -> None:
        """Append an event."""
        try:
            with self._connection:
                self._connection.execute(
                    f"INSERT INTO events ({', '.join(EVENT_COLUMNS)}) VALUES ({_marks(EVENT_COLUMNS)})",
                    _as_row(asdict(event), _EVENT_TYPES),
                )
        except sqlite3.Error as error:
            raise self._write_error(f"the event {event.kind}", error) from error

    def _write_error(self, what: str, error: sqlite3.Error) -> WriteError:
        return WriteError(
            f"{what} could not be stored in {self._path} ({error}); make sure that the disk has space and the file is "
            "writable, then run the same command again"
        )

    def ingest(self, folders: Iterable[Path]) -> int:
        """Store the finished networks of model folders, except those stored already.

        A folder without `model.json` is not finished; one that cannot be read is skipped with a warning. A network
        that had failed or was pruned is looked at again, because it may have been trained since.

        Returns:
            Number of networks added or changed.
        """
        n_added = 0
        for folder in folders:
            if self._is_settled(folder.name) or not (folder / "model.json").is_file():
                continue
            try:
                record, curve = _read_folder(folder)
            except (OSError, ValueError, KeyError, TypeError) as error:
                logger.warning("%s cannot be read (%s) and is left out; delete it to train it again", folder, error)
                continue
            if not self._is_settled(record.model_id) and self.get(record.model_id) != record:
                self.put(record, curve)
                n_added += 1
        return n_added

    def _is_settled(self, model_id: str) -> bool:
        """Whether a network is stored that will not be trained on; one look-up, however many there are."""
        query = f"SELECT 1 FROM models WHERE model_id = ? AND status NOT IN ({_UNSETTLED})"
        return self._connection.execute(query, (model_id,)).fetchone() is not None

    def ingest_all(self, models_dir: Path) -> int:
        """`ingest` every folder in a directory, by age; hidden ones are still being written."""
        if not models_dir.is_dir():
            return 0
        ages: dict[Path, int] = {}
        for path in models_dir.iterdir():
            with contextlib.suppress(FileNotFoundError):  # being replaced
                if path.is_dir() and not path.name.startswith("."):
                    ages[path] = path.stat().st_mtime_ns
        return self.ingest(sorted(ages, key=lambda path: (ages[path], path.name)))

    # --- opening ----------------------------------------------------------------------------------------------------

    def _check_integrity(self, connection: sqlite3.Connection) -> None:
        problem = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if problem != "ok":
            raise StoreError(f"{self._path} is damaged ({problem}); {self._remedy}")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, _SCHEMA_VERSION):
            raise StoreError(f"{self._path} has table version {version}, not {_SCHEMA_VERSION}; {self._remedy}")

    def _create_tables(self, connection: sqlite3.Connection) -> None:
        models, curves, events = (
            ", ".join(f"{name} {_SQL_TYPES[kind]}" for name, kind in columns.items())
            for columns in (_MODEL_TYPES, _CURVE_TYPES, _EVENT_TYPES)
        )
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS models (position INTEGER PRIMARY KEY AUTOINCREMENT, {models}, "
            "UNIQUE (model_id))"
        )
        connection.execute(f"CREATE TABLE IF NOT EXISTS curves ({curves}, PRIMARY KEY (model_id, epoch))")
        connection.execute(f"CREATE TABLE IF NOT EXISTS events (position INTEGER PRIMARY KEY AUTOINCREMENT, {events})")
        connection.execute(f"PRAGMA user_version={_SCHEMA_VERSION}")

    def _add_new_columns(self, connection: sqlite3.Connection) -> None:
        """Columns that a file lacks because an earlier version made it; what is there has their defaults."""
        for table, types_by_name in _TABLES.items():
            for name in types_by_name.keys() - _columns_of(connection, table):
                kind = _SQL_TYPES[types_by_name[name]]
                connection.execute(f"ALTER TABLE {table} ADD COLUMN {name} {kind} DEFAULT {_default(name)}")


def _columns_of(connection: sqlite3.Connection, table: str) -> set[str]:
    return {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}


def _select(connection: sqlite3.Connection, table: str) -> str:
    """The columns of a table for a query; of those that an earlier version did not have, the defaults."""
    known = _columns_of(connection, table)
    return ", ".join(f"{table}.{name}" if name in known else f"{_default(name)} AS {name}" for name in _TABLES[table])


def _default(name: str) -> str:
    """Default of a column of models or curves, in SQL."""
    value = _DEFAULTS.get(name)
    return "NULL" if value is None else f"'{value}'" if isinstance(value, str) else str(value)


def _read_folder(folder: Path) -> tuple[ModelRecord, list[CurvePoint]]:
    record = ModelRecord.from_plain(json.loads((folder / "model.json").read_text(encoding="utf-8"))["record"])
    if not record.model_id:
        raise ValueError("its record has no model_id")
    path = folder / "curve.csv"
    if not path.is_file():
        return record, []
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    kinds = {name: kind for name, kind in _CURVE_TYPES.items() if name != "model_id"}
    present = [name for name in kinds if name in (rows[0] if rows else {})]  # an older version wrote fewer columns
    return record, [CurvePoint(**{name: kinds[name](row[name]) for name in present}) for row in rows]


def _as_row(values: dict[str, Any], types_by_name: dict[str, type]) -> tuple[Any, ...]:
    """Values as SQLite's own types, in column order; NumPy's scalars would be stored as bytes."""
    return tuple(None if values[name] is None else kind(values[name]) for name, kind in types_by_name.items())


def _marks(columns: Sequence[str]) -> str:
    return ", ".join("?" * len(columns))


def _frame(rows: list[tuple[Any, ...]], columns: Sequence[str], types_by_name: dict[str, type]) -> pd.DataFrame:
    values = zip(*rows, strict=True) if rows else [()] * len(columns)
    series = {name: _series(list(column), types_by_name[name]) for name, column in zip(columns, values, strict=True)}
    return pd.DataFrame(series, columns=list(columns))


def _series(values: list[Any], kind: type) -> "pd.Series[Any]":
    if kind is int:
        return pd.Series(values, dtype="Int64")
    filled = [np.nan if value is None else value for value in values]
    return pd.Series(filled, dtype="float64" if kind is float else _TEXT_DTYPE)
