"""A gate per device: many processes of a user may train at once, but while one measures a cost no other runs."""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from pareto_search.files import locked


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
        self._folder = folder
        self._device = re.sub(r"[^A-Za-z0-9]+", "-", device)

    @contextmanager
    def training(self) -> Iterator[None]:
        """Hold for a short stretch of training (an epoch): measurers wait for its end."""
        with ExitStack() as stack:
            # Exclusive, though readers could share it: overlapping readers would never leave it free for a measurer.
            with self._locked("turnstile"):
                stack.enter_context(self._locked("gate", is_shared=True))
            yield

    @contextmanager
    def measuring(self) -> Iterator[None]:
        """Hold alone: waits for stretches of training to end, and new ones wait."""
        with self._locked("turnstile"), self._locked("gate"):
            yield

    def _locked(self, what: str, *, is_shared: bool = False) -> AbstractContextManager[None]:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return locked(self._folder / f"{self._device}.{what}.lock", is_shared=is_shared)
