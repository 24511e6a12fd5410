"""Trained networks on disk: `weights.npz` (arrays only, never pickle) and `model.json`."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pareto_search.config import parse_architecture
from pareto_search.data.references import ReferenceEnergies
from pareto_search.errors import DataError
from pareto_search.files import read_arrays, whole_folder, write_arrays
from pareto_search.potential.build import build_potential
from pareto_search.potential.interface import Potential

#: The files that make a network.
MODEL_FILES = ("model.json", "weights.npz")
_FORMAT = 1
_RETRAIN = "copy the folder again, or delete it and run the study again to retrain the network"


def save_model(folder: Path, potential: Potential | None, extra: dict[str, Any], files: dict[str, str]) -> None:
    """Write a network as a folder that appears whole or not at all.

    Args:
        folder: Where; replaced if it exists.
        potential: The network; None for one that failed, of which only the record is kept.
        extra: Further keys of `model.json`.
        files: Further text files, by name.
    """
    description: dict[str, object] = {"format": _FORMAT, **extra}
    with whole_folder(folder) as temporary:
        if potential is not None:
            write_arrays(temporary / "weights.npz", **_arrays(potential))
            description |= {
                "architecture": potential.architecture.model_dump(mode="json"),
                "references_ev": potential.references.to_plain(),
                "engine": potential.engine,
            }
        (temporary / "model.json").write_text(json.dumps(description, indent=1))
        for name, text in files.items():
            (temporary / name).write_text(text)


def read_description(folder: Path) -> dict[str, Any]:
    """The content of `model.json`.

    Raises:
        DataError: If the folder is no model folder or the file is damaged.
    """
    path = folder / "model.json"
    if not path.is_file():
        raise DataError(
            f"{folder} is not a model folder: it has no model.json; name a folder under models/ or teacher/"
        )
    try:
        description = json.loads(path.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is damaged ({error}); {_RETRAIN}") from error
    if not isinstance(description, dict) or description.get("format") != _FORMAT:
        raise DataError(f"{path} is not in model format {_FORMAT}; {_RETRAIN}")
    return description


def load_model(folder: Path) -> Potential:
    """Rebuild a network, float32 on the CPU.

    Raises:
        DataError: If a file is missing, truncated, a pickle, or does not match the architecture.
    """
    description = read_description(folder)
    if "teacher" in description:
        name = description["teacher"].get("calculator")
        raise DataError(f"{folder} is of the teacher {name}, which is no network of this package; use that calculator")
    try:
        architecture = parse_architecture(description["architecture"])
        references = ReferenceEnergies.from_plain(description["references_ev"])
        engine = description["engine"]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise DataError(f"{folder / 'model.json'} lacks or misstates the network ({error}); {_RETRAIN}") from error
    potential = build_potential(architecture, references, seed=0, engine=engine)
    _set_arrays(potential, read_arrays(folder / "weights.npz", remedy=_RETRAIN))
    return potential.eval()


def _arrays(potential: Potential) -> dict[str, np.ndarray]:
    state = potential.state_dict()
    return {name: value.detach().cpu().numpy() for name, value in state.items() if isinstance(value, torch.Tensor)}


def _set_arrays(potential: Potential, arrays: dict[str, np.ndarray]) -> None:
    state = potential.state_dict()
    expected = {name: value for name, value in state.items() if isinstance(value, torch.Tensor)}
    wrong = [name for name, value in expected.items() if name not in arrays or arrays[name].shape != value.shape]
    if wrong:
        raise DataError(f"weights.npz does not match the architecture at {wrong[0]}; {_RETRAIN}")
    with torch.no_grad():
        for name, value in expected.items():
            value.copy_(torch.from_numpy(arrays[name]))
