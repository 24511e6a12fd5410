"""Pareto pruning: which trials of a search go on at the rungs, by forecasts of what is learned and exact costs.

An asynchronous successive halving (Li et al., MLSys 2020) for several objectives, some of which are known before
training. A trial that does not belong to the best 1/η of those that reached its rung is paused; it is promoted if it
belongs to them later, when more trials have come, and pruned if the search ends before that.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pareto_search.analysis.front import from_costs, to_costs
from pareto_search.analysis.pareto import hypervolume_contributions, pareto_ranks
from pareto_search.objectives import Objective
from pareto_search.search.messages import Costs

#: Trials each of whose costs are within this factor share a cost region.
REGION_FACTOR = 1.25
#: The reference point of contributions lies this many decades beyond the worst of the trials.
_MARGIN_DECADES = 0.1


class ParetoRungs:
    """What trials reached at the rungs, and which of them go on.

    Args:
        epochs: Of the rungs, rising; without any, every trial goes on.
        reduction_factor: η.
        objectives: What is optimised.

    Attributes:
        paused: Trials that wait, by number, with the epoch of the rung at which they do.
    """

    def __init__(self, epochs: Sequence[int], reduction_factor: int, objectives: Sequence[Objective]) -> None:
        self.epochs = tuple(epochs)
        self.paused: dict[int, int] = {}
        self.reduction_factor = reduction_factor
        self._learned = tuple(objective for objective in objectives if objective.is_learned)
        self._rungs = {epoch: _Rung(objectives) for epoch in epochs}
        self._passed: dict[int, int] = {}
        self._finals: dict[int, NDArray[np.float64]] = {}
        self._ends: dict[int, dict[str, float]] = {}
        self._forecasts: dict[int, NDArray[np.float64]] | None = None
        self._orders: dict[int, list[int]] = {}

    def record(
        self,
        trial: int,
        epoch: int,
        values: Mapping[str, float],
        costs: Costs,
        features: Sequence[float] | NDArray[np.float64],
    ) -> None:
        """Note what a trial has learned at the epoch of a rung; again changes nothing.

        Args:
            trial: Its number.
            epoch: Of the rung.
            values: The objectives that are learned, by column.
            costs: Of its architecture.
            features: Where it lies in the space, as numbers, equally many for every trial.
        """
        if self._rungs[epoch].add(trial, values, costs, features):
            self._changed()

    def finish(self, trial: int, values: Mapping[str, float]) -> None:
        """Note the objectives that a trial has learned at its end, by column."""
        self._finals[trial] = measured(values, self._learned)
        self._ends[trial] = {objective.column: values[objective.column] for objective in self._learned}
        self._changed()

    def goes_on(self, trial: int, epoch: int) -> bool:
        """Whether a trial that has reached a rung may train on now; True for one that has passed it before."""
        if epoch > self._passed.get(trial, 0) and trial not in self._best(epoch):
            return self._rungs[epoch].is_alone(trial)
        return True

    def passed(self, trial: int, epoch: int) -> None:
        """Note that a trial has been allowed beyond a rung; it is not compared there again."""
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
        for epoch in sorted(set(self.paused.values()), reverse=True):
            found += [trial for trial in self._best(epoch) if self.paused.get(trial) == epoch]
        return found

    def next_best(self) -> int | None:
        """The paused trial that would be the next to be promoted if the search were longer; None if none waits."""
        furthest = max(self.paused.values(), default=0)
        return next((trial for trial in self._order(furthest) if self.paused.get(trial) == furthest), None)

    def forecasts(self) -> dict[int, dict[str, float]]:
        """What is learned at the end, by trial and column: as measured, or forecast from its last rung.

        A trial before its first rung has none, nor has one at a rung that no trial with a forecast has passed.
        """
        names = [objective.column for objective in self._learned]
        found = self._measured_forecasts()
        values = from_costs(list(found.values()), self._learned).tolist()
        forecast = {trial: dict(zip(names, row, strict=True)) for trial, row in zip(found, values, strict=True)}
        return forecast | self._ends  # as they were given, without the rounding of logarithms

    def _measured_forecasts(self) -> dict[int, NDArray[np.float64]]:
        if self._forecasts is None:
            known = dict(self._finals)
            for epoch in reversed(self.epochs):
                known |= self._rungs[epoch].forecasts(known)
            self._forecasts = known
        return self._forecasts

    def _best(self, epoch: int) -> list[int]:
        order = self._order(epoch)
        return order[: -(-len(order) // self.reduction_factor)]

    def _order(self, epoch: int) -> list[int]:
        """The trials at a rung from best to worst, by non-dominated rank and then by hypervolume."""
        if epoch not in self._orders:
            self._orders[epoch] = self._rungs[epoch].order(self._measured_forecasts()) if epoch in self._rungs else []
        return self._orders[epoch]

    def _changed(self) -> None:
        self._forecasts = None
        self._orders.clear()


class _Rung:
    """Trials at one rung.

    Args:
        objectives: What is optimised.

    Attributes:
        index: Place of each trial in the lists.
        errors: What they had learned there, on the scales of the objectives, to be minimised.
        features: Where they lie in the space.
    """

    def __init__(self, objectives: Sequence[Objective]) -> None:
        self._learned = tuple(objective for objective in objectives if objective.is_learned)
        self._known = tuple(objective for objective in objectives if not objective.is_learned)
        self.index: dict[int, int] = {}
        self.errors: list[NDArray[np.float64]] = []
        self.costs: list[NDArray[np.float64]] = []
        self.features: list[Sequence[float] | NDArray[np.float64]] = []

    def add(
        self, trial: int, values: Mapping[str, float], costs: Costs, features: Sequence[float] | NDArray[np.float64]
    ) -> bool:
        """Add a trial; False if it is there already. The arguments are those of `ParetoRungs.record`."""
        if trial in self.index:
            return False
        self.index[trial] = len(self.errors)
        self.errors.append(measured(values, self._learned))
        self.costs.append(measured(costs.values, self._known))
        self.features.append(features)
        return True

    def forecasts(self, known: dict[int, NDArray[np.float64]]) -> dict[int, NDArray[np.float64]]:
        """The end of those trials of which it is not known, by those of which it is; none by none."""
        examples = [trial for trial in self.index if trial in known]
        others = [trial for trial in self.index if trial not in known]
        if not examples or not others:
            return {}
        at, new = ([self.index[trial] for trial in trials] for trials in (examples, others))
        features, errors = np.array(self.features), np.array(self.errors)
        late = np.array([known[trial] for trial in examples])
        found = np.column_stack([
            forecast(features[at], errors[at, one], late[:, one], features[new], errors[new, one])
            for one in range(len(self._learned))
        ])  # fmt: skip
        return dict(zip(others, found, strict=True))

    def order(self, forecasts: dict[int, NDArray[np.float64]]) -> list[int]:
        """Trials from best to worst, by forecast errors, or by those at the rung where there are no forecasts."""
        trials = list(self.index)
        has_forecasts = all(trial in forecasts for trial in trials)
        errors = [forecasts[trial] for trial in trials] if has_forecasts else self.errors
        return [trials[i] for i in order_of(np.column_stack([errors, self.costs]))] if trials else []

    def is_alone(self, trial: int) -> bool:
        """Whether no other trial costs about the same."""
        costs, own = np.array(self.costs), self.costs[self.index[trial]]
        is_log = np.array([objective.scale == "log" for objective in self._known], dtype=bool)
        width = np.where(is_log, np.log10(REGION_FACTOR), (REGION_FACTOR - 1) * np.abs(own))
        return int((np.abs(costs - own) < width).all(axis=1).sum()) == 1


def measured(values: Mapping[str, float], objectives: Sequence[Objective]) -> NDArray[np.float64]:
    """Values by column on the scales of objectives, to be minimised."""
    return np.asarray(to_costs([[values[objective.column] for objective in objectives]], objectives)[0])


def order_of(points: NDArray[np.float64]) -> NDArray[np.int64]:
    """Indices of points, shape (n, n_objectives), all to be minimised, from best to worst."""
    if len(points) == 0:
        return np.zeros(0, dtype=np.int64)
    ranks = pareto_ranks(points)
    shares = np.zeros(len(points))
    reference = points.max(axis=0) + _MARGIN_DECADES
    for rank in range(int(ranks.max()) + 1):
        members = ranks == rank
        shares[members] = hypervolume_contributions(points[members], reference)
    return np.lexsort((-shares, ranks))


#: With fewer examples a network is taken to gain what the others gained.
_N_FOR_REGRESSION = 4
#: Strength of the ridge, in examples: the slope along each standardised feature is drawn to 0 as by one example.
_RIDGE = 1.0


def forecast(
    features: NDArray[np.float64],
    early: NDArray[np.float64],
    late: NDArray[np.float64],
    new_features: NDArray[np.float64],
    new_early: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Late values of new networks by ridge regression on their features and early values.

    Early validation errors order networks badly: the learning rate is still high, and large networks learn late. A
    network's place in the space (more features, a shorter cutoff) often predicts more, so both go into one regression.

    Args:
        features: Of the examples, shape (n, n_features).
        early: Of the examples, shape (n,), n > 0; in decades, as are all values.
        late: Of the examples, shape (n,).
        new_features: Shape (m, n_features).
        new_early: Shape (m,).

    Returns:
        Shape (m,).
    """
    if len(late) < _N_FOR_REGRESSION:
        return np.asarray(new_early + np.median(late - early))
    inputs, new_inputs = np.column_stack([features, early]), np.column_stack([new_features, new_early])
    centre, spread = inputs.mean(axis=0), inputs.std(axis=0)
    spread[spread == 0] = 1.0
    inputs, new_inputs = (inputs - centre) / spread, (new_inputs - centre) / spread
    ridge = _RIDGE * np.eye(inputs.shape[1])
    slopes = np.linalg.solve(inputs.T @ inputs + ridge, inputs.T @ (late - late.mean()))
    return np.asarray(late.mean() + new_inputs @ slopes)
