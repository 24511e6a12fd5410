"""Fixtures of the data tests."""

from pathlib import Path

import pytest

_SHARED_DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the repository."""
    if not _SHARED_DATA.is_dir():
        pytest.skip(f"{_SHARED_DATA} is not there; put the shared data beside the repository to run this test")
    return _SHARED_DATA
