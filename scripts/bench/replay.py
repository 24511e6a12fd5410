"""Replaying recorded learning curves: a whole search in a second, through the search's own dispatch.

Workers train side by side in simulated time; which trial they get, and whether it goes on after a rung, the dispatcher
says as on a cluster, but what a trial learns is looked up in a table of networks that were really trained.
"""

import heapq
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pareto_search.config import SearchSettings
from pareto_search.search.dispatch import Dispatcher
from pareto_search.search.ledger import KeptTrial, TrialHandle
from pareto_search.search.messages import IS_FINAL, N_TRAINED_EPOCHS, Costs, EndStatus
from pareto_search.search.rungs import ParetoRungs
from pareto_search.search.stop import Stop
from pareto_search.search.trial_book import TrialBook


@dataclass(frozen=True)
class CurveTable:
    """Networks with their learning curves, one for every combination of a finite space.

    Attributes:
        points: Parameters of each.
        curves: What is learned, on validation, after each epoch, by column, shape (n_networks, n_epochs).
        finals: The same of the kept weights, shape (n_networks,).
        costs: By column, shape (n_networks,).
        epoch_s: Seconds of one epoch, shape (n_networks,).
    """

    points: Sequence[Mapping[str, object]]
    curves: Mapping[str, NDArray[np.float64]]
    finals: Mapping[str, NDArray[np.float64]]
    costs: Mapping[str, NDArray[np.float64]]
    epoch_s: NDArray[np.float64]

    @property
    def n_epochs(self) -> int:
        """Epochs that every network was trained for."""
        return int(next(iter(self.curves.values())).shape[1])

    def objectives(self, columns: Sequence[str]) -> NDArray[np.float64]:
        """Final values, shape (n_networks, n_columns)."""
        known = {**self.costs, **self.finals}
        return np.stack([known[column] for column in columns], axis=1)

    def row(self, params: Mapping[str, object]) -> int:
        """Index of the network with these parameters."""
        return list(self.points).index(dict(params))

    def costs_of(self, row: int) -> dict[str, float]:
        """Costs of a network, by column."""
        return {column: float(values[row]) for column, values in self.costs.items()}

    def report(self, row: int, epoch: int) -> dict[str, object]:
        """What the training of a network reports after an epoch; after the last, its final result."""
        is_final = epoch == self.n_epochs
        learned = {
            column: float(self.finals[column][row] if is_final else curve[row, epoch - 1])
            for column, curve in self.curves.items()
        }
        final = {IS_FINAL: True, N_TRAINED_EPOCHS: epoch} if is_final else {}
        return {**learned, **self.costs_of(row), "epoch": epoch, **final}


@dataclass(frozen=True, order=True)
class _Stint:
    """A worker's training of one trial up to its next rung or its end, in simulated seconds."""

    end_s: float
    start_s: float
    trial: int
    first_epoch: int
    last_epoch: int

    def epochs_until(self, now_s: float) -> float:
        """Epochs trained by a moment within the stint."""
        return (self.last_epoch - self.first_epoch) * (now_s - self.start_s) / (self.end_s - self.start_s)


class _NothingToMeasure:
    """A source of costs that is never asked: those of all networks are known."""

    def __len__(self) -> int:
        return 0

    def start(self, number: int, params: dict[str, object], name: str) -> None:
        raise LookupError(f"the table has no network with {params}")

    def collect(self) -> list[tuple[int, Costs | None, str | None, float]]:
        return []


class Replay:
    """A search over a table, until every network has been tried.

    Args:
        table: The networks.
        settings: Sampler and its seed; the space holds exactly the table's networks, and its budget does not count.
        rungs: The pruning rule; without rungs every trial trains to its end.
        n_workers: Trials that train side by side.
    """

    def __init__(self, table: CurveTable, settings: SearchSettings, rungs: ParetoRungs, n_workers: int = 4) -> None:
        unlimited = dict.fromkeys(("max_trained_epochs", "max_hours", "stop_without_gain"))
        settings = settings.model_copy(update={**unlimited, "n_trials": len(table.points)})
        self._table = table
        self._rungs = rungs
        self._book = TrialBook(NoLedger(), settings, lambda end: None, rungs=rungs)
        self._dispatcher = Dispatcher(
            self._book, settings, "replay", _NothingToMeasure(), Stop(), lambda: n_workers, self._known_costs
        )
        self._n_workers = n_workers
        self._running: list[_Stint] = []
        self._now_s = 0.0
        self._spent = 0.0

    def run(self) -> Iterator[tuple[float, int]]:
        """Each network trained to its end, as it ends: epochs trained by all workers until then, and its row."""
        while True:
            self._fill()
            if not self._running:
                return
            stint = heapq.heappop(self._running)
            self._now_s = stint.end_s
            self._spent += stint.last_epoch - stint.first_epoch
            trial, epoch, row = stint.trial, stint.last_epoch, self._row(stint.trial)
            report = self._table.report(row, epoch)
            if epoch < self._table.n_epochs and self._dispatcher.goes_on(trial, report):
                self._start(trial)
                continue
            self._dispatcher.stint_ended(trial, report)
            if epoch == self._table.n_epochs:
                yield self._spent + sum(other.epochs_until(self._now_s) for other in self._running), row

    def _fill(self) -> None:
        """Give every free worker what the dispatcher has for it; when all has been begun, whatever is paused."""
        while len(self._running) < self._n_workers:
            trial = self._dispatcher.next_trial()
            if trial is None and len(self._book.trials) == len(self._table.points):
                best = self._rungs.next_best()
                trial = None if best is None else self._dispatcher.promote(best)
            if trial is None:
                return
            self._start(trial.number)

    def _start(self, trial: int) -> None:
        first = self._book.trials[trial].n_epochs
        last = next((epoch for epoch in self._rungs.epochs if epoch > first), self._table.n_epochs)
        duration_s = (last - first) * float(self._table.epoch_s[self._row(trial)])
        heapq.heappush(self._running, _Stint(self._now_s + duration_s, self._now_s, trial, first, last))

    def _row(self, trial: int) -> int:
        return self._table.row(self._book.trials[trial].params)

    def _known_costs(self, params: Mapping[str, object]) -> Costs:
        return Costs(self._table.costs_of(self._table.row(params)))


@dataclass(frozen=True)
class _Forgotten:
    """A trial of which nothing is kept."""

    number: int

    def keep(self, name: str, value: object) -> None:
        """Keep nothing."""

    def refuse(self, violation: float) -> None:
        """Keep nothing."""

    def end(self, status: EndStatus, values: Sequence[float] | None) -> None:
        """Keep nothing."""


class NoLedger:
    """A ledger that keeps nothing, for searches that end with their process."""

    name = "replay"
    seconds = 0.0

    def __init__(self) -> None:
        self._numbers = itertools.count()

    def note_seconds(self, seconds: float) -> None:
        """Keep nothing."""

    def trials(self) -> list[KeptTrial]:
        """None."""
        return []

    def begin(self, params: dict[str, Any], attributes: Mapping[str, Any]) -> TrialHandle:
        """Number a trial."""
        return _Forgotten(next(self._numbers))
