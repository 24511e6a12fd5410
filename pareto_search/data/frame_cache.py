"""Generated frames on disk, so that they are made once: a file that is damaged is made again."""

import json
import logging
from pathlib import Path

from pareto_search.data.dataset import Dataset
from pareto_search.errors import DataError, StoreError
from pareto_search.files import read_arrays, write_arrays

logger = logging.getLogger(__name__)

_ARRAYS = ("species", "positions", "forces", "energy", "cell", "pbc", "offsets")


def read_frames(path: Path) -> Dataset | None:
    """The frames in a file, with their notes; None if there are none or the file is damaged."""
    if not path.is_file():
        return None
    try:
        stored = read_arrays(path, remedy="its frames are made again")
        arrays = {name: stored[name] for name in _ARRAYS}
        origin = tuple(str(text) for text in stored["origin"])
        notes = json.loads(str(stored["notes"]))
    except (DataError, OSError, ValueError, KeyError) as error:
        logger.warning("cache file %s is damaged (%s)", path, error)
        return None
    return Dataset(**arrays, origin=origin, notes=notes)


def write_frames(path: Path, dataset: Dataset) -> None:
    """Keep the frames for the next run; a folder that cannot be written to only costs the time to generate again."""
    arrays = {name: getattr(dataset, name) for name in _ARRAYS}
    try:
        write_arrays(path, origin=dataset.origin, notes=json.dumps(dataset.notes), **arrays)
    except (StoreError, OSError) as error:
        logger.warning("generated frames are not cached: %s", error)
