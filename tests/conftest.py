"""Settings for all tests."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from pareto_search.cluster.session import RaySession

# hippynn compiles its kernels at first use, which takes longer than all its calls in these tests.
os.environ.setdefault("TORCHDYNAMO_DISABLE", "1")
# How long an example takes says more of what else the machine does than of the code.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")


@pytest.fixture(scope="session")
def one_ray() -> Iterator["RaySession"]:
    """A Ray for all studies that tests run in this process: they leave it running."""
    from pareto_search.cluster.session import ray_session
    from pareto_search.config import ClusterSettings  # here, for most tests need no Ray

    with ray_session(ClusterSettings(dashboard=False), "tests") as session:
        yield session


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that start Ray first, then others with slow tests: what is left at the end is short."""
    marks: dict[Path, set[str]] = {}
    for item in items:
        marks.setdefault(item.path, set()).update(mark.name for mark in item.iter_markers())
    items.sort(key=lambda item: ("cluster" not in marks[item.path], "slow" not in marks[item.path]))
