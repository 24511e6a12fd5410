"""hippynn's HIPNN: the model, its initialisation and its own evaluation.

hippynn is imported by `hippynn_import.py`, and by `hippynn_files.py` after it.
"""

import copy
import functools
import time
import warnings
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import torch
from ase import Atoms
from ase.calculators.calculator import PropertyNotImplementedError
from torch import Tensor, nn

from pareto_search.config import Architecture, EngineName
from pareto_search.data.references import ReferenceEnergies
from pareto_search.potential import engine as explicit
from pareto_search.potential.batch import Batch
from pareto_search.potential.engine import Evaluation
from pareto_search.potential.hippynn_import import (
    HEnergy,
    HipHopNNModule,
    Hipnn,
    HipnnQuad,
    HipnnVec,
    HippynnCalculator,
    inputs,
    networks,
    physics,
    targets,
)
from pareto_search.potential.wrapping import wrapping

_HIPNN = {0: (Hipnn, networks.Hipnn), 1: (HipnnVec, networks.HipnnVec), 2: (HipnnQuad, networks.HipnnQuad)}
_HIPHOP = (HipHopNNModule, networks.HipHopnn)
_ACTIVATIONS = {"softplus": nn.Softplus, "silu": nn.SiLU, "tanh": nn.Tanh}
#: hippynn's factor on the energy layers of a new network (`hierarchical_energy_initialization`).
_ENERGY_DECAY = 1e-2


def engine_for(architecture: Architecture, wanted: EngineName = "explicit") -> EngineName:
    """The engine that evaluates an architecture: the explicit one where it applies, else hippynn's graph."""
    applies = (
        architecture.family == "hipnn"
        and architecture.l_max == 1
        and architecture.n_interaction_layers == 1
        and architecture.activation == "softplus"
    )
    return wanted if applies else "hippynn"


