import logging

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT

from pareto_search.data.dataset import from_frames
from pareto_search.data.references import fit_references
from pareto_search.errors import DataError
from pareto_search.networks.external_labels import errors_of, label_frames


class Shifted(EMT):
    """EMT whose atomic energies leave out a constant for each element, or something that is no constant."""

    def __init__(self, lacking=0.0, noise=0.0, has_energies=True, fails_at=None, zero=0.0):
        super().__init__()
        self.lacking, self.noise, self.has_energies, self.zero = lacking, noise, has_energies, zero
        self.n_calls, self.fails_at = 0, fails_at

    def calculate(self, atoms=None, properties=("energy",), system_changes=()):
        self.n_calls += 1
        if self.n_calls == self.fails_at:
            raise KeyboardInterrupt
        super().calculate(atoms, list(properties), system_changes)
        shift = self.lacking * atoms.numbers + self.noise * np.sin(1e3 * atoms.positions[:, 0])
        self.results["energies"] = self.results["energies"] - shift + self.zero * atoms.numbers
        self.results["energy"] += self.zero * atoms.numbers.sum()
        if not self.has_energies:
            del self.results["energies"]


@pytest.fixture(scope="module")
def dataset():
    frames = []
    for seed in range(6):
        atoms = bulk("Cu", cubic=True) * (2, 1, 1)
        atoms.numbers[: seed + 1] = 47
        atoms.rattle(0.1, seed=seed)
        atoms.calc = EMT()
        atoms.get_forces()
        frames.append(atoms)
    return from_frames(frames, ["test"] * 6, {})


@pytest.fixture(scope="module")
def references(dataset):
    return fit_references(dataset, np.arange(6))


@pytest.fixture
def label(dataset, references, tmp_path):
    def with_teacher(teacher, **settings):
        given = {"source": "a", "partial": tmp_path / "answers.npz", "train": np.arange(5)}
        return label_frames(lambda: teacher, dataset, references, **given | settings)

    return with_teacher


def test_atomic_energies_sum_to_the_energy_without_references(label, dataset, references):
    labels = label(EMT())
    sums = np.add.reduceat(labels.atomic_energy_ev, dataset.offsets[:-1])
    np.testing.assert_allclose(sums, dataset.energy - references.of_systems(dataset), atol=1e-8)
    np.testing.assert_allclose(labels.forces_ev_per_ang, dataset.forces, atol=1e-10)


def test_a_constant_that_each_element_lacks_is_added(label, tmp_path):
    whole = label(EMT(), partial=tmp_path / "whole.npz").atomic_energy_ev
    np.testing.assert_allclose(label(Shifted(lacking=0.1)).atomic_energy_ev, whole, atol=1e-8)


def test_energies_counted_from_elsewhere_are_brought_to_the_datas(label, tmp_path, dataset):
    """As between an all-electron and a pseudopotential code: thousands of eV that say nothing of the forces."""
    whole = label(EMT(), partial=tmp_path / "whole.npz").atomic_energy_ev
    labels = label(Shifted(zero=-40.0))
    np.testing.assert_allclose(labels.atomic_energy_ev, whole, atol=1e-6)
    assert errors_of(labels, dataset, np.arange(6)).energy_rmse_ev_per_atom == 0


def test_energies_that_are_no_shares_are_refused(label):
    with pytest.raises(DataError, match=r"do not sum to its energy: in [1-6] of 6 frames"):
        label(Shifted(noise=0.3))


def test_a_teacher_without_atomic_energies_teaches_forces_alone(label, dataset):
    with pytest.raises(DataError, match=r"no atomic energies.*return_site_energies.*weight_atomic_energy: 0"):
        label(Shifted(has_energies=False))
    labels = label(Shifted(has_energies=False), needs_atomic_energies=False)
    assert labels.atomic_energy_ev is None
    np.testing.assert_allclose(labels.forces_ev_per_ang, dataset.forces, atol=1e-10)
    with pytest.raises(DataError, match="no atomic energies"):  # what was gathered does not get round the rule
        label(Shifted(has_energies=False))


def test_an_interrupted_labelling_goes_on(label, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        label(Shifted(fails_at=4))
    rest = Shifted()
    labels = label(rest)
    assert rest.n_calls == 3
    np.testing.assert_array_equal(labels.atomic_energy_ev, label(EMT(), partial=tmp_path / "b.npz").atomic_energy_ev)
    never = Shifted(fails_at=1)
    label(never)
    assert never.n_calls == 0
    label(other := Shifted(), source="another teacher")
    assert other.n_calls == 6


def test_a_damaged_file_is_made_again(label, tmp_path, caplog):
    (tmp_path / "answers.npz").write_bytes(b"PK\x03\x04 cut off")
    with caplog.at_level(logging.WARNING):
        assert np.isfinite(label(EMT()).atomic_energy_ev).all()
    assert "evaluated again" in caplog.text


def test_errors_are_against_the_data_and_rounding_is_none(label, dataset):
    labels = label(EMT())
    assert errors_of(labels, dataset, np.array([1, 3])).force_rmse_ev_per_ang == 0
    labels.forces_ev_per_ang[dataset.atoms_of(3)] += 0.1
    labels.energy_ev[3] += 0.8
    errors = errors_of(labels, dataset, np.array([1, 3]))
    assert errors.force_rmse_ev_per_ang == pytest.approx(0.1 / 2**0.5)
    assert errors.energy_rmse_ev_per_atom == pytest.approx(0.1 / 2**0.5)
    assert errors.force_mae_ev_per_ang == pytest.approx(0.05)
