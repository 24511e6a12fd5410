"""What every dataset must satisfy before anything is trained on it; each message names the frame and the remedy."""

from pathlib import Path

import numpy as np
from ase.data import chemical_symbols
from numpy.typing import NDArray

from pareto_search.config import FileSource, SourceSettings
from pareto_search.data.dataset import Dataset
from pareto_search.data.distances import closest_pair
from pareto_search.errors import DataError

#: No crystal has lattice planes nearer than this, and every halving multiplies the periodic images to visit.
MIN_CELL_HEIGHT_ANG = 1.0
#: Positions and cell vectors beyond this (10 µm) are a mistake, and neighbour search overflows further out.
MAX_LENGTH_ANG = 1e5


def check_dataset(dataset: Dataset, settings: SourceSettings) -> None:
    """Raise on the first rule that a frame breaks.

    The rules, in order: there are frames with atoms and arrays that fit together; every number is finite; elements
    are known and among `settings.elements`; lengths are below 10 µm; periodic directions have a right-handed cell of
    non-zero volume whose planes are at least 1 Å apart; no two atoms, images included, are nearer than
    `settings.min_distance_ang`.

    Raises:
        DataError: With the frame, the value found and the remedy.
    """
    where = _describe_source(settings)
    _check_shapes(dataset, where)
    _check_finite(dataset, where)
    _check_elements(dataset, settings, where)
    _check_lengths(dataset, where)
    for system in range(dataset.n_systems):
        _check_cell(dataset, system, where)
    for system in range(dataset.n_systems):
        _check_distances(dataset, system, settings.min_distance_ang, where)


def check_path(path: Path, *, may_be_folder: bool = False) -> None:
    """Raise unless the path is a file, or a folder where that is allowed.

    Raises:
        DataError: With the path as given and as resolved.
    """
    if not path.exists():
        raise DataError(f"data.path {path} does not exist (that is {path.resolve()}); correct data.path")
    if path.is_dir() and not may_be_folder:
        raise DataError(f"data.path {path} is a folder, but this source reads one file; name the file in data.path")


def _describe_source(settings: SourceSettings) -> str:
    """How messages name the data: the path, or the kind of source."""
    return str(settings.path) if isinstance(settings, FileSource) else "generated data"


def describe_frame(dataset: Dataset, system: int) -> str:
    """How messages name a frame: its index from 0, its origin, and its place among the frames of that origin."""
    origin = dataset.origin[system]
    number = dataset.origin[:system].count(origin)
    return f"frame {system} (origin {origin!r}, number {number} there, counted from 0)"


def _check_shapes(dataset: Dataset, where: str) -> None:
    if dataset.n_systems == 0:
        raise DataError(f"{where}: there are no frames; choose a file that holds at least one")
    n_atoms, n_systems = dataset.n_atoms, dataset.n_systems
    expected = {
        "positions": (n_atoms, 3),
        "forces": (n_atoms, 3),
        "cell": (n_systems, 3, 3),
        "pbc": (n_systems, 3),
        "offsets": (n_systems + 1,),
    }
    for name, shape in expected.items():
        found = getattr(dataset, name).shape
        if found != shape:
            raise DataError(
                f"{where}: {name} must have shape {shape} for {n_systems} frames with {n_atoms} atoms, got {found}; "
                "correct the data or the reader"
            )
    empty = np.flatnonzero(dataset.n_atoms_per_system < 1)
    if len(empty):
        raise DataError(f"{where}: {describe_frame(dataset, int(empty[0]))} has no atoms; remove the frame")


def _check_finite(dataset: Dataset, where: str) -> None:
    per_atom = (("position", dataset.positions, "Å"), ("force", dataset.forces, "eV/Å"))
    for name, values, unit in per_atom:
        rows = np.flatnonzero(~np.isfinite(values).all(axis=1))
        if len(rows):
            system = _system_of_row(dataset, int(rows[0]))
            atom = int(rows[0] - dataset.offsets[system])
            raise DataError(
                f"{where}: {describe_frame(dataset, system)} has a {name} that is not finite: atom {atom} has "
                f"{values[rows[0]].tolist()} {unit}; remove or recompute the frame"
            )
    per_system = (("energy", dataset.energy.reshape(-1, 1), "eV"), ("cell", dataset.cell.reshape(-1, 9), "Å"))
    for name, values, unit in per_system:
        systems = np.flatnonzero(~np.isfinite(values).all(axis=1))
        if len(systems):
            raise DataError(
                f"{where}: {describe_frame(dataset, int(systems[0]))} has {name} {values[systems[0]].tolist()} {unit}, "
                "which is not finite; remove or recompute the frame"
            )


