"""One capacity probe: the memory of a real MD step, measured by a process that exists for nothing else."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Required, Self, TypedDict

import numpy as np
from ase import Atoms

from pareto_search.config import Architecture, parse_architecture
from pareto_search.data.references import ReferenceEnergies
from pareto_search.data.structure import supercell
from pareto_search.measure.md import start_nve
from pareto_search.measure.memory import guard_resident_memory, occupied_bytes, peak_bytes, start_counting
from pareto_search.potential.build import build_potential
from pareto_search.potential.interface import Potential
from pareto_search.potential.process import prepare_torch

#: Unit cells that are run before the baseline is read. The second size makes torch.compile, which hippynn uses, give
#: up the shapes of the first for general ones.
_WARMUP_CELLS = (1, 2)


@dataclass(frozen=True)
class ProbeSpec:
    """What a probe builds.

    Attributes:
        architecture: The network, given random weights.
        elements: Atomic numbers the network is made for, rising.
        unit: The cell whose supercells are tried.
        skin_ang: Skin of the neighbour list.
        is_compiled: Whether it runs compiled; the code should be on disk.
        temperature_k: Temperature of the initial momenta.
    """

    architecture: Architecture
    elements: tuple[int, ...]
    engine: str
    unit: Atoms
    device: str = "cpu"
    n_threads: int = 1
    skin_ang: float = 1.0
    is_compiled: bool = False
    timestep_fs: float = 1.0
    temperature_k: float = 300.0

    def to_plain(self) -> dict[str, object]:
        """JSON form."""
        unit = {
            "numbers": self.unit.numbers.tolist(),
            "positions": self.unit.positions.tolist(),
            "cell": self.unit.cell.array.tolist(),
        }
        return {**vars(self), "architecture": self.architecture.model_dump(mode="json"), "unit": unit}

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> Self:
        """Build from the JSON form."""
        return cls(
            **{
                **values,
                "architecture": parse_architecture(values["architecture"]),
                "elements": tuple(values["elements"]),
                "unit": Atoms(**values["unit"], pbc=True),
            }
        )


class Request(TypedDict):
    """A probe that is asked for, as JSON."""

    spec: dict[str, object]
    n_atoms: int
    budget_bytes: int | None


class Reply(TypedDict, total=False):
    """How a probe ended, as JSON: with what `StepMemory` holds, a message or the signal that killed it."""

    outcome: Required[Literal["fits", "does not fit", "killed", "error"]]
    used_bytes: int
    baseline_bytes: int
    signal: int
    message: str
    traceback: str


@dataclass(frozen=True)
class StepMemory:
    """Memory of an MD step in bytes: what the system added at its peak, and what was taken before it was built."""

    used_bytes: int
    baseline_bytes: int


def memory_of_step(
    spec: ProbeSpec, n_atoms: int, *, budget_bytes: int | None, give_up: Callable[[], None]
) -> StepMemory:
    """Build a supercell, run one MD step and see how far memory rises above what a unit cell had needed before.

    To be called in a process that does nothing else and ends afterwards.

    Args:
        spec: Network, material and device.
        n_atoms: Atoms of the supercell.
        budget_bytes: Above this the step does not fit anyhow, and `give_up` ends the process early; None on a GPU,
            which is filled until it is out of memory.
        give_up: Ends the process.

    Raises:
        torch.OutOfMemoryError: If a GPU has not enough memory.
        MemoryError, RuntimeError: If memory is short (`is_out_of_memory` is true), or for other reasons.
    """
    prepare_torch(spec.n_threads)
    references = ReferenceEnergies(dict.fromkeys(spec.elements, 0.0))
    potential = build_potential(spec.architecture, references, seed=0, engine=spec.engine).to(spec.device).eval()
    for n_cells in _WARMUP_CELLS:
        _step(spec, potential, n_cells * len(spec.unit), budget_bytes)
    baseline_bytes = occupied_bytes(spec.device)
    before_bytes = start_counting(spec.device)
    if budget_bytes is not None:
        guard_resident_memory(before_bytes + budget_bytes, give_up)
    _step(spec, potential, n_atoms, budget_bytes)
    return StepMemory(used_bytes=max(peak_bytes(spec.device) - before_bytes, 1), baseline_bytes=baseline_bytes)


def _step(spec: ProbeSpec, potential: Potential, n_atoms: int, budget_bytes: int | None) -> None:
    calculator = potential.calculator(
        skin_ang=spec.skin_ang, is_compiled=spec.is_compiled, memory_budget_bytes=budget_bytes
    )
    dynamics = start_nve(
        supercell(spec.unit, n_atoms),
        calculator,
        timestep_fs=spec.timestep_fs,
        temperature_k=spec.temperature_k,
        seed=0,
    )
    # The atoms fly freely into it: one evaluation, not two. np.zeros would take no memory until it is written to.
    dynamics.step(np.full((len(dynamics.atoms), 3), 0.0))
