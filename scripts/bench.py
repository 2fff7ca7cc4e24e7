"""`make bench`: what isolation costs, measured on this machine. Every figure is a median, with the range beside it.

call      one question to student code in the sandbox, small arrays: there, computed, and back
in place  all tests of a reference in the grader, against the same tests in one process without a sandbox
verdict   from the POST of a zip to its report, over HTTP, in a service with nothing else to do
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from demo import Browser, make_accounts, service, wait_for_reports
from rich.console import Console

from autograder import grade, submission
from autograder.cli.console import table
from autograder.course import Course
from autograder.manifest import Limits
from autograder.sandbox import Sandbox
from autograder.student.remote import Remote
from autograder.submission import Submission, sha256_of
from grader_service.settings import Settings

REPOSITORY = Path(__file__).resolve().parent.parent
SECRET = b"deepgrade bench"
CALLS = 2000  # in one row of timed calls, after a tenth as many that are not timed


def seconds_of(work: Callable[[], object], rounds: int) -> list[float]:
    found = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return found


def shown(seconds: list[float], unit: float, name: str) -> tuple[str, str]:
    """The median, and the range."""
    middle, low, high = (f"{value / unit:.3g}" for value in (statistics.median(seconds), min(seconds), max(seconds)))
    return f"{middle} {name}", f"{low} to {high}"


def call(rounds: int) -> list[float]:
    """Seconds of one isolated call with a (4, 3) array."""
    files = {"echo.py": b"def double(z):\n    return 2 * z\n"}
    z, limits = np.ones((4, 3)), Limits(test_seconds=600.0)
    with Sandbox(["numpy"], limits) as sandbox, sandbox.worker() as worker:
        student = Remote(worker, files, "echo", limits)
        for _ in range(CALLS // 10):
            student.double(z)
        return [seconds / CALLS for seconds in seconds_of(lambda: [student.double(z) for _ in range(CALLS)], rounds)]


def isolated(course: Course, name: str, rounds: int) -> list[float]:
    """Seconds of grading a reference in the sandbox, the start of everything included."""
    assignment = course[name]
    files = assignment.reference()
    handed = Submission(files, sha256_of(files))
    return seconds_of(lambda: grade.grade(assignment, handed, secret=SECRET), rounds)


def in_process(course: Course, name: str, rounds: int) -> list[float]:
    """Seconds of the same tests under plain pytest, with the reference imported beside them, on as many threads."""
    assignment = course[name]
    assert assignment.solution is not None
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--student", str(assignment.solution)]
    command += ["-c", "/dev/null", "--rootdir", "/", *map(str, assignment.test_files)]

    threads = str(assignment.manifest.limits.threads)
    environment = os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), threads)

    def run() -> None:
        subprocess.run(command, check=True, capture_output=True, cwd=tempfile.gettempdir(), env=environment)

    return seconds_of(run, rounds)


def verdict(course: Course, name: str, rounds: int) -> list[float]:
    """Seconds from the upload to the report, over HTTP."""
    data = submission.zipped(course[name].reference())
    with tempfile.TemporaryDirectory(prefix="deepgrade-bench-") as home:
        settings = Settings(home=Path(home), course=REPOSITORY)
        password = make_accounts(settings)["student"]
        with service(settings) as (address, _):
            browser = Browser(address)
            browser.sign_in("student", password)
            return seconds_of(lambda: wait_for_reports(browser, [browser.hand_in(name, data)]), rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what isolation costs.")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each figure")
    rounds = parser.parse_args().rounds
    console, course = Console(highlight=False), Course(REPOSITORY)
    rows = table("What", "Median", "Range", numbers=("Median", "Range"), title=f"{rounds} measurements each")
    rows.add_row("one isolated call, (4, 3) array", *shown(call(rounds), 1e-6, "us"))
    for name in (assignment.name for assignment in course):
        here, there = in_process(course, name, rounds), isolated(course, name, rounds)
        rows.add_row(f"{name}: tests in one process", *shown(here, 1, "s"))
        rows.add_row(f"{name}: graded in the sandbox", *shown(there, 1, "s"))
        rows.add_row(f"{name}: the ratio", f"{statistics.median(there) / statistics.median(here):.2f}", "")
    rows.add_row("softmax: upload to verdict", *shown(verdict(course, "softmax", rounds), 1, "s"))
    console.print(rows)


if __name__ == "__main__":
    main()
