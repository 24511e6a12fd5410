"""The explicit engine against hippynn's own graph: same energies, forces, loss and gradient of every weight."""

import numpy as np
import pytest
import torch
from hippynn.experiment.assembly import build_loss_modules, determine_out_in_targ
from hippynn.graphs import GraphModule, loss
from hippynn.pretraining import hierarchical_energy_initialization

from pareto_search.config import LossWeights, TrainingSettings
from pareto_search.potential.hipnn import HipnnPotential
from pareto_search.potential.loader import Targets
from pareto_search.testing import evaluate_frames
from pareto_search.training.loss import loss_terms, term_weights, total_loss
from tests.potential.systems import SMALL, SYSTEMS, potential_for

WEIGHTS = LossWeights(weight_energy=1.0, weight_forces=30.0, weight_atomic_energy=100.0)
SETTINGS = TrainingSettings()
TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-5}


def frames_of(name):
    first = SYSTEMS[name]()
    second = first.copy()
    second.rattle(0.05, seed=9)
    return [first, second]


def hippynn_inputs(frames, dtype):
    """Species, positions and cells of frames of one size, as hippynn takes them."""
    species = torch.tensor(np.stack([atoms.numbers for atoms in frames]))
    positions = torch.tensor(np.stack([atoms.positions for atoms in frames]), dtype=dtype, requires_grad=True)
    cells = torch.tensor(np.stack([atoms.cell.array for atoms in frames]), dtype=dtype)
    return (species, positions, cells) if frames[0].pbc.any() else (species, positions)


def graph_of(potential, frames):
    energy, force = potential.hippynn_nodes(periodic=bool(frames[0].pbc.any()))
    nodes = {type(node).__name__: node for node in energy.get_all_parents()}
    names = ("SpeciesNode", "PositionsNode", "CellNode")
    return energy, force, [nodes[name] for name in names if name in nodes]


def non_interacting_energies(potential, frames):
    """The network's E0 of each atom, in its own precision, shape (n_frames, n_atoms)."""
    by_element = dict(zip(potential.elements, potential.energy.layers[0].weight[0], strict=True))
    return torch.stack([torch.stack([by_element[int(z)] for z in atoms.numbers]) for atoms in frames])


def close(actual, expected, dtype):
    """Equal relative to the largest entry."""
    actual, expected = actual.detach(), expected.detach()
    scale = float(expected.abs().max()) or 1.0
    assert float((actual - expected).abs().max()) <= TOLERANCE[dtype] * scale


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("name", list(SYSTEMS))
def test_evaluation_equals_hippynn(name, dtype):
    frames = frames_of(name)
    potential = potential_for(frames[0]).to(dtype)
    assert potential.engine == "explicit"
    ours = evaluate_frames(potential, frames)
    energy, force, inputs = graph_of(potential, frames)
    module = GraphModule(inputs, [energy.mol_energy, energy.atom_energies, force, energy.hierarchicality])
    total, atomic, forces, hierarchicality = module(*hippynn_inputs(frames, dtype))

    references = non_interacting_energies(potential, frames)
    close(ours.energy + references.sum(1), total[:, 0], dtype)
    close(ours.atomic_energy + references.flatten(), atomic[:, 0], dtype)
    close(ours.forces, forces.flatten(0, 1), dtype)
    close(ours.hierarchicality, hierarchicality[:, 0], dtype)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("name", list(SYSTEMS))
def test_loss_and_every_gradient_equal_hippynn(name, dtype):
    frames = frames_of(name)
    potential = potential_for(frames[0]).to(dtype)
    generator = torch.Generator().manual_seed(0)
    n_atoms = len(frames[0])
    # Errors of order one: the gradient of |error| must not hang on the sign of a rounding error.
    energy_true = 1.0 + torch.rand(2, generator=generator, dtype=torch.float64)
    forces_true = 2.0 + torch.randn(2, n_atoms, 3, generator=generator, dtype=torch.float64)
    atomic_true = 1.0 + torch.rand(2, n_atoms, generator=generator, dtype=torch.float64)

    evaluation = evaluate_frames(potential, frames)
    targets = Targets(
        energy_true.to(dtype),
        forces_true.flatten(0, 1).to(dtype),
        atomic_true.flatten().to(dtype),
        teacher_forces=torch.zeros(2 * n_atoms, 3, dtype=dtype),
        label_weight=torch.ones(2 * n_atoms, dtype=dtype),
    )
    terms = loss_terms(evaluation, targets, potential.regularization_parameters())
    ours = total_loss(terms, term_weights(WEIGHTS, SETTINGS, potential.dtype, potential.device))
    ours_gradients = gradients(potential, ours)

    theirs = hippynn_loss(potential, frames, energy_true, forces_true, atomic_true, dtype)
    close(ours, theirs, dtype)
    for parameter, gradient in gradients(potential, theirs).items():
        close(ours_gradients[parameter], gradient, dtype)


def gradients(potential, value):
    trainable = {name: p for name, p in potential.named_parameters() if p.requires_grad}
    found = torch.autograd.grad(value, list(trainable.values()), retain_graph=True)
    return dict(zip(trainable, found, strict=True))


def hippynn_loss(potential, frames, energy_true, forces_true, atomic_true, dtype):
    """The paper's loss assembled from hippynn's own loss nodes."""
    energy, force, inputs = graph_of(potential, frames)
    energy.atom_energies.db_name = "A"

    def error(node):
        return loss.MSELoss.of_node(node) ** (1 / 2) + loss.MAELoss.of_node(node)

    total = (
        WEIGHTS.weight_energy * error(energy)
        + WEIGHTS.weight_forces * error(force)
        + WEIGHTS.weight_atomic_energy * error(energy.atom_energies)
        + SETTINGS.weight_hierarchicality * loss.Mean.of_node(energy.hierarchicality)
        + SETTINGS.weight_l2 * loss.l2reg(energy.parents[0])
    )
    references = non_interacting_energies(potential, frames)
    truths = {
        "Z": hippynn_inputs(frames, dtype)[0],
        "E": energy_true.to(dtype)[:, None] + references.sum(1, keepdim=True),
        "F": forces_true.to(dtype),
        "A": (atomic_true.to(dtype) + references)[..., None],
    }
    _, outputs, targets = determine_out_in_targ(total)
    loss_module, _ = build_loss_modules(total, [total], outputs, targets)
    predictions = GraphModule(inputs, outputs)(*hippynn_inputs(frames, dtype))
    return loss_module(*predictions, *(truths[node.db_name] for node in targets))[0]


def test_initial_weights_are_hippynns():
    """Same seed, same modules: the network starts as hippynn's own initialisation leaves it."""
    frames = frames_of("alloy")
    references = potential_for(frames[0]).references
    potential = HipnnPotential(SMALL, references, seed=3)
    twin = HipnnPotential(SMALL, references, seed=3)
    for ours, other in zip(potential.parameters(), twin.parameters(), strict=True):
        assert torch.equal(ours, other)
    fresh = type(potential.energy)(potential.network.feature_sizes)
    fresh.layers[1].load_state_dict({k: v / 1e-2 for k, v in potential.energy.layers[1].state_dict().items()})
    hierarchical_energy_initialization(_InteractingOnly(fresh.layers), decay_factor=1e-2)
    torch.testing.assert_close(fresh.layers[1].weight, potential.energy.layers[1].weight)
    torch.testing.assert_close(fresh.layers[1].bias, potential.energy.layers[1].bias)


class _InteractingOnly:
    """An energy module as hippynn's initialisation sees one without a non-interacting term."""

    first_is_interacting = True

    def __init__(self, layers):
        self.layers = layers
