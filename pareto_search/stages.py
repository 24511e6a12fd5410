"""The verbs of the command line as functions: each opens a study, does its stage and what that needs."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pareto_search.cluster.tune_loggers import check_loggers
from pareto_search.config import ExternalTeacher, StudyConfig
from pareto_search.config_file import load_config
from pareto_search.data.dataset_file import read_dataset_info
from pareto_search.data.dataset_summary import DatasetSummary, summarize
from pareto_search.data.labels import Labels
from pareto_search.errors import ConfigError, MeasurementError
from pareto_search.journal import log_to
from pareto_search.loading import load_study_data, measured_cell
from pareto_search.measure.accuracy import Accuracy, measure_accuracy
from pareto_search.measure.liquid import liquid_crystal
from pareto_search.networks.external_calculator import build_calculator
from pareto_search.planning import StudyPlan, plan_study
from pareto_search.potential.model_files import load_model
from pareto_search.potential.process import check_device, prepare_torch
from pareto_search.records import CostRecord, ModelRecord
from pareto_search.results import find_model, open_results, stored_config
from pareto_search.run_directory import RunDirectory, check_run, open_run
from pareto_search.search.warm_start import check_are_runs
from pareto_search.store import ResultStore
from pareto_search.study import Study, StudyReport

if TYPE_CHECKING:
    from pareto_search.analysis.runs import RunsComparison
    from pareto_search.report.images.image_files import ImageFormat

logger = logging.getLogger(__name__)


def run(config: StudyConfig, out: str | Path) -> StudyReport:
    """Do every stage and write the report; continues what is there.

    >>> from pareto_search.config_file import load_config
    >>> report = run(load_config("configs/quickstart.yaml", ("cluster.dashboard=false",)), "runs/quickstart")
    >>> report.answer.verdict in ("better", "worse", "unsure")
    True
    """
    with open_study(config, out) as study:
        study.label()  # teachers are trained first
        study.costs()
        study.search()  # starts or joins Ray, as the confirmation does, where networks are missing
        study.confirm()
        if study.config.measure.liquid is not None:
            try:
                study.liquid()
            except MeasurementError as error:  # the rest of the run is worth a report
                logger.warning("liquid: %s", error)
        return study.report()


@contextmanager
def open_study(config: StudyConfig, out: str | Path) -> Iterator[Study]:
    """Open a run directory for work, alone. A new one is made only after device, data and structure were checked.

    Settings that only a run has, such as those of its liquid, are the study's too.

    Raises:
        ConfigError: If the device, a logger's package, the teacher's calculator or a run to take over is not there.
        DataError: If the data are missing or break a rule.
        StoreError: If the directory is in use, of another config, read-only or damaged.
    """
    out = Path(out)
    prepare_torch(config.cluster.cpus_per_trial)
    is_new = check_run(out, config)
    if is_new:
        check_device(config.device)
        check_loggers(config.cluster.loggers)
        check_are_runs("search.warm_start", config.search.warm_start)
        if isinstance(config.teacher, ExternalTeacher):
            build_calculator(config.teacher)
        else:
            check_are_runs("teacher.reuse", config.teacher.reuse)
    loaded = None  # data of a run that is there are read by the first stage that needs them
    if is_new or config.measure.liquid not in (None, load_config(RunDirectory(out).config_yaml).measure.liquid):
        loaded = load_study_data(config, RunDirectory(out))
        unit = measured_cell(config.measure.structure, loaded.dataset)
        if config.measure.liquid is not None:
            liquid_crystal(unit, config.measure.liquid)
    with (
        open_run(out, config) as directory,  # locked, with its settings
        log_to(directory.log_txt),
        ResultStore(directory.results_sqlite) as store,
        ExitStack() as resources,  # for Ray
    ):
        yield Study(load_config(directory.config_yaml), directory, store, resources, loaded)


def plan(config: StudyConfig) -> StudyPlan:
    """What a run would do, with estimates of time and memory; trains nothing and makes no run directory.

    Frames that a teacher makes by MD (`data.source: teacher-md`) are made first unless the user's cache has them.
    """
    prepare_torch(config.cluster.cpus_per_trial)
    content = load_study_data(config)
    measured_cell(config.measure.structure, content.dataset)
    return plan_study(config, content)


def data(config: StudyConfig, out: str | Path | None = None) -> DatasetSummary:
    """Read and check the data; with a run directory, write `dataset.json` and `data.html` there."""
    if out is None:
        content = load_study_data(config)
        return summarize(content.dataset, content.table)
    from pareto_search.report.page.dataset_page import write_dataset_page

    with open_study(config, out) as study:
        summary = summarize(study.data.dataset, study.data.table)
        write_dataset_page(summary.to_plain(), study.directory.data_html)
        return summary


def teacher(config: StudyConfig, out: str | Path) -> list[ModelRecord]:
    """Train the teacher, or all teachers where the study has several; returns them."""
    with open_study(config, out) as study:
        study.teaching.teachers()
        return study.records("teacher")


def label(config: StudyConfig, out: str | Path) -> Labels:
    """Cache the teacher's atomic energies."""
    with open_study(config, out) as study:
        return study.label()


