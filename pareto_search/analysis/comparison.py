"""Students against one kind of control: paired errors, hypervolumes and dominance."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pareto_search.analysis.networks import ARCHITECTURE_COLUMNS, Basis, clean_models, complete
from pareto_search.analysis.paired import Interval, PairedDifference, pair_models, paired_difference
from pareto_search.analysis.pareto import hypervolume, is_dominated

#: Axes of fronts and hypervolumes, all minimised.
FRONT_COLUMNS = ("force_rmse_ev_per_ang", "md_us_per_atom_step", "bytes_per_atom")
#: The hypervolume's reference point is the teacher's values times these.
REFERENCE_FACTORS = (4.0, 2.0, 2.0)


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

    `ci95` of the difference is over seeds with the architectures as they are: a front is made of its best members,
    and resampling which architectures exist would only shrink it.
    """

    student: float | None
    control: float | None
    difference: float | None
    ci95: Interval | None


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
    rng: np.random.Generator,
) -> ControlComparison:
    """Everything that is said about students and one kind of control.

    Args:
        models: Rows of `models.csv`.
        networks: The same, averaged by `average_networks`.
        basis: Stage and split.
        control_kind: Which controls.
        reference: Reference point of the hypervolume; None: no hypervolume.
        rng: Source of the bootstrap's random numbers.
    """
    students = networks[networks["role"] == "student"]
    controls = networks[(networks["role"] == "control") & (networks["control_kind"] == control_kind)]
    force = pair_models(models, basis, control_kind, "force_rmse_ev_per_ang")
    energy = pair_models(models, basis, control_kind, "energy_rmse_ev_per_atom")
    return ControlComparison(
        control_kind=control_kind,
        paired_force_rmse=paired_difference(force, rng),
        paired_energy_rmse=paired_difference(energy, rng),
        hypervolume=compare_hypervolumes(models, students, controls, basis, reference, rng),
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
    models: pd.DataFrame,
    students: pd.DataFrame,
    controls: pd.DataFrame,
    basis: Basis,
    reference: ReferencePoint | None,
    rng: np.random.Generator,
    n_resamples: int = 500,
) -> HypervolumeComparison:
    """Hypervolumes of students and controls, and an interval of their difference over seeds."""
    points = front_points(students), front_points(controls)
    if reference is None or not all(np.isfinite(p).all(axis=1).any() for p in points):
        return HypervolumeComparison(None, None, None, None)
    student, control = (hypervolume(p, reference.values, is_log10=True) for p in points)
    seeds = [_seed_errors(models, side, basis) for side in (students, controls)]
    ci95 = None
    if max(int(counts.max()) for _, counts in seeds) > 1:
        differences = [
            _resampled_volume(points[0], *seeds[0], reference, rng)
            - _resampled_volume(points[1], *seeds[1], reference, rng)
            for _ in range(n_resamples)
        ]
        low, high = np.percentile(differences, [2.5, 97.5])
        ci95 = float(low), float(high)
    return HypervolumeComparison(student, control, student - control, ci95)


def _seed_errors(
    models: pd.DataFrame, networks: pd.DataFrame, basis: Basis
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Force RMSE of every seed: a matrix (n_networks, most seeds) filled from the left, and how many each has."""
    errors = complete(clean_models(models)).set_index("model_id")[f"{basis.split}_force_rmse_ev_per_ang"]
    errors = errors[~errors.index.duplicated()]
    lists = [errors.loc[list(ids)].to_numpy(dtype=float) for ids in networks["model_ids"]]
    counts = np.array([len(values) for values in lists], dtype=np.int64)
    matrix = np.zeros((len(lists), int(counts.max())))
    for row, values in enumerate(lists):
        matrix[row, : len(values)] = values
    return matrix, counts


def _resampled_volume(
    points: NDArray[np.float64],
    errors: NDArray[np.float64],
    counts: NDArray[np.int64],
    reference: ReferencePoint,
    rng: np.random.Generator,
) -> float:
    """Hypervolume with each network's force RMSE averaged over seeds drawn with replacement."""
    picks = np.floor(rng.random(errors.shape) * counts[:, None]).astype(np.int64)
    is_drawn = np.arange(errors.shape[1]) < counts[:, None]
    drawn = np.where(is_drawn, np.take_along_axis(errors, picks, axis=1), 0.0)
    resampled = points.copy()
    resampled[:, 0] = drawn.sum(axis=1) / counts
    return hypervolume(resampled, reference.values, is_log10=True)


def kinds_of_control(networks: pd.DataFrame) -> tuple[str, ...]:
    """Control kinds that occur, the paper's first; the first one carries the headline."""
    kinds = set(networks.loc[networks["role"] == "control", "control_kind"])
    usual = ("paper", "ablation", "tuned")
    return tuple(kind for kind in usual if kind in kinds) + tuple(sorted(kinds - set(usual)))


def best_control_errors(networks: pd.DataFrame) -> NDArray[np.float64]:
    """Lowest mean force RMSE of any control, eV/Å, one value per architecture that has a control."""
    controls = networks[networks["role"] == "control"]
    by_architecture = controls.groupby(list(ARCHITECTURE_COLUMNS))["force_rmse_ev_per_ang"].min()
    return np.asarray(by_architecture.to_numpy(dtype=float))
