import re
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from pydantic import ValidationError

from pareto_search.config import LiquidSettings
from pareto_search.errors import ConfigError
from pareto_search.measure.liquid import LiquidRun, NoLiquidError, drift_ev_per_ps, liquid_crystal, melt, run_liquid
from pareto_search.measure.liquid_files import LiquidFolder, LiquidResult, liquid_columns, protocol_hash
from pareto_search.measure.rdf import Rdf, bin_edges
from tests.measure.test_md import random_calculator

UNIT = bulk("Al", cubic=True)


def settings(**changes: Any) -> LiquidSettings:
    return LiquidSettings(**{
        "n_atoms": 32, "n_steps_melt": 100, "n_steps_equilibration": 40, "n_steps_sampling": 120,
        "n_steps_between_frames": 4, "n_steps_nve": 50, "r_max_ang": 4.0, "n_bins": 20, "n_blocks": 3,
        "timestep_fs": 5.0, **changes,
    })  # fmt: skip


class Exploding(EMT):
    """EMT whose forces grow a thousandfold from an evaluation on, or stop being numbers."""

    def __init__(self, at: int, factor: float) -> None:
        super().__init__()
        self.at, self.factor, self.n_calls = at, factor, 0

    def calculate(self, *args: Any, **kwargs: Any) -> None:
        super().calculate(*args, **kwargs)
        self.n_calls += 1
        if self.n_calls >= self.at:
            self.results["forces"] = self.results["forces"] * self.factor


class Free(Calculator):
    """Atoms that do not feel each other."""

    implemented_properties = ["energy", "forces"]  # noqa: RUF012 - as ASE declares it

    def calculate(self, atoms: Any = None, properties: Any = ("energy",), system_changes: Any = all_changes) -> None:
        super().calculate(atoms, properties, system_changes)
        self.results = {"energy": 0.0, "forces": np.zeros((len(self.atoms), 3))}


@pytest.fixture(scope="module")
def crystal() -> Atoms:
    return liquid_crystal(UNIT, settings())


@pytest.fixture(scope="module")
def start(crystal: Atoms) -> Atoms:
    return melt(crystal, EMT(), settings())


def test_the_crystal_has_the_volume_of_the_liquid() -> None:
    crystal = liquid_crystal(UNIT, settings(n_atoms=110, volume_scale=1.2))
    assert len(crystal) == 108
    assert crystal.get_volume() == pytest.approx(1.2 * 27 * UNIT.get_volume())
    np.testing.assert_allclose(crystal.get_scaled_positions(), UNIT.repeat(3).get_scaled_positions(), atol=1e-12)


def test_g_reaches_no_farther_than_half_the_cell() -> None:
    skewed = bulk("Al")  # 60 degrees: heights are shorter than edges
    height = liquid_crystal(skewed, settings(n_atoms=27, r_max_ang=1.0)).cell.reciprocal().lengths().max() ** -1
    liquid_crystal(skewed, settings(n_atoms=27, r_max_ang=0.499 * height))
    with pytest.raises(ConfigError, match=f"half the height of the liquid's cell, {height / 2:.2f} Å with 27 atoms"):
        liquid_crystal(skewed, settings(n_atoms=27, r_max_ang=0.501 * height))


def test_the_start_is_molten_seeded_and_has_no_calculator(crystal: Atoms, start: Atoms) -> None:
    again = melt(crystal, EMT(), settings())
    np.testing.assert_array_equal(again.positions, start.positions)
    assert not np.allclose(melt(crystal, EMT(), settings(seed=1)).positions, start.positions)
    assert start.calc is None
    assert not crystal.has("momenta")
    displacements = start.positions - crystal.positions
    displacements -= displacements.mean(0)
    assert np.sqrt((displacements**2).sum(1).mean()) > 0.15 * 2.86  # Lindemann's criterion
    assert 600 < start.get_temperature() < 2000


def test_a_liquid_is_measured(crystal: Atoms, start: Atoms) -> None:
    chosen = settings()
    before = start.positions.copy(), start.get_momenta().copy()
    run = run_liquid(start, crystal, EMT(), chosen, name="network")
    np.testing.assert_array_equal((start.positions, start.get_momenta()), before)
    assert (run.n_atoms, run.reason) == (32, None)
    assert run.asked_ps == run.stable_ps == pytest.approx((40 + 120 + 50) * 5e-3)
    assert run.density_g_per_cm3 == pytest.approx(2.70 / 1.1, rel=0.01)
    assert run.temperature_k == pytest.approx(1200, rel=0.2)
    assert run.nve_drift_ev_per_atom_ps is not None
    assert 0 < abs(run.nve_drift_ev_per_atom_ps) < 0.02
    assert run.rdf is not None
    assert run.rdf.blocks.shape == (3, 20)
    assert run.rdf.r_ang[run.rdf.g.argmax()] == pytest.approx(2.8, abs=0.3)
    assert run.rdf.g[run.rdf.r_ang < 1.8].max() == 0.0


