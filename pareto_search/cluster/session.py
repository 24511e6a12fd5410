"""Starting or joining Ray, and how many trials it can hold."""

import ctypes
import logging
import math
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import ray
from ray.job_config import JobConfig

from pareto_search.config import ClusterSettings
from pareto_search.errors import ConfigError, ParetoSearchError

logger = logging.getLogger(__name__)

_JOIN_TIMEOUT_S = 10.0
_SLOTS_LIFETIME_S = 10.0
#: The GNU C library's number for the setting (malloc.h).
_M_ARENA_MAX = -8


class WorkFailedError(ParetoSearchError):
    """Raised in a worker in place of the error that ended its work; the message is the reason.

    Errors of any class cross processes this way, also those that cannot be pickled.
    """


@dataclass(frozen=True)
class RaySession:
    """The Ray cluster in use.

    Attributes:
        dashboard_url: Address of Ray's dashboard; None if it is off.
        n_slots: Trials or jobs that fit at once.
    """

    dashboard_url: str | None
    n_slots: int


@contextmanager
def ray_session(settings: ClusterSettings, name: str) -> Iterator[RaySession]:
    """Start Ray on this machine, or join the cluster that the settings name, and leave it at the end.

    A Ray that this process already uses is taken as it is and left running.

    Raises:
        ConfigError: If the cluster cannot be joined, or no machine of it can hold one trial.
    """
    is_ours = not ray.is_initialized()
    if is_ours:
        _start_or_join(settings, name)
    try:
        session = RaySession(dashboard_url=_dashboard_url(), n_slots=n_slots(settings))
        if session.dashboard_url:
            logger.info("Ray dashboard: %s", session.dashboard_url)
        yield session
    finally:
        if is_ours:
            ray.shutdown()


def n_slots(settings: ClusterSettings) -> int:
    """Trials that run at once: as many as the machines' CPUs and GPUs hold, at most max_concurrent_trials.

    Raises:
        ConfigError: If no machine can hold one.
    """
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    needs = {"CPU": float(settings.cpus_per_trial), "GPU": settings.gpus_per_trial}
    held: int = sum(
        min(math.floor(machine.get(kind, 0.0) / need + 1e-9) for kind, need in needs.items() if need > 0)
        for machine in machines
    )
    if held == 0:
        largest = {kind: max((machine.get(kind, 0.0) for machine in machines), default=0.0) for kind in needs}
        raise ConfigError(
            f"a trial needs {needs['CPU']:g} CPUs and {needs['GPU']:g} GPUs on one machine, but the machines of the "
            f"Ray cluster have at most {largest['CPU']:g} and {largest['GPU']:g}; lower cluster.cpus_per_trial or "
            "cluster.gpus_per_trial, or give the address of a larger cluster in cluster.address"
        )
    return min(held, settings.max_concurrent_trials or held)


class RememberedSlots:
    """How many trials fit, looked up again every few seconds: machines come and go."""

    def __init__(self, look_up: Callable[[], int]) -> None:
        self._look_up = look_up
        self._value = 0
        self._until = -math.inf

    def __call__(self) -> int:
        """The number; the last one known where no machine is left, so that trials wait for another to come."""
        if time.monotonic() > self._until:
            try:
                self._value = self._look_up()
            except ConfigError:
                if self._until < 0:
                    raise
            self._until = time.monotonic() + _SLOTS_LIFETIME_S
        return self._value


@contextmanager
def _keeping_sigterm() -> Iterator[None]:
    """Put the program's own SIGTERM handler back, which Ray replaces when it starts."""
    handler = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)


@_keeping_sigterm()
def _start_or_join(settings: ClusterSettings, name: str) -> None:
    from pareto_search.measure.device import n_cores  # loads PyTorch, which not every worker needs

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a study sends nothing anywhere unless its user sets it
    os.environ.setdefault("RAY_IGNORE_UNHANDLED_ERRORS", "1")  # a failure is in the study and the log, with its reason
    _share_one_heap()
    n_threads = str(settings.cpus_per_trial)
    begin = partial(
        ray.init,
        namespace=name,
        job_config=JobConfig(metadata={"job_name": name}),
        runtime_env={"env_vars": {"OMP_NUM_THREADS": n_threads, "MKL_NUM_THREADS": n_threads}},
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    if settings.address is None:
        begin(address="local", num_cpus=n_cores(), include_dashboard=settings.dashboard)
        return
    _check_reachable(settings.address)
    try:
        begin(address=settings.address)
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise _unreachable(settings.address, str(error).splitlines()[0]) from error


def _share_one_heap() -> None:
    """Make all threads allocate from one heap: each of Ray's thirty would keep its own, which fills with holes."""
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(_M_ARENA_MAX, 1)


def _check_reachable(address: str) -> None:
    """Knock at the cluster's port first: Ray itself would try for minutes."""
    if address == "auto":
        return
    host, separator, port = address.rpartition(":")
    if "://" in address or not separator or not port.isdecimal():
        raise ConfigError(
            f"cluster.address is written as host:port (usually port 6379) or auto, got {address!r}; "
            "`ray status` on the cluster's head shows it"
        )
    try:
        socket.create_connection((host, int(port)), timeout=_JOIN_TIMEOUT_S).close()
    except (OSError, OverflowError) as error:
        raise _unreachable(address, str(error)) from error


def _unreachable(address: str, reason: str) -> ConfigError:
    return ConfigError(
        f"cluster.address: no Ray cluster of this Ray version ({ray.__version__}) could be joined at {address} "
        f"({reason}); start one there with `ray start --head`, or leave cluster.address out to use this machine"
    )


def _dashboard_url() -> str | None:
    address = ray.get_runtime_context().worker.node.address_info.get("webui_url") if ray.is_initialized() else None
    return f"http://{address}" if address else None
