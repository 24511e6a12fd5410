"""The types that users see: mypy, in a process of its own, accepts their code and reports their mistakes."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_types_of_the_public_functions_are_seen() -> None:
    pytest.importorskip("mypy")
    command = [sys.executable, "-m", "mypy", "tests/typing/user_code.py"]  # with the settings and cache of the whole
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr
