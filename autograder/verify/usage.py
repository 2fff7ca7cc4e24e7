"""Finds the tests that call each function of the reference, so that a wrong answer meets only tests that can detect it.

    traced reference = <reference source> + each function that a mutant replaces prints its name at its first call
                       in a process
    one grading of it -> {function: tests in whose process it was called}

A mutant is the reference with one function replaced. Every test has a new process and, under one secret, the same
examples for every submission. So in a test in which the reference never calls that function, the mutant behaves like
the reference to the last bit, and passes. This is exact, not an estimate. It saves most of a matrix: a wrong count of
parameters need not train ten networks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from autograder.course.course import Assignment
from autograder.course.submission import Submission, sha256_of
from autograder.report.schema import Report

CALLED = re.compile(r"^\[called\] (\w+)$", re.MULTILINE)

# Runs in the sandbox, behind the reference's source. Methods count as their class, which a mutant replaces as a whole.
TRACE = """

def _trace(names):
    import functools
    import inspect

    printed = set()

    def traced(name, function):
        @functools.wraps(function)
        def called(*args, **kwargs):
            if name not in printed:
                printed.add(name)
                print(f"[called] {name}", flush=True)
            return function(*args, **kwargs)

        return called

    for name in names:
        target = globals()[name]
        if not isinstance(target, type):
            globals()[name] = traced(name, target)
            continue
        for method, function in {"__init__": target.__init__, **vars(target)}.items():
            if isinstance(function, (staticmethod, classmethod)):
                setattr(target, method, type(function)(traced(name, function.__func__)))
            elif inspect.isroutine(function):
                setattr(target, method, traced(name, function))


_trace({names!r})
"""


def traced(assignment: Assignment, functions: Iterable[str]) -> Submission:
    """The reference, in which each of these functions and classes prints its name when it is called."""
    files = assignment.reference()
    module = f"{assignment.manifest.module}.py"
    files = {**files, module: files[module] + TRACE.replace("{names!r}", repr(sorted(set(functions)))).encode()}
    return Submission(files, sha256_of(files))


def callers(report: Report, functions: Iterable[str]) -> dict[str, list[str]]:
    """The names of the tests that call each function.   report : of the traced reference."""
    called = {test.name: set(CALLED.findall(test.output)) for test in report.tests}
    return {function: [name for name, names in called.items() if function in names] for function in functions}
