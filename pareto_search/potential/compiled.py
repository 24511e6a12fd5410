"""Machine code for pure tensor functions: compiled once for a structure, kept on disk, loaded without tracing.

A *structure* is what the code depends on: how arguments nest (the number of atom layers), dtypes, device, and which
sizes are one. All other sizes are symbols, so one compiled form serves every architecture of a depth and any batch.
PyTorch's ahead-of-time Inductor makes a shared library of it; a later process loads that in milliseconds, and a call
costs no guards.
"""

import contextlib
import functools
import hashlib
import importlib.util
import json
import logging
import os
import platform
import shutil
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pareto_search.files import locked, user_cache

logger = logging.getLogger(__name__)

#: A pure function of tensors, and of tuples of them, that returns a tuple of tensors.
TensorFunction = Callable[..., tuple[Tensor, ...]]

#: Files whose code is traced or that define the arguments' fields: a change in them makes new machine code.
_TRACED = ("potential/**/*.py", "measure/accuracy.py", "training/loss.py")
#: Inductor computes an expression of more operations than this once and keeps it, instead of once for each use. Lower
#: than its default: what depends on a pair alone must not be computed again for each sensitivity.
_KEEP_EXPRESSIONS_ABOVE = 8

_is_tracing = False


def is_tracing() -> bool:
    """Whether a function is being traced to be compiled; then it is written for fusion, else for fast library calls."""
    return _is_tracing


@functools.cache
def has_compiler(device_type: str) -> bool:
    """Whether PyTorch can compile for a device: a C++ compiler for a CPU, Triton too for a GPU."""
    has_cpp = any(shutil.which(name) for name in (os.environ.get("CXX") or "g++", "clang++"))
    return has_cpp and (device_type == "cpu" or (device_type == "cuda" and bool(importlib.util.find_spec("triton"))))


def compiled(function: TensorFunction, *example: object) -> TensorFunction:
    """The compiled form of a function for the structure of some arguments; made now if it is not on disk.

    Where that fails it is the very function, which callers can compare, and the reason is logged. Sizes that are one
    in the example must stay one, the others must stay larger. Threads are those PyTorch has now.

    Args:
        function: Pure; of tensors, None and tuples of them; returns a tuple of tensors.
        example: Arguments of the structure wanted; their sizes and values do not matter.
    """
    flat = leaves(example)
    structure = json.dumps(
        [
            _nesting(example),
            [[str(leaf.dtype), leaf.device.type, [size == 1 for size in leaf.shape]] for leaf in flat],
            torch.get_num_threads(),
            sorted({torch.cuda.get_device_name(leaf.device) for leaf in flat if leaf.device.type == "cuda"}),
        ]
    )
    name = f"{function.__module__}.{function.__qualname__}"
    digest = hashlib.sha256(f"{name} {structure} {_surroundings()}".encode()).hexdigest()[:16]
    return _loaded(function, digest, example)


def named_after(function: TensorFunction, *inner: Callable[..., Any]) -> TensorFunction:
    """A function made of others, named after them too: by its name its compiled form is found again."""
    names = ", ".join(f"{part.__module__}.{part.__qualname__}" for part in inner)
    function.__qualname__ = f"{function.__name__}({names})"
    return function


_in_this_process: dict[str, TensorFunction] = {}


def _loaded(function: TensorFunction, digest: str, example: object) -> TensorFunction:
    if digest not in _in_this_process:
        path = cache_dir() / f"{function.__name__}-{digest}.pt2"
        try:
            run = _made_once(function, example, path)
        except Exception as error:
            # A compiler without headers, a full disk, a damaged file; beside these PyTorch's compiler lets out failed
            # assertions, imports, programs it called and exceptions of its own that share no base.
            logger.warning("%s runs uncompiled, compiling or loading it failed: %s", function.__name__, _said(error))
            _in_this_process[digest] = function
        else:
            _in_this_process[digest] = lambda *arguments: tuple(run(leaves(arguments)))
    return _in_this_process[digest]


def _said(error: Exception) -> str:
    """Name of an exception and the last line of its message."""
    return ": ".join([type(error).__name__, *str(error).strip().splitlines()[-1:]])


def _made_once(function: TensorFunction, example: object, path: Path) -> Callable[[list[Tensor]], list[Tensor]]:
    """What a file holds, compiled first if it is not there; processes that want the same wait for the first."""
    with locked(path.with_suffix(".lock")):
        if not path.is_file():
            _compile(function, example, path)
        try:
            return _load(path, on_cpu=all(leaf.device.type == "cpu" for leaf in leaves(example)))
        except RuntimeError:  # damaged: the next process makes it again
            path.unlink(missing_ok=True)
            raise


def cache_dir() -> Path:
    """Where compiled functions are kept."""
    return user_cache() / "compiled"


