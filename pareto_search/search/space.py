"""The search space: Optuna's distributions, and the way back from a sample to an architecture and loss weights."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from pydantic import ValidationError

from pareto_search.config import (
    WHOLE_NUMBERS,
    Architecture,
    Choice,
    LossWeights,
    Range,
    Settings,
    SpaceSettings,
    TrainingSettings,
    bounds,
    of_family,
)
from pareto_search.errors import ConfigError

_Model = TypeVar("_Model", bound=Settings)


def distributions(space: SpaceSettings) -> dict[str, BaseDistribution]:
    """Optuna's distribution of every searched dimension, by name."""
    return {name: _distribution(name, dimension) for name, dimension in space.searched.items()}


def to_architecture(space: SpaceSettings, params: Mapping[str, object]) -> Architecture:
    """The architecture of a sample; further keys of the sample are ignored.

    Raises:
        ConfigError: If the sample lacks a searched dimension or its values do not fit together.
    """
    names = [name for name in Architecture.model_fields if name != "dist_soft_max_ang"]
    values = _values(space, params, names)
    if space.dist_soft_gap_ang is None:
        soft = _values(space, params, ["dist_soft_max_ang"])["dist_soft_max_ang"]
    else:
        soft = values["dist_hard_max_ang"] - _values(space, params, ["dist_soft_gap_ang"])["dist_soft_gap_ang"]
    return _build(Architecture, of_family({**values, "dist_soft_max_ang": soft}))


def to_weights(space: SpaceSettings, params: Mapping[str, object]) -> LossWeights:
    """The loss weights of a sample; one below a range's `zero_below` is exactly 0.

    Raises:
        ConfigError: If the sample lacks a searched dimension or all its weights are 0.
    """
    return _build(LossWeights, _values(space, params, list(LossWeights.model_fields)))


def to_training(space: SpaceSettings, params: Mapping[str, object], training: TrainingSettings) -> TrainingSettings:
    """Training settings of a sample: those given, with learning rate and batch size where the space names them.

    Raises:
        ConfigError: If the sample lacks a searched dimension.
    """
    names = [name for name in ("learning_rate", "batch_size") if getattr(space, name) is not None]
    return training.model_copy(update=_values(space, params, names))


def to_point(space: SpaceSettings, point: Mapping[str, object]) -> dict[str, object]:
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


def from_unit(space: SpaceSettings, position: Sequence[float] | NDArray[np.float64]) -> dict[str, object]:
    """The point at a position of the unit cube; uniform positions give what a random sampler draws.

    Args:
        space: The space.
        position: One number from 0 to 1 for every searched dimension, in their order.
    """
    searched = space.searched.items()
    return {name: _at_share(name, dim, float(u)) for (name, dim), u in zip(searched, position, strict=True)}


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


def _distribution(name: str, dimension: Range | Choice) -> BaseDistribution:
    if isinstance(dimension, Choice):
        return CategoricalDistribution(tuple(whole(name, choice) for choice in dimension.choices))
    if name in WHOLE_NUMBERS:
        return IntDistribution(int(dimension.low), int(dimension.high), log=dimension.log)
    return FloatDistribution(dimension.low, dimension.high, log=dimension.log)


def _values(space: SpaceSettings, params: Mapping[str, object], names: Sequence[str]) -> dict[str, Any]:
    """Fixed and sampled values of some dimensions."""
    missing = [name for name in names if name in space.searched and name not in params]
    if missing:
        raise ConfigError(f"a point of the search space must name every searched dimension; missing {missing}")
    return {name: _value(name, getattr(space, name), params) for name in names}


def _value(name: str, dimension: object, params: Mapping[str, Any]) -> Any:
    if not isinstance(dimension, Range | Choice):
        return whole(name, dimension)
    value = params[name]
    if isinstance(dimension, Range) and dimension.zero_below is not None and value < dimension.zero_below:
        return 0 if name in WHOLE_NUMBERS else 0.0
    return whole(name, value)


def _build(model: type[_Model], values: dict[str, object]) -> _Model:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        rule = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ConfigError(
            f"search.space holds a point that is no network: {rule} (at {values}); narrow the ranges so that every "
            "combination is allowed"
        ) from error


def _exact(name: str, dimension: Range | Choice, value: Any) -> Any:
    if isinstance(dimension, Choice):
        return whole(name, next(choice for choice in dimension.choices if choice == value))
    if name in WHOLE_NUMBERS:
        return round(value)
    return float(value)


def _at(name: str, dimension: Range | Choice, position: float) -> Any:
    """The value at a position from 0 (smallest) to 1 (largest) of a dimension."""
    if isinstance(dimension, Choice):
        # Labels have no order, so the first stands for all.
        if not dimension.is_numeric:
            return dimension.choices[0]
        ordered = sorted(dimension.choices, key=float)
        return ordered[round(position * (len(ordered) - 1))]
    low, high = bounds(dimension)
    value = low * (high / low) ** position if low > 0 else low + (high - low) * position
    return round(value) if name in WHOLE_NUMBERS else min(max(value, low), high)


def _at_share(name: str, dimension: Range | Choice, share: float) -> Any:
    """The value below which a share of a uniform sample lies."""
    if isinstance(dimension, Choice):
        return whole(name, dimension.choices[min(int(share * len(dimension.choices)), len(dimension.choices) - 1)])
    # Each whole number owns an equal stretch.
    low, high = (
        (dimension.low - 0.5, dimension.high + 0.5) if name in WHOLE_NUMBERS else (dimension.low, dimension.high)
    )
    value = low * (high / low) ** share if dimension.log else low + share * (high - low)
    value = min(max(value, dimension.low), dimension.high)
    return round(value) if name in WHOLE_NUMBERS else value


def whole(name: str, value: Any) -> Any:
    """The value as a whole number where the dimension takes them."""
    return int(value) if name in WHOLE_NUMBERS else value
