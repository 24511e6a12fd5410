"""Replaying recorded learning curves: a whole search in a second, through the sampler and the pruning rule themselves.

Workers train side by side in simulated time; a trial is handed out, reports at its rungs, is paused, promoted and
pruned as on a cluster, but its validation errors are looked up in a table of networks that were really trained.
"""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pareto_search.config import SearchSettings
from pareto_search.search.messages import Costs
from pareto_search.search.proposing import SeenTrial, propose
from pareto_search.search.rungs import ParetoRungs
from pareto_search.search.space import to_features


@dataclass(frozen=True)
class CurveTable:
    """Networks with their learning curves, one for every combination of a finite space.

    Attributes:
        points: Parameters of each.
        force_rmse_ev_per_ang: On validation, after each epoch, shape (n_networks, n_epochs).
        final_force_rmse_ev_per_ang: Of the kept weights, shape (n_networks,).
        md_us_per_atom_step: Shape (n_networks,).
        max_atoms: Shape (n_networks,).
        epoch_s: Seconds of one epoch, shape (n_networks,).
        bytes_per_atom: Shape (n_networks,).
    """

    points: Sequence[Mapping[str, object]]
    force_rmse_ev_per_ang: NDArray[np.float64]
    final_force_rmse_ev_per_ang: NDArray[np.float64]
    md_us_per_atom_step: NDArray[np.float64]
    max_atoms: NDArray[np.float64]
    epoch_s: NDArray[np.float64]
    bytes_per_atom: NDArray[np.float64]

    @property
    def n_epochs(self) -> int:
        """Epochs that every network was trained for."""
        return int(self.force_rmse_ev_per_ang.shape[1])

    @property
    def objectives(self) -> NDArray[np.float64]:
        """Final force RMSE, MD step time and most atoms, shape (n_networks, 3)."""
        return np.stack([self.final_force_rmse_ev_per_ang, self.md_us_per_atom_step, self.max_atoms], axis=1)

    def row(self, params: Mapping[str, object]) -> int:
        """Index of the network with these parameters."""
        return list(self.points).index(params)

    def costs(self, row: int) -> Costs:
        """Costs of a network."""
        return Costs(float(self.md_us_per_atom_step[row]), int(self.max_atoms[row]), float(self.bytes_per_atom[row]))


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


class Replay:
    """A search over a table, until every network has been tried.

    Args:
        table: The networks.
        settings: Sampler and its seed; the space holds exactly the table's networks.
        rungs: The pruning rule; without rungs every trial trains to its end.
        n_workers: Trials that train side by side.
    """

    def __init__(self, table: CurveTable, settings: SearchSettings, rungs: ParetoRungs, n_workers: int = 4) -> None:
        self._table = table
        self._settings = settings
        self._rungs = rungs
        self._n_workers = n_workers
        self._rows: list[int] = []
        self._epochs: list[int] = []
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
            trial, epoch = stint.trial, stint.last_epoch
            self._epochs[trial] = epoch
            row = self._rows[trial]
            if epoch == self._table.n_epochs:
                self._rungs.finish(trial, self._table.final_force_rmse_ev_per_ang[row])
                yield self._spent + sum(other.epochs_until(self._now_s) for other in self._running), row
                continue
            rmse = float(self._table.force_rmse_ev_per_ang[row, epoch - 1])
            features = to_features(self._settings.space, self._table.points[row])
            self._rungs.record(trial, epoch, rmse, self._table.costs(row), features)
            if self._rungs.goes_on(trial, epoch):
                self._rungs.passed(trial, epoch)
                self._start(trial)
            else:
                self._rungs.pause(trial, epoch)

    def _fill(self) -> None:
        """Give every free worker a trial: a paused one that may go on, else a new one, at last whatever is paused."""
        while len(self._running) < self._n_workers:
            promotable = self._rungs.promotable()
            if promotable:
                self._resume(promotable[0])
            elif len(self._rows) < len(self._table.points):
                point = propose(self._settings, self._seen(), len(self._rows))
                self._rows.append(self._table.row(point))
                self._epochs.append(0)
                self._start(len(self._rows) - 1)
            elif (best := self._rungs.next_best()) is not None:
                self._resume(best)
            else:
                return

    def _resume(self, trial: int) -> None:
        self._rungs.resume(trial)
        self._start(trial)

    def _start(self, trial: int) -> None:
        first = self._epochs[trial]
        last = next((epoch for epoch in self._rungs.epochs if epoch > first), self._table.n_epochs)
        duration_s = (last - first) * float(self._table.epoch_s[self._rows[trial]])
        heapq.heappush(self._running, _Stint(self._now_s + duration_s, self._now_s, trial, first, last))

    def _seen(self) -> list[SeenTrial]:
        forecasts = self._rungs.forecasts()
        seen = []
        for trial, row in enumerate(self._rows):
            costs = self._table.costs(row)
            values = (forecasts[trial], costs.md_us_per_atom_step, costs.max_atoms) if trial in forecasts else None
            seen.append(SeenTrial(self._table.points[row], values, is_open=True))
        return seen
