"""Teachers that are not ours: the contract they must keep, and what is said of those that cannot be had."""

import hashlib
import json
import sys
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import Calculator
from ase.calculators.emt import EMT

from pareto_search.config import ExternalTeacher
from pareto_search.errors import ConfigError, DataError
from pareto_search.networks.external_calculator import (
    TeacherCalculator,
    build_calculator,
    code_version,
    evaluate_teacher,
    teacher_hash,
)
from pareto_search.testing import TeacherContract
from tests.potential.systems import alloy, potential_for


class TestEmt(TeacherContract):
    @pytest.fixture
    def calculator(self):
        return build_calculator(ExternalTeacher(calculator="ase.calculators.emt:EMT"))

    @pytest.fixture
    def atoms(self):
        atoms = bulk("Cu", cubic=True) * (2, 2, 2)
        atoms.numbers[::3] = 47
        atoms.rattle(0.1, seed=1)
        return atoms


class TestHipnn(TeacherContract):
    """A network of this package as somebody else's teacher."""

    @pytest.fixture
    def atoms(self):
        return alloy()

    @pytest.fixture
    def calculator(self, atoms):
        return potential_for(atoms).float().calculator()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
class TestChgnet(TeacherContract):
    energy_tol_ev_per_atom, force_tol_ev_per_ang = 5e-5, 1e-2

    @pytest.fixture(scope="class")
    def calculator(self):
        pytest.importorskip("chgnet", reason="CHGNet is not installed: pip install 'pareto_search[chgnet]'")
        options = {"return_site_energies": True, "use_device": "cpu"}
        return build_calculator(ExternalTeacher(calculator="chgnet.model.dynamics:CHGNetCalculator", options=options))

    @pytest.fixture
    def atoms(self):
        atoms = bulk("NaCl", "rocksalt", a=5.7, cubic=True) * (2, 1, 1)
        atoms.rattle(0.1, seed=1)
        return atoms


class Wrong(Calculator):
    """A calculator with a fault."""

    implemented_properties = ["energy", "forces", "energies"]  # noqa: RUF012 - as ASE declares it

    def __init__(self, fault: str = ""):
        super().__init__()
        self.fault = fault

    def calculate(self, atoms=None, properties=None, system_changes=()):
        super().calculate(atoms, properties, system_changes)
        self.results = {"energy": 1.0, "forces": np.zeros((len(atoms), 3)), "energies": np.ones(len(atoms))}
        if self.fault == "nan":
            self.results["forces"][0, 0] = np.nan
        elif self.fault == "shape":
            self.results["energies"] = np.ones(3)
        elif self.fault:
            del self.results[self.fault]


def no_calculator():
    return 3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"calculator": "not_installed_at_all.ase:Calculator"},
            r"cannot be imported.*pip install 'not_installed_at_all'",
        ),
        ({"calculator": "ase.calculators.emt:EMTT"}, r"ase\.calculators\.emt has no EMTT"),
        ({"calculator": "ase.calculators.emt:EMT.implemented_properties"}, r"no class or function"),
        ({"calculator": "ase.build:bulk", "options": {"wrong": 1}}, r"teacher\.options \{'wrong': 1\} \(TypeError"),
        ({"calculator": f"{__name__}:no_calculator"}, r"gave a int, which is no ASE calculator"),
    ],
)
def test_a_teacher_that_cannot_be_had_is_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        build_calculator(ExternalTeacher(**settings))


def test_a_missing_chgnet_names_the_extra(monkeypatch):
    for module in ("chgnet", "chgnet.model", "chgnet.model.dynamics"):  # as if it were not installed
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigError, match=r"pip install 'pareto_search\[chgnet\]'"):
        build_calculator(ExternalTeacher(calculator="chgnet.model.dynamics:CHGNetCalculator"))


@pytest.mark.parametrize(
    ("fault", "message"),
    [("nan", "forces are not finite"), ("shape", r"energies have shape \(3,\)"), ("forces", "gives no forces")],
)
def test_wrong_answers_are_refused(fault, message):
    with pytest.raises(DataError, match=message):
        evaluate_teacher(Wrong(fault), bulk("Al", cubic=True))


def test_a_teacher_that_fails_says_why():
    salt, why = bulk("NaCl", "rocksalt", a=5.64), r"cannot evaluate a frame of ClNa \(NotImplementedError: No EMT-pot"
    with pytest.raises(DataError, match=why):
        evaluate_teacher(EMT(), salt)
    salt.calc = TeacherCalculator(EMT())
    with pytest.raises(DataError, match=why):
        salt.get_forces()
    salt.calc = TeacherCalculator(Wrong("forces"))
    with pytest.raises(DataError, match=r"gives no forces"):
        salt.get_forces()


@pytest.mark.parametrize("error", [None, KeyError, NotImplementedError])
def test_atomic_energies_may_be_lacking(error):
    class Lacking(Wrong):
        def get_property(self, name, *arguments):
            if name == "energies" and error:
                raise error(name)
            return super().get_property(name, *arguments)

    assert evaluate_teacher(Lacking("energies"), bulk("Al")).atomic_energy_ev is None


def test_the_hash_tells_teachers_apart():
    settings: list[dict[str, Any]] = [{}, {"options": {"asap_cutoff": True}}, {"calculator": f"{__name__}:Wrong"}]
    hashes = [teacher_hash(ExternalTeacher(**{"calculator": "ase.calculators.emt:EMT"} | s)) for s in settings]
    assert len(set(hashes)) == 3
    assert teacher_hash(ExternalTeacher(calculator="ase.calculators.emt:EMT", n_atoms_timed=9)) == hashes[0]


def test_the_hash_is_of_the_content_of_files_that_options_name_not_of_their_place(tmp_path):
    def hash_of(*names: str) -> str:
        options = {"model_paths": [str(tmp_path / name) for name in names], "more": {"device": "cpu", "n": 1}}
        return teacher_hash(ExternalTeacher(calculator="ase.calculators.emt:EMT", options=options))

    (tmp_path / "a.model").write_bytes(b"weights")
    (tmp_path / "b.model").write_bytes(b"weights")
    first = hash_of("a.model")
    assert hash_of("b.model") == first
    (tmp_path / "a.model").write_bytes(b"trained again")
    assert len({first, hash_of("a.model"), hash_of("missing.model"), hash_of("a.model", "b.model")}) == 4


def test_the_hash_of_options_without_files_is_of_what_they_say():
    settings = ExternalTeacher(
        calculator="ase.calculators.emt:EMT", options={"a": ["no such file", {"b": None}], "c": "x" * 5000}
    )
    content = json.dumps([settings.calculator, settings.options, code_version(settings)], sort_keys=True)
    assert teacher_hash(settings) == hashlib.sha256(content.encode()).hexdigest()


def test_a_timed_teacher_says_the_same_and_counts_its_time():
    atoms: Atoms = bulk("Al", cubic=True)
    atoms.rattle(0.1, seed=1)
    timed = TeacherCalculator(EMT())
    expected = evaluate_teacher(EMT(), atoms)
    atoms.calc = timed
    np.testing.assert_array_equal(atoms.get_forces(), expected.forces_ev_per_ang)
    assert atoms.get_potential_energy() == expected.energy_ev
    assert timed.model_s > 0
