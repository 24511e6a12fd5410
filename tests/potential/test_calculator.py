from functools import partial

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.calculator import InputError, PropertyNotImplementedError

from pareto_search.errors import ParetoSearchError
from pareto_search.potential import calculator as calculator_module
from pareto_search.potential.trained import TrainedPotential
from pareto_search.potential.wrapping import AtomsError
from tests.potential.systems import SMALL, SYSTEMS, alloy, aluminum, ethanol, potential_for

ENGINES = pytest.mark.parametrize("engine_changes", [{}, {"l_max": 2}], ids=["explicit", "hippynn"])


def slab():
    atoms = aluminum()
    atoms.center(vacuum=6.0, axis=2)
    atoms.pbc = (True, True, False)
    return atoms


def boxed():
    """A molecule in a left-handed box that is not periodic."""
    atoms = ethanol()
    atoms.set_cell(np.diag([9.0, 10.0, -11.0]))
    return atoms


STRAINED = {**SYSTEMS, "slab": slab, "boxed": boxed}


@ENGINES
@pytest.mark.parametrize("name", ["aluminum", "alloy", "triclinic", "slab", "boxed"])
def test_stress_is_the_slope_of_the_energy_by_strain(name, engine_changes):
    atoms = STRAINED[name]()
    atoms.calc = potential_for(atoms, SMALL.model_copy(update=engine_changes)).calculator()
    stress = atoms.get_stress(voigt=False)
    step = 1e-5
    for a, b in [(0, 0), (1, 2), (2, 2)]:
        energies = []
        for sign in (1, -1):
            strain = np.eye(3)
            strain[a, b] += 0.5 * sign * step
            strain[b, a] += 0.5 * sign * step
            strained = atoms.copy()
            strained.set_cell(atoms.cell.array @ strain, scale_atoms=True)
            strained.calc = (atoms.calc.potential if not engine_changes else _potential_of(atoms, name)).calculator()
            energies.append(strained.get_potential_energy())
        slope = (energies[0] - energies[1]) / (2 * step) / atoms.get_volume()
        assert stress[a, b] == pytest.approx(slope, rel=1e-5, abs=1e-7)


def _potential_of(atoms, name):
    return potential_for(atoms, SMALL.model_copy(update={"l_max": 2}))


@ENGINES
def test_there_is_no_stress_without_a_volume(engine_changes):
    atoms = ethanol()
    atoms.calc = potential_for(atoms, SMALL.model_copy(update=engine_changes)).calculator()
    atoms.get_forces()
    with pytest.raises(PropertyNotImplementedError):
        atoms.get_stress()


def test_energies_of_a_slab_are_the_graphs():
    atoms = slab()
    potential = potential_for(atoms, SMALL.model_copy(update={"l_max": 2}))
    atoms.calc = potential.calculator()
    found = TrainedPotential(potential, {}).atomic_energies(atoms)
    assert atoms.get_potential_energy() == pytest.approx(found.sum(), rel=1e-8)  # pairs are float32 there


