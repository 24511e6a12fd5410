import errno
import subprocess
import sys

import pytest
import torch

from pareto_search.cluster.limits import HungError, limited, why_all_end, why_failed
from pareto_search.config import ClusterSettings
from pareto_search.errors import StoreError, WriteError, is_out_of_memory

HANG = """
import sys, time
from pathlib import Path
from pareto_search.config import ClusterSettings
from pareto_search.cluster.limits import limited
with limited(ClusterSettings(max_hours_per_trial=0.2 / 3600), Path(sys.argv[1])):
    time.sleep(60)
"""
GREEDY = """
import sys
from pathlib import Path
import torch
from pareto_search.config import ClusterSettings
from pareto_search.cluster.limits import limited, why_failed
cluster = ClusterSettings(memory_gib_per_trial=1.0)
try:
    with limited(cluster, Path(sys.argv[1])):
        torch.ones(2**28, dtype=torch.float64)
except Exception as error:
    print(why_failed(error, cluster))
torch.ones(2**28, dtype=torch.float64)  # the limit ends with the trial
"""


def run(script, note):
    command = [sys.executable, "-W", "ignore", "-c", script, str(note)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.slow
def test_a_process_that_hangs_ends_and_says_where_when_it_is_tried_again(tmp_path):
    note = tmp_path / "notes" / "hung.txt"
    assert run(HANG, note).returncode == 1
    hung = pytest.raises(HungError, match=r"max_hours_per_trial = 1.0 h and was ended at File .*line 7")
    with hung, limited(ClusterSettings(max_hours_per_trial=1), note):
        pass
    with limited(ClusterSettings(max_hours_per_trial=1), note):  # the note is gone: a later study may try again
        pass
    assert not note.exists()


@pytest.mark.slow
def test_memory_beyond_the_limit_is_an_error_with_its_name(tmp_path):
    done = run(GREEDY, tmp_path / "hung.txt")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("out of memory (cluster.memory_gib_per_trial = 1): RuntimeError")


@pytest.mark.parametrize(
    ("error", "is_memory"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:1] DefaultCPUAllocator: can't allocate memory: 8 bytes"), True),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), False),
        (ValueError("memory"), False),
    ],
)
def test_out_of_memory_is_recognised_by_type(error, is_memory):
    assert is_out_of_memory(error) is is_memory
    assert why_failed(error, ClusterSettings()).startswith("out of memory: ") is is_memory


def chained(inner: Exception) -> Exception:
    try:
        raise RuntimeError("outer") from inner
    except RuntimeError as error:
        return error


def test_a_full_or_read_only_disk_ends_all_and_other_errors_do_not():
    for number in (errno.ENOSPC, errno.EROFS, errno.EDQUOT):
        assert "run the same command" in why_all_end(OSError(number, "no"))
    assert why_all_end(chained(OSError(errno.ENOSPC, "No space left on device"))) is not None
    assert why_all_end(WriteError("x could not be written")) == "x could not be written"
    assert why_all_end(StoreError("costs.json is damaged")) == "costs.json is damaged"
    assert why_all_end(OSError(errno.ENOENT, "no file")) is None
    assert why_all_end(chained(ValueError("a"))) is None
