"""Epochs that each way of searching needs for 95 % and 99 % of a front, by replaying recorded learning curves.

    python scripts/bench/search_quality.py [--seeds 50] [--methods "tpe, pruned" ...] [--keep DIR] [--json FILE]
                                           [--html FILE]

The table (curves.parquet, made by record_curves.py) holds really trained students for every point of a finite space. A
method searches it with four workers in simulated time through the package's own sampler and pruning rule. The peer is
MO-ASHA in the manner of Syne Tune: random points, and at a rung a trial stops for good unless it is among the best 1/η
by non-dominated rank, ties by an epsilon net. Every method goes on until it has found the front, pruned ones by taking
up what they had paused; counted are the epochs trained by all workers, and only networks trained to their end.

A search takes seconds, but one with Gaussian processes minutes: with `--keep` finished searches are kept, and an
interrupted comparison goes on. They know neither code nor table: take a new folder after a change of either.
"""

import argparse
import json
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from pareto_search.analysis.front import RunningFront, volume_of
from pareto_search.analysis.pareto import pareto_ranks
from pareto_search.config import Choice, SearchSettings, SpaceSettings, TrainingSettings
from pareto_search.files import write_atomic
from pareto_search.objectives import objectives_named
from pareto_search.search.rungs import ParetoRungs
from replay import CurveTable, Replay

TABLE = Path(__file__).with_name("curves.parquet")
SEARCHED = ["n_features", "n_sensitivities", "n_atom_layers", "dist_hard_max_ang", "weight_atomic_energy"]
SAMPLERS = ("random", "grid", "tpe", "nsga2", "gp")
METHODS = [*SAMPLERS, *(f"{sampler}, pruned" for sampler in SAMPLERS), "MO-ASHA"]
DEFAULT = "tpe, pruned"
SHARES = (0.95, 0.99)
#: Colours safe for colour-blind readers; a pruned method is solid, the same sampler without pruning dotted.
COLORS = {
    "random": "#4b5b73",
    "grid": "#E69F00",
    "tpe": "#0072B2",
    "nsga2": "#009E73",
    "gp": "#CC79A7",
    "MO-ASHA": "#D55E00",
}
WITH_BANDS = (DEFAULT, "random", "MO-ASHA")
COSTS = ("md_us_per_atom_step", "max_atoms", "bytes_per_atom")
#: Syne Tune's defaults, and the best at 95 % among first rungs of 1, 2 and 4 epochs with η of 3 and 4.
PEER_PRUNING = {"grace_epochs": 1, "reduction_factor": 3}
#: The hypervolume's reference point is this factor beyond the worst network of the table.
MARGIN = 1.1


class MoAsha(ParetoRungs):
    """Multi-objective asynchronous successive halving that stops trials (Schmucker et al., 2021)."""

    def goes_on(self, trial: int, epoch: int) -> bool:
        """Whether the trial is among the best 1/η of those that reached the rung before it or with it."""
        rung = self._rungs[epoch]
        points = np.column_stack([rung.errors, rung.costs])
        place = epsilon_net_order(points).index(rung.index[trial])
        return place < max(1.0, len(points) / self.reduction_factor)

    def promotable(self) -> list[int]:
        """None: what is stopped stays stopped."""
        return []


def epsilon_net_order(points: NDArray[np.float64]) -> list[int]:
    """Indices by non-dominated rank; within a rank each next one is the farthest from those before it."""
    ranks = pareto_ranks(points)
    order: list[int] = []
    for rank in range(int(ranks.max()) + 1):
        left = np.flatnonzero(ranks == rank).tolist()
        chosen = [left.pop(0)]
        while left:
            distance = np.linalg.norm(points[left][:, None] - points[chosen][None], axis=2).min(axis=1)
            chosen.append(left.pop(int(distance.argmax())))
        order += chosen
    return order


def read_table(path: Path) -> tuple[CurveTable, SpaceSettings]:
    """The students of the table and the space that they fill."""
    rows = pd.read_parquet(path)
    students = rows[rows["role"] == "student"].sort_values([*SEARCHED, "epoch"])
    networks = students.drop_duplicates("model_id")
    n_epochs = int(students["epoch"].max())
    points = [
        {name: (int(row[name]) if name.startswith("n_") else float(row[name])) for name in SEARCHED}
        for _, row in networks.iterrows()
    ]
    choices = {name: Choice(choices=tuple(sorted({point[name] for point in points}))) for name in SEARCHED}
    space = SpaceSettings(dist_soft_max_ang=4.2, weight_forces=30.0, **choices)
    learned = "valid_force_rmse_ev_per_ang"
    seconds = students["seconds"].to_numpy(float).reshape(-1, n_epochs)
    table = CurveTable(
        points,
        {learned: students[learned].to_numpy(float).reshape(-1, n_epochs)},
        {learned: networks[f"final_{learned}"].to_numpy(float)},
        {name: networks[name].to_numpy(float) for name in COSTS},
        np.median(seconds, axis=1),
    )
    return table, space


def settings_of(method: str, space: SpaceSettings, n_epochs: int, seed: int) -> SearchSettings:
    """Sampler and pruning of a method."""
    sampler = "random" if method == "MO-ASHA" else method.removesuffix(", pruned")
    pruning: dict[str, Any] = {} if method.endswith(", pruned") else {"pruning": None}
    if method == "MO-ASHA":
        pruning = {"pruning": PEER_PRUNING}
    return SearchSettings(
        space=space, sampler=sampler, seed=seed, training=TrainingSettings(max_epochs=n_epochs), **pruning
    )


