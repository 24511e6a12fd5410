"""Settings for all tests."""

import os

import hypothesis
import pytest

# hippynn compiles its kernels at first use, which takes longer than all its calls in these tests.
os.environ.setdefault("TORCHDYNAMO_DISABLE", "1")
# How long an example takes says more of what else the machine does than of the code.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Deal out files with slow tests to two halves, each before the others: two processes start with a half each."""
    slow_files = list(dict.fromkeys(item.path for item in items if item.get_closest_marker("slow")))
    others = list(dict.fromkeys(item.path for item in items if item.path not in slow_files))
    halves = [*slow_files[::2], *others[::2], *slow_files[1::2], *others[1::2]]
    items.sort(key=lambda item: halves.index(item.path))
