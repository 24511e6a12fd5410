"""Columns as axes."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray


@dataclass(frozen=True)
class Quantity:
    """A column as an axis: its title, the factor to the unit shown, its standard deviation's column and its scale."""

    column: str
    title: str
    factor: float = 1.0
    std_column: str | None = None
    is_log: bool = False

    def values(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """The column in the unit shown."""
        return self.factor * frame[self.column].to_numpy(dtype=float)

    def stds(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Standard deviations in the unit shown; 0 where there is none."""
        if self.std_column is None:
            return np.zeros(len(frame))
        return np.nan_to_num(self.factor * frame[self.std_column].to_numpy(dtype=float))


FORCE = Quantity("force_rmse_ev_per_ang", "Force RMSE (meV/Å)", 1e3, "force_rmse_std_ev_per_ang")
ENERGY = Quantity("energy_rmse_ev_per_atom", "Energy RMSE (meV/atom)", 1e3, "energy_rmse_std_ev_per_atom")
RDF = Quantity("rdf_error", "RDF error (Å)", 1.0, "rdf_error_std")
STEP_TIME = Quantity("md_us_per_atom_step", "MD step time (µs/atom/step)")
MEMORY = Quantity("bytes_per_atom", "Memory per atom (kB)", 1e-3)
SIZE = Quantity("n_weights", "Number of weights")
CUTOFF = Quantity("dist_hard_max_ang", "Hard cutoff (Å)")


def with_values(frame: pd.DataFrame, *quantities: Quantity) -> pd.DataFrame:
    """Rows that have all the quantities, positive since the axes may be logarithmic."""
    values = np.stack([quantity.values(frame) for quantity in quantities])
    return frame.iloc[np.flatnonzero((np.isfinite(values) & (values > 0)).all(axis=0))]
