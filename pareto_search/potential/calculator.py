"""ASE calculators: energies, forces and stress of a potential, the explicit engine's in chunks of atoms."""

import logging
import time
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
import torch
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.stress import full_3x3_to_voigt_6_stress
from numpy.typing import NDArray
from torch import Tensor

from pareto_search.data.neighbors import element_index
from pareto_search.potential.compiled import TensorFunction, compiled, has_compiler
from pareto_search.potential.engine import HipnnConstants, HipnnWeights
from pareto_search.potential.hipnn import HipnnPotential, TimedHippynnCalculator
from pareto_search.potential.md_chunk import evaluate_chunk
from pareto_search.potential.verlet import ListSizes, VerletList

logger = logging.getLogger(__name__)

#: Numbers in the largest array of a chunk (pairs × sensitivities): on a CPU so few that they stay in the cache; on a
#: GPU enough to fill it.
_CHUNK_NUMBERS = {"cpu": 400_000, "cuda": 50_000_000}
#: Memory of a neighbour search.
_SEARCH_BYTES = 500_000_000
#: A system is searched in blocks, and evaluated in chunks, that need no more than this part of the memory budget.
_SCRATCH_SHARE = 1 / 8
#: Arrays of pairs × sensitivities that are alive at once in a chunk, in float32, at most.
_CHUNK_BYTES_PER_NUMBER = 4 * 6
#: After so many atoms × steps a simulation is compiled: they take 3 to 12 s on a CPU core without. Compiling takes half
#: a minute, once for each depth and machine.
COMPILE_AFTER_ATOM_STEPS = 100_000


class TimedCalculator(Protocol):
    """An ASE calculator that tells how long its parts took.

    Attributes:
        neighbor_s: Seconds spent on neighbour lists since construction.
        model_s: Seconds spent on the network since construction.
        n_list_builds: Neighbour lists built since construction.
        n_neighbors_mean: Listed neighbours (within cutoff + skin) per atom.
        is_compiled: Whether the explicit engine runs compiled.
    """

    neighbor_s: float
    model_s: float
    is_compiled: bool

    @property
    def n_list_builds(self) -> int: ...  # noqa: D102

    @property
    def n_neighbors_mean(self) -> float: ...  # noqa: D102


def make_calculator(
    potential: HipnnPotential,
    *,
    skin_ang: float = 0.5,
    is_compiled: bool | None = None,
    memory_budget_bytes: int | None = None,
) -> "ExplicitCalculator | TimedHippynnCalculator":
    """The ASE calculator of a potential's engine; it is also a `TimedCalculator`.

    Args:
        potential: The network.
        skin_ang: How much farther than the cutoff the neighbour list looks.
        is_compiled: Whether the explicit engine runs compiled. By default it changes over once it has done so much
            work that compiling is repaid. It never does where no compiler is installed.
        memory_budget_bytes: Keeps what is needed beside the list to a part of this.
    """
    if potential.engine != "explicit":
        return TimedHippynnCalculator(potential, skin_ang=skin_ang)
    return ExplicitCalculator(
        potential, skin_ang=skin_ang, is_compiled=is_compiled, memory_budget_bytes=memory_budget_bytes
    )


def list_sizes(potential: HipnnPotential, memory_budget_bytes: int | None) -> ListSizes:
    """How much of a system is searched and evaluated at once, within a part of the memory budget."""
    scratch = float("inf") if memory_budget_bytes is None else memory_budget_bytes * _SCRATCH_SHARE
    numbers = min(_CHUNK_NUMBERS[potential.device.type], scratch / _CHUNK_BYTES_PER_NUMBER)
    return ListSizes(
        search_bytes=int(min(_SEARCH_BYTES, scratch)),
        chunk_pairs=int(numbers / potential.architecture.n_sensitivities),
    )


