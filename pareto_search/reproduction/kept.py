"""What is kept of the runs of a reproduction, so that its document can be written without them."""

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from pareto_search.analysis.study_summary import StudySummary, summarize_study
from pareto_search.config import StudyConfig
from pareto_search.files import write_atomic
from pareto_search.report.page.report_page import write_report
from pareto_search.report.tables import ReportInput, ReportTables, make_tables
from pareto_search.results import Results, open_results, stored_config
from pareto_search.run_directory import to_yaml

#: What is kept of learning curves.
_CURVE_COLUMNS = ["model_id", "epoch", "train_force_rmse_ev_per_ang", "valid_force_rmse_ev_per_ang", "learning_rate"]


@dataclass(frozen=True)
class KeptRun:
    """A kept run, and what its report would say."""

    config: StudyConfig
    data: ReportInput
    tables: ReportTables
    summary: StudySummary


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
        config=config.to_plain(),
        models=pd.read_csv(folder / "models.csv"),
        curves=pd.read_csv(folder / "curves.csv.gz"),
        costs=[],
        dataset=json.loads((folder / "dataset.json").read_text(encoding="utf-8")),
    )
    return KeptRun(config, data, make_tables(data), summarize_study(data.models, objectives=data.objectives))


def _keep(results: Results, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    data = _without_places(results.data)
    summary = {name: data.dataset["summary"][name] for name in ("n_frames", "n_atoms")}
    write_atomic(folder / "config.yaml", to_yaml(StudyConfig.model_validate(data.config)))
    write_atomic(folder / "dataset.json", json.dumps({"summary": summary}))
    write_atomic(folder / "models.csv", data.models.to_csv(index=False))
    packed = {"method": "gzip", "mtime": 0}  # equal curves give equal files
    data.curves[_CURVE_COLUMNS].to_csv(folder / "curves.csv.gz", index=False, float_format="%.5g", compression=packed)
    write_report(data, folder / "report.html", folder / "report.json", shared=folder.parent / "pages")


def _without_places(data: ReportInput) -> ReportInput:
    """The same without where on a machine data and other runs lay."""
    config, notes = deepcopy(data.config), dict(data.dataset["notes"])
    for where in (config["data"], notes):
        if "path" in where:
            where["path"] = Path(where["path"]).name
    config["teacher"].pop("reuse", None)
    return replace(data, config=config, dataset=data.dataset | {"notes": notes})