def test_chunks_do_not_change_the_result(monkeypatch):
    atoms = alloy()
    potential = potential_for(atoms)
    whole = potential.calculator()
    energy, forces, stress = (whole.get_property(name, atoms) for name in ("energy", "forces", "stress"))
    monkeypatch.setitem(calculator_module._CHUNK_NUMBERS, "cpu", 3000)
    monkeypatch.setattr(calculator_module, "_SEARCH_BYTES", 1000)
    pieces = potential.calculator()
    assert pieces.get_property("energy", atoms) == pytest.approx(energy, rel=1e-13)
    assert isinstance(pieces, calculator_module.VerletCalculator)
    assert pieces.list is not None
    assert len(pieces.list.chunks) > 2
    np.testing.assert_allclose(pieces.get_property("forces", atoms), forces, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(pieces.get_property("stress", atoms), stress, rtol=1e-9, atol=1e-12)


def test_list_is_kept_within_half_the_skin_and_gives_the_same_forces():
    atoms = aluminum()
    potential = potential_for(atoms)
    kept = potential.calculator(skin_ang=1.0)
    kept.get_property("forces", atoms)
    for shift, n_builds in [(0.3, 1), (0.49, 1), (0.52, 2)]:
        moved = atoms.copy()
        moved.positions[3, 0] += shift
        fresh = potential.calculator(skin_ang=0.0)
        np.testing.assert_allclose(
            kept.get_property("forces", moved), fresh.get_property("forces", moved), rtol=1e-9, atol=1e-11
        )
        assert kept.n_list_builds == n_builds


def test_list_is_rebuilt_for_another_system():
    atoms = aluminum()
    potential = potential_for(atoms)
    calculator = potential.calculator()
    calculator.get_property("energy", atoms)
    for other in (atoms * (1, 1, 2), _stretched(atoms)):
        expected = potential.calculator().get_property("energy", other)
        assert calculator.get_property("energy", other) == pytest.approx(expected, rel=1e-12)


def _stretched(atoms):
    stretched = atoms.copy()
    stretched.set_cell(atoms.cell.array * 1.01)  # the atoms stay where they are
    return stretched


def test_supercell_has_as_many_times_the_energy():
    atoms = bulk("Al", cubic=True)
    atoms.rattle(0.1, seed=0)
    potential = potential_for(atoms)
    single = potential.calculator().get_property("energy", atoms)
    many = potential.calculator().get_property("energy", atoms * (2, 1, 3))
    assert many == pytest.approx(6 * single, rel=1e-12)


def test_reference_energies_survive_float32():
    atoms = aluminum()
    potential = potential_for(atoms)
    potential.references.by_element[13] = -2175.123456789
    bare = potential.float().calculator().get_property("energies", atoms) + 2175.123456789
    shifted = potential_for(atoms)
    shifted.references.by_element[13] = 0.0
    np.testing.assert_allclose(bare, shifted.float().calculator().get_property("energies", atoms), atol=1e-9)


def test_an_unknown_element_is_named():
    atoms = aluminum()
    potential = potential_for(atoms)
    atoms.numbers[0] = 29
    with pytest.raises(KeyError, match="made for Al, not Cu"):
        potential.calculator().get_property("energy", atoms)


def test_a_long_simulation_changes_over_to_compiled_code(monkeypatch, caplog):
    caplog.set_level("INFO", logger="pareto_search")
    made = []
    monkeypatch.setattr(calculator_module, "COMPILE_AFTER_ATOM_STEPS", 40)
    monkeypatch.setattr(calculator_module, "has_compiler", lambda device_type: True)
    monkeypatch.setattr(
        calculator_module, "compiled", lambda function, *example: made.append(function) or partial(function)
    )
    atoms = aluminum()  # 16 atoms
    auto, never = (potential_for(atoms).calculator(is_compiled=wanted) for wanted in (None, False))
    for shift in (0.0, 0.01, 0.02, 0.03):
        atoms.positions[0, 0] += shift
        np.testing.assert_allclose(auto.get_property("forces", atoms), never.get_property("forces", atoms))
        assert auto.is_compiled == (shift >= 0.02)
    assert len(made) == 1
    assert not never.is_compiled
    assert [message for message in caplog.messages if "compiled from here on" in message] == [
        "compiled from here on, after 48 atom steps"
    ]


def test_where_compiling_fails_it_says_that_it_is_not_compiled(monkeypatch, caplog):
    caplog.set_level("INFO", logger="pareto_search")
    tried = []
    monkeypatch.setattr(calculator_module, "COMPILE_AFTER_ATOM_STEPS", 0)
    monkeypatch.setattr(calculator_module, "has_compiler", lambda device_type: True)
    monkeypatch.setattr(calculator_module, "compiled", lambda function, *example: tried.append(function) or function)
    atoms = aluminum()
    for wanted in (True, None):
        calculator = potential_for(atoms).calculator(is_compiled=wanted)
        for shift in (0.0, 0.01, 0.02):
            atoms.positions[0, 0] += shift
            calculator.get_property("forces", atoms)
            assert not calculator.is_compiled
    assert len(tried) == 2
    assert len([message for message in caplog.messages if "compiled from here on" in message]) == 1


def test_nothing_is_compiled_without_a_compiler(monkeypatch):
    monkeypatch.setattr(calculator_module, "has_compiler", lambda device_type: False)
    assert not potential_for(aluminum()).calculator(is_compiled=True).is_compiled


@ENGINES
@pytest.mark.parametrize("build", [aluminum, ethanol])
@pytest.mark.parametrize(
    ("place", "rule"),
    [(np.nan, "must be finite"), (np.inf, "must be finite"), (1e30, "must be within"), (1e6, "must be within")],
)
def test_atoms_that_are_nowhere_are_refused(build, engine_changes, place, rule):
    atoms = build()
    calculator = potential_for(atoms, SMALL.model_copy(update=engine_changes)).calculator()
    calculator.get_property("energy", atoms)
    atoms.positions[2, 1] = place
    with pytest.raises(AtomsError, match=rf"atom 2 is at .*, but \D*{rule}") as caught:
        calculator.get_property("energy", atoms)
    assert isinstance(caught.value, InputError)
    assert isinstance(caught.value, ParetoSearchError)


@ENGINES
def test_a_cell_that_is_no_number_is_refused(engine_changes):
    atoms = aluminum()
    calculator = potential_for(atoms, SMALL.model_copy(update=engine_changes)).calculator()
    atoms.cell[1, 1] = np.nan
    with pytest.raises(AtomsError, match="the cell must be finite"):
        calculator.get_property("energy", atoms)


@ENGINES
def test_atoms_may_be_far_away(engine_changes):
    """32767 cells along a periodic direction, 10 µm along others."""
    atoms = aluminum()
    calculator = potential_for(atoms, SMALL.model_copy(update=engine_changes)).calculator()
    energy = calculator.get_property("energy", atoms)
    atoms.positions[3] += 32767 * atoms.cell.array[1]
    assert calculator.get_property("energy", atoms) == pytest.approx(energy, rel=1e-9)
    molecule = ethanol()
    calculator = potential_for(molecule, SMALL.model_copy(update=engine_changes)).calculator()
    molecule.positions[0] = (1e5, -1e5, 1e5)
    assert np.isfinite(calculator.get_property("energy", molecule))
