"""One Ray for all tests of the search that need it."""

from collections.abc import Iterator

import pytest

from pareto_search.cluster.session import RaySession, ray_session
from tests.cluster.fake_study import CLUSTER


@pytest.fixture(scope="package")
def cluster() -> Iterator[RaySession]:
    with ray_session(CLUSTER, "fake") as session:
        yield session
