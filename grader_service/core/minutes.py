"""Moments are typed and shown in minutes, so they are judged in minutes. Nothing else compares a date with the clock.

    begins 10:00     from 10:00:00 on
    ends 23:59       through the whole minute: 23:59:59.999 is in time, 00:00:00 is not

Times are seconds since 1970. Zones differ from UTC by whole minutes, so a minute is the same everywhere.
"""

from __future__ import annotations

import math

MINUTE = 60.0  # seconds


def start(moment: float) -> float:
    """The first instant of its minute."""
    return math.floor(moment / MINUTE) * MINUTE


def end(moment: float) -> float:
    """The first instant after its minute."""
    return start(moment) + MINUTE


def begun(moment: float, now: float) -> bool:
    """Has what begins at this moment begun?"""
    return now >= start(moment)


def over(moment: float, now: float) -> bool:
    """Is what lasts until this moment over?"""
    return now >= end(moment)
