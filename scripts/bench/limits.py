"""What the machine would allow: the work of the engine, counted, over the rates of this machine, measured."""

import statistics
import time
from collections.abc import Callable

import torch

from pareto_search.config import HipnnArchitecture

#: Multiply-adds for each pair and sensitivity: exponent, environment, both sums of MD; then the gradient of a loss.
MULTIPLY_ADDS = {"md": 17, "train": 45}
#: Matrix products: each of MD's (forward and explicit reverse pass) has two more in the gradient of a loss.
PRODUCTS = {"md": 1, "train": 3}


def exponential_s() -> float:
    """Seconds for an exponential of a number in cache, one thread."""
    numbers = -10 * torch.rand(50_000)
    out = torch.empty_like(numbers)
    return _seconds(lambda: torch.exp(numbers, out=out)) / numbers.numel()


def flops_per_s() -> float:
    """Floating-point operations a second in a matrix product, one thread: the most the arithmetic units do."""
    a, b, out = torch.rand(256, 256), torch.rand(256, 256), torch.empty(256, 256)
    return 2 * 256**3 / _seconds(lambda: torch.mm(a, b, out=out))


def limit_s(shape: HipnnArchitecture, kind: str, *, n_atoms: int, n_pairs: int) -> tuple[float, str]:
    """Process seconds of a step if nothing but its exponentials and multiply-adds took time, and how that was found."""
    n_exponentials = n_pairs * shape.n_sensitivities
    products = 2 * shape.n_features * (4 * shape.n_sensitivities + shape.n_features * (1 + 2 * shape.n_atom_layers))
    flops = 2 * MULTIPLY_ADDS[kind] * n_exponentials + PRODUCTS[kind] * 2 * products * n_atoms
    rate, each_s = flops_per_s(), exponential_s()
    text = (
        f"{n_exponentials:.3g} exponentials at {1e9 * each_s:.2f} ns and {flops:.3g} flops at {rate / 1e9:.0f} Gflop/s,"
        " measured in the same process"
    )
    return n_exponentials * each_s + flops / rate, text


def _seconds(call: Callable[[], object], repeats: int = 51) -> float:
    times = []
    for _ in range(repeats):
        started = time.process_time()
        for _ in range(10):
            call()
        times.append((time.process_time() - started) / 10)
    return statistics.median(times)
