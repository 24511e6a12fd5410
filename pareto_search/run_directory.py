"""The run directory: its files, its lock, and whether a config may continue what lies there."""

import fcntl
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Literal

import psutil
import yaml
from pydantic import ValidationError

from pareto_search.config import StudyConfig
from pareto_search.config.base import BUDGET, NEUTRAL, keys_of_role
from pareto_search.errors import StoreError
from pareto_search.files import write_atomic


@dataclass(frozen=True)
class _Entry:
    """A file or folder with a fixed name in a run directory."""

    name: str

    def __get__(self, run: "RunDirectory", kind: type["RunDirectory"]) -> Path:
        return run.path / self.name


@dataclass(frozen=True)
class RunDirectory:
    """The files of a run (README, "A run directory").

    Attributes:
        path: The directory, absolute, so that workers with another current directory find it.
    """

    path: Path

    lock = _Entry(".lock")  # locked by the process that uses the directory
    config_yaml = _Entry("config.yaml")  # the resolved settings
    dataset_json = _Entry("dataset.json")  # what the data are: hashes, split, references
    frames_npz = _Entry("frames.npz")  # frames that a teacher made; other data stay where they are
    data_html = _Entry("data.html")  # histograms of the data
    teacher_dir = _Entry("teacher")  # model folder of the first teacher
    labels_npz = _Entry("labels.npz")  # labels of every atom by the teachers
    pretraining_dir = _Entry("pretraining")  # frames that the teacher made for students to be trained on first
    teacher_answers_npz = _Entry("teacher-answers.npz")  # of an external teacher for every frame, as it gives them
    costs_json = _Entry("costs.json")  # the cost table as one file, written with the report and by `costs`
    costs_dir = _Entry("costs")  # the cost table, one file a record
    study_db = _Entry("study.db")  # Optuna's study
    results_sqlite = _Entry("results.sqlite")  # every network's record and curve
    models_dir = _Entry("models")  # model folders of students, controls and further teachers
    liquid_dir = _Entry("liquid")  # the teacher's liquid, and what MD of it by each network gave
    models_csv = _Entry("models.csv")  # one row per network
    curves_csv = _Entry("curves.csv")  # one row per network and epoch
    events_csv = _Entry("events.csv")  # what happened in the run, one row per event
    report_html = _Entry("report.html")  # the report, for people
    report_json = _Entry("report.json")  # the report's numbers
    log_txt = _Entry("log.txt")  # log of every command run on the directory
    training_dir = _Entry("training")  # checkpoints of half-trained networks
    ray_dir = _Entry("ray")  # scratch of Ray Tune; nothing in it is needed to resume

    def other_labels_npz(self, whose: str) -> Path:
        """Labels by other teachers than those of the students: an earlier generation, or one alone."""
        return self.path / f"labels-{whose}.npz"

    def model_dir(self, model_id: str) -> Path:
        """Model folder of a network; the first teacher may also be called `teacher`."""
        folder = self.models_dir / model_id
        is_teacher = model_id.partition("-")[0] == "teacher"
        return self.teacher_dir if is_teacher and not folder.is_dir() else folder


def check_run(path: Path, config: StudyConfig) -> bool:
    """Whether a run directory is still to be made, or holds no run yet; reads only.

    Raises:
        StoreError: If it may not be used with this config; what only opening it can show is left to `open_run`.
    """
    directory = RunDirectory(Path(path).resolve())
    try:
        return _check(directory, config) is None
    except OSError as error:
        raise _unusable(directory, error) from error


@contextmanager
def open_run(path: Path, config: StudyConfig) -> Iterator[RunDirectory]:
    """Take a run directory for this process alone, creating it on first use.

    The kernel gives the lock back when the process ends, however it ends. Nothing is written when the directory is
    refused.

    Args:
        path: The directory.
        config: Settings of this run. They must equal those the directory was made with, except that budgets may
            have grown and neutral settings may differ (`config.base`).

    Raises:
        StoreError: If the directory is in use, was made with another config, holds something else or is not writable.
    """
    directory = RunDirectory(Path(path).resolve())
    try:
        _check(directory, config)
        directory.path.mkdir(parents=True, exist_ok=True)
        lock = directory.lock.open("a+")
    except OSError as error:
        raise _unusable(directory, error) from error
    with lock:
        _take_lock(lock, directory.path)
        stored = _check(directory, config)  # again: another process may have written it since
        if stored is not None and config.measure.liquid is None:  # a liquid that was added later stays
            measure = config.measure.model_copy(update={"liquid": stored.measure.liquid})
            config = config.model_copy(update={"measure": measure})
        if stored != config:
            write_atomic(directory.config_yaml, to_yaml(config))
        yield directory


