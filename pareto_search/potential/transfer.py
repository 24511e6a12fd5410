"""Weights that a student takes over from its teacher: those of the interaction layers."""

import torch

from pareto_search.errors import ConfigError
from pareto_search.potential.interface import Potential


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
