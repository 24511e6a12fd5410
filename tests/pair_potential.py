"""A potential of a user's own in plain PyTorch, which nothing in the package knows: a sum of pair energies.

It is chosen in a config file by one line, `search.space.family: tests.pair_potential:PairArchitecture`.
"""

import math
from typing import ClassVar, Literal

import torch
from pydantic import Field, PositiveFloat, PositiveInt
from torch import Tensor, nn

from pareto_search.config import Architecture, Numeric, Range, Settings
from pareto_search.potential.interface import LocalPotential

NAME = "tests.pair_potential:PairArchitecture"


class PairArchitecture(Architecture):
    """Pair energies as sums of Gaussians of the distance."""

    potential: ClassVar[str] = "tests.pair_potential:PairPotential"

    family: Literal["tests.pair_potential:PairArchitecture"] = "tests.pair_potential:PairArchitecture"
    n_gaussians: PositiveInt = Field(8, le=64)
    radius_ang: PositiveFloat = 4.5

    class Space(Settings):
        """What a study may fix or search."""

        n_gaussians: Numeric = Range(low=4, high=16)
        radius_ang: Numeric = 4.5

    @property
    def label(self) -> str:
        """Such as "pair 8"."""
        return f"pair {self.n_gaussians}"

    @property
    def cutoff_ang(self) -> float:
        """Where pair energies end."""
        return self.radius_ang


class PairPotential(LocalPotential):
    """ε_i = ½ Σ_j Σ_k w_k exp(-(r_ij - c_k)² / d²) cos²(π r_ij / 2 r_c)."""

    architecture: PairArchitecture
    centres: Tensor

    def build(self) -> None:
        """Weights for each pair of elements and Gaussian; its centres are spread over the radius."""
        n_elements, n_gaussians = len(self.elements), self.architecture.n_gaussians
        self.weight = nn.Parameter(0.1 * torch.randn(n_elements, n_elements, n_gaussians))
        self.register_buffer("centres", torch.linspace(1.0, self.architecture.radius_ang, n_gaussians))

    def atomic_energy(self, vectors: Tensor, species: Tensor) -> Tensor:
        """Half of the pair energies of each atom."""
        radius, width = self.architecture.radius_ang, self.architecture.radius_ang / self.architecture.n_gaussians
        distance = vectors.square().sum(0).sqrt()  # (n_atoms, n_elements, n_neighbors)
        envelope = 0.5 * (1.0 + torch.cos(distance * (math.pi / radius))) * (distance < radius)
        gaussians = torch.exp(-(((distance.unsqueeze(-1) - self.centres) / width) ** 2))
        weight = 0.5 * (self.weight + self.weight.transpose(0, 1))  # a pair is one, from whichever of its atoms
        return 0.5 * torch.einsum("aen,aeng,aeg->a", envelope, gaussians, weight[species])

    @property
    def numbers_per_pair(self) -> int:
        """One for each Gaussian."""
        return self.architecture.n_gaussians
