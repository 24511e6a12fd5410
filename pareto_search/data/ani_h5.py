"""Reader of the ANI-Al HDF5 layout ("pyanitools"): groups of frames with one species list each.

A group holds `species` (n_atoms,), `coordinates` (n, n_atoms, 3) Å, `cell` (n, 3, 3) Å (absent: not periodic),
`energy` or `energies` (n,) Hartree and `force` or `forces` (n, n_atoms, 3) Hartree/Å of either sign.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import numpy as np
from ase.calculators.emt import EMT, parameters
from ase.data import atomic_numbers, chemical_symbols
from ase.units import Hartree
from numpy.typing import NDArray
from pydantic import JsonValue

from pareto_search.config import AniH5Source
from pareto_search.data.checks import check_dataset, check_path
from pareto_search.data.dataset import Dataset
from pareto_search.errors import DataError

_ENERGY_KEYS = ("energy", "energies")  # published training files, published test files
_FORCE_KEYS = ("force", "forces")


@dataclass(frozen=True)
class _Block:
    """The frames of one group, in eV and Å, forces with the sign as stored."""

    origin: str
    species: NDArray[np.int64]
    positions: NDArray[np.float64]
    energy: NDArray[np.float64]
    forces: NDArray[np.float64]
    cell: NDArray[np.float64]
    is_periodic: bool


def read_ani_h5(settings: AniH5Source) -> Dataset:
    """All frames of a file or of a folder's *.h5 files, by file name and group; origins are "file/group".

    Raises:
        DataError: If a file is missing or damaged, an array is missing or has the wrong shape, or the sign of the
            forces is left to `auto` and cannot be determined.
    """
    files = _files(settings.path)
    blocks = [block for file in files for block in _read_file(file)]
    if not blocks:
        raise DataError(f"{settings.path}: there are no frames; choose a file that holds at least one")
    stored = _join(blocks)
    sign, notes = _sign(stored, settings)
    source = "ANI HDF5, Hartree and Hartree/Å converted to eV and eV/Å"
    notes = {"source": source, "path": str(settings.path), "n_files": len(files), **notes}
    return replace(stored, forces=sign * stored.forces, notes=notes)


def _files(path: Path) -> list[Path]:
    check_path(path, may_be_folder=True)
    if path.is_file():
        return [path]
    files = sorted(path.glob("*.h5"))
    if not files:
        raise DataError(f"data.path {path} is a folder without *.h5 files; name a file or another folder")
    return files


def _read_file(file: Path) -> list[_Block]:
    try:
        with h5py.File(file, "r") as root:
            return [_read_group(group, file) for group in _groups(root)]
    except (OSError, RuntimeError) as error:  # h5py raises both on damaged files
        raise DataError(
            f"{file} cannot be read as HDF5 ({error}); the file may be cut off or of another format: copy it again"
        ) from error


def _groups(parent: h5py.Group) -> Iterator[h5py.Group]:
    """Groups that hold coordinates, at any depth, in order of their names."""
    if "coordinates" in parent:
        yield parent
    for name in sorted(parent):
        if isinstance(parent[name], h5py.Group):
            yield from _groups(parent[name])


def _read_group(group: h5py.Group, file: Path) -> _Block:
    origin = f"{file.name}{group.name}".rstrip("/")
    where = f"{file}: group {group.name}"
    species = _atomic_numbers(_array(group, ("species",), where), where)
    positions = _floats(group, ("coordinates",), where)
    n = len(positions)
    shape = (n, len(species), 3)
    _check_shape("coordinates", positions, shape, where)
    forces = _floats(group, _FORCE_KEYS, where)
    _check_shape("forces", forces, shape, where)
    energy = _floats(group, _ENERGY_KEYS, where)
    if energy.size != n:
        raise DataError(f"{where}: need {n} energies for {n} frames, got shape {energy.shape}; correct the group")
    is_periodic = "cell" in group
    cell = _floats(group, ("cell",), where) if is_periodic else np.zeros((n, 3, 3))
    _check_shape("cell", cell, (n, 3, 3), where)
    # Energies of thousands of eV: the conversion is done in float64, whatever the file's precision.
    return _Block(origin, species, positions, energy.reshape(n) * Hartree, forces * Hartree, cell, is_periodic)


def _array(group: h5py.Group, names: tuple[str, ...], where: str) -> NDArray[np.generic]:
    found = [name for name in names if name in group]
    if not found:
        raise DataError(
            f"{where}: frames must have {' or '.join(names)}, found only {', '.join(sorted(group))}; "
            "add the array or remove the group"
        )
    return np.asarray(group[found[0]][()])


def _floats(group: h5py.Group, names: tuple[str, ...], where: str) -> NDArray[np.float64]:
    values = _array(group, names, where)
    if values.dtype.kind not in "fiu":
        raise DataError(f"{where}: {names[0]} must hold numbers, got {values.dtype}; correct the group")
    return values.astype(np.float64)


def _check_shape(name: str, values: NDArray[np.float64], shape: tuple[int, ...], where: str) -> None:
    if values.shape != shape:
        raise DataError(f"{where}: {name} must have shape {shape}, got {values.shape}; correct or remove the group")


def _atomic_numbers(species: NDArray[np.generic], where: str) -> NDArray[np.int64]:
    """Atomic numbers from symbols (fixed or variable-length bytes, or text) or numbers."""
    if species.ndim != 1:
        raise DataError(f"{where}: species must be one list for the group, got shape {species.shape}; correct it")
    if species.dtype.kind in "iu":
        return species.astype(np.int64)
    symbols = [(s.decode("ascii", "replace") if isinstance(s, bytes) else str(s)).strip() for s in species]
    unknown = sorted({symbol for symbol in symbols if atomic_numbers.get(symbol, 0) < 1})
    if unknown:
        raise DataError(f"{where}: species holds {unknown[0]!r}, which is no chemical element; correct the group")
    return np.array([atomic_numbers[symbol] for symbol in symbols], dtype=np.int64)


def _join(blocks: list[_Block]) -> Dataset:
    """One dataset; a group's frames share its species."""
    counts = np.concatenate([np.full(len(b.energy), len(b.species)) for b in blocks])
    return Dataset(
        species=np.concatenate([np.tile(b.species, len(b.energy)) for b in blocks]),
        positions=np.concatenate([b.positions.reshape(-1, 3) for b in blocks]),
        forces=np.concatenate([b.forces.reshape(-1, 3) for b in blocks]),
        energy=np.concatenate([b.energy for b in blocks]),
        cell=np.concatenate([b.cell for b in blocks]),
        pbc=np.concatenate([np.full((len(b.energy), 3), b.is_periodic) for b in blocks]),
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        origin=tuple(b.origin for b in blocks for _ in b.energy),
    )


