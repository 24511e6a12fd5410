"""Small systems without symmetry for the tests of the potential."""

import numpy as np
from ase import Atoms
from ase.build import bulk, molecule

from pareto_search.config import Architecture, HipnnArchitecture
from pareto_search.data.references import ReferenceEnergies
from pareto_search.potential.hipnn import HipnnPotential

SMALL = HipnnArchitecture(
    n_features=12, n_sensitivities=8, n_atom_layers=2, dist_soft_max_ang=5.0, dist_hard_max_ang=5.5
)


def aluminum() -> Atoms:
    atoms = bulk("Al", cubic=True) * (2, 2, 1)
    atoms.rattle(0.15, seed=1)
    return atoms


def alloy() -> Atoms:
    atoms = bulk("Mo", cubic=True) * (2, 2, 2)
    atoms.numbers[::3] = 74
    atoms.rattle(0.1, seed=2)
    return atoms


def triclinic() -> Atoms:
    """Two atoms whose neighbours are mostly several images of each other."""
    atoms = bulk("Al") * (1, 1, 2)
    atoms.rattle(0.1, seed=3)
    skew = np.random.default_rng(0).random((3, 3)) * 0.4
    atoms.set_cell(atoms.cell.array + skew, scale_atoms=True)
    return atoms


def ethanol() -> Atoms:
    atoms = molecule("CH3CH2OH")
    atoms.rattle(0.03, seed=4)
    return atoms


SYSTEMS = {"aluminum": aluminum, "alloy": alloy, "triclinic": triclinic, "ethanol": ethanol}


def potential_for(atoms: Atoms, architecture: Architecture = SMALL, *, seed: int = 5) -> HipnnPotential:
    """A float64 network with random weights that makes energies of some eV (fresh ones are near zero)."""
    if not atoms.pbc.any():
        architecture = architecture.model_copy(update={"dist_soft_min_ang": 0.8})
    references = ReferenceEnergies({int(z): -0.3 * int(z) for z in np.unique(atoms.numbers)})
    potential = HipnnPotential(architecture, references, seed=seed).double()
    for layer in potential.energy.layers[1:]:
        layer.weight.data.mul_(100.0)
    return potential