def _check_elements(dataset: Dataset, settings: SourceSettings, where: str) -> None:
    unknown = np.flatnonzero((dataset.species < 1) | (dataset.species >= len(chemical_symbols)))
    if len(unknown):
        system = _system_of_row(dataset, int(unknown[0]))
        raise DataError(
            f"{where}: {describe_frame(dataset, system)} has an atom with atomic number "
            f"{dataset.species[unknown[0]]}, which is no element; correct or remove the frame"
        )
    if settings.elements is None:
        return
    allowed = [chemical_symbols.index(symbol) for symbol in settings.elements]
    foreign = np.flatnonzero(~np.isin(dataset.species, allowed))
    if len(foreign):
        system = _system_of_row(dataset, int(foreign[0]))
        symbol = chemical_symbols[dataset.species[foreign[0]]]
        raise DataError(
            f"{where}: {describe_frame(dataset, system)} holds {symbol}, but data.elements allows only "
            f"{', '.join(settings.elements)}; add {symbol} to data.elements or remove the frame"
        )


def _check_lengths(dataset: Dataset, where: str) -> None:
    far = np.flatnonzero((np.abs(dataset.positions) > MAX_LENGTH_ANG).any(axis=1))
    systems = np.flatnonzero((np.abs(dataset.cell) > MAX_LENGTH_ANG).any(axis=(1, 2)))
    if len(far):
        systems = np.append(systems, _system_of_row(dataset, int(far[0])))
    if len(systems):
        raise DataError(
            f"{where}: {describe_frame(dataset, int(systems.min()))} has a position or cell vector beyond "
            f"{MAX_LENGTH_ANG:g} Å; check that lengths are in Å, or remove the frame"
        )


def _check_cell(dataset: Dataset, system: int, where: str) -> None:
    cell, pbc = dataset.cell[system], dataset.pbc[system]
    if not pbc.any():
        return
    frame = f"{where}: {describe_frame(dataset, system)}"
    missing = np.flatnonzero(pbc & ~cell.any(axis=1))
    if len(missing):
        raise DataError(
            f"{frame} is periodic along cell vector {missing[0]}, but that vector is zero; "
            "give the cell, or set pbc to false there"
        )
    periodic = cell[pbc]
    singular_values = np.linalg.svd(periodic, compute_uv=False)
    if singular_values[-1] < 1e-9 * singular_values[0]:
        raise DataError(f"{frame} has a cell without volume: {cell.tolist()} Å; correct the cell or remove the frame")
    if pbc.all() and np.linalg.det(cell) < 0:
        raise DataError(
            f"{frame} has a left-handed cell (determinant {np.linalg.det(cell):.4g} Å³): {cell.tolist()} Å; "
            "swap two cell vectors, which leaves the structure as it is"
        )
    heights = _heights(periodic)
    if heights.min() < MIN_CELL_HEIGHT_ANG:
        raise DataError(
            f"{frame} has a cell too small: its planes are {heights.min():.4g} Å apart, "
            f"need {MIN_CELL_HEIGHT_ANG:g} Å; check that lengths are in Å, and reduce skewed cells "
            "(ase.geometry.minkowski_reduce)"
        )


def _heights(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distances between lattice planes in Å of 1 to 3 independent cell vectors: inverse reciprocal lengths."""
    reciprocal = np.linalg.pinv(vectors)
    return np.asarray(1.0 / np.linalg.norm(reciprocal, axis=0))


def _check_distances(dataset: Dataset, system: int, min_distance_ang: float, where: str) -> None:
    pair = closest_pair(dataset, system, min_distance_ang)
    if pair is None:
        return
    first = f"atoms {pair.first} and {pair.second}"
    who = f"atom {pair.first} and its own periodic image" if pair.first == pair.second else first
    raise DataError(
        f"{where}: {describe_frame(dataset, system)} has {who} {pair.distance_ang:.4g} Å apart, nearer than "
        f"data.min_distance_ang = {min_distance_ang:g} Å; remove the frame, or lower data.min_distance_ang "
        "if it is meant"
    )


def _system_of_row(dataset: Dataset, row: int) -> int:
    """The frame that a row of the per-atom arrays belongs to."""
    return int(np.searchsorted(dataset.offsets, row, side="right")) - 1
