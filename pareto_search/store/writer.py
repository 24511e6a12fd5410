"""The run's results, written by the driver alone."""

import contextlib
import csv
import json
import logging
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from pareto_search.errors import StoreError, WriteError
from pareto_search.files import by_age
from pareto_search.records import (
    CURVE_COLUMNS,
    EVENT_COLUMNS,
    LIQUID_COLUMNS,
    MODEL_FIELDS,
    CurvePoint,
    Event,
    ModelRecord,
)
from pareto_search.store.reader import ResultReader
from pareto_search.store.tables import (
    CURVE_TYPES,
    EVENT_TYPES,
    MODEL_TYPES,
    SCHEMA_VERSION,
    SQL_TYPES,
    TABLES,
    as_row,
    columns_of,
    default_of,
    marks,
    select_list,
)

logger = logging.getLogger(__name__)

#: Status of networks that may be trained on.
_UNSETTLED = "'failed', 'pruned'"


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
        self._model_columns, self._curve_columns = select_list(connection, "models"), select_list(connection, "curves")

    # --- writing ----------------------------------------------------------------------------------------------------

    def put(self, record: ModelRecord, curve: Sequence[CurvePoint]) -> None:
        """Store a network and its curve in one transaction, replacing what is there under its model_id."""
        row = as_row(record.to_plain(), MODEL_TYPES)
        points = [as_row({"model_id": record.model_id, **asdict(point)}, CURVE_TYPES) for point in curve]
        updates = ", ".join(f"{name} = excluded.{name}" for name in MODEL_FIELDS[1:])
        with self._writing(record.model_id) as connection:
            connection.execute(
                f"INSERT INTO models ({', '.join(MODEL_FIELDS)}) VALUES ({marks(MODEL_FIELDS)}) "
                f"ON CONFLICT(model_id) DO UPDATE SET {updates}",
                row,
            )
            connection.execute("DELETE FROM curves WHERE model_id = ?", (record.model_id,))
            connection.executemany(
                f"INSERT INTO curves ({', '.join(CURVE_COLUMNS)}) VALUES ({marks(CURVE_COLUMNS)})", points
            )

    def put_liquid(self, columns: Mapping[str, Mapping[str, float | None]]) -> None:
        """Set `LIQUID_COLUMNS` of the networks named, and empty those of all others, in one transaction."""
        updates = ", ".join(f"{name} = ?" for name in LIQUID_COLUMNS)
        rows = [(*(values[name] for name in LIQUID_COLUMNS), model_id) for model_id, values in columns.items()]
        with self._writing("what MD of the liquid gave") as connection:
            connection.execute(f"UPDATE models SET {updates}", [None] * len(LIQUID_COLUMNS))
            connection.executemany(f"UPDATE models SET {updates} WHERE model_id = ?", rows)

    def add_event(self, event: Event) -> None:
        """Append an event."""
        with self._writing(f"the event {event.kind}") as connection:
            query = f"INSERT INTO events ({', '.join(EVENT_COLUMNS)}) VALUES ({marks(EVENT_COLUMNS)})"
            connection.execute(query, as_row(asdict(event), EVENT_TYPES))

    @contextlib.contextmanager
    def _writing(self, what: str) -> Iterator[sqlite3.Connection]:
        try:
            with self._connection:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
        except sqlite3.Error as error:
            raise WriteError(
                f"{what} could not be stored in {self._path} ({error}); make sure that the disk has space and the file "
                "is writable, then run the same command again"
            ) from error

    def ingest(self, folders: Iterable[Path]) -> int:
        """Store the finished networks of model folders, except those stored already.

        A folder without `model.json` is not finished; one that cannot be read is skipped with a warning. A network
        that had failed or was pruned is read again, because it may have been trained since.

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
        return self.ingest(by_age(path for path in models_dir.glob("[!.]*") if path.is_dir()))

    # --- opening ----------------------------------------------------------------------------------------------------

    def _check_integrity(self, connection: sqlite3.Connection) -> None:
        problem = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if problem != "ok":
            raise StoreError(f"{self._path} is damaged ({problem}); {self._remedy}")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, SCHEMA_VERSION):
            raise StoreError(f"{self._path} has table version {version}, not {SCHEMA_VERSION}; {self._remedy}")

    def _create_tables(self, connection: sqlite3.Connection) -> None:
        models, curves, events = (
            ", ".join(f"{name} {SQL_TYPES[kind]}" for name, kind in columns.items())
            for columns in (MODEL_TYPES, CURVE_TYPES, EVENT_TYPES)
        )
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS models (position INTEGER PRIMARY KEY AUTOINCREMENT, {models}, "
            "UNIQUE (model_id))"
        )
        connection.execute(f"CREATE TABLE IF NOT EXISTS curves ({curves}, PRIMARY KEY (model_id, epoch))")
        connection.execute(f"CREATE TABLE IF NOT EXISTS events (position INTEGER PRIMARY KEY AUTOINCREMENT, {events})")
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")

    def _add_new_columns(self, connection: sqlite3.Connection) -> None:
        """Columns that a file lacks because an earlier version made it; what is there has their defaults."""
        for table, types_by_name in TABLES.items():
            for name in types_by_name.keys() - columns_of(connection, table):
                kind = SQL_TYPES[types_by_name[name]]
                connection.execute(f"ALTER TABLE {table} ADD COLUMN {name} {kind} DEFAULT {default_of(name)}")


def _read_folder(folder: Path) -> tuple[ModelRecord, list[CurvePoint]]:
    record = ModelRecord.from_plain(json.loads((folder / "model.json").read_text(encoding="utf-8"))["record"])
    if not record.model_id:
        raise ValueError("its record has no model_id")
    path = folder / "curve.csv"
    if not path.is_file():
        return record, []
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    kinds = {name: kind for name, kind in CURVE_TYPES.items() if name != "model_id"}
    present = [name for name in kinds if name in (rows[0] if rows else {})]  # an older version wrote fewer columns
    return record, [CurvePoint(**{name: kinds[name](row[name]) for name in present}) for row in rows]
