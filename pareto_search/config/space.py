"""Settings of the search space: what is fixed and what is searched."""

from collections.abc import Iterator
from itertools import product
from typing import Annotated, Any, Self, cast

from pydantic import Discriminator, Field, PositiveFloat, Tag, model_validator

from pareto_search.config.base import Settings
from pareto_search.config.network import Architecture, LossWeights, TrainingSettings


class Range(Settings):
    """A searched number between two bounds, both included."""

    low: float
    high: float
    log: bool = False
    zero_below: PositiveFloat | None = Field(None, description="samples below this mean exactly 0")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"need low < high, got {self.low:g} and {self.high:g}; write a plain number to fix it")
        if self.log and self.low <= 0:
            raise ValueError(f"a log range needs low > 0, got {self.low:g}; use zero_below to include 0")
        if self.zero_below is not None and not self.low < self.zero_below < self.high:
            raise ValueError(f"need low < zero_below < high, got {self.zero_below:g}")
        return self

    @property
    def bounds(self) -> tuple[float, float]:
        """Smallest and largest value."""
        return (0.0 if self.zero_below is not None else self.low), self.high


class Choice(Settings):
    """A searched value from a list."""

    choices: tuple[float | int | str, ...] = Field(min_length=1)

    @property
    def bounds(self) -> tuple[float, float]:
        """Smallest and largest value of numeric choices."""
        values = [float(value) for value in self.choices]
        return min(values), max(values)

    @property
    def is_numeric(self) -> bool:
        """Whether the choices are numbers, which have an order, and not labels."""
        return not any(isinstance(choice, str) for choice in self.choices)


def _kind_of_dimension(value: Any) -> str:
    """Which branch a dimension of the space is checked against, so that a mistake gives one message."""
    if isinstance(value, Choice) or (isinstance(value, dict) and "choices" in value):
        return "choice"
    if isinstance(value, Range | dict):
        return "range"
    return "number"


Numeric = Annotated[
    Annotated[float, Tag("number")] | Annotated[Range, Tag("range")] | Annotated[Choice, Tag("choice")],
    Discriminator(_kind_of_dimension),
]


def _kind_of_label(value: Any) -> str:
    return "choice" if isinstance(value, Choice | dict) else "text"


Label = Annotated[Annotated[str, Tag("text")] | Annotated[Choice, Tag("choice")], Discriminator(_kind_of_label)]

#: Dimensions that take whole numbers, though a range is written with floats.
WHOLE_NUMBERS = (
    "n_features", "n_sensitivities", "n_atom_layers", "n_interaction_layers", "l_max", "n_max", "batch_size",
)  # fmt: skip


def of_family(architecture: dict[str, Any]) -> dict[str, Any]:
    """Values of an architecture without those that its family has not: a space may hold several families."""
    return {**architecture, "n_max": 1} if architecture["family"] == "hipnn" else architecture


def _choices(label: str | Choice) -> tuple[Any, ...]:
    return label.choices if isinstance(label, Choice) else (label,)


def bounds(dimension: float | Range | Choice) -> tuple[float, float]:
    """Smallest and largest value a dimension of the space can take."""
    return dimension.bounds if isinstance(dimension, Range | Choice) else (float(dimension), float(dimension))


def can_be(dimension: float | Range | Choice, value: float) -> bool:
    """Whether a dimension of the space can take a value."""
    if isinstance(dimension, Choice):
        return value in dimension.choices
    low, high = bounds(dimension)
    return low <= value <= high


class SpaceSettings(Settings):
    """What is searched: each entry is a number (fixed), a range or a list of choices."""

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
    family: Label = "hipnn"
    n_max: Numeric = Field(1, description="of networks of family hiphop")
    activation: Label = "softplus"
    cusp_reg: PositiveFloat = 1e-6
    weight_energy: Numeric = 1.0
    weight_forces: Numeric = Range(low=3, high=100, log=True)
    weight_atomic_energy: Numeric = Range(low=0.3, high=300, log=True, zero_below=1)
    weight_teacher_forces: Numeric = 0.0
    learning_rate: Numeric | None = Field(None, description="omitted: training.learning_rate")
    batch_size: Numeric | None = Field(None, description="omitted: training.batch_size")

    @model_validator(mode="before")
    @classmethod
    def _soft_cutoff(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("dist_soft_max_ang") is values.get("dist_soft_gap_ang") is None:
            return {**values, "dist_soft_max_ang": 7.0}
        return values

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.dist_soft_max_ang is not None and self.dist_soft_gap_ang is not None:
            raise ValueError("give dist_soft_max_ang or dist_soft_gap_ang, not both")
        for name in WHOLE_NUMBERS:
            value = getattr(self, name)
            values = () if value is None else value.choices if isinstance(value, Choice) else bounds(value)
            if any(float(v) != int(v) for v in values):
                raise ValueError(f"{name} takes whole numbers")
        for name in LossWeights.model_fields:
            if bounds(getattr(self, name))[0] < 0:
                raise ValueError(f"{name} may not be negative")
        if bounds(self.weight_energy)[0] == bounds(self.weight_forces)[0] == 0:
            raise ValueError("weight_energy and weight_forces may not both reach 0: a control would have no loss")
        for architecture in self._corners():
            Architecture.model_validate(architecture)
        for name in ("learning_rate", "batch_size"):
            if (dimension := getattr(self, name)) is not None:
                for value in bounds(dimension):
                    TrainingSettings.model_validate({name: value})
        return self

    def _corners(self) -> Iterator[dict[str, Any]]:
        """Architectures at the ends of the space, every combination of cutoffs among them."""
        sizes = ("n_features", "n_sensitivities", "n_atom_layers", "n_interaction_layers", "l_max", "n_max")
        labels = [_choices(self.activation), _choices(self.family)]
        soft_or_gap = cast(float, self.dist_soft_max_ang if self.dist_soft_gap_ang is None else self.dist_soft_gap_ang)
        for end in (0, 1):
            size = {name: bounds(getattr(self, name))[end] for name in sizes}
            radii = product(bounds(soft_or_gap), bounds(self.dist_hard_max_ang))
            for (middle, hard), activation, family in product(radii, *labels):
                soft = middle if self.dist_soft_gap_ang is None else hard - middle
                cutoffs = {
                    "dist_soft_min_ang": self.dist_soft_min_ang,
                    "dist_soft_max_ang": soft,
                    "dist_hard_max_ang": hard,
                }
                names = {"activation": activation, "family": family}
                yield of_family({**size, **cutoffs, **names, "cusp_reg": self.cusp_reg})

    @property
    def largest_cutoff_ang(self) -> float:
        """The longest hard cutoff in the space."""
        return bounds(self.dist_hard_max_ang)[1]

    @property
    def searched(self) -> dict[str, Range | Choice]:
        """The dimensions that are searched, by name."""
        pairs = ((name, getattr(self, name)) for name in type(self).model_fields)
        return {name: value for name, value in pairs if isinstance(value, Range | Choice)}
