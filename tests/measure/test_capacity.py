import math
import os
import signal
import subprocess
import sys
from typing import Any

import pytest
import torch
from ase import Atoms
from ase.build import bulk
from hypothesis import given, settings
from hypothesis import strategies as st

from pareto_search.config import HipnnArchitecture, MeasureSettings
from pareto_search.errors import ConfigError, MeasurementError
from pareto_search.measure.capacity import largest_fitting, measure_capacity
from pareto_search.measure.probe import ProbeSpec, StepMemory
from pareto_search.measure.prober import Prober
from pareto_search.records import Bracket

MIB = 2**20
SMALL = HipnnArchitecture(
    n_features=6, n_sensitivities=6, n_atom_layers=1, dist_soft_max_ang=4.5, dist_hard_max_ang=5.0
)


def spec(unit: Atoms | None = None, **changes: Any) -> ProbeSpec:
    unit = bulk("Al", cubic=True) if unit is None else unit
    return ProbeSpec(**{"architecture": SMALL, "elements": (13,), "engine": "explicit", "unit": unit, **changes})


def measure_settings(budget_mib: float, **changes: Any) -> MeasureSettings:
    return MeasureSettings(structure={"symbol": "Al"}, memory_budget_gib=budget_mib / 1024, **changes)


class FakeProber(Prober):
    """Memory by a formula instead of by processes."""

    def __init__(self, used_bytes, largest_on_gpu: float = math.inf) -> None:
        self.used_bytes, self.largest_on_gpu = used_bytes, largest_on_gpu
        self.asked: list[int] = []

    def memory_of_step(self, spec: ProbeSpec, n_atoms: int, *, budget_bytes: int | None) -> StepMemory | None:
        self.asked.append(n_atoms)
        if n_atoms > self.largest_on_gpu:
            return None
        return StepMemory(used_bytes=int(self.used_bytes(n_atoms)), baseline_bytes=300 * MIB)


# --- largest_fitting -------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(
    threshold=st.integers(0, 10**6),
    start=st.integers(1, 10**6),
    more=st.integers(0, 10**6),
    rel_tol=st.floats(1e-4, 0.5),
    first_growth=st.floats(1.001, 4.0),
)
def test_bracket_holds_the_threshold(threshold, start, more, rel_tol, first_growth) -> None:
    limit = start + more
    asked: list[int] = []

    def fits(n: int) -> bool:
        asked.append(n)
        return n <= threshold

    found = largest_fitting(fits, start=start, limit=limit, rel_tol=rel_tol, first_growth=first_growth)
    assert min(asked) >= 1
    assert max(asked) <= limit
    if threshold >= limit:
        assert found == Bracket(n_ok=limit, n_failed=None)
    else:
        assert found.n_failed is not None
        assert found.n_ok <= threshold < found.n_failed
        assert found.n_failed - found.n_ok <= max(1, rel_tol * found.n_ok)
        assert found.n_failed in asked
        assert found.n_ok in asked or found.n_ok == 0
    assert len(asked) == len(set(asked))


def test_a_right_start_needs_two_trials_and_a_doubling_search_few() -> None:
    asked: list[int] = []

    def fits(n: int) -> bool:
        asked.append(n)
        return n <= 10_000

    largest_fitting(fits, start=9_950, limit=10**7, rel_tol=0.02, first_growth=1.02)
    assert asked == [9_950, 10_149]
    asked.clear()
    largest_fitting(fits, start=100, limit=10**7)
    assert asked[:8] == [100, 200, 400, 800, 1600, 3200, 6400, 12800]
    assert len(asked) <= 14


