"""A Verlet list for molecular dynamics: pairs within cutoff + skin, rebuilt when an atom has moved half the skin.

Periodic images are atoms of their own here (*ghosts*), so that a pair is one int32 and no lattice vector. Atoms are put
in an order in which near ones are together, and cut into chunks, the pieces in which a network is evaluated. A large
system is searched block by block: pairs found at once do not grow with the system, only coordinates looked through.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from ase import Atoms
from numpy.typing import NDArray
from vesin import NeighborList

from pareto_search.data.neighbors import element_index
from pareto_search.potential.batch import padded_width
from pareto_search.potential.wrapping import wrapping

#: Bytes that vesin and the sorting of its result need for an ordered pair at once.
BYTES_PER_SEARCHED_PAIR = 80
#: Padded neighbours point to a last atom that is farther than this many cutoffs from all others.
_FAR_CUTOFFS = 10.0


@dataclass(frozen=True)
class ListSizes:
    """How much is done at once.

    Attributes:
        search_bytes: Memory of a neighbour search; a larger system is searched in blocks.
    """

    search_bytes: int
    chunk_pairs: int


@dataclass(frozen=True)
class _Ghosts:
    """Periodic images near the cell: `source` is the row of the atom, `shift` the lattice vectors added to it."""

    source: NDArray[np.int32]
    shift: NDArray[np.int8]


@dataclass(frozen=True)
class VerletList:
    """Neighbours of every atom. A *row* is an atom's place in `order`; a *point* is a row, a ghost or the far point.

    Points are numbered: first the n_atoms rows, then the ghosts, then the far point that padded neighbours name.

    Attributes:
        order: Atom in each row, shape (n_atoms,), int32.
        wrap: Lattice vectors taken from the atom in each row so that it lies in the cell, shape (n_atoms, 3), int16.
        ghost_source: Row of each ghost, shape (n_ghosts,), int32.
        ghost_shift: Lattice vectors added to it, shape (n_ghosts, 3), int8.
        chunks: For consecutive rows the points near them, each of shape (n_rows, E, K), int32; K is a chunk's own.
        n_pairs: Pairs without padding.
        numbers: Atomic numbers when the list was built, in the atoms' own order.
        positions: Where the atoms were then, shape (n_atoms, 3).
        cell: The cell then, shape (3, 3).
        pbc: Periodic directions then, shape (3,).
        skin_ang: How much farther than the cutoff it looks.
        far_ang: Coordinate of the far point.
    """

    order: NDArray[np.int32]
    wrap: NDArray[np.int16]
    ghost_source: NDArray[np.int32]
    ghost_shift: NDArray[np.int8]
    chunks: tuple[NDArray[np.int32], ...]
    n_pairs: int
    numbers: NDArray[np.int64]
    positions: NDArray[np.float64]
    cell: NDArray[np.float64]
    pbc: NDArray[np.bool_]
    skin_ang: float
    far_ang: float

    @classmethod
    def build(
        cls, atoms: Atoms, cutoff_ang: float, skin_ang: float, *, elements: tuple[int, ...], sizes: ListSizes
    ) -> Self:
        """Find all pairs nearer than cutoff + skin, periodic images included.

        Args:
            atoms: The system.
            cutoff_ang: Cutoff of the potential, Å.
            skin_ang: How much farther it looks, Å.
            elements: Atomic numbers that the potential has, rising.
            sizes: How much is done at once.

        Raises:
            KeyError: If an atom is of none of the elements.
            AtomsError: If an atom's position is not finite or too far away.
        """
        reach = cutoff_ang + skin_ang
        kind = element_index(atoms.numbers, elements)
        wrap = wrapping(atoms)
        wrapped = atoms.positions - wrap @ atoms.cell.array
        n_searched = _expected_pairs(wrapped, reach) * BYTES_PER_SEARCHED_PAIR
        if n_searched <= sizes.search_bytes:
            order = np.arange(len(atoms), dtype=np.int32)
            ghosts, blocks = _search_whole(atoms, wrapped, reach)
        else:
            order, ghosts, blocks = _search_in_blocks(atoms, wrapped, reach, sizes.search_bytes)
        far = len(atoms) + len(ghosts.source)
        kind_of_point = np.concatenate([kind[order], kind[order][ghosts.source]])
        chunks: list[NDArray[np.int32]] = []
        n_pairs = 0
        for first, second, n_rows in blocks:
            row = first * len(elements) + kind_of_point[second]
            second = second[_sorting(row, n_rows * len(elements))]
            counts = np.bincount(row, minlength=n_rows * len(elements))
            chunks.extend(_padded(second, counts.reshape(n_rows, -1), far, sizes.chunk_pairs))
            n_pairs += len(second)
        return cls(
            order=order,
            wrap=wrap[order].astype(np.int16),
            ghost_source=ghosts.source,
            ghost_shift=ghosts.shift,
            chunks=tuple(chunks),
            n_pairs=n_pairs,
            numbers=atoms.numbers.copy(),
            positions=atoms.positions.copy(),
            cell=atoms.cell.array.copy(),
            pbc=atoms.pbc.copy(),
            skin_ang=skin_ang,
            far_ang=_farthest(atoms, wrapped) + _FAR_CUTOFFS * cutoff_ang,
        )

    def holds_for(self, atoms: Atoms) -> bool:
        """Whether no pair can have come within the cutoff unseen since the list was built."""
        same_system = (
            len(atoms) == len(self.positions)
            and np.array_equal(atoms.numbers, self.numbers)
            and np.array_equal(atoms.cell.array, self.cell)
            and np.array_equal(atoms.pbc, self.pbc)
        )
        if not same_system:
            return False
        moved = atoms.positions - self.positions
        return bool(np.einsum("ik,ik->i", moved, moved).max(initial=0.0) < (0.5 * self.skin_ang) ** 2)


def _farthest(atoms: Atoms, wrapped: NDArray[np.float64]) -> float:
    """No coordinate of an atom is larger than this, in Å, however far they move before the list is built again."""
    return float(np.abs(wrapped).max(initial=0.0) + np.abs(atoms.cell.array).sum())


def _expected_pairs(points: NDArray[np.float64], reach_ang: float) -> float:
    """Pairs within reach in a crowd of points: exact enough to decide how many are searched at once."""
    return len(points) * 4 / 3 * math.pi * reach_ang**3 * _density(points, reach_ang)


def _density(points: NDArray[np.float64], reach_ang: float) -> float:
    """Points, shape (n, 3), per Å^3 of the boxes they lie in, as the mean point sees it: empty space does not count."""
    if len(points) == 0:
        return 0.0
    box, n_boxes = _grid(points, reach_ang)
    counts = np.unique(box, return_counts=True)[1]
    volume_ang3 = np.prod(np.maximum(np.ptp(points, axis=0), 1.0) / n_boxes)
    return float(np.square(counts).sum() / (len(points) * volume_ang3))


def _grid(points: NDArray[np.float64], edge_ang: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Cut the space of some points into equal boxes with edges of at most so much.

    Returns:
        The box of each point, shape (n,), and the number of boxes along each axis, shape (3,). Boxes are numbered slab
        by slab; slabs are cut along the axis of most boxes.
    """
    extent = np.ptp(points, axis=0)
    n_boxes = np.maximum(np.ceil(extent / edge_ang), 1).astype(np.int64)
    edges_ang = np.maximum(extent / n_boxes, 1e-9)
    place = np.minimum(((points - points.min(axis=0)) / edges_ang).astype(np.int64), n_boxes - 1)
    axes = np.argsort(-n_boxes)
    return np.ravel_multi_index(tuple(place.T[axes]), tuple(n_boxes[axes])), n_boxes


