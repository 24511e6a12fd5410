"""Arrays on disk, as npz files without pickle."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pareto_search.errors import DataError
from pareto_search.files import write_atomic


def write_arrays(path: Path, **arrays: ArrayLike) -> None:
    """Write arrays to an npz file, whole or not at all.

    Raises:
        WriteError: If it cannot be written.
    """
    content = io.BytesIO()
    plain: dict[str, Any] = {name: np.asarray(values) for name, values in arrays.items()}
    np.savez(content, **plain)
    write_atomic(path, content.getvalue())


def read_arrays(path: Path, *, remedy: str) -> dict[str, np.ndarray]:
    """The arrays of an npz file; a pickle in it is refused.

    Raises:
        DataError: If the file is missing, truncated or holds more than plain arrays; the message ends in the remedy.
    """
    if not path.is_file():
        raise DataError(f"{path} is missing; {remedy}")
    content = io.BytesIO(path.read_bytes())
    if not zipfile.is_zipfile(content):
        raise DataError(f"{path} is truncated or not an npz file (pickles are never read); {remedy}")
    try:
        with np.load(content, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} cannot be read as plain arrays ({error}); {remedy}") from error
