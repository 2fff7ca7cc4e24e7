"""Keeps the results of `verify`, so that the next `verify` grades only what has changed.

    <cache>/.proofs/NAME-<hash of the folder>.json       test -> cases and what each needs
                                                         answer -> test -> result, with a key

A proof is the result of one answer in one test. Its key is a hash of all that decides the result: fingerprints.py has
the parts of a test, and the key has those of all tests that it needs. Not kept, and graded each time: races, training
checks, tests that need one of them, and results that depend on the machine (time, memory). A test that needs other
tests is graded with them.

The folder's name begins with a dot, since a bundle and the version of a course contain all other files of the cache.
The file is readable by its owner only, since it names hidden tests. A file that is damaged, or of another owner, is
ignored.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from autograder import grade as grading
from autograder.core import atomic_files
from autograder.core.decoding import TypedDecoder
from autograder.core.errors import BadCourse
from autograder.course.course import Assignment
from autograder.course.submission import Submission
from autograder.datasets import files as data_files
from autograder.report import completeness
from autograder.report.schema import JudgeCost, ProblemResult, Report, TestResult
from autograder.verify.fingerprints import digest, fingerprints
from autograder.verify.probes import MARKER
from autograder.verify.usage import CALLED

FOLDER = ".proofs"
FORMAT = 1

OnEvent = Callable[[dict[str, Any]], None]
# Grades one answer: the names of the tests, or None for all, and a listener.
Grade = Callable[[Sequence[str] | None, OnEvent], Report]


class Cases(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The cases of one test function, by id: the names of the tests that each needs."""

    fingerprint: str
    needs: dict[str, list[str]]


class Proof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    key: str
    result: TestResult  # without what `verify` does not read


class Kept(msgspec.Struct, forbid_unknown_fields=True):
    """The file of one assignment."""

    format: int = FORMAT
    tests: dict[str, Cases] = {}
    proofs: dict[str, dict[str, Proof]] = {}  # by answer, then by test


_KEPT: TypedDecoder[Kept] = TypedDecoder(Kept)


def folder() -> Path:
    """The folder of all proofs, in the cache of data sets."""
    return data_files.cache_folder() / FOLDER