#: A part of the pairs: row of the first atom within the block, point of the second, rows of the block.
_Block = tuple[NDArray[np.int64], NDArray[np.int64], int]


def _search_whole(atoms: Atoms, wrapped: NDArray[np.float64], reach_ang: float) -> tuple[_Ghosts, Iterator[_Block]]:
    """All pairs at once; the ghosts are the images that occur in them."""
    search = NeighborList(cutoff=reach_ang, full_list=True, sorted=False)  # its sorting takes as long as its search
    first, second, shift = search.compute(points=wrapped, box=atoms.cell.array, periodic=atoms.pbc, quantities="ijS")
    n_atoms, second = len(atoms), second.astype(np.int64)
    n_images = np.abs(shift).max(axis=0, initial=0)
    span = 2 * n_images + 1
    image = ((shift[:, 0] + n_images[0]) * span[1] + shift[:, 1] + n_images[1]) * span[2] + shift[:, 2] + n_images[2]
    home = (int(np.prod(span)) - 1) // 2  # the number of the cell itself
    is_point = np.zeros((int(np.prod(span)), n_atoms), dtype=np.bool_)
    is_point[image, second] = True
    is_point[home] = False
    point = np.empty(is_point.shape, dtype=np.int32)
    point[is_point] = np.arange(n_atoms, n_atoms + np.count_nonzero(is_point))
    point[home] = np.arange(n_atoms)
    images, source = np.nonzero(is_point)
    ghosts = _Ghosts(
        source=source.astype(np.int32),
        shift=(np.stack(np.unravel_index(images, span), axis=1) - n_images).astype(np.int8),
    )
    return ghosts, iter([(first.astype(np.int64), point[image, second], n_atoms)])


