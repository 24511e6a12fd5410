"""Settings of measuring, of the cluster, and of a whole study."""

import math
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, JsonValue, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from pareto_search.config.base import NEUTRAL, Settings
from pareto_search.config.data import DataSource, SplitSettings, StructureSettings, TeacherMdSource
from pareto_search.config.dimensions import Choice, bounds
from pareto_search.config.liquid_settings import LiquidSettings
from pareto_search.config.network import (
    NO_TRANSFER,
    TEACHER_WEIGHTS,
    AnyTeacher,
    ExternalTeacher,
    LossWeights,
    TeacherSettings,
    TrainingSettings,
)
from pareto_search.config.search import TAUGHT_CONTROLS, ConfirmSettings, SearchSettings


class MeasureSettings(Settings):
    """MD step time and capacity, and where wanted the structure of the liquid."""

    structure: StructureSettings
    engine: str | None = Field(None, description="what evaluates networks in MD; omitted: the fastest of their family")
    n_atoms: PositiveInt = Field(2048, description="atoms of the timed system (nearest supercell)")
    n_steps: PositiveInt = Field(50, ge=5, description="timed steps")
    n_warmup_steps: NonNegativeInt = 10
    timestep_fs: PositiveFloat = 1.0
    temperature_k: PositiveFloat = 300.0
    skin_ang: PositiveFloat = 0.5
    memory_budget_gib: PositiveFloat = Field(
        1.0, description="CPU: memory an MD step may add to the process; a GPU is filled until it is out of memory"
    )
    rel_tol: float = Field(0.02, gt=0, lt=1, description="width of the capacity bracket")
    max_atoms_limit: PositiveInt = Field(20_000_000, description="capacity is not sought beyond this")
    liquid: Annotated[LiquidSettings | None, NEUTRAL] = Field(
        None, description="MD of the liquid by teacher and confirmed networks"
    )


class ClusterSettings(Settings):
    """How trials use the machines."""

    address: Annotated[str | None, NEUTRAL] = Field(
        None, description="address of a running Ray cluster; omitted: start one here"
    )
    cpus_per_trial: PositiveInt = 1
    gpus_per_trial: NonNegativeFloat = 0.0
    max_concurrent_trials: Annotated[PositiveInt | None, NEUTRAL] = Field(
        None, description="omitted: as many as the cluster holds"
    )
    max_hours_per_trial: Annotated[PositiveFloat | None, NEUTRAL] = Field(
        None, description="a trial or network that takes longer is ended as failed; omitted: no limit"
    )
    memory_gib_per_trial: Annotated[PositiveFloat | None, NEUTRAL] = Field(
        None, description="CPU: memory that a trial may hold of its own, capacity probes aside; omitted: no limit"
    )
    reuse_workers: Annotated[bool, NEUTRAL] = Field(
        False,
        description="start trials in the processes of earlier ones: seconds less, but the dashboard shows old names",
    )
    dashboard: Annotated[bool, NEUTRAL] = True
    loggers: tuple[Literal["tensorboard", "mlflow", "wandb"], ...] = Field(
        (), description="loggers of Tune that see the trials too; each needs its package"
    )


class StudyConfig(Settings):
    """Everything a study needs; the root of a config file."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=64)
    description: Annotated[str, NEUTRAL] = ""
    data: DataSource
    split: SplitSettings = SplitSettings()
    teacher: AnyTeacher = TeacherSettings()
    search: SearchSettings = SearchSettings()
    confirm: ConfirmSettings = ConfirmSettings()
    measure: MeasureSettings
    cluster: ClusterSettings = ClusterSettings()
    device: Literal["cpu", "cuda"] = Field("cpu", description="Ray gives each trial its GPU; choose cards for Ray")

    def _faults(self) -> Iterator[str]:
        yield from self._device_faults()
        yield from self._control_faults()
        yield from self._teaching_faults()
        first, n_seeds = self.confirm.first_seed, self.confirm.n_seeds
        if first <= self.search.network_seed < first + n_seeds:
            yield (
                f"search.network_seed {self.search.network_seed} is among the confirmation's seeds {first} to "
                f"{first + n_seeds - 1}; confirm with fresh ones by another confirm.first_seed"
            )
        if self.confirm.select == "all" and self.search.n_trials is None:
            yield "confirm.select: all retrains every trial, so search.n_trials must say how many there are"

    def _device_faults(self) -> Iterator[str]:
        on_gpu = self.device != "cpu"
        if on_gpu != (self.cluster.gpus_per_trial > 0):
            yield (
                f"device is {self.device!r} but cluster.gpus_per_trial is {self.cluster.gpus_per_trial:g}; "
                "a GPU study needs both, a CPU study neither"
            )
        families = [*self.search.space.families.values()]
        if isinstance(self.teacher, TeacherSettings):
            families.append(type(self.teacher.architecture))
        names = sorted({name for family in families for name in family.engine_names})
        if self.measure.engine not in (None, *names):
            yield f"measure.engine is one of {', '.join(names)}, got {self.measure.engine!r}"
        if self.cluster.reuse_workers and on_gpu:
            yield "cluster.reuse_workers is for CPUs: a worker that waits for reuse would keep its GPU"

    def _control_faults(self) -> Iterator[str]:
        controls, transfer, teacher = self.confirm.controls, self.search.transfer, self.teacher
        if "tuned" in controls and not {"weight_energy", "weight_forces"} & set(self.search.space.searched):
            yield (
                "confirm.controls has 'tuned', whose weights of energy and forces are searched as the students' are, "
                "but the space searches neither; give one of them a range, or leave 'tuned' out"
            )
        if "one_teacher" in controls and transfer.pretraining is not None:
            yield (
                "confirm.controls has 'one_teacher', but search.transfer.pretraining has all teachers label the frames "
                "that it is trained on first as well; leave one of them out"
            )
        lacks = {  # what a control would lack, were it not for this: then it would be the student, trained twice
            "static": None if self.confirm_training.schedule else "the training has no schedule",
            "one_teacher": None if isinstance(teacher, TeacherSettings) and teacher.n_members > 1 else "there is one",
            "scratch": None if transfer != NO_TRANSFER else "search.transfer takes over nothing",
        }
        for kind in controls:
            if reason := lacks.get(kind):
                yield f"confirm.controls has {kind!r}, which would be the student itself: {reason}"

    def _teaching_faults(self) -> Iterator[str]:
        search, space, teacher = self.search, self.search.space, self.teacher
        if isinstance(teacher, ExternalTeacher):
            if search.transfer != NO_TRANSFER:
                yield (
                    "search.transfer takes over from a teacher that is a network, but this one is a calculator; "
                    "frames that it makes are the data of source teacher-md"
                )
        else:
            families = space.families.values()
            reasons = [family.why_no_transfer(space.hyperparameters, teacher.architecture) for family in families]
            if search.transfer.interaction != "own" and all(reasons):
                yield str(reasons[0])
            if isinstance(self.data, TeacherMdSource):
                yield (
                    "data.source teacher-md has its frames made by a teacher that exists already, but the teacher of "
                    "this study is a network yet to be trained; give teacher.calculator, or another data.source"
                )
        for training in (search.training, self.confirm_training):
            for row in training.schedule:
                if row.weight_energy == row.weight_forces == 0:
                    yield f"the schedule's row of epoch {row.epoch} has no energy or force weight to train on"
            if training.schedule and set(LossWeights.model_fields) & set(space.searched):
                yield "a schedule replaces the loss weights, so the space may not search them; fix weight_*"

    @property
    def max_confirmed(self) -> int:
        """Students that are confirmed at most, each with several seeds and its controls."""
        if self.confirm.select == "all" and self.search.n_trials is not None:
            return self.search.n_trials
        return self.confirm.max_front + self.confirm.n_ladder

    @property
    def max_confirmation_networks(self) -> int:
        """Networks that the confirmation trains at most.

        In a whole grid, students that differ in the teacher's part of the loss alone share controls that it does not
        teach.
        """
        confirm, n_students = self.confirm, self.max_confirmed
        n_sharing = 1
        if confirm.select == "all" and self.search.sampler == "grid" and not self.search.points:
            weights = (getattr(self.search.space, name) for name in TEACHER_WEIGHTS)
            n_sharing = math.prod(len(weight.choices) for weight in weights if isinstance(weight, Choice))
        n_taught = sum(kind in TAUGHT_CONTROLS for kind in confirm.controls)
        n_untaught = len(confirm.controls) - n_taught
        return confirm.n_seeds * (n_students * (1 + n_taught) + math.ceil(n_students / n_sharing) * n_untaught)

    @property
    def confirm_training(self) -> TrainingSettings:
        """Training settings of the confirmation."""
        return self.confirm.training or self.search.training

    @property
    def learns_atomic_energies(self) -> bool:
        """Whether any student may learn from the teacher's atomic energies."""
        schedules = (row for training in (self.search.training, self.confirm_training) for row in training.schedule)
        weights = [bounds(self.search.space.weight_atomic_energy)[1], *(row.weight_atomic_energy for row in schedules)]
        return max(weights) > 0

    @property
    def largest_cutoff_ang(self) -> float:
        """The longest cutoff of any network of the study, for which neighbour tables are built."""
        longest = self.search.space.largest_cutoff_ang
        if isinstance(self.teacher, ExternalTeacher):
            return longest
        return max(self.teacher.architecture.cutoff_ang, longest)

    def to_plain(self) -> dict[str, JsonValue]:
        """The settings as plain JSON values."""
        return self.model_dump(mode="json")
