"""Trained networks to carry away: for this package, for hippynn and for LAMMPS."""

import shutil
from pathlib import Path
from typing import Literal, get_args

from pareto_search.errors import ConfigError, DataError, WriteError
from pareto_search.files import whole_folder
from pareto_search.potential.hippynn_files import write_checkpoint, write_mliap
from pareto_search.potential.interface import Potential
from pareto_search.potential.model_files import MODEL_FILES, load_model, read_description

ExportKind = Literal["ase", "hippynn", "lammps"]


def export_model(model_dir: Path, kind: ExportKind, path: Path, *, is_periodic: bool) -> None:
    """Write a trained network in the form of one kind; energies in eV with the reference energies, lengths in Å.

    Args:
        model_dir: Its model folder.
        kind: `ase`: a model folder for `pareto_search.load`, arrays and JSON, never pickle. `hippynn`: a folder with a
            checkpoint for hippynn. `lammps`: a file for `pair_style mliap unified`.
        path: Where; must not exist.
        is_periodic: Whether there are cells in the data, which the checkpoint for hippynn then takes.

    Raises:
        ConfigError: If there is no such kind, the path exists, or the network cannot be exported to the kind.
        DataError: If the folder is damaged or the network has no weights.
        WriteError: If it cannot be written.
    """
    if kind not in get_args(ExportKind):
        raise ConfigError(f"no export to {kind!r}; there are {', '.join(get_args(ExportKind))}")
    if path.exists():
        raise ConfigError(f"{path} exists already and is not overwritten; name another path")
    potential = _trained(model_dir)
    try:
        if kind == "lammps":
            write_mliap(path, potential)
            return
        with whole_folder(path) as folder:
            if kind == "hippynn":
                write_checkpoint(folder, potential, is_periodic=is_periodic)
            else:
                for name in MODEL_FILES:
                    shutil.copyfile(model_dir / name, folder / name)
    except OSError as error:
        raise WriteError(f"{path} could not be written ({error.strerror or error}); name a writable path") from error


def _trained(model_dir: Path) -> Potential:
    """The network of a model folder, refused with its reason where training left none."""
    description = read_description(model_dir)
    record = description.get("record", {})
    if "architecture" not in description and record.get("status") not in (None, "complete"):
        raise DataError(
            f"{record['model_id']} has no weights to export: {record['status']}, {record['reason']}; "
            "choose one that models.csv calls complete"
        )
    return load_model(model_dir)
