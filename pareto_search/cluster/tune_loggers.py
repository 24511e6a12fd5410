"""Tune's own loggers, switched on by name: they see every report of every trial of the search."""

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from pareto_search.config.architecture import imported
from pareto_search.errors import ConfigError

if TYPE_CHECKING:
    from ray import tune

#: The package that each logger needs, and Ray's class.
_LOGGERS = {
    "tensorboard": ("tensorboardX", "ray.tune.logger:TBXLoggerCallback"),
    "mlflow": ("mlflow", "ray.air.integrations.mlflow:MLflowLoggerCallback"),
    "wandb": ("wandb", "ray.air.integrations.wandb:WandbLoggerCallback"),
}


def check_loggers(names: Sequence[str]) -> None:
    """Raise before anything is trained if a logger cannot be had.

    Raises:
        ConfigError: If its package is not installed.
    """
    for name in names:
        package, _ = _LOGGERS[name]
        if find_spec(package) is None:
            raise ConfigError(f"cluster.loggers: {name} needs a package that is not installed; pip install {package}")


def make_loggers(names: Sequence[str], study_name: str, folder: Path) -> "list[tune.Callback]":
    """The loggers of a search.

    Args:
        names: Of `ClusterSettings.loggers`.
        study_name: Experiment or project of MLflow and Weights & Biases.
        folder: Tune's scratch; TensorBoard's files lie below it in the folders of the trials, MLflow's in `mlflow.db`
            unless MLFLOW_TRACKING_URI names a server.

    Raises:
        ConfigError: If a package is not installed.
    """
    check_loggers(names)
    uri = os.environ.get("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
    options: dict[str, dict[str, str]] = {
        "tensorboard": {},
        "mlflow": {"tracking_uri": uri, "experiment_name": study_name},
        "wandb": {"project": study_name},
    }
    return [imported(_LOGGERS[name][1])(**options[name]) for name in names]
