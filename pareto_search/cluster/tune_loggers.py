"""Tune's own loggers, switched on by name: they see every report of every trial of the search."""

import os
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from pareto_search.errors import ConfigError

if TYPE_CHECKING:
    from ray import tune

#: The package that each logger needs.
_PACKAGES = {"tensorboard": "tensorboardX", "mlflow": "mlflow", "wandb": "wandb"}


def check_loggers(names: Sequence[str]) -> None:
    """Raise before anything is trained if a logger cannot be had.

    Raises:
        ConfigError: If its package is not installed.
    """
    for name in names:
        if find_spec(_PACKAGES[name]) is None:
            package = _PACKAGES[name]
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

    def tensorboard() -> "tune.Callback":
        from ray.tune.logger import TBXLoggerCallback

        return TBXLoggerCallback()

    def mlflow() -> "tune.Callback":
        from ray.air.integrations.mlflow import MLflowLoggerCallback

        uri = os.environ.get("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
        return MLflowLoggerCallback(tracking_uri=uri, experiment_name=study_name)

    def wandb() -> "tune.Callback":
        from ray.air.integrations.wandb import WandbLoggerCallback

        return WandbLoggerCallback(project=study_name)

    make: dict[str, Callable[[], tune.Callback]] = {"tensorboard": tensorboard, "mlflow": mlflow, "wandb": wandb}
    return [make[name]() for name in names]
