"""Hashes of all that decides the result of an answer in a test, apart from the answer's own files.

    of one test     its function, with decorators; the other code of its file: helpers, constants, imports
    of all tests    the manifest, data files beside the tests, files of data sets, the engine, versions of packages

Comments and blank lines do not count. A clock decides the results of races and training checks. They have a hash only
where results are kept with their submission.
"""

from __future__ import annotations

import ast
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import TypeGuard

from autograder import grade as grading
from autograder.core.errors import BadCourse
from autograder.core.sources import tree_of
from autograder.course import own_tests as own
from autograder.course.course import Assignment
from autograder.datasets import catalogue
from autograder.datasets import files as data_files
from autograder.report.completeness import FIXTURES

ENGINE = Path(__file__).resolve().parents[1]
TIMED = {"race", "training"}  # fixtures
# By a test. What judges tests of a student's own counts for these alone.
NOT_READ = (
    "mutants.py", "calibration.json", "README.md", "experiment.py", own.FILE, own.SUITE, own.WRONG,
)  # fmt: skip


def fingerprints(assignment: Assignment, *, timed: bool = False, engine_hash: str = "") -> dict[str, str]:
    """The hash of each test function that no clock decides, by its id without a case.

    timed : also of races and training checks. The reference runs in these, so all hashes include its files.
    engine_hash : an earlier result of `engine`, for a process that may run older code than the disk holds.
    Raises BadCourse for a file that cannot be read, and SandboxUnavailable if a package is missing.
    """
    parts = [engine_hash or engine(), *_common(assignment), *(_reference(assignment) if timed else ())]
    common = digest(parts)
    hashes: dict[str, str] = {}
    for path in assignment.test_files:
        hashes |= _of_file(path, common, timed=timed)
    if assignment.manifest.own_tests is not None:
        hashes[own.ID] = digest([common, assignment.tests_sha256(), *_reference(assignment)])
    return hashes


def engine() -> str:
    """The hash of the engine's files."""
    return digest(part for path in sorted(ENGINE.rglob("*")) for part in _of_engine(path))


def digest(parts: Iterable[bytes | str]) -> str:
    """One hash over all parts, with their lengths."""
    sha256 = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        sha256.update(len(data).to_bytes(8, "big") + data)
    return sha256.hexdigest()


def _common(assignment: Assignment) -> Iterator[bytes | str]:
    for name, version in {**grading.versions(assignment), "pytest": metadata.version("pytest")}.items():
        yield from (name, version)
    yield from _beside(assignment)
    yield from _data()


def _of_engine(path: Path) -> Iterator[bytes | str]:
    if path.is_file() and "__pycache__" not in path.parts:
        yield from (path.relative_to(ENGINE).as_posix(), path.read_bytes())


def _reference(assignment: Assignment) -> Iterator[bytes | str]:
    for name, content in assignment.reference().items() if assignment.solution else ():
        yield from (name, content)


def _beside(assignment: Assignment) -> Iterator[bytes | str]:
    """The manifest, and further files beside the tests. The files of answers belong to the answers."""
    others = (*NOT_READ, *assignment.manifest.files, *(path.name for path in assignment.test_files))
    for folder in filter(None, (assignment.folder, assignment.solution)):
        for path in sorted(folder.iterdir()):
            if path.is_file() and path.name not in others and not path.name.startswith("."):
                yield from (path.name, _content(path))


def _data() -> Iterator[str]:
    """Which files of data sets there are: their contents have fixed checksums, and stand-ins replace missing ones."""
    for entry in catalogue.ENTRIES:
        for file in (*entry.files, *entry.or_else):
            try:
                path = data_files.find(file.name)
                yield f"{file.name} {path and (path.stat().st_size, path.stat().st_mtime_ns)}"
            except (data_files.BadData, OSError) as error:
                yield f"{file.name} {error}"


def _of_file(path: Path, common: str, *, timed: bool) -> dict[str, str]:
    try:
        tree = tree_of(_content(path))
    except SyntaxError as error:
        raise BadCourse(f"{path}:{error.lineno}: {error.msg}") from error
    counts = Counter(getattr(node, "name", "") for node in tree.body)
    tests = [node for node in tree.body if _is_a_test(node) and counts[node.name] == 1]
    others = [node for node in tree.body if node not in tests]
    shared = digest([common, path.name, *map(ast.dump, others)])
    by_clock = set() if timed else _timed(others)
    return {
        f"{path.name}::{test.name}": digest([shared, ast.dump(test)])
        for test in tests
        if by_clock.isdisjoint(_arguments(test))
    }


def _is_a_test(node: ast.stmt) -> TypeGuard[ast.FunctionDef]:
    """A plain function at the top level of its file that asks for the student."""
    is_a_function = isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    return is_a_function and not FIXTURES.isdisjoint(_arguments(node))


def _timed(nodes: list[ast.stmt]) -> set[str]:
    """The fixtures that a clock decides, and those of this file that ask for one of them."""
    fixtures = [
        node
        for node in nodes
        if isinstance(node, ast.FunctionDef) and any("fixture" in ast.unparse(mark) for mark in node.decorator_list)
    ]
    timed: set[str] = set()
    more = TIMED
    while more - timed:
        timed |= more
        more = {fixture.name for fixture in fixtures if not timed.isdisjoint(_arguments(fixture))}
    return timed


def _arguments(node: ast.stmt) -> set[str]:
    assert isinstance(node, ast.FunctionDef)
    return {argument.arg for argument in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]}


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadCourse(f"{path}: cannot be read ({error.strerror}); it is part of the assignment") from error
