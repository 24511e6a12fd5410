import json
import logging
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pareto_search.errors import StoreError
from pareto_search.records import (
    CURVE_COLUMNS,
    EVENT_COLUMNS,
    LIQUID_COLUMNS,
    MODEL_COLUMNS,
    CurvePoint,
    Event,
    ModelRecord,
)
from pareto_search.store import ResultReader, ResultStore

TEACHER = ModelRecord(
    model_id="teacher-1",
    trial_id=None,
    stage="teacher",
    role="teacher",
    control_kind=None,
    seed=0,
    family="hipnn",
    label="128/40/4",
    hyperparameters=dict(n_features=128, n_sensitivities=40, n_atom_layers=4, n_interaction_layers=1, l_max=1),
    dist_hard_max_ang=7.5,
    n_weights=500_000,
    weight_energy=1.0,
    weight_forces=10.0,
    weight_atomic_energy=0.0,
    status="complete",
    n_epochs=2,
    test_force_rmse_ev_per_ang=0.05,
)
CONTROL = replace(
    TEACHER, model_id="paper-1", trial_id=3, stage="search", role="control", control_kind="paper", n_weights=None
)
CURVE = [CurvePoint(epoch, *(epoch + i / 100 for i in range(len(fields(CurvePoint)) - 1))) for epoch in (1, 2)]


def write_folder(folder: Path, record: ModelRecord, curve: list[CurvePoint]) -> None:
    folder.mkdir(parents=True)
    (folder / "model.json").write_text(json.dumps({"format": 1, "record": record.to_plain(), "engine": "explicit"}))
    rows = pd.DataFrame([asdict(point) for point in curve], columns=[f.name for f in fields(CurvePoint)])
    rows.to_csv(folder / "curve.csv", index=False)


def test_records_come_back_equal_also_after_reopening(tmp_path: Path) -> None:
    with ResultStore(tmp_path / "r.sqlite") as store:
        store.put(TEACHER, CURVE)
        store.put(CONTROL, [])
    with ResultStore(tmp_path / "r.sqlite") as store:
        assert store.count == 2
        assert store.get("teacher-1") == TEACHER
        assert store.get("paper-1") == CONTROL
        assert store.get("nobody") is None


def test_tables_have_the_contract_columns_types_and_order(tmp_path: Path) -> None:
    with ResultStore(tmp_path / "r.sqlite") as store:
        store.put(TEACHER, CURVE)
        store.put(CONTROL, CURVE[:1])
        models, curves = store.models(), store.curves()
    assert tuple(models.columns) == MODEL_COLUMNS
    assert list(models["model_id"]) == ["teacher-1", "paper-1"]
    assert models["trial_id"].dtype == "Int64"
    assert list(models["trial_id"].isna()) == [True, False]
    assert list(models["control_kind"].isna()) == [True, False]
    assert models["test_force_rmse_ev_per_ang"].dtype == np.float64
    assert models["rdf_error"].dtype == np.float64
    assert tuple(curves.columns) == CURVE_COLUMNS
    assert list(zip(curves["model_id"], curves["epoch"], strict=True)) == [
        ("teacher-1", 1),
        ("teacher-1", 2),
        ("paper-1", 1),
    ]
    assert list(curves["seconds"]) == [CURVE[0].seconds, CURVE[1].seconds, CURVE[0].seconds]


def test_empty_tables_have_the_same_columns(tmp_path: Path) -> None:
    with ResultStore(tmp_path / "r.sqlite") as store:
        assert tuple(store.models().columns) == MODEL_COLUMNS
        assert tuple(store.curves().columns) == CURVE_COLUMNS
        assert store.models().empty


def test_putting_again_replaces_row_and_curve_and_keeps_the_place(tmp_path: Path) -> None:
    with ResultStore(tmp_path / "r.sqlite") as store:
        store.put(TEACHER, CURVE)
        store.put(CONTROL, [])
        store.put(replace(TEACHER, n_epochs=1), CURVE[:1])
        assert list(store.models()["model_id"]) == ["teacher-1", "paper-1"]
        assert store.get("teacher-1") == replace(TEACHER, n_epochs=1)
        assert len(store.curves()) == 1


def test_a_put_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with ResultStore(tmp_path / "r.sqlite") as store:
        with pytest.raises(StoreError, match="teacher-1 could not be stored"):
            store.put(TEACHER, [CURVE[0], CURVE[0]])
        assert store.count == 0


def test_numpy_numbers_are_stored_as_numbers(tmp_path: Path) -> None:
    record = replace(TEACHER, n_weights=np.int64(7), rdf_error=np.float32(0.5))  # type: ignore[arg-type]
    with ResultStore(tmp_path / "r.sqlite") as store:
        store.put(record, [])
        assert store.get("teacher-1") == replace(TEACHER, n_weights=7, rdf_error=0.5)


