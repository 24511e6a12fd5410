"""What a family of potentials brings without PyTorch: its hyperparameters, their rules and its search space."""

import functools
import importlib
import types
import typing
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Annotated, Any, ClassVar, Self

from pareto_search.config.base import Settings
from pareto_search.config.dimensions import Dimension, bounds, choices_of, is_label
from pareto_search.records import Scalar, architecture_key


class Architecture(Settings):
    """Everything that changes a network or its cost; each family of potentials brings its own.

    A subclass adds its hyperparameters as fields, with rules as validators. Those that a study may search are fields of
    its `Space`, which is written as a class of settings: annotated `Numeric` or `Label`, with defaults.

    Attributes:
        potential: Where the potential is, as "module:Class", a `pareto_search.potential.interface.Potential`; it is
            imported where a network is built, so that settings need no PyTorch.
        family: Name under which the family is chosen in a config file.
    """

    potential: ClassVar[str]
    #: Names of the engines of the family.
    engine_names: ClassVar[tuple[str, ...]] = ("torch",)
    family: str

    class Space(Settings):
        """The hyperparameters that a study may fix or search, with what they are unless it does."""

    @property
    def label(self) -> str:
        """Short name for tables and figures."""
        raise NotImplementedError(f"{type(self).__name__} needs a label")

    @property
    def cutoff_ang(self) -> float:
        """Distance in Å beyond which atoms do not interact."""
        raise NotImplementedError(f"{type(self).__name__} needs a cutoff_ang")

    @property
    def engines(self) -> tuple[str, ...]:
        """Those of `engine_names` that can evaluate this very architecture, the fastest first."""
        return self.engine_names

    def engine(self, wanted: str | None = None) -> str:
        """The engine that evaluates this architecture: the one wanted, or the fastest where that one cannot."""
        return wanted if wanted in self.engines else self.engines[0]

    @property
    def hyperparameters(self) -> dict[str, Scalar]:
        """Value of every hyperparameter, by name."""
        return self.model_dump(mode="json", exclude={"family"})

    @property
    def key(self) -> str:
        """What identifies it among all architectures."""
        return architecture_key(self.family, self.hyperparameters)

    @classmethod
    def from_point(cls, values: Mapping[str, Scalar]) -> Self:
        """The architecture at a point of the space.

        Args:
            values: The family's name, and a value for every dimension of `Space`; further ones are ignored.
        """
        return cls.model_validate({name: values[name] for name in cls.model_fields if name in values})

    @classmethod
    def corners(cls, space: Mapping[str, Dimension], family: str) -> Iterator[dict[str, Scalar]]:
        """Points at the ends of a space, which must all be allowed: its low end and its high end, with every label."""
        labels = {name: choices_of(dimension) for name, dimension in space.items() if is_label(dimension)}
        for end in (0, 1):
            numbers = {name: bounds(dimension)[end] for name, dimension in space.items() if name not in labels}
            for chosen in product(*labels.values()):
                yield {"family": family, **numbers, **dict(zip(labels, chosen, strict=True))}

    @classmethod
    def why_no_transfer(cls, space: Mapping[str, Dimension], teacher: "Architecture") -> str | None:
        """Why students of this family can take over nothing of a teacher's interaction layer; None if some can."""
        return f"a student of family {cls.__name__} takes over no interaction layer; set interaction: own"

    @classmethod
    def whole_numbers(cls) -> frozenset[str]:
        """Hyperparameters that take whole numbers alone."""
        return _whole_numbers(cls)


@functools.cache
def _whole_numbers(architecture: type[Architecture]) -> frozenset[str]:
    hints = typing.get_type_hints(architecture)
    return frozenset(name for name in architecture.model_fields if _is_whole(hints[name]))


def _is_whole(hint: Any) -> bool:
    if typing.get_origin(hint) is typing.Literal:
        return all(isinstance(value, int) for value in typing.get_args(hint))
    if typing.get_origin(hint) in (Annotated, typing.Union, types.UnionType):
        return any(_is_whole(argument) for argument in typing.get_args(hint))
    return hint is int


def imported(path: str) -> Any:
    """What an import path, written as "module:name", names.

    Raises:
        ValueError: If there is no such thing, or it cannot be imported.
    """
    module, _, name = path.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{path} cannot be imported ({error}); it is written as module:Class") from error
