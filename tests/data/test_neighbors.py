import itertools

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.neighborlist import neighbor_list

from pareto_search.data import neighbors
from pareto_search.data.dataset import from_frames
from pareto_search.data.neighbors import build_neighbor_table
from tests.data.frames import labelled


def triclinic() -> Atoms:
    """Two atoms in a skew cell smaller than the cutoff, so most neighbours are images of two atoms."""
    atoms = bulk("Al") * (1, 1, 2)
    atoms.rattle(0.1, seed=3)
    atoms.set_cell(atoms.cell.array + np.random.default_rng(0).random((3, 3)) * 0.4, scale_atoms=True)
    return atoms


def slab() -> Atoms:
    """Periodic in two directions, with no cell vector along the third."""
    atoms = bulk("Al", cubic=True) * (1, 1, 2)
    atoms.rattle(0.1, seed=1)
    atoms.cell[2] = 0
    atoms.pbc = (True, True, False)
    return atoms


def wire() -> Atoms:
    """Periodic along the second direction only, with atoms outside the cell."""
    atoms = bulk("Al", cubic=True)
    atoms.rattle(0.1, seed=2)
    atoms.positions += [0.0, 11.3, -5.0]
    atoms.pbc = (False, True, False)
    return atoms


SYSTEMS = {"triclinic": triclinic, "slab": slab, "wire": wire, "molecule": lambda: molecule("CH3CH2OH")}


def sorted_pairs(i, j, vectors):
    """Pairs as rows (i, j, x, y, z) in an order that does not depend on the code that found them."""
    rows = np.column_stack([i, j, vectors])
    return rows[np.lexsort(np.round(rows, 6).T[::-1])]


@pytest.mark.parametrize("cutoff_ang", [3.0, 6.5])
@pytest.mark.parametrize("name", SYSTEMS)
def test_pairs_equal_those_of_ase(name, cutoff_ang):
    atoms = SYSTEMS[name]()
    table = build_neighbor_table(from_frames([labelled(atoms)], ["test"], {}), cutoff_ang, np.float64)
    i, j, towards_j = neighbor_list("ijD", atoms, cutoff_ang)
    first = np.repeat(np.arange(len(atoms)), table.n_neighbors)
    assert table.n_pairs == len(i) > 0
    found, expected = sorted_pairs(first, table.second, table.vectors), sorted_pairs(i, j, -towards_j)
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_the_triclinic_cell_has_many_images_of_one_neighbor():
    table = build_neighbor_table(from_frames([labelled(triclinic())], ["test"], {}), 6.5)
    neighbors_of_first = table.second[: table.n_neighbors[0]]
    assert np.bincount(neighbors_of_first).min() > 20


def test_frames_after_the_first_point_to_their_own_atoms():
    frames = [labelled(triclinic()), labelled(slab()), labelled(molecule("H2O"))]
    table = build_neighbor_table(from_frames(frames, ["test"] * 3, {}), 5.0, np.float64)
    bounds = np.cumsum([0, *(len(atoms) for atoms in frames)])
    for number, atoms in enumerate(frames):
        rows = slice(bounds[number], bounds[number + 1])
        pairs = slice(table.n_neighbors[: rows.start].sum(), table.n_neighbors[: rows.stop].sum())
        first = np.repeat(np.arange(len(atoms)), table.n_neighbors[rows])
        i, j, towards_j = neighbor_list("ijD", atoms, 5.0)
        found = sorted_pairs(first, table.second[pairs] - bounds[number], table.vectors[pairs])
        np.testing.assert_allclose(found, sorted_pairs(i, j, -towards_j), atol=1e-9)


def test_a_filtered_table_equals_one_built_for_the_shorter_cutoff_and_shares_the_pairs():
    dataset = from_frames([labelled(triclinic()), labelled(slab()), labelled(molecule("H2O"))], ["test"] * 3, {})
    whole = build_neighbor_table(dataset, 6.5, np.float64)
    filtered, built = whole.within(4.2), build_neighbor_table(dataset, 4.2, np.float64)
    assert filtered.second is whole.second
    assert filtered.vectors is whole.vectors
    assert filtered.n_pairs == built.n_pairs < whole.n_pairs
    np.testing.assert_array_equal(filtered.n_neighbors, built.n_neighbors)
    for system in range(3):
        atoms = dataset.atoms_of(system)
        for found, expected in zip(filtered.of_atoms(atoms), built.of_atoms(atoms), strict=True):
            np.testing.assert_allclose(found, expected)
    assert filtered.within(3.0).n_pairs == whole.within(3.0).n_pairs


def test_a_table_is_filtered_a_part_at_a_time(monkeypatch):
    dataset = from_frames([labelled(molecule("CH3CH2OH")), labelled(slab())], ["test"] * 2, {})
    table = build_neighbor_table(dataset, 5.0)
    at_once = table.within(2.0).counts
    monkeypatch.setattr(neighbors, "_ROWS_AT_ONCE", 7)
    np.testing.assert_array_equal(table.within(2.0).counts, at_once)


def test_a_longer_cutoff_than_the_tables_is_refused():
    table = build_neighbor_table(from_frames([labelled(triclinic())], ["test"], {}), 4.0)
    with pytest.raises(ValueError, match=r"holds pairs up to 4\.0"):
        table.within(5.0)


def test_neighbors_of_an_atom_are_sorted_by_element():
    dataset = from_frames([labelled(molecule("CH3CH2OH"))], ["test"], {})
    table = build_neighbor_table(dataset, 2.5)
    assert table.elements == (1, 6, 8)
    for row, (start, stop) in enumerate(itertools.pairwise(table.offsets)):
        assert set(dataset.species[table.second[start:stop]]) <= {table.elements[row % 3]}
    assert len(build_neighbor_table(dataset, 2.5, elements=(1, 6, 7, 8)).offsets) == 9 * 4 + 1
    with pytest.raises(KeyError, match="made for H, C, not O"):
        build_neighbor_table(dataset, 2.5, elements=(1, 6))
