"""Searches on a cluster of several nodes, and on one with a GPU; the nodes are processes on this machine."""

import json
import subprocess
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest
from optuna.trial import TrialState
from ray.cluster_utils import Cluster

from tests.cluster.test_tune import params_run, started_driver, trials, wait_for
from tests.clusters import cluster_without_nodes

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

STORE_BYTES = 100_000_000


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with cluster_without_nodes() as cluster:
        yield cluster


def nodes_of(folder: Path) -> set[str]:
    """The nodes on which trials have begun."""
    notes = folder / "nodes"
    return set(notes.read_text().split()) if notes.exists() else set()


def finish(driver: subprocess.Popen[str]) -> None:
    output = driver.communicate(timeout=240)
    assert driver.returncode == 0, output


def test_a_search_ends_complete_though_a_node_dies_under_its_trial(tmp_path: Path, cluster: Cluster) -> None:
    for _ in range(2):
        node = cluster.add_node(num_cpus=1, object_store_memory=STORE_BYTES, include_dashboard=False)
    with started_driver(tmp_path, 4, "wait", f"address={cluster.address}") as driver:
        wait_for(lambda: len(nodes_of(tmp_path)) == 2, driver)
        cluster.remove_node(node, allow_graceful=False)
        (tmp_path / "go").touch()
        finish(driver)
    assert [trial.state for trial in trials(tmp_path)] == [TrialState.COMPLETE] * 4
    assert sorted(len(params_run(tmp_path, number)) for number in range(4)) == [1, 1, 1, 2]


def test_nothing_trains_on_a_gpu_while_costs_are_measured_on_it(tmp_path: Path, cluster: Cluster) -> None:
    cluster.add_node(num_cpus=4, num_gpus=1, object_store_memory=STORE_BYTES, include_dashboard=False)
    settings = (f"address={cluster.address}", "gpus_per_trial=0.25", "reuse_workers=false")
    with started_driver(tmp_path, 8, "timed", *settings) as driver:
        finish(driver)
    assert [trial.state for trial in trials(tmp_path)] == [TrialState.COMPLETE] * 8
    spans = [json.loads(line) for line in (tmp_path / "intervals").read_text().splitlines()]
    together = [{one[0], other[0]} for one, other in combinations(spans, 2) if one[1] < other[2] and other[1] < one[2]]
    assert {"trial"} in together  # four of them fit on the GPU
    assert all(pair == {"trial"} for pair in together)
