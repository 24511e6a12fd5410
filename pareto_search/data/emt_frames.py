"""Frames of EMT aluminium: strained, compressed and damaged crystals, hot solids and melts."""

from collections.abc import Iterator
from itertools import islice

import numpy as np
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.md.langevin import Langevin

#: Lattice constant of EMT aluminium, Å.
_LATTICE_ANG = 3.995
#: Share of each kind of frame; temperatures in K, 1200 K and above start from a melt.
_SHARES = {
    "strain": 0.25,
    "volume": 0.10,
    "vacancy": 0.15,
    "md-300K": 0.06,
    "md-600K": 0.06,
    "md-900K": 0.08,
    "melt-1200K": 0.10,
    "melt-1600K": 0.10,
    "melt-2000K": 0.10,
}
_TIMESTEP_FS = 6.0
_FRICTION_PER_FS = 0.02
_N_STEPS_HEATING = 25
_N_STEPS_EQUILIBRATION = 20
_N_STEPS_BETWEEN_FRAMES = 6
_MELTING_TEMPERATURE_K = 3000.0


def generate_frames(n_frames: int, n_atoms: int, seed: int) -> tuple[list[Atoms], list[str]]:
    """Frames with EMT energies and forces attached, and the kind of each.

    Args:
        n_frames: Number of frames.
        n_atoms: Atoms of a frame without vacancies, 4 times a cube.
        seed: Every kind of frame draws from its own generator, seeded with this and its number.
    """
    bounds = np.rint(np.cumsum([0.0, *_SHARES.values()]) * n_frames).astype(int)
    frames, origins = [], []
    for number, kind in enumerate(_SHARES):
        rng = np.random.default_rng([seed, number])
        made = list(islice(_frames_of(kind, n_atoms, rng), int(bounds[number + 1] - bounds[number])))
        frames += made
        origins += [kind] * len(made)
    return frames, origins


def _frames_of(kind: str, n_atoms: int, rng: np.random.Generator) -> Iterator[Atoms]:
    """Frames of one kind without end."""
    crystals = {"strain": _strained, "volume": _compressed, "vacancy": _damaged}
    if kind in crystals:
        while True:
            atoms = crystals[kind](n_atoms, rng)
            atoms.calc = EMT()
            yield _labelled(atoms)
    name, temperature = kind.removesuffix("K").split("-")
    yield from _trajectory(n_atoms, float(temperature), rng, is_melt=name == "melt")


def _crystal(n_atoms: int, scale: float = 1.0) -> Atoms:
    repeats = round((n_atoms / 4) ** (1 / 3))
    return bulk("Al", "fcc", a=_LATTICE_ANG * scale, cubic=True) * (repeats, repeats, repeats)


def _strained(n_atoms: int, rng: np.random.Generator) -> Atoms:
    atoms = _strain(_crystal(n_atoms), 0.06, rng)
    return _rattle(atoms, rng.uniform(0.02, 0.25), rng)


def _compressed(n_atoms: int, rng: np.random.Generator) -> Atoms:
    return _rattle(_crystal(n_atoms, rng.uniform(0.93, 1.09)), rng.uniform(0.02, 0.12), rng)


def _damaged(n_atoms: int, rng: np.random.Generator) -> Atoms:
    """A crystal without up to a sixteenth of its atoms."""
    atoms = _strain(_crystal(n_atoms), 0.02, rng)
    n_vacancies = int(rng.integers(1, n_atoms // 16 + 1))
    kept = np.sort(rng.permutation(n_atoms)[n_vacancies:])
    return _rattle(atoms[kept], rng.uniform(0.03, 0.18), rng)


def _strain(atoms: Atoms, largest: float, rng: np.random.Generator) -> Atoms:
    """Apply a random symmetric strain."""
    strain = rng.uniform(-largest, largest, size=(3, 3))
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + (strain + strain.T) / 2), scale_atoms=True)
    return atoms


def _rattle(atoms: Atoms, deviation_ang: float, rng: np.random.Generator) -> Atoms:
    atoms.positions += rng.normal(scale=deviation_ang, size=(len(atoms), 3))
    return atoms


def _trajectory(n_atoms: int, temperature_k: float, rng: np.random.Generator, *, is_melt: bool) -> Iterator[Atoms]:
    """Snapshots of Langevin MD at constant volume; a melt is expanded and first heated far above melting."""
    scale = rng.uniform(1.04, 1.09) if is_melt else 1.0 + 1.5e-5 * temperature_k
    atoms = _rattle(_crystal(n_atoms, scale), 0.1, rng)
    atoms.calc = EMT()
    start_k = _MELTING_TEMPERATURE_K if is_melt else temperature_k
    atoms.set_momenta(rng.normal(size=(n_atoms, 3)) * np.sqrt(atoms.get_masses()[:, None] * units.kB * start_k))
    dynamics = Langevin(
        atoms,
        _TIMESTEP_FS * units.fs,
        temperature_K=start_k,
        friction=_FRICTION_PER_FS / units.fs,
        fixcm=False,
        rng=rng,
    )
    dynamics.run(_N_STEPS_HEATING if is_melt else 0)
    dynamics.set_temperature(temperature_K=temperature_k)
    dynamics.run(_N_STEPS_EQUILIBRATION)
    while True:
        yield _labelled(atoms)
        dynamics.run(_N_STEPS_BETWEEN_FRAMES)


def _labelled(atoms: Atoms) -> Atoms:
    """A copy of the frame with its calculator's energy and forces fixed to it."""
    frame = Atoms(numbers=atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=True)
    energy, forces = atoms.get_potential_energy(), atoms.get_forces()
    frame.calc = SinglePointCalculator(frame, energy=energy, forces=forces)
    return frame
