"""Every tensor of a training step lives on the batch's device: on `meta`, one left on the CPU raises."""

import copy

import numpy as np
import pytest
import torch
from ase.calculators.singlepoint import SinglePointCalculator

from pareto_search.config import LossWeights, TrainingSettings
from pareto_search.data.dataset import from_frames
from pareto_search.data.neighbors import build_neighbor_table
from pareto_search.potential.loader import FrameLoader, Targets
from pareto_search.training.step import Steps
from tests.potential.systems import SMALL, alloy, aluminum, potential_for


def _step(atoms, device):
    atoms.calc = SinglePointCalculator(atoms, energy=1.0, forces=np.ones((len(atoms), 3)))
    dataset = from_frames([atoms, atoms], ["a", "b"], {})
    table = build_neighbor_table(dataset, SMALL.dist_hard_max_ang)
    potential = potential_for(atoms).float()
    labels = np.ones(dataset.n_atoms)
    loader = FrameLoader(dataset, table, potential.references, cutoff_ang=SMALL.dist_hard_max_ang, atomic_energy=labels)
    batch, targets = loader.load(np.array([0, 1]))
    potential, batch = copy.deepcopy(potential).to(device), batch.to(device)
    targets = Targets(*(tensor.to(device) for tensor in targets))
    steps = Steps(potential, TrainingSettings(), is_compiled=False)
    return steps.train(batch, targets, steps.loss_weights(LossWeights(weight_atomic_energy=1.0)))


@pytest.mark.parametrize("build", [aluminum, alloy])
def test_training_step_runs_on_meta(build):
    loss = _step(build(), "meta")
    assert loss.device.type == "meta"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_gpu_step_equals_cpu_step():
    torch.testing.assert_close(_step(alloy(), "cuda").cpu(), _step(alloy(), "cpu"), rtol=1e-4, atol=1e-5)
