"""Settings for all tests."""

import os

import pytest

# hippynn compiles its kernels at first use, which takes longer than all its calls in these tests.
os.environ.setdefault("TORCHDYNAMO_DISABLE", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow tests first, so that no process is left with one at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
