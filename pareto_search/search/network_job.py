"""Which network to train: identified by its content, and its matched controls."""

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from pareto_search.config import (
    PAPER_CONTROL_WEIGHTS,
    Architecture,
    ControlKind,
    LossWeights,
    ScheduledWeights,
    TrainingSettings,
)
from pareto_search.records import Role, Stage
from pareto_search.training.study_data import StudyData

Weights = TypeVar("Weights", bound=LossWeights)


@dataclass(frozen=True)
class NetworkJob:
    """A network to train."""

    stage: Stage
    role: Role
    architecture: Architecture
    weights: LossWeights
    training: TrainingSettings
    seed: int
    control_kind: ControlKind | None = None
    trial_id: int | None = None

    @property
    def kind(self) -> str:
        """teacher, student, or the kind of control."""
        return self.control_kind or self.role

    def model_id(self, data: StudyData) -> str:
        """Name of the network, from everything that decides its weights; stage and trial do not."""
        content = {
            "kind": self.kind,
            "architecture": self.architecture.model_dump(mode="json"),
            "weights": self.weights.model_dump(mode="json"),
            "training": self.training.model_dump(mode="json", exclude={"checkpoint_every_s"}),
            "seed": self.seed,
            "dataset": data.dataset_hash,
            "labels": data.labels.sha256 if self.role == "student" and data.labels else None,
        }
        digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:10]
        return f"{self.kind}-{self.architecture.label.replace('/', '-').replace(' ', '-')}-{digest}"


def control_of(student: NetworkJob, kind: Literal["paper", "ablation"]) -> NetworkJob:
    """The matched control: the student's job with its loss weights replaced, and nothing else.

    `paper` has the paper's control weights; `ablation` the student's own with no weight on the teacher's labels.
    """
    if kind == "paper":
        return control_with(student, kind, PAPER_CONTROL_WEIGHTS)
    schedule = tuple(_without_teacher(row) for row in student.training.schedule)
    return control_with(student, kind, _without_teacher(student.weights), schedule)


def control_with(
    student: NetworkJob, kind: ControlKind, weights: LossWeights, schedule: tuple[ScheduledWeights, ...] = ()
) -> NetworkJob:
    """A control with given loss weights, and all else the student's."""
    training = student.training.model_copy(update={"schedule": schedule})
    return replace(student, role="control", control_kind=kind, weights=weights, training=training)


def _without_teacher(weights: Weights) -> Weights:
    return weights.model_copy(update={"weight_atomic_energy": 0.0})
