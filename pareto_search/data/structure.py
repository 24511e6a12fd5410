"""A material: its unit cell and near-cubic supercells of it."""

import math
from pathlib import Path

import numpy as np
from ase import Atoms, units
from ase.build import bulk
from ase.io import read
from numpy.typing import ArrayLike, NDArray

from pareto_search.config import CrystalSettings, StructureSettings
from pareto_search.data.dataset import Dataset
from pareto_search.errors import ConfigError, DataError

#: amu/Å³ in g/cm³.
_G_PER_CM3 = 1e24 / units.mol
#: Longest over shortest edge of a supercell, unless the unit cell itself is more drawn out.
_MAX_EDGE_RATIO = 2.0
#: Slack of comparisons of edge lengths.
_EDGE_TOL = 1e-9


def unit_cell(settings: CrystalSettings, dataset: Dataset | None, setting: str = "measure.structure") -> Atoms:
    """The cell that is repeated, with nothing but elements, positions (Å), cell and full periodicity.

    A crystal comes as its conventional cubic cell, hcp as its orthorhombic cell of four atoms.

    Args:
        settings: The material.
        dataset: Where a `frame` is looked up.
        setting: What the settings are called in a config file, for messages.

    Raises:
        ConfigError: If the crystal is unknown, the dataset has no such frame, or the cell is not fully periodic.
        DataError: If the structure file cannot be read.
    """
    if settings.path is not None:
        atoms, where = _read_first_frame(settings.path, setting), f"{settings.path}"
    elif isinstance(settings, StructureSettings) and settings.frame is not None:
        atoms, where = _dataset_frame(settings.frame, dataset), f"dataset frame {settings.frame}"
    else:
        atoms, where = _crystal(settings, setting), f"crystal {settings.symbol}"
    if not atoms.pbc.all() or atoms.cell.rank < 3:
        raise ConfigError(
            f"{setting} must be periodic in all three directions, but {where} has pbc "
            f"{atoms.pbc.tolist()} and {atoms.cell.rank} lattice vectors; choose a bulk structure"
        )
    return Atoms(numbers=atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=True)


def density_g_per_cm3(mass_amu: ArrayLike, volume_ang3: ArrayLike) -> NDArray[np.float64]:
    """Mass over volume, whatever their shape."""
    return np.asarray(np.divide(mass_amu, volume_ang3) * _G_PER_CM3)


def supercell(unit: Atoms, n_atoms: int) -> Atoms:
    """Repeats of a cell with the atom count nearest to n_atoms (the smaller of two equally near).

    The longest edge is at most twice the shortest, or as drawn out as the unit cell if that is more. The count never
    falls when n_atoms rises, and is never below the unit cell's.
    """
    repeated: Atoms = unit.repeat(_repeats(np.asarray(unit.cell.lengths()), n_atoms / len(unit)))
    return repeated


def supercell_size(unit: Atoms, n_atoms: int) -> int:
    """Number of atoms of `supercell(unit, n_atoms)`, without building it."""
    return len(unit) * math.prod(_repeats(np.asarray(unit.cell.lengths()), n_atoms / len(unit)))


def _repeats(edges_ang: NDArray[np.float64], n_cells: float) -> tuple[int, int, int]:
    """Repeats along each edge whose product is nearest to n_cells; the most cubic of equal products.

    For every pair of repeats along the first two edges the allowed repeats along the third form an interval, whose
    point nearest to the wanted count is known; so all allowed supercells are covered.
    """
    max_ratio = max(_MAX_EDGE_RATIO, edges_ang.max() / edges_ang.min()) + _EDGE_TOL
    longest = max_ratio * np.cbrt(n_cells * edges_ang.prod())
    first, second = (np.arange(1, int(longest / edge) + 2) for edge in edges_ang[:2])
    a, b = (grid.ravel() for grid in np.meshgrid(first, second, indexing="ij"))
    pair = np.sort(np.stack([a * edges_ang[0], b * edges_ang[1]]), axis=0)
    c_min = np.maximum(np.ceil(pair[1] / max_ratio / edges_ang[2]), 1.0)
    c_max = np.floor(pair[0] * max_ratio / edges_ang[2])
    allowed = (pair[1] <= pair[0] * max_ratio) & (c_min <= c_max)
    a, b, c_min, c_max = a[allowed], b[allowed], c_min[allowed], c_max[allowed]
    wanted = n_cells / (a * b)
    below = np.clip(np.floor(wanted), c_min, c_max).astype(int)
    above = np.clip(np.ceil(wanted), c_min, c_max).astype(int)
    a, b, c = np.tile(a, 2), np.tile(b, 2), np.concatenate([below, above])

    lengths = np.stack([a, b, c]) * edges_ang[:, None]
    best = np.lexsort((lengths.max(0) / lengths.min(0), a * b * c, np.abs(a * b * c - n_cells)))[0]
    return int(a[best]), int(b[best]), int(c[best])


def _crystal(settings: CrystalSettings, setting: str) -> Atoms:
    symbol, crystal = settings.symbol or "", settings.crystal
    try:
        return bulk(symbol, crystal, a=settings.a_ang, cubic=crystal != "hcp", orthorhombic=crystal == "hcp")
    except (ValueError, KeyError) as error:
        raise ConfigError(
            f"ASE cannot build the crystal {setting}: symbol {symbol!r}, crystal {crystal!r}, "
            f"a_ang {settings.a_ang} ({error}); name an element, and give a_ang where its reference crystal differs"
        ) from error


def _read_first_frame(path: Path, setting: str) -> Atoms:
    try:
        atoms = read(path, index=0)
    except Exception as error:  # ASE's readers raise anything on a damaged file, AssertionError included
        raise DataError(
            f"{setting}.path {path} cannot be read by ASE ({type(error).__name__}: {error}); "
            "name a structure file such as .extxyz, .cif or POSCAR"
        ) from error
    if not isinstance(atoms, Atoms) or len(atoms) == 0:
        raise DataError(f"{setting}.path {path} holds no atoms; name a structure file with at least one atom")
    return atoms


def _dataset_frame(frame: int, dataset: Dataset | None) -> Atoms:
    if dataset is None:
        raise ConfigError(f"measure.structure.frame is {frame}, but no dataset is at hand; use symbol or path instead")
    if frame >= dataset.n_systems:
        raise ConfigError(
            f"measure.structure.frame must be 0 to {dataset.n_systems - 1}, the frames of the dataset, got {frame}"
        )
    return dataset.frame(frame)
