"""Building the potential of an architecture, whatever its family."""

from pareto_search.config import Architecture, imported
from pareto_search.data.references import ReferenceEnergies
from pareto_search.errors import ConfigError
from pareto_search.potential.interface import EngineTraits, Potential


def _potential_type(architecture: Architecture) -> type[Potential]:
    """The class of potentials of an architecture's family."""
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
