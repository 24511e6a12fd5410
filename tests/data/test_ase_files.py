import numpy as np
import pytest
from ase import Atoms
from ase.constraints import FixAtoms
from ase.db import connect
from ase.io import write

from pareto_search.config import AseDatabaseSource, ExtxyzSource
from pareto_search.data.sources import load_dataset
from pareto_search.errors import DataError
from tests.data.frames import aluminum_frames

HEADER = 'Lattice="4 0 0 0 4 0 0 0 4" Properties=species:S:1:pos:R:3'


def extxyz(path, **values) -> ExtxyzSource:
    return ExtxyzSource(source="extxyz", path=path, **values)


def test_extxyz_comes_back_with_its_sources(tmp_path):
    frames = aluminum_frames(3)
    frames[1].info["source"] = "melt"
    write(tmp_path / "al.extxyz", frames)
    dataset = load_dataset(extxyz(tmp_path / "al.extxyz"))
    assert dataset.origin == ("al.extxyz", "melt", "al.extxyz")
    assert dataset.energy == pytest.approx([-1.0, -1.1, -1.2])
    np.testing.assert_allclose(dataset.forces[4:8], frames[1].get_forces(), atol=1e-7)
    np.testing.assert_allclose(dataset.positions[8:], frames[2].positions, atol=1e-7)
    np.testing.assert_allclose(dataset.cell[0], frames[0].cell.array)
    assert dataset.notes["path"] == str(tmp_path / "al.extxyz")


def test_other_formats_keep_forces_of_fixed_atoms(tmp_path):
    frame = aluminum_frames(1)[0]
    forces = frame.get_forces()
    frame.set_constraint(FixAtoms([0, 1]))
    write(tmp_path / "al@2.traj", [frame])  # ASE would take what follows the @ as an index
    dataset = load_dataset(extxyz(tmp_path / "al@2.traj"))
    np.testing.assert_allclose(dataset.forces, forces)


def test_labels_are_found_in_info_and_arrays(tmp_path, monkeypatch):
    """Which of them a file's labels end in depends on its format and ASE's version."""
    frame = aluminum_frames(1)[0]
    bare = Atoms(frame.symbols, frame.positions, cell=frame.cell, pbc=True)
    bare.info["energy"] = -7.5
    bare.arrays["forces"] = frame.get_forces()
    (tmp_path / "al.traj").touch()
    monkeypatch.setattr("pareto_search.data.ase_files.read", lambda *_, **__: [bare])
    dataset = load_dataset(extxyz(tmp_path / "al.traj"))
    assert dataset.energy.tolist() == [-7.5]
    np.testing.assert_allclose(dataset.forces, frame.get_forces())


def test_the_format_is_a_setting(tmp_path):
    path = tmp_path / "frames.data"
    write(path, aluminum_frames(2), format="extxyz")
    assert load_dataset(extxyz(path, format="extxyz")).n_systems == 2


@pytest.mark.parametrize("ending", ["db", "json"])
def test_database_comes_back_with_its_sources(tmp_path, ending):
    path = tmp_path / f"al.{ending}"
    with connect(path) as database:
        for number, frame in enumerate(aluminum_frames(2)):
            database.write(frame, **({"source": "melt"} if number else {}))
    dataset = load_dataset(AseDatabaseSource(source="ase-db", path=path))
    assert dataset.origin == (path.name, "melt")
    assert dataset.energy == pytest.approx([-1.0, -1.1])


BAD_TEXTS = {
    "no energy": (f"1\n{HEADER}:forces:R:3 source=melt\nAl 0 0 0 0 0 0\n", "frame 0 .origin 'melt'. has no energy; .*"),
    "no forces": (f"1\n{HEADER} energy=-1.0\nAl 0 0 0\n", "frame 0 .* has no forces; store it under the key 'forces'"),
    "one force column": (f"1\n{HEADER}:forces:R:1 energy=-1.0\nAl 0 0 0 0\n", r"forces of shape \(1, 3\), got"),
    "energy is a word": (f"1\n{HEADER}:forces:R:3 energy=low\nAl 0 0 0 0 0 0\n", "energy 'low', which is not a number"),
    "three energies": (f'1\n{HEADER}:forces:R:3 energy="1 2 3"\nAl 0 0 0 0 0 0\n', "must have one energy"),
    "nan force": (f"1\n{HEADER}:forces:R:3 energy=-1.0\nAl 0 0 0 0 nan 0\n", "frame 0 .* force that is not finite"),
    "no frames": ("", "cannot be read by ASE"),
    "another format": ("not an xyz file\n", "cannot be read by ASE .*set data.format"),
}


@pytest.mark.parametrize("name", BAD_TEXTS)
def test_a_bad_file_is_named_with_its_frame(tmp_path, name):
    text, message = BAD_TEXTS[name]
    path = tmp_path / "bad.extxyz"
    path.write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        load_dataset(extxyz(path))
    assert str(path) in str(caught.value)


def test_an_extxyz_file_cut_anywhere_inside_a_frame_is_an_error(tmp_path):
    write(tmp_path / "al.extxyz", aluminum_frames(2))
    content = (tmp_path / "al.extxyz").read_bytes()
    frame_end = content.index(b"\n4\n") + 1
    cut = tmp_path / "cut.extxyz"
    for n_bytes in [*range(0, len(content) - 1, 7), len(content) - 1]:
        if n_bytes == frame_end:
            continue
        cut.write_bytes(content[:n_bytes])
        with pytest.raises(DataError, match=r"cut\.extxyz"):
            load_dataset(extxyz(cut))


@pytest.mark.parametrize("source", ["extxyz", "ase-db"])
def test_paths_that_are_no_file(tmp_path, source):
    kind = {"extxyz": ExtxyzSource, "ase-db": AseDatabaseSource}[source]
    with pytest.raises(DataError, match=r"absent\.db does not exist .*correct data\.path"):
        load_dataset(kind(source=source, path=tmp_path / "absent.db"))
    with pytest.raises(DataError, match=r"is a folder.*name the file in data\.path"):
        load_dataset(kind(source=source, path=tmp_path))


@pytest.mark.parametrize("content", [b"not a database", b"SQLite format 3\x00" + b"\x00" * 50])
@pytest.mark.parametrize("ending", ["db", "json"])
def test_a_damaged_database_is_an_error(tmp_path, ending, content):
    path = tmp_path / f"bad.{ending}"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"bad\.(db|json) cannot be read as an ASE database .*copy it again"):
        load_dataset(AseDatabaseSource(source="ase-db", path=path))


def test_a_database_without_rows_is_an_error(tmp_path):
    with connect(tmp_path / "empty.db") as database:
        database.delete([database.write(Atoms("Al"))])
    with pytest.raises(DataError, match="there are no frames"):
        load_dataset(AseDatabaseSource(source="ase-db", path=tmp_path / "empty.db"))


def test_molybdenum_and_tungsten_of_the_shared_data(shared_data):
    dataset = load_dataset(extxyz(shared_data / "mo-dft.extxyz", elements=("Mo",)))
    assert (dataset.n_systems, dataset.n_atoms) == (217, 11276)
    assert dataset.energy[0] == pytest.approx(-569.56177802)
    assert dataset.origin[0] == "training/Vacancy"
    with pytest.raises(DataError, match=r"holds W, but data\.elements allows only Mo; add W"):
        load_dataset(extxyz(shared_data / "mow-dft.extxyz", elements=("Mo",)))