def growth(table: CurveTable, run: Iterator[tuple[float, int]]) -> Iterator[tuple[float, float]]:
    """Epochs trained and share of the table's hypervolume, in decades, whenever a network is finished."""
    objectives = objectives_named()
    points = table.objectives([objective.column for objective in objectives])
    is_minimized = [objective.direction == "minimize" for objective in objectives]
    worst = np.where(is_minimized, points.max(axis=0) * MARGIN, points.min(axis=0) / MARGIN)
    whole = volume_of(points, objectives, worst)
    front = RunningFront(objectives, worst)
    for epochs, row in run:
        front.add(points[row])
        yield epochs, front.volume / whole


def search(task: tuple[str, int, Path, Path | None]) -> list[tuple[float, float]]:
    """One search: epochs and shares of the hypervolume until the last of the shares asked for is reached."""
    method, seed, table, folder = task
    kept = folder / f"{method}-{seed}.json" if folder else None
    if kept is not None and kept.exists():
        return [(epochs, share) for epochs, share in json.loads(kept.read_text())]
    steps = search_anew(method, seed, table)
    if kept is not None:
        write_atomic(kept, json.dumps(steps))
    return steps


def search_anew(method: str, seed: int, path: Path) -> list[tuple[float, float]]:
    """One search that is not kept."""
    table, space = read_table(path)
    settings = settings_of(method, space, table.n_epochs, seed)
    rule = MoAsha if method == "MO-ASHA" else ParetoRungs
    factor = settings.pruning.reduction_factor if settings.pruning else 2
    replay = Replay(table, settings, rule(settings.rungs, factor, settings.objective_list))
    steps = []
    for epochs, share in growth(table, replay.run()):
        steps.append((epochs, share))
        if share >= SHARES[-1]:
            break
    return steps


def summary(searches: list[list[tuple[float, float]]]) -> dict[str, dict[str, float]]:
    """Median and quartiles of the epochs at which each share was reached."""
    found = {}
    for share in SHARES:
        epochs = [next(e for e, reached in steps if reached >= share) for steps in searches]
        q25, median, q75 = np.percentile(epochs, [25, 50, 75])
        found[f"epochs_to_{100 * share:.0f}"] = {"median": float(median), "q25": float(q25), "q75": float(q75)}
    return found


def figure(results: dict[str, list[list[tuple[float, float]]]]) -> go.Figure:
    """Share of the hypervolume against epochs: medians over seeds, with quartiles of the methods that matter most."""
    drawn = go.Figure()
    grid = np.geomspace(100, max(steps[-1][0] for searches in results.values() for steps in searches), 300)
    for method, searches in results.items():
        shares = np.array([_shares_at(steps, grid) for steps in searches])
        low, middle, high = np.percentile(shares, [25, 50, 75], axis=0)
        color, is_pruned = COLORS[method.removesuffix(", pruned")], method.endswith((", pruned", "ASHA"))
        if method in WITH_BANDS:
            band = {"mode": "lines", "line": {"width": 0}, "legendgroup": method, "showlegend": False}
            drawn.add_scatter(x=grid, y=low, hoverinfo="skip", **band)
            fill = f"rgba({', '.join(str(int(color[i : i + 2], 16)) for i in (1, 3, 5))}, 0.16)"
            drawn.add_scatter(x=grid, y=high, fill="tonexty", fillcolor=fill, hoverinfo="skip", **band)
        line = {"color": color, "width": 3 if method == DEFAULT else 1.6, "dash": "solid" if is_pruned else "dot"}
        name = f"{method} (default)" if method == DEFAULT else method
        drawn.add_scatter(x=grid, y=middle, mode="lines", name=name, legendgroup=method, line=line)
    for share in SHARES:
        drawn.add_hline(y=share, line={"dash": "dash", "width": 1, "color": "#aab2bf"})
    drawn.update_xaxes(type="log", title="epochs trained", dtick="D2")
    drawn.update_yaxes(range=[0.5, 1.005], title="share of the table's hypervolume")
    n_seeds = max(len(searches) for searches in results.values())
    return drawn.update_layout(title=f"Search quality: medians of {n_seeds} seeds", template="plotly_white")


def _shares_at(steps: list[tuple[float, float]], epochs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share reached by each number of epochs; the share never falls."""
    at, reached = np.array([(0.0, 0.0), *steps]).T
    return np.asarray(reached[np.searchsorted(at, epochs, side="right") - 1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--table", type=Path, default=TABLE)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--keep", type=Path, metavar="DIR", help="folder of finished searches, made if it is not there")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--html", type=Path)
    arguments = parser.parse_args()
    if arguments.keep:
        arguments.keep.mkdir(parents=True, exist_ok=True)
    results = {}
    with get_context("spawn").Pool(arguments.processes) as pool:
        for method in arguments.methods:
            tasks = [(method, seed, arguments.table, arguments.keep) for seed in range(arguments.seeds)]
            results[method] = pool.map(search, tasks, chunksize=1)
            row = summary(results[method])
            shown = "  ".join(f"{n}: {v['median']:6.0f} ({v['q25']:.0f}-{v['q75']:.0f})" for n, v in row.items())
            print(f"{method:16} {shown}", flush=True)
            if arguments.json:
                arguments.json.write_text(
                    json.dumps({name: summary(found) for name, found in results.items()}, indent=1)
                )
            if arguments.html:
                figure(results).write_html(arguments.html, include_plotlyjs=True)


if __name__ == "__main__":
    main()
