"""Frames that an existing potential makes by MD: cached by trajectory, so that an interrupted run goes on."""

import hashlib
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from pydantic import JsonValue

from pareto_search.config import TeacherMdSource
from pareto_search.data.dataset import Dataset, from_frames
from pareto_search.data.frame_cache import read_frames, write_frames
from pareto_search.data.md_frames import MIN_SPACING_STEPS, Group, Recipe, at_lowest_energy, groups, make_frames
from pareto_search.data.structure import unit_cell
from pareto_search.durations import duration
from pareto_search.errors import StoreError
from pareto_search.files import write_atomic

logger = logging.getLogger(__name__)

#: Raised whenever the same settings make other frames.
_FORMAT = 2
#: Settings that choose among frames rather than make them.
_CHOOSING = {"elements", "min_distance_ang", "max_frames"}
#: Steps between frames of a trajectory until some have been seen, for estimates of time.
_USUAL_SPACING_STEPS = 12.0


@dataclass(frozen=True)
class FrameMaker:
    """The potential that makes frames.

    Attributes:
        sha256: Hash of all that decides its energies.
        build: Gives its ASE calculator, which may take a while.
    """

    name: str
    sha256: str
    build: Callable[[], Calculator]


def teacher_md(settings: TeacherMdSource, cache_dir: Path, maker: FrameMaker) -> Dataset:
    """Crystals, solids and melts made with a teacher, energies and forces its own.

    The crystal is first scaled to the teacher's lattice constant. Each group of frames (a trajectory, or crystals of a
    kind) is one `origin` and one file of the cache; the same settings and teacher find what is there.

    Args:
        settings: Structure, temperatures and number of frames.
        cache_dir: The user's cache.
        maker: The teacher.

    Raises:
        DataError: If the structure cannot be read, or the teacher's energy has no minimum near it.
        ConfigError: If the structure is not a periodic crystal.
    """
    given = unit_cell(settings.structure, None, "data.structure")
    folder = cache_dir / "teacher-md" / _key(settings, given, maker)
    work = _Work(settings, folder, maker)
    recipe = Recipe(work.lattice(given), settings, has_ideal=True)
    parts = work.all_groups(recipe)
    return _joined(
        parts, {**_notes(settings, maker, recipe, given), "groups": {p.origin[0]: dict(p.notes) for p in parts}}
    )


def _key(settings: TeacherMdSource, unit: Atoms, maker: FrameMaker) -> str:
    """Name of the folder of these frames: everything that decides them, the content of a structure file included."""
    plain = settings.model_dump(mode="json", exclude={*_CHOOSING, "structure"})
    digest = hashlib.sha256(json.dumps([_FORMAT, plain, maker.sha256], sort_keys=True).encode())
    for array in (unit.numbers, unit.positions, unit.cell.array):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:20]


def _notes(settings: TeacherMdSource, maker: FrameMaker, recipe: Recipe, given: Atoms) -> dict[str, JsonValue]:
    return {
        "source": "made by a teacher",
        "potential": maker.name,
        "teacher_hash": maker.sha256,
        "seed": settings.seed,
        "lattice_scale": round(float(recipe.unit.cell.lengths()[0] / given.cell.lengths()[0]), 6),
    }


def _joined(parts: list[Dataset], notes: dict[str, JsonValue]) -> Dataset:
    frames = [part.frame(system) for part in parts for system in range(part.n_systems)]
    return from_frames(frames, [name for part in parts for name in part.origin], notes)


class _Work:
    """What is to be made with a teacher that is built when first needed."""

    def __init__(self, settings: TeacherMdSource, folder: Path, maker: FrameMaker) -> None:
        self._settings, self._folder, self._maker = settings, folder, maker
        self._calculator: Calculator | None = None

    def lattice(self, unit: Atoms) -> Atoms:
        """The unit cell at the teacher's lattice constant."""
        path = self._folder / "lattice.json"
        try:
            cell = np.array(json.loads(path.read_text()), dtype=float).reshape(3, 3)
        except (OSError, ValueError):
            cell = at_lowest_energy(unit, self._teacher()).cell.array
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                write_atomic(path, json.dumps(cell.tolist()))
            except (StoreError, OSError) as error:
                logger.warning("the lattice is not cached: %s", error)
        scaled: Atoms = unit.copy()
        scaled.set_cell(cell, scale_atoms=True)
        return scaled

    def all_groups(self, recipe: Recipe) -> list[Dataset]:
        """The frames of every group, from the cache or made now, with a log line on each that is made."""
        wanted = groups(recipe)
        found = {group.name: read_frames(self._folder / f"{group.name}.npz") for group in wanted}
        missing = [group for group in wanted if found[group.name] is None]
        if missing:
            self._announce(missing, wanted)
        pace = _Pace(self._settings.timestep_fs)
        for number, group in enumerate(missing):
            found[group.name] = self._make(recipe, group, pace)
            left = duration(pace.seconds_left(missing[number + 1 :]))
            logger.info("frames: %s, %d of %d groups, about %s left", group.name, number + 1, len(missing), left)
        return [part for group in wanted if (part := found[group.name]) is not None]

    def _announce(self, missing: list[Group], wanted: list[Group]) -> None:
        n_calls = sum(group.n_calls(self._settings.timestep_fs, _USUAL_SPACING_STEPS) for group in missing)
        n_frames = sum(group.n_frames for group in missing)
        text = "frames: %s makes %d frames now, in %d groups, about %d evaluations (%d groups are there); kept in %s"
        n_there = len(wanted) - len(missing)
        logger.info(text, self._maker.name, n_frames, len(missing), n_calls, n_there, self._folder)

    def _make(self, recipe: Recipe, group: Group, pace: "_Pace") -> Dataset:
        calculator = self._teacher()
        started = time.perf_counter()
        made = make_frames(recipe, group, calculator)
        pace.note(group, made.spacing_steps, time.perf_counter() - started)
        notes: dict[str, JsonValue] = {"n_frames": len(made.frames)}
        if made.spacing_steps is not None:
            step = recipe.settings.timestep_fs
            notes |= {
                "spacing_fs": made.spacing_steps * step,
                "force_correlation_fs": None if made.correlation_steps is None else made.correlation_steps * step,
            }
        dataset = from_frames(made.frames, [group.name] * len(made.frames), notes)
        write_frames(self._folder / f"{group.name}.npz", dataset)
        return dataset

    def _teacher(self) -> Calculator:
        if self._calculator is None:
            self._calculator = self._maker.build()
        return self._calculator


class _Pace:
    """Seconds an evaluation and steps between frames, measured so far."""

    def __init__(self, timestep_fs: float) -> None:
        self._timestep_fs = timestep_fs
        self._n_calls, self._seconds = 0, 0.0
        self._spacings: list[int] = []

    def note(self, group: Group, spacing_steps: int | None, seconds: float) -> None:
        """Take note of a group that was made."""
        self._n_calls += group.n_calls(self._timestep_fs, spacing_steps or MIN_SPACING_STEPS)
        self._seconds += seconds
        if spacing_steps is not None:
            self._spacings.append(spacing_steps)

    def seconds_left(self, groups_left: list[Group]) -> float:
        """About how long the rest takes."""
        spacing = float(np.mean(self._spacings)) if self._spacings else _USUAL_SPACING_STEPS
        n_calls = sum(group.n_calls(self._timestep_fs, spacing) for group in groups_left)
        return n_calls * self._seconds / self._n_calls
