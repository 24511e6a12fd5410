"""Which network to train: identified by its content, and its matched controls."""

import hashlib
import json
from dataclasses import dataclass, replace

from pareto_search.config import (
    NO_TRANSFER,
    PAPER_CONTROL_WEIGHTS,
    TAUGHT_CONTROLS,
    Architecture,
    ControlKind,
    LossWeights,
    ScheduledWeights,
    TrainingSettings,
    TransferSettings,
)
from pareto_search.data.labels import Labels
from pareto_search.records import Role, Stage
from pareto_search.training.study_data import StudyData


@dataclass(frozen=True)
class NetworkJob:
    """A network to train.

    Attributes:
        stage: Stage of the study that trains it.
        role: teacher, student or control.
        weights: Weights of its loss, unless the training has a schedule.
        seed: Of initial weights and batches.
        control_kind: Of a control.
        trial_id: Of a network of the search.
        generation: Of a teacher: 0, or how many teachers came before it, each taught by the last.
        member: Of a teacher: which of several.
        transfer: What it takes over from the teacher.
    """

    stage: Stage
    role: Role
    architecture: Architecture
    weights: LossWeights
    training: TrainingSettings
    seed: int
    control_kind: ControlKind | None = None
    trial_id: int | None = None
    generation: int | None = None
    member: int = 0
    transfer: TransferSettings = NO_TRANSFER

    @property
    def kind(self) -> str:
        """teacher, student, or the kind of control."""
        return self.control_kind or self.role

    @property
    def is_first_teacher(self) -> bool:
        """Whether it is the teacher whose folder is `teacher/`."""
        return self.role == "teacher" and not self.generation and not self.member

    def labels(self, data: StudyData) -> Labels | None:
        """The teacher's labels that it learns from; None for networks without a teacher."""
        if self.control_kind == "one_teacher":
            return data.first_labels
        is_taught = self.role == "student" or bool(self.generation) or self.control_kind in TAUGHT_CONTROLS
        return data.labels if is_taught else None

    def model_id(self, data: StudyData) -> str:
        """Name of the network, from everything that decides its weights; stage and trial do not."""
        labels = self.labels(data)
        content = {
            "kind": self.kind,
            "architecture": self.architecture.model_dump(mode="json"),
            "weights": self.weights.model_dump(mode="json"),
            "training": self.training.model_dump(mode="json", exclude={"checkpoint_every_s"}),
            "seed": self.seed,
            "transfer": self.transfer.model_dump(mode="json"),
            "dataset": data.dataset_hash,
            "labels": labels.sha256 if labels else None,
        }
        digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:10]
        return f"{self.kind}-{self.architecture.label.replace('/', '-').replace(' ', '-')}-{digest}"


def control_of(student: NetworkJob, kind: ControlKind) -> NetworkJob:
    """The matched control: the student's job with one thing taken away, and nothing else changed.

    Without a teacher: `paper` has the paper's control weights; `ablation` the student's own with no weight on a
    teacher's labels. With a teacher: `static` lacks the schedule of loss weights, `one_teacher` all teachers but the
    first, `scratch` the weights taken over. A `tuned` control (see `search.tuned_controls`) is made by `control_with`.
    """
    control = replace(student, role="control", control_kind=kind)
    if kind == "paper":
        return control_with(student, kind, PAPER_CONTROL_WEIGHTS)
    if kind == "ablation":
        schedule = tuple(row.without_teacher() for row in student.training.schedule)
        return control_with(student, kind, student.weights.without_teacher(), schedule)
    if kind == "static":
        return replace(control, training=_scheduled(student.training, ()))
    if kind == "scratch":
        return replace(control, transfer=NO_TRANSFER)
    if kind == "one_teacher":
        return control
    raise ValueError(f"the weights of a {kind} control do not follow from its student's")


def control_with(
    student: NetworkJob, kind: ControlKind, weights: LossWeights, schedule: tuple[ScheduledWeights, ...] = ()
) -> NetworkJob:
    """A control without a teacher and with given loss weights; all else is the student's.

    Args:
        student: Whose control it is.
        kind: Kind of control.
        weights: Of the control's loss.
        schedule: Of its loss weights, in place of the student's.
    """
    training = _scheduled(student.training, schedule)
    return replace(student, role="control", control_kind=kind, weights=weights, training=training, transfer=NO_TRANSFER)


def _scheduled(training: TrainingSettings, schedule: tuple[ScheduledWeights, ...]) -> TrainingSettings:
    return training.model_copy(update={"schedule": schedule})
