"""The gain from a teacher as a function of the weight of its atomic energies in the loss."""

from dataclasses import dataclass

import pandas as pd

from pareto_search.analysis.comparison import kinds_of_control
from pareto_search.analysis.networks import Basis, complete
from pareto_search.analysis.paired import PairedDifference, match_controls, pair_values, paired_difference
from pareto_search.config import TAUGHT_CONTROLS

#: With fewer weights there is no dependence to speak of.
MIN_WEIGHTS = 3


@dataclass(frozen=True)
class WeightGain:
    """Students of one weight against one kind of control, paired by architecture and seed."""

    weight_atomic_energy: float
    control_kind: str
    force_rmse: PairedDifference
    energy_rmse: PairedDifference


def gains_by_weight(models: pd.DataFrame, basis: Basis) -> list[WeightGain]:
    """The difference in errors for every weight of the atomic energies, against controls without a teacher.

    An ablation control is what a student without that weight would be, and stands for weight 0 among the others.

    Returns:
        By kind and rising weight; nothing where the students have fewer than `MIN_WEIGHTS` different weights.
    """
    rows = complete(models)
    rows = rows[rows["stage"] == basis.stage]
    students, controls = rows[rows["role"] == "student"], rows[rows["role"] == "control"]
    if students["weight_atomic_energy"].nunique() < MIN_WEIGHTS:
        return []
    kinds = [kind for kind in kinds_of_control(controls) if kind not in TAUGHT_CONTROLS]
    untaught = controls[controls["control_kind"] == "ablation"].assign(role="student")
    found = []
    for kind in kinds:
        compared = students if kind == "ablation" else pd.concat([untaught, students])
        for weight in sorted(compared["weight_atomic_energy"].dropna().unique()):
            chosen = compared[compared["weight_atomic_energy"] == weight]
            pairs = match_controls(pd.concat([chosen, controls]), basis, kind)
            force, energy = (
                pair_values(pairs, f"{basis.split}_{error}")
                for error in ("force_rmse_ev_per_ang", "energy_rmse_ev_per_atom")
            )
            if len(force):
                found.append(WeightGain(float(weight), kind, paired_difference(force), paired_difference(energy)))
    return found