@dataclass(frozen=True)
class DeviceList:
    """A Verlet list where the network is: on a CPU the list's own memory, on a GPU a copy there."""

    order: Tensor
    wrap: Tensor
    ghost_source: Tensor
    ghost_shift: Tensor
    chunks: tuple[Tensor, ...]
    cell: Tensor
    far_ang: float

    @classmethod
    def of(cls, current: VerletList, device: torch.device) -> Self:
        """A list, on a device."""
        names = ("order", "wrap", "ghost_source", "ghost_shift", "cell")
        arrays = {name: torch.from_numpy(getattr(current, name)).to(device) for name in names}
        chunks = tuple(torch.from_numpy(chunk).to(device) for chunk in current.chunks)
        return cls(**arrays, chunks=chunks, far_ang=current.far_ang)

    @property
    def n_atoms(self) -> int:
        """Number of atoms."""
        return len(self.order)

    def points(self, positions: Tensor) -> Tensor:
        """Coordinates of every point of the list in Å, shape (3, n_points), float64.

        Args:
            positions: Of the atoms in their own order, Å, shape (n_atoms, 3), float64.
        """
        n_atoms, n_ghosts = self.n_atoms, len(self.ghost_source)
        points = torch.empty(3, n_atoms + n_ghosts + 1, dtype=torch.float64, device=positions.device)
        points[:, :n_atoms] = (positions[self.order] - self.wrap.double() @ self.cell).T
        points[:, n_atoms:-1] = points[:, self.ghost_source] + (self.ghost_shift.double() @ self.cell).T
        points[:, -1] = self.far_ang
        return points

    def on_atoms(self, by_point: Tensor) -> Tensor:
        """What acts on points, shape (3, n_points), as it acts on the atoms in their own order, (n_atoms, 3)."""
        by_row = by_point[:, : self.n_atoms].index_add(1, self.ghost_source, by_point[:, self.n_atoms : -1])
        return torch.empty_like(by_row.T).index_copy_(0, self.order.long(), by_row.T)


def evaluate_list(
    weights: HipnnWeights,
    constants: HipnnConstants,
    current: DeviceList,
    positions: Tensor,
    species: Tensor,
    chunk_form: TensorFunction = evaluate_chunk,
) -> tuple[Tensor, Tensor, Tensor]:
    """An MD step's work on the device: chunk by chunk, energies summed in float64, without waiting for the host.

    Args:
        weights: The network.
        constants: Its constants.
        current: The neighbours.
        positions: Å, shape (n_atoms, 3), float64.
        species: Element index of each atom, shape (n_atoms,).
        chunk_form: What stands for `evaluate_chunk`.

    Returns:
        Atomic energies without reference energies in eV, shape (n_atoms,), float64; forces in eV/Å, shape (n_atoms, 3);
        virial Σ R_ij ⊗ ∂E/∂R_ij in eV, shape (3, 3), float64.
    """
    points, species = current.points(positions), species[current.order]
    atomic = torch.empty(len(positions), dtype=torch.float64, device=positions.device)
    forces = torch.zeros(points.shape, dtype=constants.cutoff_ang.dtype, device=positions.device)
    virial = torch.zeros(3, 3, dtype=torch.float64, device=positions.device)
    start = 0
    for neighbor in current.chunks:
        rows = slice(start, start + len(neighbor))
        energy, gradient, gradient_sum, chunk_virial = chunk_form(
            weights, constants, points, points[:, rows], neighbor, species[rows]
        )
        atomic[rows] = energy.double()
        forces[:, rows] -= gradient_sum
        index = neighbor.flatten()
        for axis in range(3):
            forces[axis].index_add_(0, index, gradient[axis].flatten())
        virial += chunk_virial.double()
        start = rows.stop
    return torch.empty_like(atomic).index_copy_(0, current.order.long(), atomic), current.on_atoms(forces), virial


