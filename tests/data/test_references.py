import json

import numpy as np
import pytest
from ase import Atoms

from pareto_search.data.dataset import from_frames
from pareto_search.data.references import ReferenceEnergies, fit_references
from pareto_search.errors import DataError
from tests.data.frames import labelled

MO, W = 42, 74


def dataset_of(compositions, energies):
    frames = []
    for (n_mo, n_w), energy in zip(compositions, energies, strict=True):
        numbers = [MO] * n_mo + [W] * n_w
        positions = 3.0 * np.arange(len(numbers))[:, None] * [1, 0, 0]
        frames.append(labelled(Atoms(numbers, positions), energy))
    return from_frames(frames, ["test"] * len(frames), {})


def test_exact_energies_of_two_elements_come_back():
    compositions = [(1, 0), (2, 1), (1, 3), (4, 4), (0, 2)]
    dataset = dataset_of(compositions, [-2175.25 * a - 3001.5 * b for a, b in compositions])
    references = fit_references(dataset, np.arange(5))
    assert references.by_element[MO] == pytest.approx(-2175.25, rel=1e-12)
    assert references.by_element[W] == pytest.approx(-3001.5, rel=1e-12)
    np.testing.assert_allclose(references.of_systems(dataset), dataset.energy, rtol=1e-12)


def test_only_the_given_frames_are_fitted():
    dataset = dataset_of([(1, 0), (0, 1), (1, 1)], [-10.0, -12.0, 999.0])
    assert fit_references(dataset, np.array([0, 1])).by_element == pytest.approx({MO: -10.0, W: -12.0})


def test_an_undetermined_fit_is_that_of_the_pseudo_inverse():
    compositions, energies = [(1, 1), (2, 2), (3, 3)], np.array([-23.0, -46.1, -68.9])
    references = fit_references(dataset_of(compositions, energies), np.arange(3))
    expected = np.linalg.pinv(np.array(compositions, dtype=float)) @ energies
    assert expected[0] == pytest.approx(-11.49, abs=0.02)
    assert [references.by_element[MO], references.by_element[W]] == pytest.approx(expected.tolist(), rel=1e-12)


def test_an_element_outside_the_training_frames_is_refused():
    dataset = dataset_of([(1, 0), (2, 0), (0, 1)], [-10.0, -20.0, -12.0])
    with pytest.raises(DataError, match=r"no frame of the training part holds W, .* another split"):
        fit_references(dataset, np.array([0, 1]))


def test_energies_of_atoms_follow_their_species():
    references = ReferenceEnergies({MO: -10.0, W: -12.5})
    assert references.of_atoms([W, MO, W]).tolist() == [-12.5, -10.0, -12.5]
    assert references.of_atoms([]).shape == (0,)


def test_json_form_has_symbols_and_comes_back():
    references = ReferenceEnergies({MO: -10.1, W: -12.3})
    text = json.dumps(references.to_plain())
    assert json.loads(text) == {"Mo": -10.1, "W": -12.3}
    assert ReferenceEnergies.from_plain(json.loads(text)) == references
