"""The test that runs: what it is, whom it asks, and what is known of it so far."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from autograder.course import manifest as manifests
from autograder.course.manifest import Limits
from autograder.judge import needs, verdicts
from autograder.judge.examples import Failure, seed
from autograder.judge.items import id_of
from autograder.judge.playing import Play
from autograder.judge.recorder import Recorder
from autograder.judge.recording import Example
from autograder.judge.session import JUDGING, Judging
from autograder.report.schema import Ratio, TrainingTimes
from autograder.student.local import Local


@dataclass
class RunningTest:
    id: str
    path: Path
    limits: Limits
    judging: Judging
    began: float = field(default_factory=time.perf_counter)
    dependence: needs.Dependence | None = None  # on a test that did not pass
    failure: Failure = field(default_factory=Failure)
    shrink_runs: int = 0
    examples: list[Example] | None = None  # recorded ones; None: hypothesis draws them
    draws_again: bool = False  # a recorded example has failed
    play: Play | None = None  # all its examples are played, and it is not judged
    outcome: verdicts.Outcome | None = None  # None: nothing has ended it yet, so it passes
    is_again: bool = False  # a public test, now on examples under the course's secret
    was_not_run: bool = False
    # What the first process of the student's printed, by `is_again`: apart, since the course's examples are hidden.
    output: dict[bool, str] = field(default_factory=dict)
    ratio: Ratio | None = None  # of a race or a training to the reference
    training: TrainingTimes | None = None
    recorder: Recorder = field(init=False)

    def __post_init__(self) -> None:
        self.recorder = Recorder(self.judging.room)

    @contextmanager
    def student(self, **options: Any) -> Iterator[Any]:
        """A fresh process of the student's. What it prints is kept of the first of a test."""
        with self.judging.make_student(self.limits, **options) as student:
            try:
                yield student
            finally:
                self.output.setdefault(self.is_again, self.judging.printed(student))

    @contextmanager
    def reference(self, **options: Any) -> Iterator[Any]:
        """The same of the reference's, where `judging.make_reference` is not None."""
        assert self.judging.make_reference is not None
        with self.judging.make_reference(self.limits, **options) as reference:
            yield reference

    def seed(self, fixture: str) -> Callable[[str], int]:
        """From a purpose of a fixture to a seed under the course's secret."""
        secret = self.judging.course_secret or self.judging.secret(self.path)
        return lambda purpose: seed(secret, f"{self.id} {fixture} {purpose}") % 2**63

    def tell_ratio(self, ratio: float, limit: float) -> None:
        self.ratio = Ratio(round(ratio, 2), limit)


RUNNING: pytest.StashKey[RunningTest] = pytest.StashKey()


def of_item(item: pytest.Item) -> RunningTest:
    """Begin to run a test: of a judge's, or, where a student types `pytest test_public.py`, of nobody's."""
    judging = item.config.stash.get(JUDGING, None) or _at_home(item)
    return RunningTest(id_of(item), item.path, limits_of(item, judging.limits), judging)


def limits_of(item: pytest.Item, limits: Limits) -> Limits:
    """The manifest's limits, with what the test's own `@limits` says instead."""
    for mark in reversed(list(item.iter_markers("limits"))):
        changes = {name: value for name, value in mark.kwargs.items() if value is not None}
        if "seconds" in changes and "test_seconds" not in changes:
            changes["test_seconds"] = max(limits.test_seconds, changes["seconds"])
        limits = Limits(**{name: getattr(limits, name) for name in limits.__struct_fields__} | changes)
    return limits


def _at_home(item: pytest.Item) -> Judging:
    """The module beside the tests answers, in this process, and nobody counts points."""
    folder = Path(item.config.getoption("--student") or item.path.parent)

    def local(limits: Limits, *, watch: bool = True) -> Any:
        return nullcontext(Local(folder, _module(item.path.parent), watch=watch))

    return Judging(make_student=local, limits=Limits(), visibility=lambda path: "public")


def _module(folder: Path) -> str:
    """The module that the manifest beside the tests names, or the one in the students' half of a course."""
    beside = folder / "assignment.toml"
    other_half = folder.parent.parent / "assignments" / folder.name / "assignment.toml"
    return manifests.load(other_half if other_half.is_file() and not beside.is_file() else beside).module
