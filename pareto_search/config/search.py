"""Settings of the search and of the confirmation."""

import math
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, field_validator

from pareto_search.config.base import BUDGET, NEUTRAL, Settings
from pareto_search.config.dimensions import Choice, Range
from pareto_search.config.network import NO_TRANSFER, TrainingSettings, TransferSettings
from pareto_search.config.space import SpaceSettings
from pareto_search.objectives import DEFAULT_OBJECTIVES, LEARNED, OBJECTIVES, Objective, objectives_named

#: Kinds of control, each the student's job with one thing taken away (`networks.job.control_of`).
ControlKind = Literal["paper", "ablation", "tuned", "static", "one_teacher", "scratch"]
#: Those that a teacher teaches: they measure a way of teaching, not the teacher.
TAUGHT_CONTROLS = ("static", "one_teacher", "scratch")
SamplerName = Literal["tpe", "nsga2", "gp", "qmc", "random", "grid"]


class CapSettings(Settings):
    """What a network may cost; an architecture beyond is refused before it is trained."""

    max_md_us_per_atom_step: PositiveFloat | None = None
    min_atoms: PositiveInt | None = None
    max_bytes_per_atom: PositiveFloat | None = None


class PruningSettings(Settings):
    """Which trials go on at the rungs: epochs r, ηr, η²r, ... below max_epochs."""

    grace_epochs: PositiveInt | None = Field(
        None, description="the first rung r; omitted: max_epochs / η³, so that there are three rungs"
    )
    reduction_factor: int = Field(4, ge=2, description="η: the best 1/η of the trials that reached a rung go on")

    def rungs(self, max_epochs: int) -> tuple[int, ...]:
        """Epochs at which it is decided, rising."""
        first = self.grace_epochs or math.ceil(max_epochs / self.reduction_factor**3)
        n_rungs = max(0, math.ceil(math.log(max_epochs / first, self.reduction_factor) - 1e-9))
        return tuple(first * self.reduction_factor**rung for rung in range(n_rungs))


class SearchSettings(Settings):
    """The multi-objective search over students."""

    space: SpaceSettings = SpaceSettings()
    objectives: tuple[str, ...] = Field(
        DEFAULT_OBJECTIVES, description=f"what is optimised, at least two of {', '.join(OBJECTIVES)}"
    )
    n_trials: Annotated[PositiveInt | None, BUDGET] = Field(
        40, description="trials to finish, pruned ones included; null: no limit"
    )
    max_trained_epochs: Annotated[PositiveInt | None, BUDGET] = Field(
        None, description="no trial is begun once students and controls of the search have trained for this many epochs"
    )
    max_hours: Annotated[PositiveFloat | None, BUDGET] = Field(
        None, description="no trial is begun once the search has run this long"
    )
    stop_without_gain: Annotated[PositiveInt | None, BUDGET] = Field(
        None, description="the search ends when the hypervolume has not grown for this many finished trials"
    )
    sampler: SamplerName = "tpe"
    seed: NonNegativeInt = Field(0, description="seed of the sampler")
    network_seed: NonNegativeInt = Field(0, description="seed of the initial weights and batches of every trial")
    points: tuple[dict[str, float | int | str], ...] = Field(
        (), description="points to try first; each names every searched dimension"
    )
    warm_start: tuple[Path, ...] = Field(
        (), description="run directories on the same data and labels, whose trials the sampler knows from the start"
    )
    caps: CapSettings = CapSettings()
    pruning: PruningSettings | None = Field(PruningSettings(), description="null: every trial trains to its end")
    controls: tuple[Literal["paper", "ablation"], ...] = Field(
        ("paper",), description="controls trained beside every student of the search; [] for none"
    )
    training: TrainingSettings = TrainingSettings()
    transfer: TransferSettings = NO_TRANSFER
    report_every_epochs: Annotated[PositiveInt, NEUTRAL] = 5

    @property
    def rungs(self) -> tuple[int, ...]:
        """Epochs at which trials may be pruned; empty without pruning."""
        return () if self.pruning is None else self.pruning.rungs(self.training.max_epochs)

    @property
    def objective_list(self) -> tuple[Objective, ...]:
        """What is optimised, in the order in which values are kept everywhere."""
        return objectives_named(self.objectives)

    @field_validator("objectives")
    @classmethod
    def _objectives_are_known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in OBJECTIVES:
                close = "".join(f"did you mean {other!r}? " for other in get_close_matches(name, OBJECTIVES, n=1))
                raise ValueError(f"{name!r} is no objective; {close}known are {', '.join(OBJECTIVES)}")
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"{', '.join(repeated)} is named more than once")
        if len(names) < 2:
            raise ValueError(f"a front needs at least two objectives; known are {', '.join(OBJECTIVES)}")
        learned = [objective.column for objective in LEARNED]
        if not set(names) & set(learned):
            raise ValueError(f"none of them depends on training; name at least one of {', '.join(learned)}")
        return names

    def _faults(self) -> Iterator[str]:
        if self.n_trials is self.max_trained_epochs is self.max_hours is self.stop_without_gain is None:
            yield "give the search an end: n_trials, max_trained_epochs, max_hours or stop_without_gain"
        ranges = [name for name, dimension in self.space.searched.items() if isinstance(dimension, Range)]
        if self.sampler == "grid" and ranges:
            yield f"sampler grid needs a list of choices for every searched dimension; {ranges} are ranges"
        if not self.space.searched:
            yield "space has nothing to search: give at least one dimension a range or choices"
        for number, point in enumerate(self.points, start=1):
            missing = sorted(set(self.space.searched) - set(point))
            unknown = sorted(set(point) - set(self.space.searched))
            if missing or unknown:
                yield (
                    f"point {number} must name exactly the searched dimensions; "
                    f"missing {missing}, not searched {unknown}"
                )
            for name, value in point.items():
                _check_inside(f"point {number}: {name}", value, self.space.searched[name])


def _check_inside(where: str, value: float | int | str, dimension: Range | Choice) -> None:
    if isinstance(dimension, Choice):
        if value not in dimension.choices:
            raise ValueError(f"{where} = {value!r} is not one of {list(dimension.choices)}")
    elif isinstance(value, str) or not dimension.low <= value <= dimension.high:
        raise ValueError(f"{where} = {value!r} is outside {dimension.low:g} to {dimension.high:g}")


class ConfirmSettings(Settings):
    """Retraining of the front and of a ladder along cost with fresh seeds: the numbers that carry claims."""

    n_seeds: Annotated[PositiveInt, BUDGET] = 4
    first_seed: NonNegativeInt = Field(1000, description="seeds are first_seed, first_seed + 1, ...")
    select: Literal["front", "all"] = Field(
        "front", description="front: as below; all: every student of the search with its own loss weights, for grids"
    )
    max_front: Annotated[PositiveInt, BUDGET] = Field(
        8, description="at most this many architectures from the search's front"
    )
    n_ladder: Annotated[NonNegativeInt, BUDGET] = Field(
        4, description="further architectures spread evenly along MD cost"
    )
    controls: Annotated[tuple[ControlKind, ...], BUDGET] = Field(("paper", "ablation"), min_length=1)
    training: TrainingSettings | None = Field(None, description="omitted: as in the search")
