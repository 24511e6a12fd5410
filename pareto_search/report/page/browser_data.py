"""What the page's script works from: the networks, costs and curves of a study, once, in columns, as compact JSON."""

import json
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from pareto_search.analysis.networks import hyperparameter_columns
from pareto_search.records import MODEL_COLUMNS, CostRecord
from pareto_search.report.figures.learning_curves import PANELS
from pareto_search.report.figures.parallel import hyperparameter_names
from pareto_search.report.figures.rdf import teacher_curve
from pareto_search.report.figures.style import look_of
from pareto_search.report.page.page_tables import TABLES
from pareto_search.report.tables import ArchitectureKey, ReportTables

#: Commands that the record of a network offers; RUN and MODEL_ID are filled in. Only verbs that exist belong here.
COMMANDS = ("pareto-search measure RUN MODEL_ID", "pareto-search export RUN MODEL_ID --to ase exported/MODEL_ID")
#: Points of all curves together, and the bounds of one curve's share.
TOTAL_CURVE_POINTS, CURVE_POINTS = 150_000, (20, 250)

_NETWORK_ORDER = ["stage", "n_weights", "label", "role", "control_kind", "seed", "model_id"]


def study_json(tables: ReportTables) -> str:
    """Networks, costs, curves, tables and looks of a study."""
    models = tables.models.sort_values(_NETWORK_ORDER, ignore_index=True)
    records = sorted(tables.costs.values(), key=lambda r: (r.md.us_per_atom_step_median, r.engine, r.key))
    return dumps({
        "basis": {"stage": tables.basis.stage, "split": tables.basis.split},
        "networks": columns_of(_networks(models, records)),
        "costs": columns_of(_costs(models, records)),
        "curves": _curves(models, tables.curves),
        "rdf": _rdf(models, tables),
        "tables": {name: [asdict(column) for column in columns] for name, columns in TABLES.items()},
        "looks": {
            f"{role} {kind}".strip(): asdict(look_of(role, kind))
            for role, kind in sorted(set(zip(models["role"], models["control_kind"], strict=True)))
        },
        "commands": COMMANDS,
        "hyperparameters": hyperparameter_names(models),
    })  # fmt: skip


def figure_json(figure: go.Figure) -> str:
    """Data and layout of a figure, arrays as plain lists."""
    layout = figure.layout.to_plotly_json()
    layout.pop("template", None)
    return dumps({"data": [trace.to_plotly_json() for trace in figure.data], "layout": layout})


def dumps(value: object) -> str:
    """Compact strict JSON: six significant digits, NaN and infinities as null."""
    return json.dumps(_plain(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def columns_of(frame: pd.DataFrame) -> dict[str, object]:
    """A frame by columns: {"n": rows, "columns": {name: column}}.

    A column is the list of its values, {"same": value} where all are equal, or, for texts, {"texts", "codes"}.
    """
    return {"n": len(frame), "columns": {str(name): _column(frame[name]) for name in frame.columns}}


def _column(values: pd.Series) -> Any:
    if len(values) and values.nunique(dropna=False) == 1:
        return {"same": values.iloc[0]}
    if values.dtype != object or values.is_unique:
        return values.to_numpy()
    codes, texts = pd.factorize(values)
    return {"texts": list(texts), "codes": codes}


def _plain(value: object) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | pd.Series):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return _rounded(value) if isinstance(value, float) else value


def _rounded(value: float) -> float | int | None:
    if not np.isfinite(value):
        return None
    rounded = float(f"{value:.6g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1e15 else rounded


def _networks(models: pd.DataFrame, records: list[CostRecord]) -> pd.DataFrame:
    """Rows of the table of networks; `cost` is the row of their cost in the cost table, or -1."""
    rows = {(record.architecture_key, record.engine): number for number, record in enumerate(records)}
    keys = zip(models["architecture_key"], models["engine"], strict=True)
    names = dict.fromkeys([*MODEL_COLUMNS, *hyperparameter_columns(models), "network", "architecture"])
    shown = [name for name in names if not name.endswith("_hash")]
    return models[shown].assign(cost=[rows.get(key, -1) for key in keys])


def _costs(models: pd.DataFrame, records: list[CostRecord]) -> pd.DataFrame:
    labels = _labels(models)
    return pd.DataFrame([
        {
            "label": labels.get(record.architecture_key, record.label),
            "engine": f"{record.engine}{', compiled' if record.md.is_compiled else ''}, {record.dtype}",
            "device": record.device, "max_atoms": record.capacity.max_atoms,
            "n_failed": record.capacity.bracket.n_failed, "bytes_per_atom": record.capacity.bytes_per_atom,
            "budget_gib": record.capacity.budget_gib,
            **{name: value for name, value in vars(record.md).items() if name != "us_per_atom_steps"},
        }
        for record in records
    ])  # fmt: skip


def _labels(models: pd.DataFrame) -> dict[ArchitectureKey, str]:
    """Label of every architecture among the models; the teacher's is marked."""
    models = models.sort_values("role", key=lambda role: role == "teacher", kind="stable")
    names = models["label"] + np.where(models["role"] == "teacher", " (teacher)", "")
    return dict(zip(models["architecture_key"], names, strict=True))


def _curves(models: pd.DataFrame, curves: pd.DataFrame) -> dict[str, object]:
    """Curves by the row of their network, meV/Å; lists of epochs are shared by the networks that have the same."""
    by_model = {str(model_id): curve for model_id, curve in curves.groupby("model_id")}
    rows = [number for number, model_id in enumerate(models["model_id"]) if model_id in by_model]
    n_points = int(np.clip(TOTAL_CURVE_POINTS // max(len(rows), 1), *CURVE_POINTS))
    epochs: dict[tuple[int, ...], int] = {}
    found: dict[str, list[object]] = {"epochs": [], **{part: [] for part, *_ in PANELS}}
    for row in rows:
        curve = thin(by_model[models["model_id"].iloc[row]].sort_values("epoch"), n_points)
        found["epochs"].append(epochs.setdefault(tuple(curve["epoch"].astype(int)), len(epochs)))
        for part, *_ in PANELS:
            values = 1e3 * curve[f"{part}_force_rmse_ev_per_ang"].to_numpy(dtype=float)
            found[part].append(_short(values))
    return {"rows": rows, "epoch_lists": list(epochs), **found}


def _rdf(models: pd.DataFrame, tables: ReportTables) -> dict[str, object] | None:
    """g(r) by the row of its network, and the teacher's; None where they are not known."""
    teacher = teacher_curve(tables)
    if teacher is None:
        return None
    by_model = {str(model_id): curve["g"].to_numpy(dtype=float) for model_id, curve in tables.rdf.groupby("model_id")}
    rows = [row for row, (model_id, role) in enumerate(zip(models["model_id"], models["role"], strict=True))
            if model_id in by_model and role != "teacher"]  # fmt: skip
    return {
        "r": teacher["r_ang"].to_numpy(dtype=float), "teacher": _short(teacher["g"].to_numpy(dtype=float)),
        "rows": rows, "g": [_short(by_model[models["model_id"].iloc[row]]) for row in rows],
    }  # fmt: skip


def _short(values: NDArray[np.float64]) -> list[float]:
    """Four digits are enough for a line."""
    return [float(f"{value:.4g}") for value in values]


def thin(curve: pd.DataFrame, n_points: int) -> pd.DataFrame:
    """At most about so many rows, evenly spread, first and last included."""
    if len(curve) <= n_points:
        return curve
    return curve.iloc[np.unique(np.linspace(0, len(curve) - 1, n_points).round().astype(int))]
