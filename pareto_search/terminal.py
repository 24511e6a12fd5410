"""What the command line prints: tables and a few lines on standard output."""

import getpass
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from pareto_search.durations import duration
from pareto_search.records import CostRecord, ModelRecord
from pareto_search.run_directory import to_yaml

if TYPE_CHECKING:
    from pareto_search.analysis.runs import RunsComparison
    from pareto_search.data.dataset_summary import DatasetSummary
    from pareto_search.planning import StudyPlan
    from pareto_search.stages import Measurement
    from pareto_search.study import StudyReport

_Record = TypeVar("_Record")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_BARS = " ▁▂▃▄▅▆▇█"
_MAX_ENTRIES = 8  # of a mapping on one line
_GAP = 2  # columns of the terminal between two columns of a table


def print_line(text: str) -> None:
    """Print one line as it is."""
    Console(soft_wrap=True).print(text, markup=False, highlight=False)


def _table(title: str, records: Sequence[_Record], columns: dict[str, Callable[[_Record], object]]) -> None:
    """Print a row for each record, its cells by the head of their column.

    Lines are broken between words only: where the terminal is too narrow for that, the table is wider.
    """
    rows = [[value(record) for value in columns.values()] for record in records]
    cells = [[_cell(value) for value in row] for row in rows]
    widths = _widths([list(texts) for texts in zip(columns, *cells, strict=True)], Console().width)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, collapse_padding=True, pad_edge=False, header_style="bold")
    for number, (name, width) in enumerate(zip(columns, widths, strict=True)):
        is_text = number == 0 or any(isinstance(row[number], str) for row in rows)
        table.add_column(name, justify="left" if is_text else "right", width=width)
    for row in cells:
        table.add_row(*row)
    Console(soft_wrap=True).print(title, style="bold", markup=False, highlight=False)
    Console(width=max(Console().width, sum(widths) + _GAP * len(widths))).print(table)


def _widths(columns: list[list[str]], width: int) -> list[int]:
    """Width of each column so that all fit into a line of `width`, or as nearly as whole words allow."""
    needed = [max(map(cell_len, texts)) for texts in columns]
    least = [max(cell_len(word) for text in texts for word in text.split() or [""]) for texts in columns]
    while sum(needed) + _GAP * (len(needed) - 1) > width and needed != least:
        widest = max(range(len(needed)), key=lambda i: needed[i] - least[i])
        needed[widest] -= 1
    return needed


def _cell(value: object) -> str:
    if value is None or value != value:
        return "–"
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def show_comparison(comparison: "RunsComparison", html: Path) -> None:
    """One line per run, what limits the comparison, and where the page is."""
    _table("Runs side by side", comparison.runs, {
        "run": lambda run: run.name,
        "architectures": lambda run: run.n_architectures,
        "on the front": lambda run: run.n_front,
        "best F meV/Å": lambda run: 1e3 * run.best_force_rmse_ev_per_ang,
        "hypervolume": lambda run: run.hypervolumes.get("student"),
        "epochs": lambda run: run.n_epochs,
    })  # fmt: skip
    for difference in comparison.differences:
        print_line(difference)
    print_line(f"page: {html}")


def show_models(records: list[ModelRecord]) -> None:
    """One line per network."""
    _table("1 network" if len(records) == 1 else f"{len(records)} networks", records, {
        "model": lambda r: r.model_id,
        "status": lambda r: r.status if r.reason is None else f"{r.status}: {r.reason}",
        "seed": lambda r: str(r.seed),
        "epochs": lambda r: r.n_epochs,
        "valid F eV/Å": lambda r: r.valid_force_rmse_ev_per_ang,
        "test F eV/Å": lambda r: r.test_force_rmse_ev_per_ang,
        "test E meV/atom": lambda r: r.test_energy_rmse_ev_per_atom and 1e3 * r.test_energy_rmse_ev_per_atom,
        "µs/atom/step": lambda r: r.md_us_per_atom_step,
        "max atoms": lambda r: r.max_atoms,
    })  # fmt: skip


def show_costs(costs: list[CostRecord]) -> None:
    """One line per architecture."""
    budget = f"capacity within {costs[0].capacity.budget_gib:g} GiB" if costs else ""
    _table(f"Costs on {costs[0].device if costs else 'no device'}; {budget}", costs, {
        "architecture": lambda cost: cost.label,
        "cutoff Å": lambda cost: cost.cutoff_ang,
        "engine": lambda cost: cost.engine,
        "µs/atom/step": lambda cost: cost.md.us_per_atom_step_median,
        "quartiles": lambda cost: f"{cost.md.us_per_atom_step_q25:.3g}–{cost.md.us_per_atom_step_q75:.3g}",
        "max atoms": lambda cost: cost.capacity.max_atoms,
        "bytes/atom": lambda cost: round(cost.capacity.bytes_per_atom),
    })  # fmt: skip


