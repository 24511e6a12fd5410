"""Energy conservation in 5 ps of ASE NVE: this package, compiled and not, and hippynn's own ASE calculator.

One network, trained on the quick start's data, runs the same trajectories (crystal, 256 atoms, 1 fs) with each.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk

from pareto_search import stages
from pareto_search.config_file import load_config
from pareto_search.measure.md import start_nve
from pareto_search.potential.build import build_potential
from pareto_search.potential.interface import Potential, TimedCalculator
from pareto_search.potential.model_files import load_model
from pareto_search.potential.process import prepare_torch

CONFIG = Path(__file__).parents[2] / "configs" / "quickstart.yaml"
TIMESTEP_FS = 1.0


def trained() -> Potential:
    """The quick start's teacher."""
    with tempfile.TemporaryDirectory() as folder:
        stages.teacher(load_config(CONFIG), folder)
        return load_model(Path(folder) / "teacher")


def with_engine(potential: Potential, engine: str) -> Potential:
    """The same network in another engine."""
    other = build_potential(potential.architecture, potential.references, seed=0, engine=engine)
    other.load_state_dict(potential.state_dict())
    return other.eval()


def conservation(
    atoms: Atoms, calculator: TimedCalculator, n_steps: int, temperature_k: float, seed: int
) -> tuple[float, float]:
    """Drift of the total energy in meV/atom/ps, and its root-mean-square deviation from that line in meV/atom."""
    run = start_nve(atoms, calculator, timestep_fs=TIMESTEP_FS, temperature_k=temperature_k, seed=seed)
    energies_mev = []
    run.attach(lambda: energies_mev.append(1e3 * run.atoms.get_total_energy() / len(atoms)))
    run.run(n_steps)
    time_ps = 1e-3 * TIMESTEP_FS * np.arange(len(energies_mev))
    line = np.polyfit(time_ps, energies_mev, 1)
    return float(line[0]), float(np.std(energies_mev - np.polyval(line, time_ps)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--temperature", type=float, default=600.0, help="of the initial momenta, K")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    options = parser.parse_args()
    prepare_torch(1)
    potential = trained()
    atoms = bulk("Al", a=3.995, cubic=True).repeat(4)
    found = []
    engines: tuple[tuple[str, str, bool | None], ...] = (
        ("explicit, compiled", "explicit", True),
        ("explicit, uncompiled", "explicit", False),
        ("hippynn", "hippynn", None),
    )
    for name, engine, is_compiled in engines:
        runs = []
        for seed in range(options.seeds):
            calculator = with_engine(potential, engine).calculator(skin_ang=0.5, is_compiled=is_compiled)
            runs.append(conservation(atoms, calculator, options.steps, options.temperature, seed))
        drift, deviation = np.array(runs).T
        found.append(
            {"engine": name, "drift_mev_per_atom_ps": drift.tolist(), "deviation_mev_per_atom": deviation.tolist()}
        )
        print(
            f"{name}: drift {drift.mean():+.2e} ± {drift.std(ddof=1):.1e} meV/atom/ps, "
            f"deviation {deviation.mean():.2e} meV/atom, {options.seeds} runs of {options.steps} steps",
            flush=True,
        )
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
