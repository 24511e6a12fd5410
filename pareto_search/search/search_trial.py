"""A trial of the search, what its ledger keeps of it, and the caps on its costs."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from pareto_search.config import CapSettings
from pareto_search.search.ledger import (
    COSTS,
    MODEL_IDS,
    N_BEFORE,
    N_EPOCHS,
    PAUSED,
    REASON,
    RUNGS,
    STATUS,
    KeptTrial,
    TrialHandle,
)
from pareto_search.search.messages import Costs, EndStatus
from pareto_search.search.proposing import SeenTrial


@dataclass
class SearchTrial:
    """A trial in the driver's memory; what the next driver needs is written to the ledger as it happens.

    Attributes:
        params: Value of every searched dimension.
        handle: The ledger's trial, as long as it has not ended.
        costs: Of its architecture, once they are known.
        violation: How far they are beyond the user's caps; 0 within them.
        reached: What it had learned on validation, by column, by the epoch of the rung.
        n_epochs: Epochs that it is known to have trained.
        failure: What its worker announced, where it failed.
    """

    number: int
    params: dict[str, object]
    handle: TrialHandle | None
    costs: Costs | None = None
    violation: float = 0.0
    reached: dict[int, Mapping[str, float]] = field(default_factory=dict)
    n_epochs: int = 0
    failure: str | None = None

    @classmethod
    def of_earlier_run(cls, kept: KeptTrial, caps: CapSettings) -> Self:
        """What the ledger kept of a trial that another driver began."""
        found = cls(kept.number, kept.params, kept.handle)
        if COSTS in kept.attributes:
            found._set_costs(Costs.from_plain(kept.attributes[COSTS]), caps)
            found.reached = {int(epoch): _by_column(values) for epoch, values in kept.attributes.get(RUNGS, {}).items()}
            found.n_epochs = max(found.reached, default=0)
        return found

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.handle is not None

    def know_costs(self, costs: Costs, caps: CapSettings) -> None:
        """Keep its costs, unless they are known."""
        if self.costs is None:
            self._keep(COSTS, costs.to_plain())
            self._set_costs(costs, caps)

    def reach(self, epoch: int, values: Mapping[str, float]) -> None:
        """Keep what it has learned at a rung; that of the first time stays."""
        if epoch not in self.reached:
            self.reached[epoch] = values
            self._keep(RUNGS, self.reached)

    def wait_at(self, epoch: int | None) -> None:
        """Keep at which rung it waits; None: it goes on."""
        self._keep(PAUSED, epoch)

    def trained_until(self, epoch: int) -> int:
        """Note an epoch that it has reached; returns how many were trained since the one before."""
        n_new = max(0, epoch - self.n_epochs)
        self.n_epochs += n_new
        return n_new

    def refuse(self) -> None:
        """Mark it as infeasible in the ledger."""
        self._open_handle().refuse(self.violation)

    def end(
        self,
        status: EndStatus,
        reason: str | None,
        *,
        n_ended_before: int,
        model_ids: Sequence[str] | None,
        values: Sequence[float] | None,
    ) -> None:
        """Write to the ledger how it ended.

        Args:
            status: How.
            reason: Why, unless it is complete.
            n_ended_before: How many trials had.
            model_ids: Its networks.
            values: Objectives of a complete one.
        """
        attributes = {
            STATUS: status,
            REASON: reason,
            MODEL_IDS: model_ids,
            N_EPOCHS: self.n_epochs,
            N_BEFORE: n_ended_before,
        }
        for name, value in attributes.items():
            if value is not None:
                self._keep(name, value)
        self._open_handle().end(status, values)
        self.handle = None

    def as_seen(self, learned: Mapping[str, float] | None, objectives: Sequence[str]) -> SeenTrial:
        """As a sampler sees it."""
        values = None
        if learned is not None and self.costs is not None:
            costs = self.costs.values
            values = tuple([learned[name] if name in learned else costs[name] for name in objectives])
        return SeenTrial(self.params, values, self.violation, self.is_open)

    def _set_costs(self, costs: Costs, caps: CapSettings) -> None:
        self.costs = costs
        self.violation = _violation_of(costs, caps)

    def _keep(self, name: str, value: object) -> None:
        self._open_handle().keep(name, value)

    def _open_handle(self) -> TrialHandle:
        assert self.handle is not None, "a trial that has ended changes no more"
        return self.handle


def _by_column(kept: Mapping[str, float] | float) -> Mapping[str, float]:
    """What was learned at a rung; an older version kept the force RMSE alone."""
    return kept if isinstance(kept, Mapping) else {"valid_force_rmse_ev_per_ang": kept}


def broken_caps(costs: Costs, caps: CapSettings) -> list[str]:
    """What is beyond the user's caps, in words."""
    return [text for excess, text in _excesses(costs, caps) if excess > 1]


def _violation_of(costs: Costs, caps: CapSettings) -> float:
    """How far costs are beyond the caps, as the sum of logarithms of the excess; 0 within them."""
    return sum(max(0.0, math.log(excess)) for excess, _ in _excesses(costs, caps))


def _excesses(costs: Costs, caps: CapSettings) -> Iterator[tuple[float, str]]:
    """Each cost over its cap (above 1: beyond it), and both in words."""
    values = costs.values
    if (cap := caps.max_md_us_per_atom_step) is not None:
        time = values["md_us_per_atom_step"]
        yield time / cap, f"{time:.3g} µs/atom/step, at most {cap:g}"
    if caps.min_atoms is not None:
        atoms = values["max_atoms"]
        yield caps.min_atoms / max(atoms, 0.5), f"{atoms} atoms fit, at least {caps.min_atoms}"
    if (cap := caps.max_bytes_per_atom) is not None:
        memory = values["bytes_per_atom"]
        yield memory / cap, f"{memory:.0f} bytes/atom, at most {cap:g}"
