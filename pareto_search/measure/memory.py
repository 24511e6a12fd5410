"""Peak memory of the process on a device, and a guard against a process that outgrows its budget."""

import contextlib
import os
import resource
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import torch

GIB = 2**30
#: ru_maxrss is in KiB, on macOS in bytes.
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 2**10
_POLL_S = 0.002


def start_counting(device: str) -> int:
    """Memory in use now, in bytes: resident on a CPU, allocated by PyTorch on a GPU. The peak counts from here.

    Where the kernel cannot forget the process's earlier peak (no writable /proc/self/clear_refs), that one goes on
    counting.
    """
    if torch.device(device).type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
        return int(torch.cuda.memory_allocated(device))
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return int(psutil.Process().memory_info().rss)


def peak_bytes(device: str) -> int:
    """Largest memory in use since `start_counting`, in bytes."""
    if torch.device(device).type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MAXRSS_UNIT


def occupied_bytes(device: str) -> int:
    """Memory that is taken before a system is built, in bytes: by this process, on a GPU by everyone."""
    if torch.device(device).type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        return int(total - free)
    return int(psutil.Process().memory_info().rss)


def guard_resident_memory(limit_bytes: int, stop: Callable[[], None]) -> None:
    """Call `stop` once, from a thread of its own, as soon as resident memory is above a limit."""
    process = psutil.Process()
    never = threading.Event()

    def poll() -> None:
        while process.memory_info().rss <= limit_bytes:
            never.wait(_POLL_S)
        stop()

    threading.Thread(target=poll, daemon=True).start()


def free_of_soft_limit() -> None:
    """Let this process and its children allocate up to the hard limit: the soft one is a trial's, not the device's."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))


def volunteer_for_oom_killer() -> None:
    """Make the kernel's OOM killer choose this process before any other; without effect where there is none."""
    with contextlib.suppress(OSError):
        Path(f"/proc/{os.getpid()}/oom_score_adj").write_text("1000")
