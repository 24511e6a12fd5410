"""HIPNN-TS (l = 1, one interaction layer) with explicit gradients: energies and forces without autograd.

Notation, as in DESIGN section 4: atom i, neighbour j, r = |R_i - R_j|, n = (R_i - R_j)/r; ν counts sensitivities,
e elements, f features. hippynn defines the model (Chigaev et al., J. Chem. Phys. 158, 184108 (2023)); this file
evaluates the same function. Since forces are written out, the gradient of a loss that contains them needs one
backward pass, and molecular dynamics needs no graph at all.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import linear, softplus

from pareto_search.potential.batch import Batch


class AtomLayer(NamedTuple):
    """A residual atom layer, x + R softplus(L x + l) + r: weights (f, f), biases (f,)."""

    weight: Tensor
    bias: Tensor
    res_weight: Tensor
    res_bias: Tensor


class HipnnTensors(NamedTuple):
    """Everything the evaluation reads from a network, as views of hippynn's own parameters."""

    mu: Tensor  # (ν,) Å
    sigma: Tensor  # (ν,) Å
    interaction: Tensor  # (ν, f, e)
    vecscale: Tensor  # (f,)
    self_weight: Tensor  # (f, e)
    self_bias: Tensor  # (f,)
    res_weight: Tensor  # (f, f)
    res_bias: Tensor  # (f,)
    adjust: Tensor | None  # (f, e); None where f == e, when the input is added as it is
    layers: tuple[AtomLayer, ...]
    energy_weight: Tensor  # (f,) eV
    energy_bias: Tensor  # () eV
    reference: Tensor  # (e,) eV, the non-interacting energy E0
    cutoff_ang: float
    cusp_reg: float


class Evaluation(NamedTuple):
    """What a network says of a batch; energies without the per-species reference energies.

    Attributes:
        energy: eV, shape (n_systems,).
        atomic_energy: eV, shape (n_atoms,).
        forces: eV/Å, shape (n_atoms, 3); of shape (0, 3) if not asked for.
        hierarchicality: Sum over the atoms of a frame of e_k²/(e_k² + e_{k-1}²), shape (n_systems,).
    """

    energy: Tensor
    atomic_energy: Tensor
    forces: Tensor
    hierarchicality: Tensor


def sensitivities(distance: Tensor, mu: Tensor, sigma: Tensor, cutoff_ang: float) -> tuple[Tensor, Tensor]:
    """Radial basis s_ν(r) = exp(-½ (1/r - 1/μ)² σ²) cos²(π r / 2 r_cut) and its derivative ds_ν/dr.

    Args:
        distance: Å, any shape (...).
        mu: Å, shape (ν,).
        sigma: Å, shape (ν,).
        cutoff_ang: r_cut; both results are exactly zero from there on.

    Returns:
        s and ds/dr (1/Å), shape (..., ν).
    """
    inverse = distance.reciprocal()
    offset = inverse.unsqueeze(-1) - mu.reciprocal()
    scaled = offset * sigma.square()
    angle = distance * (math.pi / cutoff_ang)  # 2 θ of cos² θ = ½ (1 + cos 2θ)
    inside = (distance < cutoff_ang).to(distance.dtype)
    envelope = (0.5 * (1.0 + torch.cos(angle)) * inside).unsqueeze(-1)
    envelope_slope = (-0.5 * math.pi / cutoff_ang * torch.sin(angle) * inside).unsqueeze(-1)
    gauss = torch.exp(-0.5 * offset * scaled)
    s = gauss * envelope
    ds_dr = s * scaled * inverse.square().unsqueeze(-1) + gauss * envelope_slope
    return s, ds_dr


