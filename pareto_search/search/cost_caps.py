"""The user's caps on costs, which an architecture meets before it is trained or not at all."""

import math

from pareto_search.config import CapSettings
from pareto_search.search.messages import Costs


def broken_caps(costs: Costs, caps: CapSettings) -> list[str]:
    """What is beyond the user's caps, in words."""
    broken, values = [], costs.values
    if caps.max_md_us_per_atom_step is not None and values["md_us_per_atom_step"] > caps.max_md_us_per_atom_step:
        broken.append(f"{values['md_us_per_atom_step']:.3g} µs/atom/step, at most {caps.max_md_us_per_atom_step:g}")
    if caps.min_atoms is not None and values["max_atoms"] < caps.min_atoms:
        broken.append(f"{values['max_atoms']} atoms fit, at least {caps.min_atoms}")
    if caps.max_bytes_per_atom is not None and values["bytes_per_atom"] > caps.max_bytes_per_atom:
        broken.append(f"{values['bytes_per_atom']:.0f} bytes/atom, at most {caps.max_bytes_per_atom:g}")
    return broken


def violation_of(costs: Costs, caps: CapSettings) -> float:
    """How far costs are beyond the caps, as the sum of logarithms of the excess; 0 within them."""
    ratios = []
    if caps.max_md_us_per_atom_step is not None:
        ratios.append(costs.values["md_us_per_atom_step"] / caps.max_md_us_per_atom_step)
    if caps.min_atoms is not None:
        ratios.append(caps.min_atoms / max(costs.values["max_atoms"], 1))
    if caps.max_bytes_per_atom is not None:
        ratios.append(costs.values["bytes_per_atom"] / caps.max_bytes_per_atom)
    return sum(max(0.0, math.log(ratio)) for ratio in ratios)
