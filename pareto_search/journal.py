"""The journal of a run: what happens, as it happens, told to all who listen (the store, the cluster's metrics)."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, Unpack

from pareto_search.records import Event, EventDetails, EventKind


class Note(Protocol):
    """How those who know no journal note something: `Journal.note`."""

    def __call__(self, kind: EventKind, /, **details: Unpack[EventDetails]) -> None: ...  # noqa: D102


@dataclass(frozen=True)
class Journal:
    """Where the driver notes what happens.

    Attributes:
        listeners: Called with every event, in order.
        clock: Unix time.
    """

    listeners: list[Callable[[Event], None]]
    clock: Callable[[], float] = time.time

    def note(self, kind: EventKind, /, **details: Unpack[EventDetails]) -> None:
        """Tell everyone that something happened."""
        event = Event(self.clock(), kind, **details)
        for listener in self.listeners:
            listener(event)

    @contextmanager
    def stage(self, name: str, n_planned: int | None = None) -> Iterator[None]:
        """Note the beginning and the end of a stage; one that is interrupted has no end."""
        self.note("stage_began", stage=name, n_planned=n_planned)
        yield
        self.note("stage_ended", stage=name)