class Proofs:
    """The proofs of one assignment, of which `verify` asks for reports. `kept` of `count` were made by earlier runs.

    anew : use none of the file's proofs, and replace them.
    """

    def __init__(self, assignment: Assignment, folder: Path, *, anew: bool = False) -> None:
        self._assignment, self._anew = assignment, anew
        self._path = folder / f"{assignment.name}-{digest([str(assignment.folder.resolve())])[:12]}.json"
        self._lock = threading.Lock()
        self._order: dict[str, int] = {}  # of the test functions, by id
        self._fingerprints: dict[str, str] = {}
        self._needs: dict[str, list[str]] = {}  # by id of a test, names of the tests that it needs
        self._keys: dict[str, str | None] = {}  # of tests, as far as they have been computed
        self._proofs: dict[str, dict[str, Proof]] = {}
        self._asked: set[str] = set()  # answers
        self.kept = self.count = 0

    @contextlib.contextmanager
    def opened(self, *, complete: bool) -> Iterator[None]:
        """Around one run: reads the file, and writes it at the end, also after an exception.

        complete : the run has all answers, so proofs of other answers are removed.
        Raises BadCourse for a test file that cannot be read.
        """
        self._fingerprints = fingerprints(self._assignment)
        defined = [test for path in self._assignment.test_files for test in completeness.defined(path)]
        self._order = {test: index for index, test in enumerate(defined)}
        stored = Kept() if self._anew else _read(self._path)
        for test, cases in stored.tests.items():
            if cases.fingerprint == self._fingerprints.get(test):
                self._needs |= cases.needs
        self._proofs = stored.proofs
        try:
            yield
        finally:
            if complete:
                self._proofs = {answer: self._proofs[answer] for answer in self._asked & self._proofs.keys()}
            with contextlib.suppress(BadCourse):
                if fingerprints(self._assignment) == self._fingerprints:  # nobody has edited it meanwhile
                    self._write()

    def report(self, submission: Submission, secret: bytes, only: Sequence[str] | None, grade: Grade) -> Report:
        """The report of an answer. Tests with a proof that holds are not graded.

        only : names of tests; they and those that they need are in the report. Without names it has all tests.
        """
        answer = digest([secret, submission.sha256])
        with self._lock:
            self._asked.add(answer)
            kept, missing = self._find(answer, only or [test.partition("::")[2] for test in self._order])
        graded = None
        if missing:
            graded = grade(missing if only or kept else None, self._listen)
            if kept and not only and self._has_other_tests():
                kept, graded = {}, grade(None, self._listen)
        fresh = {test.id: test for test in graded.tests} if graded else {}
        results = sorted([*(kept[test] for test in kept if test not in fresh), *fresh.values()], key=self._position)
        if kept and not only:
            completeness.check(results, self._assignment.test_files)
        with self._lock:
            if graded:
                self._keep(answer, graded)
            self.count += len(results)
            self.kept += len(results) - len(fresh)
        return _report(self._assignment, graded, results)

    def _find(self, answer: str, names: Sequence[str]) -> tuple[dict[str, TestResult], list[str]]:
        """Results by id from proofs that hold, and the names of tests that have none."""
        kept: dict[str, TestResult] = {}
        missing: list[str] = []
        queue = list(names)
        for name in queue:  # it grows
            ids = self._ids(name)
            if not ids:
                missing.append(name)
            for test in ids:
                proof = self._proofs.get(answer, {}).get(test)
                if proof and proof.key == self._key(test):
                    kept[test] = proof.result
                else:
                    missing.append(test.partition("::")[2])
                queue += [needed for needed in self._needs[test] if needed not in queue]
        return kept, sorted(set(missing))

    def _ids(self, name: str) -> list[str]:
        """The tests of that name, in all cases or in one. Empty if they are not known."""
        functions = [test for test in self._order if test.partition("::")[2] == name.partition("[")[0]]
        tests = [test for test in self._needs if test.partition("[")[0] in functions]
        if {test.partition("[")[0] for test in tests} != set(functions):
            return []
        return [test for test in tests if name in (test.partition("::")[2], test.partition("::")[2].partition("[")[0])]

    def _closure(self, test: str) -> list[str] | None:
        """The test and all that it needs, by id. None if one of them is not known."""
        closure = [test]
        for one in closure:  # it grows
            for name in self._needs[one]:
                ids = self._ids(name)
                if not ids:
                    return None
                closure += [other for other in ids if other not in closure]
        return closure

    def _key(self, test: str) -> str | None:
        """The key of a proof that holds today. None for a test whose proofs are not kept."""
        if test not in self._keys:
            functions = {one.partition("[")[0] for one in self._closure(test) or [""]}
            if functions <= self._fingerprints.keys():
                in_order = sorted(functions, key=lambda function: self._order[function])
                self._keys[test] = digest([test, *in_order, *map(self._fingerprints.__getitem__, in_order)])
            else:
                self._keys[test] = None
        return self._keys[test]

    def _listen(self, event: dict[str, Any]) -> None:
        if event["event"] == "collected":
            with self._lock:
                self._needs, self._keys = event["needs"], {}

    def _has_other_tests(self) -> bool:
        """Are there tests that are not plain functions of the files? Fingerprints do not see when they change."""
        return any(test.partition("[")[0] not in self._order for test in self._needs)

    def _position(self, result: TestResult) -> int:
        return self._order.get(result.id.partition("[")[0], len(self._order))

    def _keep(self, answer: str, report: Report) -> None:
        by_machine = grading.depends_on_the_machine(report)
        by_machine |= {test for test, cost in report.timings.judge.items() if is_near_its_budget(cost)}
        proofs = self._proofs.setdefault(answer, {})
        for result in report.tests:
            proofs.pop(result.id, None)
            key = self._key(result.id)
            if key and by_machine.isdisjoint(self._closure(result.id) or ()):
                proofs[result.id] = Proof(key, _shortened(result))

    def _write(self) -> None:
        tests = {}
        for test, fingerprint in self._fingerprints.items():
            needs = {case: needs for case, needs in self._needs.items() if case.partition("[")[0] == test}
            if needs:
                tests[test] = Cases(fingerprint, needs)
        keys = {test: self._key(test) for test in self._needs}
        proofs = {
            answer: {test: proof for test, proof in known.items() if proof.key == keys.get(test)}
            for answer, known in self._proofs.items()
        }
        content = Kept() if self._has_other_tests() else Kept(tests=tests, proofs=proofs)
        with contextlib.suppress(OSError):  # then the next run grades everything
            self._path.parent.mkdir(mode=atomic_files.SECRET_FOLDER, parents=True, exist_ok=True)
            atomic_files.whole(self._path, msgspec.json.encode(content), mode=atomic_files.SECRET)


def is_near_its_budget(cost: JudgeCost) -> bool:
    """`verify` warns if a right answer costs the judge more than a tenth of a budget. Another run may cost less."""
    return 10 * cost.seconds > cost.limit_seconds or 10 * cost.memory_mb > cost.limit_memory_mb


def _report(assignment: Assignment, graded: Report | None, results: list[TestResult]) -> Report:
    """graded : the report of some of the results, if any was graded."""
    problems = []
    for problem in assignment.manifest.problems:
        own = [result for result in results if result.problem == problem.name]
        points, possible = sum(result.points for result in own), sum(result.possible for result in own)
        problems.append(ProblemResult(problem.name, problem.title, points, possible))
    return msgspec.structs.replace(
        graded or Report(assignment.name, assignment.manifest.title, "graded"),
        points=sum(problem.points for problem in problems),
        possible=sum(problem.possible for problem in problems),
        problems=problems,
        tests=results,
    )


def _shortened(result: TestResult) -> TestResult:
    """The result with the texts that `verify` reads."""
    lines = [line for line in result.output.splitlines() if MARKER in line or CALLED.fullmatch(line)]
    return msgspec.structs.replace(
        result, law="", advice="", example="", traceback="", output="\n".join(lines), repeat="", figures=[]
    )


def _read(path: Path) -> Kept:
    """The kept proofs. Empty if the file is missing or damaged, or if another user can have written it."""
    try:
        status = path.stat()
        if status.st_uid != os.getuid() or status.st_mode & 0o022:
            return Kept()
        kept = _KEPT.json(path.read_bytes())
    except (OSError, ValueError):  # msgspec's errors are kinds of ValueError
        return Kept()
    return kept if kept.format == FORMAT else Kept()
