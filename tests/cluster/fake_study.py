"""A search with closed-form objectives in place of training, and a driver of it that a test can kill.

As a script, `python -m tests.cluster.fake_study FOLDER N_TRIALS BEHAVIOUR [SETTING=VALUE ...]` runs a search, on a Ray
of its own unless the settings, which are the cluster's, name one.
"""

import sys
from pathlib import Path
from typing import Any

from pareto_search.cluster.session import ray_session
from pareto_search.cluster.tune import run_search
from pareto_search.config import Choice, ClusterSettings, Range, SearchSettings, SpaceSettings, TrainingSettings
from pareto_search.search.messages import TrialEnd
from tests.cluster.fake_trial import N_EPOCHS, Shared, fake_costs, fake_trial, make_shared

SPACE = SpaceSettings(
    n_features=Range(low=12, high=128, log=True),
    n_sensitivities=Choice(choices=(8, 16, 32)),
    n_atom_layers=2,
    weight_forces=Range(low=3, high=100, log=True),
    weight_atomic_energy=Range(low=0.3, high=300, log=True, zero_below=1),
)
CLUSTER = ClusterSettings(dashboard=False, reuse_workers=True)


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
    _folder, _n_trials, _behaviour, *_settings = sys.argv[1:]
    _cluster = ClusterSettings(**(CLUSTER.model_dump() | dict(setting.split("=") for setting in _settings)))
    _shared = make_shared(Path(_folder), _behaviour)
    with ray_session(_cluster, "fake"):
        try:
            search(Path(_folder), int(_n_trials), shared=_shared, cluster=_cluster)
        except KeyboardInterrupt:
            sys.exit(130)
