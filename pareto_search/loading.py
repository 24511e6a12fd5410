"""Data of a study: read or made, compared with those that the run began with, and the cell that is measured."""

import logging

from ase import Atoms
from ase.data import chemical_symbols

from pareto_search.config import ExternalTeacher, StructureSettings, StudyConfig, TeacherMdSource
from pareto_search.data.dataset import Dataset
from pareto_search.data.dataset_file import DatasetInfo, read_dataset_info, write_dataset_info
from pareto_search.data.dataset_summary import summarize
from pareto_search.data.frame_cache import read_frames, write_frames
from pareto_search.data.neighbors import build_neighbor_table
from pareto_search.data.references import fit_references
from pareto_search.data.sources import load_dataset
from pareto_search.data.split import draw_split
from pareto_search.data.structure import unit_cell
from pareto_search.data.teacher_md import FrameMaker
from pareto_search.errors import ConfigError, StoreError
from pareto_search.networks.external_calculator import TeacherCalculator, build_calculator, teacher_hash
from pareto_search.run_directory import RunDirectory
from pareto_search.training.study_data import StudyData

logger = logging.getLogger(__name__)


def load_study_data(config: StudyConfig, directory: RunDirectory | None = None) -> StudyData:
    """Read the data, draw the split, fit the reference energies and find the neighbours; no run is needed.

    Generated frames, and those that a teacher makes, are kept in the user's cache; the latter also in the run.
    """
    kept = None if directory is None else read_frames(directory.frames_npz)
    dataset = load_dataset(config.data, maker=_frame_maker(config)) if kept is None else kept
    split = draw_split(dataset, config.split)
    references = fit_references(dataset, split.train)
    table = build_neighbor_table(dataset, config.largest_cutoff_ang)
    n_neighbors, size_mib = table.n_pairs / dataset.n_atoms, table.nbytes / 2**20
    text = "data: %d frames, %d atoms, %.0f neighbours an atom within %.2f Å, neighbour table %.0f MiB"
    logger.info(text, dataset.n_systems, dataset.n_atoms, n_neighbors, table.cutoff_ang, size_mib)
    return StudyData(dataset, table, split, references)


def keep_or_compare(data: StudyData, config: StudyConfig, directory: RunDirectory) -> None:
    """Write `dataset.json` of a run, and frames that a teacher made; where it is there, compare the data with it.

    Args:
        data: As they were read now.
        config: The settings.
        directory: The run.

    Raises:
        StoreError: If the data have changed.
    """
    path = directory.dataset_json
    if path.is_file():
        known = read_dataset_info(path)
        if known.split_hash != data.dataset_hash:
            raise StoreError(
                f"the data have changed since {path} was written (hash {data.dataset_hash[:12]}, then "
                f"{known.split_hash[:12]}); put the old data back or start another run with a new --out"
            )
        return
    dataset = data.dataset
    info = DatasetInfo(
        dataset_hash=dataset.sha256,
        split=data.split,
        split_hash=data.dataset_hash,
        references=data.references,
        summary=summarize(dataset, data.table).to_plain(),
        notes=dataset.notes,
    )
    if isinstance(config.data, TeacherMdSource):
        write_frames(directory.frames_npz, dataset)
    write_dataset_info(path, info)


def measured_cell(settings: StructureSettings, dataset: Dataset) -> Atoms:
    """The cell whose supercells are measured.

    Raises:
        ConfigError: If there is no such cell, or it holds elements that the data do not.
        DataError: If its file cannot be read.
    """
    unit = unit_cell(settings, dataset)
    if unknown := sorted(set(unit.numbers.tolist()) - set(dataset.elements)):
        symbols = ", ".join(chemical_symbols[z] for z in unknown)
        raise ConfigError(f"measure.structure holds {symbols}, which the data do not; measure a material of the data")
    return unit


def _frame_maker(config: StudyConfig) -> FrameMaker | None:
    """The teacher that makes the frames, where the study has one that can."""
    teacher = config.teacher
    if not (isinstance(teacher, ExternalTeacher) and isinstance(config.data, TeacherMdSource)):
        return None
    return FrameMaker(teacher.name, teacher_hash(teacher), lambda: TeacherCalculator(build_calculator(teacher)))