def test_drift_is_a_slope_per_ps() -> None:
    energies = -3e5 + 0.01 * np.arange(200) + 0.002 * np.cos(np.arange(200))
    assert drift_ev_per_ps(energies, timestep_fs=2.0) == pytest.approx(5.0, abs=0.01)


def test_random_forces_are_a_networks_own_and_repeatable(crystal: Atoms, start: Atoms) -> None:
    chosen = settings(n_steps_equilibration=0, n_steps_sampling=24, n_steps_nve=0)
    runs = [run_liquid(start, crystal, EMT(), chosen, name=name) for name in ("a", "a", "b")]
    first, second, other = (run.rdf.blocks for run in runs if run.rdf is not None)
    np.testing.assert_array_equal(first, second)
    assert not np.allclose(first, other)
    assert runs[0].nve_drift_ev_per_atom_ps is None


@pytest.mark.parametrize(
    ("at", "factor", "reason", "stable_steps", "has_rdf"),
    [
        (31, 1e4, "it reached .* K, more than 3600 K", 29, False),
        (101, np.nan, "energy became non-finite", 99, False),
        (171, np.nan, "energy became non-finite", 169, True),
    ],
)
def test_dynamics_that_goes_wrong_is_a_result(
    crystal: Atoms, start: Atoms, at: int, factor: float, reason: str, stable_steps: int, has_rdf: bool
) -> None:
    run = run_liquid(start, crystal, Exploding(at, factor), settings(), name="network")
    assert run.reason is not None
    assert pytest.approx(run.stable_ps) == stable_steps * 5e-3
    assert run.stable_ps < run.asked_ps
    assert (run.rdf is not None) == has_rdf
    assert run.nve_drift_ev_per_atom_ps is None
    assert re.search(reason, run.reason)


@pytest.mark.parametrize("force", [np.inf, 1e30])
def test_atoms_that_fly_apart_end_it(crystal: Atoms, start: Atoms, force: float) -> None:
    """Where the first forces are wrong, the atoms are gone before an energy was looked at."""
    calculator = random_calculator()
    evaluate = calculator.calculate

    def exploding(*arguments: Any, **options: Any) -> None:
        evaluate(*arguments, **options)
        calculator.results["forces"][0, 0] = force

    calculator.calculate = exploding  # type: ignore[method-assign]
    run = run_liquid(start, crystal, calculator, settings(), name="network")
    assert run.stable_ps == 0.0
    assert run.reason is not None
    assert run.reason.startswith("it flew apart: atom 0 is at ")


def test_atoms_that_come_too_near_end_it(crystal: Atoms, start: Atoms) -> None:
    run = run_liquid(start, crystal, Free(), settings(), name="network")
    assert run.reason is not None
    assert "two atoms came as near as" in run.reason
    assert 0 < run.stable_ps < run.asked_ps
    near = start.copy()
    near.positions[1] = near.positions[0] + 0.1
    assert run_liquid(near, crystal, Free(), settings(), name="network").stable_ps == 0.0  # no look before was well
    tolerant = run_liquid(start, crystal, Free(), settings(min_distance_fraction=0.0), name="network")
    assert tolerant.stable_ps == tolerant.asked_ps


def test_a_crystal_that_stays_solid_is_no_liquid(crystal: Atoms) -> None:
    cold = settings(melt_temperature_k=300, temperature_k=200)
    with pytest.raises(NoLiquidError, match=r"it was solid: its atoms were 0\.\d\d Å .* less than 0\.89 Å"):
        melt(crystal, EMT(), cold)


def test_dynamics_that_goes_wrong_before_the_melt_is_told_of(crystal: Atoms) -> None:
    with pytest.raises(NoLiquidError, match=r"after 0.245 ps of MD its energy became non-finite") as caught:
        melt(crystal, Exploding(51, np.nan), settings())
    assert caught.value.run.asked_ps == pytest.approx(140 * 5e-3)
    assert caught.value.run.rdf is None


