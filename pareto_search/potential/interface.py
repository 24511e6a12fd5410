"""What training, measuring, calculators and export need of any potential.

A family of potentials is an `Architecture` (settings, no PyTorch) that names a `Potential` (PyTorch). Energies are eV
without the per-element reference energies, which `Potential.references` holds in float64; forces are eV/Å, -∂E/∂R.
Where the energy of an atom follows from its own neighbours alone, subclass `LocalPotential`: it needs one function.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

import torch
from ase.calculators.calculator import Calculator
from torch import Tensor, nn

from pareto_search.config import Architecture
from pareto_search.data.references import ReferenceEnergies
from pareto_search.potential.batch import Batch


class Evaluation(NamedTuple):
    """What a potential gives for a batch; energies without the per-element reference energies.

    Attributes:
        energy: eV, shape (n_systems,).
        atomic_energy: eV, shape (n_atoms,).
        forces: eV/Å, shape (n_atoms, 3); of shape (0, 3) if not asked for.
        hierarchicality: Sum over the atoms of a frame of e_k²/(e_k² + e_{k-1}²), shape (n_systems,); 0 for a family
            whose energy is no sum of terms.
    """

    energy: Tensor
    atomic_energy: Tensor
    forces: Tensor
    hierarchicality: Tensor


class TimedCalculator(Calculator):
    """An ASE calculator that counts how long its parts took.

    Attributes:
        neighbor_s: Seconds spent on neighbour lists since construction.
        model_s: Seconds spent on the network since construction.
        n_list_builds: Neighbour lists built since construction.
        n_neighbors_mean: Listed neighbours (within cutoff + skin) per atom; NaN where that is not known.
    """

    neighbor_s: float = 0.0
    model_s: float = 0.0
    n_list_builds: int = 0
    n_neighbors_mean: float = float("nan")
    is_compiled: bool = False


class EngineTraits(NamedTuple):
    """What is known of the memory of an engine before it is measured.

    Attributes:
        bytes_per_pair: Bytes for each neighbour of an atom, about; the first capacity probe goes by it.
        is_list_bound: Whether that is mostly neighbour list, so that networks of one cutoff hold about as many atoms.
    """

    bytes_per_pair: float
    is_list_bound: bool


class PureForm(NamedTuple):
    """A potential as pure functions of tensors, which can be compiled for all networks of one structure.

    Attributes:
        weights: The trainable parameters themselves, in nested tuples.
        constants: Tensors that training does not change, in nested tuples.
        evaluate: (weights, constants, batch) → `Evaluation`.
        regularized: weights → those in the L2 term of the loss.
        local: (weights, constants, vectors, species) → as `LocalPotential.local_energies`.
    """

    weights: tuple[Any, ...]
    constants: tuple[Any, ...]
    evaluate: Callable[..., Evaluation]
    regularized: Callable[..., list[Tensor]]
    local: Callable[..., tuple[Tensor, Tensor]]


class Potential(nn.Module):
    """A network of one family; subclasses define `build`, `forward` and `calculator`.

    Attributes:
        references: Reference energy of each element.
        elements: Atomic numbers, rising.
        engine: What evaluates it, one of `architecture.engines`.
        n_weights: Number of trainable weights at the start.
    """

    #: Memory of each engine, by its name.
    engine_traits: ClassVar[Mapping[str, EngineTraits]]

    def __init__(
        self, architecture: Architecture, references: ReferenceEnergies, *, seed: int, engine: str | None = None
    ) -> None:
        super().__init__()
        self.architecture = architecture
        self.references = references
        self.elements = tuple(sorted(references.by_element))
        self.engine = architecture.engine(engine)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.build()
        self.n_weights = sum(p.numel() for p in self.parameters() if p.requires_grad)

    def build(self) -> None:
        """Make the modules and parameters; random numbers are seeded."""
        raise NotImplementedError(f"{type(self).__name__} needs build")

    def forward(self, batch: Batch, *, with_forces: bool = True) -> Evaluation:
        """Evaluate a batch of frames; differentiable by the weights in training."""
        raise NotImplementedError(f"{type(self).__name__} needs forward")

    def calculator(
        self, *, skin_ang: float = 0.5, is_compiled: bool | None = None, memory_budget_bytes: int | None = None
    ) -> TimedCalculator:
        """An ASE calculator of energy, forces and stress.

        Args:
            skin_ang: How much farther than the cutoff the neighbour list looks, Å.
            is_compiled: Whether it runs compiled. By default it changes over once it has done so much work that
                compiling is repaid. It never does where no compiler is installed, or there is no `pure_form`.
            memory_budget_bytes: Keeps what is needed beside the list to a part of this.
        """
        raise NotImplementedError(f"{type(self).__name__} needs calculator")

    @property
    def dtype(self) -> torch.dtype:
        """Floating-point type of the weights."""
        return next(self.parameters()).dtype

    @property
    def device(self) -> torch.device:
        """Device of the weights."""
        return next(self.parameters()).device

    @property
    def numbers_per_pair(self) -> int:
        """Numbers that a pair has in the largest array: work and memory of a step go by it."""
        return 1

    def regularization_parameters(self) -> list[Tensor]:
        """The weights in the L2 term of the loss, in a fixed order: by default all matrices."""
        return [parameter for parameter in self.parameters() if parameter.ndim > 1]

    def interaction_parameters(self) -> dict[str, nn.Parameter]:
        """Parameters of the interaction layers, by name, that a student may take over from a teacher; none if empty."""
        return {}

    def pure_form(self) -> PureForm | None:
        """The same as pure functions; None where the engine has none, so that it is never compiled."""
        return None


class LocalPotential(Potential):
    """A potential whose atoms' energies follow from their own neighbours: `build` and `atomic_energy` define it."""

    engine_traits: ClassVar[Mapping[str, EngineTraits]] = {"torch": EngineTraits(8.0, is_list_bound=True)}

    def atomic_energy(self, vectors: Tensor, species: Tensor) -> Tensor:
        """Energy of each atom in eV, shape (n_atoms,), differentiable by the vectors.

        Args:
            vectors: R_i - R_j in Å of every neighbour, by element, shape (3, n_atoms, n_elements, n_neighbors); those
                beyond the cutoff, padding among them, must add exactly nothing.
            species: Index of each atom's element in `elements`, shape (n_atoms,).
        """
        raise NotImplementedError(f"{type(self).__name__} needs atomic_energy")

    def local_energies(self, vectors: Tensor, species: Tensor, *, with_gradient: bool = True) -> tuple[Tensor, Tensor]:
        """Energy of each atom and its gradient by every neighbour vector, by autograd.

        Args:
            vectors: R_i - R_j in Å, shape (3, n_atoms, n_elements, n_neighbors).
            species: Index of each atom's element, shape (n_atoms,).
            with_gradient: Whether to return the gradient.

        Returns:
            ε_i in eV, shape (n_atoms,), and ∂ε_i/∂(R_i - R_j) in eV/Å, shaped as the vectors, or (3, 0, …) without.
        """
        with torch.enable_grad():
            vectors = vectors.detach().requires_grad_(with_gradient)
            energy = self.atomic_energy(vectors, species)
            if not with_gradient:
                return energy, vectors[:, :0]
            (gradient,) = torch.autograd.grad(energy.sum(), vectors, create_graph=self.training)
        return energy, gradient

    def forward(self, batch: Batch, *, with_forces: bool = True) -> Evaluation:
        """Evaluate a batch of frames."""
        atomic, gradient = self.local_energies(batch.vectors, batch.species, with_gradient=with_forces)
        return evaluation_of(atomic, gradient, torch.zeros_like(atomic), batch)

    def calculator(
        self, *, skin_ang: float = 0.5, is_compiled: bool | None = None, memory_budget_bytes: int | None = None
    ) -> TimedCalculator:
        """The calculator that evaluates a neighbour list in chunks of atoms; see `Potential.calculator`."""
        from pareto_search.potential.calculator import VerletCalculator  # it is made for potentials of this class

        return VerletCalculator(
            self, skin_ang=skin_ang, is_compiled=is_compiled, memory_budget_bytes=memory_budget_bytes
        )