def test_csv_files_hold_the_tables(tmp_path: Path) -> None:
    with ResultStore(tmp_path / "r.sqlite") as store:
        store.put(TEACHER, CURVE)
        store.add_event(Event("paused", at_s=7.5, trial_id=3, epoch=2, text="not among the best, alas"))
        store.export_csv(tmp_path / "models.csv", tmp_path / "curves.csv", tmp_path / "events.csv")
    header, row = (tmp_path / "models.csv").read_text().splitlines()
    assert tuple(header.split(",")) == MODEL_COLUMNS
    assert row.startswith("teacher-1,,teacher,teacher,,0,128,40,4,1,1,7.5,500000,1.0,")
    assert len((tmp_path / "curves.csv").read_text().splitlines()) == 3
    assert (tmp_path / "events.csv").read_text().splitlines() == [
        ",".join(EVENT_COLUMNS), '7.5,paused,,3,,,2,,,,"not among the best, alas"',
    ]  # fmt: skip
    assert {path.name for path in tmp_path.iterdir()} == {"models.csv", "curves.csv", "events.csv", "r.sqlite"}


def test_events_are_kept_in_order_and_can_be_followed(tmp_path: Path) -> None:
    events = [Event("trial_began", at_s=9.0, trial_id=0, text="{}"), Event("epoch", at_s=8.0, trial_id=0, epoch=1)]
    with ResultStore(tmp_path / "r.sqlite") as store:
        for event in events:
            store.add_event(event)
    with ResultStore(tmp_path / "r.sqlite") as store:
        store.add_event(Event("trial_ended", at_s=10.0, trial_id=0, status="complete"))
        assert store.events()["at_s"].tolist() == [9.0, 8.0, 10.0]  # also where the clock was set back
        assert store.events(after=2)["kind"].tolist() == ["trial_ended"]
        assert tuple(store.events().columns) == EVENT_COLUMNS


def test_ingest_adds_finished_folders_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    models = tmp_path / "models"
    write_folder(models / "teacher-1", TEACHER, CURVE)
    write_folder(models / ".paper-1-temporary", CONTROL, [])
    (models / "half").mkdir()
    (models / "broken").mkdir()
    (models / "broken" / "model.json").write_text("{")
    with ResultStore(tmp_path / "r.sqlite") as store:
        with caplog.at_level(logging.WARNING):
            assert store.ingest_all(models) == 1
        assert "broken" in caplog.text
        assert store.get("teacher-1") == TEACHER
        assert list(store.curves()["valid_loss"]) == [point.valid_loss for point in CURVE]
        write_folder(models / "paper-1", CONTROL, [])
        assert store.ingest_all(models) == 1
        assert store.ingest_all(models) == 0
        assert store.ingest_all(tmp_path / "nowhere") == 0


def test_ingest_looks_again_at_a_network_that_had_failed(tmp_path: Path) -> None:
    failed = replace(TEACHER, status="failed", reason="disk full")
    write_folder(tmp_path / "teacher", failed, [])
    with ResultStore(tmp_path / "r.sqlite") as store:
        assert store.ingest([tmp_path / "teacher"]) == 1
        assert store.ingest([tmp_path / "teacher"]) == 0
        shutil.rmtree(tmp_path / "teacher")
        write_folder(tmp_path / "teacher", TEACHER, CURVE)
        assert store.ingest([tmp_path / "teacher"]) == 1
        assert store.get("teacher-1") == TEACHER


def test_a_damaged_file_is_refused_with_a_remedy(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    with ResultStore(path) as store:
        for number in range(200):
            store.put(replace(TEACHER, model_id=f"m{number}"), CURVE)
    content = bytearray(path.read_bytes())
    content[8192:20480] = b"\xff" * (20480 - 8192)
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"r\.sqlite.*read back from the model folders"):
        ResultStore(path)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    path.write_text("model_id,trial_id\n" * 100)
    with pytest.raises(StoreError, match="cannot be used"):
        ResultStore(path)


