"""The journal of a run: what happens, as it happens, passed on to its listeners (store, metrics); and its log file."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from pareto_search.records import Event

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Journal:
    """Where the driver notes what happens.

    Attributes:
        listeners: Called with every event, in order.
        clock: Unix time.
    """

    listeners: list[Callable[[Event], None]]
    clock: Callable[[], float] = time.time

    def note(self, event: Event) -> None:
        """Pass on that something happened now."""
        timed = replace(event, at_s=self.clock())
        for listener in self.listeners:
            listener(timed)

    @contextmanager
    def stage(self, name: str, n_planned: int | None = None) -> Iterator[None]:
        """Note the beginning and the end of a stage; one that is interrupted has no end."""
        self.note(Event("stage_began", stage=name, n_planned=n_planned))
        yield
        self.note(Event("stage_ended", stage=name))


@contextmanager
def log_to(path: Path) -> Iterator[None]:
    """Keep what is logged in a file as well."""
    handler = _LogFile(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger("pareto_search")
    root.addHandler(handler)
    try:
        yield
    except Exception as error:  # the command line prints it
        handler.handle(logger.makeRecord(logger.name, logging.ERROR, __file__, 0, "stopped: %s", (error,), None))
        raise
    finally:
        root.removeHandler(handler)
        handler.close()


class _LogFile(logging.FileHandler):
    """A log that a full disk neither ends nor clutters: its lines are in the terminal too, failures in the results."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        """Leave the line out."""

    def close(self) -> None:
        """Close, though lines were left out."""
        with suppress(OSError):
            super().close()
