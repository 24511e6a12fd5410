"""The tables of a run's results: which columns they have, as what, and how rows become records and data frames."""

import json
import sqlite3
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any

import numpy as np
import pandas as pd

from pareto_search.records import MODEL_COLUMNS, MODEL_FIELDS, CurvePoint, Event, ModelRecord

SCHEMA_VERSION = 3
#: A row as SQLite returns it: the columns' types are those of the record that it becomes.
Row = tuple[Any, ...]
SQL_TYPES = {int: "INTEGER", float: "REAL", str: "TEXT", dict: "TEXT"}
#: pandas' own dtype for text: `str` from version 3 on, `object` before.
_TEXT_DTYPE = pd.Series(["text"]).dtype


def _plain_type(annotation: object) -> type:
    """int, float or str, seen through Optional and Literal."""
    if typing.get_origin(annotation) is typing.Literal:
        return str
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        annotation = next(a for a in typing.get_args(annotation) if a is not type(None))
    return typing.cast(type, typing.get_origin(annotation) or annotation)


MODEL_TYPES = {name: _plain_type(hint) for name, hint in typing.get_type_hints(ModelRecord).items()}
EVENT_TYPES = {name: _plain_type(hint) for name, hint in typing.get_type_hints(Event).items()}
CURVE_TYPES = {"model_id": str} | {name: _plain_type(h) for name, h in typing.get_type_hints(CurvePoint).items()}
#: Tables whose columns have become more from version to version.
TABLES = {"models": MODEL_TYPES, "curves": CURVE_TYPES}
_DEFAULTS = {f.name: f.default for f in (*fields(ModelRecord), *fields(CurvePoint)) if f.default is not MISSING}


def columns_of(connection: sqlite3.Connection, table: str) -> set[str]:
    """Names of the columns that a table of this file has."""
    return {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}


def select_list(connection: sqlite3.Connection, table: str) -> str:
    """The columns of a table for a query; of those that an earlier version did not have, the defaults."""
    known = columns_of(connection, table)
    return ", ".join(f"{table}.{name}" if name in known else f"{default_of(name)} AS {name}" for name in TABLES[table])


def default_of(name: str) -> str:
    """Default of a column of models or curves, in SQL."""
    value = _DEFAULTS.get(name)
    return "NULL" if value is None else f"'{value}'" if isinstance(value, str) else str(value)


def as_row(values: Mapping[str, object], types_by_name: Mapping[str, type]) -> Row:
    """Values as SQLite's own types, in column order; NumPy's scalars would be stored as bytes."""
    return tuple(None if values[name] is None else _to_sql(values[name], kind) for name, kind in types_by_name.items())


def _to_sql(value: Any, kind: type) -> float | int | str:
    return json.dumps(value) if kind is dict else kind(value)


def as_record(row: Sequence[Any]) -> ModelRecord:
    """A network's record from a row of `models`."""
    values = dict(zip(MODEL_FIELDS, row, strict=True))
    return ModelRecord(**{**values, "hyperparameters": json.loads(values["hyperparameters"])})


def models_frame(records: Sequence[ModelRecord]) -> pd.DataFrame:
    """Records as a data frame: `MODEL_COLUMNS`, then further hyperparameters."""
    rows = [record.to_row() for record in records]
    columns = [*MODEL_COLUMNS, *dict.fromkeys(name for row in rows for name in row if name not in MODEL_COLUMNS)]
    values = {name: [row.get(name) for row in rows] for name in columns}
    return pd.DataFrame(
        {name: _series(column, MODEL_TYPES.get(name) or _kind_of(column)) for name, column in values.items()}
    )


def _kind_of(values: Sequence[Any]) -> type:
    """int, float or str, whichever holds all values of a hyperparameter."""
    kinds = {type(value) for value in values if value is not None}
    return str if str in kinds else float if float in kinds else int


def marks(columns: Sequence[str]) -> str:
    """SQL's place holders for the values of a row."""
    return ", ".join("?" * len(columns))


def as_frame(rows: Sequence[Row], columns: Sequence[str], types_by_name: Mapping[str, type]) -> pd.DataFrame:
    """Rows as a data frame: whole numbers as Int64, others as float64, text as pandas' own; what is absent missing.

    Args:
        rows: As SQLite returns them, each of shape (n_columns,).
        columns: Their names, in order.
        types_by_name: int, float or str for each name.
    """
    values = zip(*rows, strict=True) if rows else [()] * len(columns)
    series = {name: _series(list(column), types_by_name[name]) for name, column in zip(columns, values, strict=True)}
    return pd.DataFrame(series, columns=list(columns))


def _series(values: Sequence[object], kind: type) -> pd.Series:
    if kind is int:
        return pd.Series(values, dtype="Int64")
    filled = [np.nan if value is None else value for value in values]
    return pd.Series(filled, dtype="float64" if kind is float else _TEXT_DTYPE)
