import os
from typing import Any

import pytest
import ray
import torch

from pareto_search import planning
from pareto_search.cluster import session as cluster
from pareto_search.config import ClusterSettings, StudyConfig
from pareto_search.errors import ConfigError
from pareto_search.measure import device as facts
from pareto_search.potential.process import check_device
from tests.tiny_study import TINY


@pytest.mark.parametrize("device", ["cuda", "cuda:7"])
@pytest.mark.parametrize("ask", [check_device, facts.device_name, facts.device_memory_gib])
def test_a_gpu_that_is_not_there_is_refused(monkeypatch, device: str, ask) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(ConfigError, match=rf"asked for '{device}'.*sees 0 CUDA.*set device to 'cpu'"):
        ask(device)


def test_the_last_gpu_is_accepted_and_the_next_refused(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    check_device("cuda")
    check_device("cuda:1")
    with pytest.raises(ConfigError):
        check_device("cuda:2")


def test_the_cpu_has_a_name_and_memory() -> None:
    assert facts.device_name("cpu").endswith("cores)")
    assert not facts.device_name("cpu").startswith(" ")
    assert 0.25 < facts.device_memory_gib("cpu") < 100_000


def test_cores_that_the_process_may_not_use_do_not_count(monkeypatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 2, 5}, raising=False)
    started: dict[str, Any] = {}
    monkeypatch.setattr(ray, "init", lambda **settings: started.update(settings))
    cluster._start_or_join(ClusterSettings(), "three cores")
    assert started["num_cpus"] == 3
    assert planning._n_workers(StudyConfig.model_validate(TINY | {"cluster": {}})) == 3
    assert facts.device_name("cpu").endswith("(3 cores)")


def test_versions_name_what_costs_depend_on() -> None:
    versions = facts.software_versions()
    assert set(versions) == {"python", "torch", "hippynn", "ase", "vesin", "numpy", "pareto_search"}
    assert versions["torch"] == torch.__version__


def test_a_cpu_needs_no_synchronising() -> None:
    assert facts.synchronizer("cpu") is facts.no_wait
