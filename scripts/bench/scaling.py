"""How the cost of an MD step grows with atoms, features and sensitivities: a Plotly page."""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import plotly.graph_objects as go
from ase.build import bulk
from measuring import CUTOFFS
from plotly.subplots import make_subplots

from pareto_search.config import HipnnArchitecture
from pareto_search.data.references import ReferenceEnergies
from pareto_search.measure.md import start_nve
from pareto_search.potential.hipnn import HipnnPotential
from pareto_search.potential.process import prepare_torch

ATOMS = (500, 864, 2048, 6912, 16384, 32000, 48668)
FEATURES = (12, 24, 48, 96, 128)
SENSITIVITIES = (8, 10, 20, 30, 40)
#: What is kept while the other varies.
BASE = {"n_features": 24, "n_sensitivities": 10, "n_atom_layers": 2}
N_STEPS = 7


def us_per_atom(n_atoms: int, **sizes: int) -> list[float]:
    """Process time of some compiled MD steps, in µs per atom."""
    n_cells = max(round((n_atoms / 4) ** (1 / 3)), 1)
    atoms = bulk("Al", a=4.05, cubic=True).repeat(n_cells)
    potential = HipnnPotential(HipnnArchitecture(**{**BASE, **sizes}, **CUTOFFS), ReferenceEnergies({13: -3.0}), seed=0)
    calculator = potential.calculator(skin_ang=0.5, is_compiled=True)
    dynamics = start_nve(atoms, calculator, timestep_fs=1.0, temperature_k=300.0, seed=0)
    dynamics.run(2)
    times = []
    for _ in range(N_STEPS):
        started = time.process_time()
        dynamics.run(1)
        times.append(1e6 * (time.process_time() - started) / len(atoms))
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", type=Path)
    page = parser.parse_args().page
    prepare_torch(1)
    axes: dict[str, tuple[Sequence[int], Callable[[int], list[float]]]] = {
        "atoms": (ATOMS, lambda value: us_per_atom(value)),
        "features": (FEATURES, lambda value: us_per_atom(2048, n_features=value)),
        "sensitivities": (SENSITIVITIES, lambda value: us_per_atom(2048, n_sensitivities=value)),
    }
    titles = ("24/10/2", "2,048 atoms, 10 sensitivities", "2,048 atoms, 24 features")
    figure = make_subplots(1, 3, subplot_titles=titles, shared_yaxes=True)
    for column, (name, (values, measured)) in enumerate(axes.items(), start=1):
        found = [measured(value) for value in values]
        middle = [statistics.median(times) for times in found]
        error = {"array": [max(t) - m for t, m in zip(found, middle, strict=True)],
                 "arrayminus": [m - min(t) for t, m in zip(found, middle, strict=True)]}  # fmt: skip
        figure.add_scatter(x=values, y=middle, error_y=error, mode="lines+markers", name=name, row=1, col=column)
        figure.update_xaxes(title=name, type="log" if name == "atoms" else "linear", row=1, col=column)
        print(name, dict(zip(values, (round(m, 2) for m in middle), strict=True)), flush=True)
    figure.update_yaxes(title="µs per atom and step", rangemode="tozero", col=1)
    figure.update_layout(
        title=f"MD step on one CPU core (ASE NVE, list included): medians of {N_STEPS} steps, bars from least to most",
        showlegend=False,
        template="plotly_white",
    )
    go.Figure(figure).write_html(page, include_plotlyjs=True)


if __name__ == "__main__":
    main()
