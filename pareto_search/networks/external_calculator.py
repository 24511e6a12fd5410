"""External teachers: any ASE calculator that gives an energy, forces and, if it can, atomic energies."""

import hashlib
import importlib
import importlib.metadata
import json
import os
import sys
import time
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from ase import Atoms
from ase.calculators.calculator import PropertyNotImplementedError, all_changes
from numpy.typing import NDArray

from pareto_search.config import ExternalTeacher
from pareto_search.errors import ConfigError, DataError
from pareto_search.potential.interface import TimedCalculator

#: Extras of this package that install a teacher, by its module.
_EXTRAS = {"chgnet": "chgnet"}


class Teacher(Protocol):
    """What a teacher must be: an ASE calculator; `pareto_search.testing.TeacherContract` tests one.

    `get_property` gives `energy` (eV, a number), `forces` (eV/Å, -dE/dR, shape (n_atoms, 3)) and `energies` (eV, shape
    (n_atoms,)), which sum to the energy up to a constant for each element. One that has no `energies` raises
    `PropertyNotImplementedError`, or leaves them out of its results.
    """

    def get_property(self, name: str, atoms: Atoms) -> Any: ...  # noqa: D102


@dataclass(frozen=True)
class TeacherEvaluation:
    """A teacher's results for one frame.

    Attributes:
        energy_ev: Total energy.
        forces_ev_per_ang: Shape (n_atoms, 3).
        atomic_energy_ev: Shape (n_atoms,); None where the teacher has none.
    """

    energy_ev: float
    forces_ev_per_ang: NDArray[np.float64]
    atomic_energy_ev: NDArray[np.float64] | None


def build_calculator(settings: ExternalTeacher) -> Any:
    """The teacher's calculator.

    Raises:
        ConfigError: If its package is not installed, has no such name, or refuses the options.
    """
    factory = _factory(settings)
    try:
        with redirect_stdout(sys.stderr):  # some print a greeting, but stdout is for results
            calculator = factory(**settings.options)
    except Exception as error:  # a calculator raises anything on options that it does not take
        raise ConfigError(
            f"teacher.calculator {settings.calculator} does not accept teacher.options {settings.options} "
            f"({type(error).__name__}: {error}); they are its keyword arguments"
        ) from error
    if not callable(getattr(calculator, "get_property", None)):
        raise ConfigError(
            f"teacher.calculator {settings.calculator} gave a {type(calculator).__name__}, which is no ASE calculator"
        )
    return calculator


def _factory(settings: ExternalTeacher) -> Any:
    module, _, name = settings.calculator.partition(":")
    try:
        found: object = importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        what = f"pareto_search[{_EXTRAS[package]}]" if package in _EXTRAS else package
        raise ConfigError(
            f"teacher.calculator {settings.calculator} cannot be imported ({error}); install what it needs, "
            f"for instance by pip install '{what}'"
        ) from error
    for part in name.split("."):
        if not hasattr(found, part):
            raise ConfigError(f"teacher.calculator {settings.calculator}: {module} has no {name}")
        found = getattr(found, part)
    if not callable(found):
        raise ConfigError(f"teacher.calculator {settings.calculator} is no class or function")
    return found


def teacher_hash(settings: ExternalTeacher) -> str:
    """SHA-256 of what decides a teacher's answers: its import path, its options and the version of its code.

    Of a file that an option names, its content counts and its path does not.

    Raises:
        ConfigError: If it is not installed.
    """
    content = [settings.calculator, _by_content(settings.options), code_version(settings)]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _by_content(option: object) -> Any:
    """An option with the hash of a file in place of its path."""
    if isinstance(option, dict):
        return {name: _by_content(value) for name, value in option.items()}
    if isinstance(option, list):
        return [_by_content(value) for value in option]
    if isinstance(option, str) and os.path.isfile(option):  # noqa: PTH113 - Path.is_file raises on overlong names
        with Path(option).open("rb") as file:
            return {"sha256": hashlib.file_digest(file, "sha256").hexdigest()}
    return option


def code_version(settings: ExternalTeacher) -> str:
    """Version of the package that holds the calculator; of a module outside any package, the hash of its file."""
    module = settings.calculator.partition(":")[0]
    package = module.partition(".")[0]
    names = importlib.metadata.packages_distributions().get(package)
    if names:
        return f"{names[0]} {importlib.metadata.version(names[0])}"
    _factory(settings)
    path = getattr(importlib.import_module(module), "__file__", None)
    return f"{module} {hashlib.sha256(Path(path).read_bytes()).hexdigest()[:12] if path else 'unknown'}"


def evaluate_teacher(calculator: Teacher, atoms: Atoms) -> TeacherEvaluation:
    """Energy, forces and atomic energies of one frame, in float64.

    Raises:
        DataError: If the calculator fails, or the energy or forces are missing, of another shape or not finite.
    """
    frame = Atoms(numbers=atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
    energy = _needed("energy", _property(calculator, frame, "energy", ()))
    forces = _needed("forces", _property(calculator, frame, "forces", (len(atoms), 3)))
    energies = _property(calculator, frame, "energies", (len(atoms),))
    for name, value in (("energy", energy), ("forces", forces), ("energies", energies)):
        if value is not None and not np.isfinite(value).all():
            raise DataError(f"the teacher's {name} are not finite for {atoms.get_chemical_formula()}")
    return TeacherEvaluation(float(energy), forces, energies)


def _property(calculator: Teacher, atoms: Atoms, name: str, shape: tuple[int, ...]) -> NDArray[np.float64] | None:
    value = _raw_property(calculator, name, atoms)
    if value is None:
        return None
    array = np.array(value, dtype=np.float64)
    if array.shape != shape:
        raise DataError(f"the teacher's {name} have shape {array.shape}, but {shape} is needed")
    return array


def _needed(name: str, value: object) -> Any:
    if value is None:
        raise DataError(f"the teacher gives no {name}; it must be an ASE calculator of energy and forces")
    return value


def _raw_property(teacher: Teacher, name: str, atoms: Atoms) -> Any:
    """A property of a frame, None where the teacher does not have it.

    Raises:
        DataError: If it fails; the message is its own.
    """
    # Energy and forces of the frame were computed before atomic energies, so no unknown element is the reason.
    lacking = (NotImplementedError, KeyError) if name == "energies" else PropertyNotImplementedError
    try:
        return teacher.get_property(name, atoms)
    except lacking:
        return None
    except Exception as error:  # a calculator may raise anything for an element it lacks
        raise DataError(
            f"the teacher cannot evaluate a frame of {atoms.get_chemical_formula()} ({type(error).__name__}: {error})"
        ) from error


class TeacherCalculator(TimedCalculator):
    """A teacher's energy and forces for MD, and how long they took.

    Its neighbour list is part of the model. Where the teacher fails, a DataError is raised.
    """

    implemented_properties = ["energy", "forces"]  # noqa: RUF012 - as ASE declares it

    def __init__(self, teacher: Teacher) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # ASE's
        self._teacher = teacher

    def calculate(
        self, atoms: Atoms | None = None, properties: list[str] | None = None, system_changes: list[str] = all_changes
    ) -> None:
        """Energy and forces."""
        super().calculate(atoms, properties, system_changes)  # type: ignore[no-untyped-call]  # ASE's
        system = self.atoms
        assert system is not None
        started = time.perf_counter()
        self.results = {
            "forces": np.asarray(_needed("forces", _raw_property(self._teacher, "forces", system)), dtype=np.float64),
            "energy": float(_needed("energy", _raw_property(self._teacher, "energy", system))),
        }
        self.model_s += time.perf_counter() - started
