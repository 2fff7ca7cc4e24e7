"""One training of a student's, as `training` measures it and `advice` reads it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Run:
    """One training: what came back, its value, and how it went."""

    answer: Any
    value: float
    seconds: float
    memory_mb: float | None = None  # most that its sandbox held; None where nothing counts it
    device_memory_mb: float = 0.0  # most of the device's, as torch over there says; 0 without one
    heard: list[dict[str, float]] = field(default_factory=list)  # what `log` was told; NaN where it was no number
