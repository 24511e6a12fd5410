"""One chunk of an MD step: what some atoms and the points near them add to energy, forces and virial."""

import torch
from torch import Tensor

from pareto_search.potential.engine import HipnnConstants, HipnnWeights, geometry, local_energies


def evaluate_chunk(
    weights: HipnnWeights,
    constants: HipnnConstants,
    points: Tensor,
    rows: Tensor,
    neighbor: Tensor,
    species: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Energies of a chunk's atoms and their gradients. Differences of coordinates are taken in float64.

    Args:
        weights: The network.
        constants: Its constants.
        points: Coordinates of all points, Å, shape (3, n_points), float64.
        rows: Those of the chunk's atoms, shape (3, n_rows).
        neighbor: Points near them, shape (n_rows, E, K).
        species: Element index of the atoms, shape (n_rows,).

    Returns:
        Energies in eV, shape (n_rows,); gradient by every R_i - R_j in eV/Å, shape (3, n_rows, E, K); its sum over the
        neighbours, shape (3, n_rows); virial Σ R_ij ⊗ ∂E/∂R_ij in eV, shape (3, 3).
    """
    dtype = constants.cutoff_ang.dtype
    vectors = torch.stack(
        [(row[:, None, None] - point[neighbor]).to(dtype) for row, point in zip(rows, points, strict=True)]
    )
    pairs = geometry(vectors, constants.cutoff_ang)
    energy, gradient = local_energies(weights, constants, pairs, species)
    return energy, gradient, gradient.sum((2, 3)), vectors.flatten(1) @ gradient.flatten(1).T
