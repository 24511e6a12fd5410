"""Files that a reader, or a process that dies, never leaves half of; arrays in npz files; the user's cache."""

import fcntl
import io
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from platformdirs import user_cache_path

from pareto_search.errors import DataError, WriteError


def write_atomic(path: Path, content: str | bytes) -> None:
    """Replace a file in one step: readers, and a process that dies, see the old content or the new.

    Raises:
        WriteError: If it cannot be written.
    """
    data = content.encode() if isinstance(content, str) else content
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(0o644)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise WriteError(
            f"{path} could not be written ({error.strerror or error}); free space or make its folder writable, then "
            "run the same command again"
        ) from error


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder to fill, which then takes the place of the given one: that appears whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        yield temporary
        temporary.chmod(0o755)
        old = temporary.with_name(f"{temporary.name}-old")
        if folder.exists():
            folder.replace(old)
        temporary.replace(folder)
        shutil.rmtree(old, ignore_errors=True)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def by_age(paths: Iterable[Path]) -> list[Path]:
    """Files or folders, the oldest first."""
    ages: dict[Path, int] = {}
    for path in paths:
        with suppress(FileNotFoundError):  # being replaced
            ages[path] = path.stat().st_mtime_ns
    return sorted(ages, key=lambda path: (ages[path], path.name))


@contextmanager
def locked(path: Path, *, is_shared: bool = False) -> Iterator[None]:
    """Hold a lock, for this process alone or shared, that the kernel releases when the process ends.

    Args:
        path: Lock file, made for the user alone where it is not there.
        is_shared: Whether others may hold it so too.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)) as file:
        fcntl.flock(file, fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX)
        try:
            yield
        finally:
            # Explicit: closing is not enough where a forked child still has the file open.
            fcntl.flock(file, fcntl.LOCK_UN)


def user_cache() -> Path:
    """Where whatever is costly and belongs to no run is kept: PARETO_SEARCH_CACHE_DIR, or the user's cache."""
    return Path(os.environ.get("PARETO_SEARCH_CACHE_DIR") or user_cache_path("pareto_search"))


def write_arrays(path: Path, **arrays: ArrayLike) -> None:
    """Write arrays to an npz file, whole or not at all.

    Raises:
        WriteError: If it cannot be written.
    """
    content = io.BytesIO()
    plain: dict[str, Any] = {name: np.asarray(values) for name, values in arrays.items()}
    np.savez(content, **plain)
    write_atomic(path, content.getvalue())


def read_arrays(path: Path, *, remedy: str) -> dict[str, np.ndarray]:
    """The arrays of an npz file; a pickle in it is refused.

    Raises:
        DataError: If the file is missing, truncated or holds more than plain arrays; the message ends in the remedy.
    """
    if not path.is_file():
        raise DataError(f"{path} is missing; {remedy}")
    content = io.BytesIO(path.read_bytes())
    if not zipfile.is_zipfile(content):
        raise DataError(f"{path} is truncated or not an npz file (pickles are never read); {remedy}")
    try:
        with np.load(content, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} cannot be read as plain arrays ({error}); {remedy}") from error
