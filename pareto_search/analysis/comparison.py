"""Students against one kind of control: paired errors, hypervolumes and dominance."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pareto_search.analysis.intervals import Interval, welch_interval
from pareto_search.analysis.networks import ARCHITECTURE_COLUMNS, Basis
from pareto_search.analysis.paired import PairedDifference, match_controls, pair_values, paired_difference
from pareto_search.analysis.pareto import hypervolume, is_dominated, pareto_mask
from pareto_search.config import TAUGHT_CONTROLS, ControlKind

#: Axes of fronts and hypervolumes, all minimised.
FRONT_COLUMNS = ("force_rmse_ev_per_ang", "md_us_per_atom_step", "bytes_per_atom")
#: The hypervolume's reference point is the teacher's values times these.
REFERENCE_FACTORS = (4.0, 2.0, 2.0)
#: Relative change of an error over which the slope of a hypervolume is taken; far below any seed's noise.
_STEP = 1e-5


@dataclass(frozen=True)
class ReferencePoint:
    """Worst values that still count in a hypervolume.

    Attributes:
        values: In the order of `FRONT_COLUMNS`: eV/Å, µs/atom/step, bytes/atom.
        origin: "teacher" (times `factors`) or, without a measured teacher, "networks" (the worst seen times 1.1).
        factors: Factors on the teacher's values.
    """

    values: tuple[float, ...]
    origin: str
    factors: tuple[float, ...]


@dataclass(frozen=True)
class HypervolumeComparison:
    """Hypervolumes in cubic decades (log10 of force RMSE, step time and bytes per atom); None: cannot be computed.

    Attributes:
        student: Of the students' seed-averaged networks.
        control: Of the controls'.
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
    """How many seed-averaged networks of one side some network of the other side dominates on all three axes."""

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


def front_points(networks: pd.DataFrame) -> NDArray[np.float64]:
    """Values of the networks on the axes of the front, shape (n_networks, 3)."""
    return networks[list(FRONT_COLUMNS)].to_numpy(dtype=float)


def reference_point(networks: pd.DataFrame, factors: Sequence[float] = REFERENCE_FACTORS) -> ReferencePoint | None:
    """The reference point of the study, or None if nothing has all three values.

    Args:
        networks: As `average_networks` returns them, teacher included.
        factors: Factors on the teacher's force RMSE, step time and bytes per atom.
    """
    points = front_points(networks)
    usable = np.isfinite(points).all(axis=1) & (points > 0).all(axis=1)
    is_teacher = (networks["role"] == "teacher").to_numpy(dtype=bool)
    if (usable & is_teacher).any():
        best = points[usable & is_teacher][np.argmin(points[usable & is_teacher][:, 0])]
        return ReferencePoint(tuple(float(v) for v in best * np.asarray(factors)), "teacher", tuple(factors))
    if usable.any():
        return ReferencePoint(tuple(float(v) for v in points[usable].max(axis=0) * 1.1), "networks", ())
    return None


def compare(
    models: pd.DataFrame,
    networks: pd.DataFrame,
    basis: Basis,
    control_kind: str,
    reference: ReferencePoint | None,
) -> ControlComparison:
    """Everything that is said about students and one kind of control.

    Args:
        models: As `clean_models` returns them.
        networks: The same, averaged by `average_networks`.
        basis: Stage and split.
        control_kind: Which controls.
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
        hypervolume=compare_hypervolumes(models, students, controls, basis, reference),
        dominance=count_dominated(students, controls),
    )


def count_dominated(students: pd.DataFrame, controls: pd.DataFrame) -> Dominance:
    """Dominance between two sets of seed-averaged networks; those without all three values are not counted."""
    student_points, control_points = front_points(students), front_points(controls)
    return Dominance(
        n_controls_dominated=int(is_dominated(control_points, student_points).sum()),
        n_controls=int(np.isfinite(control_points).all(axis=1).sum()),
        n_students_dominated=int(is_dominated(student_points, control_points).sum()),
        n_students=int(np.isfinite(student_points).all(axis=1).sum()),
    )


def compare_hypervolumes(
    models: pd.DataFrame, students: pd.DataFrame, controls: pd.DataFrame, basis: Basis, reference: ReferencePoint | None
) -> HypervolumeComparison:
    """Hypervolumes of students and controls, and an interval of their difference over seeds.

    The hypervolume changes by a known slope with each network's mean error, so a seed's part in the difference is the
    slope times that seed's deviation from the mean (delta method). Parts of one architecture and seed are added up,
    student's and control's, since they share initial weights and batches. Their variance is taken within each
    architecture, as some architectures are far noisier than others, and the interval is Student's t with
    Satterthwaite's degrees of freedom.

    Args:
        models: As `clean_models` returns them.
        students: Seed-averaged students, as `average_networks` returns them.
        controls: Seed-averaged controls of one kind.
        basis: Stage and split of both.
        reference: Reference point; None: no hypervolume.
    """
    points = front_points(students), front_points(controls)
    if reference is None or not all(np.isfinite(p).all(axis=1).any() for p in points):
        return HypervolumeComparison(None, None, None, None, "errors or costs are missing")
    student, control = (hypervolume(p, reference.values, is_log10=True) for p in points)
    difference = student - control
    slopes = [_slopes(p, reference) for p in points]
    networks = pd.concat([students.assign(slope=slopes[0]), controls.assign(slope=-slopes[1])])
    if not networks["slope"].any():
        reason = "no network is within the reference point"
        return HypervolumeComparison(student, control, difference, None, reason)
    if any(len(set(seeds)) < 2 for seeds in networks.loc[networks["slope"] != 0, "seeds"]):
        reason = "a network of the fronts has one seed only"
        return HypervolumeComparison(student, control, difference, None, reason)
    variances, n_seeds = _seed_variances(models, networks, basis)
    return HypervolumeComparison(student, control, difference, welch_interval(difference, variances, n_seeds))


def _slopes(points: NDArray[np.float64], reference: ReferencePoint) -> NDArray[np.float64]:
    """Change of the hypervolume with the relative change of each point's error; 0 for points behind the front."""
    slopes, is_on_front = np.zeros(len(points)), pareto_mask(points)
    front = points[is_on_front]
    for row, place in enumerate(np.flatnonzero(is_on_front)):
        volumes = []
        for factor in (1 + _STEP, 1 - _STEP):
            moved = front.copy()
            moved[row, 0] *= factor
            volumes.append(hypervolume(moved, reference.values, is_log10=True))
        slopes[place] = (volumes[0] - volumes[1]) / (2 * _STEP)
    return slopes


def _seed_variances(
    models: pd.DataFrame, networks: pd.DataFrame, basis: Basis
) -> tuple[NDArray[np.float64], NDArray[np.integer]]:
    """Variance that each architecture with several seeds adds to the difference, and its number of seeds."""
    errors = models.drop_duplicates("model_id").set_index("model_id")
    rows = pd.DataFrame({
        "architecture": networks.groupby(list(ARCHITECTURE_COLUMNS), dropna=False).ngroup(),
        "weight": networks["slope"] / networks["n"],
        "mean": networks["force_rmse_ev_per_ang"],
        "model_id": networks["model_ids"],
    }).explode("model_id")  # fmt: skip
    own = errors.loc[rows["model_id"]]
    error = own[f"{basis.split}_force_rmse_ev_per_ang"].to_numpy(dtype=float)
    rows = rows.assign(seed=own["seed"].to_numpy(), part=rows["weight"] * (error / rows["mean"] - 1))
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
