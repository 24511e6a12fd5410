"""A disk that is full, while a search runs and for its log: one clear message, nothing lost, and on it goes."""

import logging
import re
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pareto_search.journal import log_to
from tests.tiny_study import call, start, states_of, write_config


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 32 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", folder], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"needs the right to mount a file system: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def fill(disk: Path) -> Path:
    filler = disk / "filler"
    try:
        with filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
    except OSError:
        return filler


@pytest.mark.slow
@pytest.mark.cluster
def test_a_search_whose_disk_fills_up_says_so_and_goes_on_when_there_is_space(small_disk: Path, tmp_path: Path) -> None:
    out, config = small_disk / "run", write_config(tmp_path, reuse_workers=False)
    process = start("search", config, "--out", out, "--set", "search.n_trials=2")
    deadline = time.monotonic() + 300
    while not list(out.glob("models/[!.]*/model.json")):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    filler = fill(small_disk)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 1, errors
    last = errors.splitlines()[-1]
    assert re.search("could not be (written|stored) ", last), errors
    assert "then run the same command again" in last
    assert "Traceback" not in errors
    assert "ray::" not in errors  # a worker's error as Ray prints it
    filler.unlink()
    before = states_of(out / "study.db")
    assert set(before) <= {"COMPLETE", "RUNNING"}
    assert call("search", config, "--out", out, "--set", "search.n_trials=2") == 0
    assert states_of(out / "study.db") == ["COMPLETE"] * 2
    with closing(sqlite3.connect(out / "results.sqlite")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_log_that_cannot_be_written_stops_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with log_to(Path("/dev/full")):
        logging.getLogger("pareto_search").warning("a line")
    assert "No space left" not in capsys.readouterr().err
