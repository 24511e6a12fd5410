"""Cost of an architecture on a device: MD step time and capacity, under one key."""

import hashlib
import json
from collections.abc import Sequence

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


def measure_cost(
    architecture: Architecture,
    references: ReferenceEnergies,
    settings: MeasureSettings,
    unit: Atoms,
    *,
    device: str,
    n_threads: int,
    max_atoms_guess: int | None = None,
) -> CostRecord:
    """MD step time and capacity of a network with random weights. The device should have nothing else to do.

    PyTorch in this process is set to n_threads, as the record states.

    Args:
        architecture: The network.
        references: Its elements; the energies do not matter.
        settings: What is measured, and the engine wanted.
        unit: The cell whose supercells are measured.
        device: cpu, cuda or cuda:N.
        n_threads: Threads of PyTorch.
        max_atoms_guess: Capacity of a similar network, to look near it first.

    Raises:
        ConfigError: If the device does not exist.
        MeasurementError: If the dynamics becomes non-finite, or a probe fails for another reason than memory.
    """
    check_device(device)
    prepare_torch(n_threads)
    elements = tuple(sorted(references.by_element))
    potential = build_potential(architecture, references, seed=_SEED, engine=settings.engine).to(device, _DTYPE).eval()
    shall_compile = potential.pure_form() is not None and is_compiled(settings, device=device)
    md = time_md(
        supercell(unit, settings.n_atoms),
        potential.calculator(skin_ang=settings.skin_ang, is_compiled=shall_compile),
        settings,
        seed=_SEED,
        synchronize=synchronizer(device),
    )
    release_memory(device)  # probes run in processes of their own
    spec = ProbeSpec(
        architecture=architecture,
        elements=elements,
        engine=potential.engine,
        unit=unit,
        device=device,
        n_threads=n_threads,
        skin_ang=settings.skin_ang,
        is_compiled=md.is_compiled,
        timestep_fs=settings.timestep_fs,
        temperature_k=settings.temperature_k,
    )
    return CostRecord(
        key=cost_key(architecture, elements, settings, unit, device=device, n_threads=n_threads),
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


def is_compiled(settings: MeasureSettings, *, device: str) -> bool:
    """Whether to time compiled what can be: by the length of the run alone, so that a front is of one kind."""
    n_atom_steps = settings.n_atoms * (settings.n_warmup_steps + settings.n_steps)
    return n_atom_steps >= COMPILE_AFTER_ATOM_STEPS and has_compiler(torch.device(device).type)


def cost_key(
    architecture: Architecture,
    elements: Sequence[int],
    settings: MeasureSettings,
    unit: Atoms,
    *,
    device: str,
    n_threads: int,
    dtype: torch.dtype = _DTYPE,
    versions: dict[str, str] | None = None,
) -> str:
    """Hash of everything that a cost depends on; weights and seeds are not among it.

    Args:
        architecture: The network.
        elements: Atomic numbers it is made for.
        settings: What is measured. The engine counts as the one really used, the structure as its unit cell.
        unit: The cell whose supercells are measured.
        device: cpu, cuda or cuda:N; its name counts.
        n_threads: Threads of PyTorch.
        dtype: What the network computes in.
        versions: Of software; by default those installed.

    Raises:
        ConfigError: If the device does not exist.
    """
    ingredients = {
        "architecture": architecture.model_dump(mode="json"),
        "elements": sorted(int(z) for z in elements),
        "engine": architecture.engine(settings.engine),
        "settings": settings.model_dump(mode="json", exclude={"engine", "structure", "liquid"}),
        "unit": _plain_cell(unit),
        "device": [torch.device(device).type, device_name(device)],
        "n_threads": n_threads,
        "is_compiled": is_compiled(settings, device=device),
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