@pytest.mark.parametrize(
    "arguments",
    [
        {"start": 0, "limit": 5},
        {"start": 6, "limit": 5},
        {"start": 1, "limit": 5, "rel_tol": 0.0},
        {"start": 1, "limit": 5, "first_growth": 1.0},
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="need"):
        largest_fitting(lambda n: True, **arguments)


# --- the search over systems, with memory by formula -----------------------------------------------------------------


@pytest.mark.parametrize("bytes_per_atom", [300.0, 9_000.0, 400_000.0, 5e6])
@pytest.mark.parametrize("fixed_mib", [0.0, 26.0])
def test_capacity_of_a_known_law(bytes_per_atom: float, fixed_mib: float) -> None:
    prober = FakeProber(lambda n: fixed_mib * MIB + bytes_per_atom * n)
    capacity = measure_capacity(spec(), measure_settings(512), prober=prober)
    exact = (512 - fixed_mib) * MIB / bytes_per_atom
    n_ok, n_failed = capacity.bracket.n_ok, capacity.bracket.n_failed
    assert n_failed is not None
    assert n_ok <= exact < n_failed
    if n_ok > 2000:
        assert n_failed - n_ok <= 0.03 * n_ok  # 2 % and the distance between supercells
    assert capacity.bytes_per_atom == pytest.approx(fixed_mib * MIB / n_ok + bytes_per_atom, abs=1)
    assert len(prober.asked) == len(set(prober.asked)) <= 14
    first_fitting = next(i for i, n in enumerate(prober.asked) if n <= exact)
    assert max(prober.asked[first_fitting:]) <= 2.1 * exact
    assert capacity.probes == tuple((n, int(prober.used_bytes(n)) if n <= exact else None) for n in prober.asked)
    assert capacity.baseline_gib == 300 / 1024
    nothing_known_was_run(prober.asked, exact)


def nothing_known_was_run(asked: list[int], exact: float) -> None:
    """Check that no size was run below one that had been seen to fit, or above one that had not."""
    for i, n in enumerate(asked):
        assert n > max((m for m in asked[:i] if m <= exact), default=0)
        assert n < min((m for m in asked[:i] if m > exact), default=math.inf)


def test_a_step_down_to_what_is_known_to_fit_runs_nothing() -> None:
    prober = FakeProber(lambda n: MIB / 4 + 1_200 * n + (MIB if n > 55_350 else 0))
    capacity = measure_capacity(spec(), measure_settings(64), prober=prober)
    nothing_known_was_run(prober.asked, 55_350)
    assert [n > 55_350 for n in prober.asked] == [True, False, False, True]
    assert capacity.bracket == Bracket(n_ok=prober.asked[2], n_failed=prober.asked[3])


def test_scratch_memory_does_not_hide_the_memory_per_atom() -> None:
    prober = FakeProber(lambda n: max(30 * MIB, 1_500 * n))
    capacity = measure_capacity(spec(), measure_settings(64), prober=prober)
    assert min(prober.asked) * 1_500 < 30 * MIB
    assert capacity.bytes_per_atom == pytest.approx(1_500, rel=0.01)


def test_few_probes_where_memory_grows_with_the_system() -> None:
    prober = FakeProber(lambda n: 20 * MIB + 5_000 * n)
    measure_capacity(spec(), measure_settings(1024), prober=prober)
    assert len(prober.asked) <= 5


@pytest.mark.parametrize(("guess", "n_probes"), [(107_000, 2), (109_000, 3), (11_000, 14), (214_000, 12)])
def test_a_good_guess_saves_probes_and_a_bad_one_still_finds_the_bracket(guess: int, n_probes: int) -> None:
    prober = FakeProber(lambda n: 5_000 * n)
    capacity = measure_capacity(spec(), measure_settings(512), prober=prober, max_atoms_guess=guess)
    exact = 512 * MIB / 5_000
    assert exact / 1.03 <= capacity.bracket.n_ok <= exact < capacity.bracket.n_failed <= 1.03 * exact
    assert len(prober.asked) <= n_probes
    nothing_known_was_run(prober.asked, exact)


def test_a_large_unit_cell_gives_a_bracket_of_neighbouring_sizes() -> None:
    unit = bulk("Al", cubic=True).repeat(6)  # 864 atoms
    capacity = measure_capacity(spec(unit), measure_settings(100), prober=FakeProber(lambda n: 10_000 * n))
    assert capacity.bracket == Bracket(n_ok=10_368, n_failed=13_824)  # 12 and 16 cells: of 13 no near-cubic box exists


def test_the_limit_ends_the_search() -> None:
    prober = FakeProber(lambda n: 10 * n)
    capacity = measure_capacity(spec(), measure_settings(100, max_atoms_limit=4000), prober=prober)
    assert capacity.bracket == Bracket(n_ok=4000, n_failed=None)


def test_a_unit_cell_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(MeasurementError, match=r"4 atoms do not fit 0\.5 GiB on cpu"):
        measure_capacity(spec(), measure_settings(512), prober=FakeProber(lambda n: 1e12))


def test_one_size_gives_memory_per_atom() -> None:
    prober = FakeProber(lambda n: 400 * MIB if n == 4 else 1e12)
    capacity = measure_capacity(spec(), measure_settings(512), prober=prober)
    assert capacity.bytes_per_atom == 100 * MIB
    assert capacity.max_atoms == 4


def test_a_gpu_is_filled_until_it_is_out_of_memory(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr("pareto_search.measure.capacity.device_memory_gib", lambda device: 4.0)
    prober = FakeProber(lambda n: 1000 * n, largest_on_gpu=3_000_000)
    capacity = measure_capacity(spec(device="cuda"), measure_settings(1), prober=prober)
    assert capacity.budget_gib == 4.0
    assert 3_000_000 / 1.03 < capacity.max_atoms <= 3_000_000 < capacity.bracket.n_failed


def test_a_gpu_that_is_not_there_is_refused_before_anything_starts(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr("pareto_search.measure.capacity.Prober", lambda: pytest.fail("a prober was started"))
    with pytest.raises(ConfigError, match="asked for 'cuda'"):
        measure_capacity(spec(device="cuda"), measure_settings(10))


# --- real processes --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def prober():
    with Prober() as opened:
        yield opened


@pytest.mark.slow
def test_real_capacity(prober: Prober) -> None:
    small, large = (measure_capacity(spec(), measure_settings(mib), prober=prober) for mib in (8, 16))
    for capacity in (small, large):
        n_ok, n_failed = capacity.bracket.n_ok, capacity.bracket.n_failed
        assert n_ok < n_failed <= 1.04 * n_ok
        probes = dict(capacity.probes)
        assert probes[n_failed] is None
        assert probes[n_ok] <= capacity.budget_gib * 2**30
        assert len(probes) <= 10
        assert 0.05 < capacity.baseline_gib < 2
    assert large.max_atoms > 1.5 * small.max_atoms
    # 66 neighbours within 6 Å in the crystal; the list keeps 4 bytes for each and building it some more.
    assert 66 * 4 < large.bytes_per_atom < 66 * 200


@pytest.mark.slow
def test_a_longer_cutoff_leaves_room_for_fewer_atoms(prober: Prober) -> None:
    far = SMALL.model_copy(update={"dist_soft_max_ang": 7.0, "dist_hard_max_ang": 7.5})
    near, wide = (
        measure_capacity(spec(architecture=a), measure_settings(12, rel_tol=0.1), prober=prober) for a in (SMALL, far)
    )
    assert wide.max_atoms < 0.7 * near.max_atoms
    assert wide.bytes_per_atom > 1.5 * near.bytes_per_atom


@pytest.mark.slow
def test_a_probe_starts_fresh_whatever_ran_before(prober: Prober) -> None:
    first = prober.memory_of_step(spec(), 256, budget_bytes=500 * MIB)
    big = prober.memory_of_step(spec(), 16_384, budget_bytes=500 * MIB)
    again = prober.memory_of_step(spec(), 256, budget_bytes=500 * MIB)
    assert big.used_bytes > 4 * first.used_bytes
    assert abs(again.used_bytes - first.used_bytes) < 3 * MIB
    assert abs(again.baseline_bytes - first.baseline_bytes) < 3 * MIB


@pytest.mark.slow
def test_a_probe_is_ended_at_its_budget(prober: Prober) -> None:
    assert prober.memory_of_step(spec(), 400_000, budget_bytes=20 * MIB) is None  # would need 1.5 GB


@pytest.mark.slow
def test_another_failure_is_an_error_and_the_prober_goes_on(prober: Prober) -> None:
    with pytest.raises(MeasurementError, match=r"one of 32 atoms on cpu failed: KeyError"):
        prober.memory_of_step(spec(elements=(29,)), 32, budget_bytes=500 * MIB)
    assert prober.memory_of_step(spec(), 32, budget_bytes=500 * MIB) is not None


@pytest.mark.slow
def test_the_server_has_no_threads_to_lose_in_a_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    with Prober() as prober:
        prober.memory_of_step(spec(), 32, budget_bytes=500 * MIB)
        assert len(os.listdir(f"/proc/{prober._server.pid}/task")) == 1  # noqa: PTH208


@pytest.mark.slow
def test_a_server_that_died_is_an_error() -> None:
    with Prober() as prober:
        os.kill(prober._server.pid, signal.SIGKILL)
        prober._server.wait()
        with pytest.raises(MeasurementError, match="probe server"):
            prober.memory_of_step(spec(), 32, budget_bytes=500 * MIB)


@pytest.mark.slow
def test_works_in_a_script_from_stdin_in_another_folder(tmp_path) -> None:
    (tmp_path / "torch.py").write_text("raise RuntimeError('the folder of the user was searched')")
    script = """
from ase.build import bulk
from pareto_search.config import HipnnArchitecture
from pareto_search.measure.probe import ProbeSpec
from pareto_search.measure.prober import Prober
spec = ProbeSpec(HipnnArchitecture(n_features=6, n_sensitivities=6), (13,), "explicit", bulk("Al", cubic=True))
with Prober() as prober:
    print("used", prober.memory_of_step(spec, 500, budget_bytes=2**30).used_bytes)
"""
    done = subprocess.run(
        [sys.executable, "-P", "-"], input=script, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("used ")


@pytest.mark.parametrize("budget", [MIB, None])
def test_only_a_probe_killed_for_memory_counts_as_not_fitting(monkeypatch, budget) -> None:
    prober = Prober()
    monkeypatch.setattr(prober, "_ask", lambda request: {"outcome": "killed", "signal": int(signal.SIGSEGV)})
    with pytest.raises(MeasurementError, match="ended by SIGSEGV"):
        prober.memory_of_step(spec(), 32, budget_bytes=budget)
    monkeypatch.setattr(prober, "_ask", lambda request: {"outcome": "killed", "signal": int(signal.SIGKILL)})
    assert prober.memory_of_step(spec(), 32, budget_bytes=budget) is None
    prober.__exit__(None, None, None)


def test_a_closed_prober_says_so() -> None:
    prober = Prober()
    with pytest.raises(MeasurementError, match="with Prober"):
        prober.memory_of_step(spec(), 32, budget_bytes=MIB)
    prober.__exit__(None, None, None)
