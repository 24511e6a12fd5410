"""Springs that keep a material together whose potential does not: a cost is measured with random weights."""

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

#: Stiffness of a spring, eV/Å². At 300 K an atom then swings by 0.11 Å in each direction, as one of aluminium does.
_STIFFNESS_EV_PER_ANG2 = 1.0


class SiteSprings:
    """Harmonic springs from atoms to where they are now, in place of the calculator's forces: an Einstein crystal.

    An ASE constraint of the kind that adds an energy, as ASE's Hookean. Forces that are not finite stay so.

    Args:
        atoms: Atoms on their sites.
    """

    def __init__(self, atoms: Atoms) -> None:
        self._sites_ang = atoms.get_positions()

    def adjust_forces(self, atoms: Atoms, forces: NDArray[np.float64]) -> None:
        """Replace forces, eV/Å, shape (n_atoms, 3), in place."""
        forces *= 0.0
        forces -= _STIFFNESS_EV_PER_ANG2 * (atoms.positions - self._sites_ang)

    def adjust_potential_energy(self, atoms: Atoms) -> float:
        """What the springs add to the energy, eV."""
        return float(0.5 * _STIFFNESS_EV_PER_ANG2 * ((atoms.positions - self._sites_ang) ** 2).sum())

    def adjust_positions(self, atoms: Atoms, new: NDArray[np.float64]) -> None:
        """Atoms may go anywhere."""

    def adjust_momenta(self, atoms: Atoms, momenta: NDArray[np.float64]) -> None:
        """At any speed."""

    def get_removed_dof(self, atoms: Atoms) -> int:
        """None is taken from them."""
        return 0

    def todict(self) -> dict[str, object]:
        """ASE writes constraints so."""
        return {"name": type(self).__name__, "kwargs": {}}
