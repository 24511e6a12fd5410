"""Settings of hippynn's networks, the families `hipnn` (HIP-NN, HIP-NN-TS) and `hiphop` (HIP-HOP-NN)."""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import ClassVar, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from pareto_search.config.architecture import Architecture
from pareto_search.config.base import Settings
from pareto_search.config.dimensions import Dimension, Label, Numeric, Range, bounds, can_be, choices_of
from pareto_search.records import Scalar

_SIZES = ("n_features", "n_sensitivities", "n_atom_layers", "n_interaction_layers", "l_max", "n_max")


class HipnnArchitecture(Architecture):
    """A network of hippynn's, with hippynn's hyperparameter names; distances in Å."""

    potential: ClassVar[str] = "pareto_search.potential.hipnn.potential:HipnnPotential"
    engine_names: ClassVar[tuple[str, ...]] = ("explicit", "hippynn")

    family: Literal["hipnn", "hiphop"] = Field("hipnn", description="hipnn: HIP-NN, HIP-NN-TS; hiphop: HIP-HOP-NN")
    n_features: PositiveInt = Field(128, le=1024)
    n_sensitivities: PositiveInt = Field(40, ge=2, le=256)
    n_atom_layers: PositiveInt = Field(4, le=16)
    n_interaction_layers: PositiveInt = Field(1, le=4)
    l_max: Literal[0, 1, 2, 3] = Field(1, description="order of the tensors; 3 for hiphop only")
    n_max: PositiveInt = Field(1, le=4, description="tensors in a product (hiphop, from 2 on)")
    dist_soft_min_ang: PositiveFloat = 1.5
    dist_soft_max_ang: PositiveFloat = 7.0
    dist_hard_max_ang: PositiveFloat = 7.5
    activation: Literal["softplus", "silu", "tanh"] = "softplus"
    cusp_reg: PositiveFloat = 1e-6

    class Space(Settings):
        """What a study may fix or search."""

        n_features: Numeric = Range(low=12, high=128, log=True)
        n_sensitivities: Numeric = Range(low=8, high=40)
        n_atom_layers: Numeric = Range(low=1, high=4)
        n_interaction_layers: Numeric = 1
        l_max: Numeric = 1
        dist_soft_min_ang: PositiveFloat = 1.5
        dist_soft_max_ang: Numeric | None = Field(None, description="omitted, and no dist_soft_gap_ang: 7.0")
        dist_soft_gap_ang: Numeric | None = Field(
            None, description="dist_hard_max_ang - dist_soft_max_ang, in place of dist_soft_max_ang"
        )
        dist_hard_max_ang: Numeric = 7.5
        n_max: Numeric = Field(1, description="of networks of family hiphop")
        activation: Label = "softplus"
        cusp_reg: PositiveFloat = 1e-6

        @model_validator(mode="before")
        @classmethod
        def _soft_cutoff(cls, values: dict[str, object]) -> dict[str, object]:
            if values.get("dist_soft_max_ang") is values.get("dist_soft_gap_ang") is None:
                return {**values, "dist_soft_max_ang": 7.0}
            return values

        def _faults(self) -> Iterator[str]:
            if self.dist_soft_max_ang is not None and self.dist_soft_gap_ang is not None:
                yield "give dist_soft_max_ang or dist_soft_gap_ang, not both"

    def _faults(self) -> Iterator[str]:
        low, soft, hard = self.dist_soft_min_ang, self.dist_soft_max_ang, self.dist_hard_max_ang
        if not low < soft < hard:
            yield f"need dist_soft_min_ang < dist_soft_max_ang < dist_hard_max_ang, got {low}, {soft}, {hard}"
        if self.family == "hipnn" and (self.l_max > 2 or self.n_max > 1):
            yield f"family hipnn has l_max up to 2 and n_max 1, got {self.l_max} and {self.n_max}"
        if self.family == "hiphop" and (self.l_max < 1 or self.n_max < 2):
            yield f"family hiphop needs l_max from 1 and n_max from 2 on, got {self.l_max} and {self.n_max}"

    @property
    def label(self) -> str:
        """Features/sensitivities/layers, with whatever differs from the usual one interaction layer, l = 1."""
        text = f"{self.n_features}/{self.n_sensitivities}/{self.n_atom_layers}"
        if self.family != "hipnn":
            text += f" {self.family} n={self.n_max}"
        if self.n_interaction_layers != 1 or self.l_max != 1:
            text += f" ni={self.n_interaction_layers} l={self.l_max}"
        return text if self.activation == "softplus" else f"{text} {self.activation}"

    @property
    def engines(self) -> tuple[str, ...]:
        """The explicit engine where it applies (HIP-NN-TS of one interaction layer), and hippynn's graph."""
        usual = (self.family, self.l_max, self.n_interaction_layers, self.activation) == ("hipnn", 1, 1, "softplus")
        return self.engine_names if usual else ("hippynn",)

    @property
    def cutoff_ang(self) -> float:
        """The hard cutoff."""
        return self.dist_hard_max_ang

    @classmethod
    def from_point(cls, values: Mapping[str, Scalar]) -> Self:
        """The architecture at a point of the space, whose soft cutoff may be given by its gap to the hard one."""
        known = dict(values)
        if known.get("dist_soft_gap_ang") is not None:
            known["dist_soft_max_ang"] = float(known["dist_hard_max_ang"]) - float(known["dist_soft_gap_ang"])
        if known["family"] == "hipnn":  # a space may hold both families
            known["n_max"] = 1
        return super().from_point(known)

    @classmethod
    def corners(cls, space: Mapping[str, Dimension], family: str) -> Iterator[dict[str, Scalar]]:
        """Points at the ends of a space, every combination of cutoffs among them."""
        soft = "dist_soft_max_ang" if "dist_soft_max_ang" in space else "dist_soft_gap_ang"
        fixed = {name: float(bounds(space[name])[0]) for name in ("dist_soft_min_ang", "cusp_reg")}
        for end in (0, 1):
            sizes = {name: bounds(space[name])[end] for name in _SIZES}
            radii = product(bounds(space[soft]), bounds(space["dist_hard_max_ang"]))
            for (middle, hard), activation in product(radii, choices_of(space["activation"])):
                cutoffs = {soft: middle, "dist_hard_max_ang": hard}
                yield {"family": family, **sizes, **fixed, **cutoffs, "activation": activation}

    @classmethod
    def why_no_transfer(cls, space: Mapping[str, Dimension], teacher: Architecture) -> str | None:
        """Interaction layers of other numbers of sensitivities, or of other families, have other shapes."""
        if not isinstance(teacher, HipnnArchitecture):
            return f"the teacher is no network of hippynn's, but {teacher.family}; set interaction: own"
        if can_be(space["n_sensitivities"], teacher.n_sensitivities):
            return None
        return (
            f"search.transfer.interaction takes over what has the teacher's {teacher.n_sensitivities} sensitivities, "
            f"which no student of search.space.n_sensitivities has; make it {teacher.n_sensitivities}, or set "
            "interaction: own"
        )
