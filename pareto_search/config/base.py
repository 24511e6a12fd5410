"""What all settings share, and what they are beside their values.

Readers walk the models and keep no lists. A path is whatever is annotated so. What a setting means to a run that is
continued is a mark in its annotation:

    n_trials: Annotated[PositiveInt, BUDGET] = 40
"""

import typing
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Tag, model_validator
from pydantic.fields import FieldInfo

LabelWeighting = Literal["equal", "spread"]


class Settings(BaseModel):
    """Base of all settings: immutable, and an unknown key is an error.

    Rules on several settings together are in `_faults`, which yields what is wrong; the first is the error.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def _faults(self) -> Iterator[str]:
        yield from ()

    @model_validator(mode="after")
    def _has_no_fault(self) -> Self:
        if fault := next(self._faults(), None):
            raise ValueError(fault)
        return self


@dataclass(frozen=True)
class Role:
    """A mark of a setting."""

    name: Literal["budget", "neutral"]


#: It may grow: more trials, seeds or networks are added to what is there.
BUDGET = Role("budget")
#: Neither it nor what is below it changes any number of the study.
NEUTRAL = Role("neutral")


def settings_of(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every setting of a model and of those below it, by its dotted key; of several branches, each."""
    for name, setting in model.model_fields.items():
        yield prefix + name, setting
        for part in models_in(setting.annotation):
            yield from settings_of(part, f"{prefix}{name}.")


@cache
def keys_of_role(model: type[BaseModel], role: Role) -> tuple[str, ...]:
    """Dotted keys of the settings that have a mark, in the order of their definition."""
    return tuple(dict.fromkeys(key for key, setting in settings_of(model) if role in setting.metadata))


@cache
def path_keys(model: type[BaseModel]) -> tuple[str, ...]:
    """Dotted keys of the settings that name files or folders, or several of them."""
    return tuple(dict.fromkeys(key for key, setting in settings_of(model) if Path in _parts(setting.annotation)))


@cache
def union_tags(model: type[BaseModel]) -> frozenset[str]:
    """Names of the branches of unions, which stand in the locations of pydantic's errors beside the keys."""
    tags = set()
    for _, setting in settings_of(model):
        tags |= {part.tag for part in _parts(setting.annotation) if isinstance(part, Tag)}
        if isinstance(setting.discriminator, str):
            for branch in models_in(setting.annotation):
                tags |= set(typing.get_args(branch.model_fields[setting.discriminator].annotation))
    return frozenset(tags)


def models_in(annotation: object) -> Iterator[type[BaseModel]]:
    """The settings models that an annotation allows."""
    return (part for part in _parts(annotation) if isinstance(part, type) and issubclass(part, BaseModel))


def _parts(annotation: object) -> Iterator[object]:
    yield annotation
    for argument in typing.get_args(annotation):
        yield from _parts(argument)
