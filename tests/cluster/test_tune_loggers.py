from importlib.util import find_spec
from pathlib import Path

import pytest

from pareto_search.cluster import tune_loggers
from pareto_search.cluster.tune_loggers import check_loggers, make_loggers
from pareto_search.errors import ConfigError
from tests.cluster.fake_study import CLUSTER, search


@pytest.mark.slow
@pytest.mark.cluster
@pytest.mark.usefixtures("cluster")
def test_tensorboard_gets_the_curve_of_every_trial(tmp_path: Path) -> None:
    ended = search(tmp_path, 2, cluster=CLUSTER.model_copy(update={"loggers": ("tensorboard",)}))
    assert len(ended) == 2
    written = [path.read_bytes() for path in (tmp_path / "ray" / "fake").rglob("events.out.tfevents.*")]
    assert len(written) == 2
    for content in written:
        assert content.count(b"ray/tune/valid_force_rmse_ev_per_ang") == 4  # three reports and the list of measures


@pytest.mark.parametrize("name", ["tensorboard", "mlflow", "wandb"])
def test_a_logger_without_its_package_is_refused_with_what_to_install(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tune_loggers, "find_spec", lambda package: None)
    with pytest.raises(ConfigError, match=rf"cluster\.loggers: {name} needs .*; pip install \w+"):
        check_loggers([name])
    with pytest.raises(ConfigError):
        make_loggers([name], "fake", tmp_path)


@pytest.mark.parametrize("name", ["mlflow", "wandb"])
def test_a_logger_is_made_where_its_package_is_installed(name: str, tmp_path: Path) -> None:
    if find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    (logger,) = make_loggers([name], "fake", tmp_path)
    assert name in type(logger).__name__.lower()
