from pathlib import Path

import h5py
import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.units import Hartree

from pareto_search.config import AniH5Source
from pareto_search.data.sources import load_dataset
from pareto_search.errors import DataError
from tests.data.frames import aluminum_frames

POSITIONS = np.stack([frame.positions for frame in aluminum_frames(3)])
CELL = np.stack([frame.cell.array for frame in aluminum_frames(3)])
STORED = np.random.default_rng(0).normal(size=(3, 4, 3))
GROUP = {
    "species": np.array([b"Al"] * 4),
    "coordinates": POSITIONS,
    "cell": CELL,
    "energy": np.array([-80.0, -80.1, -80.2]),
    "force": STORED,
}


def write_h5(path: Path, groups: dict) -> Path:
    with h5py.File(path, "w") as file:
        for name, arrays in groups.items():
            for key, values in arrays.items():
                file[f"{name}/{key}"] = values
    return path


def ani(path: Path, force_sign: str = "gradient", **values) -> AniH5Source:
    return AniH5Source(source="ani-h5", path=path, force_sign=force_sign, **values)


def emt_group(symbol: str, sign: int) -> dict:
    """Rattled crystals whose stored array is sign times the EMT force."""
    positions, forces, cells = [], [], []
    for seed in range(3):
        atoms = bulk(symbol, "fcc", a=4.0, cubic=True)
        atoms.rattle(0.1, seed=seed)
        atoms.calc = EMT()
        positions.append(atoms.positions)
        forces.append(sign * atoms.get_forces() / Hartree)
        cells.append(atoms.cell.array)
    species = np.array([symbol.encode()] * 4)
    return GROUP | {
        "species": species,
        "coordinates": np.stack(positions),
        "cell": np.stack(cells),
        "force": np.stack(forces),
    }


def test_energies_become_ev_in_float64_and_a_gradient_changes_its_sign(tmp_path):
    dataset = load_dataset(ani(write_h5(tmp_path / "al.h5", {"Al4": GROUP})))
    assert dataset.energy == pytest.approx([-80.0 * 27.211386, -80.1 * 27.211386, -80.2 * 27.211386], rel=1e-8)
    np.testing.assert_allclose(dataset.forces.reshape(3, 4, 3), -27.211386 * STORED, rtol=1e-7)
    np.testing.assert_array_equal(dataset.positions.reshape(3, 4, 3), POSITIONS)
    assert dataset.origin == ("al.h5/Al4",) * 3
    assert dataset.notes["force_sign"] == "gradient"


def test_a_force_keeps_its_sign(tmp_path):
    dataset = load_dataset(ani(write_h5(tmp_path / "al.h5", {"Al4": GROUP}), "force"))
    np.testing.assert_allclose(dataset.forces.reshape(3, 4, 3), 27.211386 * STORED, rtol=1e-7)


def test_float32_energies_are_converted_in_float64(tmp_path):
    group = GROUP | {"energy": np.array([-80.25, -80.5, -80.75], dtype=np.float32)}
    dataset = load_dataset(ani(write_h5(tmp_path / "al.h5", {"Al4": group})))
    assert dataset.energy == pytest.approx(np.array([-80.25, -80.5, -80.75]) * Hartree, rel=1e-14)


@pytest.mark.parametrize(
    "species",
    [
        np.array([b"Al"] * 4),
        np.array([b"Al "] * 4),
        np.array([13] * 4),
        np.array(["Al"] * 4, dtype=h5py.string_dtype()),
        np.array(["Al"] * 4, dtype=h5py.string_dtype("ascii", 2)),
    ],
    ids=["bytes", "padded", "numbers", "text", "fixed"],
)
def test_species_of_every_kind(tmp_path, species):
    dataset = load_dataset(ani(write_h5(tmp_path / "al.h5", {"Al4": GROUP | {"species": species}})))
    assert dataset.species.tolist() == [13] * 12


def test_a_folder_is_read_by_file_and_group_name_at_any_depth(tmp_path):
    plural = {"energies": GROUP["energy"], "forces": STORED}
    plural |= {key: GROUP[key] for key in ("species", "coordinates", "cell")}
    write_h5(tmp_path / "b.h5", {"Al4": GROUP})
    write_h5(tmp_path / "a.h5", {"runs/2/Al4": plural, "runs/1/Al4": GROUP})
    (tmp_path / "README.txt").write_text("not data")
    dataset = load_dataset(ani(tmp_path))
    assert list(dict.fromkeys(dataset.origin)) == ["a.h5/runs/1/Al4", "a.h5/runs/2/Al4", "b.h5/Al4"]
    assert dataset.n_systems == 9
    assert dataset.notes["n_files"] == 2


def test_groups_without_a_cell_are_not_periodic(tmp_path):
    group = {key: values for key, values in GROUP.items() if key != "cell"}
    dataset = load_dataset(ani(write_h5(tmp_path / "al.h5", {"Al4": group})))
    assert not dataset.pbc.any()
    assert not dataset.cell.any()


