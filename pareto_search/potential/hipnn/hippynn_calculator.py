"""hippynn's own ASE calculator, with its times told apart."""

import copy
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from ase import Atoms
from ase.calculators.calculator import PropertyNotImplementedError

from pareto_search.potential.hipnn.hippynn_import import HippynnCalculator
from pareto_search.potential.wrapping import wrapping

if TYPE_CHECKING:
    from pareto_search.potential.hipnn.potential import HipnnPotential


class TimedHippynnCalculator(HippynnCalculator):  # type: ignore[misc]  # hippynn has no types
    """hippynn's own ASE calculator on a potential's modules, with its times told apart (a `TimedCalculator`).

    The non-interacting term is taken out of the float32 network and added in float64, as everywhere else. Unlike
    hippynn's it takes cells that are periodic in some directions, and stress is of any cell that has a volume.
    """

    pbc: Any

    def __init__(self, potential: "HipnnPotential", *, skin_ang: float) -> None:
        bare = copy.deepcopy(potential)
        bare.energy.layers[0].weight.data.zero_()
        energy, _ = bare.hippynn_nodes(periodic=True)
        super().__init__(energy, skin=skin_ang, en_unit=1.0, dist_unit=1.0)
        self.to(potential.device)
        self.to(potential.dtype)
        self.pbc.set(False)  # else hippynn divides by a signed volume; this gives the slope by strain itself
        self.pbc = SimpleNamespace(set=lambda pbc: None)  # hippynn's refuses some directions, though its list does not
        self.atoms: Any = None
        self.references = potential.references
        self.is_compiled = False
        self.neighbor_s = 0.0
        self.model_s = 0.0

    @property
    def n_list_builds(self) -> int:
        """Neighbour lists built so far."""
        return int(self.nl.nl.nupdates)

    @property
    def n_neighbors_mean(self) -> float:
        """Listed neighbours (within cutoff + skin) per atom."""
        return 0.0 if self.atoms is None else len(self.nl.nl.pair_first) / len(self.atoms)

    def calculate(self, atoms: Atoms | None = None, properties: Any = None, system_changes: Any = True) -> None:
        """Evaluate the atoms as hippynn does, after updating its neighbour list under the clock.

        Raises:
            AtomsError: If an atom's position is not finite or too far away.
        """
        self.atoms = self.atoms if atoms is None else atoms.copy()
        wrapping(self.atoms)  # hippynn finds no neighbours of what is not a number, and gives an energy
        started = time.perf_counter()
        try:
            self.nl.update(self.atoms)
        except ValueError:  # hippynn's own sign that the number of atoms changed
            self.rebuild_neighbors()
            self.nl.update(self.atoms)
        listed = time.perf_counter()
        super().calculate(None, properties, system_changes)
        self.neighbor_s += listed - started
        self.model_s += time.perf_counter() - listed
        if self.atoms.cell.rank == 3:
            self.results["stress"] = self.results["stress"] / self.atoms.get_volume()
        for name in ("potential_energy", "energy"):
            self.results[name] = float(self.results[name]) + float(self.references.of_atoms(self.atoms.numbers).sum())

    def get_stress(self, atoms: Atoms, **options: Any) -> Any:
        """Stress in eV/Å³, shape (3, 3).

        Raises:
            PropertyNotImplementedError: If the cell has no volume.
        """
        if atoms.cell.rank < 3:
            raise PropertyNotImplementedError("stress needs a cell with a volume")
        return super().get_stress(atoms, **options)