class ExplicitCalculator(Calculator):
    """The explicit engine for ASE. Energies include the reference energies and are summed in float64.

    Memory per atom is that of the neighbour list: the network runs on chunks of atoms. A `TimedCalculator`.
    """

    implemented_properties = ["energy", "free_energy", "energies", "forces", "stress"]  # noqa: RUF012 - as ASE has it

    def __init__(
        self,
        potential: HipnnPotential,
        *,
        skin_ang: float = 0.5,
        is_compiled: bool | None = None,
        memory_budget_bytes: int | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # ASE's
        self.potential = potential
        self.skin_ang = skin_ang
        self._weights, self._constants = potential.detached_weights(), potential.constants()
        self._sizes = list_sizes(potential, memory_budget_bytes)
        self._may_compile = is_compiled is not False and has_compiler(potential.device.type)
        self.is_compiled = self._may_compile and bool(is_compiled)
        self._compiled: TensorFunction | None = None
        self._n_atom_steps = 0
        self.list: VerletList | None = None
        self._on_device: DeviceList | None = None
        self.neighbor_s = 0.0
        self.model_s = 0.0
        self.n_list_builds = 0

    @property
    def n_neighbors_mean(self) -> float:
        """Mean number of listed neighbours (within cutoff + skin) of an atom in the current list."""
        return self.list.n_pairs / len(self.list.order) if self.list is not None else 0.0

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: tuple[str, ...] = ("energy",),
        system_changes: list[str] = all_changes,
    ) -> None:
        """Evaluate everything for the atoms; ASE calls this when something changed.

        Raises:
            KeyError: If an atom is of an element that the network does not know.
            AtomsError: If an atom's position is not finite or too far away.
        """
        super().calculate(atoms, properties, system_changes)  # type: ignore[no-untyped-call]  # ASE's
        system = self.atoms
        assert system is not None
        self._count_work(len(system))
        started = time.perf_counter()
        current = self._current_list(system)
        listed = time.perf_counter()
        atomic, forces, virial = self._evaluate(system, current)
        self.neighbor_s += listed - started
        self.model_s += time.perf_counter() - listed
        energies = atomic + self.potential.references.of_atoms(system.numbers)
        energy = float(energies.sum())
        self.results = {"energy": energy, "free_energy": energy, "energies": energies, "forces": forces}
        if system.cell.rank == 3:
            self.results["stress"] = full_3x3_to_voigt_6_stress(virial / system.get_volume())

    def _count_work(self, n_atoms: int) -> None:
        self._n_atom_steps += n_atoms
        if self._may_compile and not self.is_compiled and self._n_atom_steps > COMPILE_AFTER_ATOM_STEPS:
            logger.info("compiled from here on, after %d atom steps", self._n_atom_steps)
            self.is_compiled = True

    def _current_list(self, atoms: Atoms) -> DeviceList:
        if self.list is None or not self.list.holds_for(atoms):
            self.list = self._on_device = None  # frees the old list before the new one is built
            self.list = VerletList.build(
                atoms,
                self.potential.architecture.dist_hard_max_ang,
                self.skin_ang,
                elements=self.potential.elements,
                sizes=self._sizes,
            )
            self._on_device = DeviceList.of(self.list, self.potential.device)
            self.n_list_builds += 1
        assert self._on_device is not None
        return self._on_device

    def _evaluate(
        self, atoms: Atoms, current: DeviceList
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Atomic energies without references (n_atoms,), forces (n_atoms, 3) and virial (3, 3)."""
        device = self.potential.device
        positions = torch.from_numpy(atoms.positions).to(device)
        species = torch.from_numpy(element_index(atoms.numbers, self.potential.elements)).to(device)
        with torch.no_grad():
            found = evaluate_list(self._weights, self._constants, current, positions, species, self._evaluate_chunk)
        atomic, forces, virial = (tensor.cpu().numpy() for tensor in found)
        return atomic, forces.astype(np.float64), virial

    def _evaluate_chunk(self, *arguments: Any) -> tuple[Tensor, ...]:
        """`evaluate_chunk`, compiled where this calculator is, except for a single atom."""
        if not self.is_compiled or len(arguments[-1]) == 1:
            return evaluate_chunk(*arguments)
        if self._compiled is None:
            self._compiled = compiled(evaluate_chunk, *arguments)
            self.is_compiled = self._may_compile = self._compiled is not evaluate_chunk
        return self._compiled(*arguments)
