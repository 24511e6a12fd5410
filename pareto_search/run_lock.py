"""The lock of a run directory: taken by the process that uses it, and read by those that follow it."""

import fcntl
import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Literal

import psutil

from pareto_search.errors import StoreError

#: Whether the process that took a directory last still lives, where that can be seen.
Holder = Literal["alive", "gone", "unknown"]
OTHER_OUT = "choose another directory with --out"


def take_lock(lock: IO[str], folder: Path) -> None:
    """Lock the open lock file of a folder for this process, and write there who has it.

    Raises:
        StoreError: If another process has it.
    """
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.seek(0)
        holder = lock.read().strip() or "another process"
        raise StoreError(f"{folder} is in use by {holder}; wait for it to end, stop it, or {OTHER_OUT}") from error
    started = datetime.now(UTC).isoformat(timespec="seconds")
    lock.truncate(0)
    lock.write(f"process {os.getpid()} on {socket.gethostname()} since {started}\n")
    lock.flush()


def lock_holder(lock: Path) -> Holder:
    """Whether the process that wrote a lock file lives: it is read, not taken, so that no run is disturbed."""
    try:
        words = lock.read_text(encoding="utf-8").split()
        pid, host, since = int(words[1]), words[3], datetime.fromisoformat(words[5]).timestamp()
    except (OSError, ValueError, IndexError):
        return "unknown"
    if host != socket.gethostname():
        return "unknown"
    try:
        process = psutil.Process(pid)
        is_same = process.create_time() <= since + 1.0  # another process may have got its number since
        return "alive" if is_same and process.status() != psutil.STATUS_ZOMBIE else "gone"
    except psutil.NoSuchProcess:
        return "gone"
    except psutil.Error:
        return "unknown"
