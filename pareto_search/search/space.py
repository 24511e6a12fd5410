"""The search space: Optuna's distributions, and the way back from a sample to an architecture and loss weights."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from pydantic import ValidationError

from pareto_search.config import (
    Architecture,
    Choice,
    LossWeights,
    Range,
    Settings,
    SpaceSettings,
    TrainingSettings,
    bounds,
)
from pareto_search.errors import ConfigError
from pareto_search.records import Scalar

_Model = TypeVar("_Model", bound=Settings)


def distributions(space: SpaceSettings) -> dict[str, BaseDistribution]:
    """Optuna's distribution of every searched dimension, by name."""
    return {name: distribution_of(space, name, dimension) for name, dimension in space.searched.items()}


def to_architecture(space: SpaceSettings, params: Mapping[str, object]) -> Architecture:
    """The architecture of a sample; further keys of the sample are ignored.

    Raises:
        ConfigError: If the sample lacks a searched dimension or its values do not fit together.
    """
    family = str(_value(space, "family", params))
    values = _values(space, params, [name for name in space.hyperparameters])
    return _build(lambda: space.families[family].from_point({"family": family, **values}), values)


def to_weights(space: SpaceSettings, params: Mapping[str, object]) -> LossWeights:
    """The loss weights of a sample; one below a range's `zero_below` is exactly 0.

    Raises:
        ConfigError: If the sample lacks a searched dimension or all its weights are 0.
    """
    values = _values(space, params, list(LossWeights.model_fields))
    return _build(lambda: LossWeights.model_validate(values), values)


def to_training(space: SpaceSettings, params: Mapping[str, object], training: TrainingSettings) -> TrainingSettings:
    """Training settings of a sample: those given, with learning rate and batch size where the space names them.

    Args:
        space: The space.
        params: The sample.
        training: Settings that it changes.

    Raises:
        ConfigError: If the sample lacks a searched dimension.
    """
    names = [name for name in ("learning_rate", "batch_size") if name in space.dimensions]
    return training.model_copy(update=_values(space, params, names))


def to_point(space: SpaceSettings, point: Mapping[str, object]) -> dict[str, object]:
    """A user's point in the exact values and types of the distributions, so that Optuna takes it as its own."""
    return {name: _exact(space, name, dimension, point[name]) for name, dimension in space.searched.items()}


def ladder(space: SpaceSettings, n: int) -> list[Architecture]:
    """Architectures spread geometrically from the smallest corner of the space to the largest, both included.

    Args:
        space: The space.
        n: How many; fewer come back where rounding to whole numbers makes two of them equal. One alone is the middle.
    """
    positions = [0.5] if n == 1 else [rung / (n - 1) for rung in range(n)]
    rungs = [
        to_architecture(space, {name: _at(space, name, dim, position) for name, dim in space.searched.items()})
        for position in positions
    ]
    return list(dict.fromkeys(rungs))


def from_unit(space: SpaceSettings, position: Sequence[float] | NDArray[np.float64]) -> dict[str, object]:
    """The point at a position of the unit cube; uniform positions give what a random sampler draws.

    Args:
        space: The space.
        position: One number from 0 to 1 for every searched dimension, in their order.
    """
    searched = space.searched.items()
    return {name: _at_share(space, name, dim, float(u)) for (name, dim), u in zip(searched, position, strict=True)}


def to_features(space: SpaceSettings, params: Mapping[str, Any]) -> NDArray[np.float64]:
    """Where a point lies, as numbers for a regression: a number's (log) value, a label's one column for each choice."""
    features: list[float] = []
    for name, dimension in space.searched.items():
        value = params[name]
        if isinstance(dimension, Choice) and not dimension.is_numeric:
            features += [float(value == choice) for choice in dimension.choices]
        else:
            is_log = dimension.log if isinstance(dimension, Range) else dimension.bounds[0] > 0
            features.append(math.log(value) if is_log else float(value))
    return np.array(features)


def distribution_of(space: SpaceSettings, name: str, dimension: Range | Choice) -> BaseDistribution:
    """Optuna's distribution of one searched dimension.

    Args:
        space: The space.
        name: Of the dimension.
        dimension: What is searched.
    """
    if isinstance(dimension, Choice):
        return CategoricalDistribution(tuple(space.whole(name, choice) for choice in dimension.choices))
    if name in space.whole_numbers:
        return IntDistribution(int(dimension.low), int(dimension.high), log=dimension.log)
    return FloatDistribution(dimension.low, dimension.high, log=dimension.log)


def _values(space: SpaceSettings, params: Mapping[str, Any], names: Sequence[str]) -> dict[str, Scalar]:
    missing = [name for name in names if name in space.searched and name not in params]
    if missing:
        raise ConfigError(f"a point of the search space must name every searched dimension; missing {missing}")
    return {name: _value(space, name, params) for name in names}


def _value(space: SpaceSettings, name: str, params: Mapping[str, Any]) -> Scalar:
    dimension = space.dimensions[name]
    if not isinstance(dimension, Range | Choice):
        return space.whole(name, dimension)
    value = params[name]
    if isinstance(dimension, Range) and dimension.zero_below is not None and value < dimension.zero_below:
        return 0 if name in space.whole_numbers else 0.0
    return space.whole(name, value)


def _build(build: Callable[[], _Model], values: Mapping[str, Scalar]) -> _Model:
    try:
        return build()
    except ValidationError as error:
        rule = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ConfigError(
            f"search.space holds a point that is no network: {rule} (at {values}); narrow the ranges so that every "
            "combination is allowed"
        ) from error


def _exact(space: SpaceSettings, name: str, dimension: Range | Choice, value: Any) -> Any:
    if isinstance(dimension, Choice):
        return space.whole(name, next(choice for choice in dimension.choices if choice == value))
    if name in space.whole_numbers:
        return round(value)
    return float(value)


def _at(space: SpaceSettings, name: str, dimension: Range | Choice, position: float) -> Any:
    """The value at a position from 0 (smallest) to 1 (largest) of a dimension."""
    if isinstance(dimension, Choice):
        # Labels have no order, so the first stands for all.
        if not dimension.is_numeric:
            return dimension.choices[0]
        ordered = sorted(dimension.choices, key=float)
        return ordered[round(position * (len(ordered) - 1))]
    low, high = bounds(dimension)
    value = low * (high / low) ** position if low > 0 else low + (high - low) * position
    return round(value) if name in space.whole_numbers else min(max(value, low), high)


def _at_share(space: SpaceSettings, name: str, dimension: Range | Choice, share: float) -> Any:
    """The value below which a share of a uniform sample lies."""
    if isinstance(dimension, Choice):
        return space.whole(
            name, dimension.choices[min(int(share * len(dimension.choices)), len(dimension.choices) - 1)]
        )
    # Each whole number owns an equal stretch.
    low, high = (
        (dimension.low - 0.5, dimension.high + 0.5) if name in space.whole_numbers else (dimension.low, dimension.high)
    )
    value = low * (high / low) ** share if dimension.log else low + share * (high - low)
    value = min(max(value, dimension.low), dimension.high)
    return round(value) if name in space.whole_numbers else value
