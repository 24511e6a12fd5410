"""Facts about the device that measurements run on."""

import hashlib
import os
import platform
from collections.abc import Callable
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path

import psutil
import torch

from pareto_search.measure.memory import GIB
from pareto_search.potential.process import check_device

_PACKAGES = ("torch", "hippynn", "ase", "vesin", "numpy", "pareto_search")

#: Files that no cost depends on.
_NO_COST_FILES = ("rdf.py", "liquid.py", "liquid_files.py")


def device_name(device: str) -> str:
    """Name of the processor, for a CPU with the number of cores this process may use.

    Raises:
        ConfigError: If the device does not exist.
    """
    check_device(device)
    if torch.device(device).type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{_cpu_model()} ({n_cores()} cores)"


def device_memory_gib(device: str) -> float:
    """Total memory of a GPU, or of the machine for a CPU, in GiB.

    Raises:
        ConfigError: If the device does not exist.
    """
    check_device(device)
    if torch.device(device).type == "cuda":
        return float(torch.cuda.get_device_properties(device).total_memory) / GIB
    return float(psutil.virtual_memory().total) / GIB


def synchronizer(device: str) -> Callable[[], None]:
    """A function that returns when all work queued on the device is done; on a CPU nothing is queued."""
    if torch.device(device).type == "cuda":
        return partial(torch.cuda.synchronize, device)
    return no_wait


def no_wait() -> None:
    """Return at once: a CPU has finished when its functions return."""


def software_versions() -> dict[str, str]:
    """Versions of everything that a measured time or memory depends on, by package."""
    return {"python": platform.python_version()} | {name: version(name) for name in _PACKAGES}


@cache
def source_hash() -> str:
    """Hash of this package's own code that a measured time or memory depends on."""
    package = Path(__file__).resolve().parents[1]
    files = sorted(path for room in ("potential", "measure") for path in (package / room).glob("*.py"))
    files = [path for path in files if path.name not in _NO_COST_FILES]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name" and value.strip():
                return value.strip()
    return platform.processor() or platform.machine()


def n_cores() -> int:
    """Cores that this process may use: those of its SLURM step, `taskset` or cpuset."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
