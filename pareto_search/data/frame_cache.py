"""Generated frames on disk, so that they are made once: a file that is damaged is made again."""

import io
import json
import logging
import zipfile
from pathlib import Path

import numpy as np

from pareto_search.data.dataset import Dataset
from pareto_search.errors import StoreError
from pareto_search.files import write_atomic

logger = logging.getLogger(__name__)

_ARRAYS = ("species", "positions", "forces", "energy", "cell", "pbc", "offsets")


def read_frames(path: Path) -> Dataset | None:
    """The frames in a file, with their notes; None if there are none or the file is damaged."""
    if not path.is_file():
        return None
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in _ARRAYS}
            origin = tuple(str(text) for text in stored["origin"])
            notes = json.loads(str(stored["notes"]))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        logger.warning("cache file %s is damaged (%s) and is made again", path, error)
        return None
    return Dataset(**arrays, origin=origin, notes=notes)


def write_frames(path: Path, dataset: Dataset) -> None:
    """Keep the frames for the next run; a folder that cannot be written to only costs the time to generate again."""
    arrays = {name: getattr(dataset, name) for name in _ARRAYS}
    content = io.BytesIO()
    np.savez(content, origin=np.array(dataset.origin), notes=np.array(json.dumps(dataset.notes)), **arrays)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, content.getvalue())
    except (StoreError, OSError) as error:
        logger.warning("generated frames are not cached: %s", error)
