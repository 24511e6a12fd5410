"""The journal of a run: what happens, as it happens, told to all who listen (the store, the cluster's metrics)."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pareto_search.records import Event, EventKind

#: How those who know no journal note something: `Journal.note`.
Note = Callable[..., None]


@dataclass(frozen=True)
class Journal:
    """Where the driver notes what happens.

    Attributes:
        listeners: Called with every event, in order.
        clock: Unix time.
    """

    listeners: list[Callable[[Event], None]]
    clock: Callable[[], float] = time.time

    def note(self, kind: EventKind, **details: Any) -> None:
        """Tell everyone that something happened; `details` are the other fields of `Event`."""
        event = Event(self.clock(), kind, **details)
        for listener in self.listeners:
            listener(event)

    @contextmanager
    def stage(self, name: str, n_planned: int | None = None) -> Iterator[None]:
        """Note the beginning and the end of a stage; one that is interrupted has no end."""
        self.note("stage_began", stage=name, n_planned=n_planned)
        yield
        self.note("stage_ended", stage=name)