class HipnnPotential(nn.Module):
    """A HIPNN network with hippynn's modules, evaluated by the explicit engine or by hippynn.

    Energies come out without the reference energies, which the network holds as hippynn's frozen non-interacting
    term E0; `references` gives them back in float64 at the places where a user sees an energy.

    Attributes:
        architecture: The hyperparameters.
        elements: Atomic numbers, rising.
        references: Reference energy of each element.
        engine: What evaluates it.
        network: hippynn's module.
        n_weights: Number of weights, the reference energies not counted.
    """

    network: Any

    def __init__(
        self,
        architecture: Architecture,
        references: ReferenceEnergies,
        *,
        seed: int,
        engine: EngineName = "explicit",
    ) -> None:
        super().__init__()
        self.architecture = architecture
        self.elements = tuple(sorted(references.by_element))
        self.references = references
        self.engine: EngineName = engine_for(architecture, engine)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.network = _new_network(architecture, self.elements)
            self.energy = HEnergy(self.network.feature_sizes)
        self._initialise_energies()
        self.n_weights = sum(p.numel() for p in self.parameters() if p.requires_grad)

    def _initialise_energies(self) -> None:
        """Hippynn's `hierarchical_energy_initialization`: E0 fixed at the fitted values, later terms made small."""
        values = [self.references.by_element[z] for z in self.elements]
        first, *later = self.energy.layers
        decay = _ENERGY_DECAY
        with torch.no_grad():
            first.weight.copy_(torch.tensor([values]))
            for layer in later:
                layer.weight.mul_(decay)
                layer.bias.mul_(decay)
                decay *= decay
        first.weight.requires_grad_(False)

    @property
    def dtype(self) -> torch.dtype:
        """Floating-point type of the weights."""
        return self.energy.layers[0].weight.dtype

    @property
    def device(self) -> torch.device:
        """Device of the weights."""
        return self.energy.layers[0].weight.device

    def regularization_parameters(self) -> list[Tensor]:
        """The weights in hippynn's L2 term, in a fixed order."""
        chosen = {id(p) for p in self.network.regularization_params()}
        return [p for p in self.network.parameters() if id(p) in chosen]

    def forward(self, batch: Batch, *, with_forces: bool = True) -> Evaluation:
        """Evaluate a batch with this potential's engine."""
        if self.engine == "explicit":
            constants = self.constants()
            pairs = explicit.geometry(batch.vectors, constants.cutoff_ang)
            return explicit.evaluate(self.weights(), constants, batch, pairs, with_forces=with_forces)
        return self._evaluate_with_hippynn(batch, with_forces=with_forces)

    def weights(self) -> explicit.HipnnWeights:
        """The trainable parameters in the form the explicit engine reads; they are hippynn's own."""
        interaction, *layers = self.network.blocks[0]
        base = interaction.base_layer
        return explicit.HipnnWeights(
            mu=base.sensitivity.mu,
            sigma=base.sensitivity.sigma,
            interaction=base.int_weights,
            vecscale=base.vecscales,
            self_weight=base.selfint.weight,
            self_bias=base.selfint.bias,
            res_weight=interaction.res_layer.weight,
            res_bias=interaction.res_layer.bias,
            adjust=interaction.adjust_layer.weight if interaction.needs_size_adjust else None,
            layers=tuple(
                explicit.AtomLayer(
                    layer.base_layer.weight, layer.base_layer.bias, layer.res_layer.weight, layer.res_layer.bias
                )
                for layer in layers
            ),
            energy_weight=self.energy.layers[1].weight,
            energy_bias=self.energy.layers[1].bias,
        )

    def detached_weights(self) -> explicit.HipnnWeights:
        """The same without gradients, for molecular dynamics."""
        return torch.utils._pytree.tree_map_only(Tensor, Tensor.detach, self.weights())

    def constants(self) -> explicit.HipnnConstants:
        """The constants of the explicit engine, filled in where the weights are, so that nothing waits for the host."""
        full = functools.partial(torch.full, (), dtype=self.dtype, device=self.device)
        return explicit.HipnnConstants(
            reference=self.energy.layers[0].weight.detach(),
            cutoff_ang=full(self.architecture.dist_hard_max_ang),
            cusp_reg=full(self.architecture.cusp_reg),
        )

    def _evaluate_with_hippynn(self, batch: Batch, *, with_forces: bool) -> Evaluation:
        """The same quantities through hippynn's modules and autograd."""
        with torch.enable_grad():
            vectors = batch.vectors.detach().requires_grad_(with_forces)
            distance = torch.linalg.vector_norm(vectors, dim=0)
            pairs = torch.nonzero(distance < self.architecture.dist_hard_max_ang, as_tuple=True)
            pair_vectors, first, second = vectors.movedim(0, 3)[pairs], pairs[0], batch.neighbor[pairs].long()
            one_hot = nn.functional.one_hot(batch.species, len(self.elements)).to(vectors.dtype)
            arguments = (one_hot, first, second, distance[pairs])
            features = self.network(*arguments, *(() if self.architecture.l_max == 0 else (pair_vectors,)))
            terms = [layer(x)[:, 0] for layer, x in zip(self.energy.layers, features, strict=True)]
            atomic = torch.stack(terms[1:]).sum(0)
            shares = [b.square() / (b.square() + a.square()) for a, b in pairwise(terms)]
            forces = vectors[:, :0, 0, 0].T
            if with_forces:
                keep_graph = any(p.requires_grad for p in self.parameters()) and self.training
                (gradient,) = torch.autograd.grad(atomic.sum(), vectors, create_graph=keep_graph)
                forces = explicit.forces_from_pairs(gradient, batch.neighbor)
        return Evaluation(
            energy=explicit.sum_by_system(atomic, batch),
            atomic_energy=atomic,
            forces=forces,
            hierarchicality=explicit.sum_by_system(torch.stack(shares).sum(0), batch),
        )

    def hippynn_nodes(self, *, periodic: bool) -> tuple[Any, Any]:
        """Hippynn's own graph around the same modules: its energy node and its force node (-dE/dR)."""
        species = inputs.SpeciesNode(db_name="Z")
        positions = inputs.PositionsNode(db_name="R")
        parents = (species, positions, inputs.CellNode(db_name="C")) if periodic else (species, positions)
        node = _classes(self.architecture)[1]("HIPNN", parents, periodic=periodic, module=self.network)
        energy = targets.HEnergyNode("HEnergy", node, module=self.energy, db_name="E")
        force = physics.GradientNode("F", (energy, positions), sign=-1, db_name="F")
        return energy, force


