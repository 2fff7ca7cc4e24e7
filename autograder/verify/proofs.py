"""Keeps the results of `verify`, so that the next `verify` grades only what has changed.

    <cache>/.proofs/NAME-<hash of the folder>.json       test -> cases and what each needs
                                                         answer -> test -> result, with a key

A proof is the result of one answer in one test. Its key is a hash of all that decides the result (`reuse.keys`). Not
kept, and graded each time: races, training checks, tests that need one of them, and results that depend on the machine
(time, memory). A test that needs other tests is graded with them.

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

from autograder.core import atomic_files
from autograder.core.decoding import TypedDecoder
from autograder.core.errors import BadCourse
from autograder.course.course import Assignment
from autograder.course.submission import Submission
from autograder.datasets import files as data_files
from autograder.report import completeness
from autograder.report.schema import Report, TestResult
from autograder.reuse.fingerprints import digest, fingerprints
from autograder.reuse.keys import Cases, KeyedResult, Keys, decided_by_the_machine, hash_of_answer, united
from autograder.verify.probes import MARKER
from autograder.verify.usage import CALLED

FOLDER = ".proofs"
FORMAT = 1

OnEvent = Callable[[dict[str, Any]], None]
# Grades one answer: the names of the tests, or None for all, and a listener.
Grade = Callable[[Sequence[str] | None, OnEvent], Report]


class Kept(msgspec.Struct, forbid_unknown_fields=True):
    """The file of one assignment."""

    format: int = FORMAT
    tests: dict[str, Cases] = {}
    proofs: dict[str, dict[str, KeyedResult]] = {}  # by answer, then by test


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
        self._keys: Keys
        self._proofs: dict[str, dict[str, KeyedResult]] = {}  # without the texts that `verify` does not read
        self._asked: set[str] = set()  # answers
        self.kept = self.count = 0

    @contextlib.contextmanager
    def opened(self, *, complete: bool) -> Iterator[None]:
        """Around one run: reads the file, and writes it at the end, also after an exception.

        complete : the run has all answers, so proofs of other answers are removed.
        Raises BadCourse for a test file that cannot be read.
        """
        self._keys = Keys(self._assignment, fingerprints(self._assignment))
        stored = Kept() if self._anew else _read(self._path)
        self._keys.recall(stored.tests)
        self._proofs = stored.proofs
        try:
            yield
        finally:
            if complete:
                self._proofs = {answer: self._proofs[answer] for answer in self._asked & self._proofs.keys()}
            with contextlib.suppress(BadCourse):
                if fingerprints(self._assignment) == self._keys.fingerprints:  # nobody has edited it meanwhile
                    self._write()

    def report(self, submission: Submission, secret: bytes, only: Sequence[str] | None, grade: Grade) -> Report:
        """The report of an answer. Tests with a proof that holds are not graded.

        only : names of tests; they and those that they need are in the report. Without names it has all tests.
        """
        answer = hash_of_answer(secret, submission)
        with self._lock:
            self._asked.add(answer)
            kept, missing = self._keys.find(self._proofs.get(answer, {}), only or self._keys.names)
        graded = None
        if missing:
            graded = grade(missing if only or kept else None, self._listen)
            if kept and not only and self._keys.has_other_tests():
                kept, graded = {}, grade(None, self._listen)
        fresh = {test.id: test for test in graded.tests} if graded else {}
        results = self._keys.in_order([*(kept[test] for test in kept if test not in fresh), *fresh.values()])
        if kept and not only:
            completeness.check(results, self._assignment.test_files)
        with self._lock:
            if graded:
                self._keep(answer, graded)
            self.count += len(results)
            self.kept += len(results) - len(fresh)
        base = graded or Report(self._assignment.name, self._assignment.manifest.title, "graded")
        return united(self._assignment, base, results)

    def _listen(self, event: dict[str, Any]) -> None:
        with self._lock:
            self._keys.learn(event)

    def _keep(self, answer: str, report: Report) -> None:
        by_machine = decided_by_the_machine(report)
        proofs = self._proofs.setdefault(answer, {})
        for result in report.tests:
            proofs.pop(result.id, None)
            key = self._keys.key(result.id)
            if key and by_machine.isdisjoint(self._keys.closure(result.id) or ()):
                proofs[result.id] = KeyedResult(key, _shortened(result))

    def _write(self) -> None:
        keys = {test: self._keys.key(test) for test in self._keys.tests}
        proofs = {
            answer: {test: proof for test, proof in known.items() if proof.key == keys.get(test)}
            for answer, known in self._proofs.items()
        }
        content = Kept() if self._keys.has_other_tests() else Kept(tests=self._keys.cases(), proofs=proofs)
        with contextlib.suppress(OSError):  # then the next run grades everything
            self._path.parent.mkdir(mode=atomic_files.SECRET_FOLDER, parents=True, exist_ok=True)
            atomic_files.whole(self._path, msgspec.json.encode(content), mode=atomic_files.SECRET)


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
