"""Radial distribution functions g(r): counting pairs, errors from blocks, and how far one is from another.

Everything is the total g(r): over all pairs of atoms, whatever their elements.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from pareto_search.data.distances import pair_distances

#: Mean of |x| over the standard deviation, for x normal with mean 0.
_MEAN_ABSOLUTE = float(np.sqrt(2.0 / np.pi))


@dataclass(frozen=True)
class Rdf:
    """g(r) of a system, by blocks of frames that follow each other.

    Attributes:
        edges_ang: Limits of the bins in Å, evenly spaced from 0, shape (n_bins + 1,).
        blocks: Mean g of each block, shape (n_blocks, n_bins), n_blocks at least 2.
    """

    edges_ang: NDArray[np.float64]
    blocks: NDArray[np.float64]

    @property
    def r_ang(self) -> NDArray[np.float64]:
        """Middles of the bins in Å, shape (n_bins,)."""
        return (self.edges_ang[:-1] + self.edges_ang[1:]) / 2

    @property
    def g(self) -> NDArray[np.float64]:
        """Mean over the blocks, shape (n_bins,)."""
        return np.asarray(self.blocks.mean(axis=0))

    @property
    def g_std(self) -> NDArray[np.float64]:
        """Standard error of `g`, from blocks that are taken to be independent, shape (n_bins,)."""
        return np.asarray(self.blocks.std(axis=0, ddof=1) / np.sqrt(len(self.blocks)))


@dataclass(frozen=True)
class RdfDifference:
    """How far a g(r) is from a reference.

    Attributes:
        error_ang: Total absolute difference Σ|g − g_ref| Δr over all bins, Å.
        std_ang: Its standard error in Å, from leaving out blocks of either in turn (jackknife).
        noise_ang: What it would be on average if the two differed by noise alone, Å. An error that is not clearly above
            this means nothing: an absolute difference of noisy curves is never 0.
    """

    error_ang: float
    std_ang: float
    noise_ang: float


def bin_edges(r_max_ang: float, n_bins: int) -> NDArray[np.float64]:
    """Limits of evenly spaced bins from 0 to r_max_ang, shape (n_bins + 1,)."""
    return np.linspace(0.0, r_max_ang, n_bins + 1)


def pair_counts(atoms: Atoms, edges_ang: NDArray[np.float64]) -> NDArray[np.int64]:
    """Unordered pairs whose distance lies in each bin (lower limit included), shape (n_bins,)."""
    distances = pair_distances(atoms, float(edges_ang[-1]))
    n_bins = len(edges_ang) - 1
    bins = np.searchsorted(edges_ang, distances, side="right") - 1
    return np.bincount(bins[bins < n_bins], minlength=n_bins)


def ideal_counts(atoms: Atoms, edges_ang: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of `pair_counts` over independent, evenly spread atoms: ½ N (N − 1) v / V with v the volume of the shell."""
    n_atoms = len(atoms)
    shells = 4.0 / 3.0 * np.pi * np.diff(edges_ang**3)
    return np.asarray(0.5 * n_atoms * (n_atoms - 1) * shells / atoms.get_volume())


def rdf_of_frames(frames: Iterable[Atoms], edges_ang: NDArray[np.float64], n_frames: int, n_blocks: int) -> Rdf:
    """g(r) of frames, each periodic in all directions.

    Args:
        frames: n_frames of them, in order; an iterator may make them one by one.
        edges_ang: Limits of the bins, shape (n_bins + 1,).
        n_frames: A multiple of n_blocks.
        n_blocks: Parts of equally many frames.
    """
    if n_frames % n_blocks:
        raise ValueError(f"blocks must have equally many frames, got {n_frames} frames for {n_blocks} blocks")
    blocks = np.zeros((n_blocks, len(edges_ang) - 1))
    per_block = n_frames // n_blocks
    for number, atoms in enumerate(frames):
        blocks[number // per_block] += pair_counts(atoms, edges_ang) / ideal_counts(atoms, edges_ang) / per_block
    return Rdf(edges_ang, blocks)


def rdf_difference(rdf: Rdf, reference: Rdf) -> RdfDifference:
    """How far a g(r) is from a reference with the same bins.

    Raises:
        ValueError: If the bins differ.
    """
    if not np.array_equal(rdf.edges_ang, reference.edges_ang):
        raise ValueError("the two g(r) have different bins")
    width_ang = float(rdf.edges_ang[1] - rdf.edges_ang[0])
    variance = _jackknife_variance(rdf.blocks, reference.g) + _jackknife_variance(reference.blocks, rdf.g)
    return RdfDifference(
        error_ang=float(np.abs(rdf.g - reference.g).sum()) * width_ang,
        std_ang=float(np.sqrt(variance)) * width_ang,
        noise_ang=_MEAN_ABSOLUTE * float(np.hypot(rdf.g_std, reference.g_std).sum()) * width_ang,
    )


def _jackknife_variance(blocks: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Variance of Σ|mean of blocks − other| due to the blocks, shape (n_blocks, n_bins)."""
    n_blocks = len(blocks)
    without_one = (blocks.sum(axis=0) - blocks) / (n_blocks - 1)
    totals = np.abs(without_one - other).sum(axis=1)
    return float((n_blocks - 1) * totals.var())
