"""One run of an assignment's tests: what the pytest plugin asks, and what it fills."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from autograder.judge.budget import Meter
from autograder.judge.examples import PUBLIC_SECRET, SHRINK_RUNS
from autograder.manifest import Limits
from autograder.report import Figure, JudgeCost, Ratio, TestResult, TrainingTimes, Visibility

Event = dict[str, Any]

# What a run of the tests needs: a student for one test, under that test's limits; with `watch=False` changes of its
# arguments do not come back. Leaving the context ends the student's process; `output` is then what it printed.
StudentFactory = Callable[..., AbstractContextManager[Any]]


@dataclass
class Judging:
    """Given to the plugin through `config.stash[JUDGING]`."""

    make_student: StudentFactory
    limits: Limits
    visibility: Callable[[Path], Visibility]
    secret: Callable[[Path], bytes] = lambda path: PUBLIC_SECRET
    # Public tests are tried on examples under this secret as well; None on a laptop, where there is none.
    course_secret: bytes | None = None
    printed: Callable[[Any], str] = lambda student: ""  # what a student's code has printed so far
    student_folder: Path | None = None  # of a Local student: its frames are the student's fault
    on_event: Callable[[Event], None] = lambda event: None
    shrink_runs: int = SHRINK_RUNS  # of a failing test, to find a smaller input; 0 where only the verdict counts
    results: list[TestResult] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    make_reference: StudentFactory | None = None  # for tests that race against it; None where there is none
    ratios: dict[str, Ratio] = field(default_factory=dict)
    device: str = "cpu"  # or "cuda": where training checks train
    profile: Literal["cpu", "gpu"] = "cpu"  # which of their settings: those for a GPU may be tried without one
    check_device: Callable[[], None] = lambda: None  # raises GraderError where that one is lost, or not free
    device_lives: Callable[[], None] = lambda: None  # raises GraderError where it does not answer
    calibrating: bool = False  # trainings are measured, and no bar fails a test
    memory: Callable[[Any], tuple[int | None, int]] = lambda student: (None, 0)  # bytes: its sandbox's, its device's
    trainings: dict[str, TrainingTimes] = field(default_factory=dict)
    costs: dict[str, JudgeCost] = field(default_factory=dict)
    meter: Meter = field(default_factory=lambda: Meter())
    too_costly: dict[str, str] = field(default_factory=dict)  # test -> why an earlier judge of it had to be ended
    not_run: set[str] = field(default_factory=set)  # ids of blocked tests that were not even run
    dependent_seconds: float = 0.0  # wall time of tests that were run although they depend on one that did not pass
    import_failure: str = ""  # why the student's module could not even be imported; no test has asked it anything
    errors: list[str] = field(default_factory=list)  # tests that could not even be collected: our fault


PAGE_SIDE = 640  # pixels of the longer side of a page in a report
GREYS = 24  # shades between black and white that a page keeps: as good to look at, and half the bytes
PAGE_BOXES, PAGE_LINES, PAGE_TEXT = 1000, 60, 200  # of a page; the rest is dropped

JUDGING: pytest.StashKey[Judging] = pytest.StashKey()


class Recorder:
    """The fixture `record`: figures and numbers that a test puts into the report."""

    def __init__(self) -> None:
        self.figures: list[Figure] = []

    def curve(self, title: str, x_label: str, x: Any, **series: Any) -> None:
        """A line for each series over x: a learning curve."""
        data = {
            "x_label": x_label,
            "x": [float(v) for v in x],
            "series": {name: [float(v) for v in values] for name, values in series.items()},
        }
        self.figures.append(Figure("curve", title, data))

    def confusion(self, title: str, truth: Any, predicted: Any, names: list[str]) -> None:
        """How often class `row` was called class `column`."""
        matrix = [[0] * len(names) for _ in names]
        for t, p in zip(truth, predicted, strict=True):
            matrix[int(t)][int(p)] += 1
        self.figures.append(Figure("confusion", title, {"names": list(names), "matrix": matrix}))

    def images(self, title: str, rows: dict[str, Any]) -> None:
        """Rows of grey pictures, entries 0 to 1."""
        data = [
            {"label": label, "images": [(image.clip(0, 1) * 255).round().astype(int).tolist() for image in pictures]}
            for label, pictures in rows.items()
        ]
        self.figures.append(Figure("images", title, {"rows": data}))

    def page(self, title: str, image: Any, boxes: Any, lines: list[str]) -> None:
        """A grey picture, entries 0 to 1, with the boxes (rows y0, x0, y1, x1, half open) and the text found on it.

        Reduced to PAGE_SIDE pixels a side, and the boxes with it: a photograph is no bytes that a report should hold.
        What a student returned may be given as it is: of what are no four numbers, or no text, nothing is kept.
        """
        picture = np.asarray(image, dtype=np.float64)
        k = max(1, -(-max(picture.shape) // PAGE_SIDE))
        h, w = (side // k for side in picture.shape)
        small = picture[: h * k, : w * k].reshape(h, k, w, k).mean(axis=(1, 3))
        grey = ((small.clip(0, 1) * GREYS).round() * (255 / GREYS)).round().astype(np.uint8)
        data = {
            "shape": [h, w],
            "grey": base64.b64encode(zlib.compress(grey.tobytes(), 9)).decode(),
            "boxes": [[edge / k for edge in box] for box in _rectangles(boxes)],
            "lines": [str(line)[:PAGE_TEXT] for line in lines[:PAGE_LINES]] if isinstance(lines, list) else [],
        }
        self.figures.append(Figure("page", title, data))

    def number(self, title: str, name: str, value: float, *, bar: float | None = None, unit: str = "") -> None:
        """One figure beside the bar that it is held to."""
        row = {"name": name, "value": float(value), "bar": bar, "unit": unit}
        self.figures.append(Figure("numbers", title, {"rows": [row]}))


def _rectangles(boxes: Any) -> list[list[float]]:
    """The rows of an (n, 4) array of finite numbers, the first thousand; nothing of anything else."""
    try:
        rows = np.asarray(boxes, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return []
    if rows.ndim != 2 or rows.shape[1] != 4:
        return []
    return rows[:PAGE_BOXES][np.isfinite(rows[:PAGE_BOXES]).all(axis=1)].tolist()
