"""The learning curve of a network that is being trained, for the page of a running submission.

    heartbeat (gets points) ─> Job.curve, JSON ─> an SVG of polylines, drawn by the template

The judge has checked names and numbers. But the numbers are the student's own report.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any

MAX_POINTS = 120  # of a curve; if there are more, every second one is dropped
WIDTH, HEIGHT = 320.0, 90.0  # of a panel, in units of its SVG

Point = dict[str, float]


@dataclass
class Curve:
    """The points of the test that trains now."""

    test: str = ""
    points: list[Point] = field(default_factory=list)

    def add(self, test: str, point: Point) -> None:
        if test != self.test:
            self.test, self.points = test, []
        self.points = [*self.points, point]
        if len(self.points) > MAX_POINTS:
            self.points = [*self.points[:-1:2], self.points[-1]]

    def dumps(self) -> str:
        return json.dumps(self.points) if self.points else ""


@dataclass(frozen=True)
class Panel:
    """One series to draw: its name, its last value in words, and the points of an SVG polyline."""

    name: str
    last: str
    line: str


def panels(text: str) -> tuple[str, list[Panel]]:
    """("epoch 3", a panel for each series) of a job's `curve`; ("", []) if it is empty."""
    points = _read(text)
    names = list(dict.fromkeys(name for point in points for name in point if name != "epoch"))
    curves = [_panel(name, [point[name] for point in points if name in point]) for name in names[:4]]
    epochs = [point["epoch"] for point in points if "epoch" in point]
    return (f"epoch {epochs[-1]:g}" if epochs else ""), curves


def _read(text: str) -> list[Point]:
    try:
        points = json.loads(text) if text else []
    except ValueError:
        return []
    return [{k: v for k, v in point.items() if _finite(v)} for point in points if isinstance(point, dict)]


def _finite(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value) and abs(value) < 1e12


def _panel(name: str, values: list[float]) -> Panel:
    share = name == "accuracy" and all(0 <= value <= 1 for value in values)
    low, high = (0.0, 1.0) if share else (min(0.0, *values), max(values))
    room = (high - low) or 1.0
    step = WIDTH / max(1, len(values) - 1)
    line = " ".join(f"{i * step:.1f},{HEIGHT * (1 - (v - low) / room):.1f}" for i, v in enumerate(values))
    last = f"{100 * values[-1]:.1f} %" if share else f"{values[-1]:.4g}"
    return Panel(name.replace("_", " "), last, line)
