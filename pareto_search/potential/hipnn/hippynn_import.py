"""hippynn, imported without PyTorch's compiler.

hippynn compiles its kernels when it is imported, which loads the compiler into every process for seconds; the explicit
engine never calls them. No setting of hippynn's prevents that, so `torch.compile` waits while hippynn is imported.
"""

import functools
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def compiling_at_first_call() -> Iterator[None]:
    """Within it `torch.compile` returns functions that are compiled when they are first called."""
    compile_now = torch.compile

    def compile_later(function: Callable[..., Any]) -> Callable[..., Any]:
        compiled = functools.cache(lambda: compile_now(function))
        return functools.wraps(function)(lambda *args, **kwargs: compiled()(*args, **kwargs))

    torch.compile = compile_later  # type: ignore[assignment]
    try:
        yield
    finally:
        torch.compile = compile_now


# hippynn announces which kernel packages are missing.
with compiling_at_first_call(), warnings.catch_warnings(action="ignore"):
    import hippynn
    from hippynn.graphs import inputs, networks, physics, targets
    from hippynn.interfaces.ase_interface import HippynnCalculator
    from hippynn.layers.targets import HEnergy
    from hippynn.networks.hiphop import HipHopNNModule
    from hippynn.networks.hipnn import Hipnn, HipnnQuad, HipnnVec

hippynn.settings.WARN_LOW_DISTANCES = False
hippynn.settings.PROGRESS = None

__all__ = [
    "HEnergy", "HipHopNNModule", "Hipnn", "HipnnQuad", "HipnnVec", "HippynnCalculator", "compiling_at_first_call",
    "inputs", "networks", "physics", "targets",
]  # fmt: skip
