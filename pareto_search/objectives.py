"""What a search may optimise: the one place where an objective is named."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Objective:
    """A quantity that a search may optimise.

    Attributes:
        column: Of a network's record; one that is learned is `valid_X`, is a column of learning curves as well, and has
            a `test_X` beside it.
        title: Of axes, without the unit.
        factor: From stored values to that unit.
        scale: How fronts are measured and axes drawn: in decades, or in the unit shown.
        reference_factor: On the teacher's value: the worst that still counts in a hypervolume.
        resolution: Relative difference below which two values are a tie.
        is_learned: It changes with training, so its end must be forecast; other objectives are costs, known before.
    """

    column: str
    direction: Literal["minimize", "maximize"]
    title: str
    unit: str = ""
    factor: float = 1.0
    scale: Literal["log", "linear"] = "log"
    reference_factor: float = 2.0
    resolution: float = 0.0
    is_learned: bool = False

    @property
    def claim_column(self) -> str:
        """Column of seed-averaged networks: what `valid_X` is on the claims' split is called `X`."""
        return self.column.removeprefix("valid_")

    @property
    def axis_title(self) -> str:
        """Title with the unit."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    @property
    def noun(self) -> str:
        """Title within a sentence."""
        return self.title[0].lower() + self.title[1:]

    def text(self, value: float) -> str:
        """A value with its name and unit, as in "force RMSE 45.3 meV/Å"."""
        shown = self.factor * value
        number = f"{shown:.4g}" if abs(shown) < 1e4 else f"{shown:.0f}"
        return f"{self.noun} {number} {self.unit}".rstrip()


#: What a search may optimise, by column.
OBJECTIVES: dict[str, Objective] = {
    objective.column: objective
    for objective in (
        Objective("valid_force_rmse_ev_per_ang", "minimize", "Force RMSE", "meV/Å", 1e3,
                  reference_factor=4.0, is_learned=True),
        Objective("valid_energy_rmse_ev_per_atom", "minimize", "Energy RMSE", "meV/atom", 1e3,
                  reference_factor=4.0, is_learned=True),
        Objective("md_us_per_atom_step", "minimize", "Step time", "µs/atom"),
        Objective("max_atoms", "maximize", "Max atoms", reference_factor=0.5),
        Objective("bytes_per_atom", "minimize", "Memory", "kB/atom", 1e-3),
    )
}  # fmt: skip
#: Those of them that change with training.
LEARNED = tuple(objective for objective in OBJECTIVES.values() if objective.is_learned)
#: Those of a study that names none.
DEFAULT_OBJECTIVES = ("valid_force_rmse_ev_per_ang", "md_us_per_atom_step", "max_atoms")


def objectives_named(names: Iterable[str] = DEFAULT_OBJECTIVES) -> tuple[Objective, ...]:
    """Objectives by their columns, in the order given."""
    return tuple(OBJECTIVES[name] for name in names)
