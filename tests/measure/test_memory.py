import mmap
import sys
import threading

import numpy as np
import psutil
import pytest

from pareto_search.measure.memory import guard_resident_memory, occupied_bytes, peak_bytes, start_counting

MIB = 2**20
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the peak can be reset on Linux only")


def use_and_free(n_bytes: int) -> None:
    """Touch new pages; an array might be put where this process has freed some before and not given them back."""
    with mmap.mmap(-1, n_bytes) as pages:
        for start in range(0, n_bytes, mmap.PAGESIZE):
            pages[start] = 1


def test_the_peak_forgets_what_was_before_and_keeps_what_was_freed() -> None:
    use_and_free(200 * MIB)
    before = start_counting("cpu")
    assert peak_bytes("cpu") - before < 20 * MIB
    use_and_free(100 * MIB)
    assert peak_bytes("cpu") - before == pytest.approx(100 * MIB, abs=20 * MIB)
    assert occupied_bytes("cpu") - before < 20 * MIB


def test_the_guard_calls_only_above_its_limit() -> None:
    called = threading.Event()
    guard_resident_memory(psutil.Process().memory_info().rss + 100 * MIB, called.set)
    assert not called.wait(0.1)
    block = np.ones(200 * MIB, dtype=np.uint8)
    assert called.wait(5.0)
    assert block.size == 200 * MIB