@pytest.mark.parametrize(("sign", "name"), [(1, "force"), (-1, "gradient")])
def test_auto_finds_the_sign(tmp_path, sign, name):
    path = write_h5(tmp_path / "al.h5", {"Al4": emt_group("Al", sign)})
    dataset = load_dataset(ani(path, "auto"))
    expected = emt_group("Al", 1)["force"] * Hartree
    np.testing.assert_allclose(dataset.forces.reshape(3, 4, 3), expected, atol=1e-12)
    assert dataset.notes["force_sign"] == name
    assert dataset.notes["force_sign_correlation"] == sign


def test_auto_refuses_to_guess(tmp_path):
    unknown = write_h5(tmp_path / "w.h5", {"W4": GROUP | {"species": np.array([b"W"] * 4)}})
    with pytest.raises(DataError, match=r"w\.h5: .*no parameters for W; set data\.force_sign to gradient"):
        load_dataset(ani(unknown, "auto"))
    unrelated = write_h5(tmp_path / "al.h5", {"Al4": emt_group("Al", 1) | {"force": np.zeros((3, 4, 3))}})
    with pytest.raises(DataError, match=r"correlate \+0\.000 .*; set data\.force_sign to gradient"):
        load_dataset(ani(unrelated, "auto"))


def test_auto_reports_a_broken_frame_rather_than_a_doubtful_sign(tmp_path):
    positions = POSITIONS.copy()
    positions[1, 0] = positions[1, 1] + [0.1, 0, 0]
    path = write_h5(tmp_path / "al.h5", {"Al4": GROUP | {"coordinates": positions}})
    with pytest.raises(DataError, match=r"frame 1 \(origin 'al\.h5/Al4', number 1 there.*0\.1 Å apart"):
        load_dataset(ani(path, "auto"))


BAD_GROUPS = {
    "forces cut": ({"force": STORED[:, :3]}, r"group /Al4: forces must have shape \(3, 4, 3\), got \(3, 3, 3\)"),
    "energies cut": ({"energy": GROUP["energy"][:2]}, "need 3 energies for 3 frames"),
    "one cell": ({"cell": CELL[0]}, r"cell must have shape \(3, 3, 3\), got \(3, 3\)|cell must have shape"),
    "no element": ({"species": np.array([b"Al", b"Al", b"Qq", b"Al"])}, "'Qq', which is no chemical element"),
    "species per frame": ({"species": np.array([[b"Al"] * 4] * 3)}, "species must be one list"),
    "species cut": ({"species": np.array([b"Al"] * 3)}, r"coordinates must have shape \(3, 3, 3\)"),
    "no forces": ({"force": None}, "must have force or forces, found only cell, coordinates, energy, species"),
    "no energies": ({"energy": None}, "must have energy or energies"),
    "no species": ({"species": None}, "must have species"),
    "energies are words": ({"energy": np.array([b"a", b"b", b"c"])}, "energy must hold numbers"),
    "not finite": ({"energy": np.array([0, np.nan, 0])}, r"frame 1 \(origin 'al\.h5/Al4'.*not finite"),
}


@pytest.mark.parametrize("name", BAD_GROUPS)
def test_a_bad_group_is_named(tmp_path, name):
    changes, message = BAD_GROUPS[name]
    group = {key: values for key, values in (GROUP | changes).items() if values is not None}
    path = write_h5(tmp_path / "al.h5", {"Al4": group})
    with pytest.raises(DataError, match=message) as caught:
        load_dataset(ani(path))
    assert str(path) in str(caught.value)


def test_damaged_missing_and_empty_files(tmp_path):
    path = write_h5(tmp_path / "al.h5", {"Al4": GROUP})
    content = path.read_bytes()
    for n_bytes in (0, 100, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:n_bytes])
        with pytest.raises(DataError, match=r"al\.h5 cannot be read as HDF5 .*copy it again"):
            load_dataset(ani(path))
    with pytest.raises(DataError, match="does not exist"):
        load_dataset(ani(tmp_path / "absent.h5"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"without \*\.h5 files; name a file"):
        load_dataset(ani(tmp_path / "empty"))
    with pytest.raises(DataError, match="there are no frames"):
        load_dataset(ani(write_h5(tmp_path / "meta.h5", {"meta": {"version": 1}})))


def test_the_sign_of_the_shared_aluminum_is_found(shared_data):
    dataset = load_dataset(ani(shared_data / "ani-al-like", "auto", max_frames=100))
    assert dataset.notes["force_sign"] == "gradient"
    correlation = dataset.notes["force_sign_correlation"]
    assert isinstance(correlation, float)
    assert correlation < -0.95
    assert dataset.notes["max_frames"].startswith("a random sample of 100 of 1947 frames")
    assert dataset.n_systems == 100
    assert -75 < dataset.energy.min() / dataset.n_atoms_per_system[dataset.energy.argmin()] < -70