def test_a_stretch_of_md_holds_the_guard(crystal: Atoms, start: Atoms) -> None:
    entered = []

    @contextmanager
    def guard() -> Any:
        entered.append(1)
        yield

    run_liquid(start, crystal, LennardJones(sigma=2.4, epsilon=0.2), settings(), name="n", guard=guard)
    assert len(entered) == 10 + 30 + 13


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"melt_temperature_k": 1200}, "above temperature_k, got 1200 and 1200 K"),
        ({"n_steps_sampling": 11}, "give fewer frames than n_blocks 3"),
        ({"n_steps_nve": 1}, "0 or at least 2"),
        ({"n_blocks": 1}, "greater than or equal to 2"),
    ],
)
def test_settings_are_checked(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        settings(**changes)


def test_blocks_have_equally_many_frames() -> None:
    assert settings(n_steps_sampling=135, n_steps_between_frames=4, n_blocks=5).n_frames == 30


# --- files ----------------------------------------------------------------------------------------------------------


def result(model_id: str, role: str = "student", *, protocol: str = "p", shift: float = 0.0) -> LiquidResult:
    rng = np.random.default_rng(len(model_id))
    rdf = Rdf(bin_edges(2.0, 4), 1 + shift + 0.01 * rng.standard_normal((5, 4)))
    return LiquidResult(model_id, role, protocol, "w", LiquidRun(32, 2.4, 1.0, 1.0, None, 1200.0, rdf, 1e-4))


def test_results_come_back_and_those_of_other_protocols_are_left_out(tmp_path: Path) -> None:
    folder = LiquidFolder(tmp_path / "liquid")
    assert folder.all() == []
    student = result("student", shift=0.5)
    for kept in (student, result("other", protocol="q"), result("teacher", "teacher")):
        folder.write(kept)
    (tmp_path / "liquid" / "damaged.json").write_text("{")
    back = folder.read("student")
    assert back is not None
    assert back.run.rdf is not None
    assert student.run.rdf is not None
    np.testing.assert_array_equal(back.run.rdf.blocks, student.run.rdf.blocks)
    assert (back.model_id, back.protocol, back.run.stable_ps) == ("student", "p", 1.0)
    assert [kept.model_id for kept in folder.all()] == ["teacher", "student"]
    assert folder.read("damaged") is None
    blown_up = LiquidResult("short", "control", "p", "w", LiquidRun(32, 2.4, 1.0, 0.2, "too hot"))
    folder.write(blown_up)
    assert folder.read("short") == blown_up


def test_the_start_comes_back_under_its_protocol_alone(tmp_path: Path, start: Atoms) -> None:
    folder = LiquidFolder(tmp_path)
    folder.write_start(start, "p")
    back = folder.read_start("p")
    assert back is not None
    np.testing.assert_array_equal(back.positions, start.positions)
    np.testing.assert_allclose(back.get_momenta(), start.get_momenta())
    np.testing.assert_array_equal(back.cell.array, start.cell.array)
    assert back.pbc.all()
    assert folder.read_start("q") is None
    (tmp_path / "start.npz").write_bytes(b"half a file")
    assert folder.read_start("p") is None


def test_columns_of_a_network(start: Atoms) -> None:
    teacher, student = result("teacher", "teacher"), result("student", shift=0.5)
    columns = liquid_columns(student, teacher)
    assert columns["rdf_error"] == pytest.approx(0.5 * 2.0, abs=0.03)
    assert columns["rdf_error_std"] is not None
    assert columns["rdf_noise"] is not None
    assert columns["rdf_noise"] < 0.02
    assert (columns["md_stable_ps"], columns["nve_drift_ev_per_atom_ps"]) == (1.0, 1e-4)
    of_teacher = liquid_columns(teacher, teacher)
    assert of_teacher["rdf_error"] is None
    assert of_teacher["md_stable_ps"] == 1.0
    assert set(liquid_columns(None, teacher).values()) == {None}
    blown_up = LiquidResult("short", "control", "p", "w", LiquidRun(32, 2.4, 1.0, 0.2, "too hot"))
    assert liquid_columns(blown_up, teacher) == dict.fromkeys(columns) | {"md_stable_ps": 0.2, "md_asked_ps": 1.0}


def test_a_protocol_is_settings_crystal_and_teacher(crystal: Atoms) -> None:
    usual = protocol_hash(settings(), crystal, "w")
    assert protocol_hash(settings(), crystal.copy(), "w") == usual
    stretched = crystal.copy()
    stretched.set_cell(1.01 * crystal.cell.array)
    others = [(settings(seed=1), crystal, "w"), (settings(), stretched, "w"), (settings(), crystal, "v")]
    assert len({usual, *(protocol_hash(*other) for other in others)}) == 4
