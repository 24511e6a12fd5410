"""Settings of a network: architecture, loss weights, training, teacher."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    Discriminator,
    Field,
    JsonValue,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    Tag,
    field_validator,
)

from pareto_search.config.base import NEUTRAL, LabelWeighting, Settings
from pareto_search.config.data import TeacherMdSource
from pareto_search.config.dimensions import Numeric, Range
from pareto_search.config.families import AnyArchitecture
from pareto_search.config.hipnn import HipnnArchitecture

Compiling = Literal["auto", "always", "never"]

#: The loss weights of a teacher's labels.
TEACHER_WEIGHTS = ("weight_atomic_energy", "weight_teacher_forces")


class LossWeights(Settings):
    """Weights of the error terms of the loss (the paper's eqn 2 and 5); energies in eV, forces in eV/Å."""

    weight_energy: NonNegativeFloat = 1.0
    weight_forces: NonNegativeFloat = 10.0
    weight_atomic_energy: NonNegativeFloat = Field(0.0, description="of the teacher's atomic energies")
    weight_teacher_forces: NonNegativeFloat = Field(0.0, description="of the teacher's forces, beside the data's")

    def _faults(self) -> Iterator[str]:
        if not any(self.model_dump(include=set(LossWeights.model_fields)).values()):
            yield "at least one loss weight must be above zero"

    def without_teacher(self) -> Self:
        """The same with no weight on any label of a teacher."""
        return self.model_copy(update=dict.fromkeys(TEACHER_WEIGHTS, 0.0))


class SearchedWeights(Settings):
    """The same as dimensions of a search space."""

    weight_energy: Numeric = 1.0
    weight_forces: Numeric = Range(low=3, high=100, log=True)
    weight_atomic_energy: Numeric = Range(low=0.3, high=300, log=True, zero_below=1)
    weight_teacher_forces: Numeric = 0.0


class ScheduledWeights(LossWeights):
    """Loss weights in force from an epoch on."""

    epoch: PositiveInt


#: The paper's weights of teacher and control (its section 5).
PAPER_CONTROL_WEIGHTS = LossWeights(weight_energy=1.0, weight_forces=10.0, weight_atomic_energy=0.0)


class TrainingSettings(Settings):
    """The fitting loop; the defaults are the paper's (its section 5)."""

    max_epochs: PositiveInt = 500
    batch_size: PositiveInt = 64
    learning_rate: PositiveFloat = 1e-3
    plateau_patience: PositiveInt = Field(30, description="epochs without gain before the learning rate is halved")
    plateau_factor: float = Field(0.5, gt=0, lt=1)
    termination_patience: PositiveInt = Field(50, description="epochs without gain before training ends")
    weight_l2: NonNegativeFloat = 1e-6
    weight_hierarchicality: NonNegativeFloat = 0.01
    schedule: tuple[ScheduledWeights, ...] = Field(
        (), description="loss weights by epoch, replacing the network's own; the first row starts at epoch 1"
    )
    checkpoint_every_s: PositiveFloat = 30.0
    compile: Compiling = Field("auto", description="whether steps are compiled; auto: where the work repays it")

    def _faults(self) -> Iterator[str]:
        epochs = [row.epoch for row in self.schedule]
        if epochs and (epochs[0] != 1 or any(b <= a for a, b in pairwise(epochs))):
            yield f"schedule epochs must start at 1 and rise, got {epochs}"
        if epochs and epochs[-1] > self.max_epochs:
            yield f"the schedule's row of epoch {epochs[-1]} never comes: max_epochs is {self.max_epochs}"


class BornAgainSettings(Settings):
    """Further generations of the teacher, each taught by the one before (Furlanello et al., 2018)."""

    n_generations: PositiveInt = 1
    weights: LossWeights = LossWeights(weight_energy=1.0, weight_forces=30.0, weight_atomic_energy=100.0)
    training: TrainingSettings = TrainingSettings()


class TeacherSettings(Settings):
    """The teacher network, or several of one kind."""

    architecture: AnyArchitecture = HipnnArchitecture()
    weights: LossWeights = PAPER_CONTROL_WEIGHTS
    training: TrainingSettings = TrainingSettings()
    seed: NonNegativeInt = Field(0, description="of the first; further members have the seeds that follow")
    n_members: PositiveInt = Field(1, description="teachers of other seeds, whose labels are averaged")
    label_weighting: LabelWeighting = Field(
        "equal", description="spread: atoms on whose energy the members differ count less"
    )
    born_again: BornAgainSettings | None = Field(None, description="omitted: students learn from the first generation")
    reuse: Annotated[tuple[Path, ...], NEUTRAL] = Field(
        (), description="run directories from which this very teacher is taken, if there"
    )

    def _faults(self) -> Iterator[str]:
        if self.label_weighting == "spread" and self.n_members < 2:
            yield "label_weighting: spread needs n_members of at least 2: one teacher has no spread"


class PretrainingSettings(Settings):
    """Training on frames that the teacher makes and labels, before that on the data; they cost no reference labels."""

    frames: TeacherMdSource
    weights: LossWeights = LossWeights(weight_energy=1.0, weight_forces=30.0, weight_atomic_energy=100.0)
    training: TrainingSettings = TrainingSettings()


class TransferSettings(Settings):
    """What a student takes over from its teacher beside the labels; controls without a teacher take over nothing."""

    pretraining: PretrainingSettings | None = Field(None, description="omitted: students start from random weights")
    interaction: Literal["own", "initialised", "frozen"] = Field(
        "own", description="weights of the interaction layer, where shapes allow: the student's own or the teacher's"
    )


#: A student that takes over nothing but the labels.
NO_TRANSFER = TransferSettings()


class ExternalTeacher(Settings):
    """An external teacher: any ASE calculator with energy, forces and per-atom `energies`, in eV and Å."""

    calculator: str = Field(
        description="class or function that gives the calculator, as module:name (ase.calculators.emt:EMT)"
    )
    options: dict[str, JsonValue] = Field({}, description="its keyword arguments")
    n_atoms_timed: PositiveInt = Field(
        108, description="atoms of the supercell on which its MD step is timed, at most measure.n_atoms"
    )
    n_steps_timed: PositiveInt = Field(20, ge=5, description="MD steps timed, at most measure.n_steps")

    @field_validator("calculator")
    @classmethod
    def _names_something(cls, value: str) -> str:
        module, _, name = value.partition(":")
        if not all(part.isidentifier() for text in (module, name) for part in text.split(".")):
            raise ValueError("write it as module:name, for instance ase.calculators.emt:EMT")
        return value

    @property
    def name(self) -> str:
        """The calculator's name without its module."""
        return self.calculator.partition(":")[2].rpartition(".")[2]


def _kind_of_teacher(value: Any) -> str:
    """Which branch the teacher is checked against, so that a mistake gives one message."""
    is_external = isinstance(value, ExternalTeacher) or (isinstance(value, dict) and "calculator" in value)
    return "external" if is_external else "network"


AnyTeacher = Annotated[
    Annotated[TeacherSettings, Tag("network")] | Annotated[ExternalTeacher, Tag("external")],
    Discriminator(_kind_of_teacher),
]