def to_yaml(config: StudyConfig) -> str:
    """The settings as YAML, in the order of their definition."""
    return yaml.safe_dump(config.to_plain(), sort_keys=False, allow_unicode=True)


def _unusable(directory: RunDirectory, error: OSError) -> StoreError:
    reason = error.strerror or type(error).__name__
    return StoreError(f"{directory.path} cannot be used ({reason}); make it writable or {OTHER_OUT}")


def _check(directory: RunDirectory, config: StudyConfig) -> StudyConfig | None:
    """The settings that the run has, if this config may continue it; None where no run is there."""
    path = directory.path
    if path.exists() and not path.is_dir():
        raise StoreError(f"{path} is a file, not a directory; {OTHER_OUT}")
    stored = _stored_config(directory)
    if stored is None:
        if path.is_dir() and any(entry.name != directory.lock.name for entry in path.iterdir()):
            raise StoreError(f"{path} is not empty and not a run directory (no config.yaml); {OTHER_OUT}")
        return None
    if conflicts := _conflicts(stored, config):
        lines = "\n".join(f"  {key}: {old!r} there, {new!r} now" for key, (old, new) in conflicts.items())
        budgets = ", ".join(keys_of_role(StudyConfig, BUDGET))
        raise StoreError(
            f"{path} was made with other settings:\n{lines}\n"
            f"{OTHER_OUT}, or go back to the old settings (only {budgets} may grow)"
        )
    return stored


def _stored_config(directory: RunDirectory) -> StudyConfig | None:
    path = directory.config_yaml
    if not path.is_file():
        return None
    try:
        return StudyConfig.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, UnicodeDecodeError, ValidationError) as error:
        first = str(error).splitlines()[0]
        raise StoreError(
            f"{path} is damaged or from another version of pareto_search ({first}); restore it or {OTHER_OUT}"
        ) from error


def _conflicts(stored: StudyConfig, wanted: StudyConfig) -> dict[str, tuple[object, object]]:
    """Settings that differ in a way that forbids continuing, by key path."""
    old, new = _flatten(stored.to_plain()), _flatten(wanted.to_plain())
    budgets, neutral = keys_of_role(StudyConfig, BUDGET), keys_of_role(StudyConfig, NEUTRAL)
    pairs = {key: (old.get(key), new.get(key)) for key in old | new if not _is_at_or_below(key, neutral)}
    return {
        key: (before, now)
        for key, (before, now) in pairs.items()
        if before != now and not (key in budgets and _allows_more(before, now))
    }


def _allows_more(before: object, now: object) -> bool:
    """Whether a budget allows all that it allowed before; None is no limit."""
    if isinstance(before, list) and isinstance(now, list):
        return set(now) >= set(before)
    return now is None or (isinstance(before, int | float) and isinstance(now, int | float) and now >= before)


def _is_at_or_below(key: str, names: tuple[str, ...]) -> bool:
    return any(f"{key}.".startswith(f"{name}.") for name in names)


def _flatten(plain: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for name, value in plain.items():
        if isinstance(value, dict):
            flat |= _flatten(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


#: Whether the process that took a directory last still lives, where that can be seen.
Holder = Literal["alive", "gone", "unknown"]
OTHER_OUT = "choose another directory with --out"


def _take_lock(lock: IO[str], folder: Path) -> None:
    """Lock the open lock file of a folder for this process, and write there who has it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.seek(0)
        holder = lock.read().strip() or "another process"
        raise StoreError(f"{folder} is in use by {holder}; wait for it to end, stop it, or {OTHER_OUT}") from error
    started = datetime.now(UTC).isoformat(timespec="seconds")
    lock.truncate(0)
    lock.write(f"process {os.getpid()} on {socket.gethostname()} since {started}\n")
    lock.flush()


def lock_holder(lock: Path) -> Holder:
    """Whether the process that wrote a lock file lives: it is read, not taken, so that no run is disturbed."""
    try:
        words = lock.read_text(encoding="utf-8").split()
        pid, host, since = int(words[1]), words[3], datetime.fromisoformat(words[5]).timestamp()
    except (OSError, ValueError, IndexError):
        return "unknown"
    if host != socket.gethostname():
        return "unknown"
    try:
        process = psutil.Process(pid)
        is_same = process.create_time() <= since + 1.0  # another process may have got its number since
        return "alive" if is_same and process.status() != psutil.STATUS_ZOMBIE else "gone"
    except psutil.NoSuchProcess:
        return "gone"
    except psutil.Error:
        return "unknown"
