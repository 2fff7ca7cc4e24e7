"""Grades a submission, and takes from an earlier grading the results that would be the same.

    earlier report + what its results depend on ──> keys that hold today ──> kept results
                                        the other tests ──> graded ──> union ──> completeness ──> report

A result is kept if its key is the same today (`keys`): the test, the tests that it needs, the other code of their
files, the manifest, the reference, the data, the engine, and the packages. The caller compares the submission's files,
the secret and the device (`answer`). Two kinds of results are special:

    grader_error          is never kept, nor is a result that needs such a test
    decided by a clock    (or by memory) is kept only with its own submission, as are results that need such a test

A kept test is run all the same where a test that is graded needs it. If it ends with another verdict or other points
this time, everything is graded, since the other kept results may depend on it.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from autograder.core.decoding import TypedDecoder
from autograder.course.course import Assignment
from autograder.course.submission import Submission
from autograder.report import completeness
from autograder.report.schema import Report, TestResult, Timings
from autograder.reuse.fingerprints import digest
from autograder.reuse.keys import Cases, KeyedResult, Keys, decided_by_the_machine, hash_of_answer, united

OnEvent = Callable[[dict[str, Any]], None]
# Grades the submission by the tests of these names, or by all, and calls a listener.
Grade = Callable[[Sequence[str] | None, OnEvent], Report]


class Basis(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the results of a report depend on. A result without a key is not kept."""

    cases: dict[str, Cases] = {}  # by id of a function
    keys: dict[str, str] = {}  # by id of a test


_BASES: TypedDecoder[Basis] = TypedDecoder(Basis)


@dataclass(frozen=True)
class Earlier:
    """An earlier grading of the same files under the same secret and on the same kind of device.

    own : it graded this submission, and not another one with the same files.
    """

    report: Report
    basis: Basis
    own: bool


@dataclass(frozen=True)
class Graded:
    """answered : the number of tests whose results are those of the earlier grading."""

    report: Report
    basis: Basis
    answered: int = 0


def to_json(basis: Basis) -> bytes:
    return msgspec.json.encode(basis)


def from_json(data: bytes) -> Basis:
    """Raises msgspec.ValidationError if the data is not a basis of this version."""
    return _BASES.json(data)


def answer(secret: bytes, submission: Submission, device: str) -> str:
    """One hash over a submission's files, the secret and the device. Only equal ones can share results."""
    return digest([hash_of_answer(secret, submission), device])


def grade(
    assignment: Assignment, submission: Submission, keys: Keys, earlier: Earlier | None, grade_tests: Grade
) -> Graded:
    """Grade the tests that have no result that can be kept. The report has exactly the assignment's tests.

    keys : as the files are today; new for each grading.
    """
    kept: dict[str, TestResult] = {}
    missing: list[str] = []
    if earlier is not None:
        keys.recall(earlier.basis.cases)
        kept, missing = keys.find(_usable(earlier, keys), keys.names)
    if earlier is None or not kept:
        return _all(keys, grade_tests)
    fresh = grade_tests(missing, keys.learn) if missing else None
    if keys.has_other_tests() or (fresh is not None and _is_different(kept, fresh)):
        return _all(keys, grade_tests)
    new = [test for test in fresh.tests if test.id not in kept] if fresh else []
    results = keys.in_order([*kept.values(), *new])
    completeness.check(results, assignment.test_files)
    report = msgspec.structs.replace(
        united(assignment, fresh or earlier.report, results),
        submission_sha256=submission.sha256,
        tests_sha256=assignment.tests_sha256(),
        timings=timings(results, earlier.report, fresh, kept),
        # Mistakes are named from the answers to all failed tests, and those of kept tests were not played.
        explanations=[] if fresh else earlier.report.explanations,
    )
    return Graded(report, basis_of(report, keys), len(kept))


def basis_of(report: Report, keys: Keys) -> Basis:
    """The basis of a report whose results are all of today. Empty if some tests are not plain functions."""
    if keys.has_other_tests():
        return Basis()
    return Basis(keys.cases(), {test.id: key for test in report.tests if (key := keys.key(test.id))})


def basis_of_merged(report: Report, base: Basis, keys: Keys, names: Iterable[str]) -> Basis:
    """The basis of an older report in which the tests of these names have new results.

    A test has no key if it needs a test on the other side: its result may come from another run of that test.
    """
    if keys.has_other_tests():
        return Basis()
    named = set(names)

    def is_new(test: str) -> bool:
        return test.partition("::")[2].partition("[")[0] in named

    known = {}
    for test in report.tests:
        key = keys.key(test.id) if is_new(test.id) else base.keys.get(test.id)
        closure = keys.closure(test.id)
        if key and closure and len({is_new(one) for one in closure}) == 1:
            known[test.id] = key
    return Basis(keys.cases(), known)


def timings(results: Iterable[TestResult], old: Report, new: Report | None, of_old: Container[str]) -> Timings:
    """The times of these results. Those in `of_old` are of the old report, and all others of the new one.

    The total is the time of the new report, since it was the only one graded now.
    """
    fresh = new.timings if new else Timings(import_seconds=old.timings.import_seconds)
    chosen = [(test.id, old.timings if test.id in of_old else fresh) for test in results]
    return Timings(
        fresh.total_seconds,
        {test: source.test_seconds[test] for test, source in chosen if test in source.test_seconds},
        {test: source.ratios[test] for test, source in chosen if test in source.ratios},
        {test: source.trainings[test] for test, source in chosen if test in source.trainings},
        {test: source.judge[test] for test, source in chosen if test in source.judge},
        fresh.import_seconds,
    )


def _all(keys: Keys, grade_tests: Grade) -> Graded:
    report = grade_tests(None, keys.learn)
    return Graded(report, basis_of(report, keys))


def _usable(earlier: Earlier, keys: Keys) -> dict[str, KeyedResult]:
    """The results that may be kept while their keys hold."""
    report = earlier.report
    if report.state != "graded":
        return {}
    excluded = {test.id for test in report.tests if test.verdict == "grader_error"}
    if not earlier.own:
        excluded |= decided_by_the_machine(report)
    return {
        test.id: KeyedResult(earlier.basis.keys[test.id], test)
        for test in report.tests
        if test.id in earlier.basis.keys and excluded.isdisjoint(keys.closure(test.id) or [test.id])
    }


def _is_different(kept: Mapping[str, TestResult], fresh: Report) -> bool:
    """Does a kept test that was run again end in another way?"""
    again = [test for test in fresh.tests if test.id in kept]
    return any((test.verdict, test.points) != (kept[test.id].verdict, kept[test.id].points) for test in again)
