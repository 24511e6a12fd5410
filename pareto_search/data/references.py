"""Per-element reference energies: fitted once, taken off before training, added back wherever a user sees energies."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from ase.data import atomic_numbers, chemical_symbols
from numpy.typing import ArrayLike, NDArray

from pareto_search.data.dataset import Dataset
from pareto_search.errors import DataError


@dataclass(frozen=True)
class ReferenceEnergies:
    """Energy of an atom of each element.

    Attributes:
        by_element: Atomic number to eV/atom.
    """

    by_element: dict[int, float]

    def of_atoms(self, species: ArrayLike) -> NDArray[np.float64]:
        """Reference energy of each atom in eV; same shape as the atomic numbers given.

        Raises:
            KeyError: If an element has no reference.
        """
        numbers = np.asarray(species)
        unique, inverse = np.unique(numbers, return_inverse=True)
        values = np.array([self.by_element[int(z)] for z in unique], dtype=np.float64)
        return values[inverse].reshape(numbers.shape)

    def of_systems(self, dataset: Dataset) -> NDArray[np.float64]:
        """Sum of the reference energies of each frame in eV, shape (n_systems,)."""
        values = np.array([self.by_element[z] for z in dataset.elements], dtype=np.float64)
        return dataset.composition(dataset.elements) @ values

    def to_plain(self) -> dict[str, float]:
        """JSON form: symbol to eV/atom."""
        return {chemical_symbols[z]: energy for z, energy in self.by_element.items()}

    @classmethod
    def from_plain(cls, values: Mapping[str, float]) -> Self:
        """Build from the JSON form.

        Raises:
            KeyError: If a key is no element.
        """
        return cls({atomic_numbers[symbol]: float(energy) for symbol, energy in values.items()})


def fit_references(dataset: Dataset, systems: NDArray[np.int64]) -> ReferenceEnergies:
    """Least-squares energies per element over the total energies of some frames, in float64.

    Where compositions do not determine them (always Mo:W = 1:1, say) this is the solution of smallest norm, which is
    also what the pseudo-inverse in hippynn's `hierarchical_energy_initialization` gives.

    Args:
        dataset: All frames; every element in it gets a value.
        systems: The frames to fit, those of the training part.

    Raises:
        DataError: If no frame to fit holds an element; nothing could be learned of it.
    """
    counts = dataset.composition(dataset.elements)[systems]
    if missing := [chemical_symbols[z] for z, n in zip(dataset.elements, counts.sum(0), strict=True) if n == 0]:
        raise DataError(
            f"no frame of the training part holds {', '.join(missing)}, so nothing can be learned of it; choose "
            "another split (split.kind, split.seed) or leave the frames that hold it out"
        )
    energies, *_ = np.linalg.lstsq(counts, dataset.energy[systems], rcond=None)
    return ReferenceEnergies({z: float(energy) for z, energy in zip(dataset.elements, energies, strict=True)})
