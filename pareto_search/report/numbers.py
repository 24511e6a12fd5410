"""Numbers as readers want them; `browser/format.js` writes them the same way."""

from collections.abc import Sequence

import numpy as np

from pareto_search.objectives import Objective


def number(value: float, digits: int = 3, unit: str = "") -> str:
    """The value to some significant digits without an exponent, thin spaces between thousands; "–" if unknown.

    Args:
        value: The number, in the unit that is shown.
        digits: Significant digits.
        unit: Written behind it; empty: none.
    """
    if not np.isfinite(value):
        return "–"
    magnitude = 0 if value == 0 else int(np.floor(np.log10(abs(value))))
    text = f"{value:,.{max(digits - 1 - magnitude, 0)}f}".replace(",", "\u202f").replace("-", "−")
    return f"{text} {unit}".rstrip()


def together(objectives: Sequence[Objective]) -> str:
    """Such as "force RMSE, step time and max atoms together"."""
    nouns = [objective.noun for objective in objectives]
    return f"{', '.join(nouns[:-1])} and {nouns[-1]} together"


def whole(value: float | None) -> str:
    """A count with thin spaces between thousands; "–" if unknown."""
    return "–" if value is None or not np.isfinite(value) else f"{value:,.0f}".replace(",", "\u202f")


def time_unit(longest_s: float) -> tuple[str, float]:
    """Unit in which times up to this one are easily read, and its seconds."""
    return ("minutes", 60.0) if longest_s < 2 * 3600 else ("hours", 3600.0)
