import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from pareto_search.networks.device_gate import DeviceGate

SPAWN = multiprocessing.get_context("spawn")


def keep_training(folder: Path, name: str) -> None:
    """Train in epochs of 5 ms with no pause between them, noting each."""
    gate = DeviceGate(folder, "cpu")
    while not (folder / "stop").exists():
        with gate.training():
            note = folder / f"busy-{name}"
            note.touch()
            time.sleep(0.005)
            note.unlink()
        (folder / f"trained-{name}").touch()


def hold(folder: Path, kind: str) -> None:
    with getattr(DeviceGate(folder, "cpu"), kind)():
        (folder / "held").touch()
        time.sleep(600)


def train_without_a_gap(folder: Path) -> None:
    """Two trainers that leave only after the other has come in, or was kept out for a third of a second."""
    gate = DeviceGate(folder, "cpu")
    n_entries = [0, 0]
    changed = threading.Condition()

    def has_come_in(trainer: int, before: int) -> bool:
        return n_entries[trainer] > before

    def train(me: int) -> None:
        while True:
            with gate.training(), changed:
                n_entries[me] += 1
                before = n_entries[1 - me]
                changed.notify_all()
                if changed.wait_for(partial(has_come_in, 1 - me, before), timeout=0.3):
                    (folder / "overlapped").touch()

    threading.Thread(target=train, args=(0,), daemon=True).start()
    train(1)


def measure_once(folder: Path) -> None:
    with DeviceGate(folder, "cpu").measuring():
        (folder / "measured").touch()


def n_waiting(folder: Path) -> int:
    """Processes that the kernel lists as waiting for a lock file in the folder."""
    inodes = {str(path.stat().st_ino) for path in folder.glob("*.lock")}
    waiting = [line.split() for line in Path("/proc/locks").read_text().splitlines() if "->" in line]
    return sum(words[6].rpartition(":")[2] in inodes for words in waiting)


def wait_for(condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "timed out"
        time.sleep(0.005)


@pytest.fixture
def start() -> Iterator[Callable[..., BaseProcess]]:
    started: list[BaseProcess] = []

    def _start(target: Callable[..., None], *args: object) -> BaseProcess:
        process = SPAWN.Process(target=target, args=args)
        process.start()
        started.append(process)
        return process

    yield _start
    for process in started:
        process.kill()
        process.join()


def test_measuring_is_alone(tmp_path: Path, start: Callable[..., BaseProcess]) -> None:
    for name in ("a", "b"):
        start(keep_training, tmp_path, name)
    wait_for(lambda: all((tmp_path / f"trained-{name}").exists() for name in ("a", "b")))
    gate = DeviceGate(tmp_path, "cpu")
    for _ in range(20):
        with gate.measuring():
            for _ in range(20):
                assert not list(tmp_path.glob("busy-*"))
                time.sleep(0.001)
    for name in ("a", "b"):
        (tmp_path / f"trained-{name}").unlink()
    wait_for(lambda: all((tmp_path / f"trained-{name}").exists() for name in ("a", "b")))
    (tmp_path / "stop").touch()


def test_training_is_shared_and_devices_are_separate(tmp_path: Path, start: Callable[..., BaseProcess]) -> None:
    start(hold, tmp_path, "training")
    wait_for((tmp_path / "held").exists)
    with DeviceGate(tmp_path, "cpu").training(), DeviceGate(tmp_path, "cuda:0").measuring():
        pass


def test_a_measurer_is_not_starved_where_training_never_pauses(
    tmp_path: Path, start: Callable[..., BaseProcess]
) -> None:
    start(train_without_a_gap, tmp_path)
    wait_for((tmp_path / "overlapped").exists)
    start(measure_once, tmp_path)
    wait_for((tmp_path / "measured").exists, timeout_s=15.0)


def test_the_gate_is_its_users_alone(tmp_path: Path) -> None:
    with DeviceGate(tmp_path / "gates", "cpu").training():
        paths = [tmp_path / "gates", *(tmp_path / "gates").iterdir()]
    assert len(paths) == 3
    assert not any(path.stat().st_mode & 0o077 for path in paths)


@pytest.mark.parametrize("kind", ["training", "measuring"])
def test_a_killed_holder_frees_the_gate(tmp_path: Path, start: Callable[..., BaseProcess], kind: str) -> None:
    holder = start(hold, tmp_path, kind)
    wait_for((tmp_path / "held").exists)
    start(measure_once, tmp_path)
    wait_for(lambda: n_waiting(tmp_path) == 1)
    assert not (tmp_path / "measured").exists()
    holder.kill()
    wait_for((tmp_path / "measured").exists)
