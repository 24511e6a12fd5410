"""A few frames of rattled aluminium with EMT labels, ready to train on."""

import numpy as np
from ase.build import bulk
from ase.calculators.emt import EMT

from pareto_search.config import HipnnArchitecture, SplitSettings
from pareto_search.data.dataset import from_frames
from pareto_search.data.labels import Labels
from pareto_search.data.neighbors import build_neighbor_table
from pareto_search.data.references import fit_references
from pareto_search.data.split import draw_split
from pareto_search.training.study_data import StudyData

TINY = HipnnArchitecture(n_features=6, n_sensitivities=6, n_atom_layers=1, dist_soft_max_ang=4.0, dist_hard_max_ang=4.5)


def toy_data(n_frames=20) -> StudyData:
    frames = []
    for seed in range(n_frames):
        atoms = bulk("Al", a=3.95 + 0.01 * seed, cubic=True)
        atoms.rattle(0.1, seed=seed)
        atoms.calc = EMT()
        frames.append(atoms)
    dataset = from_frames(frames, ["toy"] * n_frames, {})
    split = draw_split(dataset, SplitSettings(train=0.6, valid=0.2, test=0.2))
    references = fit_references(dataset, split.train)
    rng = np.random.default_rng(0)
    said = rng.normal(0.0, 0.1, dataset.n_atoms), rng.normal(0.0, 0.1, (dataset.n_atoms, 3))
    labels = Labels(*said, np.ones(dataset.n_atoms), "teacher", "data")
    return StudyData(dataset, build_neighbor_table(dataset, TINY.dist_hard_max_ang), split, references, labels)
