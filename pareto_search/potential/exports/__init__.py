"""Trained networks to carry away. Each form is a module of this folder that defines `EXPORT`; its name is the kind.

This file imports no PyTorch, so that the command line can list the kinds at once.
"""

import importlib
import pkgutil
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pareto_search.errors import ConfigError, DataError, WriteError

if TYPE_CHECKING:
    from pareto_search.potential.interface import Potential


@dataclass(frozen=True)
class TrainedModel:
    """What is exported.

    Attributes:
        potential: The network, float32 on the CPU.
        periodic_directions: Of the frames it was trained on: "all", "some", "none" of the three, as far as they occur.
    """

    folder: Path
    model_id: str
    potential: "Potential"
    periodic_directions: Collection[str]


@dataclass(frozen=True)
class Export:
    """A form in which a network is carried away.

    Attributes:
        write: (model, path) writes it; energies in eV with the reference energies, lengths in Å. It raises ConfigError
            for a model or path that the form cannot take; the path does not exist yet.
        how_to_read: One line for the user; `{path}` stands for what was written.
    """

    write: Callable[[TrainedModel, Path], None]
    how_to_read: str


def export_kinds() -> tuple[str, ...]:
    """Names of the forms there are."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def export_named(kind: str) -> Export:
    """The form of a name.

    Raises:
        ConfigError: If there is none.
    """
    if kind not in export_kinds():
        raise ConfigError(f"no export to {kind!r}; there are {', '.join(export_kinds())}")
    export = importlib.import_module(f"{__name__}.{kind}").EXPORT
    assert isinstance(export, Export), f"{kind}.EXPORT must be an Export"
    return export


def export_model(model_dir: Path, kind: str, path: Path, *, periodic_directions: Collection[str] = ("all",)) -> None:
    """Write a trained network in one of the forms.

    Args:
        model_dir: Its model folder.
        kind: One of `export_kinds`.
        path: Where; must not exist.
        periodic_directions: See `TrainedModel`.

    Raises:
        ConfigError: If there is no such kind, the path exists, or the network cannot be exported to the kind.
        DataError: If the folder is damaged or the network has no weights.
        WriteError: If it cannot be written.
    """
    export = export_named(kind)
    if path.exists():
        raise ConfigError(f"{path} exists already and is not overwritten; name another path")
    model = _trained(model_dir, periodic_directions)
    try:
        export.write(model, path)
    except OSError as error:
        raise WriteError(f"{path} could not be written ({error.strerror or error}); name a writable path") from error


def _trained(model_dir: Path, periodic_directions: Collection[str]) -> TrainedModel:
    """The network of a model folder, refused with its reason where training left none."""
    from pareto_search.potential.model_files import load_model, read_description

    description = read_description(model_dir)
    record = description.get("record", {})
    if "architecture" not in description and record.get("status") not in (None, "complete"):
        raise DataError(
            f"{record['model_id']} has no weights to export: {record['status']}, {record['reason']}; "
            "choose one that models.csv calls complete"
        )
    name = str(record.get("model_id", model_dir.name))
    return TrainedModel(model_dir, name, load_model(model_dir), periodic_directions)