def evaluation_of(atomic: Tensor, pair_gradient: Tensor, share: Tensor, batch: Batch) -> Evaluation:
    """An evaluation from what each atom adds.

    Args:
        atomic: Energy of each atom in eV, shape (n_atoms,).
        pair_gradient: ∂ε_i/∂(R_i - R_j) in eV/Å, shape (3, n_atoms, n_elements, n_neighbors); (3, 0, …) for no forces.
        share: Part of each atom in the hierarchicality, shape (n_atoms,).
        batch: The frames.
    """
    has_forces = pair_gradient.shape[1] == atomic.shape[0]
    return Evaluation(
        energy=_sum_by_system(atomic, batch),
        atomic_energy=atomic,
        forces=_forces_from_pairs(pair_gradient, batch.neighbor) if has_forces else pair_gradient[..., 0, 0].T,
        hierarchicality=_sum_by_system(share, batch),
    )


def _sum_by_system(values: Tensor, batch: Batch) -> Tensor:
    """Sum per-atom values (n_atoms,) over each frame: (n_systems,)."""
    # The zeros come from the values: under vmap they then have its axis, without which compiled code sums over members.
    return values.new_zeros(batch.n_atoms.shape).index_add(0, batch.system, values)


def _forces_from_pairs(pair_gradient: Tensor, neighbor: Tensor) -> Tensor:
    """Forces (n_atoms, 3) in eV/Å from ∂ε_i/∂(R_i - R_j) of shape (3, n_atoms, E, K)."""
    index = neighbor.flatten()
    return torch.stack([(-g.sum((1, 2))).index_add(0, index, g.flatten()) for g in pair_gradient], dim=1)
