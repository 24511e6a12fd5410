"""Weights that a student takes over from its teacher: those of the interaction layers."""

import torch

from pareto_search.errors import ConfigError
from pareto_search.potential.hipnn import HipnnPotential


def take_over_interaction(student: HipnnPotential, teacher: HipnnPotential, *, is_frozen: bool) -> tuple[str, ...]:
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
    theirs = _interaction_weights(teacher)
    taken = []
    for name, weight in _interaction_weights(student).items():
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


def _interaction_weights(potential: HipnnPotential) -> dict[str, torch.nn.Parameter]:
    """Parameters of the interaction proper of every block, by name; not the atom layers that follow."""
    return {
        f"{number}.{name}": weight
        for number, block in enumerate(potential.network.blocks)
        for name, weight in block[0].base_layer.named_parameters()
    }
