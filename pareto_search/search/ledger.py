"""Where a search keeps what the next driver of it needs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pareto_search.search.messages import EndStatus

#: Attributes of a trial: index of the user's point; costs; what is learned by rung; epoch of the rung at which it
#: waits; epochs its networks were trained for; run it came from; how many had ended before it; how it ended and why;
#: its networks.
SEED_POINT, COSTS, RUNGS, PAUSED = "seed_point", "costs", "rungs", "paused_at_epoch"
N_EPOCHS, ORIGIN, N_BEFORE = "n_trained_epochs", "warm_start", "n_ended_before"
STATUS, REASON, MODEL_IDS = "status", "reason", "model_ids"


class TrialHandle(Protocol):
    """A trial that has not ended, as it stands in the ledger."""

    @property
    def number(self) -> int:
        """In the ledger, from 0."""

    def keep(self, name: str, value: object) -> None:
        """Keep an attribute."""

    def refuse(self, violation: float) -> None:
        """Keep that it is infeasible, and how far its costs are beyond the caps."""

    def end(self, status: EndStatus, values: Sequence[float] | None) -> None:
        """Keep how it ended, with the objectives of a complete one."""


@dataclass(frozen=True)
class KeptTrial:
    """A trial as an earlier driver left it.

    Attributes:
        params: Value of every searched dimension.
        status: How it ended; None if it has not.
        values: Objectives of a complete one.
        handle: Where it is still running.
    """

    number: int
    params: dict[str, Any]
    status: EndStatus | None = None
    values: tuple[float, ...] | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    handle: TrialHandle | None = None


class Ledger(Protocol):
    """The trials of a search."""

    @property
    def name(self) -> str:
        """Name of the study."""

    @property
    def seconds(self) -> float:
        """That earlier drivers searched."""

    def note_seconds(self, seconds: float) -> None:
        """Keep how long the search has run."""

    def trials(self) -> list[KeptTrial]:
        """All trials, by number."""

    def begin(self, params: dict[str, Any], attributes: Mapping[str, Any]) -> TrialHandle:
        """Add a running trial."""
