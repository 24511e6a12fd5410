"""Frames written as DeePMD-kit does come back through the settings, with EMT's energies and forces of EMT's sign."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT

from pareto_search.config import StudyConfig
from pareto_search.data.dataset import Dataset
from pareto_search.data.sources import load_dataset
from pareto_search.errors import DataError


@pytest.fixture
def frames() -> list[Atoms]:
    made = []
    for seed in range(5):
        atoms = bulk("Cu", cubic=True)
        atoms.numbers[1] = 13
        atoms.rattle(0.1, seed=seed)
        atoms.calc = EMT()
        made.append(atoms)
    return made


@pytest.fixture
def folder(frames, tmp_path):
    (tmp_path / "type_map.raw").write_text("Al\nCu\n")
    (tmp_path / "type.raw").write_text("1\n0\n1\n1\n")
    for name, chosen in (("set.000", frames[:3]), ("set.001", frames[3:])):
        (tmp_path / name).mkdir()
        arrays = {
            "energy": [atoms.get_potential_energy() for atoms in chosen],
            "coord": [atoms.positions.ravel() for atoms in chosen],
            "force": [atoms.get_forces().ravel() for atoms in chosen],
            "box": [atoms.cell.array.ravel() for atoms in chosen],
        }
        for key, values in arrays.items():
            np.save(tmp_path / name / f"{key}.npy", values)
    return tmp_path


def load(folder, **values) -> Dataset:
    data = {"source": "deepmd", "path": str(folder), **values}
    config = StudyConfig.model_validate({"name": "study", "data": data, "measure": {"structure": {"symbol": "Al"}}})
    return load_dataset(config.data)


def test_energies_forces_and_cells_are_those_of_the_frames(folder, frames):
    dataset = load(folder)
    assert dataset.origin == ("set.000",) * 3 + ("set.001",) * 2
    for number, atoms in enumerate(frames):
        found = dataset.frame(number)
        assert found.symbols.get_chemical_formula() == "AlCu3"
        assert found.get_potential_energy() == atoms.get_potential_energy()
        np.testing.assert_array_equal(found.get_forces(), atoms.get_forces())
        found.calc = EMT()  # positions, elements, cell and periodicity decide these
        np.testing.assert_allclose(found.get_forces(), atoms.get_forces(), atol=1e-12)


def test_forces_point_downhill(folder):
    """Between two frames the energy falls by about the mean force times the way."""
    dataset = load(folder)
    first, second = dataset.frame(0), dataset.frame(1)
    way = (second.positions - first.positions) / 2
    work = ((first.get_forces() + second.get_forces()) * way).sum()
    assert first.get_potential_energy() - second.get_potential_energy() == pytest.approx(work, rel=0.3)


def test_frames_are_checked_and_sampled_as_all_others_are(folder):
    assert load(folder, max_frames=2).n_systems == 2
    with pytest.raises(DataError, match=r"holds Cu, but data\.elements allows only Al"):
        load(folder, elements=["Al"])


@pytest.mark.parametrize("name", ["type.raw", "set.001/energy.npy", "set.000/box.npy"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(DataError, match=name):
        load(folder)