def show_plan(plan: "StudyPlan") -> None:
    """Stages, estimates and the resolved settings."""
    _table(f"Plan of {plan.config.name}", plan.stages, {
        "stage": lambda stage: stage.name,
        "networks": lambda stage: stage.n_networks,
        "epochs each, at most": lambda stage: stage.max_epochs,
        "time at most": lambda stage: duration(stage.seconds),
    })  # fmt: skip
    uncounted = "measuring costs, starting workers" + (", MD of the liquid" if plan.config.measure.liquid else "")
    print_line(
        f"{plan.n_train_frames} training frames, {plan.n_workers} networks at once; about {duration(plan.seconds)} if "
        f"every network trains for all its epochs, not counted: {uncounted}; "
        f"{plan.shared_mib:.0f} MiB of data per node"
    )
    print_line(to_yaml(plan.config).rstrip())


def show_dataset(summary: "DatasetSummary", out: Path | None) -> None:
    """What the data hold, with histograms as bars."""
    facts = {key: value for key, value in summary.to_plain().items() if key not in ("histograms", "notes")}
    for key, value in (facts | summary.notes).items():
        print_line(f"{key:32} {_entries(value) if isinstance(value, dict) else _cell(value)}")
    for name, (counts, edges) in summary.histograms.items():
        top = int(counts.max()) or 1
        bars = "".join(_BARS[min(8, -(-8 * n // top))] for n in counts.tolist())
        print_line(f"{name:32} {edges[0]:10.4g} {bars} {edges[-1]:.4g}")
    if out is not None:
        print_line(f"histograms: {out / 'data.html'}")


def _entries(values: Mapping[str, object]) -> str:
    """Names and values of a mapping, of mappings in it the names alone; of many the first."""
    entries = [name if isinstance(value, dict) else f"{name} {_cell(value)}" for name, value in values.items()]
    more = [f"… ({len(entries)} in all)"] if len(entries) > _MAX_ENTRIES else []
    return ", ".join(entries[:_MAX_ENTRIES] + more)


def show_measurement(measurement: "Measurement") -> None:
    """Accuracy and cost of one model."""
    _table(measurement.model_id, [("valid", measurement.valid), ("test", measurement.test)], {
        "split": lambda split: split[0],
        "force RMSE eV/Å": lambda split: split[1].force_rmse_ev_per_ang,
        "force MAE eV/Å": lambda split: split[1].force_mae_ev_per_ang,
        "energy RMSE meV/atom": lambda split: 1e3 * split[1].energy_rmse_ev_per_atom,
        "energy MAE meV/atom": lambda split: 1e3 * split[1].energy_mae_ev_per_atom,
    })  # fmt: skip
    show_costs([measurement.cost])
    md = measurement.cost.md
    print_line(
        f"{md.n_atoms} atoms, {md.n_steps} steps of {md.timestep_fs:g} fs: "
        f"on average neighbour list {md.us_per_atom_neighbor:.3g}, model {md.us_per_atom_model:.3g}, "
        f"integrator {md.us_per_atom_integrator:.3g} µs/atom/step"
    )


def show_liquid(records: list[ModelRecord]) -> None:
    """What MD of the liquid gave, one line per network."""
    _table("Liquid, against the teacher's", records, {
        "model": lambda r: r.model_id,
        "seed": lambda r: str(r.seed),
        "RDF error Å": lambda r: r.rdf_error,
        "±": lambda r: r.rdf_error_std,
        "noise alone": lambda r: r.rdf_noise,
        "NVE drift eV/atom/ps": lambda r: r.nve_drift_ev_per_atom_ps,
        "sane ps": lambda r: r.md_stable_ps,
        "of ps": lambda r: r.md_asked_ps,
    })  # fmt: skip


def show_address(run_dir: Path, host: str, port: int, is_run: bool) -> None:
    """Where the live page is, and how to see it from elsewhere.

    Args:
        run_dir: The run.
        host: Address that the page listens on.
        port: Its port.
        is_run: Whether there is a run yet.
    """
    user, machine = getpass.getuser(), socket.gethostname()
    if not is_run:
        print_line(f"{run_dir} holds no run yet; the page waits for one to begin there")
    shown = f"[{host}]" if ":" in host else host
    print_line(f"live page of {run_dir}: http://{shown}:{port}/ (Ctrl-C ends the page, not the run)")
    if host in _LOOPBACK:
        print_line(
            f"from another machine: ssh -L {port}:{shown}:{port} {user}@{machine}, then http://localhost:{port}/ there"
        )
    else:
        print_line(f"every machine that reaches {shown} can read this run; without --host only this one can")


def show_study(report: "StudyReport", out: Path) -> None:
    """The front as a table, the answer in words and the path of the report."""
    basis = report.summary.basis
    _table(f"Pareto front ({basis.stage}, {basis.split} split)", report.summary.front_networks, {
        "architecture": lambda network: network.label,
        "role": lambda n: n.role if n.control_kind is None else f"{n.control_kind} control",
        "seeds": lambda network: network.n_seeds,
        "force RMSE eV/Å": lambda network: network.force_rmse_ev_per_ang,
        "µs/atom/step": lambda network: network.md_us_per_atom_step,
        "max atoms": lambda network: network.max_atoms,
    })  # fmt: skip
    print_line(report.answer.headline)
    for sentence in (*report.answer.sentences, *report.answer.cautions):
        print_line(sentence)
    print_line(f"report: {(out / 'report.html').resolve()}")
