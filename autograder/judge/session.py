"""One run of an assignment's tests: what the pytest plugin asks, and what it fills."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import pytest

from autograder.course.manifest import Limits
from autograder.judge.budget import Meter
from autograder.judge.examples import PUBLIC_SECRET, SHRINK_RUNS
from autograder.judge.job import Finished
from autograder.report import rounding
from autograder.report.schema import Figure, JudgeCost, Ratio, TestResult, TrainingTimes, Visibility

Event = dict[str, Any]

# What a run of the tests needs: a student for one test, under that test's limits; with `watch=False` changes of its
# arguments do not come back. Leaving the context ends the student's process; `output` is then what it printed.
StudentFactory = Callable[..., AbstractContextManager[Any]]


@dataclass
class Room:
    """What the figures of one report may still take."""

    bytes: int = 2**23  # of JSON; past it figures are left out


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
    room: Room = field(default_factory=Room)
    errors: list[str] = field(default_factory=list)  # tests that could not even be collected: our fault

    @property
    def finished(self) -> Finished:
        """What is known of the test that has just ended."""
        result = self.results[-1]
        return Finished(
            result,
            self.seconds[result.id],
            self.costs[result.id],
            self.ratios.get(result.id),
            self.trainings.get(result.id),
            result.id in self.not_run,
        )

    def __post_init__(self) -> None:
        for result in self.results:  # of an earlier judge of the same job
            self.room.bytes -= len(msgspec.json.encode(result.figures))


PAGE_SIDE = 640  # pixels of the longer side of a page in a report
GREYS = 24  # shades between black and white that a page keeps: as good to look at, and half the bytes
FIGURES, TEST_BYTES = 12, 2**20  # of one test: how many, and their bytes of JSON; what comes then is left out

JUDGING: pytest.StashKey[Judging] = pytest.StashKey()


class Recorder:
    """The fixture `record`: figures and numbers that a test puts into the report.

    Everything may come from a student, so it is made coarse here (coarse.py), and there is a limit to all of it.
    """

    def __init__(self, room: Room | None = None) -> None:
        """room : what the report still has for figures."""
        self.figures: list[Figure] = []
        self._room = room or Room()
        self._left = TEST_BYTES

    def curve(self, title: str, x_label: str, x: Any, **series: Any) -> None:
        """A line for each series over x: a learning curve. Of many points, a few are kept."""
        places, values = rounding.curve(x, series)
        self._add("curve", title, {"x_label": x_label[: rounding.TEXT], "x": places, "series": values})

    def confusion(self, title: str, truth: Any, predicted: Any, names: list[str]) -> None:
        """How often class `row` was called class `column`."""
        matrix = [[0] * len(names) for _ in names]
        for t, p in zip(truth, predicted, strict=True):
            matrix[int(t)][int(p)] += 1
        few = [str(name)[: rounding.TEXT] for name in names[: rounding.CLASSES]]
        self._add("confusion", title, {"names": few, "matrix": rounding.confusion(matrix)})

    def images(self, title: str, rows: dict[str, Any]) -> None:
        """Rows of grey pictures, entries 0 to 1."""
        data = [{"label": label, "images": row} for label, row in rounding.pictures(rows)]
        self._add("images", title, {"rows": data})

    def page(self, title: str, image: Any, boxes: Any, lines: list[str]) -> None:
        """A grey picture, entries 0 to 1, with the boxes (rows y0, x0, y1, x1, half open) and the text found on it.

        Reduced to PAGE_SIDE pixels a side, and the boxes with it: a photograph is no bytes that a report should hold.
        What a student returned may be given as it is: of what are no four numbers, or no text, nothing is kept.
        """
        picture = np.asarray(image, dtype=np.float64)
        k = max(1, -(-max(picture.shape) // PAGE_SIDE))
        grey = rounding.levels(rounding.averaged(picture, k), GREYS + 1)
        data = {
            "shape": list(grey.shape),
            "grey": base64.b64encode(zlib.compress(grey.tobytes(), 9)).decode(),
            "boxes": rounding.boxes(boxes, k),
            "lines": rounding.lines(lines),
        }
        self._add("page", title, data)

    def number(self, title: str, name: str, value: float, *, bar: float | None = None, unit: str = "") -> None:
        """One figure beside the bar that it is held to."""
        row = {"name": name[: rounding.TEXT], "value": rounding.beside(value, bar), "bar": bar, "unit": unit}
        self._add("numbers", title, {"rows": [row]})

    def _add(self, kind: Any, title: str, data: dict[str, Any]) -> None:
        figure = Figure(kind, title[: rounding.TEXT], data)
        size = len(msgspec.json.encode(figure))
        if len(self.figures) < FIGURES and size <= min(self._left, self._room.bytes):
            self._left -= size
            self._room.bytes -= size
            self.figures.append(figure)
