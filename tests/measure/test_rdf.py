from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from pareto_search.data.distances import pair_distances
from pareto_search.measure.rdf import (
    Rdf,
    bin_edges,
    ideal_counts,
    pair_counts,
    rdf_difference,
    rdf_of_frames,
)

EDGES = bin_edges(5.0, 50)


def ideal_gas(n_atoms: int, rng: np.random.Generator) -> Atoms:
    """Atoms anywhere in a skewed cell, without regard to each other."""
    cell = np.array([[11.0, 0.0, 0.0], [2.0, 12.0, 0.0], [-1.0, 3.0, 13.0]])
    return Atoms(numbers=np.full(n_atoms, 13), positions=rng.random((n_atoms, 3)) @ cell, cell=cell, pbc=True)


def noisy(rng: np.random.Generator, n_blocks: int = 10, shift: float = 0.0, sigma: float = 0.1) -> Rdf:
    """g = 1 + shift everywhere, with normal noise of its blocks."""
    return Rdf(EDGES, 1.0 + shift + sigma * rng.standard_normal((n_blocks, len(EDGES) - 1)))


def test_an_ideal_gas_has_a_g_of_one_in_every_bin() -> None:
    rng = np.random.default_rng(0)
    n_frames = 400
    frames = [ideal_gas(60, rng) for _ in range(n_frames)]
    rdf = rdf_of_frames(frames, EDGES, n_frames, 10)
    expected = n_frames * ideal_counts(frames[0], EDGES)
    assert expected[3] > 20  # bins nearer than that hold too few pairs for a normal distribution
    deviations = (rdf.g - 1.0)[3:] * np.sqrt(expected[3:])  # counts of pairs are Poisson's
    assert np.abs(deviations).max() < 4.0
    assert (deviations**2).mean() == pytest.approx(1.0, abs=0.5)
    assert np.abs((rdf.g - 1.0)[:3] * np.sqrt(expected[:3])).max() < 6.0


def test_shells_of_a_crystal_are_where_they_belong_and_hold_their_atoms() -> None:
    a_ang = 4.0
    atoms = bulk("Al", "fcc", a=a_ang, cubic=True).repeat(4)
    edges = bin_edges(5.5, 110)
    counts = pair_counts(atoms, edges)
    filled = np.flatnonzero(counts)
    distances = a_ang * np.sqrt([0.5, 1.0, 1.5])
    assert filled.tolist() == np.floor(distances / 0.05).astype(int).tolist()
    assert (2 * counts[filled] / len(atoms)).tolist() == [12.0, 6.0, 24.0]
    rdf = rdf_of_frames([atoms, atoms], edges, 2, 2)
    shells = 4 / 3 * np.pi * np.diff(edges**3)[filled]
    density = (len(atoms) - 1) / atoms.get_volume()
    np.testing.assert_allclose(rdf.g[filled] * density * shells, [12.0, 6.0, 24.0])
    np.testing.assert_array_equal(rdf.g_std, 0.0)


def test_g_gives_back_the_number_of_pairs() -> None:
    atoms = ideal_gas(80, np.random.default_rng(1))
    rdf = rdf_of_frames([atoms, atoms], EDGES, 2, 2)
    shells = 4 / 3 * np.pi * np.diff(EDGES**3)
    n_pairs = (rdf.g * shells).sum() * 80 * 79 / (2 * atoms.get_volume())
    assert n_pairs == pytest.approx(len(pair_distances(atoms, 5.0)))
    all_distances = atoms.get_all_distances(mic=True)[np.triu_indices(80, 1)]
    assert n_pairs == pytest.approx((all_distances < 5.0).sum())


def test_atoms_may_lie_outside_the_cell() -> None:
    rng = np.random.default_rng(2)
    atoms = ideal_gas(50, rng)
    moved = atoms.copy()
    moved.positions += rng.integers(-3, 4, size=(50, 3)) @ atoms.cell.array + [0.3, -7.0, 100.0]
    np.testing.assert_array_equal(pair_counts(moved, EDGES), pair_counts(atoms, EDGES))
    assert pair_counts(atoms, EDGES).sum() > 100


def test_blocks_are_parts_that_follow_each_other() -> None:
    rng = np.random.default_rng(3)
    frames = [ideal_gas(40, rng) for _ in range(6)]
    rdf = rdf_of_frames(iter(frames), EDGES, 6, 3)
    np.testing.assert_allclose(rdf.blocks[1], rdf_of_frames(frames[2:4], EDGES, 2, 2).g)
    np.testing.assert_allclose(rdf.g, rdf_of_frames(frames, EDGES, 6, 6).g)
    with pytest.raises(ValueError, match="6 frames for 4 blocks"):
        rdf_of_frames(frames, EDGES, 6, 4)


def test_the_error_of_g_shrinks_with_the_root_of_the_number_of_blocks() -> None:
    rng = np.random.default_rng(4)
    few, many = noisy(rng, 25), noisy(rng, 400)
    assert few.g_std.mean() == pytest.approx(0.1 / 5, rel=0.1)
    assert many.g_std.mean() == pytest.approx(0.1 / 20, rel=0.1)


def test_a_difference_is_the_area_between_two_curves() -> None:
    rng = np.random.default_rng(5)
    rdf = noisy(rng)
    assert rdf_difference(rdf, rdf).error_ang == 0.0
    bump = np.where((rdf.r_ang > 2.0) & (rdf.r_ang < 4.0), 0.25, 0.0) * np.where(rdf.r_ang > 3.0, -1, 1)
    found = rdf_difference(replace(rdf, blocks=rdf.blocks + bump), rdf)
    assert found.error_ang == pytest.approx(0.25 * 2.0)
    with pytest.raises(ValueError, match="different bins"):
        rdf_difference(rdf, Rdf(bin_edges(4.0, 50), rdf.blocks))


def test_noise_is_what_equal_liquids_differ_by() -> None:
    rng = np.random.default_rng(6)
    found = [rdf_difference(noisy(rng, sigma=0.2), noisy(rng)) for _ in range(200)]
    errors = np.array([difference.error_ang for difference in found])
    assert errors.mean() > 0.1
    assert np.mean([d.noise_ang for d in found]) == pytest.approx(errors.mean(), rel=0.05)


def test_the_error_of_a_difference_is_its_scatter() -> None:
    rng = np.random.default_rng(7)
    found = [rdf_difference(noisy(rng, shift=0.5, sigma=0.2), noisy(rng)) for _ in range(300)]
    scatter = np.std([difference.error_ang for difference in found])
    assert np.sqrt(np.mean([d.std_ang**2 for d in found])) == pytest.approx(scatter, rel=0.1)
