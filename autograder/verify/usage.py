"""Which tests call which functions of the reference, so that a wrong answer meets only tests that can tell.

    traced reference = <reference source> + each function that a mutant stands in for says its name when it is first
                       called in a process
    one grading of it -> {function: tests in whose process it was called}

A mutant is the reference with one function replaced. Every test has a fresh process and, under one secret, the same
examples for every submission. So where the reference never calls that function, the mutant does to the last bit what
the reference does, and passes. That is exact, not an estimate, and saves most of a matrix: a wrong count of parameters
need not train ten networks.
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

    said = set()

    def traced(name, function):
        @functools.wraps(function)
        def called(*args, **kwargs):
            if name not in said:
                said.add(name)
                print(f"[called] {name}", flush=True)
            return function(*args, **kwargs)

        return called

    for name in names:
        found = globals()[name]
        if not isinstance(found, type):
            globals()[name] = traced(name, found)
            continue
        for method, function in {"__init__": found.__init__, **vars(found)}.items():
            if isinstance(function, (staticmethod, classmethod)):
                setattr(found, method, type(function)(traced(name, function.__func__)))
            elif inspect.isroutine(function):
                setattr(found, method, traced(name, function))


_trace({names!r})
"""


def traced(assignment: Assignment, functions: Iterable[str]) -> Submission:
    """The reference, in which each of these functions and classes says when it is called."""
    files = assignment.reference()
    module = f"{assignment.manifest.module}.py"
    files = {**files, module: files[module] + TRACE.replace("{names!r}", repr(sorted(set(functions)))).encode()}
    return Submission(files, sha256_of(files))


def callers(report: Report, functions: Iterable[str]) -> dict[str, list[str]]:
    """For each function the names of the tests that call it.   report : of the traced reference."""
    called = {test.name: set(CALLED.findall(test.output)) for test in report.tests}
    return {function: [name for name, names in called.items() if function in names] for function in functions}
