"""Labels of every atom of a dataset by teachers, and how those of several are joined."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pareto_search.config import LabelWeighting
from pareto_search.data.dataset import Dataset


@dataclass(frozen=True)
class Labels:
    """Energies and forces of the atoms of a dataset by a teacher, or by several in the mean.

    Attributes:
        atomic_energy_ev: Without reference energies, shape (n_atoms,).
        forces_ev_per_ang: Shape (n_atoms, 3).
        weight: How much each atom's labels count in the loss, 1 on average, shape (n_atoms,).
        teacher_hash: SHA-256 of the teachers' weights, and of how they are joined.
        dataset_hash: SHA-256 of dataset and split.
    """

    atomic_energy_ev: NDArray[np.float64]
    forces_ev_per_ang: NDArray[np.float64]
    weight: NDArray[np.float64]
    teacher_hash: str
    dataset_hash: str

    @cached_property
    def sha256(self) -> str:
        """Hash of the labels and of what they came from."""
        digest = hashlib.sha256(f"{self.teacher_hash} {self.dataset_hash}".encode())
        for values in (self.atomic_energy_ev, self.forces_ev_per_ang, self.weight):
            digest.update(np.ascontiguousarray(values).tobytes())
        return digest.hexdigest()


def no_labels(dataset: Dataset) -> Labels:
    """Labels that count nothing: what a network without a teacher is trained on."""
    zeros = np.zeros(dataset.n_atoms)
    return Labels(zeros, np.zeros((dataset.n_atoms, 3)), zeros, "", "")


def joint_hash(teacher_hashes: Sequence[str], weighting: LabelWeighting) -> str:
    """Hash of several teachers, joined in this way; of one it is its own."""
    if len(teacher_hashes) == 1:
        return teacher_hashes[0]
    joined_how = [weighting] if weighting != "equal" else []
    return hashlib.sha256(" ".join([*teacher_hashes, *joined_how]).encode()).hexdigest()


def joined(members: Sequence[Labels], weighting: LabelWeighting = "equal") -> Labels:
    """The mean of the labels of several teachers.

    Args:
        members: Labels of the same dataset, one for each teacher.
        weighting: `equal`, or `spread`: atoms on which the teachers differ count less. The standard deviation σ of
            their atomic energies is taken for the error of a label, and the weight is the inverse variance with the
            median σ as a floor that keeps a chance agreement of few teachers from counting without bound:
            w ∝ 1 / (σ² + σ_median²), scaled to 1 on average.
    """
    energies = np.stack([labels.atomic_energy_ev for labels in members])
    weight = np.ones(energies.shape[1])
    if weighting == "spread" and len(members) > 1:
        variance = energies.var(axis=0, ddof=1)
        floor = float(np.median(variance))
        weight = 1.0 / (variance + floor) if floor > 0 else weight
    return Labels(
        atomic_energy_ev=energies.mean(axis=0),
        forces_ev_per_ang=np.mean([labels.forces_ev_per_ang for labels in members], axis=0),
        weight=weight / weight.mean(),
        teacher_hash=joint_hash([labels.teacher_hash for labels in members], weighting),
        dataset_hash=members[0].dataset_hash,
    )