def costs(config: StudyConfig, out: str | Path, n_ladder: int = 4) -> list[CostRecord]:
    """Measure the cost of the teacher, of the search's first points and of a ladder of architectures.

    Args:
        config: The settings.
        out: The run directory, made if needed.
        n_ladder: Architectures of the ladder, spread evenly through the space.
    """
    with open_study(config, out) as study:
        return study.costs(n_ladder)


def search(config: StudyConfig, out: str | Path) -> list[ModelRecord]:
    """Run the search; returns its networks."""
    with open_study(config, out) as study:
        study.search()
        return study.records("search")


def confirm(config: StudyConfig, out: str | Path) -> list[ModelRecord]:
    """Retrain the front and a ladder with fresh seeds; returns these networks."""
    with open_study(config, out) as study:
        study.confirm()
        return study.records("confirm")


def liquid(run_dir: str | Path, overrides: tuple[str, ...] = ()) -> list[ModelRecord]:
    """MD of the liquid by teacher and confirmed networks of a run, then the report again; returns their records.

    `measure.liquid.*` settings can be overridden, and are the run's from then on.

    Raises:
        ConfigError: If another setting is overridden.
    """
    if others := [setting for setting in overrides if not setting.startswith("measure.liquid.")]:
        raise ConfigError(f"{', '.join(others)}: here only settings of measure.liquid can be changed")
    with open_study(stored_config(Path(run_dir), overrides), run_dir) as study:
        records = study.liquid()
        study.report()
        return records


def report(run_dir: str | Path) -> StudyReport:
    """Write the tables and the report of a run directory again."""
    with open_study(stored_config(Path(run_dir)), run_dir) as study:
        return study.report()


def figures(run_dir: str | Path, folder: str | Path, formats: "Sequence[ImageFormat]" = ("svg",)) -> list[Path]:
    """Write the report's figures as images, and what they show as CSV; returns the files. The run may be going on.

    Args:
        run_dir: The run.
        folder: Gets the files; made if needed.
        formats: Kinds of image.
    """
    from pareto_search.report.images.image_files import write_figures

    return write_figures(open_results(run_dir).data, Path(folder), formats)


def compare(run_dirs: Sequence[str | Path], html: str | Path, *, is_forced: bool = False) -> "RunsComparison":
    """Write a page that shows runs over each other; the runs may be going on, and are left as they are.

    Args:
        run_dirs: The runs.
        html: The page to write.
        is_forced: Compare runs on different data, and label the page so.
    """
    from pareto_search.report.page.comparison_page import write_comparison

    if len({Path(run_dir).resolve() for run_dir in run_dirs}) < len(run_dirs):
        raise ConfigError("the same run directory is named twice")
    opened = [(Path(run_dir), open_results(run_dir)) for run_dir in run_dirs]
    names = [run.config.name for _, run in opened]
    runs = {run.config.name if names.count(run.config.name) == 1 else str(path): run for path, run in opened}
    return write_comparison({name: run.data for name, run in runs.items()}, Path(html), is_forced=is_forced)


@dataclass(frozen=True)
class Measurement:
    """A trained model measured: accuracy on two splits and cost."""

    model_id: str
    valid: Accuracy
    test: Accuracy
    cost: CostRecord


def measure(run_dir: str | Path, model_id: str, overrides: tuple[str, ...] = ()) -> Measurement:
    """Measure a trained model of a run again; `measure.*` settings can be overridden.

    Args:
        run_dir: The run.
        model_id: Which model; `teacher` is the teacher.
        overrides: Settings as "measure.n_steps=10".

    Raises:
        ConfigError: If the run has no such model, or another setting is overridden.
    """
    if others := [s for s in overrides if not s.startswith("measure.") or s.startswith("measure.liquid.")]:
        raise ConfigError(
            f"{', '.join(others)}: here only settings of measure can be changed (measure.n_steps=10), and none of the "
            "liquid, which `pareto-search liquid` runs"
        )
    directory = Path(run_dir)
    config = stored_config(directory, overrides)
    folder = find_model(RunDirectory(directory), model_id)
    with open_study(stored_config(directory), run_dir) as study:
        potential, content = load_model(folder), study.data
        loader = content.loader(potential.architecture, device="cpu")
        valid = measure_accuracy(potential, loader, content.split.valid)
        test = measure_accuracy(potential, loader, content.split.test)
        unit = measured_cell(config.measure.structure, content.dataset)
        protocol = replace(study.shared.cost_protocol, settings=config.measure, unit=unit)
        with study.shared.gate().measuring():
            cost = protocol.measure(potential.architecture)
        return Measurement(model_id, valid, test, cost)


def export(run_dir: str | Path, model_id: str, kind: str, path: str | Path) -> None:
    """Write a trained model of a run in a form to carry away. The run may be going on.

    Args:
        run_dir: The run directory.
        model_id: Name of the model.
        kind: One of `potential.exports.export_kinds`.
        path: What to write: a folder, or for lammps a file; it must not exist.

    Raises:
        StoreError: If `run_dir` is no run directory.
        ConfigError: If the run has no such model, there is no such kind, the path exists, or the model cannot be
            exported to that kind.
    """
    from pareto_search.potential.exports import export_model

    stored_config(Path(run_dir))
    directory = RunDirectory(Path(run_dir))
    periodic_directions = read_dataset_info(directory.dataset_json).periodic_directions
    export_model(find_model(directory, model_id), kind, Path(path), periodic_directions=periodic_directions)
