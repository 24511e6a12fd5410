"""What a search of many trials costs its driver: a real run in which only training and measuring are simulated.

    python scripts/bench/scale.py [--trials 10000] [--out DIR] [--json FILE] [--html FILE]

Data, teacher and labels are real (small), and so are Ray, Tune, sampler, pruning, Optuna's database, the store, the
model folders and the report. Learning curves and costs come from formulas, so that a trial takes its worker no time
and what remains is overhead. Written: the driver's time per trial and memory along the search, what the run leaves on
disk, and how long `report` takes.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import yaml

from pareto_search.config import Architecture, StudyConfig, TeacherSettings
from pareto_search.config_file import load_config
from pareto_search.networks.job import NetworkJob
from pareto_search.networks.shared_study import SharedStudy
from pareto_search.networks.training import finished_record
from pareto_search.potential.model_files import save_model
from pareto_search.records import CostRecord, CurvePoint, ModelRecord
from pareto_search.run_directory import RunDirectory
from pareto_search.search.messages import Costs
from pareto_search.stages import open_study

N_EPOCHS = 27
#: Trials between two looks at the driver.
EVERY = 50
CUTOFFS = {"dist_soft_max_ang": 4.0, "dist_hard_max_ang": 4.5}
CONFIG = {
    "name": "scale",
    "data": {"source": "emt-aluminum", "n_frames": 20},
    "teacher": {
        "architecture": {"n_features": 8, "n_sensitivities": 6, "n_atom_layers": 1, **CUTOFFS},
        "training": {"max_epochs": 5, "batch_size": 8},
    },
    "search": {
        "space": {
            "n_features": {"low": 8, "high": 128, "log": True},
            "n_sensitivities": {"low": 4, "high": 40},
            "n_atom_layers": {"low": 1, "high": 4},
            "weight_atomic_energy": {"low": 0.3, "high": 300, "log": True},
            **CUTOFFS,
        },
        "training": {"max_epochs": N_EPOCHS, "batch_size": 8},
        "controls": [],
    },
    "measure": {
        "structure": {"symbol": "Al"},
        "n_atoms": 32,
        "n_steps": 5,
        "n_warmup_steps": 0,
        "memory_budget_gib": 0.004,
        "rel_tol": 0.3,
    },
    "cluster": {"dashboard": False, "reuse_workers": True},
}


def _size(architecture: Architecture) -> int:
    """Features times sensitivities, by which simulated costs and errors go."""
    known = architecture.hyperparameters
    return int(known["n_features"]) * int(known["n_sensitivities"])


@dataclass(frozen=True, kw_only=True)
class SimulatedWorkshop(SharedStudy):
    """A shared that neither trains nor measures, but writes all that one writes.

    Attributes:
        teacher_cost: What simulated records are made of.
        teacher_record: Likewise.
        curve: Likewise.
    """

    teacher_cost: CostRecord
    teacher_record: ModelRecord
    curve: CurvePoint

    def cost(self, architecture: Architecture) -> CostRecord:
        """By formula, through the run's cost table."""
        key = self.cost_protocol.key(architecture)
        n = _size(architecture)

        def simulated() -> CostRecord:
            md = replace(self.teacher_cost.md, us_per_atom_step_median=1.0 + 0.002 * n)
            bracket = replace(self.teacher_cost.capacity.bracket, n_ok=100_000_000 // (1000 + n))
            capacity = replace(self.teacher_cost.capacity, bracket=bracket, bytes_per_atom=1000.0 + n)
            shape = architecture.model_dump(mode="json")
            return replace(self.teacher_cost, key=key, architecture=shape, md=md, capacity=capacity)

        return self.cost_table.get_or_measure(key, simulated, self.gate())

    def train(
        self, job: NetworkJob, on_epoch: Callable[[CurvePoint], None] | None = None, save_at: Collection[int] = ()
    ) -> ModelRecord:
        """By formula; the model folder is written, without weights."""
        cost, model_id = self.cost(job.architecture), job.model_id(self.data)
        noise = 0.05 * np.random.default_rng(job.trial_id).normal()
        final = 0.02 + _size(job.architecture) ** -0.5 * math.exp(noise)
        points = []
        for epoch in range(1, N_EPOCHS + 1):
            error = final * (1.0 + 3.0 / epoch)
            points.append(replace(self.curve, epoch=epoch, valid_force_rmse_ev_per_ang=error))
            if on_epoch is not None:
                on_epoch(points[-1])
        record = replace(
            self.teacher_record,
            **job.architecture.model_dump(include=set(asdict(self.teacher_record))),
            **job.weights.model_dump(),
            model_id=model_id,
            stage=job.stage,
            role=job.role,
            trial_id=job.trial_id,
            n_epochs=N_EPOCHS,
            valid_force_rmse_ev_per_ang=final,
            test_force_rmse_ev_per_ang=final,
            md_us_per_atom_step=cost.md.us_per_atom_step_median,
            max_atoms=cost.capacity.max_atoms,
            bytes_per_atom=cost.capacity.bytes_per_atom,
            label_hash=self.data.labels.sha256 if self.data.labels else None,
        )
        names = [f.name for f in fields(CurvePoint)]
        lines = [",".join(names), *(",".join(str(getattr(p, name)) for name in names) for p in points)]
        save_model(
            self.directory.models_dir / model_id,
            None,
            {"record": record.to_plain()},
            {"curve.csv": "\n".join(lines) + "\n"},
        )
        return record


@dataclass
class Meter:
    """The driver's time and memory as trials begin."""

    n_begun: int = 0

    def __post_init__(self) -> None:
        self.begun_s, self.begun_cpu_s = time.perf_counter(), time.process_time()
        self.marks: list[dict[str, float]] = []

    def trial_begun(self) -> None:
        """Note every fiftieth; pages of the object store that the driver maps are not its own."""
        self.n_begun += 1
        if self.n_begun % EVERY == 0:
            _, resident, shared, *_ = map(int, Path("/proc/self/statm").read_text().split())
            self.marks.append(
                {
                    "trials": self.n_begun,
                    "seconds": time.perf_counter() - self.begun_s,
                    "driver_cpu_s": time.process_time() - self.begun_cpu_s,
                    "driver_mib": (resident - shared) * os.sysconf("SC_PAGE_SIZE") / 2**20,
                }
            )


def simulate(config: StudyConfig, out: Path) -> Meter:
    """Run the search of a study with simulated workers."""
    with open_study(config, out) as study:
        real, teacher = study.labelled, config.teacher
        assert isinstance(teacher, TeacherSettings)
        study.labelled = SimulatedWorkshop(
            **{f.name: getattr(real, f.name) for f in fields(SharedStudy)},
            teacher_cost=real.cost(teacher.architecture),
            teacher_record=finished_record(real.directory.teacher_dir),
            curve=CurvePoint(1, *(0.1 for _ in fields(CurvePoint)[1:])),
        )
        meter = Meter()
        known_costs = study._known_costs

        def metered(params: Mapping[str, Any]) -> Costs | None:
            meter.trial_begun()
            return known_costs(params)

        study._known_costs = metered  # type: ignore[method-assign]
        study.search()
    return meter


def size_mib(path: Path) -> float:
    """Of a file, or of all files in a folder."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files) / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--set", nargs="*", default=(), metavar="KEY=VALUE", help="settings of the study")
    parser.add_argument("--out", type=Path, help="new run directory; omitted: a temporary one")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--html", type=Path, help="plot of the driver's time and memory")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["PARETO_SEARCH_CACHE_DIR"] = scratch
        path = Path(scratch) / "scale.yaml"
        path.write_text(yaml.safe_dump(CONFIG))
        out = arguments.out or Path(scratch) / "run"
        config = load_config(path, (f"search.n_trials={arguments.trials}", *arguments.set))
        meter = simulate(config, out)
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-m", "pareto_search.cli", "report", str(out)], check=True)
        report_s = time.perf_counter() - begun
        directory = RunDirectory(out)
        names = ("study_db", "results_sqlite", "costs_dir", "models_dir", "ray_dir", "report_html")
        result = {
            "trials": arguments.trials,
            "driver_cpu_ms_per_trial": 1e3 * meter.marks[-1]["driver_cpu_s"] / meter.marks[-1]["trials"],
            "report_s": report_s,
            "mib": {name: size_mib(getattr(directory, name)) for name in names},
            "marks": meter.marks,
        }
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1))
    if arguments.html:
        figure(meter.marks).write_html(arguments.html, include_plotlyjs=True)
    print(json.dumps({name: value for name, value in result.items() if name != "marks"}, indent=1))


def figure(marks: list[dict[str, float]]) -> go.Figure:
    """Driver memory, and its time per trial over the last fifty, against trials."""
    drawn = go.Figure()
    trials = [mark["trials"] for mark in marks]
    per_trial = np.diff([0.0, *(mark["driver_cpu_s"] for mark in marks)]) / EVERY * 1e3
    drawn.add_scatter(x=trials, y=[mark["driver_mib"] for mark in marks], name="memory, MiB")
    drawn.add_scatter(x=trials, y=per_trial, name="processor time, ms per trial", yaxis="y2")
    drawn.update_xaxes(title="trials begun")
    drawn.update_yaxes(title="driver memory, MiB", rangemode="tozero")
    return drawn.update_layout(
        yaxis2={
            "overlaying": "y",
            "side": "right",
            "title": "driver processor time, ms per trial",
            "rangemode": "tozero",
            "showgrid": False,
            "tickmode": "auto",
        },
        legend={"orientation": "h", "y": 1.08},
        template="plotly_white",
        title="The driver of a search of many trials",
    )


if __name__ == "__main__":
    main()
