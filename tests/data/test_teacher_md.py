"""Frames that a teacher makes by MD."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones

from pareto_search.config import SplitSettings, TeacherMdSource
from pareto_search.data.md_frames import MIN_SPACING_STEPS, at_lowest_energy, decorrelation_steps
from pareto_search.data.sources import load_dataset
from pareto_search.data.split import draw_split
from pareto_search.data.teacher_md import FrameMaker
from pareto_search.errors import ConfigError, DataError

PLAIN = {
    "source": "teacher-md",
    "structure": {"symbol": "Cu"},
    "n_atoms": 32,
    "n_frames": 24,
    "temperatures_k": [300, 1500],
    "melt_above_k": 1300,
    "n_replicas": 2,
    "timestep_fs": 4,
}


def settings(**values) -> TeacherMdSource:
    return TeacherMdSource.model_validate(PLAIN | values)


class Counting(EMT):
    """EMT that counts its evaluations, and may be interrupted."""

    n_calls = 0
    fails_at: int | None = None

    def calculate(self, *arguments, **named):
        Counting.n_calls += 1
        if Counting.n_calls == Counting.fails_at:
            raise KeyboardInterrupt
        super().calculate(*arguments, **named)


def maker(sha256="emt", build=EMT) -> FrameMaker:
    return FrameMaker("EMT", sha256, build)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def dataset(cache):
    return load_dataset(settings(), cache, maker())


def test_frames_are_of_every_kind_with_the_teachers_energies(dataset):
    kinds = {name.rpartition("-")[0] for name in dataset.origin}
    assert kinds == {"volume", "strain", "vacancy", "md-300K", "melt-1500K"}
    assert dataset.n_systems == 24
    for system in range(0, 24, 5):
        atoms = dataset.frame(system)
        atoms.calc = EMT()
        assert atoms.get_potential_energy() == pytest.approx(dataset.energy[system], abs=1e-8)
        np.testing.assert_allclose(atoms.get_forces(), dataset.forces[dataset.atoms_of(system)], atol=1e-8)


def test_the_first_frame_is_the_crystal_at_the_teachers_lattice(dataset):
    crystal = dataset.frame(0)
    assert len(crystal) == 32
    assert np.abs(crystal.get_forces()).max() < 1e-8
    for scale in (0.995, 1.005):
        other = crystal.copy()
        other.set_cell(crystal.cell.array * scale, scale_atoms=True)
        other.calc = EMT()
        assert other.get_potential_energy() > dataset.energy[0]
    assert dataset.notes["lattice_scale"] == pytest.approx(0.9944, abs=2e-3)  # EMT copper: 3.59 Å, not ASE's 3.61


def test_held_out_trajectories_are_disjoint(dataset):
    split = draw_split(dataset, SplitSettings(kind="source", train=0.6, valid=0.2, test=0.2))
    parts = [{dataset.origin[i] for i in split.part(name)} for name in ("train", "valid", "test")]
    assert all(parts)
    assert sum(len(part) for part in parts) == len(set(dataset.origin)) >= 9
    replicas = [dataset.origin.index(f"md-300K-{replica}") for replica in (1, 2)]
    first, second = (dataset.frame(system).positions for system in replicas)
    assert np.abs(first - second).max() > 0.05


def test_frames_of_a_trajectory_are_decorrelated(dataset):
    for name, notes in dataset.notes["groups"].items():
        if name.startswith(("md", "melt")):
            assert notes["spacing_fs"] >= max(notes["force_correlation_fs"], 4 * MIN_SPACING_STEPS)
            rows = [dataset.forces[dataset.atoms_of(i)] for i, o in enumerate(dataset.origin) if o == name]
            near = np.mean([np.mean(a * b) for a, b in pairwise(rows)])
            assert abs(near) < 0.6 * np.mean(np.square(rows)), name  # 1/e, and the scatter of few frames


@pytest.mark.parametrize("lag", [3, 8])
def test_correlation_of_known_forces(lag):
    """An Ornstein-Uhlenbeck process whose correlation falls below 1/e just after so many steps."""
    rng, keep = np.random.default_rng(0), np.exp(-1 / (lag - 0.5))
    forces = [rng.normal(size=(200, 3))]
    for _ in range(200):
        forces.append(keep * forces[-1] + np.sqrt(1 - keep**2) * rng.normal(size=(200, 3)))
    assert decorrelation_steps(np.array(forces)) == lag


def test_a_vibration_does_not_count_as_decorrelated_at_its_first_zero():
    time = np.arange(200)[:, None, None]
    rng = np.random.default_rng(1)
    phases = rng.uniform(0, 2 * np.pi, size=(50, 3))
    damping = np.exp(-time / 30)
    waves = np.cos(2 * np.pi * time / 20 + phases)
    assert decorrelation_steps(waves) is None  # for ever correlated: crosses 1/e at a fifth of a period
    assert decorrelation_steps((damping * waves)[:100]) > 10
    assert decorrelation_steps(np.zeros((10, 4, 3))) is None


def test_interrupted_generation_goes_on_with_the_same_frames(dataset, tmp_path):
    Counting.n_calls, Counting.fails_at = 0, 300
    with pytest.raises(KeyboardInterrupt):
        load_dataset(settings(), tmp_path, maker(build=Counting))
    n_kept = len(list(tmp_path.glob("teacher-md/*/*.npz")))
    assert 0 < n_kept < 10
    Counting.n_calls, Counting.fails_at = 0, None
    again = load_dataset(settings(), tmp_path, maker(build=Counting))
    assert again.sha256 == dataset.sha256
    assert again.notes == dataset.notes
    n_rest, Counting.n_calls = Counting.n_calls, 0
    load_dataset(settings(), tmp_path, maker(build=Counting))
    assert (n_rest > 0, Counting.n_calls) == (True, 0)


def test_it_is_said_before_frames_are_made_and_where_they_are_kept(tmp_path, caplog):
    quick: dict[str, Any] = {"temperatures_k": [300], "n_replicas": 1, "n_frames": 20, "share_crystals": 0.9}
    caplog.set_level("INFO", "pareto_search")
    for n_logged in (1, 0):
        caplog.clear()
        load_dataset(settings(**quick), tmp_path, maker())
        said = [record.getMessage() for record in caplog.records if "makes" in record.getMessage()]
        assert len(said) == n_logged
        for text in said:
            assert text == caplog.records[0].getMessage()
            assert text.startswith("frames: EMT makes 20 frames now, in ")
            assert text.endswith(f"kept in {next((tmp_path / 'teacher-md').iterdir())}")


def test_other_settings_or_teachers_have_files_of_their_own(tmp_path):
    quick: dict[str, Any] = {"temperatures_k": [300], "n_replicas": 1, "n_frames": 20, "share_crystals": 0.9}
    changes: list[dict[str, Any]] = [
        {},
        {"seed": 1},
        {"timestep_fs": 8.0},
        {"strain": 0.02},
        {"structure": {"symbol": "Ag"}},
    ]
    made = [load_dataset(settings(**quick, **change), tmp_path, maker()) for change in changes]
    made.append(load_dataset(settings(**quick), tmp_path, maker("another")))
    made.append(load_dataset(settings(**quick, max_frames=5), tmp_path, maker()))
    assert len({dataset.sha256 for dataset in made[:5]}) == 5
    assert len(list((tmp_path / "teacher-md").iterdir())) == 6  # choosing among frames makes none


def test_a_structure_the_teacher_does_not_know_is_refused():
    with pytest.raises(DataError, match=r"Cu4 has no minimum within 12 %"):
        at_lowest_energy(bulk("Cu", a=4.6, cubic=True), EMT())


def test_a_teacher_that_explodes_is_named(tmp_path):
    class Broken(LennardJones):
        def calculate(self, *arguments, **named):
            super().calculate(*arguments, **named)
            if len(self.atoms) > 4:  # the lattice is found, frames fail
                self.results["forces"] = self.results["forces"] * np.nan

    broken = maker(build=lambda: Broken(sigma=2.3, epsilon=0.4, rc=6.0))
    with pytest.raises(DataError, match=r"not finite, in frames of volume-1"):
        load_dataset(settings(), tmp_path, broken)


def test_frames_need_a_maker(tmp_path):
    with pytest.raises(ConfigError, match=r"teacher-md needs an external teacher"):
        load_dataset(settings(), tmp_path)
