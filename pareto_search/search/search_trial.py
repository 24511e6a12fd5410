"""A trial of the search, and what the study keeps of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState

from pareto_search.config import CapSettings, SearchSettings
from pareto_search.search.cost_caps import violation_of
from pareto_search.search.messages import Costs, EndStatus
from pareto_search.search.optuna_study import (
    COSTS,
    MODEL_IDS,
    N_BEFORE,
    N_EPOCHS,
    PAUSED,
    REASON,
    RUNGS,
    STATUS,
    begin_trial,
    live_trial,
    set_violation,
)
from pareto_search.search.proposing import SeenTrial

_STATES: dict[EndStatus, TrialState] = {
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "infeasible": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}


@dataclass
class SearchTrial:
    """A trial as the driver knows it; what the next driver must know is written to the study as it happens.

    Attributes:
        number: In the study.
        params: Value of every searched dimension.
        handle: The study's trial, as long as it has not ended.
        costs: Of its architecture, once they are known.
        violation: How far they are beyond the user's caps; 0 within them.
        reached: Force RMSE on validation in eV/Å by the epoch of the rung.
        n_epochs: Epochs that it is known to have trained.
        failure: What its worker announced, where it failed.
    """

    number: int
    params: dict[str, object]
    handle: Trial | None
    costs: Costs | None = None
    violation: float = 0.0
    reached: dict[int, float] = field(default_factory=dict)
    n_epochs: int = 0
    failure: str | None = None

    @classmethod
    def begin(
        cls, study: optuna.Study, settings: SearchSettings, params: dict[str, object], attributes: dict[str, object]
    ) -> Self:
        """Begin a trial in the study, with user attributes."""
        handle = begin_trial(study, settings, params, attributes)
        return cls(handle.number, params, handle)

    @classmethod
    def of_earlier_run(cls, study: optuna.Study, trial: FrozenTrial, caps: CapSettings) -> Self:
        """What the study kept of a trial that another driver began."""
        handle = live_trial(study, trial) if trial.state is TrialState.RUNNING else None
        found = cls(trial.number, trial.params, handle)
        if COSTS in trial.user_attrs:
            found._set_costs(Costs(**trial.user_attrs[COSTS]), caps)
            found.reached = {int(epoch): rmse for epoch, rmse in trial.user_attrs.get(RUNGS, {}).items()}
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

    def reach(self, epoch: int, force_rmse: float) -> None:
        """Keep the error at a rung; that of the first time stays."""
        if epoch not in self.reached:
            self.reached[epoch] = force_rmse
            self._keep(RUNGS, self.reached)

    def wait_at(self, epoch: int) -> None:
        """Keep that it waits at a rung."""
        self._keep(PAUSED, epoch)

    def go_on(self) -> None:
        """Keep that it waits no more."""
        self._keep(PAUSED, None)

    def trained_until(self, epoch: int) -> int:
        """Note an epoch that it has reached; returns how many were trained since it was last heard of."""
        n_new = max(0, epoch - self.n_epochs)
        self.n_epochs += n_new
        return n_new

    def refuse(self) -> None:
        """Mark it as infeasible in the study."""
        set_violation(self._open_handle(), self.violation)

    def end(
        self,
        status: EndStatus,
        reason: str | None,
        *,
        n_ended_before: int,
        model_ids: Sequence[str] | None,
        values: Sequence[float] | None,
    ) -> None:
        """Tell the study how it ended.

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
        self._open_handle().study.tell(self.number, values, state=_STATES[status])
        self.handle = None

    def as_seen(self, force_rmse: float | None) -> SeenTrial:
        """As a sampler sees it, with an error in eV/Å that was measured, forecast or stands for one."""
        values = None
        if force_rmse is not None and self.costs is not None:
            values = (force_rmse, self.costs.md_us_per_atom_step, float(self.costs.max_atoms))
        return SeenTrial(self.params, values, self.violation, self.is_open)

    def _set_costs(self, costs: Costs, caps: CapSettings) -> None:
        self.costs = costs
        self.violation = violation_of(costs, caps)

    def _keep(self, name: str, value: object) -> None:
        self._open_handle().set_user_attr(name, value)

    def _open_handle(self) -> Trial:
        assert self.handle is not None, "a trial that has ended changes no more"
        return self.handle
