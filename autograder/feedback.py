"""Who may see what of a report.

A student sees everything of a public test. Of a hidden one: the law, the verdict, the class of failure, and figures
that a test recorded on purpose. Never an input, a value, a traceback, or anything the code printed, since those are
ways for a hidden input to get out. Staff see everything.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from autograder.report import Report, TestResult, Timings

Viewer = Literal["student", "staff"]


def view(report: Report, viewer: Viewer) -> Report:
    """The report without what this viewer may not see."""
    if viewer == "staff":
        return report
    tests = [_public(test) for test in report.tests]
    # How long one hidden test took is a channel as well; the total is coarse enough.
    seconds = {test.id: report.timings.test_seconds.get(test.id, 0.0) for test in tests if test.visibility == "public"}
    return msgspec.structs.replace(report, tests=tests, timings=Timings(report.timings.total_seconds, seconds))


def _public(test: TestResult) -> TestResult:
    if test.visibility == "public":
        return test
    return msgspec.structs.replace(test, detail="", example="", traceback="", output="", repeat="")
