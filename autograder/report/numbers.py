"""A measured number as people read it: few digits, but never so few that it seems to stand on the bar's other side."""

from __future__ import annotations

import math


def beside(value: float, bar: float, digits: int = 4) -> str:
    """`value` in at least so many significant digits, and in as many as tell it from `bar`.

    84.996 beside 85 is "84.996" and not "85", since the one fails and the other does not; 84.126 is "84.13".
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
