"""The user's caps on costs, which an architecture meets before it is trained or not at all."""

import math
from collections.abc import Iterator

from pareto_search.config import CapSettings
from pareto_search.search.messages import Costs


def broken_caps(costs: Costs, caps: CapSettings) -> list[str]:
    """What is beyond the user's caps, in words."""
    return [text for excess, text in _excesses(costs, caps) if excess > 1]


def violation_of(costs: Costs, caps: CapSettings) -> float:
    """How far costs are beyond the caps, as the sum of logarithms of the excess; 0 within them."""
    return sum(max(0.0, math.log(excess)) for excess, _ in _excesses(costs, caps))


def _excesses(costs: Costs, caps: CapSettings) -> Iterator[tuple[float, str]]:
    """Each cost over its cap (above 1: beyond it), and both in words."""
    values = costs.values
    if (cap := caps.max_md_us_per_atom_step) is not None:
        time = values["md_us_per_atom_step"]
        yield time / cap, f"{time:.3g} µs/atom/step, at most {cap:g}"
    if caps.min_atoms is not None:
        atoms = values["max_atoms"]
        yield caps.min_atoms / max(atoms, 0.5), f"{atoms} atoms fit, at least {caps.min_atoms}"
    if (cap := caps.max_bytes_per_atom) is not None:
        memory = values["bytes_per_atom"]
        yield memory / cap, f"{memory:.0f} bytes/atom, at most {cap:g}"
