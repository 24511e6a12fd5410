"""HIPNN-TS (l = 1, one interaction layer) with explicit gradients: energies and forces without autograd.

Notation: atom i, neighbour j, r = |R_i - R_j|, n = (R_i - R_j)/r; ν counts sensitivities,
E elements, f features, K padded neighbours of one element. hippynn defines the model (Chigaev et al., J. Chem. Phys.
158, 184108 (2023)); this file evaluates the same function. Since forces are written out, the gradient of a loss that
contains them needs one backward pass, and molecular dynamics needs no graph at all.

Every function here is pure and takes tensors only, so that one compiled form serves all architectures of a depth.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import linear, softplus

from pareto_search.potential.batch import Batch
from pareto_search.potential.compiled import is_tracing
from pareto_search.potential.interface import Evaluation, evaluation_of


class AtomLayer(NamedTuple):
    """A residual atom layer, x + R softplus(L x + l) + r: weights (f, f), biases (f,)."""

    weight: Tensor
    bias: Tensor
    res_weight: Tensor
    res_bias: Tensor


class HipnnWeights(NamedTuple):
    """The trainable weights in hippynn's own shapes."""

    mu: Tensor  # (1, ν) Å
    sigma: Tensor  # (1, ν) Å
    interaction: Tensor  # (ν, f, E)
    vecscale: Tensor  # (f,)
    self_weight: Tensor  # (f, E)
    self_bias: Tensor  # (f,)
    res_weight: Tensor  # (f, f)
    res_bias: Tensor  # (f,)
    adjust: Tensor | None  # (f, E); None where f == E, when the input is added as it is
    layers: tuple[AtomLayer, ...]
    energy_weight: Tensor  # (1, f) eV
    energy_bias: Tensor  # (1,) eV


class HipnnConstants(NamedTuple):
    """What does not change in training."""

    reference: Tensor  # (1, E) eV, the non-interacting energy E0
    cutoff_ang: Tensor  # ()
    cusp_reg: Tensor  # ()


class Geometry(NamedTuple):
    """What the network reads of the pairs; it depends on no weight. Beyond the cutoff the envelopes are zero."""

    inverse: Tensor  # 1/r in 1/Å, (n_atoms, E, K)
    direction: Tensor  # n, (3, n_atoms, E, K)
    envelope: Tensor  # cos²(π r / 2 r_cut), (n_atoms, E, K)
    envelope_direction: Tensor  # the same times n, (3, n_atoms, E, K)
    envelope_slope: Tensor  # derivative of cos²(π r / 2 r_cut) by r in 1/Å, (n_atoms, E, K)


def geometry(vectors: Tensor, cutoff_ang: Tensor) -> Geometry:
    """Distances, directions and the cutoff function of pair vectors (3, n_atoms, E, K) in Å."""
    squared = vectors.square().sum(0)
    inverse = torch.rsqrt(squared)
    distance = squared * inverse
    angle = distance * (math.pi / cutoff_ang)  # 2 θ of cos² θ = ½ (1 + cos 2θ)
    inside = (distance < cutoff_ang).to(distance.dtype)
    direction = vectors * inverse
    envelope = 0.5 * (1.0 + torch.cos(angle)) * inside
    return Geometry(
        inverse=inverse,
        direction=direction,
        envelope=envelope,
        envelope_direction=envelope * direction,
        envelope_slope=-0.5 * math.pi / cutoff_ang * torch.sin(angle) * inside,
    )


