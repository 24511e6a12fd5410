"""Pareto pruning: which trials of a search go on at the rungs, by force error there and exact costs.

An asynchronous successive halving (Li et al., MLSys 2020) for several objectives, two of which are known before
training. A trial that does not belong to the best 1/η of those that reached its rung is paused; it is promoted if it
belongs to them later, when more trials have come, and pruned if the search ends before that.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pareto_search.analysis.pareto import hypervolume_contributions, pareto_ranks
from pareto_search.search.results import Costs

#: Trials whose MD step time, and whose capacity, are within this factor share a cost region.
REGION_FACTOR = 1.25
#: The reference point of contributions lies this many decades beyond the worst of the trials.
_MARGIN_DECADES = 0.1


class ParetoRungs:
    """What trials reached at the rungs, and which of them go on.

    Args:
        epochs: Of the rungs, rising; without any, every trial goes on.
        reduction_factor: η.

    Attributes:
        epochs, reduction_factor: As given.
        paused: Trials that wait, by number, with the epoch of the rung at which they do.
    """

    def __init__(self, epochs: Sequence[int], reduction_factor: int) -> None:
        self.epochs = tuple(epochs)
        self.paused: dict[int, int] = {}
        self.reduction_factor = reduction_factor
        self._rungs = {epoch: _Rung() for epoch in epochs}
        self._passed: dict[int, int] = {}
        self._finals: dict[int, float] = {}

    def record(self, trial: int, epoch: int, force_rmse: float, costs: Costs) -> None:
        """Note a trial's validation force RMSE at the epoch of a rung; again changes nothing."""
        rung = self._rungs[epoch]
        if trial not in rung.index:
            rung.add(trial, np.log10([force_rmse, costs.md_us_per_atom_step, 1.0 / costs.max_atoms]))

    def finish(self, trial: int, force_rmse: float) -> None:
        """Note the force RMSE of a trial that was trained to its end."""
        self._finals[trial] = force_rmse

    def goes_on(self, trial: int, epoch: int) -> bool:
        """Whether a trial that has reached a rung may train on now; True for one that has passed it before."""
        rung = self._rungs[epoch]
        if epoch > self._passed.get(trial, 0) and trial not in rung.best(self.reduction_factor):
            return rung.is_alone(trial)
        return True

    def passed(self, trial: int, epoch: int) -> None:
        """Note that a trial has been allowed beyond a rung; it is not asked about again."""
        self._passed[trial] = max(epoch, self._passed.get(trial, 0))

    def pause(self, trial: int, epoch: int) -> None:
        """Let a trial wait at a rung."""
        self.paused[trial] = epoch

    def resume(self, trial: int) -> None:
        """Let a paused trial train on."""
        self.passed(trial, self.paused.pop(trial))

    def promotable(self) -> list[int]:
        """Paused trials that belong to the best of their rung by now, the furthest first."""
        found = []
        for epoch in set(self.paused.values()):
            best = self._rungs[epoch].best(self.reduction_factor)
            found += [
                (-epoch, best[trial], trial) for trial, at in self.paused.items() if at == epoch and trial in best
            ]
        return [trial for *_, trial in sorted(found)]

    def next_best(self) -> int | None:
        """The paused trial that would be the next to be promoted if the search were longer; None if none waits."""
        order = {epoch: self._rungs[epoch].best(1) for epoch in set(self.paused.values())}
        return min(self.paused, key=lambda t: (-self.paused[t], order[self.paused[t]][t]), default=None)

    def forecasts(self) -> dict[int, float]:
        """Force RMSE at the end, by trial: as measured, or scaled from its last rung by the median gain after it.

        A trial before its first rung has none, nor has one at a rung that no finished trial has passed.
        """
        found: dict[int, float] = {}
        for epoch in self.epochs:
            rung = self._rungs[epoch]
            gains = [
                np.log10(final) - rung.points[rung.index[t]][0] for t, final in self._finals.items() if t in rung.index
            ]
            if gains:
                gain = float(np.median(gains))
                found |= {trial: 10 ** (rung.points[i][0] + gain) for trial, i in rung.index.items()}
        return found | self._finals


class _Rung:
    """Trials at one rung: log10 of force RMSE, MD step time and 1/atoms, all to be minimised."""

    def __init__(self) -> None:
        self.index: dict[int, int] = {}
        self.points: list[NDArray[np.float64]] = []
        self._order: list[int] = []

    def add(self, trial: int, point: NDArray[np.float64]) -> None:
        self.index[trial] = len(self.points)
        self.points.append(point)

    def best(self, reduction_factor: int) -> dict[int, int]:
        """The best 1/η of the trials, by number, with their place: by non-dominated rank, then by hypervolume."""
        if len(self._order) != len(self.points):
            trials = list(self.index)
            self._order = [trials[i] for i in order_of(np.array(self.points))]
        n_best = -(-len(self._order) // reduction_factor)
        return {trial: place for place, trial in enumerate(self._order[:n_best])}

    def is_alone(self, trial: int) -> bool:
        """Whether no other trial costs about the same."""
        costs = np.array(self.points)[:, 1:]
        near = (np.abs(costs - costs[self.index[trial]]) < np.log10(REGION_FACTOR)).all(axis=1)
        return int(near.sum()) == 1


def order_of(points: NDArray[np.float64]) -> NDArray[np.int64]:
    """Indices of points, shape (n, 3), all to be minimised, from best to worst."""
    if len(points) == 0:
        return np.zeros(0, dtype=np.int64)
    ranks = pareto_ranks(points)
    shares = np.zeros(len(points))
    reference = points.max(axis=0) + _MARGIN_DECADES
    for rank in range(int(ranks.max()) + 1):
        members = ranks == rank
        shares[members] = hypervolume_contributions(points[members], reference)
    return np.lexsort((-shares, ranks))
