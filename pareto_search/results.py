"""The results of a run, for notebooks and scripts: tables, figures, answer and networks."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from pareto_search.config import StudyConfig
from pareto_search.config_file import load_config
from pareto_search.data.dataset_file import read_dataset_info
from pareto_search.errors import ConfigError, StoreError
from pareto_search.networks.cost_table import CostTable
from pareto_search.run_directory import RunDirectory
from pareto_search.store import ResultReader

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from pareto_search.analysis.claim import Claim
    from pareto_search.analysis.label_weights import WeightGain
    from pareto_search.analysis.study_summary import StudySummary
    from pareto_search.potential.trained import TrainedPotential
    from pareto_search.report.figures.entry import Entry
    from pareto_search.report.tables import ReportedStudy, ReportInput
    from pareto_search.report.words import Answer


@dataclass(frozen=True, eq=False, repr=False)
class Results:
    """What a run had found when this was made; nothing in its directory is changed.

    Attributes:
        models: Every network, a row each: the columns of `models.csv`.
        data: What the report is made from.
    """

    directory: RunDirectory
    config: StudyConfig
    models: pd.DataFrame
    data: "ReportInput"

    def __repr__(self) -> str:
        """Where it is from and how much there is."""
        return f"Results({str(self.directory.path)!r}: {len(self.models)} networks)"

    @property
    def curves(self) -> pd.DataFrame:
        """Every epoch of every network: the columns of `curves.csv`."""
        return self.data.curves

    @property
    def events(self) -> pd.DataFrame:
        """What happened when: the columns of `events.csv`."""
        return self.data.events

    @property
    def costs(self) -> pd.DataFrame:
        """Measured costs, a row for each architecture, device and engine; the columns are the keys of `costs.json`."""
        return pd.json_normalize([record.to_plain() for record in self.data.costs])

    @property
    def summary(self) -> "StudySummary":
        """What `report.json` holds: comparisons with controls, their intervals, the teacher, the front."""
        return self._study.summary

    @cached_property
    def answer(self) -> "Answer":
        """The first section of the report, as text."""
        from pareto_search.report.words import answer

        return answer(self._study)

    @property
    def networks(self) -> pd.DataFrame:
        """Means over seeds of the networks that carry the claims, the teacher's among them."""
        return self._study.tables.networks

    @property
    def front(self) -> pd.DataFrame:
        """Students and controls that no other dominates, by rising MD step time."""
        return pd.DataFrame([asdict(network) for network in self.summary.front_networks])

    @property
    def claims(self) -> "list[Claim]":
        """The run's estimate, interval and verdict for each of the paper's claims."""
        return self._study.tables.claims

    @property
    def weight_gains(self) -> "list[WeightGain]":
        """The gain by weight of the teacher's atomic energies, in runs that confirm several weights."""
        return self._study.tables.weight_gains

    @property
    def figures(self) -> Mapping[str, str]:
        """Title of every figure that the run has enough results for, by its name."""
        return {name: entry.title for name, entry in self._entries.items()}

    def figure(self, name: str) -> "go.Figure":
        """A figure of the report.

        Raises:
            ConfigError: If there is none of that name.
        """
        if name not in self._entries:
            raise ConfigError(f"the run has no figure {name!r}; it has {', '.join(self._entries)}")
        return self._entries[name].draw(self._study.tables)

    def load(self, model_id: str, device: str = "cpu") -> "TrainedPotential":
        """A trained network by its `model_id`; `teacher` is the teacher.

        Raises:
            ConfigError: If the run has none of that name, or the device does not exist.
            DataError: If a file of it is missing or damaged.
        """
        from pareto_search.potential.trained import load

        return load(find_model(self.directory, model_id), device)

    @cached_property
    def _entries(self) -> "dict[str, Entry]":
        from pareto_search.report.figures.entry import shown_figures

        return {entry.name: entry for entry in shown_figures(self._study.tables)}

    @cached_property
    def _study(self) -> "ReportedStudy":
        from pareto_search.report.tables import ReportedStudy

        return ReportedStudy(self.data)


def open_results(run_dir: str | Path) -> Results:
    """Read the results of a run, which may be going on.

    >>> results = open_results("runs/quickstart")
    >>> sorted(set(results.models["role"]))
    ['control', 'student', 'teacher']

    Raises:
        StoreError: If the path is no run directory, or its results cannot be read.
    """
    config, directory = stored_config(Path(run_dir)), RunDirectory(Path(run_dir))
    with ResultReader(directory.results_sqlite) as reader:
        return Results(directory, config, reader.models(), report_input(directory, config, reader))


def stored_config(run_dir: Path, overrides: tuple[str, ...] = ()) -> StudyConfig:
    """The settings that a run was started with.

    Raises:
        StoreError: If the path is no run directory.
    """
    path = run_dir / "config.yaml"
    if not path.is_file():
        raise StoreError(f"{run_dir} is not a run directory: it has no config.yaml; name the --out of a run")
    return load_config(path, overrides)


def find_model(directory: RunDirectory, model_id: str) -> Path:
    """Folder of a model of a run.

    Raises:
        ConfigError: If the run has none of just this name; `teacher` is the teacher's, too.
    """
    from pareto_search.potential.model_files import read_description

    folder = directory.model_dir(model_id)
    if (folder / "model.json").is_file():
        record = read_description(folder).get("record", {})
        if model_id in (folder.name, record.get("model_id")):  # the teacher of another run has another id
            return folder
    known = [directory.teacher_dir.name, *(path.name for path in directory.models_dir.glob("[!.]*"))]
    begun_so = [name for name in known if name.startswith(model_id)]
    close = "".join(f"did you mean {name!r}? " for name in (begun_so or get_close_matches(model_id, known))[:1])
    raise ConfigError(f"{directory.path} has no model {model_id!r}; {close}models.csv lists them all")


def report_input(directory: RunDirectory, config: StudyConfig, reader: ResultReader) -> "ReportInput":
    """What a report of the run is made from.

    Args:
        directory: Files of the run: its costs, data and liquid.
        config: Its settings.
        reader: Its results, open.
    """
    from pareto_search.measure.liquid_files import LiquidFolder, rdf_table
    from pareto_search.report.tables import ReportInput

    has_dataset = directory.dataset_json.is_file()  # a run that has just begun has none
    return ReportInput(
        config=config,
        models=reader.models(),
        curves=reader.curves(),
        costs=CostTable(directory.costs_dir).all(),
        dataset=read_dataset_info(directory.dataset_json) if has_dataset else None,
        events=reader.events(),
        rdf=rdf_table(LiquidFolder(directory.liquid_dir).all()),
    )
