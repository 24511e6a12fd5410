"""A Verlet list for molecular dynamics: pairs within cutoff + skin, rebuilt when an atom has moved half the skin."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from ase import Atoms
from numpy.typing import NDArray
from vesin import NeighborList

from pareto_search.potential.batch import pad_pairs


@dataclass(frozen=True)
class VerletList:
    """Neighbours of every atom, padded to the largest count K; compact, since it sets the memory per atom in MD.

    Attributes:
        neighbor: Index of each neighbour; the atom itself where padded, shape (n_atoms, K), int32.
        image: Lattice vectors added to the neighbour's position, shape (n_atoms, K, 3), int8.
        n_neighbors: Filled slots of each atom, shape (n_atoms,).
        positions: Where the atoms were when the list was built, shape (n_atoms, 3).
        cell: The cell then, shape (3, 3).
    """

    neighbor: NDArray[np.int32]
    image: NDArray[np.int8]
    n_neighbors: NDArray[np.int64]
    numbers: NDArray[np.int64]
    positions: NDArray[np.float64]
    cell: NDArray[np.float64]
    pbc: NDArray[np.bool_]
    skin_ang: float

    @classmethod
    def build(cls, atoms: Atoms, cutoff_ang: float, skin_ang: float) -> Self:
        """Find all pairs nearer than cutoff + skin, periodic images included."""
        first, second, image = NeighborList(cutoff=cutoff_ang + skin_ang, full_list=True, sorted=True).compute(
            points=atoms.positions, box=atoms.cell.array, periodic=atoms.pbc, quantities="ijS"
        )
        counts = np.bincount(first.astype(np.int64), minlength=len(atoms))
        slots, filled = pad_pairs(counts)
        neighbor = np.repeat(np.arange(len(atoms), dtype=np.int32)[:, None], filled.shape[1], axis=1)
        neighbor.reshape(-1)[slots] = second
        padded_image = np.zeros((filled.size, 3), dtype=np.int8)
        padded_image[slots] = image
        return cls(
            neighbor=neighbor,
            image=padded_image.reshape(*filled.shape, 3),
            n_neighbors=counts,
            numbers=atoms.numbers.copy(),
            positions=atoms.positions.copy(),
            cell=atoms.cell.array.copy(),
            pbc=atoms.pbc.copy(),
            skin_ang=skin_ang,
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
