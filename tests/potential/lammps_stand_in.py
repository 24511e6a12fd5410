"""What LAMMPS hands to an ML-IAP model, without LAMMPS: its data object, and the base class of its models."""

from pathlib import Path

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list

BASE_CLASS = """
class MLIAPUnified:
    def __init__(self, interface=None, element_types=None, ndescriptors=None, nparams=None, rcutfac=None):
        self.interface, self.element_types, self.ndescriptors = interface, element_types, ndescriptors
        self.nparams, self.rcutfac = nparams, rcutfac
"""


def write_package(folder: Path) -> None:
    """Write a package `lammps` with nothing but the base class of ML-IAP's models."""
    package = folder / "lammps" / "mliap"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "mliap_unified_abc.py").write_text(BASE_CLASS)


class LammpsData:
    """Atoms of one process with their ghosts and full pair list, as LAMMPS's `MLIAPDataPy` shows them to a model.

    Images of atoms are ghosts, after the atoms. Pairs are those of atoms, not of ghosts, within the model's cutoff, and
    r_ij points from i to j. What a model writes is taken as LAMMPS takes it: arrays must be C-contiguous doubles.
    """

    def __init__(self, atoms: Atoms, element_types: list[str], cutoff_ang: float) -> None:
        first, second, self.rij, image = neighbor_list("ijDS", atoms, cutoff_ang)
        is_ghost = image.any(axis=1)
        ghosts, place = np.unique(np.column_stack([second, image])[is_ghost], axis=0, return_inverse=True)
        self.owner = np.concatenate([np.arange(len(atoms)), ghosts[:, 0]])
        self.nlistatoms, self.ntotal, self.npairs = len(atoms), len(self.owner), len(first)
        self.pair_i = first.astype(np.int32)
        self.pair_j = second.astype(np.int32)
        self.pair_j[is_ghost] = len(atoms) + place.ravel()
        numbers = [element_types.index(symbol) for symbol in atoms.symbols]
        self.elems = np.array(numbers, dtype=np.int32)[self.owner]
        self.f = np.zeros((self.ntotal, 3))
        self.virial_ev = np.zeros((3, 3))
        self.energy = np.nan
        self.eatoms = np.full(self.nlistatoms, np.nan)

    def update_pair_forces(self, fij: np.ndarray) -> None:
        """Newton's third law for each pair, ghosts included, and the virial."""
        assert fij.dtype == np.float64
        assert fij.flags.c_contiguous
        np.add.at(self.f, self.pair_i, fij)
        np.subtract.at(self.f, self.pair_j, fij)
        self.virial_ev -= self.rij.T @ fij

    def forces(self) -> np.ndarray:
        """Forces on the atoms, shape (n_atoms, 3), after ghosts have sent theirs back."""
        total = np.zeros((self.nlistatoms, 3))
        np.add.at(total, self.owner, self.f)
        return total
