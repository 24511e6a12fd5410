"""The search space: Optuna's distributions, and the way back from a sample to an architecture and loss weights."""

from collections.abc import Mapping
from typing import Any, TypeVar

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from pydantic import ValidationError

from pareto_search.config import Architecture, Choice, LossWeights, Range, Settings, SpaceSettings, bounds
from pareto_search.errors import ConfigError

_Model = TypeVar("_Model", bound=Settings)

#: Fields that take whole numbers, though a range is written with floats.
_WHOLE = ("n_features", "n_sensitivities", "n_atom_layers", "n_interaction_layers", "l_max")


def distributions(space: SpaceSettings) -> dict[str, BaseDistribution]:
    """Optuna's distribution of every searched dimension, by name."""
    return {name: _distribution(name, dimension) for name, dimension in space.searched.items()}


def to_architecture(space: SpaceSettings, params: Mapping[str, Any]) -> Architecture:
    """The architecture of a sample; further keys of the sample are ignored.

    Raises:
        ConfigError: If the sample lacks a searched dimension or its values do not fit together.
    """
    return _build(Architecture, space, params)


def to_weights(space: SpaceSettings, params: Mapping[str, Any]) -> LossWeights:
    """The loss weights of a sample; one below a range's `zero_below` is exactly 0.

    Raises:
        ConfigError: If the sample lacks a searched dimension or all its weights are 0.
    """
    return _build(LossWeights, space, params)


def to_point(space: SpaceSettings, point: Mapping[str, Any]) -> dict[str, Any]:
    """A user's point in the exact values and types of the distributions, so that Optuna takes it as its own."""
    return {name: _exact(name, dimension, point[name]) for name, dimension in space.searched.items()}


def ladder(space: SpaceSettings, n: int) -> list[Architecture]:
    """Architectures spread geometrically from the smallest corner of the space to the largest, both included.

    Args:
        space: The space.
        n: How many; fewer come back where rounding to whole numbers makes two of them equal. One alone is the middle.
    """
    positions = [0.5] if n == 1 else [rung / (n - 1) for rung in range(n)]
    rungs = [
        to_architecture(space, {name: _at(name, dim, position) for name, dim in space.searched.items()})
        for position in positions
    ]
    return list(dict.fromkeys(rungs))


def _distribution(name: str, dimension: Range | Choice) -> BaseDistribution:
    if isinstance(dimension, Choice):
        return CategoricalDistribution(tuple(_whole(name, choice) for choice in dimension.choices))
    if name in _WHOLE:
        return IntDistribution(int(dimension.low), int(dimension.high), log=dimension.log)
    return FloatDistribution(dimension.low, dimension.high, log=dimension.log)


def _build(model: type[_Model], space: SpaceSettings, params: Mapping[str, Any]) -> _Model:
    missing = [name for name in model.model_fields if name in space.searched and name not in params]
    if missing:
        raise ConfigError(f"a point of the search space must name every searched dimension; missing {missing}")
    values = {name: _value(name, getattr(space, name), params) for name in model.model_fields}
    try:
        return model.model_validate(values)
    except ValidationError as error:
        rule = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ConfigError(
            f"search.space holds a point that is no network: {rule} (at {values}); narrow the ranges so that every "
            "combination is allowed"
        ) from error


def _value(name: str, dimension: Any, params: Mapping[str, Any]) -> Any:
    if not isinstance(dimension, Range | Choice):
        return _whole(name, dimension)
    value = params[name]
    if isinstance(dimension, Range) and dimension.zero_below is not None and value < dimension.zero_below:
        return 0 if name in _WHOLE else 0.0
    return _whole(name, value)


def _exact(name: str, dimension: Range | Choice, value: Any) -> Any:
    if isinstance(dimension, Choice):
        return _whole(name, next(choice for choice in dimension.choices if choice == value))
    if name in _WHOLE:
        return round(value)
    return float(value)


def _at(name: str, dimension: Range | Choice, position: float) -> Any:
    """The value at a position from 0 (smallest) to 1 (largest) of a dimension."""
    if isinstance(dimension, Choice):
        # Labels have no order, so the first stands for all.
        if any(isinstance(choice, str) for choice in dimension.choices):
            return dimension.choices[0]
        ordered = sorted(dimension.choices, key=float)
        return ordered[round(position * (len(ordered) - 1))]
    low, high = bounds(dimension)
    value = low * (high / low) ** position if low > 0 else low + (high - low) * position
    return round(value) if name in _WHOLE else min(max(value, low), high)


def _whole(name: str, value: Any) -> Any:
    return int(value) if name in _WHOLE else value
