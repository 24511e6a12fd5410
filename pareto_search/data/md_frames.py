"""Frames made with a calculator: strained, compressed and damaged crystals, hot solids and melts of any material."""

from dataclasses import dataclass
from itertools import chain, islice

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.calculators.singlepoint import SinglePointCalculator
from ase.md.langevin import Langevin
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from pareto_search.config import TeacherMdSource
from pareto_search.data.crystals import disturbed, rattled, scaled
from pareto_search.data.distances import shortest_distance
from pareto_search.data.structure import supercell
from pareto_search.data.thermostat import langevin, thermal_momenta
from pareto_search.errors import DataError

#: Parts of the crystals that are of each kind.
_CRYSTALS = {"volume": 0.2, "strain": 0.5, "vacancy": 0.3}
#: A melt gets this many frames for two of a solid.
_MELT_WEIGHT = 1.5
#: A melt is heated to this multiple of the temperature above which trajectories are molten.
_HEATING = 3.0
_HEATING_FS, _EQUILIBRATION_FS = 240.0, 180.0
_FRICTION_PER_FS = 0.02
#: Linear thermal expansion of a solid.
_EXPANSION_PER_K = 1.5e-5
#: How long the forces are watched to measure their correlation: at first, and doubled at most so often.
_PROBE_FS, _N_DOUBLINGS = 180.0, 3
#: Frames of a trajectory are never nearer than this.
MIN_SPACING_STEPS = 5
#: The lattice is looked for within this part of the given one.
_LATTICE_RANGE = 0.12


@dataclass(frozen=True)
class Recipe:
    """Which frames are made.

    Attributes:
        unit: Unit cell, at the calculator's own lattice constant.
        settings: Kinds and numbers of frames; every group draws from its own generator, of their seed and its number.
        has_ideal: Whether the first frame is the undisturbed crystal.
    """

    unit: Atoms
    settings: TeacherMdSource
    has_ideal: bool = False

    @property
    def crystal(self) -> Atoms:
        """The undisturbed supercell."""
        return supercell(self.unit, self.settings.n_atoms)


@dataclass(frozen=True)
class Group:
    """Frames that belong together: a trajectory, or crystals of one kind. The split by source keeps them together.

    Attributes:
        name: What the frames carry as their origin.
        kind: volume, strain, vacancy, md or melt.
        temperature_k: Of a trajectory.
        number: Among all groups of the recipe.
    """

    name: str
    kind: str
    temperature_k: float | None
    n_frames: int
    number: int

    def n_calls(self, timestep_fs: float, spacing_steps: float) -> int:
        """About how many evaluations the frames need, if those of a trajectory are so far apart."""
        if self.temperature_k is None:
            return self.n_frames
        start_fs = _EQUILIBRATION_FS + (_HEATING_FS if self.kind == "melt" else 0.0)
        sampled_fs = max(_PROBE_FS, (self.n_frames - 1) * spacing_steps * timestep_fs)
        return round((start_fs + sampled_fs) / timestep_fs)


@dataclass(frozen=True)
class MadeFrames:
    """The frames of a group, energies (eV) and forces (eV/Å) attached.

    Attributes:
        correlation_steps: Steps after which the forces of a trajectory are decorrelated; None for crystals.
        spacing_steps: Steps between frames; None for crystals.
    """

    frames: list[Atoms]
    correlation_steps: int | None = None
    spacing_steps: int | None = None


def groups(recipe: Recipe) -> list[Group]:
    """The groups of a recipe, whose frames add up to `n_frames`; those left without a frame are not among them."""
    settings, wanted = recipe.settings, list[tuple[str, str, float | None, float]]()
    for kind, part in _CRYSTALS.items():
        wanted += [(kind, kind, None, settings.share_crystals * part)] * settings.n_replicas
    weights = [_MELT_WEIGHT if is_melt else 1.0 for is_melt in settings.melts]
    for temperature_k, is_melt, weight in zip(settings.temperatures_k, settings.melts, weights, strict=True):
        kind = "melt" if is_melt else "md"
        part = (1 - settings.share_crystals) * weight / sum(weights)
        wanted += [(kind, f"{kind}-{temperature_k:g}K", temperature_k, part)] * settings.n_replicas
    parts = np.array([part for *_, part in wanted])
    bounds = np.concatenate([[0], np.rint(np.cumsum(parts) / parts.sum() * settings.n_frames)]).astype(int)
    found = []
    for number, (kind, name, kelvin, _) in enumerate(wanted):
        replica = f"-{number % settings.n_replicas + 1}" if settings.n_replicas > 1 else ""
        n_frames = int(bounds[number + 1] - bounds[number])
        found.append(Group(name + replica, kind, kelvin, n_frames, number))
    return [group for group in found if group.n_frames]


def make_frames(recipe: Recipe, group: Group, calculator: Calculator) -> MadeFrames:
    """The frames of one group; the same recipe, group and calculator give the same frames.

    Args:
        recipe: What all groups share.
        group: Which frames.
        calculator: ASE calculator of energy (eV) and forces (eV/Å).

    Raises:
        DataError: If the calculator gives an energy or force that is not finite.
    """
    rng = np.random.default_rng([recipe.settings.seed, group.number])
    if group.temperature_k is not None:
        return _trajectory(recipe, group, group.temperature_k, calculator, rng)
    frames = []
    crystal = recipe.crystal
    undisturbed = [crystal.copy()] if recipe.has_ideal and group.number == 0 else []
    for atoms in islice(
        chain(undisturbed, disturbed(crystal, group.kind, recipe.settings.strain, rng)), group.n_frames
    ):
        atoms.calc = calculator
        frames.append(_labelled(atoms, group))
    return MadeFrames(frames)


