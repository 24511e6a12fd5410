"""What a dataset holds, in numbers and histograms."""

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import SupportsFloat

import numpy as np
from ase.data import atomic_masses, chemical_symbols
from numpy.typing import NDArray
from pydantic import JsonValue

from pareto_search.data.dataset import Dataset
from pareto_search.data.distances import shortest_distances
from pareto_search.data.neighbors import NeighborTable
from pareto_search.data.structure import density_g_per_cm3

_N_BINS = 40
#: Å within which two frames count as the same.
_DUPLICATE_TOL_ANG = 1e-6

Histogram = tuple[NDArray[np.int64], NDArray[np.float64]]


@dataclass(frozen=True)
class DatasetSummary:
    """Counts, ranges and histograms of a dataset; a range is None where no frame has the quantity.

    Attributes:
        n_atoms: Atoms of all frames together.
        atoms_per_frame: min, median, max.
        elements: Symbol to number of atoms.
        energy_ev_per_atom: min, max, and rms about the mean.
        force_component_ev_per_ang: min, max, and rms.
        periodic_directions: Number of frames that are periodic in `all`, in `some` and in `no` directions.
        density_g_per_cm3: min, median, max over fully periodic frames.
        shortest_distance_ang: min and median over frames of the distance of the two nearest atoms.
        neighbors_per_atom: min, mean, max and the cutoff_ang of the table, if one was given.
        net_force_max_ev_per_ang_per_atom: Largest |sum of forces| of a frame over its number of atoms.
        n_duplicate_frames: Frames that repeat an earlier one (positions, cell and species within 1e-6 Å).
        origins: Origin to number of frames.
        histograms: Quantity to (counts, edges).
    """

    n_frames: int
    n_atoms: int
    atoms_per_frame: dict[str, float]
    elements: dict[str, int]
    energy_ev_per_atom: dict[str, float]
    force_component_ev_per_ang: dict[str, float]
    periodic_directions: dict[str, int]
    density_g_per_cm3: dict[str, float] | None
    shortest_distance_ang: dict[str, float] | None
    neighbors_per_atom: dict[str, float] | None
    net_force_max_ev_per_ang_per_atom: float
    n_duplicate_frames: int
    origins: dict[str, int]
    notes: dict[str, JsonValue]
    histograms: dict[str, Histogram] = field(repr=False)

    def to_plain(self) -> dict[str, JsonValue]:
        """JSON form; a histogram becomes {counts, edges}."""
        plain = asdict(self)
        plain["histograms"] = {
            name: {"counts": counts.tolist(), "edges": edges.tolist()}
            for name, (counts, edges) in self.histograms.items()
        }
        return plain


def summarize(dataset: Dataset, table: NeighborTable | None = None) -> DatasetSummary:
    """Counts, ranges and histograms of a checked dataset, and of its neighbour table where there is one."""
    energy = dataset.energy / dataset.n_atoms_per_system
    density = _densities(dataset)
    shortest = shortest_distances(dataset)
    shortest = shortest[np.isfinite(shortest)]
    neighbors = None if table is None else table.n_neighbors
    return DatasetSummary(
        n_frames=dataset.n_systems,
        n_atoms=dataset.n_atoms,
        atoms_per_frame=_range(dataset.n_atoms_per_system, "min", "median", "max"),
        elements={chemical_symbols[z]: int((dataset.species == z).sum()) for z in dataset.elements},
        energy_ev_per_atom=_range(energy, "min", "max") | {"rms": float(np.std(energy))},
        force_component_ev_per_ang=_range(dataset.forces, "min", "max")
        | {"rms": float(np.sqrt(np.mean(dataset.forces**2)))},
        periodic_directions=_periodic_directions(dataset),
        density_g_per_cm3=_range(density, "min", "median", "max") if len(density) else None,
        shortest_distance_ang=_range(shortest, "min", "median") if len(shortest) else None,
        neighbors_per_atom=_neighbor_range(table),
        net_force_max_ev_per_ang_per_atom=_largest_net_force(dataset),
        n_duplicate_frames=count_duplicates(dataset),
        origins=dict(sorted(Counter(dataset.origin).items())),
        notes=dict(dataset.notes),
        histograms=_histograms(
            {
                "energy_ev_per_atom": energy,
                "force_component_ev_per_ang": dataset.forces.ravel(),
                "density_g_per_cm3": density,
                "shortest_distance_ang": shortest,
                "neighbors_per_atom": neighbors,
            }
        ),
    )


def count_duplicates(dataset: Dataset) -> int:
    """Frames that repeat an earlier frame's species, positions and cell within 1e-6 Å, atom by atom."""
    seen = set()
    for system in range(dataset.n_systems):
        rows = dataset.atoms_of(system)
        lengths = np.concatenate([dataset.positions[rows].ravel(), dataset.cell[system].ravel()])
        rounded = np.rint(lengths / _DUPLICATE_TOL_ANG).astype(np.int64)
        seen.add((dataset.species[rows].tobytes(), rounded.tobytes(), dataset.pbc[system].tobytes()))
    return dataset.n_systems - len(seen)


def _range(values: NDArray[np.number], *names: str) -> dict[str, float]:
    functions: dict[str, Callable[[NDArray[np.number]], SupportsFloat]] = {
        "min": np.min,
        "median": np.median,
        "mean": np.mean,
        "max": np.max,
    }
    return {name: float(functions[name](values)) for name in names}


def _neighbor_range(table: NeighborTable | None) -> dict[str, float] | None:
    if table is None:
        return None
    return _range(table.n_neighbors, "min", "mean", "max") | {"cutoff_ang": float(table.cutoff_ang)}


def _periodic_directions(dataset: Dataset) -> dict[str, int]:
    is_all, is_any = dataset.pbc.all(axis=1), dataset.pbc.any(axis=1)
    return {"all": int(is_all.sum()), "some": int((is_any & ~is_all).sum()), "no": int((~is_any).sum())}


def _densities(dataset: Dataset) -> NDArray[np.float64]:
    """Density in g/cm³ of the frames that are periodic in all directions."""
    mass_amu = np.add.reduceat(atomic_masses[dataset.species], dataset.offsets[:-1])
    is_bulk = dataset.pbc.all(axis=1)
    volume_ang3 = np.abs(np.linalg.det(dataset.cell[is_bulk]))
    return density_g_per_cm3(mass_amu[is_bulk], volume_ang3)


def _largest_net_force(dataset: Dataset) -> float:
    net = np.add.reduceat(dataset.forces, dataset.offsets[:-1], axis=0)
    return float(np.max(np.linalg.norm(net, axis=1) / dataset.n_atoms_per_system))


def _histograms(quantities: dict[str, NDArray[np.number] | None]) -> dict[str, Histogram]:
    present = {name: values for name, values in quantities.items() if values is not None and len(values)}
    return {name: _histogram(np.asarray(values, dtype=np.float64)) for name, values in present.items()}


def _histogram(values: NDArray[np.float64]) -> Histogram:
    """Counts in equal bins; values that are all but equal get one unit of width, too narrow bins have no edges."""
    low, high = float(values.min()), float(values.max())
    if high - low < 1e-9 * max(1.0, abs(low)):
        low, high = low - 0.5, high + 0.5
    return np.histogram(values, bins=_N_BINS, range=(low, high))
