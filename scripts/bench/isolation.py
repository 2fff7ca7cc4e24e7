"""What isolation costs.

    call       one question to student code in the sandbox, small arrays: there, computed, and back
    worker     a fresh walled-in process with the student's module loaded, as every test gets one
    grading    all tests of a reference, in the sandbox (its start included) and with the module in the tests' own
               process: the same examples, on as many threads, each in a new process after its imports, interleaved
    verdict    from the POST of a zip to its report, over HTTP, in a service with nothing else to do

Every figure is a median, with the range beside it; a ratio is of two medians of this one run.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from demo import Browser, make_accounts, service, wait_for_reports

from autograder.course.course import Assignment, Course
from autograder.course.manifest import Limits
from autograder.judge.job import Job
from autograder.judge.judge import judge_here, secret_for, visibility
from autograder.judge.run import run_tests
from autograder.judge.server import THREADS
from autograder.judge.session import Judging
from autograder.report.schema import TestResult
from autograder.sandbox import Sandbox
from autograder.student.local import Local
from autograder.student.remote import Remote
from bench.page import REPOSITORY, Section, shown
from bench.uploads import references
from grader_service.core.settings import Settings

SECRET = b"deepgrade bench"
ISOLATED, INSIDE = "in the sandbox", "in one process"
WAYS = (ISOLATED, INSIDE)
CALLS = 2000  # in one row of timed calls, after a tenth as many that are not timed


def seconds_of(work: Callable[[], object], rounds: int) -> list[float]:
    found = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return found


def call(rounds: int) -> list[float]:
    """Seconds of one isolated call with a (4, 3) array."""
    files = {"echo.py": b"def double(z):\n    return 2 * z\n"}
    z, limits = np.ones((4, 3)), Limits(test_seconds=600.0)
    with Sandbox(["numpy"], limits) as sandbox, sandbox.worker() as worker:
        student = Remote(worker, files, "echo", limits)
        for _ in range(CALLS // 10):
            student.double(z)
        return [seconds / CALLS for seconds in seconds_of(lambda: [student.double(z) for _ in range(CALLS)], rounds)]


def worker(rounds: int) -> list[float]:
    """Seconds until a fresh worker has loaded a module and is gone again."""
    limits = Limits(test_seconds=600.0)
    with Sandbox(["numpy"], limits) as sandbox:

        def fresh() -> None:
            with sandbox.worker() as one:
                Remote(one, {"echo.py": b"x = 1\n"}, "echo", limits)

        fresh()
        return seconds_of(fresh, 10 * rounds)


def grading(assignment: Assignment, rounds: int) -> dict[str, list[float]]:
    """Seconds of grading the reference, each way."""
    environment = os.environ | dict.fromkeys(THREADS, str(assignment.manifest.limits.threads))
    took: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way, seconds in took.items():
            command = [sys.executable, "-m", "bench.isolation", assignment.name, way]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
            seconds.append(float(done.stdout))
    return took


def grade_once(assignment: Assignment, way: str) -> float:
    """In a process of its own: seconds from the files to the last verdict."""
    assert assignment.solution is not None
    began = time.perf_counter()
    if way == ISOLATED:
        tests = [str(path) for path in assignment.test_files]
        files = assignment.reference()
        job = Job(str(assignment.folder / "assignment.toml"), tests, files, SECRET, reference=files)
        results = [finished.result for finished in judge_here(job).finished]
    else:
        results = judge_locally(assignment, assignment.solution)
    took = time.perf_counter() - began
    if failed := [result.id for result in results if result.verdict != "passed"]:
        raise SystemExit(f"bench: {assignment.name}'s reference fails {failed[0]} {way}, so nothing was measured")
    return took


def judge_locally(assignment: Assignment, folder: Path) -> list[TestResult]:
    """The same tests and examples, with the module in this process."""

    @contextmanager
    def make_student(limits: Limits) -> Iterator[Local]:
        yield Local(folder, assignment.manifest.module)

    def secret(path: Path) -> bytes:
        return secret_for(path, SECRET)

    limits = assignment.manifest.limits
    judging = Judging(make_student, limits, visibility, secret, make_reference=make_student)
    run_tests(assignment.test_files, judging)
    return judging.results


def verdict(course: Course, name: str, rounds: int) -> list[float]:
    """Seconds from the upload to the report, over HTTP."""
    uploads = references(course[name])
    with tempfile.TemporaryDirectory(prefix="deepgrade-bench-") as home:
        settings = Settings(home=Path(home), course=REPOSITORY)
        password = make_accounts(settings)["student"]
        with service(settings) as (address, _):
            browser = Browser(address)
            browser.sign_in("student", password)
            hand_in = lambda: wait_for_reports(browser, [browser.hand_in(name, next(uploads))])  # noqa: E731
            hand_in()  # the first one warms the worker up
            return seconds_of(hand_in, rounds)


def measure(rounds: int) -> Section:
    rounds, course = rounds or 5, Course(REPOSITORY)
    section = Section("make bench ARGS=isolation", ("what", "median", "range, or goal"))
    section.rows += [
        ("one isolated call, (4, 3) array", *shown(call(rounds), 1e-6, "µs")),
        ("a fresh worker", *shown(worker(rounds), 1e-3, "ms")),
    ]
    for assignment in course:
        took = grading(assignment, rounds)
        for way, seconds in took.items():
            section.rows.append((f"{assignment.name}: graded {way}", *shown(seconds, 1, "s")))
        ratio = statistics.median(took[ISOLATED]) / statistics.median(took[INSIDE])
        section.rows.append((f"{assignment.name}: the price of isolation", f"{ratio:.2f} times", "goal: 1.15 times"))
    section.rows.append(("softmax: upload to verdict", *shown(verdict(course, "softmax", rounds), 1, "s")))
    return section


if __name__ == "__main__":  # one grading, in a process of its own
    print(grade_once(Course(REPOSITORY)[sys.argv[1]], sys.argv[2]))
