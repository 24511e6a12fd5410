"""Building the potential of an architecture, whatever its family, and what it takes over from a teacher."""

import torch

from pareto_search.config import Architecture, imported
from pareto_search.data.references import ReferenceEnergies
from pareto_search.errors import ConfigError
from pareto_search.potential.interface import EngineTraits, Potential


def _potential_type(architecture: Architecture) -> type[Potential]:
    try:
        found = imported(architecture.potential)
    except ValueError as error:
        raise ConfigError(f"family {architecture.family}: {error}") from error
    if not (isinstance(found, type) and issubclass(found, Potential)):
        raise ConfigError(f"family {architecture.family}: {architecture.potential} is no subclass of Potential")
    return found


def build_potential(
    architecture: Architecture, references: ReferenceEnergies, *, seed: int, engine: str | None = None
) -> Potential:
    """A new potential with random weights, float32 on the CPU.

    Args:
        architecture: Family and hyperparameters.
        references: Its elements and their reference energies.
        seed: Of the weights.
        engine: What evaluates it; one that cannot evaluate this architecture, or None, means the fastest that can.
    """
    return _potential_type(architecture)(architecture, references, seed=seed, engine=engine)


def engine_traits(architecture: Architecture, engine: str) -> EngineTraits:
    """Memory of an engine of an architecture's family."""
    return _potential_type(architecture).engine_traits[engine]


def take_over_interaction(student: Potential, teacher: Potential, *, is_frozen: bool) -> tuple[str, ...]:
    """Give a student the teacher's interaction weights (sensitivities, mixing, self term) where their shapes are equal.

    Equal numbers of sensitivities let the radial functions pass; with equal numbers of features all passes.

    Args:
        student: Changed in place.
        teacher: The teacher.
        is_frozen: Whether what was taken over is kept as it is in training.

    Returns:
        Names of the weights taken over.

    Raises:
        ConfigError: If no shape is equal.
    """
    theirs = teacher.interaction_parameters()
    taken = []
    for name, weight in student.interaction_parameters().items():
        if name in theirs and theirs[name].shape == weight.shape:
            with torch.no_grad():
                weight.copy_(theirs[name])
            weight.requires_grad_(not is_frozen)
            taken.append(name)
    if not taken:
        raise ConfigError(
            f"a student {student.architecture.label} can take over nothing of the interaction layer of its teacher "
            f"{teacher.architecture.label}; give it as many sensitivities (and features), or set "
            "search.transfer.interaction: own"
        )
    return tuple(taken)
