"""Teachers of a study and their labels: networks that it trains, or a calculator that exists already."""

import logging
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from ase.data import chemical_symbols

from pareto_search.config import SplitSettings, TeacherSettings
from pareto_search.data.checks import check_dataset
from pareto_search.data.labels import Labels, joined, joint_hash
from pareto_search.data.neighbors import build_neighbor_table
from pareto_search.data.sources import sample
from pareto_search.data.split import draw_split
from pareto_search.data.teacher_md import FrameMaker, teacher_md
from pareto_search.errors import ConfigError, DataError, ParetoSearchError
from pareto_search.files import write_atomic
from pareto_search.journal import Journal
from pareto_search.networks.job import NetworkJob
from pareto_search.networks.shared_study import SharedStudy
from pareto_search.networks.training import copy_network, finished_record, is_finished
from pareto_search.potential.interface import Potential
from pareto_search.potential.model_files import load_model
from pareto_search.potential.process import release_memory
from pareto_search.run_directory import RunDirectory
from pareto_search.store import ResultStore
from pareto_search.training.labels import make_labels, read_labels, save_labels, weights_hash
from pareto_search.training.study_data import StudyData

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Teaching:
    """Teachers and their labels, made as far as they are not there.

    Attributes:
        shared: The study, without labels.
        sources: Other runs, whose teachers and labels are taken over where they are the very ones.
    """

    shared: SharedStudy
    store: ResultStore
    journal: Journal
    sources: Sequence[RunDirectory]

    @property
    def directory(self) -> RunDirectory:
        """The run directory."""
        return self.shared.directory

    def teachers(self) -> list[Path]:
        """Model folders of the teachers of the students, trained or evaluated now where that is not done.

        Raises:
            ParetoSearchError: If one diverged or failed; without a teacher there is no study.
        """
        raise NotImplementedError

    def labels(self) -> Labels:
        """Their labels, from the cache where it belongs to these teachers, dataset and split."""
        raise NotImplementedError

    def first_labels(self) -> Labels | None:
        """Labels by the first of several alone, where controls learn from it alone; else None."""
        return None

    def snapshots(self) -> StudyData | None:
        """Frames that the teacher made for students to be trained on first, with its labels; else None."""
        return None

    def take_over(self, model_id: str, folder: Path) -> None:
        """Copy this very teacher, and its labels, from the first other run that has it."""
        if is_finished(folder) or not self.sources:
            return
        for source in self.sources:
            theirs = source.model_dir(model_id)
            if not is_finished(theirs) or finished_record(theirs).model_id != model_id:
                continue
            for labels in source.path.glob("labels*.npz"):  # first: made anew, labels may differ in a bit
                write_atomic(self.directory.path / labels.name, labels.read_bytes())
            copy_network(theirs, folder)
            logger.info("teacher: taken over from %s", source.path)
            return
        places = ", ".join(str(source.path) for source in self.sources)
        logger.warning("teacher: %s is in none of %s, and has to be made here", model_id, places)


