"""Training one network of a study: identified by its content, trained once, kept as a model folder."""

import csv
import fcntl
import io
import json
import logging
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

import torch

from pareto_search.errors import DataError
from pareto_search.files import whole_folder
from pareto_search.measure.accuracy import Accuracy, measure_accuracy
from pareto_search.networks.job import NetworkJob
from pareto_search.potential.build import build_potential
from pareto_search.potential.interface import Potential
from pareto_search.potential.model_files import load_model, read_description, save_model
from pareto_search.potential.transfer import take_over_interaction
from pareto_search.records import CostRecord, CurvePoint, ModelRecord
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


def train_network(
    job: NetworkJob,
    data: StudyData,
    folders: NetworkFolders,
    cost: CostRecord | None,
    *,
    on_epoch: Callable[[CurvePoint], None] | None = None,
    save_at: Collection[int] = (),
) -> ModelRecord:
    """Train a network, or return its record if it is finished already.

    A half-trained network continues from its checkpoint. Two processes that want the same network train it once:
    the second waits for the first. A network that fails leaves a record with the reason, and is tried again when it
    is next asked for.

    Args:
        job: The network.
        data: What it is trained on.
        folders: Where.
        cost: Its cost, for the record.
        on_epoch: Called after each epoch, also for those before a continuation.
        save_at: Epochs after which a checkpoint is written before on_epoch is called.

    Raises:
        RuntimeError, MemoryError, ArithmeticError, ValueError: What made it fail.
    """
    model_id = job.model_id(data)
    folder = folders.folder(job, model_id)
    with _one_at_a_time(folders.training_dir / f"{model_id}.lock"):
        if is_finished(folder):
            return replace(finished_record(folder), stage=job.stage, trial_id=job.trial_id)
        try:
            return _train(job, data, folders, cost, model_id, on_epoch, save_at)
        except (RuntimeError, MemoryError, ArithmeticError, ValueError) as error:
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            record = replace(_base_record(job, data, cost, model_id, "failed"), reason=reason)
            _save_record(folder, None, record, ())
            raise


def is_finished(folder: Path) -> bool:
    """Whether a folder holds a network that was trained to its end or diverged; failed and pruned ones may go on."""
    return (folder / "model.json").is_file() and finished_record(folder).status not in ("failed", "pruned")


def record_unfinished(
    job: NetworkJob,
    data: StudyData,
    folders: NetworkFolders,
    cost: CostRecord | None,
    status: Literal["pruned", "failed"],
    reason: str,
) -> ModelRecord:
    """Record a network that was given up; its curve up to the last checkpoint is kept, and the checkpoint with it.

    One that has recorded its own end is left as it is.

    Args:
        job: The network.
        data: What it was trained on.
        folders: Where it is kept.
        cost: Its cost, if known.
        status: How it ended.
        reason: Why.
    """
    model_id = job.model_id(data)
    folder = folders.folder(job, model_id)
    if (folder / "model.json").is_file() and finished_record(folder).status != "pruned":
        return finished_record(folder)
    checkpoint = read_checkpoint(folders.training_dir / f"{model_id}.pt", torch.device("cpu"))
    curve = checkpoint.curve if checkpoint else ()
    record = replace(_base_record(job, data, cost, model_id, status), reason=reason)
    if checkpoint and curve:
        record = replace(
            record,
            n_epochs=checkpoint.epoch,
            train_s=checkpoint.train_s,
            valid_force_rmse_ev_per_ang=curve[-1].valid_force_rmse_ev_per_ang,
            valid_energy_rmse_ev_per_atom=curve[-1].valid_energy_rmse_ev_per_atom,
        )
    _save_record(folder, None, record, curve)
    return record


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


def _train(
    job: NetworkJob,
    data: StudyData,
    folders: NetworkFolders,
    cost: CostRecord | None,
    model_id: str,
    on_epoch: Callable[[CurvePoint], None] | None,
    save_at: Collection[int],
) -> ModelRecord:
    device = torch.device(folders.device)
    potential = _initial(job, data, folders.origin_dir).to(device)
    checkpoint = folders.training_dir / f"{model_id}.pt"
    first = checkpoint.with_suffix(".first.pt")
    if read_checkpoint(checkpoint, device) is None:
        lost_in = _pretrain(potential, job, data, folders, first)
        if lost_in is not None:
            first.unlink(missing_ok=True)
            reason = f"the loss became non-finite in epoch {lost_in} of training on the teacher's frames"
            record = replace(_base_record(job, data, cost, model_id, "diverged"), reason=reason)
            _save_record(folders.folder(job, model_id), None, record, ())
            log_record(record)
            return record
    loader = data.loader(job.architecture, labels=job.labels(data), device=device)
    result = fit(
        potential,
        loader,
        data.split,
        job.weights,
        job.training,
        seed=job.seed,
        checkpoint=checkpoint,
        on_epoch=on_epoch,
        save_at=save_at,
        epoch_guard=folders.epoch_guard,
    )
    outcome: dict[str, Any] = {"n_weights": potential.n_weights, "n_epochs": result.n_epochs, "train_s": result.train_s}
    if result.status == "complete":
        splits = (data.split.valid, data.split.test)
        outcome |= error_columns(*(measure_accuracy(potential, loader, systems) for systems in splits))
    else:
        outcome["reason"] = f"the loss became non-finite in epoch {result.n_epochs}"
    record = replace(_base_record(job, data, cost, model_id, result.status), **outcome)
    kept = potential if result.status == "complete" else None
    _save_record(folders.folder(job, model_id), kept, record, result.curve)
    checkpoint.unlink(missing_ok=True)
    first.unlink(missing_ok=True)
    log_record(record)
    return record


