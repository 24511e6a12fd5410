"""Small labelled frames and datasets for the data tests."""

from typing import Any

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator

from pareto_search.config import SplitSettings
from pareto_search.data.dataset import Dataset, from_frames
from pareto_search.data.dataset_file import DatasetInfo
from pareto_search.data.dataset_summary import summarize
from pareto_search.data.references import fit_references
from pareto_search.data.split import draw_split


def labelled(atoms: Atoms, energy: float = 0.0, forces: Any = None) -> Atoms:
    frame = atoms.copy()
    forces = np.zeros((len(frame), 3)) if forces is None else np.asarray(forces, dtype=float)
    frame.calc = SinglePointCalculator(frame, energy=energy, forces=forces)
    return frame


def aluminum_frames(n: int) -> list[Atoms]:
    """Rattled fcc cells of 4 atoms with made-up labels."""
    frames = []
    for number in range(n):
        atoms = bulk("Al", cubic=True)
        atoms.rattle(0.05, seed=number)
        forces = np.random.default_rng(number).normal(size=(4, 3))
        frames.append(labelled(atoms, energy=-1.0 - 0.1 * number, forces=forces - forces.mean(axis=0)))
    return frames


def aluminum_dataset(origins: list[str]) -> Dataset:
    return from_frames(aluminum_frames(len(origins)), origins, {"source": "test"})


def aluminum_info(n: int = 10) -> DatasetInfo:
    """What a run of such frames keeps in dataset.json."""
    dataset = aluminum_dataset(["a"] * n)
    split = draw_split(dataset, SplitSettings())
    return DatasetInfo(
        dataset_hash=dataset.sha256,
        split=split,
        split_hash=split.hash_with(dataset),
        references=fit_references(dataset, split.train),
        summary=summarize(dataset).to_plain(),
        notes=dataset.notes,
    )
