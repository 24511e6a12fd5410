"""Every tensor of a training step lives on the batch's device: on `meta`, one left on the CPU raises."""

import copy
from functools import partial

import numpy as np
import pytest
import torch
from ase.calculators.singlepoint import SinglePointCalculator

from pareto_search.config import LossWeights, TrainingSettings
from pareto_search.data.dataset import from_frames
from pareto_search.data.labels import Labels
from pareto_search.data.neighbors import build_neighbor_table, element_index
from pareto_search.potential.calculator import DeviceList, evaluate_list
from pareto_search.potential.loader import FrameLoader, Targets
from pareto_search.potential.md_chunk import chunk_function
from pareto_search.potential.verlet import ListSizes, VerletList
from pareto_search.training.step import Steps
from tests.potential.systems import SMALL, alloy, aluminum, potential_for


def _step(atoms, device):
    atoms.calc = SinglePointCalculator(atoms, energy=1.0, forces=np.ones((len(atoms), 3)))
    dataset = from_frames([atoms, atoms], ["a", "b"], {})
    table = build_neighbor_table(dataset, SMALL.dist_hard_max_ang)
    potential = potential_for(atoms).float()
    labels = Labels(np.ones(dataset.n_atoms), dataset.forces, np.ones(dataset.n_atoms), "teacher", "data")
    loader = FrameLoader(dataset, table, potential.references, cutoff_ang=SMALL.dist_hard_max_ang, labels=labels)
    batch, targets = loader.load(np.array([0, 1]))
    potential, batch = copy.deepcopy(potential).to(device), batch.to(device)
    targets = Targets(*(tensor.to(device) for tensor in targets))
    steps = Steps(potential, TrainingSettings(), is_compiled=False)
    weights = LossWeights(weight_atomic_energy=1.0, weight_teacher_forces=1.0)
    return steps.train(batch, targets, steps.loss_weights(weights))


@pytest.mark.parametrize("build", [aluminum, alloy])
def test_training_step_runs_on_meta(build):
    sums = _step(build(), "meta")
    assert sums.device.type == "meta"


@pytest.mark.parametrize("build", [aluminum, alloy])
def test_md_step_runs_on_meta(build):
    atoms = build()
    potential = potential_for(atoms).float()
    on_cpu = _md_step(atoms, potential, torch.device("cpu"))
    on_meta = _md_step(atoms, potential.to("meta"), torch.device("meta"))
    assert [(value.device.type, value.shape) for value in on_meta] == [("meta", value.shape) for value in on_cpu]


def _md_step(atoms, potential, device):
    current = VerletList.build(
        atoms,
        potential.architecture.dist_hard_max_ang,
        0.5,
        elements=potential.elements,
        sizes=ListSizes(search_bytes=10**8, chunk_pairs=200),
    )
    positions = torch.from_numpy(atoms.positions).to(device)
    species = torch.from_numpy(element_index(atoms.numbers, potential.elements)).to(device)
    chunk = partial(chunk_function(potential.local_energies, potential.dtype), ())
    with torch.no_grad():
        return evaluate_list(DeviceList.of(current, device), positions, species, chunk)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_gpu_step_equals_cpu_step():
    torch.testing.assert_close(_step(alloy(), "cuda").cpu(), _step(alloy(), "cpu"), rtol=1e-4, atol=1e-5)
