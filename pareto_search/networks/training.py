"""Training one network of a study: identified by its content, trained once, kept as a model folder."""

import csv
import io
import json
import logging
import shutil
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import torch

from pareto_search.errors import DataError
from pareto_search.files import locked, whole_folder
from pareto_search.measure.accuracy import Accuracy, measure_accuracy
from pareto_search.networks.job import NetworkJob
from pareto_search.potential.build import build_potential, take_over_interaction
from pareto_search.potential.interface import Potential
from pareto_search.potential.model_files import load_model, read_description, save_model
from pareto_search.records import CostRecord, CurvePoint, ModelRecord, Status
from pareto_search.training.checkpoint import read_checkpoint
from pareto_search.training.fit import fit
from pareto_search.training.study_data import StudyData

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class NetworkFolders:
    """Where a worker trains.

    Attributes:
        teacher_dir: Folder of the first teacher.
        origin_dir: Folder of the teacher that students take weights over from.
        models_dir: Folders of the other networks.
        training_dir: Checkpoints of half-trained ones.
        epoch_guard: Entered for the length of each epoch, so that nothing trains while a cost is measured.
    """

    teacher_dir: Path
    origin_dir: Path
    models_dir: Path
    training_dir: Path
    device: str
    epoch_guard: Callable[[], AbstractContextManager[None]] = nullcontext

    def folder(self, job: NetworkJob, model_id: str) -> Path:
        """Where a finished network is kept."""
        return self.teacher_dir if job.is_first_teacher else self.models_dir / model_id


@dataclass(frozen=True)
class NetworkTraining:
    """The training of one network.

    Attributes:
        job: The network.
        data: What it is trained on.
        folders: Where it is trained and kept.
        cost: Its cost, for the record; None where that is not known.
    """

    job: NetworkJob
    data: StudyData
    folders: NetworkFolders
    cost: CostRecord | None = None

    @cached_property
    def model_id(self) -> str:
        """Name of the network."""
        return self.job.model_id(self.data)

    @cached_property
    def folder(self) -> Path:
        """Where it is kept once it is finished."""
        return self.folders.folder(self.job, self.model_id)

    @property
    def _checkpoint(self) -> Path:
        return self.folders.training_dir / f"{self.model_id}.pt"

    def run(self, on_epoch: Callable[[CurvePoint], None] | None = None, save_at: Collection[int] = ()) -> ModelRecord:
        """Train the network, or return its record if it is finished already.

        A half-trained network continues from its checkpoint. Two processes that want the same network train it once:
        the second waits for the first. A network that fails leaves a record with the reason, and is tried again the
        next time.

        Args:
            on_epoch: Called after each epoch, also for those before a continuation.
            save_at: Epochs after which a checkpoint is written before on_epoch is called.

        Raises:
            RuntimeError, MemoryError, ArithmeticError, ValueError: What made it fail.
        """
        with locked(self._checkpoint.with_suffix(".lock")):
            if is_finished(self.folder):
                return replace(finished_record(self.folder), stage=self.job.stage, trial_id=self.job.trial_id)
            try:
                return self._train(on_epoch, save_at)
            except (RuntimeError, MemoryError, ArithmeticError, ValueError) as error:
                self._save(None, self._record("failed", reason=f"{type(error).__name__}: {error}".splitlines()[0]))
                raise

    def give_up(self, status: Literal["pruned", "failed"], reason: str) -> ModelRecord:
        """Record a network that is not trained further; its curve up to the last checkpoint is kept, and that with it.

        One that has recorded its own end is left as it is.
        """
        if (self.folder / "model.json").is_file() and finished_record(self.folder).status != "pruned":
            return finished_record(self.folder)
        checkpoint = read_checkpoint(self._checkpoint, torch.device("cpu"))
        record, curve = self._record(status, reason=reason), checkpoint.curve if checkpoint else ()
        if checkpoint and curve:
            record = replace(
                record,
                n_epochs=checkpoint.epoch,
                train_s=checkpoint.train_s,
                valid_force_rmse_ev_per_ang=curve[-1].valid_force_rmse_ev_per_ang,
                valid_energy_rmse_ev_per_atom=curve[-1].valid_energy_rmse_ev_per_atom,
            )
        return self._save(None, record, curve)

    def _train(self, on_epoch: Callable[[CurvePoint], None] | None, save_at: Collection[int]) -> ModelRecord:
        job, data = self.job, self.data
        potential = self._initial()
        first = self._checkpoint.with_suffix(".first.pt")
        if read_checkpoint(self._checkpoint, potential.device) is None:
            lost_in = self._pretrain(potential, first)
            if lost_in is not None:
                first.unlink(missing_ok=True)
                reason = f"the loss became non-finite in epoch {lost_in} of training on the teacher's frames"
                return log_record(self._save(None, self._record("diverged", reason=reason)))
        loader = data.loader(job.architecture, labels=job.labels(data), device=potential.device)
        result = fit(
            potential, loader, data.split, job.weights, job.training, seed=job.seed, checkpoint=self._checkpoint,
            on_epoch=on_epoch, save_at=save_at, epoch_guard=self.folders.epoch_guard,
        )  # fmt: skip
        columns: dict[str, Any] = {"n_epochs": result.n_epochs, "train_s": result.train_s}
        if result.status == "complete":
            splits = (data.split.valid, data.split.test)
            columns |= error_columns(*(measure_accuracy(potential, loader, systems) for systems in splits))
        else:
            columns["reason"] = f"the loss became non-finite in epoch {result.n_epochs}"
        kept = potential if result.status == "complete" else None
        record = self._save(kept, self._record(result.status, n_weights=potential.n_weights, **columns), result.curve)
        self._checkpoint.unlink(missing_ok=True)
        first.unlink(missing_ok=True)
        return log_record(record)

    def _initial(self) -> Potential:
        """The network before training: its seed's, with what it takes over from the teacher."""
        potential = build_potential(self.job.architecture, self.data.references, seed=self.job.seed)
        if self.job.transfer.interaction != "own":
            teacher = load_model(self.folders.origin_dir)
            take_over_interaction(potential, teacher, is_frozen=self.job.transfer.interaction == "frozen")
        return potential.to(self.folders.device)

    def _pretrain(self, potential: Potential, checkpoint: Path) -> int | None:
        """Train on the frames that the teacher made, where the job wants that; the epoch in which it diverged."""
        settings, snapshots = self.job.transfer.pretraining, self.data.snapshots
        if settings is None or snapshots is None:
            return None
        loader = snapshots.loader(self.job.architecture, labels=snapshots.labels, device=potential.device)
        result = fit(
            potential, loader, snapshots.split, settings.weights, settings.training, seed=self.job.seed,
            checkpoint=checkpoint, epoch_guard=self.folders.epoch_guard,
        )  # fmt: skip
        text = "%s: trained on %d frames of the teacher first, %d epochs, %s"
        n_frames = len(snapshots.split.train)
        logger.info(text, self.job.architecture.label, n_frames, result.n_epochs, result.status)
        return result.n_epochs if result.status == "diverged" else None

    def _record(self, status: Status, **columns: Any) -> ModelRecord:
        job, labels = self.job, self.job.labels(self.data)
        return ModelRecord(
            model_id=self.model_id,
            trial_id=job.trial_id,
            stage=job.stage,
            role=job.role,
            control_kind=job.control_kind,
            seed=job.seed,
            family=job.architecture.family,
            label=job.architecture.label,
            hyperparameters=job.architecture.hyperparameters,
            dist_hard_max_ang=job.architecture.cutoff_ang,
            **job.weights.model_dump(),
            status=status,
            dataset_hash=self.data.dataset_hash,
            label_hash=labels.sha256 if labels else None,
            learning_rate=job.training.learning_rate,
            batch_size=job.training.batch_size,
            generation=job.generation,
            **({} if self.cost is None else cost_columns(self.cost)),
            **columns,
        )

    def _save(
        self, potential: Potential | None, record: ModelRecord, curve: tuple[CurvePoint, ...] = ()
    ) -> ModelRecord:
        text = io.StringIO()
        writer = csv.DictWriter(text, [f.name for f in fields(CurvePoint)])
        writer.writeheader()
        writer.writerows(asdict(point) for point in curve)
        save_model(self.folder, potential, {"record": record.to_plain()}, {"curve.csv": text.getvalue()})
        return record


