"""ASE calculators: energies, forces and stress of a potential, the explicit engine's in chunks of atoms."""

import time
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

import numpy as np
import torch
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.stress import full_3x3_to_voigt_6_stress
from numpy.typing import NDArray
from torch import Tensor

from pareto_search.potential import engine
from pareto_search.potential.batch import species_index
from pareto_search.potential.hipnn import HipnnPotential, TimedHippynnCalculator
from pareto_search.potential.verlet import VerletList

#: Numbers in the largest array of a chunk (atoms × neighbours × sensitivities): on a CPU 2 MB in float32, which stays
#: in the cache; on a GPU enough to fill it.
_CHUNK_NUMBERS = {"cpu": 500_000, "cuda": 50_000_000}


class TimedCalculator(Protocol):
    """An ASE calculator that tells how long its parts took.

    Attributes:
        neighbor_s: Seconds spent on neighbour lists since construction.
        model_s: Seconds spent on the network since construction.
        n_list_builds: Neighbour lists built since construction.
        n_neighbors_mean: Listed neighbours (within cutoff + skin) per atom.
    """

    neighbor_s: float
    model_s: float

    @property
    def n_list_builds(self) -> int: ...  # noqa: D102

    @property
    def n_neighbors_mean(self) -> float: ...  # noqa: D102


def make_calculator(potential: HipnnPotential, *, skin_ang: float = 0.5) -> Calculator:
    """The ASE calculator of a potential's engine; it is also a `TimedCalculator`."""
    if potential.engine == "explicit":
        return ExplicitCalculator(potential, skin_ang=skin_ang)
    return TimedHippynnCalculator(potential, skin_ang=skin_ang)


@dataclass(frozen=True)
class DevicePairs:
    """The pairs of a Verlet list where the network is: on a CPU the list's own memory, on a GPU a copy there.

    Attributes:
        neighbor: Shape (n_atoms, K), int32.
        image: Shape (n_atoms, K, 3), int8.
        n_neighbors: Filled slots of each atom, shape (n_atoms,).
        cell: Å, shape (3, 3), float64.
    """

    neighbor: Tensor
    image: Tensor
    n_neighbors: Tensor
    cell: Tensor

    @classmethod
    def of(cls, pairs: VerletList, device: torch.device) -> Self:
        """The pairs of a list, on a device."""
        arrays = (pairs.neighbor, pairs.image, pairs.n_neighbors, pairs.cell)
        return cls(*(torch.from_numpy(array).to(device) for array in arrays))

    def vectors(self, positions: Tensor, rows: slice, neighbor: Tensor, far_ang: float) -> Tensor:
        """R_i - R_j for some atoms, in Å, shape (n_rows, K_rows, 3), float64; padded slots point far_ang along x.

        Args:
            positions: All atoms, Å, shape (n_atoms, 3), float64.
            rows: The atoms.
            neighbor: Their neighbours, shape (n_rows, K_rows), int64.
            far_ang: Beyond the cutoff.
        """
        vectors = positions[rows].unsqueeze(1) - positions[neighbor]
        vectors -= self.image[rows, : neighbor.shape[1]].double() @ self.cell
        slots = torch.arange(neighbor.shape[1], device=neighbor.device)
        is_padded = slots >= self.n_neighbors[rows].unsqueeze(1)
        return torch.where(is_padded.unsqueeze(-1), far_ang * torch.eye(3, 1, device=neighbor.device)[:, 0], vectors)


class ExplicitCalculator(Calculator):
    """The explicit engine for ASE. Energies include the reference energies and are summed in float64.

    Memory per atom is that of the neighbour list: the network runs on chunks of atoms. A `TimedCalculator`.
    """

    implemented_properties: ClassVar[list[str]] = ["energy", "free_energy", "energies", "forces", "stress"]

    def __init__(self, potential: HipnnPotential, *, skin_ang: float = 0.5) -> None:
        super().__init__()
        self.potential = potential
        self.skin_ang = skin_ang
        self._tensors = potential.detached_tensors()
        self.list: VerletList | None = None
        self._pairs: DevicePairs | None = None
        self.neighbor_s = 0.0
        self.model_s = 0.0
        self.n_list_builds = 0

    @property
    def n_neighbors_mean(self) -> float:
        """Mean number of listed neighbours (within cutoff + skin) of an atom in the current list."""
        return float(self.list.n_neighbors.mean()) if self.list is not None else 0.0

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: tuple[str, ...] = ("energy",),
        system_changes: list[str] = all_changes,
    ) -> None:
        """Evaluate everything for the atoms; ASE calls this when something changed."""
        super().calculate(atoms, properties, system_changes)
        started = time.perf_counter()
        current = self._current_list(self.atoms)
        listed = time.perf_counter()
        assert self._pairs is not None
        atomic, forces, virial = self._evaluate(self.atoms, current, self._pairs)
        self.neighbor_s += listed - started
        self.model_s += time.perf_counter() - listed
        energies = atomic + self.potential.references.of_atoms(self.atoms.numbers)
        energy = float(energies.sum())
        self.results = {"energy": energy, "free_energy": energy, "energies": energies, "forces": forces}
        if self.atoms.pbc.all():
            self.results["stress"] = full_3x3_to_voigt_6_stress(virial / self.atoms.get_volume())

    def _current_list(self, atoms: Atoms) -> VerletList:
        if self.list is None or not self.list.holds_for(atoms):
            cutoff = self.potential.architecture.dist_hard_max_ang
            self.list = self._pairs = None  # frees the old list before the new one is built
            self.list = VerletList.build(atoms, cutoff, self.skin_ang)
            self._pairs = DevicePairs.of(self.list, self.potential.device)
            self.n_list_builds += 1
        return self.list

    def _evaluate(
        self, atoms: Atoms, current: VerletList, pairs: DevicePairs
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Atomic energies without references (n_atoms,), forces (n_atoms, 3) and virial Σ R_ij ⊗ ∂E/∂R_ij (3, 3)."""
        device, dtype = self.potential.device, self.potential.dtype
        positions = torch.from_numpy(atoms.positions).to(device)
        species = torch.from_numpy(species_index(atoms.numbers, self.potential.elements)).to(device)
        atomic = torch.empty(len(atoms), dtype=torch.float64, device=device)
        forces = torch.zeros(len(atoms), 3, dtype=dtype, device=device)
        virial = torch.zeros(3, 3, dtype=torch.float64, device=device)
        far_ang = 2.0 * self.potential.architecture.dist_hard_max_ang
        for rows in self._chunks(current):
            width = max(int(current.n_neighbors[rows].max(initial=0)), 1)
            neighbor = pairs.neighbor[rows, :width].long()
            vectors = pairs.vectors(positions, rows, neighbor, far_ang).to(dtype)
            energy, gradient = engine.local_energies(
                self._tensors, vectors, species[rows], species[neighbor] if len(self.potential.elements) > 1 else None
            )
            atomic[rows] = energy.double()
            forces[rows] -= gradient.sum(1)
            forces.index_add_(0, neighbor.flatten(), gradient.flatten(0, 1))
            virial += torch.einsum("ika,ikb->ab", vectors, gradient).double()
        return atomic.cpu().numpy(), forces.double().cpu().numpy(), virial.cpu().numpy()

    def _chunks(self, current: VerletList) -> list[slice]:
        n_atoms, width = current.neighbor.shape
        numbers_per_atom = width * self.potential.architecture.n_sensitivities
        size = max(1, min(n_atoms, _CHUNK_NUMBERS[self.potential.device.type] // numbers_per_atom))
        return [slice(start, min(start + size, n_atoms)) for start in range(0, n_atoms, size)]
