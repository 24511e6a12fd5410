"""Generated aluminium with ASE's EMT: needs no download, seeded, kept in a cache folder."""

import io
import logging
import time
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pareto_search.config import EmtAluminumSource
from pareto_search.data.dataset import Dataset, from_frames
from pareto_search.data.emt_frames import generate_frames
from pareto_search.errors import StoreError
from pareto_search.files import write_atomic

logger = logging.getLogger(__name__)

#: Raised whenever the same settings make other frames; part of the cache file's name.
_FORMAT = 1
_ARRAYS = ("species", "positions", "forces", "energy", "cell", "pbc", "offsets")


def emt_aluminum(settings: EmtAluminumSource, cache_dir: Path) -> Dataset:
    """Frames of solid, damaged and molten aluminium with EMT energies and forces.

    The same settings give the same frames; a cache file that is missing or damaged is made again.
    """
    path = cache_dir / cache_name(settings)
    dataset = _read_cache(path)
    if dataset is None:
        started = time.perf_counter()
        frames, origins = generate_frames(settings.n_frames, settings.n_atoms, settings.seed)
        dataset = from_frames(frames, origins, {})
        logger.info("generated %d EMT frames in %.1f s", settings.n_frames, time.perf_counter() - started)
        _write_cache(path, dataset)
    return replace(dataset, notes=_notes(settings))


def cache_name(settings: EmtAluminumSource) -> str:
    """File name that states every setting that changes the frames, and the format version."""
    return f"emt-aluminum-v{_FORMAT}-frames{settings.n_frames}-atoms{settings.n_atoms}-seed{settings.seed}.npz"


def _notes(settings: EmtAluminumSource) -> dict[str, Any]:
    return {
        "source": "generated",
        "potential": "ASE EMT: a demonstration potential, not a physical model of aluminium",
        "seed": settings.seed,
    }


def _read_cache(path: Path) -> Dataset | None:
    if not path.is_file():
        return None
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            arrays: dict[str, Any] = {name: stored[name] for name in _ARRAYS}
            origin = tuple(str(text) for text in stored["origin"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        logger.warning("cache file %s is damaged (%s) and is made again", path, error)
        return None
    return Dataset(**arrays, origin=origin)


def _write_cache(path: Path, dataset: Dataset) -> None:
    """Keep the frames for the next run; a folder that cannot be written to only costs the time to generate again."""
    arrays: dict[str, Any] = {name: getattr(dataset, name) for name in _ARRAYS}
    content = io.BytesIO()
    np.savez(content, origin=np.array(dataset.origin), **arrays)
    try:
        write_atomic(path, content.getvalue())
    except StoreError as error:
        logger.warning("generated frames are not cached: %s", error)
