"""A report whose texts name other places than those of its files: cells of a notebook in place of lines of a module."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from autograder.report.schema import Report

CHECK = "deepgrade check --test "  # how `TestResult.repeat` begins


def relabel(report: Report, change: Callable[[str], str], repeat: str) -> Report:
    """The report with `change` applied to each text that names a line.

    repeat : what stands before a test's name in the command that repeats it.
    """
    tests = [
        msgspec.structs.replace(
            test,
            failure=change(test.failure),
            detail=change(test.detail),
            traceback=change(test.traceback),
            repeat=test.repeat.replace(CHECK, repeat),
        )
        for test in report.tests
    ]
    return msgspec.structs.replace(report, message=change(report.message), tests=tests)
