"""MD step time: dynamics with ASE's velocity Verlet, every step under the clock."""

import time
from collections.abc import Callable

import numpy as np
from ase import Atoms, units
from ase.md.verlet import VelocityVerlet
from numpy.typing import NDArray

from pareto_search.config import MeasureSettings
from pareto_search.data.structure import density_g_per_cm3
from pareto_search.data.thermostat import at_rest, thermal_momenta
from pareto_search.errors import MeasurementError
from pareto_search.measure.device import no_wait
from pareto_search.measure.springs import SiteSprings
from pareto_search.potential.interface import TimedCalculator
from pareto_search.records import MdTiming


def start_nve(
    atoms: Atoms, calculator: TimedCalculator, *, timestep_fs: float, temperature_k: float, seed: int
) -> VelocityVerlet:
    """NVE dynamics of a copy of the atoms, with seeded Maxwell-Boltzmann momenta whose total is zero.

    Args:
        atoms: Where it starts; left as they are.
        calculator: Gives energy and forces.
        timestep_fs: Time step, fs.
        temperature_k: Of the momenta, K.
        seed: Of the momenta.
    """
    system = atoms.copy()
    system.calc = calculator
    masses = system.get_masses()
    system.set_momenta(at_rest(thermal_momenta(masses, temperature_k, np.random.default_rng(seed)), masses))
    return VelocityVerlet(system, timestep=timestep_fs * units.fs)


def time_md(
    atoms: Atoms,
    calculator: TimedCalculator,
    settings: MeasureSettings,
    *,
    seed: int,
    clock: Callable[[], float] = time.perf_counter,
    synchronize: Callable[[], None] = no_wait,
) -> MdTiming:
    """Time of an MD step in µs per atom.

    Medians and quartiles are over the timed steps. The shares of neighbour list, model and integrator are means, which
    add up to the mean step: a list is built in few steps, and a median would not see it.

    Energy and forces are computed in every step, but springs to the sites move the atoms: all potentials are timed on
    one and the same solid, however long the run, also those that would not hold it together.

    Args:
        atoms: The sites, where the dynamics starts; left as they are.
        calculator: An ASE calculator that counts its own time with the same clock.
        settings: Number of steps, time step and temperature.
        seed: Of the initial momenta.
        clock: Seconds from a fixed moment.
        synchronize: Returns when the device has finished all it was given.

    Raises:
        MeasurementError: If energy or forces become non-finite.
    """
    dynamics = start_nve(
        atoms, calculator, timestep_fs=settings.timestep_fs, temperature_k=settings.temperature_k, seed=seed
    )
    dynamics.atoms.set_constraint(SiteSprings(dynamics.atoms))
    step_s, neighbor_s, model_s, n_list_builds = _run(dynamics, calculator, settings, clock, synchronize)
    us_per_atom = 1e6 / len(atoms)
    steps = step_s * us_per_atom
    low, middle, high = (float(q) for q in np.percentile(steps, [25, 50, 75]))
    neighbor, model = (seconds / settings.n_steps * us_per_atom for seconds in (neighbor_s, model_s))
    return MdTiming(
        n_atoms=len(atoms),
        n_neighbors_mean=float(calculator.n_neighbors_mean),
        density_g_per_cm3=float(density_g_per_cm3(atoms.get_masses().sum(), atoms.get_volume())),
        n_steps=settings.n_steps,
        n_warmup_steps=settings.n_warmup_steps,
        timestep_fs=settings.timestep_fs,
        skin_ang=settings.skin_ang,
        n_list_builds=n_list_builds,
        us_per_atom_step_median=middle,
        us_per_atom_step_q25=low,
        us_per_atom_step_q75=high,
        us_per_atom_neighbor=neighbor,
        us_per_atom_model=model,
        us_per_atom_integrator=float(steps.mean()) - neighbor - model,
        us_per_atom_steps=tuple(steps.tolist()),
        is_compiled=calculator.is_compiled,
    )


def _run(
    dynamics: VelocityVerlet,
    calculator: TimedCalculator,
    settings: MeasureSettings,
    clock: Callable[[], float],
    synchronize: Callable[[], None],
) -> tuple[NDArray[np.float64], float, float, int]:
    """Warm up, then time every step; energies are checked outside the timed span.

    Returns:
        Seconds of the steps, shape (n_steps,), those of neighbour lists and of the model in all, and lists built.
    """
    forces = dynamics.atoms.get_forces(md=True)
    for number in range(settings.n_warmup_steps):
        forces = dynamics.step(forces)
        _check_finite(dynamics.atoms, f"warm-up step {number + 1}")
    neighbor_s, model_s, n_builds = calculator.neighbor_s, calculator.model_s, calculator.n_list_builds
    step_s = np.empty(settings.n_steps)
    for number in range(settings.n_steps):
        synchronize()
        started = clock()
        forces = dynamics.step(forces)
        synchronize()
        step_s[number] = clock() - started
        _check_finite(dynamics.atoms, f"step {number + 1}")
    spent = calculator.neighbor_s - neighbor_s, calculator.model_s - model_s
    return step_s, *spent, calculator.n_list_builds - n_builds


def _check_finite(system: Atoms, where: str) -> None:
    """Raise if the total energy is not finite; forces that are not show in it at once, through the momenta."""
    energy = float(system.get_total_energy())
    if not np.isfinite(energy):
        raise MeasurementError(
            f"MD must stay finite, but at {where} of {len(system)} atoms the total energy is {energy:g} eV; "
            "lower measure.timestep_fs or measure.temperature_k, or check measure.structure"
        )