def gaussians(pairs: Geometry, mu: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
    """The part of the radial basis that depends on ν: g_ν(r) = exp(-½ (1/r - 1/μ)² σ²).

    The basis is s_ν = c g_ν with the envelope c, and its derivative ds_ν/dr = (c d_ν / r² + c′) g_ν with
    d_ν = (1/r - 1/μ) σ²: c and c′ are factors of every sum over ν, which therefore runs over g_ν and d_ν g_ν alone.

    Args:
        pairs: The pairs.
        mu: Å, shape (1, ν).
        sigma: Å, shape (1, ν).

    Returns:
        g_ν and d_ν in Å, shape (n_atoms, E, ν, K).
    """
    offset = pairs.inverse.unsqueeze(-2) - mu.reciprocal().T
    scaled = offset * sigma.square().T
    return torch.exp(-0.5 * offset * scaled), scaled


def local_energies(
    weights: HipnnWeights, constants: HipnnConstants, pairs: Geometry, species: Tensor, *, with_gradient: bool = True
) -> tuple[Tensor, Tensor]:
    """Energy of each atom from its neighbourhood, and its gradient by every neighbour vector.

    Args:
        weights: The network.
        constants: Its constants.
        pairs: The neighbours of every atom.
        species: Element index of each atom, shape (n_atoms,).
        with_gradient: Whether to return the gradient.

    Returns:
        ε_i in eV, shape (n_atoms,), and ∂ε_i/∂(R_i - R_j) in eV/Å, shape (3, n_atoms, E, K), or (3, 0, E, K) without.
    """
    n_elements = weights.interaction.shape[2]
    gauss, scaled = gaussians(pairs, weights.mu, weights.sigma)
    by_neighbor = weights.interaction.permute(2, 0, 1).flatten(0, 1)  # (E ν, f)
    environment = _sum_over_neighbors(gauss, pairs).flatten(2)  # (n_atoms, 4, E ν)
    energy, gradient = _atom_network(weights, constants, environment @ by_neighbor, species, with_gradient)
    if not with_gradient:
        return energy, pairs.direction[:, :0]

    # Per pair: a = Σ_ν G⁰ s', b = Σ_ν G s', c = Σ_ν G s, then (a + b·n - (c·n)/r) n + c/r.
    gradient = (gradient @ by_neighbor.T).unflatten(2, (n_elements, -1)).transpose(1, 2)  # (n_atoms, E, 4, ν)
    sums = _at_each_neighbor(gradient, gauss)
    envelope_over_r = pairs.envelope * pairs.inverse
    radial = envelope_over_r * pairs.inverse * _at_each_neighbor(gradient, gauss * scaled) + pairs.envelope_slope * sums
    c_over_r = envelope_over_r * sums[1:]
    along = radial[0] + ((radial[1:] - c_over_r) * pairs.direction).sum(0)
    return energy, along * pairs.direction + c_over_r


def _sum_over_neighbors(gauss: Tensor, pairs: Geometry) -> Tensor:
    """Environment A[i, (1, n), e, ν] = Σ_j [1, n] c g_ν: (n_atoms, 4, E, ν)."""
    columns = (pairs.envelope, *pairs.envelope_direction)
    if is_tracing():  # written as sums, the four fuse with the exponential into one loop
        return torch.stack([(column.unsqueeze(2) * gauss).sum(-1) for column in columns], dim=1)
    return (torch.stack(columns, dim=2) @ gauss.transpose(2, 3)).transpose(1, 2)


def _at_each_neighbor(gradient: Tensor, basis: Tensor) -> Tensor:
    """Σ_ν gradient[..., m, ν] basis[..., ν, K]: (m, n_atoms, E, K)."""
    if is_tracing():
        return torch.stack([(column.unsqueeze(-1) * basis).sum(2) for column in gradient.unbind(2)])
    return (gradient @ basis).movedim(2, 0)


def _atom_network(
    weights: HipnnWeights, constants: HipnnConstants, mixed: Tensor, species: Tensor, with_gradient: bool
) -> tuple[Tensor, Tensor]:
    """The per-atom network on environment times interaction weights, (n_atoms, 4, f), and its gradient by them."""
    vector = mixed[:, 1:]
    norm = torch.sqrt(vector.square().sum(1) + constants.cusp_reg)
    pre = mixed[:, 0] + weights.vecscale * norm + weights.self_weight.T[species] + weights.self_bias
    features = linear(softplus(pre), weights.res_weight, weights.res_bias)
    if weights.adjust is not None:
        features = features + weights.adjust.T[species]
    else:
        features = features + torch.nn.functional.one_hot(species, pre.shape[1]).to(features.dtype)
    pre_layers = []
    for layer in weights.layers:
        hidden = linear(features, layer.weight, layer.bias)
        pre_layers.append(hidden)
        features = features + linear(softplus(hidden), layer.res_weight, layer.res_bias)
    energy = features @ weights.energy_weight[0] + weights.energy_bias
    if not with_gradient:
        return energy, mixed[:0]

    # The same steps in reverse; softplus' = sigmoid.
    back = weights.energy_weight.expand_as(features)
    for layer, hidden in zip(reversed(weights.layers), reversed(pre_layers), strict=True):
        back = back + ((back @ layer.res_weight) * torch.sigmoid(hidden)) @ layer.weight
    back = (back @ weights.res_weight) * torch.sigmoid(pre)
    vector_back = (back * weights.vecscale / norm).unsqueeze(1) * vector
    return energy, torch.cat([back.unsqueeze(1), vector_back], dim=1)


def evaluate(weights: HipnnWeights, constants: HipnnConstants, batch: Batch, *, with_forces: bool = True) -> Evaluation:
    """Energies, atomic energies, forces and hierarchicality of a batch.

    Args:
        weights: The network.
        constants: Its constants.
        batch: The frames.
        with_forces: Whether to give forces.
    """
    pairs = geometry(batch.vectors, constants.cutoff_ang)
    atomic, gradient = local_energies(weights, constants, pairs, batch.species, with_gradient=with_forces)
    squared = atomic.square()
    share = squared / (squared + constants.reference[0].square()[batch.species])
    return evaluation_of(atomic, gradient, share, batch)


def of_vectors(
    weights: HipnnWeights, constants: HipnnConstants, vectors: Tensor, species: Tensor
) -> tuple[Tensor, Tensor]:
    """What `local_energies` gives for neighbour vectors (3, n_atoms, E, K) in Å.

    Args:
        weights: The network.
        constants: Its constants.
        vectors: R_i - R_j in Å, shape (3, n_atoms, E, K).
        species: Element index of each atom, shape (n_atoms,).
    """
    return local_energies(weights, constants, geometry(vectors, constants.cutoff_ang), species)


def regularized(weights: HipnnWeights) -> list[Tensor]:
    """The weights in hippynn's L2 term (its `regularization_params`), in a fixed order."""
    adjust = [] if weights.adjust is None else [weights.adjust]
    layers = [matrix for layer in weights.layers for matrix in (layer.weight, layer.res_weight)]
    return [weights.interaction, weights.self_weight, weights.res_weight, *adjust, *layers]
