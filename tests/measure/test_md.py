from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import all_changes
from ase.calculators.emt import EMT

from pareto_search.config import HipnnArchitecture, MeasureSettings
from pareto_search.data.references import ReferenceEnergies
from pareto_search.errors import MeasurementError
from pareto_search.measure.md import start_nve, time_md
from pareto_search.measure.springs import SiteSprings
from pareto_search.potential.hipnn import HipnnPotential
from pareto_search.potential.interface import TimedCalculator


class FakeClock:
    """Seconds that pass only when told."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class CountingCalculator(EMT, TimedCalculator):
    """EMT that claims the given times (neighbour, model) for each evaluation, and lets the clock run so long."""

    def __init__(self, clock: FakeClock, times_s: Iterator[tuple[float, float]]) -> None:
        super().__init__()
        self.clock, self.times_s = clock, times_s
        self.n_neighbors_mean = 12.0
        self.is_compiled = True

    def calculate(self, *args: Any, **kwargs: Any) -> None:
        super().calculate(*args, **kwargs)
        neighbor_s, model_s = next(self.times_s)
        self.neighbor_s += neighbor_s
        self.model_s += model_s
        self.n_list_builds += neighbor_s > 0.01
        self.clock.now_s += neighbor_s + model_s


class BrokenCalculator(TimedCalculator):
    """Zero forces, and not a number from an evaluation on."""

    implemented_properties = ["energy", "forces"]  # noqa: RUF012 - as ASE declares it
    n_neighbors_mean = 0.0

    def __init__(self, breaks_at: int, what: str) -> None:
        super().__init__()
        self.breaks_at, self.what, self.n_calls = breaks_at, what, 0

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes) -> None:
        super().calculate(atoms, properties, system_changes)
        self.n_calls += 1
        self.results = {"energy": 0.0, "forces": np.zeros((len(self.atoms), 3))}
        if self.n_calls >= self.breaks_at:
            self.results[self.what] = self.results[self.what] + np.nan


def settings(**changes: Any) -> MeasureSettings:
    return MeasureSettings(structure={"symbol": "Al"}, **{"n_steps": 5, "n_warmup_steps": 2, **changes})


def constant_times(neighbor_s: float = 0.001, model_s: float = 0.01) -> Iterator[tuple[float, float]]:
    while True:
        yield neighbor_s, model_s


def crystal() -> Atoms:
    return bulk("Al", cubic=True).repeat(2)


def test_shares_add_up_to_the_mean_step() -> None:
    clock = FakeClock()
    # First evaluation, two warm-up steps, then five timed ones of which the third builds a list.
    times = iter([(9.0, 9.0)] * 3 + [(0.001, 0.010), (0.001, 0.020), (0.031, 0.010), (0.001, 0.030), (0.001, 0.010)])
    integrator_s = 0.002

    def synchronize() -> None:  # called twice a step
        clock.now_s += integrator_s / 2

    calculator = CountingCalculator(clock, times)
    timing = time_md(crystal(), calculator, settings(), seed=0, clock=clock, synchronize=synchronize)
    us_per_atom = 1e6 / 32
    # The first half of the wait comes before the clock is read.
    expected_s = np.array([0.011, 0.021, 0.041, 0.031, 0.011]) + integrator_s / 2
    np.testing.assert_allclose(timing.us_per_atom_steps, expected_s * us_per_atom)
    assert timing.us_per_atom_step_median == pytest.approx(0.022 * us_per_atom)
    assert timing.us_per_atom_step_q25 == pytest.approx(0.012 * us_per_atom)
    assert timing.us_per_atom_step_q75 == pytest.approx(0.032 * us_per_atom)
    assert timing.us_per_atom_neighbor == pytest.approx(0.035 / 5 * us_per_atom)
    assert timing.us_per_atom_model == pytest.approx(0.080 / 5 * us_per_atom)
    assert timing.us_per_atom_integrator == pytest.approx(integrator_s / 2 * us_per_atom)
    assert timing.n_list_builds == 1


def test_conditions_are_recorded() -> None:
    clock = FakeClock()
    calculator = CountingCalculator(clock, constant_times())
    timing = time_md(crystal(), calculator, settings(timestep_fs=2.0, skin_ang=0.7), seed=0, clock=clock)
    assert (timing.n_atoms, timing.n_steps, timing.n_warmup_steps) == (32, 5, 2)
    assert timing.is_compiled
    assert (timing.timestep_fs, timing.skin_ang, timing.n_neighbors_mean) == (2.0, 0.7, 12.0)
    assert timing.density_g_per_cm3 == pytest.approx(26.98154 * 1.66053907 / (4.05**3 / 4), rel=1e-4)


def test_dynamics_starts_at_rest_as_a_whole_and_warm_and_seeded() -> None:
    atoms = bulk("Al", cubic=True).repeat(6)
    emt: Any = EMT()  # whose times are not asked for
    starts = [start_nve(atoms, emt, timestep_fs=1.0, temperature_k=500.0, seed=seed).atoms for seed in (1, 1, 2)]
    np.testing.assert_allclose(starts[0].get_momenta().sum(0), 0.0, atol=1e-9)
    assert starts[0].get_temperature() == pytest.approx(500.0, rel=0.1)
    np.testing.assert_array_equal(starts[0].get_momenta(), starts[1].get_momenta())
    assert not np.allclose(starts[0].get_momenta(), starts[2].get_momenta())
    assert not atoms.has("momenta")


def random_calculator() -> TimedCalculator:
    architecture = HipnnArchitecture(
        n_features=6, n_sensitivities=6, n_atom_layers=1, dist_soft_max_ang=4.5, dist_hard_max_ang=5
    )
    potential = HipnnPotential(architecture, ReferenceEnergies({13: -3.0}), seed=0).to(torch.float64)
    return potential.calculator(skin_ang=1.0)


@pytest.mark.parametrize("make", [EMT, random_calculator])
def test_halving_the_step_cuts_the_energy_error_fourfold(make) -> None:
    errors = []
    for timestep_fs, n_steps in ((4.0, 25), (2.0, 50)):
        dynamics = start_nve(crystal(), make(), timestep_fs=timestep_fs, temperature_k=600.0, seed=3)
        energies = []
        for _ in range(n_steps):
            dynamics.step()
            energies.append(dynamics.atoms.get_total_energy())
        errors.append(np.std(energies))
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.25)


def test_atoms_stay_a_solid_though_the_potential_does_not_hold_them() -> None:
    calculator, run = BrokenCalculator(10**9, "energy"), settings(n_steps=300, timestep_fs=4.0, temperature_k=300.0)
    time_md(crystal(), calculator, run, seed=0)
    moved_ang = calculator.atoms.positions - crystal().positions
    assert 0.05 < np.sqrt((moved_ang**2).mean()) < 0.2  # in free flight it were 3.6 Å


def test_springs_conserve_energy() -> None:
    dynamics = start_nve(crystal(), BrokenCalculator(10**9, "energy"), timestep_fs=1.0, temperature_k=300.0, seed=0)
    dynamics.atoms.set_constraint(SiteSprings(dynamics.atoms))
    energies = []
    for _ in range(200):
        dynamics.step()
        energies.append(dynamics.atoms.get_total_energy())
    assert np.ptp(energies) < 1e-3 * np.mean(energies)


@pytest.mark.parametrize("what", ["energy", "forces"])
@pytest.mark.parametrize(("breaks_at", "where"), [(2, "warm-up step 1"), (6, "step 3")])
def test_dynamics_that_is_not_finite_is_an_error(what: str, breaks_at: int, where: str) -> None:
    with pytest.raises(MeasurementError, match=f"at {where} of 32 atoms"):
        time_md(crystal(), BrokenCalculator(breaks_at, what), settings(), seed=0)
