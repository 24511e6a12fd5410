"""Stress comes from the data's frames, is the slope of the energy, and is learned where its weight is above zero."""

from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.io import write

from pareto_search.config import ExtxyzSource, LossWeights, SplitSettings, TrainingSettings
from pareto_search.data.dataset import Dataset
from pareto_search.data.neighbors import build_neighbor_table
from pareto_search.data.references import fit_references
from pareto_search.data.sources import load_dataset
from pareto_search.data.split import draw_split
from pareto_search.potential.build import build_potential
from pareto_search.potential.loader import FrameLoader
from pareto_search.training.fit import fit
from pareto_search.training.study_data import StudyData
from tests.training.toy import TINY


@pytest.fixture
def dataset(tmp_path) -> Dataset:
    frames = []
    for seed in range(20):
        atoms = bulk("Al", a=3.9 + 0.02 * seed, cubic=True)
        atoms.rattle(0.1, seed=seed)
        atoms.calc = EMT()
        for result in ("energy", "forces", "stress"):
            atoms.calc.get_property(result, atoms)
        frames.append(atoms)
    write(tmp_path / "frames.extxyz", frames)
    return load_dataset(ExtxyzSource(source="extxyz", path=tmp_path / "frames.extxyz"))


def studied(dataset: Dataset) -> StudyData:
    split = draw_split(dataset, SplitSettings(train=0.6, valid=0.2, test=0.2))
    table = build_neighbor_table(dataset, TINY.dist_hard_max_ang, np.float64)
    return StudyData(dataset, table, split, fit_references(dataset, split.train))


def _loader(data: StudyData) -> FrameLoader:
    """In float64, unlike a study's."""
    return FrameLoader(data.dataset, data.table, data.references, cutoff_ang=TINY.cutoff_ang, dtype=torch.float64)


def test_frames_bring_it(dataset):
    atoms = bulk("Al", a=3.9, cubic=True)
    atoms.rattle(0.1, seed=0)
    atoms.calc = EMT()
    expected = atoms.get_volume() * atoms.get_stress(voigt=False)
    np.testing.assert_allclose(dataset.virial[0], expected, atol=1e-6)
    np.testing.assert_allclose(dataset.take(np.array([3, 0])).virial[1], expected, atol=1e-6)


@pytest.mark.parametrize("engine", ["explicit", "hippynn"])
def test_it_is_the_slope_of_the_energy_with_strain(dataset, engine):
    data, step = studied(dataset), 1e-5
    potential = build_potential(TINY, data.references, seed=1, engine=engine).double()
    strain = np.array([[1.0, 0.3, 0.0], [0.3, -0.5, 0.2], [0.0, 0.2, 0.4]])
    energies = []
    for sign in (1, -1):
        deformation = np.eye(3) + sign * step * strain
        moved = replace(dataset, positions=dataset.positions @ deformation, cell=dataset.cell @ deformation)
        batch, _ = _loader(studied(moved)).load(np.arange(4))
        energies.append(potential(batch).energy)
    batch, _ = _loader(data).load(np.arange(4))
    slope = (energies[0] - energies[1]) / (2 * step)
    expected = (potential(batch).virial * torch.tensor(strain)).sum((1, 2))
    torch.testing.assert_close(slope, expected, rtol=1e-5, atol=1e-7)


def test_it_is_learned(dataset):
    data = studied(dataset)
    potential = build_potential(TINY, data.references, seed=1)
    training = TrainingSettings(max_epochs=40, batch_size=4, learning_rate=3e-3, checkpoint_every_s=1e9)
    weights = LossWeights.model_validate({"weight_energy": 0.0, "weight_forces": 0.0, "weight_virial": 1.0})
    result = fit(potential, data.loader(TINY, device="cpu"), data.split, weights, training, seed=0)
    first, *_, last = map(asdict, result.curve)
    assert last["train_loss_virial"] < 0.5 * first["train_loss_virial"]
    assert first["weight_virial"] == 1.0


def test_frames_without_it_add_nothing(dataset):
    data = studied(replace(dataset, virial=None))
    potential = build_potential(TINY, data.references, seed=1)
    training = TrainingSettings(max_epochs=1, batch_size=4)
    weights = LossWeights.model_validate({"weight_virial": 1.0})
    result = fit(potential, data.loader(TINY, device="cpu"), data.split, weights, training, seed=0)
    assert asdict(result.curve[0])["train_loss_virial"] < 1e-6
