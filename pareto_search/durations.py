"""Durations in words."""

import math

#: From here on durations are in minutes.
MINUTES_S = 90.0


def duration(seconds: float) -> str:
    """Such as "12 s", "12 min" or "3.4 h"; "open" for NaN."""
    if math.isnan(seconds):
        return "open"
    if seconds < MINUTES_S:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
