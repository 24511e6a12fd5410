"""A search with closed-form objectives in place of training, and a driver of it that a test can kill.

As a script: `python -m tests.search.fake_study FOLDER N_TRIALS BEHAVIOUR` runs a search on a Ray of its own.
"""

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pareto_search.config import Choice, ClusterSettings, Range, SearchSettings, SpaceSettings
from pareto_search.search.cluster import ray_session
from pareto_search.search.tune import run_search

SPACE = SpaceSettings(
    n_features=Range(low=12, high=128, log=True),
    n_sensitivities=Choice(choices=(8, 16, 32)),
    n_atom_layers=2,
    weight_forces=Range(low=3, high=100, log=True),
    weight_atomic_energy=Range(low=0.3, high=300, log=True, zero_below=1),
)
CLUSTER = ClusterSettings(dashboard=False)


@dataclass(frozen=True)
class Shared:
    """What a trial reads.

    Attributes:
        folder: Trials leave notes here; those with behaviour "wait" end when `go` appears.
        numbers: Something large enough for the object store.
    """

    folder: Path
    numbers: np.ndarray
    behaviour: str = "plain"

    def __reduce__(self) -> Any:
        with (self.folder / "pickled").open("a") as file:
            file.write("x")
        return Shared, (self.folder, self.numbers, self.behaviour)


def make_shared(folder: Path, behaviour: str = "plain") -> Shared:
    return Shared(folder, np.arange(100_000, dtype=np.float64), behaviour)


def objectives(params: dict[str, Any]) -> dict[str, Any]:
    return {
        "valid_force_rmse_ev_per_ang": 1.0 / params["n_features"] + 1.0 / params["n_sensitivities"],
        "md_us_per_atom_step": 0.1 * params["n_features"] * params["n_sensitivities"],
        "max_atoms": 10_000_000 // (params["n_features"] * params["n_sensitivities"]),
    }


def fake_trial(shared: Shared, params: dict[str, Any], report: Any) -> dict[str, Any]:
    number = params["trial_number"]
    values = objectives(params)
    with (shared.folder / f"trial-{number}.jsonl").open("a") as file:
        file.write(json.dumps(params) + "\n")
    report({**values, "epoch": 1})
    if shared.behaviour == "wait":
        while not (shared.folder / "go").exists():
            time.sleep(0.02)
    if shared.behaviour == "unlucky" and number == 0:
        raise ValueError("this one\nfails")
    if shared.behaviour == "unlucky" and number == 1:
        values["md_us_per_atom_step"] = float("nan")
    if shared.behaviour == "unlucky" and number == 2:
        del values["max_atoms"]
    zero_copy = not shared.numbers.flags.writeable and not shared.numbers.flags.owndata
    return {**values, "epoch": 2, "model_ids": [f"student-{number}"], "is_zero_copy": zero_copy}


def search(folder: Path, n_trials: int, *, shared: Shared | None = None, **changes: Any) -> list[tuple[Any, ...]]:
    """Run a search; returns what on_finished was called with."""
    finished: list[tuple[Any, ...]] = []
    arguments: dict[str, Any] = {
        "settings": SearchSettings(space=SPACE, n_trials=n_trials, sampler="random"),
        "cluster": CLUSTER,
        "study_name": "fake",
        "study_db": folder / "study.db",
        "storage_dir": folder / "ray",
        "shared": shared or make_shared(folder),
        "trial": fake_trial,
        "on_finished": lambda *ended: finished.append(ended),
    }
    run_search(**(arguments | changes))
    return finished


if __name__ == "__main__":
    _folder = Path(sys.argv[1])
    with ray_session(CLUSTER, "fake"):
        try:
            search(_folder, int(sys.argv[2]), shared=make_shared(_folder, sys.argv[3]))
        except KeyboardInterrupt:
            sys.exit(130)
