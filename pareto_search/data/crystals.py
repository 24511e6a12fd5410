"""Distorted crystals: compressed, strained, with vacancies, their atoms moved at random."""

from collections.abc import Iterator

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list

from pareto_search.data.distances import shortest_distance

#: In crystals no two atoms are nearer than this part of the distance of nearest neighbours, about as in hot melts: one
#: closer pair, whose force no network trained on other frames can predict, would be most of the error of its split.
_CLOSEST = 0.7


def disturbed(ideal: Atoms, kind: str, strain: float, rng: np.random.Generator) -> Iterator[Atoms]:
    """Crystals of one kind without end; atoms are moved by parts of the distance of nearest neighbours.

    Args:
        ideal: The undisturbed supercell.
        kind: volume, strain or vacancy.
        strain: Largest component of the strain.
        rng: Draws them.
    """
    near_ang = shortest_distance(ideal)
    while True:
        if kind == "strain":
            yield rattled(_strained(ideal, strain, rng), rng.uniform(0.007, 0.09) * near_ang, rng)
        elif kind == "volume":
            yield rattled(scaled(ideal, rng.uniform(0.93, 1.09)), rng.uniform(0.007, 0.042) * near_ang, rng)
        else:
            strained = _strained(ideal, strain / 3, rng)
            n_vacancies = int(rng.integers(1, max(1, len(ideal) // 16) + 1))
            kept = np.sort(rng.permutation(len(ideal))[n_vacancies:])
            yield rattled(strained[kept], rng.uniform(0.01, 0.064) * near_ang, rng)


def scaled(atoms: Atoms, scale: float) -> Atoms:
    """The cell and what is in it, so many times as long."""
    other: Atoms = atoms.copy()
    other.set_cell(atoms.cell.array * scale, scale_atoms=True)
    return other


def rattled(atoms: Atoms, deviation_ang: float, rng: np.random.Generator) -> Atoms:
    """The atoms, moved at random; those that come too near to another are moved half as far, until none is.

    Args:
        atoms: A crystal, changed in place.
        deviation_ang: Standard deviation of each coordinate, Å.
        rng: Draws the moves.
    """
    sites = atoms.positions.copy()
    moves = rng.normal(scale=deviation_ang, size=sites.shape)
    closest_ang = _CLOSEST * shortest_distance(atoms)
    while True:
        atoms.positions = sites + moves
        too_near = np.unique(neighbor_list("i", atoms, closest_ang))
        if not len(too_near):
            return atoms
        moves[too_near] /= 2


def _strained(atoms: Atoms, largest: float, rng: np.random.Generator) -> Atoms:
    strain = rng.uniform(-largest, largest, size=(3, 3))
    strained: Atoms = atoms.copy()
    strained.set_cell(atoms.cell.array @ (np.eye(3) + (strain + strain.T) / 2), scale_atoms=True)
    return strained
