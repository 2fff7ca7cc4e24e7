"""Does a right answer ever lose a point? Every right answer, under the secrets of many other courses.

Of each assignment the reference and all variants meet all hidden tests that draw examples, again and again, each time
with another secret and so with other examples. The tests that draw nothing (training checks, races) say beside their
bars how often they fail a right answer. The student is the module in the tests' own process: a sandbox would change
no number, and would take half as long again.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from rich.progress import track

from autograder.course import Assignment, Course
from autograder.judge.run import run_tests
from autograder.judge.server import THREADS
from autograder.judge.session import Judging
from autograder.manifest import Limits
from autograder.student.local import Local
from autograder.verify import right_answers
from bench.page import REPOSITORY, Section

RUNS = 200  # of each right answer
AT_ONCE = 10  # runs of one task

Task = tuple[str, str, int]  # assignment, right answer, first run
Alarm = tuple[str, str, int, str, str]  # the same, the test, what it said


class OnlyWhatDraws:
    """A pytest plugin: tests that hypothesis gives examples to."""

    @staticmethod
    def pytest_collection_modifyitems(items: list[Any]) -> None:
        items[:] = [item for item in items if hasattr(item.obj, "hypothesis")]


def look(task: Task) -> tuple[Task, int, list[Alarm]]:
    """AT_ONCE runs: how many tests each has, and the false alarms."""
    name, answer, first = task
    assignment = Course(REPOSITORY)[name]
    assert assignment.hidden_tests is not None
    tests, alarms = 0, []
    with tempfile.TemporaryDirectory(prefix="deepgrade-bench-") as folder:
        for file, content in right_answers(assignment)[answer].items():
            Path(folder, file).write_bytes(content)
        for run in range(first, first + AT_ONCE):
            results = judged(assignment, Path(folder), secret(run))
            tests = len(results)
            alarms += [
                (name, answer, run, result.name, f"{result.verdict}: {result.detail}")
                for result in results
                if result.verdict != "passed"
            ]
    return task, tests, alarms


def secret(run: int) -> bytes:
    return f"deepgrade false alarms {run}".encode()


def judged(assignment: Assignment, folder: Path, secret: bytes) -> list[Any]:
    @contextmanager
    def make_student(limits: Limits) -> Iterator[Local]:
        yield Local(folder, assignment.manifest.module)

    judging = Judging(
        make_student, assignment.manifest.limits, lambda path: "hidden", lambda path: secret, shrink_runs=0
    )
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):  # a right answer may print
        run_tests([assignment.hidden_tests], judging, plugins=[OnlyWhatDraws()])  # type: ignore[list-item]
    return judging.results


def measure(rounds: int) -> Section:
    runs = rounds or RUNS
    course = list(Course(REPOSITORY))
    answers = {assignment.name: list(right_answers(assignment)) for assignment in course}
    # Interleaved, so that an early end has seen something of everything.
    tasks = [(name, answer, run) for run in range(0, runs, AT_ONCE) for name in answers for answer in answers[name]]
    counts: Counter[str] = Counter()
    tests, alarms = {}, []
    for variable in THREADS:
        os.environ[variable] = "1"
    with multiprocessing.get_context("spawn").Pool() as pool:
        try:
            for (name, _, _), number, found in track(pool.imap_unordered(look, tasks), "false alarms", len(tasks)):
                counts[name] += AT_ONCE
                tests[name] = number
                alarms += found
                for alarm in found:
                    print(f"false alarm: {alarm[0]}, {alarm[1]}, secret {secret(alarm[2])!r}: {alarm[3]}: {alarm[4]}")
        except KeyboardInterrupt:
            print("interrupted; the table is of the gradings that were finished")
    section = Section(
        "make bench ARGS=false_alarms",
        ("assignment", "right answers", "hidden tests that draw", "gradings", "false alarms"),
    )
    for name in tests:
        failed = sum(alarm[0] == name for alarm in alarms)
        section.rows.append((name, str(len(answers[name])), str(tests[name]), str(counts[name]), str(failed)))
    return section
