"""Cost of an architecture on a device: MD step time and capacity, under one key."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from ase import Atoms

from pareto_search.config import Architecture, MeasureSettings
from pareto_search.data.references import ReferenceEnergies
from pareto_search.data.structure import supercell
from pareto_search.measure.capacity import measure_capacity
from pareto_search.measure.device import device_name, software_versions, source_hash, synchronizer
from pareto_search.measure.md import time_md
from pareto_search.measure.probe import ProbeSpec
from pareto_search.potential.build import build_potential
from pareto_search.potential.calculator import COMPILE_AFTER_ATOM_STEPS
from pareto_search.potential.compiled import has_compiler
from pareto_search.potential.process import check_device, prepare_torch, release_memory
from pareto_search.records import CostRecord

#: What networks compute in.
_DTYPE = torch.float32
#: Seed of the random weights and of the initial momenta; neither changes the cost (springs move the atoms).
_SEED = 0
_KEY_CHARS = 16
#: Decimals of the unit cell in the key, Å.
_KEY_DECIMALS = 6


@dataclass(frozen=True)
class CostProtocol:
    """How and on what costs are measured, so that those of one protocol can be compared.

    Attributes:
        settings: What is measured, and the engine wanted.
        unit: The cell whose supercells are measured.
        elements: Atomic numbers that networks are made for.
        device: cpu, cuda or cuda:N.
        n_threads: Threads of PyTorch.
    """

    settings: MeasureSettings
    unit: Atoms
    elements: Sequence[int]
    device: str
    n_threads: int

    def measure(self, architecture: Architecture, *, max_atoms_guess: int | None = None) -> CostRecord:
        """MD step time and capacity of a network with random weights. The device should have nothing else to do.

        PyTorch in this process is set to `n_threads`, as the record states.

        Args:
            architecture: The network.
            max_atoms_guess: Capacity of a similar network, to look near it first.

        Raises:
            ConfigError: If the device does not exist.
            MeasurementError: If the dynamics becomes non-finite, or a probe fails for another reason than memory.
        """
        device, settings = self.device, self.settings
        check_device(device)
        prepare_torch(self.n_threads)
        references = ReferenceEnergies(dict.fromkeys(self.elements, 0.0))
        potential = build_potential(architecture, references, seed=_SEED, engine=settings.engine)
        potential = potential.to(device, _DTYPE).eval()
        shall_compile = potential.pure_form() is not None and self.is_compiled
        md = time_md(
            supercell(self.unit, settings.n_atoms),
            potential.calculator(skin_ang=settings.skin_ang, is_compiled=shall_compile),
            settings,
            seed=_SEED,
            synchronize=synchronizer(device),
        )
        release_memory(device)  # probes run in processes of their own
        spec = ProbeSpec(
            architecture=architecture,
            elements=tuple(self.elements),
            engine=potential.engine,
            unit=self.unit,
            device=device,
            n_threads=self.n_threads,
            skin_ang=settings.skin_ang,
            is_compiled=md.is_compiled,
            timestep_fs=settings.timestep_fs,
            temperature_k=settings.temperature_k,
        )
        return CostRecord(
            key=self.key(architecture),
            architecture=architecture.model_dump(mode="json"),
            label=architecture.label,
            cutoff_ang=architecture.cutoff_ang,
            engine=potential.engine,
            dtype=_dtype_name(_DTYPE),
            device=device_name(device),
            versions=software_versions(),
            md=md,
            capacity=measure_capacity(spec, settings, max_atoms_guess=max_atoms_guess),
            is_fallback=shall_compile and not md.is_compiled,
        )

    @property
    def is_compiled(self) -> bool:
        """Whether to time compiled what can be: by the length of the run alone, so that a front is of one kind."""
        n_atom_steps = self.settings.n_atoms * (self.settings.n_warmup_steps + self.settings.n_steps)
        return n_atom_steps >= COMPILE_AFTER_ATOM_STEPS and has_compiler(torch.device(self.device).type)

    def key(
        self, architecture: Architecture, *, dtype: torch.dtype = _DTYPE, versions: dict[str, str] | None = None
    ) -> str:
        """Hash of everything that a cost depends on; weights and seeds are not among it.

        Args:
            architecture: The network. The engine counts as the one really used, the structure as its unit cell.
            dtype: What the network computes in.
            versions: Of software; by default those installed.

        Raises:
            ConfigError: If the device does not exist.
        """
        ingredients = {
            "architecture": architecture.model_dump(mode="json"),
            "elements": sorted(int(z) for z in self.elements),
            "engine": architecture.engine(self.settings.engine),
            "settings": self.settings.model_dump(mode="json", exclude={"engine", "structure", "liquid"}),
            "unit": _plain_cell(self.unit),
            "device": [torch.device(self.device).type, device_name(self.device)],
            "n_threads": self.n_threads,
            "is_compiled": self.is_compiled,
            "dtype": _dtype_name(dtype),
            "versions": software_versions() if versions is None else versions,
            "source": source_hash(),
        }
        canonical = json.dumps(ingredients, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:_KEY_CHARS]


def _plain_cell(unit: Atoms) -> list[object]:
    """Numbers, positions and cell as lists, rounded so that the last bits of a file do not count."""
    rounded = [(array.round(_KEY_DECIMALS) + 0.0).tolist() for array in (unit.positions, unit.cell.array)]
    return [unit.numbers.tolist(), *rounded]


def _dtype_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