def _load(path: Path, *, on_cpu: bool) -> Callable[[list[Tensor]], list[Tensor]]:
    """What runs a compiled function on the leaves of its arguments."""
    try:  # what aoti_load_package wraps; that would import the whole compiler first, for two seconds
        if on_cpu:
            return _run_of_library(path)
        return torch._C._aoti.AOTIModelPackageLoader(str(path), "model", False, 1, -1).run
    except (AttributeError, TypeError):  # another version of PyTorch
        return torch._inductor.aoti_load_package(str(path)).loader.run


def _run_of_library(package: Path) -> Callable[[list[Tensor]], list[Tensor]]:
    """The same for a CPU, from the shared library in the package, which needs its file only until it is mapped.

    PyTorch's own loader keeps what it unpacks as long as the process lives: megabytes that a killed one would leave.

    Raises:
        RuntimeError: If the package is damaged.
    """
    with tempfile.TemporaryDirectory(prefix="pareto_search-") as folder:
        library = Path(folder) / "model.so"
        try:
            with zipfile.ZipFile(package) as files:
                (name,) = (name for name in files.namelist() if name.endswith(".so"))
                library.write_bytes(files.read(name))
        except (zipfile.BadZipFile, ValueError) as error:
            raise RuntimeError(f"{package.name} holds no shared library: {error}") from error
        return torch._C._aoti.AOTIModelContainerRunnerCpu(str(library), 1).run


def _compile(function: TensorFunction, example: object, path: Path) -> None:
    logger.info("compiling %s; kept in %s", function.__name__, path.parent)
    started = time.monotonic()
    import torch._inductor

    partial = path.with_suffix(f".{os.getpid()}.pt2")
    with warnings.catch_warnings(action="ignore"), torch.no_grad():  # PyTorch remarks on its own compiler
        program = _export(function, example)
        torch._inductor.aoti_compile_and_package(
            program,
            package_path=str(partial),
            inductor_configs={
                "cpp.threads": torch.get_num_threads(),
                "realize_opcount_threshold": _KEEP_EXPRESSIONS_ABOVE,
            },
        )
    partial.replace(path)
    logger.info("compiled %s in %.0f s", function.__name__, time.monotonic() - started)


def _export(function: TensorFunction, example: object) -> torch.export.ExportedProgram:
    """The function as a graph of tensors with symbolic sizes; gradients taken inside it are part of the graph."""
    from torch.fx.experimental import _config as shapes
    from torch.fx.experimental.proxy_tensor import make_fx

    flat = leaves(example)

    def of_leaves(*flat: Tensor) -> tuple[Tensor, ...]:
        return function(*rebuilt(example, iter(flat)))

    class Graph(torch.nn.Module):
        def __init__(self, graph: torch.fx.GraphModule) -> None:
            super().__init__()
            self.graph_of_leaves = graph

        def forward(self, flat: list[Tensor]) -> tuple[Tensor, ...]:
            return tuple(self.graph_of_leaves(*flat))

    # Sizes that are equal in the example are not one symbol.
    with shapes.patch(use_duck_shape=False), _tracing():  # type: ignore[attr-defined]
        graph = make_fx(of_leaves, tracing_mode="symbolic")(*flat)
        auto = torch.export.Dim.AUTO
        sizes = [{axis: auto for axis, size in enumerate(leaf.shape) if size != 1} for leaf in flat]
        return torch.export.export(Graph(graph), (flat,), dynamic_shapes={"flat": sizes}, strict=False)


@contextlib.contextmanager
def _tracing() -> Iterator[None]:
    global _is_tracing
    _is_tracing = True
    try:
        yield
    finally:
        _is_tracing = False


@functools.cache
def _surroundings() -> str:
    """What compiled code depends on besides its structure: source, PyTorch, and the processor it was made for."""
    package = Path(__file__).parents[1]
    sources = [path.read_text() for pattern in _TRACED for path in sorted(package.glob(pattern))]
    flags = next((line for line in _read("/proc/cpuinfo").splitlines() if line.startswith("flags")), "")
    machine = [platform.machine(), torch.backends.cpu.get_cpu_capability(), flags]
    return hashlib.sha256("\n".join([*sources, torch.__version__, *machine]).encode()).hexdigest()


def _read(path: str) -> str:
    return Path(path).read_text() if Path(path).is_file() else ""


def leaves(value: Any) -> list[Tensor]:
    """The tensors in nested tuples, in order."""
    found: list[Tensor] = []
    for item in value:
        if isinstance(item, Tensor):
            found.append(item)
        elif item is not None:
            found += leaves(item)
    return found


def rebuilt(template: Any, flat: Iterator[Tensor]) -> Any:
    """Nested tuples like the template, with other tensors, as `leaves` orders them."""
    items = [
        next(flat) if isinstance(item, Tensor) else None if item is None else rebuilt(item, flat) for item in template
    ]
    return type(template)(*items) if hasattr(template, "_fields") else tuple(items)


def _nesting(value: Any) -> Any:
    return [None if item is None else "tensor" if isinstance(item, Tensor) else _nesting(item) for item in value]
