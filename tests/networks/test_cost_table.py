import json
import multiprocessing
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from pareto_search.analysis.networks import clean_models
from pareto_search.config import HipnnArchitecture
from pareto_search.errors import WriteError
from pareto_search.networks.cost_table import CostTable
from pareto_search.networks.device_gate import DeviceGate
from pareto_search.records import Bracket, Capacity, CostRecord, MdTiming, architecture_key

TIMING = MdTiming(
    n_atoms=2048,
    n_neighbors_mean=106.0,
    density_g_per_cm3=2.7,
    n_steps=3,
    n_warmup_steps=1,
    timestep_fs=1.0,
    skin_ang=0.5,
    n_list_builds=1,
    us_per_atom_step_median=4.0,
    us_per_atom_step_q25=3.5,
    us_per_atom_step_q75=4.5,
    us_per_atom_neighbor=1.0,
    us_per_atom_model=2.5,
    us_per_atom_integrator=0.5,
    us_per_atom_steps=(3.5, 4.0, 4.5),
)
CAPACITY = Capacity(
    bracket=Bracket(n_ok=30_000, n_failed=30_500),
    bytes_per_atom=35_000.0,
    budget_gib=1.0,
    baseline_gib=0.4,
    probes=((1000, 35_000_000), (31_000, None)),
)


def record(key: str) -> CostRecord:
    return CostRecord(
        key, {"n_features": 12}, "12/8/1", 5.0, "explicit", "float32", "a CPU", {"torch": "2"}, TIMING, CAPACITY
    )


def measure_slowly(folder: Path, key: str) -> None:
    def measure() -> CostRecord:
        with (folder / "measured").open("a") as file:
            file.write(key)
        time.sleep(0.2)
        return record(key)

    found = CostTable(folder / "costs").get_or_measure(key, measure, DeviceGate(folder, "cpu"))
    assert found == record(key)


def put_many(folder: Path, name: str) -> None:
    for number in range(20):
        CostTable(folder / "costs").put(record(f"{name}{number}"))


def run_together(target: Callable[..., object], *argument_lists: tuple[object, ...]) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=target, args=arguments) for arguments in argument_lists]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * len(processes)


def test_records_come_back_equal_in_the_order_they_came(tmp_path: Path) -> None:
    table = CostTable(tmp_path / "costs")
    assert table.get("a") is None
    assert table.all() == []
    table.put(record("b"))
    table.put(record("a"))
    assert CostTable(tmp_path / "costs").all() == [record("b"), record("a")]
    table.put(replace(record("b"), device="another"))
    assert table.get("b") == replace(record("b"), device="another")


def test_a_cost_of_an_older_version_is_read_and_joins_a_table_without_later_hyperparameters(tmp_path: Path) -> None:
    """Its record has neither label nor cutoff; its table of networks neither `cusp_reg` nor `dist_soft_min_ang`."""
    architecture = HipnnArchitecture(n_features=12, n_sensitivities=8, n_atom_layers=1, dist_hard_max_ang=7.25)
    older = replace(record("a"), architecture=architecture.hyperparameters).to_plain()
    del older["label"], older["cutoff_ang"]
    (tmp_path / "a.json").write_text(json.dumps(older))
    cost = CostTable(tmp_path).get("a")
    assert (cost.label, cost.cutoff_ang) == (architecture.label, 7.25)

    written = architecture.hyperparameters
    row = {name: written[name] for name in written if name not in ("cusp_reg", "dist_soft_min_ang")}
    others = [{**row, "cusp_reg": 1e-3}, {**row, "n_features": 16}]
    models = clean_models(pd.DataFrame([{"model_id": "m", "family": "hipnn", **row}]))
    assert models["architecture_key"].tolist() == [cost.architecture_key] == [architecture.key]
    assert cost.architecture_key not in [architecture_key("hipnn", other) for other in others]


def test_three_processes_that_miss_the_same_key_measure_once(tmp_path: Path) -> None:
    run_together(measure_slowly, *[(tmp_path, "k")] * 3)
    assert (tmp_path / "measured").read_text() == "k"


