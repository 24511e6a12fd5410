"""A list searched whole and one searched in blocks hold ASE's pairs, whatever the periodic directions."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from ase.neighborlist import neighbor_list
from vesin import NeighborList

from pareto_search.potential import verlet
from pareto_search.potential.calculator import DeviceList
from pareto_search.potential.verlet import BYTES_PER_SEARCHED_PAIR, ListSizes, VerletList
from tests.data.test_neighbors import SYSTEMS, sorted_pairs
from tests.potential.systems import alloy


def two_clusters():
    """Two molecules of aluminium so far apart that there are empty blocks, and empty slabs of blocks, between them."""
    cluster = bulk("Al", cubic=True).repeat(2)
    cluster.pbc = False
    far = cluster.copy()
    far.translate((60.0, 5.0, 0.0))
    return cluster + far


def particle_and_atom():
    """A nanoparticle, and an atom 10 µm away: nearly all of the box around them is empty."""
    atoms = bulk("Al", cubic=True).repeat(8)
    atoms.pbc = False
    return atoms + Atoms("Al", [(5e4, 6e4, 7e4)])


CASES = {**SYSTEMS, "alloy": lambda: alloy() * (2, 1, 1), "two clusters": two_clusters,
         "particle and atom": particle_and_atom}  # fmt: skip


@pytest.mark.parametrize("search_bytes", [10**9, 1], ids=["whole", "in blocks"])
@pytest.mark.parametrize("name", CASES)
def test_pairs_equal_those_of_ase(name, search_bytes):
    atoms = CASES[name]()
    elements = tuple(int(z) for z in np.unique(atoms.numbers))
    sizes = ListSizes(search_bytes=search_bytes, chunk_pairs=300)
    found = VerletList.build(atoms, 3.6, 0.4, elements=elements, sizes=sizes)
    points = DeviceList.of(found, torch.device("cpu")).points(torch.from_numpy(atoms.positions)).numpy().T
    source = np.concatenate([np.arange(len(atoms)), found.ghost_source])
    first, second, vectors, start = [], [], [], 0
    for chunk in found.chunks:
        row, element, slot = np.nonzero(chunk != len(source))
        point = chunk[row, element, slot]
        np.testing.assert_array_equal(atoms.numbers[found.order[source[point]]], np.array(elements)[element])
        first.append(found.order[start + row])
        second.append(found.order[source[point]])
        vectors.append(points[start + row] - points[point])
        start += len(chunk)
    i, j, towards_j = neighbor_list("ijD", atoms, 4.0)
    assert found.n_pairs == len(i) > 0
    ours = sorted_pairs(np.concatenate(first), np.concatenate(second), np.concatenate(vectors))
    np.testing.assert_allclose(ours, sorted_pairs(i, j, -towards_j), atol=1e-9)


@pytest.mark.parametrize(
    "build", [lambda: bulk("Al", cubic=True).repeat(8), particle_and_atom], ids=["bulk", "far atom"]
)
def test_no_more_pairs_than_allowed_are_found_at_once(build, monkeypatch):
    found = []

    class Search(NeighborList):  # type: ignore[misc]  # vesin has no types
        def compute(self, *arguments, **options):
            result = super().compute(*arguments, **options)
            found.append(len(result[0]))
            return result

    monkeypatch.setattr(verlet, "NeighborList", Search)
    atoms = build()
    for n_pairs in (100_000, 10_000):
        found.clear()
        sizes = ListSizes(search_bytes=n_pairs * BYTES_PER_SEARCHED_PAIR, chunk_pairs=10**6)
        current = VerletList.build(atoms, 4.6, 0.4, elements=(13,), sizes=sizes)
        assert current.n_pairs > 30_000
        assert len(found) == 1 if n_pairs > current.n_pairs else len(found) > 2
        assert max(found) < n_pairs
