import io
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
import torch
from ase.build import bulk

from pareto_search.config import HipnnArchitecture
from pareto_search.measure import probe_server
from pareto_search.measure.probe import ProbeSpec, StepMemory

SPEC = ProbeSpec(HipnnArchitecture(n_features=6), (13,), "explicit", bulk("Al", cubic=True), device="cpu", skin_ang=0.5)


def answers(monkeypatch, probe, *, budget_bytes: int | None = 1000) -> dict[str, Any]:
    """The server's reply to one request, with the given function in place of the probe."""
    monkeypatch.setattr(probe_server, "memory_of_step", probe)
    request = {"spec": SPEC.to_plain(), "n_atoms": 32, "budget_bytes": budget_bytes}
    replies = io.StringIO()
    probe_server.serve(io.StringIO(json.dumps(request) + "\n"), replies)
    return dict(json.loads(replies.getvalue()))


def raises(error: BaseException):
    def probe(*args: Any, **kwargs: Any) -> StepMemory:
        raise error

    return probe


def test_memory_is_told(monkeypatch) -> None:
    def probe(spec: ProbeSpec, n_atoms: int, *, budget_bytes: int, give_up) -> StepMemory:
        assert spec.architecture == SPEC.architecture
        return StepMemory(used_bytes=n_atoms * budget_bytes, baseline_bytes=int(10 * spec.skin_ang))

    told = answers(monkeypatch, probe)
    assert told == {"outcome": "fits", "used_bytes": 32_000, "baseline_bytes": 5}


def test_giving_up_means_that_it_does_not_fit(monkeypatch) -> None:
    def probe(*args: Any, give_up, **kwargs: Any) -> StepMemory:
        give_up()
        raise AssertionError("the process goes on")

    assert answers(monkeypatch, probe) == {"outcome": "does not fit"}


@pytest.mark.parametrize(
    ("error", "budget_bytes", "outcome"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), None, "does not fit"),
        (MemoryError(), 1000, "does not fit"),
        (MemoryError(), None, "does not fit"),  # of a GPU's host, where the neighbour list is built
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 8 bytes"), 1000, "does not fit"),
        (RuntimeError("CUDA out of memory"), None, "error"),  # not recognised by its type
    ],
)
def test_only_lack_of_memory_means_that_it_does_not_fit(monkeypatch, error, budget_bytes, outcome) -> None:
    assert answers(monkeypatch, raises(error), budget_bytes=budget_bytes)["outcome"] == outcome


def test_another_error_is_told_with_its_message(monkeypatch) -> None:
    assert "ValueError: 42 is odd" in answers(monkeypatch, raises(ValueError("42 is odd")))["message"]


def test_a_signal_is_told(monkeypatch) -> None:
    def probe(*args: Any, **kwargs: Any) -> StepMemory:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    assert answers(monkeypatch, probe) == {"outcome": "killed", "signal": 9}


def test_a_silent_end_is_an_error(monkeypatch) -> None:
    assert "status 3" in answers(monkeypatch, lambda *a, **k: os._exit(3))["message"]


LIMITED = """
import resource
_, hard = resource.getrlimit(resource.RLIMIT_DATA)
resource.setrlimit(resource.RLIMIT_DATA, (4 * 2**30, hard))  # as that of a trial
from pareto_search.measure import probe_server
probe_server.serve = lambda *streams: print(resource.getrlimit(resource.RLIMIT_DATA) == (hard, hard))
probe_server.main()
"""


@pytest.mark.slow
def test_the_memory_of_a_trial_does_not_bound_its_probes() -> None:
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", LIMITED], capture_output=True, text=True, check=True)
    assert done.stderr == "True\n"


def test_spec_survives_json() -> None:
    spec = replace(SPEC, n_threads=3, temperature_k=77.0)
    back = ProbeSpec.from_plain(json.loads(json.dumps(spec.to_plain())))
    assert back.unit == spec.unit
    assert replace(back, unit=spec.unit) == spec
