"""A measured number for display: few digits, but enough to show on which side of the bar it is."""

from __future__ import annotations

import math


def beside(value: float, bar: float, digits: int = 4) -> str:
    """`value` with at least `digits` significant digits, and with enough to distinguish it from `bar`.

    84.996 beside 85 is "84.996" and not "85", since only the second passes; 84.126 is "84.13".
    """
    if not math.isfinite(value):
        return f"{value:g}"
    for precision in range(digits, 17):
        text = f"{value:.{precision}g}"
        if _side(float(text), bar) == _side(value, bar):
            return text
    return repr(value)


def _side(value: float, bar: float) -> int:
    return (value > bar) - (value < bar)
