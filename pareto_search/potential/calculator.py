"""ASE calculators: energies, forces and stress of a potential, the explicit engine's in chunks of atoms."""

import time
from typing import ClassVar, Protocol

import numpy as np
import torch
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.stress import full_3x3_to_voigt_6_stress
from numpy.typing import NDArray

from pareto_search.potential import engine
from pareto_search.potential.batch import species_index
from pareto_search.potential.hipnn import HipnnPotential, TimedHippynnCalculator
from pareto_search.potential.verlet import VerletList

#: Numbers in the largest array of a chunk (atoms × neighbours × sensitivities); 2 MB in float32 stays in the cache.
_CHUNK_NUMBERS = 500_000


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
        atomic, forces, virial = self._evaluate(self.atoms, current)
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
            self.list = None  # frees the old list before the new one is built
            self.list = VerletList.build(atoms, cutoff, self.skin_ang)
            self.n_list_builds += 1
        return self.list

    def _evaluate(
        self, atoms: Atoms, current: VerletList
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Atomic energies without references (n_atoms,), forces (n_atoms, 3) and virial Σ R_ij ⊗ ∂E/∂R_ij (3, 3)."""
        device, dtype = self.potential.device, self.potential.dtype
        index = species_index(atoms.numbers, self.potential.elements)
        atomic = np.empty(len(atoms))
        forces = torch.zeros(len(atoms), 3, dtype=dtype, device=device)
        virial = np.zeros((3, 3))
        for rows in self._chunks(current):
            vectors = current.vectors(atoms, rows, far_ang=2.0 * self.potential.architecture.dist_hard_max_ang)
            neighbor = current.neighbor[rows, : vectors.shape[1]].astype(np.int64)
            chunk = torch.from_numpy(vectors).to(device, dtype)
            energy, gradient = engine.local_energies(
                self._tensors,
                chunk,
                torch.from_numpy(index[rows]).to(device),
                torch.from_numpy(index[neighbor]).to(device) if len(self.potential.elements) > 1 else None,
            )
            atomic[rows] = energy.double().cpu().numpy()
            forces[rows] -= gradient.sum(1)
            forces.index_add_(0, torch.from_numpy(neighbor).flatten().to(device), gradient.flatten(0, 1))
            virial += torch.einsum("ika,ikb->ab", chunk, gradient).double().cpu().numpy()
        return atomic, forces.double().cpu().numpy(), virial

    def _chunks(self, current: VerletList) -> list[slice]:
        n_atoms, width = current.neighbor.shape
        numbers_per_atom = width * self.potential.architecture.n_sensitivities
        size = max(1, min(n_atoms, _CHUNK_NUMBERS // numbers_per_atom))
        return [slice(start, min(start + size, n_atoms)) for start in range(0, n_atoms, size)]
