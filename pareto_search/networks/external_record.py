"""The record and folder of an external teacher: what it costs and how far it is from the data."""

import hashlib
from dataclasses import asdict, fields
from pathlib import Path

from pareto_search.config import ExternalTeacher
from pareto_search.networks.external_calculator import code_version
from pareto_search.networks.external_labels import TeacherLabels, errors_of
from pareto_search.potential.model_files import save_model
from pareto_search.records import CURVE_COLUMNS, MdTiming, ModelRecord
from pareto_search.training.study_data import StudyData


def external_model_id(settings: ExternalTeacher, source: str) -> str:
    """Name of the teacher in a run; `source` is the hash of teacher, data and split."""
    return f"teacher-{settings.name}-{hashlib.sha256(source.encode()).hexdigest()[:10]}"


def external_record(
    settings: ExternalTeacher, model_id: str, data: StudyData, labels: TeacherLabels, md: MdTiming, device: str
) -> ModelRecord:
    """The teacher's row of `models.csv`: no architecture, loss or capacity, but errors and MD step time.

    Args:
        settings: The teacher.
        model_id: Its name in the run.
        data: Frames and split.
        labels: Its energies and forces of every frame.
        md: Its timed MD.
        device: Name of the device.
    """
    valid, test = (errors_of(labels, data.dataset, systems) for systems in (data.split.valid, data.split.test))
    return ModelRecord(
        model_id=model_id,
        trial_id=None,
        stage="teacher",
        role="teacher",
        control_kind=None,
        seed=0,
        family="",
        label=settings.name,
        hyperparameters={},
        dist_hard_max_ang=None,
        n_weights=None,
        weight_energy=None,
        weight_forces=None,
        weight_atomic_energy=None,
        status="complete",
        valid_force_rmse_ev_per_ang=valid.force_rmse_ev_per_ang,
        valid_energy_rmse_ev_per_atom=valid.energy_rmse_ev_per_atom,
        **{f"test_{f.name}": getattr(test, f.name) for f in fields(test)},
        md_us_per_atom_step=md.us_per_atom_step_median,
        engine=settings.name,
        device=device,
        dataset_hash=data.dataset_hash,
    )


def save_external(folder: Path, settings: ExternalTeacher, record: ModelRecord, md: MdTiming) -> None:
    """Write the teacher's folder: no weights, but the record, every timed step and what the teacher is.

    Args:
        folder: Where.
        settings: The teacher.
        record: Its record.
        md: Its timed MD.
    """
    timing = {name: None if value != value else value for name, value in asdict(md).items()}  # no NaN in JSON
    description = {
        "record": record.to_plain(),
        "teacher": {**settings.model_dump(mode="json"), "version": code_version(settings)},
        "md": timing,
    }
    save_model(folder, None, description, {"curve.csv": ",".join(CURVE_COLUMNS[1:]) + "\n"})
