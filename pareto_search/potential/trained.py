"""A trained network as users hold it: energies, forces, atomic energies and an ASE calculator."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.calculators.singlepoint import SinglePointCalculator
from numpy.typing import NDArray

from pareto_search.data.dataset import from_frames
from pareto_search.data.neighbors import build_neighbor_table
from pareto_search.potential.batch import make_batch
from pareto_search.potential.interface import Potential
from pareto_search.potential.model_files import load_model, read_description
from pareto_search.potential.process import check_device


@dataclass(frozen=True)
class TrainedPotential:
    """A network read from a model folder.

    Attributes:
        description: Content of its `model.json`, the record of its training included.
    """

    potential: Potential
    description: dict[str, Any]

    def __repr__(self) -> str:
        """Its name and size."""
        name = self.description.get("record", {}).get("model_id", "network")
        return f"TrainedPotential({name!r}, {self.potential.architecture.label})"

    def calculator(self, *, skin_ang: float = 0.5) -> Calculator:
        """A new ASE calculator (energy, forces, stress); energies in eV with the reference energies."""
        return self.potential.calculator(skin_ang=skin_ang)

    def energy_forces(self, atoms: Atoms) -> tuple[float, NDArray[np.float64]]:
        """Energy in eV and forces in eV/Å, shape (n_atoms, 3)."""
        calculator = self.calculator(skin_ang=0.0)
        return float(calculator.get_potential_energy(atoms)), np.asarray(calculator.get_forces(atoms))

    def atomic_energies(self, atoms: Atoms) -> NDArray[np.float64]:
        """Energy of each atom in eV, reference energies included, shape (n_atoms,); they sum to the energy."""
        bare = atoms.copy()
        bare.calc = SinglePointCalculator(bare, energy=0.0, forces=np.zeros((len(bare), 3)))
        frame = from_frames([bare], ["user"], {})
        table = build_neighbor_table(frame, self.potential.architecture.cutoff_ang, elements=self.potential.elements)
        batch = make_batch(frame, table, np.array([0]), self.potential.dtype).to(self.potential.device)
        with torch.no_grad():
            atomic = self.potential(batch, with_forces=False).atomic_energy
        energies: NDArray[np.float64] = atomic.detach().cpu().double().numpy()
        return energies + self.potential.references.of_atoms(frame.species)


def load(model_dir: str | Path, device: str = "cpu") -> TrainedPotential:
    """Read a trained network from its folder.

    >>> from ase.build import bulk
    >>> teacher = load("runs/quickstart/teacher")
    >>> teacher.atomic_energies(bulk("Al", cubic=True)).shape  # eV
    (4,)

    Args:
        model_dir: The folder.
        device: Where the network and its calculators work: cpu, cuda or cuda:N.

    Raises:
        ConfigError: If the device does not exist.
        DataError: If the folder or a file in it is missing or damaged.
    """
    check_device(device)
    folder = Path(model_dir)
    return TrainedPotential(load_model(folder).to(device), read_description(folder))
