"""Labels by HIPNN teachers: a teacher evaluated on every configuration, and the cache of the results."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pareto_search.data.dataset import Dataset
from pareto_search.data.labels import Labels
from pareto_search.errors import DataError
from pareto_search.files import read_arrays, write_arrays
from pareto_search.potential.interface import Potential
from pareto_search.potential.loader import FrameLoader

_ARRAYS, _HASHES = ("atomic_energy_ev", "forces_ev_per_ang", "weight"), ("teacher_hash", "dataset_hash")
_REMEDY = "delete it and the labels are made again"


def weights_hash(potential: Potential) -> str:
    """SHA-256 of a network's weights."""
    digest = hashlib.sha256()
    for parameter in potential.parameters():
        digest.update(parameter.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def make_labels(
    teacher: Potential, loader: FrameLoader, dataset: Dataset, dataset_hash: str, *, batch_size: int = 64
) -> Labels:
    """Evaluate the teacher on every frame.

    Args:
        teacher: The network.
        loader: Its frames.
        dataset: The frames.
        dataset_hash: Of dataset and split.
        batch_size: Frames evaluated at once.

    Raises:
        DataError: If a label is not finite, or the atomic energies of a frame do not sum to its energy.
    """
    atomic, forces = np.empty(dataset.n_atoms), np.empty((dataset.n_atoms, 3))
    systems = np.arange(dataset.n_systems)
    with torch.no_grad():
        for start in range(0, dataset.n_systems, batch_size):
            chosen = systems[start : start + batch_size]
            batch, _ = loader.load(chosen)
            evaluation = teacher(batch)
            values = evaluation.atomic_energy.double().cpu().numpy()
            _check_labels(values, evaluation.energy.double().cpu().numpy(), dataset.n_atoms_per_system[chosen], chosen)
            rows = dataset.rows_of(chosen)
            atomic[rows], forces[rows] = values, evaluation.forces.double().cpu().numpy()
    return Labels(atomic, forces, np.ones(dataset.n_atoms), weights_hash(teacher), dataset_hash)


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
    write_arrays(path, **{name: getattr(labels, name) for name in (*_ARRAYS, *_HASHES)})


def read_labels(path: Path, *, teacher_hash: str, dataset_hash: str) -> Labels | None:
    """The cached labels, or None if there are none or they came from another teacher, dataset or split.

    Args:
        path: npz file.
        teacher_hash: Of the teachers' weights.
        dataset_hash: Of dataset and split.

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
        values: dict[str, Any] = {name: stored[name] for name in _ARRAYS} | {
            name: str(stored[name]) for name in _HASHES
        }
        return Labels(**values)
    except KeyError as error:
        raise DataError(f"{path} lacks {error}; {_REMEDY}") from error
