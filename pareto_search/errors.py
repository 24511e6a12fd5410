"""Exceptions raised by pareto_search, each one message and an exit code of the command line; which mean "no memory"."""

import sys

from pydantic import ValidationError


class ParetoSearchError(Exception):
    """Base of every error that a user can act on.

    Attributes:
        is_bad_input: Whether what the user gave caused it (exit code 2), or the run failed (exit code 1).
    """

    is_bad_input = False


class ConfigError(ParetoSearchError):
    """A setting is unknown, has the wrong type or breaks a rule."""

    is_bad_input = True


class DataError(ParetoSearchError):
    """A dataset, label file or model file is missing, damaged or breaks a rule."""

    is_bad_input = True


class TrainingDiverged(ParetoSearchError):
    """The loss or a weight became non-finite while training.

    Attributes:
        epoch: Epoch (from 1) in which it happened.
    """

    def __init__(self, epoch: int) -> None:
        super().__init__(f"the loss became non-finite in epoch {epoch}")
        self.epoch = epoch


class MeasurementError(ParetoSearchError):
    """A measurement could not be taken on this device."""


class StoreError(ParetoSearchError):
    """A run directory cannot be used: another config, another process, read-only or damaged."""

    is_bad_input = True


class WriteError(StoreError):
    """A file of a run could not be written, most likely for want of space."""

    is_bad_input = False


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out: Python's, a GPU's, or that of PyTorch on a CPU, which has no type."""
    torch = sys.modules.get("torch")  # where nothing has imported it, it cannot have raised; it takes seconds to load
    if isinstance(error, MemoryError) or (torch is not None and isinstance(error, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator: can't allocate memory" in str(error)


def reason_of(error: BaseException) -> str:
    """What an error says, in one line with its class; of several faults that pydantic found the first."""
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
