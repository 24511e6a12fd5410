"""Where atoms are with respect to their cell, refused where that is no number or too far to be found."""

import numpy as np
from ase import Atoms
from ase.calculators.calculator import InputError
from numpy.typing import NDArray

from pareto_search.data.checks import MAX_LENGTH_ANG
from pareto_search.errors import ParetoSearchError

#: A neighbour list keeps lattice vectors as int16.
_MAX_WRAPS = 2**15 - 1


class AtomsError(ParetoSearchError, InputError):
    """Atoms are where no potential can evaluate them; ASE's own `InputError` too."""


def wrapping(atoms: Atoms) -> NDArray[np.int64]:
    """Lattice vectors to take from each atom so that it lies in the cell, shape (n_atoms, 3).

    Raises:
        AtomsError: If a position or the cell is not finite, an atom is beyond 10 µm in a direction that is not
            periodic, or more than 32767 cells away in one that is.
    """
    if not np.isfinite(atoms.cell.array).all():
        raise AtomsError(f"the cell must be finite, got {atoms.cell.array.tolist()} Å")
    _check(atoms, np.isfinite(atoms.positions), "positions must be finite")
    fractions = atoms.cell.scaled_positions(atoms.positions) if atoms.pbc.any() else np.zeros((len(atoms), 3))
    wraps = np.where(atoms.pbc, np.floor(fractions), 0.0)
    _check(atoms, np.abs(wraps) <= _MAX_WRAPS, f"atoms must be within {_MAX_WRAPS} cells; wrap them (atoms.wrap())")
    is_near = np.abs(atoms.positions - wraps @ atoms.cell.array) <= MAX_LENGTH_ANG
    _check(atoms, is_near, f"without periodicity atoms must be within {MAX_LENGTH_ANG:g} Å of the origin")
    return wraps.astype(np.int64)


def _check(atoms: Atoms, is_good: NDArray[np.bool_], rule: str) -> None:
    bad = np.flatnonzero(~is_good.all(axis=1))
    if len(bad):
        raise AtomsError(f"atom {bad[0]} is at {atoms.positions[bad[0]].tolist()} Å, but {rule}")
