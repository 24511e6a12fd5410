"""An external teacher in a run: evaluated on every frame and timed, with a record and a folder as networks have."""

import hashlib
import logging
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

from pareto_search.config import ExternalTeacher
from pareto_search.data.labels import Labels
from pareto_search.data.structure import supercell
from pareto_search.errors import StoreError
from pareto_search.measure.device import device_name
from pareto_search.measure.md import time_md
from pareto_search.networks.external_calculator import TeacherCalculator, build_calculator, code_version, teacher_hash
from pareto_search.networks.external_labels import TeacherLabels, errors_of, label_frames
from pareto_search.networks.teaching import Teaching
from pareto_search.networks.training import error_columns, finished_record, is_finished
from pareto_search.potential.model_files import save_model
from pareto_search.potential.process import prepare_torch
from pareto_search.records import CURVE_COLUMNS, MdTiming, ModelRecord
from pareto_search.training.labels import read_labels, save_labels

logger = logging.getLogger(__name__)

_SEED = 0
_N_WARMUP_STEPS = 2


@dataclass(frozen=True)
class ExternalTeaching(Teaching):
    """An external teacher: evaluated on every frame, and timed."""

    settings: ExternalTeacher

    def teachers(self) -> list[Path]:
        """Note its errors on the data and its MD step time, unless that is done.

        Raises:
            StoreError: If the run was begun with another version of it.
        """
        folder, model_id = self.directory.teacher_dir, self.model_id
        self.take_over(model_id, folder)
        if is_finished(folder):
            if finished_record(folder).model_id != model_id:
                raise StoreError(
                    f"the teacher in {folder} is {finished_record(folder).model_id}, not {model_id}: its package or "
                    "file has changed; install the old version, or start another run with a new --out"
                )
            return [folder]
        with self.journal.stage("teacher", n_planned=1):
            answers, md = self._answers(), self._timing()
            record = self._record(answers, md)
            timing = {name: None if value != value else value for name, value in asdict(md).items()}  # no NaN in JSON
            teacher = {**self.settings.model_dump(mode="json"), "version": code_version(self.settings)}
            content = {"record": record.to_plain(), "teacher": teacher, "md": timing}
            save_model(folder, None, content, {"curve.csv": ",".join(CURVE_COLUMNS[1:]) + "\n"})
        self.store.ingest([folder])
        text = "%s: test force_rmse=%.4f eV/Å, MD step %.1f µs/atom with %d atoms"
        logger.info(text, model_id, record.test_force_rmse_ev_per_ang, md.us_per_atom_step_median, md.n_atoms)
        return [folder]

    def labels(self) -> Labels:
        """Its labels; where it has no atomic energies, students learn from none, and they are 0."""
        self.teachers()
        data = self.shared.data
        hashes = {"teacher_hash": teacher_hash(self.settings), "dataset_hash": data.dataset_hash}
        labels = read_labels(self.directory.labels_npz, **hashes)
        if labels is None:
            answers, n_atoms = self._answers(), data.dataset.n_atoms
            atomic = np.zeros(n_atoms) if answers.atomic_energy_ev is None else answers.atomic_energy_ev
            labels = Labels(atomic, answers.forces_ev_per_ang, np.ones(n_atoms), **hashes)
            save_labels(self.directory.labels_npz, labels)
        return labels

    @property
    def model_id(self) -> str:
        """Name of the teacher in the run, from its hash and that of data and split."""
        return f"teacher-{self.settings.name}-{hashlib.sha256(self._source.encode()).hexdigest()[:10]}"

    @property
    def _source(self) -> str:
        return f"{teacher_hash(self.settings)} {self.shared.data.dataset_hash}"

    def _answers(self) -> TeacherLabels:
        """The teacher's results for every frame, kept or computed now."""
        data = self.shared.data
        return label_frames(
            partial(build_calculator, self.settings),
            data.dataset,
            data.references,
            train=data.split.train,
            source=self._source,
            partial=self.directory.teacher_answers_npz,
            needs_atomic_energies=self.shared.config.learns_atomic_energies,
        )

    def _timing(self) -> MdTiming:
        """Its MD step: the networks' time step, temperature and threads, but fewer atoms and steps."""
        config, settings = self.shared.config, self.settings
        prepare_torch(config.cluster.cpus_per_trial)
        sizes = {
            "n_atoms": min(settings.n_atoms_timed, config.measure.n_atoms),
            "n_steps": min(settings.n_steps_timed, config.measure.n_steps),
            "n_warmup_steps": min(_N_WARMUP_STEPS, config.measure.n_warmup_steps),
        }
        smaller = config.measure.model_copy(update=sizes)
        calculator = TeacherCalculator(build_calculator(settings))
        with self.shared.gate().measuring():
            return time_md(supercell(self.shared.unit, smaller.n_atoms), calculator, smaller, seed=_SEED)

    def _record(self, answers: TeacherLabels, md: MdTiming) -> ModelRecord:
        """Its row of `models.csv`: no architecture, loss or capacity, but errors and MD step time."""
        data = self.shared.data
        valid, test = (errors_of(answers, data.dataset, systems) for systems in (data.split.valid, data.split.test))
        return ModelRecord(
            model_id=self.model_id,
            stage="teacher",
            role="teacher",
            seed=0,
            family="",
            label=self.settings.name,
            hyperparameters={},
            status="complete",
            **error_columns(valid, test),
            md_us_per_atom_step=md.us_per_atom_step_median,
            engine=self.settings.name,
            device=device_name(self.shared.config.device),
            dataset_hash=data.dataset_hash,
        )
