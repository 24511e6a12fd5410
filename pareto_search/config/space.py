"""Settings of the search space: what is fixed and what is searched."""

import functools
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ConfigDict, Field, create_model, model_validator

from pareto_search.config.architecture import Architecture
from pareto_search.config.base import Settings
from pareto_search.config.dimensions import Choice, Dimension, Label, Numeric, Range, bounds, choices_of
from pareto_search.config.families import DEFAULT_FAMILY, family_named
from pareto_search.config.network import LossWeights, SearchedWeights, TrainingSettings
from pareto_search.records import Scalar


class SpaceSettings(SearchedWeights):
    """What is searched: each entry is a number (fixed), a range or a list of choices.

    Beside the fields below it holds the hyperparameters of the families that its networks may be of, as their
    `Architecture.Space` has them.
    """

    model_config = ConfigDict(extra="allow")  # what is no field was checked by the families

    family: Label = Field(DEFAULT_FAMILY, description="hipnn, hiphop, or module:Class of an Architecture of your own")
    learning_rate: Numeric | None = Field(None, description="omitted: training.learning_rate")
    batch_size: Numeric | None = Field(None, description="omitted: training.batch_size")

    @model_validator(mode="before")
    @classmethod
    def _with_hyperparameters(cls, values: Any) -> Any:
        """Check and complete what is no field of this class, as the families want it."""
        if not isinstance(values, dict):
            return values
        own = {name: value for name, value in values.items() if name in cls.model_fields}
        label = own.get("family", DEFAULT_FAMILY)
        names = label.get("choices", ()) if isinstance(label, dict) else choices_of(label)
        families = tuple(dict.fromkeys(family_named(str(name)) for name in names))
        given = {name: value for name, value in values.items() if name not in own}
        space = _space_of(families).model_validate(given)
        known = {name: getattr(space, name) for name in type(space).model_fields}
        return {**own, **{name: value for name, value in known.items() if value is not None}}

    def _faults(self) -> Iterator[str]:
        for name in sorted(self.whole_numbers):
            value = self.dimensions.get(name)
            values = () if value is None else value.choices if isinstance(value, Choice) else bounds(value)
            if any(float(v) != int(v) for v in values):
                yield f"{name} takes whole numbers"
        for name in LossWeights.model_fields:
            if bounds(self.dimensions[name])[0] < 0:
                yield f"{name} may not be negative"
        if bounds(self.weight_energy)[0] == bounds(self.weight_forces)[0] == 0:
            yield "weight_energy and weight_forces may not both reach 0: a control would have no loss"
        for _ in self._corners():  # each is checked as it is made
            pass
        for name in ("learning_rate", "batch_size"):
            if (dimension := self.dimensions.get(name)) is not None:
                for value in bounds(dimension):
                    TrainingSettings.model_validate({name: value})

    def _corners(self) -> Iterator[Architecture]:
        for name, family in self.families.items():
            for point in family.corners(self.hyperparameters, name):
                yield family.from_point(point)

    @property
    def families(self) -> Mapping[str, type[Architecture]]:
        """The families that networks may be of, by name."""
        return {str(name): family_named(str(name)) for name in choices_of(self.family)}

    @property
    def hyperparameters(self) -> Mapping[str, Dimension]:
        """The dimensions of the families, by name."""
        return self.__pydantic_extra__ or {}

    @property
    def dimensions(self) -> Mapping[str, Dimension]:
        """All dimensions, fixed and searched, by name."""
        own = {name: getattr(self, name) for name in ("family", *type(self).model_fields)}  # the order of samplers
        return {**self.hyperparameters, **{name: value for name, value in own.items() if value is not None}}

    @property
    def whole_numbers(self) -> frozenset[str]:
        """Dimensions that take whole numbers, though a range is written with floats."""
        return frozenset({"batch_size"}).union(*(family.whole_numbers() for family in self.families.values()))

    def whole(self, name: str, value: Scalar) -> Scalar:
        """A value as a whole number where the dimension takes them."""
        return int(value) if name in self.whole_numbers else value

    @property
    def largest_cutoff_ang(self) -> float:
        """The longest cutoff in the space."""
        return max(architecture.cutoff_ang for architecture in self._corners())

    @property
    def searched(self) -> dict[str, Range | Choice]:
        """The dimensions that are searched, by name."""
        return {name: value for name, value in self.dimensions.items() if isinstance(value, Range | Choice)}


@functools.cache
def _space_of(families: tuple[type[Architecture], ...]) -> type[Settings]:
    spaces = tuple(dict.fromkeys(family.Space for family in families))
    return spaces[0] if len(spaces) == 1 else create_model("Space", __base__=spaces)
