"""The dataset: atomistic frames as ragged arrays, in eV and Å, without padding."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from numpy.typing import NDArray
from pydantic import JsonValue


@dataclass(frozen=True)
class Dataset:
    """Frames with energies and forces; the atoms of frame i are rows offsets[i]:offsets[i+1].

    Attributes:
        species: Atomic numbers, shape (n_atoms,).
        positions: Å, shape (n_atoms, 3).
        forces: -dE/dR in eV/Å, shape (n_atoms, 3).
        energy: Total energies in eV, shape (n_systems,).
        cell: Å, rows are lattice vectors, shape (n_systems, 3, 3); zero where nothing is periodic.
        pbc: Periodic directions, shape (n_systems, 3).
        offsets: Shape (n_systems + 1,), from 0 to n_atoms.
        origin: Where each frame came from (trajectory, file, class of structure), n_systems strings.
        notes: What the reader found and decided (path, force sign, potential), for the run's record.
    """

    species: NDArray[np.int64]
    positions: NDArray[np.float64]
    forces: NDArray[np.float64]
    energy: NDArray[np.float64]
    cell: NDArray[np.float64]
    pbc: NDArray[np.bool_]
    offsets: NDArray[np.int64]
    origin: tuple[str, ...]
    notes: Mapping[str, JsonValue] = field(default_factory=dict)

    @property
    def n_systems(self) -> int:
        """Number of frames."""
        return len(self.energy)

    @property
    def n_atoms(self) -> int:
        """Number of atoms in all frames together."""
        return len(self.species)

    @cached_property
    def n_atoms_per_system(self) -> NDArray[np.int64]:
        """Atoms in each frame, shape (n_systems,)."""
        return np.diff(self.offsets)

    @cached_property
    def elements(self) -> tuple[int, ...]:
        """Atomic numbers present, rising."""
        return tuple(int(z) for z in np.unique(self.species))

    @cached_property
    def sha256(self) -> str:
        """Hash of every number that training can see."""
        digest = hashlib.sha256()
        for array in (self.species, self.positions, self.forces, self.energy, self.cell, self.pbc, self.offsets):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def atoms_of(self, system: int) -> slice:
        """Rows of one frame in the per-atom arrays."""
        return slice(int(self.offsets[system]), int(self.offsets[system + 1]))

    def rows_of(self, systems: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows of several frames in the per-atom arrays, frame after frame."""
        return np.concatenate([np.arange(self.offsets[i], self.offsets[i + 1]) for i in systems])

    def composition(self, elements: tuple[int, ...]) -> NDArray[np.float64]:
        """Number of atoms of each element in each frame, shape (n_systems, n_elements)."""
        counts = np.stack([np.add.reduceat(self.species == z, self.offsets[:-1]) for z in elements], axis=1)
        return counts.astype(np.float64)

    def frame(self, system: int) -> Atoms:
        """One frame as ASE atoms, with its reference energy and forces attached."""
        rows = self.atoms_of(system)
        atoms = Atoms(
            numbers=self.species[rows], positions=self.positions[rows], cell=self.cell[system], pbc=self.pbc[system]
        )
        atoms.calc = SinglePointCalculator(atoms, energy=float(self.energy[system]), forces=self.forces[rows].copy())
        atoms.info["source"] = self.origin[system]
        return atoms

    def take(self, systems: NDArray[np.int64]) -> "Dataset":
        """The given frames, in the given order."""
        rows = self.rows_of(systems)
        return Dataset(
            species=self.species[rows],
            positions=self.positions[rows],
            forces=self.forces[rows],
            energy=self.energy[systems],
            cell=self.cell[systems],
            pbc=self.pbc[systems],
            offsets=np.concatenate([[0], np.cumsum(self.n_atoms_per_system[systems])]),
            origin=tuple(self.origin[i] for i in systems),
            notes=self.notes,
        )


def from_frames(frames: list[Atoms], origin: list[str], notes: Mapping[str, JsonValue]) -> Dataset:
    """Join ASE frames that carry an energy (eV) and forces (eV/Å).

    Args:
        frames: The frames; the reader has checked that each has both.
        origin: Where each is from, one text a frame.
        notes: What the reader found, for the run's record.
    """
    counts = [len(atoms) for atoms in frames]
    return Dataset(
        species=np.concatenate([atoms.numbers for atoms in frames]).astype(np.int64),
        positions=np.concatenate([atoms.positions for atoms in frames]),
        forces=np.concatenate([_calculated(atoms, "forces") for atoms in frames]),
        energy=np.array([_calculated(atoms, "energy") for atoms in frames], dtype=np.float64),
        cell=np.stack([atoms.cell.array for atoms in frames]),
        pbc=np.stack([atoms.pbc for atoms in frames]),
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        origin=tuple(origin),
        notes=dict(notes),
    )


def _calculated(atoms: Atoms, name: str) -> NDArray[np.float64]:
    """A result of the frame's calculator; a stored one as it is, even where a NaN makes ASE take the atoms as moved."""
    if isinstance(atoms.calc, SinglePointCalculator):
        return np.asarray(atoms.calc.results[name])
    return np.asarray(atoms.calc.get_property(name, atoms))