def _sign(stored: Dataset, settings: AniH5Source) -> tuple[int, dict[str, JsonValue]]:
    """Factor that turns the stored array into -dE/dR, and what to note about it."""
    if settings.force_sign != "auto":
        sign = 1 if settings.force_sign == "force" else -1
        return sign, {"force_sign": settings.force_sign, "force_sign_decided_by": "data.force_sign"}
    check_dataset(stored, settings)  # a broken frame is reported as such, not as a doubtful sign
    correlation, n_frames = _correlation_with_emt(stored, str(settings.path))
    return 1 if correlation > 0 else -1, {
        "force_sign": "force" if correlation > 0 else "gradient",
        "force_sign_decided_by": f"auto: correlation with ASE EMT forces over {n_frames} frames",
        "force_sign_correlation": round(correlation, 4),
    }


#: Frames compared, spread evenly over the dataset.
_MAX_FRAMES = 40
#: Below this the sign counts as undetermined; on aluminium melts and crystals EMT reaches 0.99.
_MIN_CORRELATION = 0.3
_REMEDY = "set data.force_sign to gradient (stored +dE/dR) or force (stored -dE/dR)"


def _correlation_with_emt(stored: Dataset, where: str) -> tuple[float, int]:
    """Correlation of the stored arrays with forces by ASE's EMT, whose sign is that of the arrays, and over how many.

    EMT is far from exact, but a wrong sign turns a correlation near +1 into one near -1.
    """
    missing = [chemical_symbols[z] for z in stored.elements if chemical_symbols[z] not in parameters]
    if missing:
        raise DataError(
            f"{where}: the sign of the forces cannot be found automatically, because the reference potential (EMT) "
            f"has no parameters for {', '.join(missing)}; {_REMEDY}"
        )
    systems = _spread(stored.n_systems)
    correlation = _correlation(
        np.concatenate([stored.forces[stored.atoms_of(system)].ravel() for system in systems]),
        np.concatenate([_emt_forces(stored, system).ravel() for system in systems]),
    )
    if abs(correlation) < _MIN_CORRELATION:
        raise DataError(
            f"{where}: the sign of the forces cannot be found automatically: over {len(systems)} frames they "
            f"correlate {correlation:+.3f} with the reference potential (EMT), need at least {_MIN_CORRELATION} either "
            f"way; {_REMEDY}"
        )
    return correlation, len(systems)


def _spread(n_systems: int) -> list[int]:
    return [int(i) for i in np.unique(np.linspace(0, n_systems - 1, _MAX_FRAMES).round())]


def _emt_forces(dataset: Dataset, system: int) -> NDArray[np.float64]:
    atoms = dataset.frame(system)
    atoms.calc = EMT()
    return np.asarray(atoms.get_forces())


def _correlation(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Pearson correlation; 0 where one of the arrays does not vary, as on perfect crystals."""
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])
