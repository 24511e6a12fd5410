"""What is kept of the runs of a reproduction, so that its document can be written without them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from pareto_search.config import FileSource, StudyConfig, TeacherSettings
from pareto_search.errors import StoreError
from pareto_search.files import write_atomic
from pareto_search.report.page.report_page import write_report
from pareto_search.report.tables import ReportedStudy, ReportInput
from pareto_search.results import Results, open_results, stored_config
from pareto_search.run_directory import to_yaml

#: What is kept of learning curves.
_CURVE_COLUMNS = ["model_id", "epoch", "train_force_rmse_ev_per_ang", "valid_force_rmse_ev_per_ang", "learning_rate"]


@dataclass(frozen=True)
class KeptRun(ReportedStudy):
    """A kept run as its report shows it, its settings, and how many frames its data have."""

    config: StudyConfig
    n_frames: int


def keep_runs(runs: Mapping[str, Path], folder: Path) -> None:
    """Keep what the document is written from, so that runs made at different times or places meet in it.

    Args:
        runs: Run directories by their sections' names; those that are not there or not confirmed are left out.
        folder: Gets a folder for each, with `config.yaml`, `models.csv`, `curves.csv.gz`, `dataset.json`, and the
            interactive `report.html`, which gets plotly.js from the network; the pages share `pages/`.
    """
    for name, run in runs.items():
        if (run / "config.yaml").is_file():
            results = open_results(run)
            if (results.models["stage"] == "confirm").any():
                _keep(results, folder / name)


def read_kept_run(folder: Path) -> KeptRun:
    """Read a run that was kept in a folder."""
    config = stored_config(folder)
    data = ReportInput(
        config=config,
        models=pd.read_csv(folder / "models.csv"),
        curves=pd.read_csv(folder / "curves.csv.gz"),
        costs=[],
    )
    n_frames = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))["summary"]["n_frames"]
    return KeptRun(data, config, n_frames)


def _keep(results: Results, folder: Path) -> None:
    config, dataset = _without_places(results.config), results.data.dataset
    if dataset is None:
        raise StoreError(f"{results.directory.path} has networks but no dataset.json; put it back")
    folder.mkdir(parents=True, exist_ok=True)
    summary = {name: dataset.summary[name] for name in ("n_frames", "n_atoms")}
    write_atomic(folder / "config.yaml", to_yaml(config))
    write_atomic(folder / "dataset.json", json.dumps({"summary": summary}))
    write_atomic(folder / "models.csv", results.models.to_csv(index=False))
    packed = {"method": "gzip", "mtime": 0}  # equal curves give equal files
    curves = results.curves[_CURVE_COLUMNS]
    curves.to_csv(folder / "curves.csv.gz", index=False, float_format="%.5g", compression=packed)
    notes = {name: Path(str(note)).name if name == "path" else note for name, note in dataset.notes.items()}
    data = replace(results.data, config=config, dataset=replace(dataset, notes=notes))
    write_report(data, folder / "report.html", folder / "report.json", shared=folder.parent / "pages")


def _without_places(config: StudyConfig) -> StudyConfig:
    """The same without where on a machine data and other runs lay."""
    data, teacher = config.data, config.teacher
    if isinstance(data, FileSource):
        data = data.model_copy(update={"path": Path(data.path.name)})
    if isinstance(teacher, TeacherSettings):
        teacher = teacher.model_copy(update={"reuse": ()})
    return config.model_copy(update={"data": data, "teacher": teacher})
