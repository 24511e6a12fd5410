"""Architectures, costs and names of a search's trials."""

from collections.abc import Mapping
from datetime import datetime

from pareto_search.analysis.progress import TrialProgress
from pareto_search.config import Architecture, StudyConfig
from pareto_search.errors import ConfigError
from pareto_search.objectives import Objective, objectives_named
from pareto_search.records import CostRecord
from pareto_search.report.tables import ArchitectureKey
from pareto_search.search.space import to_architecture

#: How states of trials are called.
STATE_NAMES = {
    "measuring": "costs are measured", "ready": "waits for a slot", "training": "training",
    "waiting": "waits at a rung", "interrupted": "interrupted", "complete": "complete", "pruned": "pruned",
    "infeasible": "beyond the caps", "failed": "failed",
}  # fmt: skip
#: What stands for a value that is not known.
UNKNOWN = "–"


class TrialCatalogue:
    """Architectures and costs of trials.

    Args:
        config: The study's settings; None: no architecture can be given.
        costs: Measured costs by architecture.
    """

    def __init__(self, config: StudyConfig | None, costs: Mapping[ArchitectureKey, CostRecord]) -> None:
        self.config = config
        self._costs = costs
        self._labels: dict[int, str] = {}

    @property
    def cost_objectives(self) -> list[Objective]:
        """What the study optimises that is no error."""
        found = objectives_named() if self.config is None else self.config.search.objective_list
        return [objective for objective in found if not objective.is_learned]

    def architecture(self, trial: TrialProgress) -> Architecture | None:
        """The architecture of a trial, or None where its parameters do not determine it."""
        if self.config is None or not trial.params:
            return None
        try:
            return to_architecture(self.config.search.space, trial.params)
        except ConfigError:
            return None

    def label(self, trial: TrialProgress) -> str:
        """Its short name, with the cutoff where that is searched."""
        if trial.number not in self._labels:
            architecture = self.architecture(trial)
            if architecture is None or self.config is None:
                return UNKNOWN
            has_cutoff = "dist_hard_max_ang" in self.config.search.space.searched
            cutoff = f" @{architecture.cutoff_ang:.1f} Å" if has_cutoff else ""
            self._labels[trial.number] = architecture.label + cutoff
        return self._labels[trial.number]

    def cost(self, trial: TrialProgress) -> CostRecord | None:
        """Its measured cost, if that is known."""
        architecture = self.architecture(trial)
        return None if architecture is None else self._costs.get(architecture.key)


def time_of_day(at_s: float) -> str:
    """Time of day on the machine that serves the page."""
    return datetime.fromtimestamp(at_s).astimezone().strftime("%H:%M:%S") if at_s else ""
