"""What probes earn, from the reports of their gradings; and what a table of the public examples would."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping

import msgspec

from autograder.course import Assignment
from autograder.probes import COPIES, LIMIT, OVERWRITE, Probe
from autograder.probes.attack import MARKER
from autograder.report import Report, TestResult


class Earning(msgspec.Struct, frozen=True):
    """What one probe earns, and by which tests."""

    probe: str
    points: float
    tests: list[str]
    limit: float

    @property
    def too_much(self) -> bool:
        """Of `overwrite` each test is too much, whatever its points."""
        return bool(self.tests) if self.probe == OVERWRITE else self.points > self.limit


def earnings(probes: Iterable[Probe], reports: Mapping[str, Report], fixed: set[str]) -> list[Earning]:
    """What each probe earns that counts.

    reports : by the probes' names, and that of the reference as "reference".
    fixed : names of public tests that a table answers: see `fixed_examples`.
    """
    reference = reports["reference"]
    limit = LIMIT * reference.possible
    found = []
    for probe in probes:
        report = reports.get(probe.name)
        if report is None or probe.counts == "nothing":
            continue
        tests = passed = [test for test in report.tests if test.verdict == "passed"]
        if probe.counts == "wrong answers":
            tests = [test for test in passed if MARKER in test.output]
        elif probe.counts == "more than on copies":
            copies = {test.id for test in reports[COPIES].tests if test.verdict == "passed"}
            tests = [test for test in passed if test.id not in copies]
        found.append(_earning(probe.name, tests, limit))
    by_table = [test for test in reference.tests if test.name.partition("[")[0] in fixed]
    return [*found, _earning("table", by_table, limit)]


def _earning(probe: str, tests: list[TestResult], limit: float) -> Earning:
    return Earning(probe, sum(test.possible for test in tests), [test.name for test in tests], limit)


def fixed_examples(assignment: Assignment) -> set[str]:
    """Names of the public tests that draw nothing: their answers can be stored in a table."""
    names = set()
    for node in ast.parse(assignment.public_tests.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and not _draws(node):
            names.add(node.name)
    return names


def _draws(test: ast.FunctionDef) -> bool:
    """Is it decorated with hypothesis's `given`?"""
    called = [mark.func for mark in test.decorator_list if isinstance(mark, ast.Call)]
    return any(isinstance(name, ast.Name) and name.id == "given" for name in called) or any(
        isinstance(name, ast.Attribute) and name.attr == "given" for name in called
    )


def problems(found: Iterable[Earning]) -> list[str]:
    """A sentence for all probes that earn too much by the same tests."""
    sentences = []
    alike: dict[tuple[str, ...], list[Earning]] = {}
    for earning in found:
        if earning.too_much and earning.probe == OVERWRITE:
            sentences.append(
                "a file that overwrites its arguments passes tests that a file that overwrites copies fails: "
                f"{', '.join(earning.tests)}; compute what is expected from objects that no student can write"
            )
        elif earning.too_much:
            alike.setdefault(tuple(earning.tests), []).append(earning)
    for tests, earned in alike.items():
        names, (first, *_) = ", ".join(earning.probe for earning in earned), earned
        many = f"probes {names} each earn" if len(earned) > 1 else f"probe {names} earns"
        sentences.append(f"{many} {first.points:g} points by {', '.join(tests)}; {first.limit:g} are the limit")
    return sentences
