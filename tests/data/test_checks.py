from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule

from pareto_search.config import EmtAluminumSource, ExtxyzSource
from pareto_search.data.checks import check_dataset
from pareto_search.data.dataset import from_frames
from pareto_search.errors import DataError
from tests.data.frames import aluminum_frames, labelled

SETTINGS = ExtxyzSource(source="extxyz", path="cells.extxyz")


def with_bad_frame(bad: Atoms):
    """Good, bad, good: the bad frame is number 1 of all and number 0 of its origin."""
    good = aluminum_frames(2)
    return from_frames([good[0], labelled(bad), good[1]], ["good", "bad", "good"], {})


def cell_of(matrix, pbc=True) -> Atoms:
    return Atoms("Al", cell=matrix, pbc=pbc)


BAD_FRAMES = {
    "two atoms too near": (Atoms("Al2", [[0, 0, 0], [0.5, 0, 0]], cell=[5, 5, 5], pbc=True), "atoms 0 and 1 0.5 Å"),
    "too near through an image": (
        Atoms("Al2", [[0.1, 0, 0], [4.9, 0, 0]], cell=[5, 5, 5], pbc=True),
        r"atoms 0 and 1 0\.2 Å apart.*lower data\.min_distance_ang",
    ),
    "two atoms at one place": (Atoms("Al2", [[1, 1, 1], [1, 1, 1]]), "atoms 0 and 1 0 Å"),
    "left-handed cell": (cell_of(np.diag([4.0, 4.0, -4.0])), r"left-handed.*-64.*swap two cell vectors"),
    "flat cell": (cell_of([[4, 0, 0], [0, 4, 0], [4, 4, 0]]), "without volume.*correct the cell"),
    "zero vector": (cell_of(np.diag([4.0, 0.0, 4.0])), "periodic along cell vector 1, .* set pbc to false"),
    "parallel vectors of a slab": (
        cell_of([[4, 0, 0], [8, 0, 0], [0, 0, 9]], pbc=(True, True, False)),
        "without volume",
    ),
    "cell too small": (cell_of(np.diag([4.0, 4.0, 0.8])), "planes are 0.8 Å apart.*lengths are in Å"),
    "skew cell too small": (cell_of([[4, 0, 0], [0, 4, 0], [0, 3.9, 0.9]]), r"planes are 0\.8994 Å apart"),
    "foreign element": (Atoms("Cu", cell=[4, 4, 4], pbc=True), "holds Cu, .* only Al; add Cu to data.elements"),
    "placeholder element": (Atoms("X", cell=[4, 4, 4], pbc=True), "atomic number 0, which is no element"),
    "far away": (Atoms("Al2", [[0, 0, 0], [0, 0, 1e9]]), "beyond 100000 Å; check that lengths are in Å"),
    "huge cell": (cell_of(np.diag([4.0, 4.0, 1e9])), "beyond 100000 Å"),
    "no atoms": (Atoms(cell=[4, 4, 4], pbc=True), "has no atoms; remove the frame"),
}


@pytest.mark.parametrize("name", BAD_FRAMES)
def test_a_bad_frame_is_named_with_file_and_remedy(name):
    atoms, message = BAD_FRAMES[name]
    settings = SETTINGS.model_copy(update={"elements": ("Al",)})
    expected = rf"^cells\.extxyz: frame 1 \(origin 'bad', number 0 there.*{message}"
    with pytest.raises(DataError, match=expected):
        check_dataset(with_bad_frame(atoms), settings)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize(
    ("name", "index", "message"),
    [
        ("positions", (9, 1), "frame 2 .*number 1 there.* position that is not finite: atom 1"),
        ("forces", (4, 2), "frame 1 .* force that is not finite: atom 0"),
        ("energy", 2, "frame 2 .* energy .* not finite"),
        ("cell", (0, 1, 1), "frame 0 .* cell .* not finite"),
    ],
)
def test_a_number_that_is_not_finite_is_named(name, index, message, value):
    dataset = from_frames(aluminum_frames(3), ["a", "b", "a"], {})
    broken = getattr(dataset, name).copy()
    broken[index] = value
    with pytest.raises(DataError, match=message + ".*remove or recompute the frame"):
        check_dataset(replace(dataset, **{name: broken}), SETTINGS)


def test_arrays_that_do_not_fit_together_are_refused():
    dataset = from_frames(aluminum_frames(2), ["a", "b"], {})
    with pytest.raises(DataError, match=r"forces must have shape \(8, 3\).*got \(7, 3\)"):
        check_dataset(replace(dataset, forces=dataset.forces[:7]), SETTINGS)


def test_generated_data_are_named_as_such():
    atoms = Atoms("Al2", [[0, 0, 0], [0.5, 0, 0]])
    with pytest.raises(DataError, match=r"^generated data: frame 1"):
        check_dataset(with_bad_frame(atoms), EmtAluminumSource(source="emt-aluminum"))


@pytest.mark.parametrize(
    "atoms",
    [
        bulk("Al"),
        molecule("H2O"),
        Atoms("Al"),
        Atoms("Al", cell=[2.5, 2.5, 0], pbc=(True, True, False)),
        Atoms("Al", cell=np.diag([4.0, 4.0, -4.0]), pbc=False),
        cell_of([[4, 0, 0], [0, 4, 0], [0, 3.9, 1.1]]),
    ],
)
def test_good_frames_pass(atoms):
    check_dataset(with_bad_frame(atoms), SETTINGS)


def test_the_smallest_distance_is_a_setting():
    dataset = with_bad_frame(Atoms("Al2", [[0, 0, 0], [2.4, 0, 0]]))
    check_dataset(dataset, SETTINGS.model_copy(update={"min_distance_ang": 2.3}))
    with pytest.raises(DataError, match=r"2\.4 Å apart, nearer than data\.min_distance_ang = 2\.45"):
        check_dataset(dataset, SETTINGS.model_copy(update={"min_distance_ang": 2.45}))
