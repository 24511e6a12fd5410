"""A gate per device: many processes of a user may train at once, but while one measures a cost no other runs."""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class DeviceGate:
    """Shared for training, exclusive for measuring, between all processes of a user on one host.

    Two locked files make a readers-writer lock. Whoever enters passes the *turnstile* one at a time; a measurer
    stays in it until the *gate* is free of training and keeps it while it measures, so newcomers queue behind it
    instead of starving it. The kernel frees both when a process dies.

    Entering one context inside the other in the same process waits for ever.

    Args:
        folder: Where the lock files are kept; local to the host, the same for all the user's processes.
        device: Name of the device.
    """

    def __init__(self, folder: Path, device: str) -> None:
        name = re.sub(r"[^A-Za-z0-9]+", "-", device)
        self._turnstile = folder / f"{name}.turnstile.lock"
        self._gate = folder / f"{name}.gate.lock"

    @contextmanager
    def training(self) -> Iterator[None]:
        """Hold for a short stretch of training (an epoch): measurers wait for its end."""
        with _opened(self._turnstile) as turnstile, _opened(self._gate) as gate:
            # Exclusive, though readers could share it: overlapping readers would never leave it free for a measurer.
            with _locked(turnstile, fcntl.LOCK_EX):
                fcntl.flock(gate, fcntl.LOCK_SH)
            try:
                yield
            finally:
                fcntl.flock(gate, fcntl.LOCK_UN)

    @contextmanager
    def measuring(self) -> Iterator[None]:
        """Hold alone: waits for stretches of training to end, and new ones wait."""
        with (
            _opened(self._turnstile) as turnstile,
            _opened(self._gate) as gate,
            _locked(turnstile, fcntl.LOCK_EX),
            _locked(gate, fcntl.LOCK_EX),
        ):
            yield


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """A lock file, made where it is not there."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _locked(descriptor: int, operation: int) -> Iterator[None]:
    fcntl.flock(descriptor, operation)
    try:
        yield
    finally:
        # Explicit: closing is not enough where a forked child still has the file open.
        fcntl.flock(descriptor, fcntl.LOCK_UN)
