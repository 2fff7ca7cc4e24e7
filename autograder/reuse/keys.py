"""Keys of results: a result of an earlier grading holds while its key is the same.

    key of a test = hash of its id, and of the fingerprints of its function and of all functions that it needs

The judge tells what each test needs, since marks can be computed. While the fingerprint of a function is the same, so
are its cases and what they need.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from autograder import grade as grading
from autograder.course import own_tests as own
from autograder.course.course import Assignment
from autograder.course.submission import Submission
from autograder.report import completeness
from autograder.report.points import of_problems
from autograder.report.schema import JudgeCost, Report, TestResult
from autograder.reuse.fingerprints import digest


class Cases(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The cases of one test function, by id: the names of the tests that each needs."""

    fingerprint: str
    needs: dict[str, list[str]]


class KeyedResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    key: str
    result: TestResult


class Keys:
    """The keys of the tests of one assignment, as its files are today."""

    def __init__(self, assignment: Assignment, fingerprints: dict[str, str], *, own_tests: bool = False) -> None:
        """fingerprints : of the test functions, by id; a function without one has no key.
        own_tests : the submission has tests of the student's own, whose result is one more test.
        """
        self.fingerprints = fingerprints
        defined = [test for path in assignment.test_files for test in completeness.defined(path)]
        defined += [own.ID] if own_tests else []
        self._order = {test: index for index, test in enumerate(defined)}
        self._needs: dict[str, list[str]] = {}  # by id of a test, names of the tests that it needs
        self._keys: dict[str, str | None] = {}  # of tests, as far as they have been computed

    @property
    def tests(self) -> list[str]:
        """The ids of all tests that are known, with their cases."""
        return list(self._needs)

    @property
    def names(self) -> list[str]:
        """The names of all test functions."""
        return [test.partition("::")[2] for test in self._order]

    def learn(self, event: dict[str, Any]) -> None:
        """Listen to a judge, who tells what each test needs."""
        if event["event"] == "collected":
            self._needs, self._keys = event["needs"], {}

    def recall(self, cases: Mapping[str, Cases]) -> None:
        """Take what was learned earlier of the functions that have not changed."""
        for function, known in cases.items():
            if known.fingerprint == self.fingerprints.get(function):
                self._needs |= known.needs
        self._keys = {}

    def cases(self) -> dict[str, Cases]:
        """What is known of each function, for `recall`, in the order in which a judge runs them."""
        by_function: dict[str, dict[str, list[str]]] = {}
        for case, needs in self._needs.items():
            by_function.setdefault(case.partition("[")[0], {})[case] = needs
        return {
            function: Cases(self.fingerprints[function], needs)
            for function, needs in by_function.items()
            if function in self.fingerprints
        }

    def find(self, results: Mapping[str, KeyedResult], names: Sequence[str]) -> tuple[dict[str, TestResult], list[str]]:
        """Results by id whose keys hold, and the names of tests that have none; with what these tests need."""
        kept: dict[str, TestResult] = {}
        missing: list[str] = []
        queue = list(names)
        for name in queue:  # it grows
            ids = self._ids(name)
            if not ids:
                missing.append(name)
            for test in ids:
                known = results.get(test)
                if known and known.key == self.key(test):
                    kept[test] = known.result
                else:
                    missing.append(test.partition("::")[2])
                queue += [needed for needed in self._needs[test] if needed not in queue]
        return kept, sorted(set(missing))

    def closure(self, test: str) -> list[str] | None:
        """The test and all that it needs, by id. None if one of them is not known."""
        closure = [test]
        for one in closure:  # it grows
            for name in self._needs.get(one, ()):
                ids = self._ids(name)
                if not ids:
                    return None
                closure += [other for other in ids if other not in closure]
        return closure if test in self._needs else None

    def key(self, test: str) -> str | None:
        """The key of a result that holds today. None for a test whose results are not kept."""
        if test not in self._keys:
            functions = {one.partition("[")[0] for one in self.closure(test) or [""]}
            if functions <= self.fingerprints.keys():
                in_order = sorted(functions, key=lambda function: self._order[function])
                self._keys[test] = digest([test, *in_order, *map(self.fingerprints.__getitem__, in_order)])
            else:
                self._keys[test] = None
        return self._keys[test]

    def has_other_tests(self) -> bool:
        """Are there tests that are not plain functions of the files? Fingerprints do not see when they change."""
        return any(test.partition("[")[0] not in self._order for test in self._needs)

    def in_order(self, results: Sequence[TestResult]) -> list[TestResult]:
        """In the order in which a judge runs them; it may differ from the order of the files."""
        position = {test: index for index, test in enumerate(self._needs)}
        return sorted(results, key=lambda result: position.get(result.id, len(position)))

    def _ids(self, name: str) -> list[str]:
        """The tests of that name, in all cases or in one. Empty if they are not known."""
        functions = [test for test in self._order if test.partition("::")[2] == name.partition("[")[0]]
        tests = [test for test in self._needs if test.partition("[")[0] in functions]
        if {test.partition("[")[0] for test in tests} != set(functions):
            return []
        return [test for test in tests if name in (test.partition("::")[2], test.partition("::")[2].partition("[")[0])]


def hash_of_answer(secret: bytes, submission: Submission) -> str:
    """One hash over a submission's files and the secret from which the examples are drawn."""
    return digest([secret, submission.sha256])


def decided_by_the_machine(report: Report) -> set[str]:
    """The ids of tests that may have other results in another run: by time, by memory, or by the judge's budget."""
    near = {test for test, cost in report.timings.judge.items() if is_near_its_budget(cost)}
    return grading.depends_on_the_machine(report) | near


def is_near_its_budget(cost: JudgeCost) -> bool:
    """`verify` warns if a right answer costs the judge more than a tenth of a budget. Another run may cost less."""
    return 10 * cost.seconds > cost.limit_seconds or 10 * cost.memory_mb > cost.limit_memory_mb


def united(assignment: Assignment, base: Report, results: list[TestResult]) -> Report:
    """The base with these results, and the points that they give."""
    problems = of_problems(grading.declared(assignment.manifest), results)
    return msgspec.structs.replace(
        base,
        points=sum(problem.points for problem in problems),
        possible=sum(problem.possible for problem in problems),
        problems=problems,
        tests=results,
    )
