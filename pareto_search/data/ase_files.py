"""Readers of files of frames in ASE's formats, and of ASE databases; ASE's units are eV and Å."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.db import connect
from ase.io import ParseError, read
from ase.io.formats import UnknownFileTypeError
from numpy.typing import ArrayLike, NDArray

from pareto_search.config import AseDatabaseSource, ExtxyzSource
from pareto_search.data.checks import check_path
from pareto_search.data.dataset import Dataset, from_frames
from pareto_search.errors import DataError

#: What ASE's many readers raise on a damaged file.
_READ_ERRORS = (
    AssertionError, OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError, ArithmeticError,
    StopIteration, ImportError, ParseError, UnknownFileTypeError, sqlite3.Error,
)  # fmt: skip


def read_ase_file(settings: ExtxyzSource) -> Dataset:
    """All frames of a file; origins are `info["source"]`, or the file's name.

    Raises:
        DataError: If the file is missing, damaged, empty, or a frame lacks energy or forces.
    """
    path = settings.path
    check_path(path)
    _check_last_line(path, settings.format)
    try:
        frames = read(path, index=":", format=settings.format, do_not_split_by_at_sign=True)
    except _READ_ERRORS as error:
        raise DataError(
            f"{path} cannot be read by ASE ({type(error).__name__}: {error}); the file may be cut off or of another "
            "format: copy it again, or set data.format"
        ) from error
    return _labelled_dataset([(atoms, atoms.info.get("source")) for atoms in frames], path)


def read_ase_database(settings: AseDatabaseSource) -> Dataset:
    """All rows of an ASE database; origins are the key `source`, or the file's name.

    Raises:
        DataError: If the file is missing, damaged, empty, or a row lacks energy or forces.
    """
    path = settings.path
    check_path(path)
    try:
        with connect(path) as database:
            rows = [(row.toatoms(), row.key_value_pairs.get("source")) for row in database.select()]
    except _READ_ERRORS as error:
        raise DataError(
            f"{path} cannot be read as an ASE database ({type(error).__name__}: {error}); the file may be cut off or "
            "no .db or .json database: copy it again, or use data.source: extxyz for other files"
        ) from error
    return _labelled_dataset(rows, path)


def _check_last_line(path: Path, file_format: str | None) -> None:
    """A file cut inside its last number still parses, with a wrong number; only the missing line end shows it."""
    is_xyz = file_format in ("xyz", "extxyz") or (file_format is None and path.suffix in (".xyz", ".extxyz"))
    if not is_xyz or path.stat().st_size == 0:
        return
    with path.open("rb") as stream:
        stream.seek(-1, 2)
        if stream.read(1) not in (b"\n", b"\r"):
            raise DataError(
                f"{path} does not end with a line end, so it may be cut off inside the last number; "
                "copy it again, or add a line end if it is complete"
            )


def _labelled_dataset(frames: Iterable[tuple[Atoms, object]], path: Path) -> Dataset:
    """Join frames given with their source, if known."""
    labelled, origins = [], []
    for index, (atoms, source) in enumerate(frames):
        origin = path.name if source is None else str(source)
        labelled.append(_with_labels(atoms, f"{path}: frame {index} (origin {origin!r})"))
        origins.append(origin)
    if not labelled:
        raise DataError(f"{path}: there are no frames; choose a file that holds at least one")
    return from_frames(labelled, origins, {"source": "ASE-readable frames, eV and Å", "path": str(path)})


def _with_labels(atoms: Atoms, frame: str) -> Atoms:
    """The frame with energy and forces in a calculator, whatever place they came in."""
    results = {} if atoms.calc is None else dict(atoms.calc.results)
    energy = _number(results.get("energy", atoms.info.get("energy")), "energy", frame)
    forces = _number(results.get("forces", atoms.arrays.get("forces")), "forces", frame)
    if energy.size != 1:
        raise DataError(f"{frame} must have one energy, got an array of shape {energy.shape}; correct the frame")
    if forces.shape != (len(atoms), 3):
        raise DataError(
            f"{frame} must have forces of shape {(len(atoms), 3)}, got {forces.shape}; correct the frame's forces"
        )
    atoms.calc = SinglePointCalculator(atoms, energy=float(energy.reshape(())), forces=forces)
    atoms.calc.results = results | atoms.calc.results
    return atoms


def _number(value: ArrayLike | None, name: str, frame: str) -> NDArray[np.float64]:
    if value is None:
        raise DataError(f"{frame} has no {name}; store it under the key {name!r} (eV, Å), or remove the frame")
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{frame} has {name} {value!r}, which is not a number; correct or remove the frame") from error
