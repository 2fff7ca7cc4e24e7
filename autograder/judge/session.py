"""What a run of an assignment's tests is given, and what it has found so far."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest

from autograder.course.manifest import Limits
from autograder.judge.budget import Meter
from autograder.judge.examples import PUBLIC_SECRET, SHRINK_RUNS
from autograder.judge.job import Finished, Played
from autograder.judge.recorder import Room
from autograder.judge.recording import Recording
from autograder.report.schema import TestResult, Visibility

Event = dict[str, Any]

# What a run of the tests needs: a student for one test, under that test's limits; with `watch=False` changes of its
# arguments do not come back. Leaving the context ends the student's process; `output` is then what it printed.
StudentFactory = Callable[..., AbstractContextManager[Any]]


@dataclass(frozen=True)
class Device:
    """Where training checks train."""

    name: Literal["cpu", "cuda"] = "cpu"
    profile: Literal["cpu", "gpu"] = "cpu"  # which of their settings: those for a GPU may be tried without one
    check: Callable[[], None] = lambda: None  # raises GraderError where it is lost, or not free
    check_alive: Callable[[], None] = lambda: None  # raises GraderError where it does not answer


@dataclass
class Judging:
    """The one context of a run of tests: given to the plugin through `config.stash[JUDGING]`, and handed on whole."""

    make_student: StudentFactory
    limits: Limits
    visibility: Callable[[Path], Visibility]
    secret: Callable[[Path], bytes] = lambda path: PUBLIC_SECRET
    # Public tests are tried on examples under this secret as well; None on a laptop, where there is none.
    course_secret: bytes | None = None
    make_reference: StudentFactory | None = None  # for tests that race against it; None where there is none
    printed: Callable[[Any], str] = lambda student: ""  # what a student's code has printed so far
    memory: Callable[[Any], tuple[int | None, int]] = lambda student: (None, 0)  # bytes: its sandbox's, its device's
    student_folder: Path | None = None  # of a Local student: its frames are the student's fault
    on_event: Callable[[Event], None] = lambda event: None
    shrink_runs: int = SHRINK_RUNS  # of a failing test, to find a smaller input; 0 where only the verdict counts
    device: Device = Device()
    calibrating: bool = False  # trainings are measured, and no bar fails a test
    recording: Recording = field(default_factory=Recording)  # examples that are replayed; hypothesis draws all others
    is_recording: bool = False  # the reference runs, and the examples of what passes are added
    meter: Meter = field(default_factory=Meter)
    too_costly: dict[str, str] = field(default_factory=dict)  # test -> why an earlier judge of it had to be ended
    is_playing: bool = False  # tests are played (playing.py), and none is judged

    finished: list[Finished] = field(default_factory=list)  # by an earlier judge of the same job, and by this one
    played: list[Played] = field(default_factory=list)
    dependent_seconds: float = 0.0  # wall time of tests that were run although they depend on one that did not pass
    import_failure: str = ""  # why the student's module could not even be imported; no test has asked it anything
    room: Room = field(default_factory=Room)
    errors: list[str] = field(default_factory=list)  # of tests that ask for no student: our fault

    def __post_init__(self) -> None:
        for result in self.results:
            self.room.bytes -= len(msgspec.json.encode(result.figures))

    def unplayed(self, test: str) -> set[bool]:
        """Of a test that is played: False where its public examples are not, since it failed on the course's."""
        return {result.failed_on != "secret" for result in self.results if result.id == test and result.failed_on}

    @property
    def results(self) -> list[TestResult]:
        return [finished.result for finished in self.finished]


JUDGING: pytest.StashKey[Judging] = pytest.StashKey()