def local_energies(
    net: HipnnTensors, vectors: Tensor, species: Tensor, neighbor_species: Tensor | None, *, with_gradient: bool = True
) -> tuple[Tensor, Tensor]:
    """Energy of each atom from its neighbourhood, and its gradient by every neighbour vector.

    Args:
        net: The network.
        vectors: R_i - R_j in Å, shape (n_atoms, K, 3); entries beyond the cutoff add nothing.
        species: Element index of each atom, shape (n_atoms,).
        neighbor_species: Element index of each neighbour, shape (n_atoms, K); None for a single element.
        with_gradient: Whether to return the gradient.

    Returns:
        ε_i in eV, shape (n_atoms,), and ∂ε_i/∂(R_i - R_j) in eV/Å, shape (n_atoms, K, 3), or (0, K, 3) without.
    """
    n_elements = net.interaction.shape[2]
    distance = torch.linalg.vector_norm(vectors, dim=-1)
    s, ds_dr = sensitivities(distance, net.mu, net.sigma, net.cutoff_ang)
    direction = vectors / distance.unsqueeze(-1)

    # Environment A[i, (1,n), e, ν]; for one-hot species the input feature only picks neighbours by element.
    tensors = torch.cat([torch.ones_like(distance).unsqueeze(-1), direction], dim=-1)
    picked = None
    if neighbor_species is not None:
        picked = torch.nn.functional.one_hot(neighbor_species, n_elements).to(vectors.dtype)
        columns = (tensors.unsqueeze(-1) * picked.unsqueeze(-2)).flatten(-2)
    else:
        columns = tensors
    environment = torch.matmul(columns.transpose(1, 2), s).reshape(len(species), 4, -1)
    weights = net.interaction.permute(2, 0, 1).flatten(0, 1)  # (e ν, f)

    energy, gradient = _atom_network(net, environment, weights, species, with_gradient)
    if not with_gradient:
        return energy, vectors[:0]

    # Per pair: a = Σ_ν G⁰ s', b = Σ_ν G s', c = Σ_ν G s, then (a + b·n - (c·n)/r) n + c/r.
    gradient = torch.matmul(gradient, weights.T).reshape(len(species), 4 * n_elements, -1)
    radial = _pick(torch.matmul(ds_dr, gradient.transpose(1, 2)), picked)
    tangential = _pick(torch.matmul(s, gradient[:, n_elements:].transpose(1, 2)), picked)
    c_over_r = tangential / distance.unsqueeze(-1)
    along = radial[..., 0] + ((radial[..., 1:] - c_over_r) * direction).sum(-1)
    return energy, along.unsqueeze(-1) * direction + c_over_r


def _pick(by_element: Tensor, picked: Tensor | None) -> Tensor:
    """Keep, of values (n_atoms, K, m·e), those of each neighbour's own element: (n_atoms, K, m)."""
    if picked is None:
        return by_element
    return (by_element.unflatten(-1, (-1, picked.shape[-1])) * picked.unsqueeze(-2)).sum(-1)


def _atom_network(
    net: HipnnTensors, environment: Tensor, weights: Tensor, species: Tensor, with_gradient: bool
) -> tuple[Tensor, Tensor]:
    """The per-atom network on environments (n_atoms, 4, e ν), and ∂ε/∂(environment · weights), (n_atoms, 4, f)."""
    mixed = torch.matmul(environment, weights)
    vector = mixed[:, 1:]
    norm = torch.sqrt(vector.square().sum(1) + net.cusp_reg)
    pre = mixed[:, 0] + net.vecscale * norm + net.self_weight.T[species] + net.self_bias
    features = linear(softplus(pre), net.res_weight, net.res_bias)
    if net.adjust is not None:
        features = features + net.adjust.T[species]
    else:
        features = features + torch.nn.functional.one_hot(species, len(net.self_bias)).to(features.dtype)
    pre_layers = []
    for layer in net.layers:
        hidden = linear(features, layer.weight, layer.bias)
        pre_layers.append(hidden)
        features = features + linear(softplus(hidden), layer.res_weight, layer.res_bias)
    energy = features @ net.energy_weight + net.energy_bias
    if not with_gradient:
        return energy, mixed[:0]

    # The same steps in reverse; softplus' = sigmoid.
    back = net.energy_weight.expand_as(features)
    for layer, hidden in zip(reversed(net.layers), reversed(pre_layers), strict=True):
        back = back + ((back @ layer.res_weight) * torch.sigmoid(hidden)) @ layer.weight
    back = (back @ net.res_weight) * torch.sigmoid(pre)
    vector_back = (back * net.vecscale / norm).unsqueeze(1) * vector
    return energy, torch.cat([back.unsqueeze(1), vector_back], dim=1)


def evaluate(net: HipnnTensors, batch: Batch, *, with_forces: bool = True) -> Evaluation:
    """Energies, atomic energies, forces and hierarchicality of a batch."""
    n_elements = net.interaction.shape[2]
    neighbor_species = batch.species[batch.neighbor] if n_elements > 1 else None
    atomic, gradient = local_energies(net, batch.vectors, batch.species, neighbor_species, with_gradient=with_forces)
    squared = atomic.square()
    share = squared / (squared + net.reference[batch.species].square())
    return Evaluation(
        energy=sum_by_system(atomic, batch),
        atomic_energy=atomic,
        forces=forces_from_pairs(gradient, batch.neighbor) if with_forces else gradient[:, 0],
        hierarchicality=sum_by_system(share, batch),
    )


def sum_by_system(values: Tensor, batch: Batch) -> Tensor:
    """Sum per-atom values (n_atoms,) over each frame: (n_systems,)."""
    return values.new_zeros(batch.n_systems).index_add(0, batch.system, values)


def forces_from_pairs(pair_gradient: Tensor, neighbor: Tensor) -> Tensor:
    """Forces (n_atoms, 3) in eV/Å from ∂ε_i/∂(R_i - R_j) of shape (n_atoms, K, 3)."""
    return (-pair_gradient.sum(1)).index_add(0, neighbor.flatten(), pair_gradient.flatten(0, 1))
