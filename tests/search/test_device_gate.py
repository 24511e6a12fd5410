import multiprocessing
import time
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from pareto_search.search.device_gate import DeviceGate

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


def test_measuring_is_alone_and_not_starved_by_two_that_always_train(
    tmp_path: Path, start: Callable[..., BaseProcess]
) -> None:
    for name in ("a", "b"):
        start(keep_training, tmp_path, name)
    wait_for(lambda: all((tmp_path / f"trained-{name}").exists() for name in ("a", "b")))
    gate = DeviceGate(tmp_path, "cpu")
    for _ in range(20):
        asked = time.monotonic()
        with gate.measuring():
            assert time.monotonic() - asked < 5.0
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


@pytest.mark.parametrize("kind", ["training", "measuring"])
def test_a_killed_holder_frees_the_gate(tmp_path: Path, start: Callable[..., BaseProcess], kind: str) -> None:
    holder = start(hold, tmp_path, kind)
    wait_for((tmp_path / "held").exists)
    trainer = start(keep_training, tmp_path, "a")
    if kind == "training":
        wait_for((tmp_path / "trained-a").exists)
    else:
        assert not (tmp_path / "trained-a").exists()
    holder.kill()
    with DeviceGate(tmp_path, "cpu").measuring():
        pass
    wait_for((tmp_path / "trained-a").exists)
    assert trainer.is_alive()
