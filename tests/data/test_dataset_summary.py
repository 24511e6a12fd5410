import json

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from pareto_search.data.dataset import from_frames
from pareto_search.data.dataset_summary import count_duplicates, summarize
from pareto_search.data.neighbors import build_neighbor_table
from tests.data.frames import aluminum_dataset, labelled

DIMER = Atoms("CuAl", [[0, 0, 0], [0, 0, 2.5]])


@pytest.fixture
def dataset():
    crystal = bulk("Al", a=4.05, cubic=True)
    push = np.zeros((4, 3))
    push[0, 0] = 2.0
    frames = [labelled(crystal, -12.0, push), labelled(DIMER, -4.0), labelled(crystal, -12.0)]
    return from_frames(frames, ["crystal", "dimer", "crystal"], {"potential": "made up"})


def test_known_values(dataset):
    summary = summarize(dataset, build_neighbor_table(dataset, 3.0))
    assert (summary.n_frames, summary.n_atoms) == (3, 10)
    assert summary.atoms_per_frame == {"min": 2, "median": 4, "max": 4}
    assert summary.elements == {"Al": 9, "Cu": 1}
    assert summary.energy_ev_per_atom == pytest.approx({"min": -3.0, "max": -2.0, "rms": np.sqrt(2) / 3})
    assert summary.force_component_ev_per_ang == pytest.approx({"min": 0.0, "max": 2.0, "rms": np.sqrt(4 / 30)})
    assert summary.periodic_directions == {"all": 2, "some": 0, "no": 1}
    assert summary.density_g_per_cm3 == pytest.approx({"min": 2.698, "median": 2.698, "max": 2.698}, abs=1e-3)
    assert summary.shortest_distance_ang == pytest.approx({"min": 2.5, "median": 4.05 / np.sqrt(2)})
    assert summary.neighbors_per_atom == pytest.approx({"min": 1, "mean": 9.8, "max": 12, "cutoff_ang": 3.0})
    assert summary.net_force_max_ev_per_ang_per_atom == pytest.approx(0.5)
    assert summary.n_duplicate_frames == 1
    assert summary.origins == {"crystal": 2, "dimer": 1}
    assert summary.notes == {"potential": "made up"}


def test_histograms_count_every_value(dataset):
    histograms = summarize(dataset, build_neighbor_table(dataset, 3.0)).histograms
    totals = {name: int(counts.sum()) for name, (counts, _) in histograms.items()}
    assert totals == {
        "energy_ev_per_atom": 3,
        "force_component_ev_per_ang": 30,
        "density_g_per_cm3": 2,
        "shortest_distance_ang": 3,
        "neighbors_per_atom": 10,
    }
    counts, edges = histograms["energy_ev_per_atom"]
    assert (counts[0], counts[-1], edges[0], edges[-1]) == (2, 1, -3.0, -2.0)


@pytest.mark.parametrize(
    ("pbc", "expected"), [((1, 1, 0), {"all": 0, "some": 1, "no": 0}), ((0, 0, 0), {"all": 0, "some": 0, "no": 1})]
)
def test_frames_are_counted_by_their_periodic_directions(pbc, expected):
    slab = labelled(bulk("Al", cubic=True), -12.0)
    slab.pbc = pbc
    assert summarize(from_frames([slab], ["slab"], {})).periodic_directions == expected


def test_what_no_frame_has_is_left_out():
    summary = summarize(from_frames([labelled(Atoms("Al"), -1.0)], ["atom"], {}))
    assert summary.density_g_per_cm3 is None
    assert summary.shortest_distance_ang is None
    assert summary.neighbors_per_atom is None
    assert set(summary.histograms) == {"energy_ev_per_atom", "force_component_ev_per_ang"}


def test_equal_large_energies_have_a_histogram():
    frames = [labelled(DIMER, -1e9), labelled(DIMER, np.nextafter(-1e9, 0))]
    counts, edges = summarize(from_frames(frames, ["a", "b"], {})).histograms["energy_ev_per_atom"]
    assert counts.sum() == 2
    assert (np.diff(edges) > 0).all()


def test_json_form(dataset):
    plain = json.loads(json.dumps(summarize(dataset).to_plain(), allow_nan=False))
    assert plain["elements"] == {"Al": 9, "Cu": 1}
    histogram = plain["histograms"]["shortest_distance_ang"]
    assert len(histogram["edges"]) == len(histogram["counts"]) + 1


@pytest.mark.parametrize(("shift_ang", "n_duplicates"), [(0.0, 1), (2e-7, 1), (1e-4, 0)])
def test_duplicates_are_told_from_near_copies(shift_ang, n_duplicates):
    atoms = Atoms("Al2", [[0, 0, 0], [1.5, 0, 2.25]])
    moved = atoms.copy()
    moved.positions[1, 0] += shift_ang
    dataset = from_frames([labelled(atoms), labelled(moved)], ["a", "b"], {})
    assert count_duplicates(dataset) == n_duplicates


def test_other_species_or_cells_are_no_duplicates():
    atoms = Atoms("Al2", [[0, 0, 0], [1.5, 0, 2.25]], cell=[5, 5, 5], pbc=True)
    alloy, longer, free = atoms.copy(), atoms.copy(), atoms.copy()
    alloy.symbols[1] = "Cu"
    longer.cell[2, 2] = 6.0
    free.pbc = False
    frames = [labelled(frame) for frame in (atoms, alloy, longer, free)]
    assert count_duplicates(from_frames(frames, ["test"] * 4, {})) == 0
    assert count_duplicates(aluminum_dataset(["a"] * 5)) == 0
