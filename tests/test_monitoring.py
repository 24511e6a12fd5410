"""The run as Prometheus and Grafana see it: a real run is scraped, and the dashboard asks for nothing else."""

import json
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard
from ray._private.ray_constants import PROMETHEUS_SERVICE_DISCOVERY_FILE

from tests.clusters import cluster_without_nodes
from tests.test_cluster_job import free_ports
from tests.tiny_study import TINY, start

pytestmark = [pytest.mark.slow, pytest.mark.cluster]

ROOT = Path(__file__).parents[1]
DASHBOARD = ROOT / "dashboards" / "grafana" / "pareto_search.json"
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]
SAMPLE = re.compile(r"^(ray_\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
LABEL = re.compile(r'(\w+)="([^"]*)"')
#: The last trial diverges; of the others, some wait at the rung of one epoch and are pruned.
POINTS = [{"weight_forces": w, "learning_rate": 1e-3} for w in (30.0, 20.0, 10.0)]
POINTS.append({"weight_forces": 30.0, "learning_rate": 1e20})


def scrape(port: int) -> Samples:
    """Samples by name and labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
        text = page.read().decode()
    return {
        (name, frozenset(LABEL.findall(labels or ""))): float(value) for name, labels, value in SAMPLE.findall(text)
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("monitored")


@pytest.fixture(scope="module")
def samples(folder: Path) -> list[Samples]:
    """What was seen at each look at a run that prunes, fails and confirms."""
    search = {**TINY["search"], "n_trials": 4, "pruning": {"reduction_factor": 2}, "points": POINTS}
    search["space"] = {
        **TINY["search"]["space"], "n_features": 8, "weight_atomic_energy": 20.0,
        "weight_forces": {"low": 3, "high": 30}, "learning_rate": {"choices": [1e-3, 1e20]},
    }  # fmt: skip
    config = folder / "monitored.yaml"
    config.write_text(yaml.safe_dump({**TINY, "search": search}))
    (port,) = free_ports(1)
    seen = []
    with cluster_without_nodes() as cluster:
        cluster.add_node(
            num_cpus=1,
            object_store_memory=100_000_000,
            metrics_export_port=port,
            _system_config={"metrics_report_interval_ms": 1000},
        )
        driver = start("run", config, "--out", folder / "run", "--address", cluster.address)
        try:
            while driver.poll() is None:
                with suppress(OSError):  # the exporter is not up yet, or busy
                    seen.append(scrape(port))
                with suppress(subprocess.TimeoutExpired):
                    driver.wait(timeout=0.3)
            _, errors = driver.communicate()
            assert driver.returncode == 0, errors
            seen.append(scrape(port))
        finally:
            driver.kill()
    return seen


def of_run(samples: list[Samples]) -> dict[tuple[str, str], list[float]]:
    """Values over time of the package's metrics, by short name and the label beside the study."""
    values: dict[tuple[str, str], list[float]] = {}
    for look in samples:
        for (name, labels), value in look.items():
            if name.startswith("ray_pareto_search_"):
                named = dict(labels)
                assert named["study"] == "tiny"
                other = "/".join(named[key] for key in ("state", "stage", "source", "reason", "status") if key in named)
                values.setdefault((name.removeprefix("ray_pareto_search_"), other), []).append(value)
    return values


def test_the_metrics_tell_what_the_run_did(samples: list[Samples], folder: Path) -> None:
    values = of_run(samples)
    events = pd.read_csv(folder / "run" / "events.csv")
    pruned = events[(events["kind"] == "trial_ended") & (events["status"] == "pruned")]
    last = {key: found[-1] for key, found in values.items()}
    assert last["trials", "complete"] + last["trials", "pruned"] == 3
    assert last["trials", "failed"] == 1
    assert max(values["trials", "training"]) == 1
    assert last["trials", "training"] == last["trials", "measuring"] == last["measuring_queue", ""] == 0
    assert last["failures_total", "diverged"] == 1
    assert last["epochs_saved_total", ""] == (3 - pruned["epoch"]).sum() > 0
    assert sum(value for (name, _), value in last.items() if name == "costs_known_total") == 4
    assert last["dataset_bytes", ""] > 10_000
    assert last["best_force_rmse_ev_per_ang", ""] > 0
    assert last["networks_trained_total", "confirm/complete"] == 3 * last["trials", "complete"]
    assert values["epochs_trained_total", ""] == sorted(values["epochs_trained_total", ""])


def test_there_is_no_label_for_each_trial(samples: list[Samples]) -> None:
    of_package = {labels for look in samples for name, labels in look if name.startswith("ray_pareto_search_")}
    keys = {key for labels in of_package for key, _ in labels}
    assert not keys & {"trial", "trial_id", "model_id"}
    assert len(of_package) < 40


def test_every_panel_asks_for_metrics_that_are_exported(samples: list[Samples]) -> None:
    exported = {name for look in samples for name, _ in look}
    labels: dict[str, set[str]] = {}
    for name, pairs in (key for look in samples for key in look):
        labels.setdefault(name, set()).update(label for label, _ in pairs)
    panels = json.loads(DASHBOARD.read_text())["panels"]
    for panel in panels:
        for target in panel["targets"]:
            names = re.findall(r"ray_\w+", target["expr"])
            assert names, panel["title"]
            assert set(names) <= exported, panel["title"]
            grouped = re.findall(r"by \(([^)]*)\)", target["expr"])
            for label in [part.strip() for group in grouped for part in group.split(",")]:
                assert label in labels[names[0]], (panel["title"], label)
    assert {name for name in exported if "pareto_search" in name} <= set(re.findall(r"ray_\w+", DASHBOARD.read_text()))


def test_the_dashboard_is_one_that_grafana_knows() -> None:
    """Grafana's own types read it and lose nothing of it."""
    written = json.loads(DASHBOARD.read_text())
    read = json.loads(json.dumps(Dashboard.from_json(written), cls=JSONEncoder))
    assert list(lost(written, read)) == []
    assert {panel["type"] for panel in written["panels"]} <= {"stat", "timeseries", "bargauge"}
    places = [panel["gridPos"] for panel in written["panels"]]
    cells = [(x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def lost(written: Any, read: Any, place: str = "") -> Iterator[str]:
    """Places of what was written and is not, or is otherwise, in what was read."""
    if isinstance(written, dict):
        for key, value in written.items():
            yield from lost(value, read.get(key), f"{place}/{key}") if isinstance(read, dict) else [place]
    elif isinstance(written, list) and isinstance(read, list) and len(written) == len(read):
        for number, (one, other) in enumerate(zip(written, read, strict=True)):
            yield from lost(one, other, f"{place}/{number}")
    elif written != read:
        yield place


def test_files_for_prometheus_and_grafana_name_what_is_there() -> None:
    folder = ROOT / "dashboards"
    (scrape_config,) = yaml.safe_load((folder / "prometheus.yml").read_text())["scrape_configs"]
    (discovery,) = scrape_config["file_sd_configs"][0]["files"]
    assert discovery == f"/tmp/ray/{PROMETHEUS_SERVICE_DISCOVERY_FILE}"
    provisioning = folder / "grafana" / "provisioning"
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "pareto_search.yaml").read_text())["providers"]
    assert provider["type"] == "file"
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yaml").read_text())["datasources"]
    assert source["type"] == json.loads(DASHBOARD.read_text())["templating"]["list"][0]["query"]
