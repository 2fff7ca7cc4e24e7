"""Does a right answer's training get the same verdict every time, alone and beside a busy neighbour?

The reference of `cnn` is graded in its two trainings that are timed, each time under another secret, so with other
orders and other first weights: `rounds` times alone, and as often beside as many busy processes as there are cores.
Values and ratios vary with the secret and the neighbour; the verdict must not.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import track

from autograder.course.course import Course
from autograder.course.submission import Submission, sha256_of
from autograder.grade import grade
from autograder.report.schema import Report
from bench.page import REPOSITORY, Section

ROUNDS = 50  # of each way
TESTS = ("test_a_frugal_cnn_reads_letters", "test_letters_are_learned_fast")


@contextmanager
def neighbours(count: int) -> Iterator[None]:
    """So many processes that do nothing but want the processor."""
    burners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()


def measure(rounds: int = 0) -> Section:
    """Grade `rounds` times each way."""
    rounds = rounds or ROUNDS
    columns = ("training", "verdict", "value", "bar", "seconds", "ratio", "limit")
    section = Section('make bench ARGS="training"', columns)
    cores = os.cpu_count() or 1
    for way, busy in (("alone", 0), (f"beside {cores} busy processes", cores)):
        with neighbours(busy):
            reports = [graded(number) for number in track(range(rounds), f"{rounds} gradings {way}")]
        section.rows += [row(reports, test, way) for test in TESTS]
        section.note = f"on {reports[0].device}, {rounds} runs each way"
    return section


def graded(number: int) -> Report:
    assignment = Course(REPOSITORY)["cnn"]
    files = assignment.reference()
    handed, secret = Submission(files, sha256_of(files)), f"deepgrade bench {number}".encode()
    return grade(assignment, handed, secret=secret, only=TESTS, with_needs=False, shrink=False)


def row(reports: list[Report], name: str, way: str) -> tuple[str, ...]:
    verdicts: dict[str, int] = defaultdict(int)
    values, seconds, ratios = [], [], []
    measured = limit = None
    for report in reports:
        (test,) = [test for test in report.tests if test.name == name]
        verdicts[test.verdict] += 1
        times = report.timings.trainings[test.id]
        (measured,) = times.measured
        values.append(measured.value or 0.0)
        seconds.append(times.seconds)
        if ratio := report.timings.ratios.get(test.id):
            ratios.append(ratio.value)
            limit = ratio.limit
    said = ", ".join(f"{verdict} {count} of {len(reports)}" for verdict, count in sorted(verdicts.items()))
    assert measured is not None
    return (
        f"`{name}`, {way}",
        said,
        f"{spread(values)} {measured.unit}",
        f"{measured.bar:g} {measured.unit}",
        f"{spread(seconds)} s",
        spread(ratios),
        f"{limit:g}" if limit else "",
    )


def spread(values: list[float]) -> str:
    """Median, and range."""
    return f"{statistics.median(values):.3g} ({min(values):.3g} to {max(values):.3g})" if values else "none"