def is_finished(folder: Path) -> bool:
    """Whether a folder holds a network that was trained to its end or diverged; failed and pruned ones may go on."""
    return (folder / "model.json").is_file() and finished_record(folder).status not in ("failed", "pruned")


def finished_record(folder: Path) -> ModelRecord:
    """The record in a model folder."""
    description = read_description(folder)
    if "record" not in description:
        raise DataError(f"{folder / 'model.json'} has no record; delete the folder to train the network again")
    return ModelRecord.from_plain(description["record"])


def copy_network(source: Path, target: Path, record: ModelRecord | None = None) -> None:
    """Copy a model folder unless a finished one is there, if wanted with another record.

    Args:
        source: Model folder.
        target: Where it is copied to.
        record: In place of its own.
    """
    if is_finished(target):
        return
    with whole_folder(target) as temporary:
        shutil.copytree(source, temporary, dirs_exist_ok=True)
        if record is not None:
            description = read_description(source) | {"record": record.to_plain()}
            (temporary / "model.json").write_text(json.dumps(description, indent=1))


def error_columns(valid: Accuracy, test: Accuracy) -> dict[str, Any]:
    """Columns of a network's record."""
    return {
        "valid_force_rmse_ev_per_ang": valid.force_rmse_ev_per_ang,
        "valid_energy_rmse_ev_per_atom": valid.energy_rmse_ev_per_atom,
        **{f"test_{f.name}": getattr(test, f.name) for f in fields(test)},
    }


def cost_columns(cost: CostRecord) -> dict[str, Any]:
    """The cost as fields of a network's record."""
    return {**cost.values(), "engine": cost.engine, "device": cost.device}


def log_record(record: ModelRecord) -> ModelRecord:
    """One line on a trained network, which is given back."""
    name = record.model_id if record.trial_id is None else f"trial {record.trial_id} {record.model_id}"
    if record.status == "complete":
        text = "%s: test force_rmse=%.4f eV/Å, %d epochs, %.0f s"
        logger.info(text, name, record.test_force_rmse_ev_per_ang, record.n_epochs, record.train_s)
    else:
        logger.warning("%s: %s, %s", name, record.status, record.reason)
    return record
