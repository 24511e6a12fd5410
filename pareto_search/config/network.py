"""Settings of a network: architecture, loss weights, training, teacher."""

from collections.abc import Mapping
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
    model_validator,
)

from pareto_search.config.base import LabelWeighting, Settings
from pareto_search.config.data import TeacherMdSource

Compiling = Literal["auto", "always", "never"]
Family = Literal["hipnn", "hiphop"]

#: The loss weights of a teacher's labels.
TEACHER_WEIGHTS = ("weight_atomic_energy", "weight_teacher_forces")


class Architecture(Settings):
    """A network of hippynn's, with hippynn's hyperparameter names; distances in Å."""

    family: Family = Field("hipnn", description="hipnn: HIP-NN, HIP-NN-TS; hiphop: HIP-HOP-NN")
    n_features: PositiveInt = Field(128, le=1024)
    n_sensitivities: PositiveInt = Field(40, ge=2, le=256)
    n_atom_layers: PositiveInt = Field(4, le=16)
    n_interaction_layers: PositiveInt = Field(1, le=4)
    l_max: Literal[0, 1, 2, 3] = Field(1, description="order of the tensors; 3 for hiphop only")
    n_max: PositiveInt = Field(1, le=4, description="tensors in a product (hiphop, from 2 on)")
    dist_soft_min_ang: PositiveFloat = 1.5
    dist_soft_max_ang: PositiveFloat = 7.0
    dist_hard_max_ang: PositiveFloat = 7.5
    activation: Literal["softplus", "silu", "tanh"] = "softplus"
    cusp_reg: PositiveFloat = 1e-6

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        low, soft, hard = self.dist_soft_min_ang, self.dist_soft_max_ang, self.dist_hard_max_ang
        if not low < soft < hard:
            raise ValueError(
                f"need dist_soft_min_ang < dist_soft_max_ang < dist_hard_max_ang, got {low}, {soft}, {hard}"
            )
        return self

    @model_validator(mode="after")
    def _tensors_of_the_family(self) -> Self:
        if self.family == "hipnn" and (self.l_max > 2 or self.n_max > 1):
            raise ValueError(f"family hipnn has l_max up to 2 and n_max 1, got {self.l_max} and {self.n_max}")
        if self.family == "hiphop" and (self.l_max < 1 or self.n_max < 2):
            raise ValueError(f"family hiphop needs l_max from 1 and n_max from 2 on, got {self.l_max} and {self.n_max}")
        return self

    @property
    def label(self) -> str:
        """Short name: features/sensitivities/layers, with whatever differs from the usual one layer, l = 1."""
        return architecture_label(self.model_dump())


def architecture_label(values: Mapping[str, Any], *, has_cutoff: bool = False) -> str:
    """Short name of an architecture, such as "24/10/2": features/sensitivities/atom layers, then what is unusual.

    Args:
        values: Its settings, as whole or as floating point numbers; an empty family or activation is the usual one.
        has_cutoff: Append the hard cutoff, for studies in which several occur.
    """
    text = "/".join(f"{values[name]:.0f}" for name in ("n_features", "n_sensitivities", "n_atom_layers"))
    if values["family"] not in ("", "hipnn"):
        text += f" {values['family']} n={values['n_max']:.0f}"
    if values["n_interaction_layers"] != 1 or values["l_max"] != 1:
        text += f" ni={values['n_interaction_layers']:.0f} l={values['l_max']:.0f}"
    if values["activation"] not in ("", "softplus"):
        text += f" {values['activation']}"
    return f"{text} @{values['dist_hard_max_ang']:.1f} Å" if has_cutoff else text


class LossWeights(Settings):
    """Weights of the error terms of the loss (the paper's eqn 2 and 5); energies in eV, forces in eV/Å."""

    weight_energy: NonNegativeFloat = 1.0
    weight_forces: NonNegativeFloat = 10.0
    weight_atomic_energy: NonNegativeFloat = Field(0.0, description="of the teacher's atomic energies")
    weight_teacher_forces: NonNegativeFloat = Field(0.0, description="of the teacher's forces, beside the data's")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not any(self.model_dump(include=set(LossWeights.model_fields)).values()):
            raise ValueError("at least one loss weight must be above zero")
        return self

    def without_teacher(self) -> Self:
        """The same with no weight on any label of a teacher."""
        return self.model_copy(update=dict.fromkeys(TEACHER_WEIGHTS, 0.0))


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

    @model_validator(mode="after")
    def _schedule_starts_at_one_and_rises(self) -> Self:
        epochs = [row.epoch for row in self.schedule]
        if epochs and (epochs[0] != 1 or any(b <= a for a, b in pairwise(epochs))):
            raise ValueError(f"schedule epochs must start at 1 and rise, got {epochs}")
        if epochs and epochs[-1] > self.max_epochs:
            raise ValueError(f"the schedule's row of epoch {epochs[-1]} never comes: max_epochs is {self.max_epochs}")
        return self


class BornAgainSettings(Settings):
    """Further generations of the teacher, each taught by the one before (Furlanello et al., 2018)."""

    n_generations: PositiveInt = 1
    weights: LossWeights = LossWeights(weight_energy=1.0, weight_forces=30.0, weight_atomic_energy=100.0)
    training: TrainingSettings = TrainingSettings()


class TeacherSettings(Settings):
    """The teacher network, or several of one kind."""

    architecture: Architecture = Architecture()
    weights: LossWeights = PAPER_CONTROL_WEIGHTS
    training: TrainingSettings = TrainingSettings()
    seed: NonNegativeInt = Field(0, description="of the first; further members have the seeds that follow")
    n_members: PositiveInt = Field(1, description="teachers of other seeds, whose labels are averaged")
    label_weighting: LabelWeighting = Field(
        "equal", description="spread: atoms on whose energy the members differ count less"
    )
    born_again: BornAgainSettings | None = Field(None, description="omitted: students learn from the first generation")
    reuse: tuple[Path, ...] = Field((), description="run directories from which this very teacher is taken, if there")

    @model_validator(mode="after")
    def _spread_of_several(self) -> Self:
        if self.label_weighting == "spread" and self.n_members < 2:
            raise ValueError("label_weighting: spread needs n_members of at least 2: one teacher has no spread")
        return self


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
