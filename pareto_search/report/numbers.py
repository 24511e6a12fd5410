"""Numbers as readers want them; `browser/format.js` writes them the same way."""

from collections.abc import Sequence

import numpy as np

from pareto_search.analysis.networks import Basis
from pareto_search.objectives import Objective


def fixed(value: float, digits: int = 0, sign: str = "") -> str:
    """The value with some decimals, thin spaces between thousands and a true minus.

    Args:
        value: The number, in the unit that is shown.
        digits: Decimals.
        sign: "+" to write that of positive numbers too.
    """
    return f"{value:{sign},.{digits}f}".replace(",", "\u202f").replace("-", "−")


def signed(value: float, digits: int) -> str:
    """The value with some decimals and its sign."""
    return fixed(value, digits, "+")


def number(value: float, digits: int = 3) -> str:
    """The value to some significant digits without an exponent, thin spaces between thousands; "–" if unknown."""
    if not np.isfinite(value):
        return "–"
    magnitude = 0 if value == 0 else int(np.floor(np.log10(abs(value))))
    return fixed(value, max(digits - 1 - magnitude, 0))


def whole(value: float | None) -> str:
    """A count with thin spaces between thousands; "–" if unknown."""
    return "–" if value is None or not np.isfinite(value) else fixed(value)


def count(n: int, noun: str) -> str:
    """Such as "1 pair" or "36 pairs"."""
    return f"{whole(n)} {noun}{'' if n == 1 else 's'}"


def times(ratio: float) -> str:
    """Such as "1.8×" or "240×": two digits below ten, whole numbers above."""
    return f"{fixed(ratio, 1 if ratio < 9.95 else 0)}×"


def p_text(p_value: float) -> str:
    """A p value to two digits, in powers of ten where tiny."""
    if p_value >= 1e-3:
        return f"{p_value:.2g}"
    mantissa, exponent = f"{p_value:.0e}".split("e")
    return f"{mantissa}×10{str(int(exponent)).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"


def split_name(basis: Basis) -> str:
    """What the split that carries claims is called: test or validation."""
    return "test" if basis.split == "test" else "validation"


def together(objectives: Sequence[Objective]) -> str:
    """Such as "force RMSE, step time and max atoms together"."""
    nouns = [objective.noun for objective in objectives]
    return f"{', '.join(nouns[:-1])} and {nouns[-1]} together"


def time_unit(longest_s: float) -> tuple[str, float]:
    """Unit in which times up to this one are easily read, and its seconds."""
    return ("minutes", 60.0) if longest_s < 2 * 3600 else ("hours", 3600.0)
