"""Students against one kind of control: paired errors, hypervolumes and dominance."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pareto_search.analysis.front import ReferencePoint, columns_of, to_costs, volume_of
from pareto_search.analysis.intervals import Interval, welch_interval
from pareto_search.analysis.networks import ARCHITECTURE_COLUMNS, Basis
from pareto_search.analysis.paired import PairedDifference, match_controls, pair_values, paired_difference
from pareto_search.analysis.pareto import is_dominated, pareto_mask
from pareto_search.config import TAUGHT_CONTROLS, ControlKind
from pareto_search.objectives import Objective

#: Relative change of an error over which the slope of a hypervolume is taken; far below any seed's noise.
_STEP = 1e-5


@dataclass(frozen=True)
class HypervolumeComparison:
    """Hypervolumes on the study's objectives, in `front.volume_unit`; None: cannot be computed.

    Attributes:
        student: Of the students' seed-averaged networks.
        difference: Student − control.
        ci95: 95 % interval of the difference, over seeds with the architectures as they are: a front is made of its
            best members, so it does not speak for architectures that were not tried.
        no_ci95_reason: Why there is no interval, in words.
    """

    student: float | None
    control: float | None
    difference: float | None
    ci95: Interval | None
    no_ci95_reason: str | None = None


@dataclass(frozen=True)
class Dominance:
    """How many seed-averaged networks of one side some network of the other side dominates on all objectives."""

    n_controls_dominated: int
    n_controls: int
    n_students_dominated: int
    n_students: int


@dataclass(frozen=True)
class ControlComparison:
    """Students against one kind of control."""

    control_kind: str
    paired_force_rmse: PairedDifference
    paired_energy_rmse: PairedDifference
    paired_rdf_error: PairedDifference
    hypervolume: HypervolumeComparison
    dominance: Dominance


def front_points(networks: pd.DataFrame, objectives: Sequence[Objective]) -> NDArray[np.float64]:
    """Values of seed-averaged networks in the order of the objectives, shape (n_networks, n_objectives)."""
    return networks[columns_of(objectives, are_claims=True)].to_numpy(dtype=float)


def front_mask(networks: pd.DataFrame, objectives: Sequence[Objective]) -> NDArray[np.bool_]:
    """Which of the networks no other one dominates."""
    return pareto_mask(to_costs(front_points(networks, objectives), objectives))


def compare(
    models: pd.DataFrame,
    networks: pd.DataFrame,
    basis: Basis,
    control_kind: str,
    objectives: Sequence[Objective],
    reference: ReferencePoint | None,
) -> ControlComparison:
    """Everything that is found about students and one kind of control.

    Args:
        models: As `clean_models` returns them.
        networks: The same, averaged by `average_networks`.
        basis: Stage and split.
        control_kind: Which controls.
        objectives: What is optimised.
        reference: Reference point of the hypervolume; None: no hypervolume.
    """
    students = networks[networks["role"] == "student"]
    controls = networks[(networks["role"] == "control") & (networks["control_kind"] == control_kind)]
    pairs = match_controls(models, basis, control_kind)
    force = pair_values(pairs, f"{basis.split}_force_rmse_ev_per_ang")
    energy = pair_values(pairs, f"{basis.split}_energy_rmse_ev_per_atom")
    return ControlComparison(
        control_kind=control_kind,
        paired_force_rmse=paired_difference(force),
        paired_energy_rmse=paired_difference(energy),
        paired_rdf_error=paired_difference(pair_values(pairs, "rdf_error")),
        hypervolume=compare_hypervolumes(models, students, controls, basis, objectives, reference),
        dominance=_count_dominated(students, controls, objectives),
    )


def _count_dominated(students: pd.DataFrame, controls: pd.DataFrame, objectives: Sequence[Objective]) -> Dominance:
    """Dominance between two sets of seed-averaged networks; those that lack an objective are not counted."""
    student_points, control_points = (
        to_costs(front_points(networks, objectives), objectives) for networks in (students, controls)
    )
    return Dominance(
        n_controls_dominated=int(is_dominated(control_points, student_points).sum()),
        n_controls=int(np.isfinite(control_points).all(axis=1).sum()),
        n_students_dominated=int(is_dominated(student_points, control_points).sum()),
        n_students=int(np.isfinite(student_points).all(axis=1).sum()),
    )


def compare_hypervolumes(
    models: pd.DataFrame,
    students: pd.DataFrame,
    controls: pd.DataFrame,
    basis: Basis,
    objectives: Sequence[Objective],
    reference: ReferencePoint | None,
) -> HypervolumeComparison:
    """Hypervolumes of students and controls, and an interval of their difference over seeds.

    The hypervolume changes by a known slope with each mean error of a network, so a seed's part in the difference is
    the slope times that seed's deviation from the mean (delta method), summed over the objectives that are learned.
    Parts of one architecture and seed are added up, student's and control's, since they share initial weights and
    batches. Their variance is taken within each architecture, as some architectures are far noisier than others, and
    the interval is Student's t with Satterthwaite's degrees of freedom.

    Args:
        models: As `clean_models` returns them.
        students: Seed-averaged students, as `average_networks` returns them.
        controls: Seed-averaged controls of one kind.
        basis: Stage and split of both.
        objectives: What is optimised.
        reference: Reference point; None: no hypervolume.
    """
    points = front_points(students, objectives), front_points(controls, objectives)
    if reference is None or not all(np.isfinite(p).all(axis=1).any() for p in points):
        return HypervolumeComparison(None, None, None, None, "errors or costs are missing")
    student, control = (volume_of(p, objectives, reference.values) for p in points)
    difference = student - control
    slopes = np.concatenate([_slopes(points[0], objectives, reference), -_slopes(points[1], objectives, reference)])
    networks = pd.concat([students, controls], ignore_index=True)
    if not slopes.any():
        reason = "no network is within the reference point"
        return HypervolumeComparison(student, control, difference, None, reason)
    if any(len(set(seeds)) < 2 for seeds in networks[slopes.any(axis=1)]["seeds"]):
        reason = "a network of the fronts has one seed only"
        return HypervolumeComparison(student, control, difference, None, reason)
    learned = [objective for objective in objectives if objective.is_learned]
    variances, n_seeds = _seed_variances(models, networks, slopes, learned, basis)
    return HypervolumeComparison(student, control, difference, welch_interval(difference, variances, n_seeds))


def _slopes(
    points: NDArray[np.float64], objectives: Sequence[Objective], reference: ReferencePoint
) -> NDArray[np.float64]:
    """Change of the hypervolume with the relative change of each point's errors; 0 for points behind the front."""
    learned = [column for column, objective in enumerate(objectives) if objective.is_learned]
    slopes, is_on_front = np.zeros((len(points), len(learned))), pareto_mask(to_costs(points, objectives))
    front = points[is_on_front]
    for row, place in enumerate(np.flatnonzero(is_on_front)):
        for error, column in enumerate(learned):
            volumes = []
            for factor in (1 + _STEP, 1 - _STEP):
                moved = front.copy()
                moved[row, column] *= factor
                volumes.append(volume_of(moved, objectives, reference.values))
            slopes[place, error] = (volumes[0] - volumes[1]) / (2 * _STEP)
    return slopes


