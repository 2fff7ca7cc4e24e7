"""Does a right answer ever lose a point? Every right answer, under the secrets of many other courses.

Of each assignment the reference and all variants meet all hidden tests that draw examples, again and again, each time
with another secret and so with other examples. The tests that draw nothing (training checks, races) say beside their
bars how often they fail a right answer. The student is the module in the tests' own process: a sandbox would change
no number, and would take half as long again.

Two hundred of each take two hours: what is finished is kept in `.bench`, and a later run goes on from there, unless an
assignment's sources have changed since.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from rich.progress import track

from autograder.course.course import Assignment, Course
from autograder.course.manifest import Limits
from autograder.judge.run import run_tests
from autograder.judge.server import THREADS
from autograder.judge.session import Judging
from autograder.student.local import Local
from autograder.verify.answers import right_answers, sources_sha256
from bench.page import REPOSITORY, Section

RUNS = 200  # of each right answer
AT_ONCE = 10  # runs of one task
KEPT = REPOSITORY / ".bench" / "false_alarms.jsonl"  # a line for each finished task

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
    sources = {assignment.name: sources_sha256(assignment) for assignment in course}
    answers = {assignment.name: list(right_answers(assignment)) for assignment in course}
    # Interleaved, so that an early end has seen something of everything.
    tasks = [(name, answer, run) for run in range(0, runs, AT_ONCE) for name in answers for answer in answers[name]]
    finished = kept(sources)
    missing = [task for task in tasks if task not in finished]
    for variable in THREADS:
        os.environ[variable] = "1"
    with multiprocessing.get_context("spawn").Pool() as pool:
        try:
            for task, tests, found in track(pool.imap_unordered(look, missing), "false alarms", len(missing)):
                finished[task] = tests, found
                keep(task, tests, found, sources[task[0]])
                for name, answer, run, test, told in found:
                    print(f"false alarm: {name}, {answer}, secret {secret(run)!r}: {test}: {told}")
        except KeyboardInterrupt:
            print("interrupted; the table is of the gradings that were finished, and the next run goes on from here")
    section = Section(
        "make bench ARGS=false_alarms",
        ("assignment", "right answers", "hidden tests that draw", "gradings", "false alarms"),
    )
    for name in answers:
        done = [finished[task] for task in tasks if task[0] == name and task in finished]
        if done:
            tests, alarms = done[0][0], sum(len(found) for _, found in done)
            section.rows.append((name, str(len(answers[name])), str(tests), str(AT_ONCE * len(done)), str(alarms)))
    return section


def kept(sources: dict[str, str]) -> dict[Task, tuple[int, list[Alarm]]]:
    """What earlier runs finished, of the sources as they are."""
    finished: dict[Task, tuple[int, list[Alarm]]] = {}
    lines = KEPT.read_text(encoding="utf-8").splitlines() if KEPT.is_file() else []
    for line in lines:
        entry = json.loads(line)
        name, answer, first = entry["task"]
        if entry["sources"] == sources.get(name):
            finished[name, answer, first] = entry["tests"], [tuple(alarm) for alarm in entry["alarms"]]
    return finished


def keep(task: Task, tests: int, alarms: list[Alarm], sources: str) -> None:
    KEPT.parent.mkdir(exist_ok=True)
    with KEPT.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"task": task, "tests": tests, "alarms": alarms, "sources": sources}) + "\n")
