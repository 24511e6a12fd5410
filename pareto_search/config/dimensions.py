"""Dimensions of a search space: a number or a label that is fixed, a range, or a list of choices."""

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Discriminator, Field, PositiveFloat, Tag

from pareto_search.config.base import Settings
from pareto_search.records import Scalar


class Range(Settings):
    """A searched number between two bounds, both included."""

    low: float
    high: float
    log: bool = False
    zero_below: PositiveFloat | None = Field(None, description="samples below this mean exactly 0")

    def _faults(self) -> Iterator[str]:
        if self.low >= self.high:
            yield f"need low < high, got {self.low:g} and {self.high:g}; write a plain number to fix it"
        if self.log and self.low <= 0:
            yield f"a log range needs low > 0, got {self.low:g}; use zero_below to include 0"
        if self.zero_below is not None and not self.low < self.zero_below < self.high:
            yield f"need low < zero_below < high, got {self.zero_below:g}"

    @property
    def bounds(self) -> tuple[float, float]:
        """Smallest and largest value."""
        return (0.0 if self.zero_below is not None else self.low), self.high


class Choice(Settings):
    """A searched value from a list."""

    choices: tuple[Scalar, ...] = Field(min_length=1)

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
    """Which branch a dimension is checked against, so that a mistake gives one message."""
    if isinstance(value, Choice) or (isinstance(value, dict) and "choices" in value):
        return "choice"
    return "range" if isinstance(value, Range | dict) else "number"


def _kind_of_label(value: Any) -> str:
    return "choice" if isinstance(value, Choice | dict) else "text"


#: A number, fixed or searched.
Numeric = Annotated[
    Annotated[float, Tag("number")] | Annotated[Range, Tag("range")] | Annotated[Choice, Tag("choice")],
    Discriminator(_kind_of_dimension),
]
#: A word, fixed or searched.
Label = Annotated[Annotated[str, Tag("text")] | Annotated[Choice, Tag("choice")], Discriminator(_kind_of_label)]
Dimension = float | str | Range | Choice


def bounds(dimension: Dimension) -> tuple[float, float]:
    """Smallest and largest value a numeric dimension can take."""
    return dimension.bounds if isinstance(dimension, Range | Choice) else (float(dimension), float(dimension))


def can_be(dimension: Dimension, value: float) -> bool:
    """Whether a numeric dimension can take a value."""
    if isinstance(dimension, Choice):
        return value in dimension.choices
    low, high = bounds(dimension)
    return low <= value <= high


def choices_of(dimension: Dimension) -> tuple[Scalar, ...]:
    """The values a label can take."""
    if isinstance(dimension, Range):
        raise ValueError("a label is a word or a list of choices, not a range")
    return dimension.choices if isinstance(dimension, Choice) else (dimension,)


def is_label(dimension: Dimension) -> bool:
    """Whether the values are words, which have no order."""
    return isinstance(dimension, str) or (isinstance(dimension, Choice) and not dimension.is_numeric)