class TimedHippynnCalculator(HippynnCalculator):
    """hippynn's own ASE calculator on a potential's modules, with its times told apart (a `TimedCalculator`).

    The non-interacting term is taken out of the float32 network and added in float64, as everywhere else. Unlike
    hippynn's it takes cells that are periodic in some directions, and stress is of any cell that has a volume.
    """

    pbc: Any

    def __init__(self, potential: HipnnPotential, *, skin_ang: float) -> None:
        bare = copy.deepcopy(potential)
        bare.energy.layers[0].weight.data.zero_()
        energy, _ = bare.hippynn_nodes(periodic=True)
        super().__init__(energy, skin=skin_ang, en_unit=1.0, dist_unit=1.0)
        self.to(potential.device)
        self.to(potential.dtype)
        self.pbc.set(False)  # else hippynn divides by a signed volume; this gives the slope by strain itself
        self.pbc = SimpleNamespace(set=lambda pbc: None)  # hippynn's refuses some directions, though its list does not
        self.atoms: Any = None
        self.references = potential.references
        self.is_compiled = False
        self.neighbor_s = 0.0
        self.model_s = 0.0

    @property
    def n_list_builds(self) -> int:
        """Neighbour lists built so far."""
        return int(self.nl.nl.nupdates)

    @property
    def n_neighbors_mean(self) -> float:
        """Listed neighbours (within cutoff + skin) per atom."""
        return 0.0 if self.atoms is None else len(self.nl.nl.pair_first) / len(self.atoms)

    def calculate(self, atoms: Atoms | None = None, properties: Any = None, system_changes: Any = True) -> None:
        """Evaluate the atoms as hippynn does, after updating its neighbour list under the clock.

        Raises:
            AtomsError: If an atom's position is not finite or too far away.
        """
        self.atoms = self.atoms if atoms is None else atoms.copy()
        wrapping(self.atoms)  # hippynn finds no neighbours of what is not a number, and gives an energy
        started = time.perf_counter()
        try:
            self.nl.update(self.atoms)
        except ValueError:  # hippynn's own sign that the number of atoms changed
            self.rebuild_neighbors()
            self.nl.update(self.atoms)
        listed = time.perf_counter()
        super().calculate(None, properties, system_changes)
        self.neighbor_s += listed - started
        self.model_s += time.perf_counter() - listed
        if self.atoms.cell.rank == 3:
            self.results["stress"] = self.results["stress"] / self.atoms.get_volume()
        for name in ("potential_energy", "energy"):
            self.results[name] = float(self.results[name]) + float(self.references.of_atoms(self.atoms.numbers).sum())

    def get_stress(self, atoms: Atoms, **options: Any) -> Any:
        """Stress in eV/Å³, shape (3, 3).

        Raises:
            PropertyNotImplementedError: If the cell has no volume.
        """
        if atoms.cell.rank < 3:
            raise PropertyNotImplementedError("stress needs a cell with a volume")
        return super().get_stress(atoms, **options)


def _classes(architecture: Architecture) -> tuple[Any, Any]:
    """Hippynn's module and its node in hippynn's graph."""
    return _HIPHOP if architecture.family == "hiphop" else _HIPNN[architecture.l_max]


def _new_network(architecture: Architecture, elements: tuple[int, ...]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # hippynn says that HIP-HOP-NN is a beta
        network = _classes(architecture)[0](**_module_settings(architecture, elements))
    return copy.deepcopy(network)  # hippynn's tables of tensors are one object for all networks, whatever their dtype


def _module_settings(architecture: Architecture, elements: tuple[int, ...]) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "possible_species": [0, *elements],
        "n_features": architecture.n_features,
        "n_sensitivities": architecture.n_sensitivities,
        "n_interaction_layers": architecture.n_interaction_layers,
        "n_atom_layers": architecture.n_atom_layers,
        "dist_soft_min": architecture.dist_soft_min_ang,
        "dist_soft_max": architecture.dist_soft_max_ang,
        "dist_hard_max": architecture.dist_hard_max_ang,
        "activation": _ACTIVATIONS[architecture.activation],
    }
    if architecture.family == "hiphop":
        return {**settings, "l_max": architecture.l_max, "n_max": architecture.n_max}
    return settings if architecture.l_max == 0 else {**settings, "cusp_reg": architecture.cusp_reg}
