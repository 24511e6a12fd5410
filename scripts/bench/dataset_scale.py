"""What workers hold of a large dataset: 6000 aluminium frames, 800,000 atoms, as the published ANI-Al set has.

    python scripts/bench/dataset_scale.py [--frames 6000] [--workers 2] [--json FILE]

Frames, neighbours and labels go into Ray's object store once. Each worker trains a network for one epoch, half of them
with a shorter cutoff than the table's, and says what memory it held of its own (private pages, peak) before it saw the
data and after training. The data are rattled crystals with made-up labels: nothing here depends on what is learnt.
"""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import ray
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator

from pareto_search.config import HipnnArchitecture, LossWeights, SplitSettings, TrainingSettings
from pareto_search.data.dataset import from_frames
from pareto_search.data.neighbors import build_neighbor_table
from pareto_search.data.references import fit_references
from pareto_search.data.split import draw_split
from pareto_search.potential.hipnn import HipnnPotential
from pareto_search.potential.process import prepare_torch
from pareto_search.training.fit import fit
from pareto_search.training.study_data import StudyData

CUTOFFS_ANG = (7.5, 5.0)


def make_data(n_frames: int) -> StudyData:
    """Rattled fcc cells of 108 to 160 atoms."""
    rng = np.random.default_rng(0)
    frames = []
    for _ in range(n_frames):
        atoms = bulk("Al", cubic=True) * (3, 3, int(rng.integers(3, 5)))
        del atoms[rng.choice(len(atoms), size=int(rng.integers(0, 4)), replace=False)]
        atoms.rattle(0.1, rng=rng)
        atoms.calc = SinglePointCalculator(
            atoms, energy=-3.0 * len(atoms), forces=0.1 * rng.normal(size=(len(atoms), 3))
        )
        frames.append(atoms)
    dataset = from_frames(frames, ["made up"] * n_frames, {})
    split = draw_split(dataset, SplitSettings())
    table = build_neighbor_table(dataset, max(CUTOFFS_ANG))
    return StudyData(dataset, table, split, fit_references(dataset, split.train))


def private_mib() -> float:
    """Memory of this process that no other shares."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024


@ray.remote(num_cpus=1)
def train(data: StudyData, cutoff_ang: float) -> dict[str, Any]:
    """Train one epoch; memory before the first batch and at the end, MiB."""
    prepare_torch(1)
    shape = HipnnArchitecture(
        n_features=24,
        n_sensitivities=10,
        n_atom_layers=2,
        dist_soft_max_ang=cutoff_ang - 0.5,
        dist_hard_max_ang=cutoff_ang,
    )
    potential = HipnnPotential(shape, data.references, seed=0)
    before = private_mib()
    loader = data.loader(shape, device="cpu")
    loaded = private_mib()
    settings = TrainingSettings(max_epochs=1, compile="auto")
    result = fit(potential, loader, data.split, LossWeights(weight_atomic_energy=0.0), settings, seed=0)
    return {
        "cutoff_ang": cutoff_ang,
        "before_mib": before,
        "loaded_mib": loaded,
        "after_mib": private_mib(),
        "epoch_s": result.train_s,
        "is_zero_copy": not data.table.vectors.flags.owndata,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=6000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    begun = time.perf_counter()
    data = make_data(arguments.frames)
    made_s = time.perf_counter() - begun
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray.init(num_cpus=arguments.workers, include_dashboard=False, runtime_env={"env_vars": {"OMP_NUM_THREADS": "1"}})
    try:
        begun = time.perf_counter()
        reference = ray.put(data)
        put_s = time.perf_counter() - begun
        cutoffs = [CUTOFFS_ANG[number % len(CUTOFFS_ANG)] for number in range(arguments.workers)]
        workers = ray.get([train.remote(reference, cutoff) for cutoff in cutoffs])
        total, free = (ray.cluster_resources(), ray.available_resources())
        stored = (total["object_store_memory"] - free["object_store_memory"]) / 2**20
    finally:
        ray.shutdown()
    result = {
        "frames": data.dataset.n_systems,
        "atoms": data.dataset.n_atoms,
        "neighbors_per_atom": data.table.n_pairs / data.dataset.n_atoms,
        "table_mib": data.table.nbytes / 2**20,
        "made_s": made_s,
        "put_s": put_s,
        "object_store_mib": stored,
        "workers": workers,
    }
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1))
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
