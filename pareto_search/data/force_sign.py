"""Whether stored force arrays are forces or gradients, decided by correlation with a reference potential."""

from typing import NamedTuple

import numpy as np
from ase.calculators.emt import EMT, parameters
from ase.data import chemical_symbols
from numpy.typing import NDArray

from pareto_search.data.dataset import Dataset
from pareto_search.errors import DataError

#: Frames compared, spread evenly over the dataset.
_MAX_FRAMES = 40
#: Below this the sign counts as undetermined; on aluminium melts and crystals EMT reaches 0.99.
_MIN_CORRELATION = 0.3
_REMEDY = "set data.force_sign to gradient (stored +dE/dR) or force (stored -dE/dR)"


class SignDecision(NamedTuple):
    """Result of the comparison: forces are `sign` times the stored array."""

    sign: int
    correlation: float
    n_frames: int


def decide_force_sign(stored: Dataset, where: str) -> SignDecision:
    """The factor (+1 or -1) that turns the stored arrays into forces, by correlation with ASE's EMT.

    EMT is far from exact, but a wrong sign turns a correlation near +1 into one near -1.

    Args:
        stored: Checked frames whose `forces` hold the array as stored, of unknown sign.
        where: The data's name in messages.

    Raises:
        DataError: If EMT lacks an element or |correlation| < 0.3.
    """
    missing = [chemical_symbols[z] for z in stored.elements if chemical_symbols[z] not in parameters]
    if missing:
        raise DataError(
            f"{where}: the sign of the forces cannot be found automatically, because the reference potential (EMT) "
            f"has no parameters for {', '.join(missing)}; {_REMEDY}"
        )
    systems = _spread(stored.n_systems)
    correlation = _correlation(
        np.concatenate([stored.forces[stored.atoms_of(system)].ravel() for system in systems]),
        np.concatenate([_emt_forces(stored, system).ravel() for system in systems]),
    )
    if abs(correlation) < _MIN_CORRELATION:
        raise DataError(
            f"{where}: the sign of the forces cannot be found automatically: over {len(systems)} frames they "
            f"correlate {correlation:+.3f} with the reference potential (EMT), need at least {_MIN_CORRELATION} either "
            f"way; {_REMEDY}"
        )
    return SignDecision(1 if correlation > 0 else -1, correlation, len(systems))


def _spread(n_systems: int) -> list[int]:
    return [int(i) for i in np.unique(np.linspace(0, n_systems - 1, _MAX_FRAMES).round())]


def _emt_forces(dataset: Dataset, system: int) -> NDArray[np.float64]:
    atoms = dataset.frame(system)
    atoms.calc = EMT()
    return np.asarray(atoms.get_forces())


def _correlation(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Pearson correlation; 0 where one of the arrays does not vary, as on perfect crystals."""
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])
