"""One chunk of an MD step: what some atoms and the points near them add to energy, forces and virial."""

from collections.abc import Callable

import torch
from torch import Tensor

from pareto_search.potential.compiled import TensorFunction, named_after


def chunk_function(local: Callable[..., tuple[Tensor, Tensor]], dtype: torch.dtype) -> TensorFunction:
    """A function of a potential's state, the coordinates and the neighbours of a chunk's atoms.

    Args:
        local: (*state, vectors, species) → energies and gradients, as `LocalPotential.local_energies`.
        dtype: Of the vectors; differences of coordinates are taken in float64.

    Returns:
        `evaluate_chunk(state, points, rows, neighbor, species)`: of a state (nested tuples of tensors); coordinates of
        all points in Å, shape (3, n_points), float64; those of the chunk's atoms, shape (3, n_rows); points near them,
        shape (n_rows, E, K); and element indices, shape (n_rows,). It returns energies in eV, shape (n_rows,); the
        gradient by every R_i - R_j in eV/Å, shape (3, n_rows, E, K); its sum over the neighbours, shape (3, n_rows);
        and the virial Σ R_ij ⊗ ∂E/∂R_ij in eV, shape (3, 3).
    """

    def evaluate_chunk(
        state: tuple[Tensor, ...], points: Tensor, rows: Tensor, neighbor: Tensor, species: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        vectors = torch.stack(
            [(row[:, None, None] - point[neighbor]).to(dtype) for row, point in zip(rows, points, strict=True)]
        )
        energy, gradient = local(*state, vectors, species)
        return energy, gradient, gradient.sum((2, 3)), vectors.flatten(1) @ gradient.flatten(1).T

    return named_after(evaluate_chunk, local)
