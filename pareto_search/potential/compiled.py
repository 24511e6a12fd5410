"""Compiled forms of pure tensor functions, with symbolic sizes and a cache on disk.

One compiled form serves every architecture of a depth: sizes are symbols, and what differs in structure (the number of
atom layers, one or several elements, the dtype) is compiled once each. PyTorch keeps the machine code in a cache that
later processes and runs read.
"""

import functools
import importlib.util
import logging
import os
import shutil
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import torch
from platformdirs import user_cache_path

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

#: Structures that one function may be compiled for; beyond it PyTorch refuses.
_MAX_STRUCTURES = 64


@functools.cache
def has_compiler(device_type: str) -> bool:
    """Whether PyTorch can compile for a device: a C++ compiler for a CPU, Triton for a GPU."""
    if os.environ.get("TORCHDYNAMO_DISABLE") == "1":
        return False
    if device_type == "cpu":
        return any(shutil.which(name) for name in (os.environ.get("CXX") or "g++", "clang++"))
    return device_type == "cuda" and importlib.util.find_spec("triton") is not None


@functools.cache
def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """The compiled form of a pure function of tensors; it compiles at its first call for each structure.

    Sizes of 0 and 1 are not symbols to PyTorch: a call with one of them compiles again, so callers avoid it.
    """
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(user_cache_path("pareto_search") / "compiled"))
    from torch._dynamo import config as dynamo
    from torch.fx.experimental import _config as shapes

    dynamo.recompile_limit = _MAX_STRUCTURES
    dynamo.accumulated_recompile_limit = 4 * _MAX_STRUCTURES
    shapes.use_duck_shape = False  # sizes that happen to be equal at first are not one symbol
    options: dict[str, Any] = {"cpp.threads": torch.get_num_threads()}
    return torch.compile(function, fullgraph=True, dynamic=True, options=options)


def as_it_is(function: Callable[P, R]) -> Callable[P, R]:
    """The function itself: what stands in for `compiled` where nothing is."""
    return function
