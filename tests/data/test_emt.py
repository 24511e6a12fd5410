import numpy as np
import pytest
from ase.calculators.emt import EMT

from pareto_search.config import EmtAluminumSource
from pareto_search.data.dataset import from_frames
from pareto_search.data.emt import cache_name, recipe_of
from pareto_search.data.md_frames import groups, make_frames
from pareto_search.data.sources import load_dataset
from tests.data.frames import aluminum_frames


def settings(**values) -> EmtAluminumSource:
    return EmtAluminumSource(source="emt-aluminum", **({"n_frames": 12} | values))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def dataset(cache):
    return load_dataset(settings(), cache)


def test_another_seed_other_frames():
    recipes = [recipe_of(settings(seed=seed)) for seed in (0, 0, 1)]
    crystals = [make_frames(recipe, groups(recipe)[0], EMT()).frames[0] for recipe in recipes]
    np.testing.assert_array_equal(crystals[0].positions, crystals[1].positions)
    assert abs(crystals[0].positions - crystals[2].positions).min() > 1e-6


def test_no_atoms_of_a_disturbed_crystal_are_far_nearer_than_neighbours():
    """One close pair with a force far beyond all others would be most of the error of its split."""
    recipe = recipe_of(settings(n_frames=300))
    nearest_ang = recipe.crystal.get_all_distances(mic=True)[0, 1:].min()
    seen = []
    for group in groups(recipe):
        if group.kind in ("strain", "vacancy", "volume"):
            for atoms in make_frames(recipe, group, EMT()).frames:
                distances = atoms.get_all_distances(mic=True)
                seen.append(distances[np.triu_indices(len(atoms), 1)].min() / nearest_ang)
    assert len(seen) == 150
    assert 0.6 < min(seen) < 0.75  # a strained crystal's neighbours are nearer to begin with


def test_forces_are_minus_the_slope_of_the_energy(dataset):
    kinds = [dataset.origin.index(origin) for origin in ("strain", "vacancy", "melt-2000K")]
    for system in kinds:
        atoms, step = dataset.frame(system), 1e-4
        force = atoms.get_forces()[5, 1]
        atoms.calc = EMT()
        energies = []
        for sign in (1, -1):
            atoms.positions[5, 1] += sign * step
            energies.append(atoms.get_potential_energy())
            atoms.positions[5, 1] -= sign * step
        assert -(energies[0] - energies[1]) / (2 * step) == pytest.approx(force, rel=1e-5, abs=1e-6)


def test_labels_are_those_of_the_frame_beside_them(dataset):
    for system in range(dataset.n_systems):
        atoms = dataset.frame(system)
        atoms.calc = EMT()
        assert atoms.get_potential_energy() == pytest.approx(dataset.energy[system], abs=1e-9)
        np.testing.assert_allclose(atoms.get_forces(), dataset.forces[dataset.atoms_of(system)], atol=1e-9)


def test_frames_are_of_every_kind_and_not_alike(dataset):
    assert len(set(dataset.origin)) >= 8
    assert "strain" in dataset.origin
    assert "melt-2000K" in dataset.origin
    assert dataset.n_systems == 12
    assert dataset.n_atoms_per_system.max() == 32
    assert dataset.n_atoms_per_system.min() in (30, 31)
    assert np.ptp(np.linalg.det(dataset.cell)) > 50
    assert 0.2 < np.sqrt(np.mean(dataset.forces**2)) < 2.0
    assert dataset.notes["potential"] == "ASE EMT: a demonstration potential, not a physical model of aluminium"


def test_the_cache_is_used(dataset, cache):
    path = cache / cache_name(settings())
    before = path.stat().st_mtime_ns
    again = load_dataset(settings(), cache)
    assert path.stat().st_mtime_ns == before
    assert again.sha256 == dataset.sha256
    assert again.origin == dataset.origin
    assert again.notes == dataset.notes
    assert [entry.name for entry in cache.iterdir()] == [path.name]


def test_a_damaged_cache_is_made_again_with_the_same_frames(dataset, tmp_path, caplog):
    path = tmp_path / cache_name(settings())
    path.write_bytes(b"PK\x03\x04 broken")
    assert load_dataset(settings(), tmp_path).sha256 == dataset.sha256
    assert "is damaged" in caplog.text
    with np.load(path, allow_pickle=False) as stored:
        assert len(stored["energy"]) == 12


def test_a_cache_folder_that_is_a_file_costs_only_the_cache(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(
        "pareto_search.data.emt.generate", lambda s: from_frames(aluminum_frames(s.n_frames), ["made up"] * 12, {})
    )
    (tmp_path / "cache").write_text("a file")
    assert load_dataset(settings(), tmp_path / "cache").n_systems == 12
    assert "not cached" in caplog.text


@pytest.mark.parametrize("change", [{"n_frames": 13}, {"n_atoms": 108}, {"seed": 1}])
def test_every_setting_is_in_the_cache_name(change):
    assert cache_name(settings(**change)) != cache_name(settings())
