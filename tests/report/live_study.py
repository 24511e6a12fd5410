"""Run directories as a running study leaves them, written in one go."""

import json
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from pareto_search.config import HipnnArchitecture
from pareto_search.records import MODEL_COLUMNS, MODEL_FIELDS, CostRecord, Event, ModelRecord
from pareto_search.store import ResultStore
from pareto_search.store.tables import EVENT_TYPES, MODEL_TYPES, as_row
from tests.report import synthetic

CONFIG = {
    "name": "followed",
    "description": "A study that is followed",
    "data": {"source": "emt-aluminum", "n_frames": 20},
    "search": {
        "space": {"n_features": {"low": 12, "high": 99}, "n_sensitivities": {"low": 8, "high": 39},
                  "n_atom_layers": {"low": 1, "high": 4}},
        "n_trials": 10,
        "training": {"max_epochs": 30},
    },
    "confirm": {"n_seeds": 2, "max_front": 3, "n_ladder": 0, "controls": ["paper"]},
    "measure": {"structure": {"symbol": "Al"}},
}  # fmt: skip


def begin(folder: Path, **changes: Any) -> Path:
    """A run directory with its settings, and an empty results file."""
    folder.mkdir(exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG | changes))
    ResultStore(folder / "results.sqlite").close()
    return folder


def tell(folder: Path, *events: Event) -> None:
    """Append to the journal."""
    with ResultStore(folder / "results.sqlite") as store:
        for event in events:
            store.add_event(event)


def store(folder: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Store networks, given as rows of `models.csv`, each with a short curve."""
    with ResultStore(folder / "results.sqlite") as results:
        for row in rows:
            results.put(record(row), ())


def record(row: dict[Any, Any]) -> ModelRecord:
    """The record of a row."""
    values = {name: None if pd.isna(value) else value for name, value in row.items()}
    names = [name for name in MODEL_COLUMNS if name not in MODEL_FIELDS]
    return ModelRecord.from_plain({**values, "hyperparameters": {name: values[name] for name in names}})


def cost(shape: tuple[int, int, int]) -> CostRecord:
    """A cost as a run stores it, with all settings of the architecture."""
    sizes = dict(zip(("n_features", "n_sensitivities", "n_atom_layers"), shape, strict=True))
    return replace(synthetic.cost(shape), architecture=HipnnArchitecture(**sizes).model_dump(mode="json"))


def trial_events(number: int, at_s: float, shape: tuple[int, int, int], n_epochs: int = 27) -> list[Event]:
    """A trial that begins, trains and ends complete."""
    params = dict(zip(("n_features", "n_sensitivities", "n_atom_layers"), shape, strict=True))
    error = synthetic.control_error(shape)
    return [
        Event("trial_began", at_s=at_s, trial_id=number, text=json.dumps(params)),
        Event("costs_known", at_s=at_s + 1, trial_id=number, seconds=0.5),
        Event("training", at_s=at_s + 1, trial_id=number, epoch=0),
        *(
            Event("epoch", at_s=at_s + 2 + epoch, trial_id=number, epoch=epoch,
                  valid_force_rmse_ev_per_ang=error * (1 + 3 / epoch))
            for epoch in range(1, n_epochs + 1, 2)
        ),
        Event("trial_ended", at_s=at_s + 3 + n_epochs, trial_id=number, status="complete", epoch=n_epochs),
    ]  # fmt: skip


def network_end(row: dict[Any, Any], at_s: float) -> Event:
    """The event of a row of `models.csv`."""
    number = None if pd.isna(row["trial_id"]) else int(row["trial_id"])
    return Event("network_ended", at_s=at_s, stage=row["stage"], trial_id=number, model_id=row["model_id"],
                 status=row["status"], epoch=int(row["n_epochs"]))  # fmt: skip


def fill(folder: Path, n_trials: int) -> Path:
    """A run with two networks a trial, all at once: storing one by one takes a transaction each."""
    begin(folder)
    frame = synthetic.models(n_search=n_trials, ladder=())
    shapes = frame[frame["role"] == "student"].set_index("trial_id")
    of_trial = frame[frame["trial_id"].notna()].groupby("trial_id")
    events = [Event("stage_began", at_s=0.0, stage="search", n_planned=n_trials)]
    for number, (trial_id, row) in enumerate(shapes.iterrows()):
        assert trial_id == number
        shape = (int(row["n_features"]), int(row["n_sensitivities"]), int(row["n_atom_layers"]))
        *before, end = trial_events(int(number), 10.0 * int(number), shape)
        events += [*before, *(network_end(row, end.at_s) for row in of_trial.get_group(number).to_dict("records")), end]
    models = [record(row) for row in frame.to_dict("records")]
    with ResultStore(folder / "results.sqlite") as results:
        connection = results._connection
        connection.execute("BEGIN")
        rows_of_models = [as_row(model.to_plain(), MODEL_TYPES) for model in models]
        rows_of_events = [as_row(asdict(event), EVENT_TYPES) for event in events]
        for table, names, rows in (
            ("models", MODEL_TYPES, rows_of_models), ("events", EVENT_TYPES, rows_of_events)
        ):  # fmt: skip
            marks = ", ".join("?" * len(names))
            connection.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", rows)
        connection.execute("COMMIT")
    return folder
