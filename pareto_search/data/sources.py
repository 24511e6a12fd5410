"""From settings to a checked dataset: one reader per kind of source."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pareto_search.config import DataSource, TeacherMdSource
from pareto_search.data.ani_h5 import read_ani_h5
from pareto_search.data.ase_files import read_ase_database, read_ase_file
from pareto_search.data.checks import check_dataset
from pareto_search.data.dataset import Dataset
from pareto_search.data.emt import emt_aluminum
from pareto_search.data.teacher_md import FrameMaker, teacher_md
from pareto_search.errors import ConfigError
from pareto_search.files import user_cache

#: Seed of the sample that `max_frames` takes.
_SAMPLE_SEED = 0


def load_dataset(settings: DataSource, cache_dir: Path | None = None, maker: FrameMaker | None = None) -> Dataset:
    """The frames that the settings describe, checked, in eV and Å, with forces -dE/dR.

    All frames are checked, also those that `max_frames` leaves out.

    Args:
        settings: The source.
        cache_dir: Where generated data are kept; None: the user's cache folder.
        maker: The teacher that makes the frames of `teacher-md`.

    Raises:
        ConfigError: If the source is teacher-md and there is no teacher to make its frames.
        DataError: If the data are missing, unreadable or break a rule of `check_dataset`.
    """
    cache_dir = cache_dir or user_cache()
    readers: dict[str, Callable[[Any], Dataset]] = {
        "emt-aluminum": partial(emt_aluminum, cache_dir=cache_dir),
        "extxyz": read_ase_file,
        "ase-db": read_ase_database,
        "ani-h5": read_ani_h5,
        "teacher-md": partial(_made_by, maker, cache_dir),
    }
    dataset = readers[settings.source](settings)
    check_dataset(dataset, settings)
    return sample(dataset, settings.max_frames)


def _made_by(maker: FrameMaker | None, cache_dir: Path, settings: TeacherMdSource) -> Dataset:
    if maker is None:
        raise ConfigError(
            "data.source teacher-md needs an external teacher to make its frames; give teacher.calculator"
        )
    return teacher_md(settings, cache_dir, maker)


def sample(dataset: Dataset, max_frames: int | None) -> Dataset:
    """A seeded random sample of frames in their old order, or all of them."""
    if max_frames is None or max_frames >= dataset.n_systems:
        return dataset
    rng = np.random.default_rng(_SAMPLE_SEED)
    systems = np.sort(rng.choice(dataset.n_systems, size=max_frames, replace=False))
    text = f"a random sample of {max_frames} of {dataset.n_systems} frames, seed {_SAMPLE_SEED}"
    return replace(dataset.take(systems), notes={**dataset.notes, "max_frames": text})
