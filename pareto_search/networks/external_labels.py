"""Labels of every frame by an external teacher, kept while they are gathered: an interrupted run goes on."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from pareto_search.data.dataset import Dataset
from pareto_search.data.references import ReferenceEnergies
from pareto_search.durations import duration
from pareto_search.errors import DataError
from pareto_search.files import read_arrays, write_arrays
from pareto_search.measure.accuracy import Accuracy, accuracy_of
from pareto_search.networks.external_calculator import Teacher, evaluate_teacher

logger = logging.getLogger(__name__)

#: What has been gathered is written so often, and a line logged.
_SAVE_EVERY_S, _LOG_EVERY_S = 60.0, 30.0
#: Atomic energies must sum to the energy, up to a constant per element, to this part of their sizes.
_SUM_TOL = 1e-5
#: Differences to the data below these (eV/Å, eV/atom) are rounding of float32: the data are the teacher's own.
_ROUNDING = 1e-5


@dataclass(frozen=True)
class TeacherLabels:
    """A teacher's answers for a dataset, its energies counted from where the data's are.

    Attributes:
        energy_ev: Total energies, shape (n_systems,).
        forces_ev_per_ang: Shape (n_atoms, 3).
        atomic_energy_ev: Without reference energies, shape (n_atoms,); None where the teacher has none.
    """

    energy_ev: NDArray[np.float64]
    forces_ev_per_ang: NDArray[np.float64]
    atomic_energy_ev: NDArray[np.float64] | None


@dataclass
class _Gathered:
    """Answers for the first `n_done` frames as the teacher gives them, kept in a file; NaN: no atomic energies."""

    path: Path
    source: str
    energy: NDArray[np.float64]
    forces: NDArray[np.float64]
    atomic: NDArray[np.float64]
    n_done: int = 0

    @classmethod
    def read(cls, path: Path, source: str, dataset: Dataset) -> Self:
        """What was gathered before from the same teacher and frames, or nothing."""
        n_atoms = dataset.n_atoms
        if path.is_file():
            try:
                stored = read_arrays(path, remedy="its frames are evaluated again")
                if str(stored["source"]) == source:
                    arrays = {name: stored[name] for name in ("energy", "forces", "atomic")}
                    return cls(path, source, **arrays, n_done=int(stored["n_done"]))
            except (DataError, KeyError) as error:
                logger.warning("%s", error)
        return cls(path, source, np.zeros(dataset.n_systems), np.zeros((n_atoms, 3)), np.zeros(n_atoms))

    def save(self) -> None:
        write_arrays(self.path, **{name: value for name, value in vars(self).items() if name != "path"})


def label_frames(
    make_calculator: Callable[[], Teacher],
    dataset: Dataset,
    references: ReferenceEnergies,
    *,
    train: NDArray[np.int64],
    source: str,
    partial: Path,
    needs_atomic_energies: bool = True,
    clock: Callable[[], float] = time.monotonic,
) -> TeacherLabels:
    """Evaluate a teacher on every frame, once: answers are kept in a file, also when this is interrupted.

    Atomic energies of a teacher that leaves out a constant per element are completed by it, and so are energies that a
    teacher counts from elsewhere than the data (other pseudopotentials, free atoms): by least squares, where forces
    do not depend on it.

    Args:
        make_calculator: Gives the teacher; called only if there are frames left to evaluate.
        dataset: The frames.
        references: Energies per element that are taken off the atomic energies.
        train: Frames whose energies give the zero of the data's.
        source: Identifies teacher, dataset and split; answers kept for another are dropped.
        partial: Where answers are kept.
        needs_atomic_energies: Whether a teacher without them is refused; it may still teach forces.
        clock: Seconds from a fixed moment.

    Raises:
        DataError: If the teacher has no atomic energies though they are needed, they do not sum to its energy, or an
            answer is not finite.
    """
    gathered = _Gathered.read(partial, source, dataset)
    if gathered.n_done < dataset.n_systems:
        try:
            _gather(make_calculator(), dataset, gathered, needs_atomic_energies, clock)
        finally:
            if gathered.n_done:
                gathered.save()
    offsets = _offsets(dataset, gathered.energy - dataset.energy, train)
    energy = gathered.energy - dataset.composition(dataset.elements) @ offsets
    if np.isnan(gathered.atomic).any():
        _refuse_without_atomic_energies(needs_atomic_energies)
        return TeacherLabels(energy, gathered.forces, None)
    atomic = _completed(gathered, dataset) - _of_atoms(offsets, dataset)
    return TeacherLabels(energy, gathered.forces, atomic - references.of_atoms(dataset.species))


def errors_of(labels: TeacherLabels, dataset: Dataset, systems: NDArray[np.int64]) -> Accuracy:
    """Errors of the teacher against the data, energies up to a constant per element; rounding of float32 is none.

    Args:
        labels: Energies and forces of the teacher.
        dataset: The frames with their own.
        systems: Numbers of the frames that count, shape (n_systems,).
    """
    rows = dataset.rows_of(systems)
    force = labels.forces_ev_per_ang[rows] - dataset.forces[rows]
    energy = (labels.energy_ev[systems] - dataset.energy[systems]) / dataset.n_atoms_per_system[systems]
    force, energy = (np.where(np.abs(values) < _ROUNDING, 0.0, values) for values in (force, energy))
    sums = [float(np.sum(values**power)) for power, values in ((2, force), (2, energy))]
    sums += [float(np.sum(np.abs(values))) for values in (force, energy)]
    return accuracy_of(sums, n_atoms=len(rows), n_systems=len(systems))


def _gather(
    calculator: Teacher, dataset: Dataset, gathered: _Gathered, needs_atomic_energies: bool, clock: Callable[[], float]
) -> None:
    n_before, started = gathered.n_done, clock()
    saved = logged = started
    for system in range(n_before, dataset.n_systems):
        answer = evaluate_teacher(calculator, dataset.frame(system))
        if answer.atomic_energy_ev is None:
            _refuse_without_atomic_energies(needs_atomic_energies)
        rows = dataset.atoms_of(system)
        gathered.energy[system], gathered.forces[rows] = answer.energy_ev, answer.forces_ev_per_ang
        gathered.atomic[rows] = np.nan if answer.atomic_energy_ev is None else answer.atomic_energy_ev
        gathered.n_done = system + 1
        now = clock()
        if now - saved > _SAVE_EVERY_S:
            gathered.save()
            saved = now
        if now - logged > _LOG_EVERY_S or gathered.n_done == dataset.n_systems:
            left_s = (now - started) / (gathered.n_done - n_before) * (dataset.n_systems - gathered.n_done)
            logger.info("labels: %d of %d frames, about %s left", gathered.n_done, dataset.n_systems, duration(left_s))
            logged = now


def _refuse_without_atomic_energies(is_needed: bool) -> None:
    if is_needed:
        raise DataError(
            "the teacher gives no atomic energies (its ASE property `energies`), from which students learn; set its "
            "option for them in teacher.options (CHGNet: return_site_energies: true), or, if it has none, fix "
            "search.space.weight_atomic_energy: 0 and let it teach forces alone by search.space.weight_teacher_forces"
        )


def _completed(gathered: _Gathered, dataset: Dataset) -> NDArray[np.float64]:
    """Atomic energies that sum to the energies: what each element lacks is added.

    Raises:
        DataError: If the difference is more than a constant per element.
    """
    starts = dataset.offsets[:-1]
    lacking = gathered.energy - np.add.reduceat(gathered.atomic, starts)
    scale = 1.0 + np.add.reduceat(np.abs(gathered.atomic), starts)
    if (np.abs(lacking) <= _SUM_TOL * scale).all():
        return gathered.atomic
    constants = _offsets(dataset, lacking, np.arange(dataset.n_systems))
    wrong = np.abs(lacking - dataset.composition(dataset.elements) @ constants) > _SUM_TOL * (scale + np.abs(lacking))
    if wrong.any():
        system = int(np.flatnonzero(wrong)[0])
        raise DataError(
            f"the teacher's atomic energies do not sum to its energy: in {int(wrong.sum())} of {dataset.n_systems} "
            f"frames they differ by more than a constant for each element (frame {system}: by {lacking[system]:.4g} "
            "eV), so they are no share of each atom in the energy; use a teacher that has such, or fix "
            "search.space.weight_atomic_energy: 0 and let it teach forces alone by search.space.weight_teacher_forces"
        )
    logger.info("labels: the teacher's atomic energies lack a constant per element, which was added: %s", constants)
    return gathered.atomic + _of_atoms(constants, dataset)


def _offsets(dataset: Dataset, difference_ev: NDArray[np.float64], systems: NDArray[np.int64]) -> NDArray[np.float64]:
    """Energy per element, eV, whose sums over some frames come nearest to a difference, shape (n_elements,)."""
    composition = dataset.composition(dataset.elements)
    return np.asarray(np.linalg.lstsq(composition[systems], difference_ev[systems], rcond=None)[0], dtype=np.float64)


def _of_atoms(by_element: NDArray[np.float64], dataset: Dataset) -> NDArray[np.float64]:
    return by_element[np.searchsorted(dataset.elements, dataset.species)]
