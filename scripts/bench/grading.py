"""What it takes to grade each assignment: seconds, and the peak of memory.

A reference's zip goes through the whole engine, in a process of its own: zip, sandbox, all tests, training checks and
races too. Memory is what that process and all below it hold, pages that several share counted once (PSS), looked at
ten times a second.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from autograder import datasets, grade
from autograder.course import submission
from autograder.course.course import Assignment, Course
from bench.page import REPOSITORY, Section

LOOK_SECONDS = 0.1


def once(assignment: Assignment) -> float:
    """Seconds from the zip to the report."""
    grade.warm()
    time.sleep(2)  # the server's imports are not this submission's
    data = submission.zipped(assignment.reference())
    began = time.perf_counter()
    report = grade.grade(assignment, submission.read_zip(data, assignment.manifest), secret=b"deepgrade bench")
    seconds = time.perf_counter() - began
    if report.points != report.possible:
        failed = next(test for test in report.tests if test.verdict != "passed")
        raise SystemExit(f"bench: {assignment.name}'s reference fails {failed.id}: {failed.detail}")
    return seconds


class Peak(threading.Thread):
    """The greatest PSS of a process and all below it, in bytes."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.bytes, self.over = pid, 0, threading.Event()

    def run(self) -> None:
        while not self.over.wait(LOOK_SECONDS):
            self.bytes = max(self.bytes, sum(map(pss, family(self.pid))))


def family(pid: int) -> list[int]:
    """A process and all below it."""
    found, left = [], [pid]
    while left:
        found.append(left.pop())
        with suppress(OSError):  # it ended meanwhile
            for task in Path(f"/proc/{found[-1]}/task").glob("*/children"):
                left += map(int, task.read_text().split())
    return found


def pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def measure(rounds: int) -> Section:
    rounds = rounds or 3
    data = "real data" if datasets.characters("train").source == "handchars36" else "embedded data"
    columns = ("assignment", "seconds, median", "range", "peak memory", "tests", "expected_seconds")
    section = Section("make bench ARGS=grading", columns, note=data)
    for assignment in Course(REPOSITORY):
        seconds, peaks = [], []
        for _ in range(rounds):
            command = [sys.executable, "-m", "bench.grading", assignment.name]
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
                peak = Peak(process.pid)
                peak.start()
                told, _ = process.communicate()
                peak.over.set()
            if process.returncode:
                raise SystemExit(f"bench: grading {assignment.name} ended with status {process.returncode}")
            seconds.append(float(told))
            peaks.append(peak.bytes)
        section.rows.append(
            (
                assignment.name,
                f"{statistics.median(seconds):.1f} s",
                f"{min(seconds):.1f} to {max(seconds):.1f}",
                f"{max(peaks) / 2**20:.0f} MB",
                str(sum(path.read_text(encoding="utf-8").count("\ndef test_") for path in assignment.test_files)),
                f"{assignment.manifest.expected_seconds:g} s",
            )
        )
    return section


if __name__ == "__main__":
    print(once(Course(REPOSITORY)[sys.argv[1]]))