def test_processes_that_put_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    run_together(put_many, (tmp_path, "a"), (tmp_path, "b"))
    assert len(CostTable(tmp_path / "costs").all()) == 40


def test_a_measurement_under_another_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="key a, measured one with key b"):
        CostTable(tmp_path / "costs").get_or_measure("a", lambda: record("b"), DeviceGate(tmp_path, "cpu"))


@pytest.mark.parametrize("content", ["{", "[]", '{"key": "a"}', ""])
def test_a_damaged_record_counts_as_unknown_and_is_measured_anew(
    tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    table = CostTable(tmp_path / "costs")
    table.put(record("a"))
    table.put(record("b"))
    (tmp_path / "costs" / "a.json").write_text(content)
    assert table.all() == [record("b")]
    assert table.get_or_measure("a", lambda: record("a"), DeviceGate(tmp_path, "cpu")) == record("a")
    assert "measured anew" in caplog.text


def test_the_table_is_exported_as_one_object(tmp_path: Path) -> None:
    table = CostTable(tmp_path / "costs")
    table.put(record("b"))
    table.put(record("a"))
    table.export(tmp_path / "costs.json")
    plain = json.loads((tmp_path / "costs.json").read_text())
    assert list(plain) == ["b", "a"]
    assert CostRecord.from_plain(plain["a"]) == record("a")
    plain["a"]["md"]["energy_drift_ev_per_atom_ps"] = 1e-6  # as in runs made before
    assert CostRecord.from_plain(plain["a"]) == record("a")


def test_the_capacity_of_the_last_network_with_a_cutoff_is_known(tmp_path) -> None:
    table = CostTable(tmp_path / "costs")
    near, far = (
        HipnnArchitecture(
            n_features=8, n_sensitivities=6, n_atom_layers=1, dist_soft_max_ang=4.0, dist_hard_max_ang=cutoff
        )
        for cutoff in (4.5, 6.0)
    )
    assert table.similar_max_atoms(near, "explicit", "a CPU") is None
    for key, engine, n_ok in (("a", "explicit", 3000), ("b", "explicit", 3100), ("c", "hippynn", 90)):
        capacity = replace(CAPACITY, bracket=Bracket(n_ok=n_ok, n_failed=None))
        table.put(replace(record(key), cutoff_ang=near.cutoff_ang, engine=engine, capacity=capacity))
    assert table.similar_max_atoms(near, "explicit", "a CPU") == 3100
    assert table.similar_max_atoms(near, "explicit", "another") is None
    assert table.similar_max_atoms(far, "explicit", "a CPU") is None


def test_runs_share_costs_and_each_keeps_its_own_copy(tmp_path: Path) -> None:
    shared = tmp_path / "cache"
    CostTable(tmp_path / "one", shared).put(record("a"))
    other = CostTable(tmp_path / "other", shared)
    assert other.get("a") == record("a")
    assert CostTable(tmp_path / "other").get("a") == record("a")
    assert CostTable(tmp_path / "third").get("a") is None
    assert other.get("b") is None


def test_a_cost_for_which_compiling_failed_stays_in_its_run(tmp_path: Path) -> None:
    shared = tmp_path / "cache"
    fallback = replace(record("a"), is_fallback=True)
    CostTable(tmp_path / "one", shared).put(fallback)
    assert CostTable(tmp_path / "one", shared).get("a") == fallback
    assert CostTable(tmp_path / "other", shared).get("a") is None


def test_a_shared_cost_that_is_damaged_or_cannot_be_written_is_only_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shared = tmp_path / "cache"
    CostTable(shared).put(record("a"))
    (shared / "a.json").write_text("{")
    table = CostTable(tmp_path / "costs", shared)
    assert table.get("a") is None
    (tmp_path / "file").write_text("")
    CostTable(tmp_path / "costs", tmp_path / "file").put(record("b"))
    assert table.get("b") == record("b")
    assert "cannot be read" in caplog.text
    assert "not shared" in caplog.text


def test_a_record_that_the_run_cannot_keep_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteError, match="could not be written"):
        CostTable(tmp_path / "file").put(record("a"))