def _initial(job: NetworkJob, data: StudyData, origin_dir: Path) -> Potential:
    """The network before training: its seed's, with what it takes over from the teacher."""
    potential = build_potential(job.architecture, data.references, seed=job.seed)
    if job.transfer.interaction != "own":
        teacher = load_model(origin_dir)
        take_over_interaction(potential, teacher, is_frozen=job.transfer.interaction == "frozen")
    return potential


def _pretrain(
    potential: Potential, job: NetworkJob, data: StudyData, folders: NetworkFolders, checkpoint: Path
) -> int | None:
    """Train on the frames that the teacher made, where the job has any; returns the epoch in which it diverged."""
    settings, snapshots = job.transfer.pretraining, data.snapshots
    if settings is None or snapshots is None:
        return None
    loader = snapshots.loader(job.architecture, labels=snapshots.labels, device=potential.device)
    result = fit(
        potential,
        loader,
        snapshots.split,
        settings.weights,
        settings.training,
        seed=job.seed,
        checkpoint=checkpoint,
        epoch_guard=folders.epoch_guard,
    )
    logger.info(
        "%s: trained on %d frames of the teacher first, %d epochs, %s",
        job.architecture.label,
        len(snapshots.split.train),
        result.n_epochs,
        result.status,
    )
    return result.n_epochs if result.status == "diverged" else None


def error_columns(valid: Accuracy, test: Accuracy) -> dict[str, Any]:
    """Columns of a network's record."""
    return {
        "valid_force_rmse_ev_per_ang": valid.force_rmse_ev_per_ang,
        "valid_energy_rmse_ev_per_atom": valid.energy_rmse_ev_per_atom,
        **{f"test_{f.name}": getattr(test, f.name) for f in fields(test)},
    }


def _base_record(job: NetworkJob, data: StudyData, cost: CostRecord | None, model_id: str, status: Any) -> ModelRecord:
    architecture, labels = job.architecture, job.labels(data)
    return ModelRecord(
        model_id=model_id,
        trial_id=job.trial_id,
        stage=job.stage,
        role=job.role,
        control_kind=job.control_kind,
        seed=job.seed,
        family=architecture.family,
        label=architecture.label,
        hyperparameters=architecture.hyperparameters,
        dist_hard_max_ang=architecture.cutoff_ang,
        **job.weights.model_dump(),
        status=status,
        dataset_hash=data.dataset_hash,
        label_hash=labels.sha256 if labels else None,
        learning_rate=job.training.learning_rate,
        batch_size=job.training.batch_size,
        generation=job.generation,
        **({} if cost is None else cost_columns(cost)),
    )


def cost_columns(cost: CostRecord) -> dict[str, Any]:
    """The cost as fields of a network's record."""
    return {**cost.values(), "engine": cost.engine, "device": cost.device}


def _save_record(folder: Path, potential: Potential | None, record: ModelRecord, curve: tuple[CurvePoint, ...]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, [f.name for f in fields(CurvePoint)])
    writer.writeheader()
    writer.writerows(asdict(point) for point in curve)
    save_model(folder, potential, {"record": record.to_plain()}, {"curve.csv": text.getvalue()})


def log_record(record: ModelRecord) -> None:
    """One line on a trained network."""
    name = record.model_id if record.trial_id is None else f"trial {record.trial_id} {record.model_id}"
    if record.status == "complete":
        logger.info(
            "%s: test force_rmse=%.4f eV/Å, %d epochs, %.0f s",
            name,
            record.test_force_rmse_ev_per_ang,
            record.n_epochs,
            record.train_s,
        )
    else:
        logger.warning("%s: %s, %s", name, record.status, record.reason)


@contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    """Hold an exclusive lock that the kernel releases when the process ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