def test_a_reader_sees_what_a_store_that_is_open_has_written(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    events = [Event("trial_began", at_s=9.0, trial_id=0, text="{}"), Event("epoch", at_s=8.0, trial_id=0, epoch=1)]
    with ResultStore(path) as store:
        store.put(TEACHER, CURVE)
        store.add_event(events[0])
        with ResultReader(path) as reader:
            assert reader.event_list() == events[:1]
            store.add_event(events[1])  # a reader sees one state, and nobody waits for him
            assert reader.event_list() == events[:1]
        with ResultReader(path) as reader:
            assert reader.event_list(after=1) == events[1:]
            assert reader.event_at(2) == events[1]
            assert reader.event_at(3) is None
            assert reader.get("teacher-1") == TEACHER
            assert list(reader.curve("teacher-1")["valid_loss"]) == [point.valid_loss for point in CURVE]
            assert reader.curve("nobody").empty
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                reader._connection.execute("DELETE FROM models")


def test_a_reader_is_told_which_networks_have_changed(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    with ResultStore(path) as store:
        for number in range(3):
            store.put(replace(TEACHER, model_id=f"m{number}", status="pruned"), CURVE)
        with ResultReader(path) as reader:
            before = reader.model_marks()
            assert [record.model_id for record in reader.models_at(before).values()] == ["m0", "m1", "m2"]
            assert list(reader.models_at([2])) == [2]
            assert reader.models_at([]) == {}
        store.put(replace(TEACHER, model_id="m1", status="complete"), CURVE)
        with ResultReader(path) as reader:
            after = reader.model_marks()
    assert [position for position in after if after[position] != before[position]] == [2]


def test_a_reader_leaves_nothing_behind_and_cannot_write(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    with ResultStore(path) as store:
        store.put(TEACHER, CURVE)
    content = path.read_bytes()
    with ResultReader(path) as reader:
        assert reader.count == 1
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader._connection.execute("DELETE FROM models")
    assert [p.name for p in tmp_path.iterdir()] == ["r.sqlite"]
    assert path.read_bytes() == content


def test_a_reader_sees_what_a_killed_store_had_written(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    script = (
        "import os, pathlib; from pareto_search.store import ResultStore; from pareto_search.records import Event\n"
        f"store = ResultStore(pathlib.Path({str(path)!r})); store.add_event(Event('training', at_s=1.0, trial_id=5))\n"
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script], check=False)
    with ResultReader(path) as reader:
        assert reader.event_list() == [Event("training", at_s=1.0, trial_id=5)]


def test_a_file_that_is_damaged_further_on_is_told_as_such(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    with ResultStore(path) as store:
        for number in range(300):
            store.put(replace(CONTROL, model_id=f"paper-{number}"), [])
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2] + bytes(len(content) // 2))
    with pytest.raises(StoreError, match="cannot be read"), ResultReader(path) as reader:
        reader.models()


def test_a_reader_refuses_what_it_cannot_read(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="not there"):
        ResultReader(tmp_path / "r.sqlite")
    assert not (tmp_path / "r.sqlite").exists()
    (tmp_path / "text").write_text("model_id,trial_id\n" * 100)
    with pytest.raises(StoreError, match="cannot be read"):
        ResultReader(tmp_path / "text")
    (tmp_path / "new").touch()
    with pytest.raises(StoreError, match="only just begun"):
        ResultReader(tmp_path / "new")
    with ResultStore(tmp_path / "old") as store:
        store._connection.execute("PRAGMA user_version=1")
    with pytest.raises(StoreError, match="table version 1, not 3"):
        ResultReader(tmp_path / "old")


def test_a_folder_of_an_older_version_is_read_without_what_it_lacks(tmp_path: Path) -> None:
    write_folder(tmp_path / "teacher-1", TEACHER, CURVE)
    curve = tmp_path / "teacher-1" / "curve.csv"
    pd.read_csv(curve).drop(columns=["train_loss_teacher_forces", "weight_teacher_forces"]).to_csv(curve, index=False)
    with ResultStore(tmp_path / "r.sqlite") as store:
        assert store.ingest([tmp_path / "teacher-1"]) == 1
        assert store.curve("teacher-1")["epoch"].tolist() == [1, 2]
        assert (store.curve("teacher-1")["weight_teacher_forces"] == 0).all()


def old_file(path: Path) -> None:
    """A results file of a version that did not have some columns."""
    with ResultStore(path) as store:
        store.put(TEACHER, CURVE)
        for table, names in (
            ("models", (*LIQUID_COLUMNS[1:], "weight_teacher_forces")),
            ("curves", ("weight_teacher_forces",)),
        ):
            for name in names:
                store._connection.execute(f"ALTER TABLE {table} DROP COLUMN {name}")


def test_a_file_of_an_earlier_version_has_the_defaults_of_new_columns(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    old_file(path)
    with ResultReader(path) as reader:
        assert reader.get("teacher-1") == TEACHER
        assert tuple(reader.models().columns) == MODEL_COLUMNS
        assert reader.models()["md_stable_ps"].isna().all()
        assert list(reader.models_at([1]).values()) == [TEACHER]
        assert (reader.curves()["weight_teacher_forces"] == 0).sum() == len(CURVE)
        assert (reader.curve("teacher-1")["weight_teacher_forces"] == 0).all()
    with ResultStore(path) as store:
        assert store.get("teacher-1") == TEACHER
        store.put(replace(CONTROL, md_stable_ps=2.5, family="hiphop"), [])
    with ResultReader(path) as reader:
        assert reader.models()["md_stable_ps"].tolist()[1:] == [2.5]
        assert reader.models()["family"].tolist() == ["hipnn", "hiphop"]


def test_what_the_liquid_gave_is_added_to_networks_and_taken_from_others(tmp_path: Path) -> None:
    first: dict[str, Any] = dict(zip(LIQUID_COLUMNS, (0.3, 0.01, 0.02, 1e-5, 4.0, 9.0), strict=True))
    second = {**dict.fromkeys(LIQUID_COLUMNS), "md_stable_ps": np.float64(1.5)}
    with ResultStore(tmp_path / "r.sqlite") as store:
        store.put(TEACHER, CURVE)
        store.put(CONTROL, [])
        store.put_liquid({"paper-1": first, "unknown": first})
        assert store.get("paper-1") == replace(CONTROL, **first)
        assert store.get("teacher-1") == TEACHER
        store.put_liquid({"teacher-1": second})
        assert store.get("paper-1") == CONTROL
        assert store.get("teacher-1") == replace(TEACHER, md_stable_ps=1.5)
        assert store.count == 2