def _search_in_blocks(
    atoms: Atoms, wrapped: NDArray[np.float64], reach_ang: float, search_bytes: int
) -> tuple[NDArray[np.int32], _Ghosts, Iterator[_Block]]:
    """The order of the atoms by blocks, all ghosts within reach of the cell, and the pairs block by block."""
    n_pairs = 2 * search_bytes / BYTES_PER_SEARCHED_PAIR  # each pair is found once here
    density = _density(wrapped, reach_ang)
    n_at_once = n_pairs / (4 / 3 * math.pi * reach_ang**3 * density)
    block_of_atom, n_blocks = _grid(wrapped, max((n_at_once / density) ** (1 / 3) - 2 * reach_ang, reach_ang))
    order = np.argsort(block_of_atom, kind="stable").astype(np.int32)
    filled, sizes = np.unique(block_of_atom, return_counts=True)
    bounds = np.concatenate([[0], np.cumsum(sizes)])
    slab_of_block = filled // (np.prod(n_blocks) // n_blocks.max())
    slabs = np.append(np.unique(slab_of_block, return_index=True)[1], len(filled))
    ghosts = _images_within(atoms, wrapped[order], reach_ang)
    points = np.concatenate([wrapped[order], wrapped[order][ghosts.source] + ghosts.shift @ atoms.cell.array])

    def blocks() -> Iterator[_Block]:
        # All points are looked through once for each slab, not once for each block.
        for first, last in itertools.pairwise(slabs):
            slab = bounds[first : last + 1]
            near_slab = _near(points, points[slab[0] : slab[-1]], reach_ang)
            near_points = points[near_slab]
            for start, stop in itertools.pairwise(slab):
                own = points[start:stop]
                near = near_slab[_near(near_points, own, reach_ang)]
                near = near[(near < start) | (near >= stop)]
                yield _search_block(points, np.concatenate([np.arange(start, stop), near]), len(own), reach_ang)

    return order, ghosts, blocks()


def _near(points: NDArray[np.float64], own: NDArray[np.float64], reach_ang: float) -> NDArray[np.int64]:
    """Which points lie within reach of the box around some of them."""
    low, high = own.min(axis=0) - reach_ang, own.max(axis=0) + reach_ang
    return np.flatnonzero(np.all((points >= low) & (points <= high), axis=1))


def _search_block(points: NDArray[np.float64], candidates: NDArray[np.int64], n_own: int, reach_ang: float) -> _Block:
    """The neighbours among some points of the first n_own of them."""
    search = NeighborList(cutoff=reach_ang, full_list=False, sorted=False)
    one, other = search.compute(points=points[candidates], box=np.eye(3), periodic=False, quantities="ij")
    first, second = [], []
    for i, j in ((one, other), (other, one)):
        is_own = i < n_own
        first.append(i[is_own].astype(np.int64))
        second.append(candidates[j[is_own]])
    return np.concatenate(first), np.concatenate(second), n_own


def _images_within(atoms: Atoms, wrapped: NDArray[np.float64], reach_ang: float) -> _Ghosts:
    """Every periodic image of wrapped atoms that lies within reach of the cell's faces."""
    cell = atoms.cell.complete()
    heights_ang = 1.0 / np.linalg.norm(np.linalg.inv(cell.array), axis=0)
    margin = np.where(atoms.pbc, reach_ang / heights_ang, 0.0)
    fractions = cell.scaled_positions(wrapped)
    sources, shifts = [], []
    for shift in itertools.product(*(range(-n, n + 1) for n in np.ceil(margin).astype(int))):
        moved = fractions + shift
        inside = np.all(~atoms.pbc | ((moved >= -margin) & (moved <= 1 + margin)), axis=1)
        if any(shift) and inside.any():
            sources.append(np.flatnonzero(inside).astype(np.int32))
            shifts.append(np.broadcast_to(np.array(shift, dtype=np.int8), (len(sources[-1]), 3)))
    if not sources:
        return _Ghosts(np.empty(0, dtype=np.int32), np.empty((0, 3), dtype=np.int8))
    return _Ghosts(np.concatenate(sources), np.concatenate(shifts))


def _sorting(row: NDArray[np.int64], n_rows: int) -> NDArray[np.int64]:
    """Order of pairs by row; numpy sorts 16-bit keys in linear time."""
    return np.argsort(row.astype(np.uint16) if n_rows <= 2**16 else row, kind="stable")


def _padded(
    second: NDArray[np.int64], counts: NDArray[np.int64], far: int, chunk_pairs: int
) -> Iterator[NDArray[np.int32]]:
    """Cut rows into chunks of nearly equal size and pad each to its own width.

    Args:
        second: Points of the pairs, by row and element.
        counts: Pairs of each row and element, shape (n_rows, E).
        far: What padded entries name.
        chunk_pairs: Padded pairs that a chunk should not exceed.
    """
    n_rows = len(counts)
    rows_at_once = max(chunk_pairs // (padded_width(counts) * counts.shape[1]), 3)  # so that no chunk has one row
    cuts = np.linspace(0, n_rows, -(-n_rows // rows_at_once) + 1).round().astype(int)
    pair_cuts = np.concatenate([[0], np.cumsum(counts.sum(axis=1))])[cuts]
    for (start, stop), (begin, end) in zip(itertools.pairwise(cuts), itertools.pairwise(pair_cuts), strict=True):
        chunk = counts[start:stop]
        filled = np.arange(padded_width(chunk)) < chunk[:, :, None]
        neighbor = np.full(filled.shape, far, dtype=np.int32)
        neighbor[filled] = second[begin:end]
        yield neighbor
