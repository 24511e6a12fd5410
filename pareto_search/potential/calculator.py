"""The ASE calculator of local potentials: energies, forces and stress, evaluated in chunks of atoms."""

import functools
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from ase import Atoms
from ase.calculators.calculator import all_changes
from ase.stress import full_3x3_to_voigt_6_stress
from numpy.typing import NDArray
from torch import Tensor

from pareto_search.data.neighbors import element_index
from pareto_search.potential.compiled import TensorFunction, compiled, has_compiler
from pareto_search.potential.interface import LocalPotential, Potential, TimedCalculator
from pareto_search.potential.md_chunk import chunk_function
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


def list_sizes(potential: Potential, memory_budget_bytes: int | None) -> ListSizes:
    """How much of a system is searched and evaluated at once, within a part of the memory budget."""
    scratch = float("inf") if memory_budget_bytes is None else memory_budget_bytes * _SCRATCH_SHARE
    numbers = min(_CHUNK_NUMBERS[potential.device.type], scratch / _CHUNK_BYTES_PER_NUMBER)
    return ListSizes(
        search_bytes=int(min(_SEARCH_BYTES, scratch)), chunk_pairs=int(numbers / potential.numbers_per_pair)
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
        """Coordinates of every point of the list, shape (3, n_points), from the atoms', shape (n_atoms, 3), in Å."""
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
    current: DeviceList, positions: Tensor, species: Tensor, chunk: Callable[..., tuple[Tensor, ...]]
) -> tuple[Tensor, Tensor, Tensor]:
    """An MD step's work on the device: chunk by chunk, energies summed in float64, without waiting for the host.

    Args:
        current: The neighbours.
        positions: Å, shape (n_atoms, 3), float64.
        species: Element index of each atom, shape (n_atoms,).
        chunk: (points, rows, neighbor, species) → as `chunk_function` describes.

    Returns:
        Atomic energies without reference energies in eV, shape (n_atoms,), float64; forces in eV/Å, shape (n_atoms, 3);
        virial Σ R_ij ⊗ ∂E/∂R_ij in eV, shape (3, 3), float64.
    """
    points, species = current.points(positions), species[current.order]
    atomic = torch.empty(len(positions), dtype=torch.float64, device=positions.device)
    virial = torch.zeros(3, 3, dtype=torch.float64, device=positions.device)
    forces: Tensor | None = None
    start = 0
    for neighbor in current.chunks:
        rows = slice(start, start + len(neighbor))
        energy, gradient, gradient_sum, chunk_virial = chunk(points, points[:, rows], neighbor, species[rows])
        if forces is None:
            forces = torch.zeros(points.shape, dtype=gradient.dtype, device=positions.device)
        atomic[rows] = energy.double()
        forces[:, rows] -= gradient_sum
        index = neighbor.flatten()
        for axis in range(3):
            forces[axis].index_add_(0, index, gradient[axis].flatten())
        virial += chunk_virial.double()
        start = rows.stop
    if forces is None:  # no atoms
        forces = torch.zeros_like(points)
    return torch.empty_like(atomic).index_copy_(0, current.order.long(), atomic), current.on_atoms(forces), virial


class VerletCalculator(TimedCalculator):
    """A local potential for ASE. Energies include the reference energies and are summed in float64.

    Memory per atom is that of the neighbour list: the network runs on chunks of atoms.
    """

    implemented_properties = ["energy", "free_energy", "energies", "forces", "stress"]  # noqa: RUF012 - as ASE has it

    def __init__(
        self,
        potential: LocalPotential,
        *,
        skin_ang: float = 0.5,
        is_compiled: bool | None = None,
        memory_budget_bytes: int | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # ASE's
        self.potential = potential
        self.skin_ang = skin_ang
        self._state, self._chunk = _pure_chunk(potential)
        self._sizes = list_sizes(potential, memory_budget_bytes)
        self._may_compile = bool(self._state) and is_compiled is not False and has_compiler(potential.device.type)
        self.is_compiled = self._may_compile and bool(is_compiled)
        self._compiled: TensorFunction | None = None
        self._n_atom_steps = 0
        self.list: VerletList | None = None
        self._on_device: DeviceList | None = None

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: tuple[str, ...] = ("energy",),
        system_changes: list[str] = all_changes,
    ) -> None:
        """Evaluate everything for the atoms; ASE calls this when something changed.

        Raises:
            KeyError: If an atom is of an element that the network does not have.
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
                self.potential.architecture.cutoff_ang,
                self.skin_ang,
                elements=self.potential.elements,
                sizes=self._sizes,
            )
            self._on_device = DeviceList.of(self.list, self.potential.device)
            self.n_list_builds += 1
            self.n_neighbors_mean = self.list.n_pairs / max(len(self.list.order), 1)
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
            found = evaluate_list(current, positions, species, self._evaluate_chunk)
        atomic, forces, virial = (tensor.cpu().numpy() for tensor in found)
        return atomic, forces.astype(np.float64), virial

    def _evaluate_chunk(self, *arguments: Tensor) -> tuple[Tensor, ...]:
        """A chunk, compiled where this calculator is, except for a single atom."""
        if not self.is_compiled or len(arguments[-1]) == 1:
            return self._chunk(self._state, *arguments)
        if self._compiled is None:
            self._compiled = compiled(self._chunk, self._state, *arguments)
            self.is_compiled = self._may_compile = self._compiled is not self._chunk
        return self._compiled(self._state, *arguments)


def _pure_chunk(potential: LocalPotential) -> tuple[tuple[Any, ...], TensorFunction]:
    """State and chunk function of a potential: its pure form without gradients, else its own method and no state."""
    form = potential.pure_form()
    if form is None:
        return (), chunk_function(potential.local_energies, potential.dtype)
    weights = torch.utils._pytree.tree_map_only(Tensor, Tensor.detach, form.weights)
    return (weights, form.constants), _chunk_of(form.local, potential.dtype)


#: One function for all networks of a form, so that it is compiled once.
_chunk_of = functools.cache(chunk_function)
