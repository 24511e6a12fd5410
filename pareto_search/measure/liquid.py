"""MD of the liquid: the teacher melts a crystal, then it and every network run from there; g(r), drift and stability.

All start from the same configuration, so that a short equilibration is enough; each has random forces of its own, so
that their noise is independent. A potential under which the dynamics goes wrong is a result, not an error.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace

import numpy as np
from ase import Atoms, units
from ase.calculators.calculator import Calculator
from ase.md.langevin import Langevin
from ase.md.verlet import VelocityVerlet
from numpy.typing import NDArray

from pareto_search.config import LiquidSettings
from pareto_search.data.distances import pair_distances, shortest_distance
from pareto_search.data.structure import density_g_per_cm3, supercell
from pareto_search.data.thermostat import at_rest, langevin, thermal_momenta
from pareto_search.errors import ConfigError, MeasurementError
from pareto_search.measure.rdf import Rdf, bin_edges, rdf_of_frames
from pareto_search.potential.wrapping import AtomsError

#: Root mean square displacement, over the crystal's shortest distance, from which on it has melted: no crystal, however
#: hot, vibrates beyond 0.2 (Lindemann), and atoms of a liquid soon move farther.
_MOLTEN = 0.3
#: Friction of the thermostat: strong enough to hold a liquid's temperature, weak enough to let it flow.
_FRICTION_PER_FS = 0.01

Guard = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True)
class LiquidRun:
    """What MD of the liquid gave.

    Attributes:
        asked_ps: Length of the dynamics that was wanted.
        stable_ps: For how long of it the dynamics stayed sane; asked_ps where it did to the end.
        reason: What went wrong then, or None.
        temperature_k: Mean kinetic temperature while frames were taken; None where that did not end.
        rdf: g(r); None where the dynamics went wrong before all frames were taken.
        nve_drift_ev_per_atom_ps: Slope of a straight line through the total energy without thermostat; None where it
            went wrong or none was wanted.
    """

    n_atoms: int
    density_g_per_cm3: float
    asked_ps: float
    stable_ps: float
    reason: str | None = None
    temperature_k: float | None = None
    rdf: Rdf | None = None
    nve_drift_ev_per_atom_ps: float | None = None


class NoLiquidError(MeasurementError):
    """The crystal could not be melted.

    Attributes:
        run: How far the dynamics came.
    """

    def __init__(self, run: LiquidRun) -> None:
        super().__init__(f"the crystal could not be melted: after {run.stable_ps:.3g} ps of MD {run.reason}")
        self.run = run


class _WentWrongError(Exception):
    """The dynamics is not that of a liquid any more."""


@dataclass
class _Watched:
    """Dynamics under watch.

    Attributes:
        settings: Time step and limits.
        min_distance_ang: Atoms nearer than this are not those of a liquid.
        guard: Entered for each stretch between two checks of the distances.
        n_steps: Steps taken so far that went well.
    """

    settings: LiquidSettings
    min_distance_ang: float
    guard: Guard = nullcontext
    n_steps: int = field(default=0, init=False)

    @property
    def time_ps(self) -> float:
        """Time for which all went well."""
        return self.n_steps * self.settings.timestep_fs * 1e-3

    def langevin(self, atoms: Atoms, temperature_k: float, rng: np.random.Generator) -> Langevin:
        """Dynamics at constant volume and temperature."""
        step_fs = self.settings.timestep_fs
        return langevin(atoms, temperature_k, rng, timestep_fs=step_fs, friction_per_fs=_FRICTION_PER_FS)

    def advance(self, dynamics: Langevin | VelocityVerlet, n_steps: int, temperature_k: float) -> Iterator[float]:
        """Take steps, and give the total energy in eV after each.

        Raises:
            _WentWrongError: If energy, temperature or positions are not finite, it is too hot, or atoms are too near.
        """
        stretch = self.settings.n_steps_between_frames
        for first in range(0, n_steps, stretch):
            energies, n_before = [], self.n_steps
            with self.guard():
                for _ in range(min(stretch, n_steps - first)):
                    self._step(dynamics)
                    energies.append(self._checked_energy_ev(dynamics.atoms, temperature_k))
                    self.n_steps += 1
                self._check_distances(dynamics.atoms, n_before)
            yield from energies

    def _step(self, dynamics: Langevin | VelocityVerlet) -> None:
        try:
            dynamics.step()  # type: ignore[no-untyped-call]  # ASE's
        except AtomsError as error:
            raise _WentWrongError(f"it flew apart: {error}") from error

    def _checked_energy_ev(self, atoms: Atoms, temperature_k: float) -> float:
        kinetic = float(atoms.get_kinetic_energy())
        energy = float(atoms.get_potential_energy()) + kinetic
        hottest_k = self.settings.max_temperature_factor * temperature_k
        found_k = 2 * kinetic / (3 * len(atoms) * units.kB)
        if not np.isfinite(energy):
            raise _WentWrongError("its energy became non-finite")
        if found_k > hottest_k:
            raise _WentWrongError(f"it reached {found_k:.0f} K, more than {hottest_k:.0f} K")
        return energy

    def _check_distances(self, atoms: Atoms, n_before: int) -> None:
        """Check for atoms that are too near; when they came there, since the last check, is unknown."""
        if self.min_distance_ang > 0 and len(near := pair_distances(atoms, self.min_distance_ang)):
            self.n_steps = n_before
            raise _WentWrongError(f"two atoms came as near as {near.min():.2f} Å")


def liquid_crystal(unit: Atoms, settings: LiquidSettings) -> Atoms:
    """The crystal that is melted, with the volume of the liquid.

    Raises:
        ConfigError: If g(r) is wanted farther than half its height.
    """
    crystal = supercell(unit, settings.n_atoms)
    crystal.set_cell(crystal.cell.array * np.cbrt(settings.volume_scale), scale_atoms=True)
    heights = crystal.get_volume() / np.linalg.norm(np.cross(crystal.cell[[1, 2, 0]], crystal.cell[[2, 0, 1]]), axis=1)
    if settings.r_max_ang > heights.min() / 2:
        raise ConfigError(
            f"measure.liquid.r_max_ang must be at most half the height of the liquid's cell, {heights.min() / 2:.2f} Å "
            f"with {len(crystal)} atoms, got {settings.r_max_ang:g} Å; lower it or raise measure.liquid.n_atoms"
        )
    return crystal


def melt(crystal: Atoms, calculator: Calculator, settings: LiquidSettings, *, guard: Guard = nullcontext) -> Atoms:
    """A liquid at `temperature_k` with velocities, and no calculator.

    Args:
        crystal: From `liquid_crystal`; left as it is.
        calculator: The teacher's.
        settings: Temperatures and times.
        guard: Entered for each stretch of the dynamics.

    Raises:
        NoLiquidError: If the dynamics goes wrong, or the atoms stay on their sites.
    """
    rng = np.random.default_rng(settings.seed)
    atoms: Atoms = crystal.copy()
    atoms.calc = calculator
    masses = atoms.get_masses()
    atoms.set_momenta(at_rest(thermal_momenta(masses, settings.melt_temperature_k, rng), masses))
    watched = _Watched(settings, _min_distance_ang(crystal, settings), guard)
    stages = (
        (settings.melt_temperature_k, settings.melt_temperature_k, settings.n_steps_melt),
        # What is cooled is as hot as the melt at first.
        (settings.temperature_k, settings.melt_temperature_k, settings.n_steps_equilibration),
    )
    try:
        for temperature_k, hottest_k, n_steps in stages:
            for _ in watched.advance(watched.langevin(atoms, temperature_k, rng), n_steps, hottest_k):
                pass
        _check_molten(atoms, crystal)
    except _WentWrongError as error:
        run = _undisturbed(atoms, settings.melt_ps)
        raise NoLiquidError(replace(run, reason=str(error), stable_ps=watched.time_ps)) from error
    atoms.calc = None
    return atoms


def _check_molten(atoms: Atoms, crystal: Atoms) -> None:
    moved_ang = atoms.positions - crystal.positions
    moved_ang -= moved_ang.mean(0)
    rms_ang, least_ang = float(np.sqrt((moved_ang**2).sum(1).mean())), _MOLTEN * shortest_distance(crystal)
    if rms_ang < least_ang:
        raise _WentWrongError(
            f"it was solid: its atoms were {rms_ang:.2f} Å from their sites (root mean square), less than "
            f"{least_ang:.2f} Å"
        )


def run_liquid(
    start: Atoms,
    crystal: Atoms,
    calculator: Calculator,
    settings: LiquidSettings,
    *,
    name: str,
    guard: Guard = nullcontext,
) -> LiquidRun:
    """MD of the liquid by a potential: equilibration and sampling at `temperature_k`, then NVE.

    Args:
        start: From `melt`; left as it is.
        crystal: What was melted.
        calculator: The potential's.
        settings: Temperature and times.
        name: Of the potential, which with the seed decides its random forces.
        guard: Entered for each stretch of the dynamics.
    """
    atoms = start.copy()
    atoms.calc = calculator
    watched = _Watched(settings, _min_distance_ang(crystal, settings), guard)
    run = _undisturbed(atoms, settings.run_ps)
    try:
        rdf, temperature_k = _sample(watched, atoms, name)
        run = replace(run, rdf=rdf, temperature_k=temperature_k)
        return replace(run, nve_drift_ev_per_atom_ps=_nve_drift(watched, atoms))
    except _WentWrongError as error:
        return replace(run, reason=str(error), stable_ps=watched.time_ps)


def _undisturbed(atoms: Atoms, asked_ps: float) -> LiquidRun:
    density = float(density_g_per_cm3(atoms.get_masses().sum(), atoms.get_volume()))
    return LiquidRun(len(atoms), density, asked_ps, stable_ps=asked_ps)


def _sample(watched: _Watched, atoms: Atoms, name: str) -> tuple[Rdf, float]:
    """g(r), and the mean temperature in K."""
    settings, temperature_k = watched.settings, watched.settings.temperature_k
    digest = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    dynamics = watched.langevin(atoms, temperature_k, np.random.default_rng([settings.seed, digest]))
    for _ in watched.advance(dynamics, settings.n_steps_equilibration, temperature_k):
        pass
    temperatures_k = []

    def frames() -> Iterator[Atoms]:
        for _ in range(settings.n_frames):
            for _ in watched.advance(dynamics, settings.n_steps_between_frames, temperature_k):
                pass
            temperatures_k.append(atoms.get_temperature())
            yield atoms

    edges = bin_edges(settings.r_max_ang, settings.n_bins)
    rdf = rdf_of_frames(frames(), edges, settings.n_frames, settings.n_blocks)
    return rdf, float(np.mean(temperatures_k))


def _nve_drift(watched: _Watched, atoms: Atoms) -> float | None:
    settings = watched.settings
    if settings.n_steps_nve == 0:
        return None
    dynamics = VelocityVerlet(atoms, settings.timestep_fs * units.fs)
    energies = np.array(list(watched.advance(dynamics, settings.n_steps_nve, settings.temperature_k)))
    return drift_ev_per_ps(energies, settings.timestep_fs) / len(atoms)


def drift_ev_per_ps(energy_ev: NDArray[np.float64], timestep_fs: float) -> float:
    """Slope of a straight line through total energies, shape (n_steps,), in eV/ps."""
    time_ps = np.arange(len(energy_ev)) * timestep_fs * 1e-3
    return float(np.polyfit(time_ps, energy_ev - energy_ev[0], 1)[0])


def _min_distance_ang(crystal: Atoms, settings: LiquidSettings) -> float:
    return settings.min_distance_fraction * shortest_distance(crystal)
