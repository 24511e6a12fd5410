"""The teacher's knowledge: its atomic energies for every configuration, cached with hashes of what they came from."""

import hashlib
import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pareto_search.data.dataset import Dataset
from pareto_search.errors import DataError
from pareto_search.files import write_atomic
from pareto_search.potential.hipnn import HipnnPotential
from pareto_search.potential.loader import FrameLoader
from pareto_search.potential.model_files import read_arrays

_REMEDY = "delete it and the labels are made again"


@dataclass(frozen=True)
class Labels:
    """Atomic energies by a teacher.

    Attributes:
        atomic_energy_ev: Without reference energies, shape (n_atoms,).
        teacher_hash: SHA-256 of the teacher's weights.
        dataset_hash: SHA-256 of dataset and split.
    """

    atomic_energy_ev: NDArray[np.float64]
    teacher_hash: str
    dataset_hash: str

    @cached_property
    def sha256(self) -> str:
        """Hash of the labels and of what they came from."""
        digest = hashlib.sha256(f"{self.teacher_hash} {self.dataset_hash}".encode())
        digest.update(np.ascontiguousarray(self.atomic_energy_ev).tobytes())
        return digest.hexdigest()


def weights_hash(potential: HipnnPotential) -> str:
    """SHA-256 of a network's weights."""
    digest = hashlib.sha256()
    for parameter in potential.parameters():
        digest.update(parameter.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def make_labels(
    teacher: HipnnPotential, loader: FrameLoader, dataset: Dataset, dataset_hash: str, *, batch_size: int = 64
) -> Labels:
    """Evaluate the teacher on every frame.

    Raises:
        DataError: If a label is not finite, or the atomic energies of a frame do not sum to its energy.
    """
    atomic = np.empty(dataset.n_atoms)
    systems = np.arange(dataset.n_systems)
    with torch.no_grad():
        for start in range(0, dataset.n_systems, batch_size):
            chosen = systems[start : start + batch_size]
            batch, _ = loader.load(chosen)
            evaluation = teacher(batch, with_forces=False)
            values = evaluation.atomic_energy.double().cpu().numpy()
            _check_labels(values, evaluation.energy.double().cpu().numpy(), dataset.n_atoms_per_system[chosen], chosen)
            atomic[dataset.rows_of(chosen)] = values
    return Labels(atomic, weights_hash(teacher), dataset_hash)


def _check_labels(
    atomic: NDArray[np.float64], energy: NDArray[np.float64], sizes: NDArray[np.int64], systems: NDArray[np.int64]
) -> None:
    sums = np.add.reduceat(atomic, np.concatenate([[0], np.cumsum(sizes)[:-1]]))
    scale = np.add.reduceat(np.abs(atomic), np.concatenate([[0], np.cumsum(sizes)[:-1]]))
    wrong = ~(np.abs(sums - energy) <= 1e-4 * (1.0 + scale))  # also true where something is not finite
    if wrong.any():
        frame = int(systems[np.flatnonzero(wrong)[0]])
        raise DataError(
            f"the teacher's atomic energies of frame {frame} are not finite or do not sum to its energy; "
            "train the teacher again (delete the run's teacher folder)"
        )


def save_labels(path: Path, labels: Labels) -> None:
    """Write labels and hashes to one npz file, whole or not at all."""
    buffer = io.BytesIO()
    np.savez(
        buffer,
        atomic_energy_ev=labels.atomic_energy_ev,
        teacher_hash=np.array(labels.teacher_hash),
        dataset_hash=np.array(labels.dataset_hash),
    )
    write_atomic(path, buffer.getvalue())


def read_labels(path: Path, *, teacher_hash: str, dataset_hash: str) -> Labels | None:
    """The cached labels, or None if there are none or they came from another teacher, dataset or split.

    Raises:
        DataError: If the file is damaged.
    """
    labels = stored_labels(path)
    if labels is None or (labels.teacher_hash, labels.dataset_hash) != (teacher_hash, dataset_hash):
        return None
    return labels


def stored_labels(path: Path) -> Labels | None:
    """The labels in a file, whatever they came from; None if there is no file.

    Raises:
        DataError: If the file is damaged.
    """
    if not path.is_file():
        return None
    stored = read_arrays(path, remedy=_REMEDY)
    try:
        return Labels(stored["atomic_energy_ev"], str(stored["teacher_hash"]), str(stored["dataset_hash"]))
    except KeyError as error:
        raise DataError(f"{path} lacks {error}; {_REMEDY}") from error
