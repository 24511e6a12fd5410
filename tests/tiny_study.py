"""A whole study that takes seconds, for the tests that run one."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from pareto_search import cli

TINY: dict[str, Any] = {
    "name": "tiny",
    "data": {"source": "emt-aluminum", "n_frames": 20},
    "teacher": {
        "architecture": {
            "n_features": 8,
            "n_sensitivities": 6,
            "n_atom_layers": 1,
            "dist_soft_max_ang": 4.0,
            "dist_hard_max_ang": 4.5,
        },
        "training": {"max_epochs": 30, "batch_size": 8, "checkpoint_every_s": 0.001},
    },
    "search": {
        "space": {
            "n_features": {"low": 4, "high": 8},
            "n_sensitivities": 6,
            "n_atom_layers": 1,
            "dist_soft_max_ang": 4.0,
            "dist_hard_max_ang": 4.5,
        },
        "n_trials": 3,
        "pruning": None,  # what is pruned depends on which trial is first
        "training": {"max_epochs": 3, "batch_size": 8, "checkpoint_every_s": 0.001},
    },
    "confirm": {"n_seeds": 1, "max_front": 3, "n_ladder": 3, "controls": ["paper", "ablation"]},
    "measure": {
        "structure": {"symbol": "Al"},
        "n_atoms": 32,
        "n_steps": 5,
        "n_warmup_steps": 0,
        "memory_budget_gib": 0.004,
        "rel_tol": 0.3,
    },
    # One worker for all trials: each takes seconds to load torch.
    "cluster": {"dashboard": False, "reuse_workers": True, "max_concurrent_trials": 1},
}


def write_config(folder: Path, **cluster: Any) -> Path:
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(TINY | {"cluster": TINY["cluster"] | cluster}))
    return path


def call(*arguments: object) -> int:
    """The command line in this process; its exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["pareto-search", *map(str, arguments)])
        try:
            cli.main()
        except SystemExit as stop:
            return int(stop.code or 0)
    return 0


def start(*arguments) -> subprocess.Popen:
    """Start the command line in a session of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "pareto_search.cli", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def states_of(study_db: Path) -> list[str]:
    """States of the trials in an undamaged database, by number."""
    with closing(sqlite3.connect(study_db)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [state for (state,) in connection.execute("SELECT state FROM trials ORDER BY number")]
