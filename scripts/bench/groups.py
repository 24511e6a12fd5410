"""Matched groups (student, control, costs) an hour of a search: this package against a script as hippynn's Ray example.

Both run on one Ray with one trial a core, train the same architectures with the same frames, epochs and batches, and
measure the same MD steps and capacity; epochs and memory budget are those of the workstation configs. hippynn's script
prepares its pairs in every training, as its example does. Reading the data, the teacher and its labels come before and
are not timed; compiled code is on disk.
"""

import logging
import tempfile
import time
from pathlib import Path
from typing import Any

from measuring import arguments, prepared, row

from pareto_search.config import StudyConfig
from pareto_search.config_file import load_config
from pareto_search.networks.job import NetworkJob, control_of
from pareto_search.networks.shared_study import SharedStudy
from pareto_search.search.space import to_architecture, to_weights
from pareto_search.stages import open_study

ROOT = Path(__file__).parents[2]
POINTS = (
    {"n_features": 24, "n_sensitivities": 10, "n_atom_layers": 2},
    {"n_features": 32, "n_sensitivities": 20, "n_atom_layers": 2},
)
LOSS = {"weight_forces": 30, "weight_atomic_energy": 100}


def study_config(data: Path, n_frames: int, n_epochs: int) -> StudyConfig:
    """A search of the given points with the paper's cutoffs, one core a trial."""
    space = {name: {"low": 8, "high": 64} for name in ("n_features", "n_sensitivities")}
    space |= {"n_atom_layers": {"low": 1, "high": 3}, "weight_forces": {"low": 3, "high": 100}}
    training = {"max_epochs": n_epochs, "batch_size": 16, "compile": "always"}
    plain = {
        "name": "groups",
        "data": {"source": "ani-h5", "path": str(data), "elements": ["Al"], "max_frames": n_frames},
        "teacher": {
            # Of no point's cutoff: nothing of the teacher's cost helps with the points'.
            "architecture": {
                "n_features": 16,
                "n_sensitivities": 10,
                "n_atom_layers": 2,
                "dist_soft_max_ang": 5.5,
                "dist_hard_max_ang": 6.0,
            },
            "training": {"max_epochs": 1, "batch_size": 16, "compile": "always"},
        },
        "search": {
            "space": space,
            "points": [{**point, **LOSS} for point in POINTS],
            "n_trials": len(POINTS),
            "pruning": None,
            "controls": ["paper"],
            "training": training,
        },
        "measure": {
            "structure": {"symbol": "Al", "a_ang": 4.05},
            "n_atoms": 2048,
            "memory_budget_gib": 0.25,
        },
        "cluster": {"dashboard": False},
    }
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        import yaml

        yaml.safe_dump(plain, file)
        file.flush()
        return load_config(Path(file.name))


def our_seconds(config: StudyConfig, out: Path) -> float:
    """Wall-clock seconds of the search, Ray's start and end included."""
    with open_study(config, out) as study:
        study.label()
        started = time.monotonic()
        study.search()
    return time.monotonic() - started


def peer_trial(trial: dict[str, Any], shared: SharedStudy) -> None:
    """What a script with hippynn does for one architecture: train student and control, measure speed and capacity."""
    from peer import Trainer

    from pareto_search.data.structure import supercell
    from pareto_search.measure.capacity import measure_capacity
    from pareto_search.measure.md import time_md
    from pareto_search.measure.probe import ProbeSpec
    from pareto_search.potential.hipnn import HipnnPotential
    from pareto_search.potential.process import prepare_torch

    prepare_torch(1)
    params = trial["point"]
    config, data = shared.config, shared.data
    search, measure = config.search, config.measure
    shape = to_architecture(search.space, params)
    job = NetworkJob("search", "student", shape, to_weights(search.space, params), search.training, seed=0)
    parts = {"train": data.split.train, "valid": data.split.valid}
    for weights in (job.weights, control_of(job, "paper").weights):
        potential = HipnnPotential(shape, data.references, seed=0, engine="hippynn")
        Trainer(potential, data, parts, weights, search.training).epochs(search.training.max_epochs)
    atoms = supercell(shared.unit, measure.n_atoms)
    time_md(atoms, potential.calculator(skin_ang=measure.skin_ang), measure, seed=0)
    spec = ProbeSpec(shape, potential.elements, "hippynn", shared.unit, skin_ang=measure.skin_ang)
    measure_capacity(spec, measure)


def peer_seconds(config: StudyConfig, shared: SharedStudy) -> float:
    """Wall-clock seconds of the same architectures in a plain Ray Tune script."""
    import ray
    from ray import tune

    started = time.monotonic()
    here = str(Path(__file__).parent)
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        runtime_env={"env_vars": {"PYTHONPATH": here, "OMP_NUM_THREADS": "1"}},
    )
    try:
        points = [dict(point) for point in config.search.points]
        trainable = tune.with_parameters(peer_trial, shared=shared)
        results = tune.Tuner(trainable, param_space={"point": tune.grid_search(points)}).fit()
        if results.num_terminated < len(points):
            raise results.errors[0] if results.errors else KeyboardInterrupt
    finally:
        ray.shutdown()
    return time.monotonic() - started


def main() -> None:
    parser = arguments(__doc__.splitlines()[0], with_size=False)
    parser.add_argument("data", type=Path, help="folder of the .h5 files")
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--epochs", type=int, default=60)
    options = prepared(parser)
    data = options.data.resolve()
    with tempfile.TemporaryDirectory() as folder:
        for name, n_epochs in (("warm", 1), ("timed", options.epochs)):  # so that both have compiled what they compile
            config, out = study_config(data, options.frames, n_epochs), Path(folder) / name
            ours = our_seconds(config, out)
            with open_study(config, out) as study:
                shared = study.labelled
            peer = peer_seconds(config, shared)
            print(f"{name}: {ours:.0f} s, hippynn {peer:.0f} s", flush=True)
    per_hour = [len(POINTS) * 3600 / seconds for seconds in (ours, peer)]
    note = f"{len(POINTS)} groups of two, {options.frames} frames, {options.epochs} epochs, 2,048 atoms, 0.25 GiB"
    row("search_groups_per_hour", [per_hour[0]], [per_hour[1]], "1/h", more_is_better=True, note=note).save(
        options.json
    )


if __name__ == "__main__":
    main()
