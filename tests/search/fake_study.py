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

from pareto_search.config import Choice, ClusterSettings, Range, SearchSettings, SpaceSettings, TrainingSettings
from pareto_search.search.cluster import ray_session
from pareto_search.search.results import Costs, TrialEnd
from pareto_search.search.tune import run_search

#: Behaviours of trials whose learning curve has rungs at epochs 1 and 3.
N_EPOCHS = 9
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
    for epoch in (1, 3):
        report({**values, "valid_force_rmse_ev_per_ang": values["valid_force_rmse_ev_per_ang"] * (1 + 1 / epoch), "epoch": epoch})
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
    return {
        **values,
        "epoch": N_EPOCHS,
        "model_ids": [f"student-{number}"],
        "n_trained_epochs": N_EPOCHS,
        "is_zero_copy": zero_copy,
    }


def fake_costs(shared: Shared, params: dict[str, Any]) -> Costs:
    with (shared.folder / "measured").open("a") as file:
        file.write(json.dumps(params) + "\n")
    values = objectives(params)
    return Costs(values["md_us_per_atom_step"], values["max_atoms"], 1e9 / values["max_atoms"])


def settings_of(n_trials: int | None, **changes: Any) -> SearchSettings:
    """Settings of a search without pruning, unless the changes say otherwise."""
    training = TrainingSettings(max_epochs=N_EPOCHS)
    plain = {"space": SPACE, "n_trials": n_trials, "sampler": "random", "pruning": None, "training": training}
    return SearchSettings(**(plain | changes))


def search(folder: Path, n_trials: int, *, shared: Shared | None = None, **changes: Any) -> list[TrialEnd]:
    """Run a search; returns what on_end was called with."""
    ended: list[TrialEnd] = []
    arguments: dict[str, Any] = {
        "settings": settings_of(n_trials),
        "cluster": CLUSTER,
        "study_name": "fake",
        "study_db": folder / "study.db",
        "storage_dir": folder / "ray",
        "shared": shared or make_shared(folder),
        "measure": fake_costs,
        "trial": fake_trial,
        "on_end": ended.append,
    }
    run_search(**(arguments | changes))
    return ended


if __name__ == "__main__":
    _folder = Path(sys.argv[1])
    with ray_session(CLUSTER, "fake"):
        try:
            search(_folder, int(sys.argv[2]), shared=make_shared(_folder, sys.argv[3]))
        except KeyboardInterrupt:
            sys.exit(130)