@dataclass(frozen=True)
class NetworkTeaching(Teaching):
    """Teachers that the study trains: one, an ensemble, or generations of them."""

    settings: TeacherSettings

    def teachers(self) -> list[Path]:
        """Train what is not there; returns the folders of the last generation."""
        data, folders = self.shared.data, list[Path]()
        for generation, jobs in enumerate(_generations(self.settings)):
            if folders:
                path = self.directory.other_labels_npz(f"generation-{generation - 1}")
                data = replace(self.shared.data, labels=self._labels_by(folders, path))
            folders = self._train(jobs, replace(self.shared, data=data))
        return folders

    def labels(self) -> Labels:
        """The mean of the last generation's labels."""
        return self._labels_by(self.teachers(), self.directory.labels_npz)

    def first_labels(self) -> Labels | None:
        """Labels by the first of the last generation alone."""
        if "one_teacher" not in self.shared.config.confirm.controls:
            return None
        return self._labels_by(self.teachers()[:1], self.directory.other_labels_npz("one"))

    def snapshots(self) -> StudyData | None:
        """Frames by MD of the first teacher, labelled by all, where students are to be trained on such first."""
        settings = self.shared.config.search.transfer.pretraining
        if settings is None:
            return None
        folders, data = self.teachers(), self.shared.data
        teacher = load_model(folders[0])
        maker = FrameMaker(finished_record(folders[0]).model_id, weights_hash(teacher), teacher.calculator)
        dataset = teacher_md(settings.frames, self.directory.pretraining_dir, maker)
        try:
            check_dataset(dataset, settings.frames)
        except DataError as error:
            raise DataError(
                f"MD by the teacher left what it knows: {error}; train it for longer, or give "
                "search.transfer.pretraining.frames lower temperatures"
            ) from error
        dataset = sample(dataset, settings.frames.max_frames)
        if unknown := set(dataset.elements) - set(data.references.by_element):
            symbols = ", ".join(chemical_symbols[z] for z in sorted(unknown))
            raise ConfigError(f"search.transfer.pretraining.frames hold {symbols}, which the data of the study do not")
        table = build_neighbor_table(dataset, data.table.cutoff_ang, elements=tuple(sorted(data.references.by_element)))
        bare = StudyData(dataset, table, draw_split(dataset, SplitSettings()), data.references)
        return replace(bare, labels=self._labelled(bare, [load_model(folder) for folder in folders]))

    def _train(self, jobs: list[NetworkJob], shared: SharedStudy) -> list[Path]:
        ids = [job.model_id(shared.data) for job in jobs]
        folders = [shared.folders().folder(job, model_id) for job, model_id in zip(jobs, ids, strict=True)]
        for model_id, folder in zip(ids, folders, strict=True):
            self.take_over(model_id, folder)
        n_missing = sum(not is_finished(folder) for folder in folders)
        try:
            with self.journal.stage("teacher", n_missing) if n_missing else nullcontext():
                records = [shared.train(job) for job in jobs]
        except (RuntimeError, MemoryError, ArithmeticError, ValueError) as error:
            raise ParetoSearchError(f"the teacher could not be trained: {type(error).__name__}: {error}") from error
        finally:
            self.store.ingest(folders)
            release_memory(self.shared.config.device)  # this process lives as long as the run
        for record in records:
            if record.status != "complete":
                setting = "teacher.born_again.training" if record.generation else "teacher.training"
                raise ParetoSearchError(
                    f"the teacher {record.model_id} diverged ({record.reason}), and there is no study without it; "
                    f"start another run with a lower {setting}.learning_rate and a new --out"
                )
        return folders

    def _labels_by(self, teachers: list[Path], path: Path) -> Labels:
        """Labels by some teachers together, kept in a file."""
        data, networks = self.shared.data, [load_model(folder) for folder in teachers]
        joint = joint_hash([weights_hash(network) for network in networks], self.settings.label_weighting)
        labels = read_labels(path, teacher_hash=joint, dataset_hash=data.dataset_hash)
        if labels is None:
            labels = self._labelled(data, networks)
            save_labels(path, labels)
            names = ", ".join(finished_record(folder).model_id for folder in teachers)
            logger.info("labels: %d atomic energies by %s", len(labels.atomic_energy_ev), names)
        return labels

    def _labelled(self, data: StudyData, networks: list[Potential]) -> Labels:
        """Labels of some frames by networks together."""
        loader = data.loader(networks[0].architecture, device="cpu")
        members = [make_labels(network, loader, data.dataset, data.dataset_hash) for network in networks]
        return joined(members, self.settings.label_weighting)


def _generations(settings: TeacherSettings) -> list[list[NetworkJob]]:
    """The teachers to train, generation by generation; the last one teaches the students.

    All have one architecture and the members' seeds. The first generation learns from the data alone, each later one
    also from the labels of the one before.
    """
    first = settings.weights, settings.training
    again = settings.born_again
    later = [(again.weights, again.training)] * again.n_generations if again else []
    return [
        [
            NetworkJob(
                stage="teacher",
                role="teacher",
                architecture=settings.architecture,
                weights=weights,
                training=training,
                seed=settings.seed + member,
                generation=generation,
                member=member,
            )
            for member in range(settings.n_members)
        ]
        for generation, (weights, training) in enumerate([first, *later])
    ]
