"""What a trial may take: time and memory are bounded, and errors that would befall every trial are recognised."""

import errno
import faulthandler
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pareto_search.cluster.session import WorkFailedError
from pareto_search.config import ClusterSettings
from pareto_search.errors import MeasurementError, StoreError, is_out_of_memory, reason_of

#: Errors of the operating system that every other trial would meet too.
_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class HungError(MeasurementError):
    """A trial took longer than it may."""


class AllWorkFailsError(WorkFailedError):
    """What made the work fail would make all other work fail, too."""


@contextmanager
def named_failures(cluster: ClusterSettings) -> Iterator[None]:
    """Raise a `WorkFailedError` with the reason in place of any error.

    Raises:
        AllWorkFailsError: If the error would befall all other work, too.
        WorkFailedError: If it concerns this work alone.
    """
    try:
        yield
    except Exception as error:
        ends_all = why_all_end(error)
        if ends_all is not None:
            raise AllWorkFailsError(ends_all) from error
        raise WorkFailedError(why_failed(error, cluster)) from error


@contextmanager
def limited(cluster: ClusterSettings, note: Path) -> Iterator[None]:
    """Hold this process to the time and memory of a trial.

    A process that takes too long may be stuck in a library, where no exception reaches it: it writes where it is into
    the note and ends. Whoever starts the same work again finds the note and raises.

    Raises:
        HungError: If the note is there: the work hung when it was tried before.
    """
    if note.is_file() and (place := note.read_text(encoding="utf-8")):
        note.unlink()
        raise HungError(
            f"it took longer than cluster.max_hours_per_trial = {cluster.max_hours_per_trial} h and was ended "
            f"{_innermost(place)}"
        )
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if cluster.memory_gib_per_trial is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (int(cluster.memory_gib_per_trial * 2**30), hard))
    try:
        with _watched(cluster.max_hours_per_trial, note):
            yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


@contextmanager
def _watched(max_hours: float | None, note: Path) -> Iterator[None]:
    if max_hours is None:
        yield
        return
    note.parent.mkdir(parents=True, exist_ok=True)
    with note.open("w", encoding="utf-8") as file:
        faulthandler.dump_traceback_later(3600 * max_hours, exit=True, file=file)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()
    note.unlink(missing_ok=True)


def _innermost(dump: str) -> str:
    """Where the main work was, from a dump of all threads: the first frame of this package, or else the first."""
    frames = [line.strip() for line in dump.splitlines() if line.strip().startswith("File")]
    of_package = [frame for frame in frames if "pareto_search" in frame and "limits.py" not in frame]
    return f"at {(of_package or frames or ['an unknown place'])[0]}"


def why_failed(error: BaseException, cluster: ClusterSettings) -> str:
    """The reason of a failure in one line; a lack of memory is named as such."""
    if not is_out_of_memory(error):
        return reason_of(error)
    limit = cluster.memory_gib_per_trial
    bound = "" if limit is None else f" (cluster.memory_gib_per_trial = {limit:g})"
    return f"out of memory{bound}: {reason_of(error)}"


def why_all_end(error: BaseException) -> str | None:
    """Why an error would befall every other trial too: the disk is full or read-only, the run damaged; else None."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, StoreError) or (isinstance(cause, OSError) and cause.errno in _DISK_ERRORS):
            return str(cause) if isinstance(cause, StoreError) else f"{cause}; free space, then run the same command"
        cause = cause.__cause__ or cause.__context__
    return None
