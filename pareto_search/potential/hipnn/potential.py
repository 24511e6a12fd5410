"""hippynn's HIPNN: the model, its initialisation and its own evaluation.

hippynn is imported by `hippynn_import.py`, and by `hippynn_files.py` after it.
"""

import copy
import functools
import warnings
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from pareto_search.config import HipnnArchitecture
from pareto_search.potential.batch import Batch
from pareto_search.potential.hipnn import engine as explicit
from pareto_search.potential.hipnn.hippynn_calculator import TimedHippynnCalculator
from pareto_search.potential.hipnn.hippynn_import import (
    HEnergy,
    HipHopNNModule,
    Hipnn,
    HipnnQuad,
    HipnnVec,
    inputs,
    networks,
    physics,
    targets,
)
from pareto_search.potential.interface import (
    EngineTraits,
    Evaluation,
    LocalPotential,
    PureForm,
    TimedCalculator,
    evaluation_of,
)

_HIPNN = {0: (Hipnn, networks.Hipnn), 1: (HipnnVec, networks.HipnnVec), 2: (HipnnQuad, networks.HipnnQuad)}
_HIPHOP = (HipHopNNModule, networks.HipHopnn)
_ACTIVATIONS = {"softplus": nn.Softplus, "silu": nn.SiLU, "tanh": nn.Tanh}
#: hippynn's factor on the energy layers of a new network (`hierarchical_energy_initialization`).
_ENERGY_DECAY = 1e-2


class HipnnPotential(LocalPotential):
    """A network of hippynn's modules, evaluated by the explicit engine or by hippynn.

    It holds the reference energies as hippynn's frozen non-interacting term E0, which its energies leave out.

    Attributes:
        network: hippynn's module.
        energy: hippynn's energy terms.
    """

    engine_traits = MappingProxyType(
        {
            "explicit": EngineTraits(bytes_per_pair=8.0, is_list_bound=True),
            "hippynn": EngineTraits(bytes_per_pair=2000.0, is_list_bound=False),
        }
    )
    architecture: HipnnArchitecture
    network: Any

    def build(self) -> None:
        """Make hippynn's modules, initialised as hippynn does."""
        self.network = _new_network(self.architecture, self.elements)
        self.energy = HEnergy(self.network.feature_sizes)
        self._initialise_energies()

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
    def numbers_per_pair(self) -> int:
        """One for each sensitivity."""
        return self.architecture.n_sensitivities

    def regularization_parameters(self) -> list[Tensor]:
        """The weights in hippynn's L2 term, in a fixed order."""
        chosen = {id(p) for p in self.network.regularization_params()}
        return [p for p in self.network.parameters() if id(p) in chosen]

    def interaction_parameters(self) -> dict[str, nn.Parameter]:
        """Parameters of the interaction proper of every block; not of the atom layers that follow."""
        return {
            f"{number}.{name}": weight
            for number, block in enumerate(self.network.blocks)
            for name, weight in block[0].base_layer.named_parameters()
        }

    def local_energies(self, vectors: Tensor, species: Tensor, *, with_gradient: bool = True) -> tuple[Tensor, Tensor]:
        """By the explicit engine, without autograd; see `LocalPotential.local_energies`."""
        constants = self.constants()
        pairs = explicit.geometry(vectors, constants.cutoff_ang)
        return explicit.local_energies(self.weights(), constants, pairs, species, with_gradient=with_gradient)

    def forward(self, batch: Batch, *, with_forces: bool = True) -> Evaluation:
        """Evaluate a batch with this potential's engine."""
        if self.engine == "explicit":
            return explicit.evaluate(self.weights(), self.constants(), batch, with_forces=with_forces)
        return self._evaluate_with_hippynn(batch, with_forces=with_forces)

    def calculator(
        self, *, skin_ang: float = 0.5, is_compiled: bool | None = None, memory_budget_bytes: int | None = None
    ) -> TimedCalculator:
        """The calculator of this potential's engine; see `Potential.calculator`."""
        if self.engine == "hippynn":
            return TimedHippynnCalculator(self, skin_ang=skin_ang)
        return super().calculator(skin_ang=skin_ang, is_compiled=is_compiled, memory_budget_bytes=memory_budget_bytes)

    def pure_form(self) -> PureForm | None:
        """The explicit engine's functions."""
        if self.engine == "hippynn":
            return None
        return PureForm(
            self.weights(), self.constants(), explicit.evaluate, explicit.regularized, local=explicit.of_vectors
        )

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
            gradient = vectors[:, :0]
            if with_forces:
                keep_graph = any(p.requires_grad for p in self.parameters()) and self.training
                (gradient,) = torch.autograd.grad(atomic.sum(), vectors, create_graph=keep_graph)
        return evaluation_of(atomic, gradient, torch.stack(shares).sum(0), batch)

    def hippynn_nodes(self, *, periodic: bool) -> tuple[Any, Any]:
        """Hippynn's own graph around the same modules: its energy node and its force node (-dE/dR)."""
        species = inputs.SpeciesNode(db_name="Z")
        positions = inputs.PositionsNode(db_name="R")
        parents = (species, positions, inputs.CellNode(db_name="C")) if periodic else (species, positions)
        node = _classes(self.architecture)[1]("HIPNN", parents, periodic=periodic, module=self.network)
        energy = targets.HEnergyNode("HEnergy", node, module=self.energy, db_name="E")
        force = physics.GradientNode("F", (energy, positions), sign=-1, db_name="F")
        return energy, force


def _classes(architecture: HipnnArchitecture) -> tuple[Any, Any]:
    """Hippynn's module and its node in hippynn's graph."""
    return _HIPHOP if architecture.family == "hiphop" else _HIPNN[architecture.l_max]


def _new_network(architecture: HipnnArchitecture, elements: tuple[int, ...]) -> Any:
    with warnings.catch_warnings(action="ignore"):  # hippynn warns that HIP-HOP-NN is a beta
        network = _classes(architecture)[0](**_module_settings(architecture, elements))
    return copy.deepcopy(network)  # hippynn's tables of tensors are one object for all networks, whatever their dtype


def _module_settings(architecture: HipnnArchitecture, elements: tuple[int, ...]) -> dict[str, Any]:
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
