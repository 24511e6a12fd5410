import re

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.io import write
from hypothesis import given, settings
from hypothesis import strategies as st

from pareto_search.config import StructureSettings
from pareto_search.data.dataset import Dataset, from_frames
from pareto_search.data.structure import supercell, supercell_size, unit_cell
from pareto_search.errors import ConfigError, DataError

EDGES = st.floats(2.0, 12.0)


def dataset_of(*frames: Atoms) -> Dataset:
    from ase.calculators.singlepoint import SinglePointCalculator

    for frame in frames:
        frame.calc = SinglePointCalculator(frame, energy=0.0, forces=np.zeros((len(frame), 3)))
    return from_frames(list(frames), ["test"] * len(frames), {})


@pytest.mark.parametrize(
    ("symbol", "crystal", "a_ang", "n_atoms"),
    [("Al", "fcc", None, 4), ("Fe", "bcc", None, 2), ("Si", "diamond", 5.5, 8), ("Al", "sc", 2.5, 1)],
)
def test_cubic_crystals(symbol: str, crystal: str, a_ang: float | None, n_atoms: int) -> None:
    unit = unit_cell(StructureSettings(symbol=symbol, crystal=crystal, a_ang=a_ang), None)
    edge = unit.cell.lengths()[0]
    assert len(unit) == n_atoms
    np.testing.assert_allclose(unit.cell.array, edge * np.eye(3))
    assert a_ang is None or edge == a_ang
    assert unit.pbc.all()


def test_hcp_is_orthorhombic() -> None:
    unit = unit_cell(StructureSettings(symbol="Mg", crystal="hcp"), None)
    assert len(unit) == 4
    np.testing.assert_allclose(unit.cell.angles(), 90.0)


def test_a_lattice_constant_is_asked_for_where_ase_knows_none() -> None:
    with pytest.raises(ConfigError, match="give a_ang"):
        unit_cell(StructureSettings(symbol="Al", crystal="bcc"), None)


def test_an_unknown_element_is_named() -> None:
    with pytest.raises(ConfigError, match="'Qq'"):
        unit_cell(StructureSettings(symbol="Qq"), None)


def test_file_is_read_without_extras(tmp_path) -> None:
    path = tmp_path / "two.extxyz"
    first = bulk("Cu", cubic=True)
    first.set_momenta(np.ones((4, 3)))
    write(path, [first, bulk("Al", cubic=True)])
    unit = unit_cell(StructureSettings(path=path), None)
    assert unit.get_chemical_formula() == "Cu4"
    assert set(unit.arrays) == {"numbers", "positions"}


@pytest.mark.parametrize(("name", "content"), [("a.extxyz", "nonsense\n"), ("a.cif", "x"), ("a.unknown", "?")])
def test_an_unreadable_file_is_named(tmp_path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(DataError, match=re.escape(str(path))):
        unit_cell(StructureSettings(path=path), None)


def test_a_missing_file_is_named(tmp_path) -> None:
    with pytest.raises(DataError, match=r"missing\.cif"):
        unit_cell(StructureSettings(path=tmp_path / "missing.cif"), None)


def test_dataset_frame() -> None:
    dataset = dataset_of(bulk("Al", cubic=True), bulk("Cu", cubic=True))
    assert unit_cell(StructureSettings(frame=1), dataset).get_chemical_formula() == "Cu4"
    with pytest.raises(ConfigError, match=r"0 to 1.*got 2"):
        unit_cell(StructureSettings(frame=2), dataset)
    with pytest.raises(ConfigError, match="no dataset"):
        unit_cell(StructureSettings(frame=0), None)


@pytest.mark.parametrize("pbc", [(True, True, False), (False, False, False)])
def test_only_bulk_is_repeated(pbc: tuple[bool, bool, bool]) -> None:
    slab = bulk("Al", cubic=True)
    slab.pbc = pbc
    with pytest.raises(ConfigError, match="dataset frame 0 has pbc"):
        unit_cell(StructureSettings(frame=0), dataset_of(slab))


def test_supercell_is_the_same_crystal() -> None:
    unit = bulk("Al", cubic=True)
    big = supercell(unit, 2048)
    assert len(big) == 2048
    np.testing.assert_allclose(big.cell.lengths(), 8 * 4.05)
    assert big.get_volume() / len(big) == pytest.approx(unit.get_volume() / len(unit))
    assert len(unit) == 4


@settings(deadline=None, max_examples=50)
@given(st.tuples(EDGES, EDGES, EDGES), st.integers(1, 5), st.integers(1, 20_000), st.integers(0, 200))
def test_supercell_sizes(edges: tuple[float, ...], n_unit: int, n_atoms: int, n_more: int) -> None:
    unit = Atoms(numbers=[13] * n_unit, positions=np.zeros((n_unit, 3)), cell=edges, pbc=True)
    small, large = supercell(unit, n_atoms), supercell(unit, n_atoms + n_more)
    lengths = small.cell.lengths()
    assert supercell_size(unit, n_atoms) == len(small)
    assert n_unit <= len(small) <= len(large)
    assert lengths.max() / lengths.min() <= max(2.0, max(edges) / min(edges)) + 1e-6
    if n_atoms > 1000 * n_unit:
        assert abs(len(small) - n_atoms) <= 0.02 * n_atoms


def test_supercell_is_the_nearest_of_all_allowed() -> None:
    edges = np.array([1.0, 1.4, 2.2])
    unit = Atoms("Al", cell=edges, pbc=True)
    repeats = np.stack(np.meshgrid(*[np.arange(1, 20)] * 3)).reshape(3, -1)
    lengths = repeats * edges[:, None]
    counts = repeats.prod(0)[lengths.max(0) / lengths.min(0) <= 2.2]
    for wanted in range(1, 300):
        assert abs(len(supercell(unit, wanted)) - wanted) == np.abs(counts - wanted).min(), wanted
