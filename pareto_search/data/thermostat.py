"""MD at constant temperature: momenta to start with, and the thermostat."""

import numpy as np
from ase import Atoms, units
from ase.md.langevin import Langevin
from numpy.typing import NDArray


def thermal_momenta(
    masses_amu: NDArray[np.float64], temperature_k: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Maxwell-Boltzmann momenta in ASE's unit, shape (n_atoms, 3); the centre of mass moves, too.

    Args:
        masses_amu: Shape (n_atoms,).
        temperature_k: Their temperature.
        rng: Draws them.
    """
    spread: NDArray[np.float64] = np.sqrt(masses_amu * units.kB * temperature_k)[:, None]
    return np.asarray(spread * rng.standard_normal((len(masses_amu), 3)))


def at_rest(momenta: NDArray[np.float64], masses_amu: NDArray[np.float64]) -> NDArray[np.float64]:
    """The momenta, shape (n_atoms, 3), as seen from the centre of mass."""
    return np.asarray(momenta - masses_amu[:, None] * (momenta.sum(0) / masses_amu.sum()))


def langevin(
    atoms: Atoms, temperature_k: float, rng: np.random.Generator, *, timestep_fs: float, friction_per_fs: float
) -> Langevin:
    """Langevin dynamics at constant volume; random forces may move the centre of mass.

    Args:
        atoms: With momenta and a calculator; they are moved.
        temperature_k: Of the thermostat.
        rng: Draws the random forces.
        timestep_fs: Of the dynamics.
        friction_per_fs: Of the thermostat.
    """
    step, friction = timestep_fs * units.fs, friction_per_fs / units.fs
    return Langevin(atoms, step, temperature_K=temperature_k, friction=friction, fixcm=False, rng=rng)