def at_lowest_energy(unit: Atoms, calculator: Calculator) -> Atoms:
    """The cell scaled, with its atoms, to the calculator's lowest energy.

    Raises:
        DataError: If that lies far from the given cell, or is not finite.
    """

    def energy_ev(scale: float) -> float:
        atoms = scaled(unit, scale)
        atoms.calc = calculator
        return float(atoms.get_potential_energy())

    found = minimize_scalar(
        energy_ev, bounds=(1 - _LATTICE_RANGE, 1 + _LATTICE_RANGE), method="bounded", options={"xatol": 1e-4}
    )
    if not np.isfinite(found.fun) or abs(found.x - 1) > _LATTICE_RANGE - 1e-3:
        raise DataError(
            f"the teacher's energy of {unit.get_chemical_formula()} has no minimum within "
            f"{100 * _LATTICE_RANGE:.0f} % of the given lattice; correct the structure, or use a teacher that "
            "is valid for it"
        )
    return scaled(unit, float(found.x))


def decorrelation_steps(forces: NDArray[np.float64]) -> int | None:
    """Steps after which forces of a trajectory, shape (n_steps, n_atoms, 3), are decorrelated; None if it is too short.

    The smallest lag from which on the autocorrelation ⟨F(0)·F(t)⟩ / ⟨F²⟩ stays within ±1/e, up to half the
    trajectory; the first crossing alone would be misled by the back swing of a vibration.
    """
    n_lags = len(forces) // 2
    flat = forces.reshape(len(forces), -1)
    power = float(np.mean(flat**2))
    if n_lags == 0 or power == 0:
        return None
    correlation = [float(np.mean(flat[: len(flat) - lag] * flat[lag:])) / power for lag in range(n_lags + 1)]
    last = int(np.flatnonzero(np.abs(correlation) >= np.exp(-1))[-1])
    return None if last == n_lags else last + 1


def _trajectory(
    recipe: Recipe, group: Group, temperature_k: float, calculator: Calculator, rng: np.random.Generator
) -> MadeFrames:
    """Snapshots of Langevin MD at constant volume; a melt is expanded and first heated far above melting.

    Every step after equilibration is kept until the correlation of the forces is known; then frames are taken so far
    apart, those already passed among them.
    """
    dynamics = _started(recipe, group, temperature_k, calculator, rng)
    passed: list[Atoms] = []
    forces: list[NDArray[np.float64]] = []

    def run_to(n_steps: int) -> None:
        while len(passed) < n_steps:
            dynamics.run(1)
            passed.append(_labelled(dynamics.atoms, group))
            forces.append(passed[-1].get_forces())

    correlation = None
    for doubling in range(_N_DOUBLINGS + 1):
        run_to(2**doubling * round(_PROBE_FS / recipe.settings.timestep_fs))
        if (correlation := decorrelation_steps(np.array(forces))) is not None:
            break
    spacing = max(MIN_SPACING_STEPS, len(passed) // 2 if correlation is None else correlation)
    run_to((group.n_frames - 1) * spacing + 1)
    return MadeFrames(passed[::spacing][: group.n_frames], correlation, spacing)


def _started(
    recipe: Recipe, group: Group, temperature_k: float, calculator: Calculator, rng: np.random.Generator
) -> Langevin:
    is_melt = group.kind == "melt"
    scale = rng.uniform(1.04, 1.09) if is_melt else 1.0 + _EXPANSION_PER_K * temperature_k
    ideal = recipe.crystal
    atoms = rattled(scaled(ideal, scale), 0.035 * shortest_distance(ideal), rng)
    atoms.calc = calculator
    start_k = _HEATING * (recipe.settings.melt_above_k or 0.0) if is_melt else temperature_k
    atoms.set_momenta(thermal_momenta(atoms.get_masses(), start_k, rng))
    dynamics = langevin(atoms, start_k, rng, timestep_fs=recipe.settings.timestep_fs, friction_per_fs=_FRICTION_PER_FS)
    dynamics.run(round(_HEATING_FS / recipe.settings.timestep_fs) if is_melt else 0)
    dynamics.set_temperature(temperature_K=temperature_k)
    dynamics.run(round(_EQUILIBRATION_FS / recipe.settings.timestep_fs))
    return dynamics


def _labelled(atoms: Atoms, group: Group) -> Atoms:
    """A copy of the frame with its calculator's energy and forces fixed to it."""
    frame = Atoms(numbers=atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=True)
    energy = float(atoms.get_potential_energy())
    forces = np.array(atoms.get_forces(), dtype=np.float64)
    if not (np.isfinite(energy) and np.isfinite(forces).all()):
        raise DataError(
            f"the calculator gave an energy or force that is not finite, in frames of {group.name}; "
            "lower the temperature, the strain or the time step, or use a calculator that is valid for such structures"
        )
    frame.calc = SinglePointCalculator(frame, energy=energy, forces=forces)
    return frame