def _seed_variances(
    models: pd.DataFrame,
    networks: pd.DataFrame,
    slopes: NDArray[np.float64],
    learned: Sequence[Objective],
    basis: Basis,
) -> tuple[NDArray[np.float64], NDArray[np.integer]]:
    """Variance that each architecture with several seeds adds to the difference, and its number of seeds."""
    errors = models.drop_duplicates("model_id").set_index("model_id")
    rows = pd.DataFrame({
        "architecture": networks.groupby(list(ARCHITECTURE_COLUMNS), dropna=False).ngroup(),
        "network": np.arange(len(networks)),
        "model_id": networks["model_ids"],
    }).explode("model_id")  # fmt: skip
    own, of = errors.loc[rows["model_id"]], rows["network"].to_numpy(dtype=int)
    part = np.zeros(len(rows))
    for column, objective in enumerate(learned):
        error = own[f"{basis.split}_{objective.claim_column}"].to_numpy(dtype=float)
        mean = networks[objective.claim_column].to_numpy(dtype=float)[of]
        part += np.where(slopes[of, column] != 0, slopes[of, column] * (error / mean - 1), 0.0)
    rows = rows.assign(seed=own["seed"].to_numpy(), part=part / networks["n"].to_numpy()[of])
    by_architecture = rows.groupby(["architecture", "seed"])["part"].sum().groupby("architecture")
    n_seeds = by_architecture.size().to_numpy()
    variances = n_seeds * by_architecture.var().to_numpy(dtype=float)
    return variances[n_seeds > 1], n_seeds[n_seeds > 1]


def kinds_of_control(networks: pd.DataFrame) -> tuple[str, ...]:
    """Control kinds that occur, the paper's first; the first one carries the headline."""
    kinds = set(networks.loc[networks["role"] == "control", "control_kind"])
    usual = get_args(ControlKind)
    return tuple(kind for kind in usual if kind in kinds) + tuple(sorted(kinds - set(usual)))


def best_control_errors(networks: pd.DataFrame) -> NDArray[np.float64]:
    """Lowest mean force RMSE of any control without a teacher, eV/Å, one value per architecture that has one."""
    controls = networks[(networks["role"] == "control") & ~networks["control_kind"].isin(TAUGHT_CONTROLS)]
    by_architecture = controls.groupby(list(ARCHITECTURE_COLUMNS))["force_rmse_ev_per_ang"].min()
    return np.asarray(by_architecture.to_numpy(dtype=float))
