"""What travels between a trial's worker and the driver."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

#: Keys of a result: the reason why the trial is about to fail; that this would befall every trial; that it is the last;
#: epochs that the trial's networks were trained for in this run.
FAILURE, ENDS_ALL, IS_FINAL, N_TRAINED_EPOCHS = "failure", "ends_all", "is_final", "n_trained_epochs"

#: How a trial reports a result while it trains.
Report = Callable[[dict[str, object]], None]

EndStatus = Literal["complete", "pruned", "infeasible", "failed"]


@dataclass(frozen=True)
class Costs:
    """What a trial's architecture costs, known before it is trained.

    Attributes:
        values: By column of a network's record.
        key: Of the record in the cost table; empty where there is none.
    """

    values: Mapping[str, float]
    key: str = ""

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """Build from `to_plain`."""
        return cls({name: value for name, value in plain.items() if name != "key"}, plain["key"])

    def to_plain(self) -> dict[str, Any]:
        """Name to value, the key among them."""
        return {**self.values, "key": self.key}


@dataclass(frozen=True)
class TrialEnd:
    """How a trial ended.

    Attributes:
        status: infeasible: refused for its costs before it was trained.
        cost_key: Of its costs in the cost table; empty if they are not known.
        epoch: Epoch that its student reached; None if it did not begin or that is not known.
        result: The final result of a complete trial.
    """

    number: int
    status: EndStatus
    reason: str | None
    params: dict[str, object]
    cost_key: str = ""
    epoch: int | None = None
    result: dict[str, Any] | None = None
