"""Frames as a batch with targets of order one, for tests of a step."""

import numpy as np
import torch
from ase.calculators.singlepoint import SinglePointCalculator

from pareto_search.data.dataset import from_frames
from pareto_search.data.labels import Labels
from pareto_search.data.neighbors import build_neighbor_table
from pareto_search.potential.loader import FrameLoader


def batch_of(potential, frames):
    """The frames, rattled differently, in the potential's own precision."""
    labelled = []
    for number, frame in enumerate(frames):
        atoms = frame.copy()
        atoms.rattle(0.05, seed=number)
        forces = 2.0 + np.random.default_rng(number).normal(size=(len(atoms), 3))
        atoms.calc = SinglePointCalculator(atoms, energy=1.0 + number, forces=forces)
        labelled.append(atoms)
    dataset = from_frames(labelled, ["test"] * len(labelled), {})
    cutoff_ang = potential.architecture.dist_hard_max_ang
    dtype = np.float64 if potential.dtype == torch.float64 else np.float32
    loader = FrameLoader(
        dataset,
        build_neighbor_table(dataset, cutoff_ang, dtype),
        potential.references,
        cutoff_ang=cutoff_ang,
        labels=_labels(dataset),
        dtype=potential.dtype,
    )
    return loader.load(np.arange(len(labelled)))


def _labels(dataset):
    rng = np.random.default_rng(0)
    energies, forces = 1.0 + rng.random(dataset.n_atoms), 3.0 + rng.random((dataset.n_atoms, 3))
    return Labels(energies, forces, 0.5 + rng.random(dataset.n_atoms), "teacher", "data")
