"""Checks that a report contains exactly the assignment's tests. Otherwise the grader failed, and there is no grade.

The tests are parsed from the text of the test files. Pytest's own list is not used: an option, a variable, a plugin or
a broken import that makes pytest skip a test would also remove it from that list.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from autograder.core.errors import GraderError
from autograder.core.sources import tree_of
from autograder.report.schema import TestResult

FIXTURES = {"student", "race", "training"}  # a test of the student has one of these arguments


def check(results: Iterable[TestResult], files: Iterable[Path]) -> None:
    """Raises GraderError if a test of these files has no result, or more than one."""
    counts = Counter(result.id for result in results)
    duplicates = [name for name, count in counts.items() if count > 1]
    if duplicates:
        raise GraderError(f"{duplicates[0]} was graded twice; the report is not kept")
    graded = {name.partition("[")[0] for name in counts}
    missing = [name for path in files for name in defined(path) if name not in graded]
    if missing:
        raise GraderError(f"{missing[0]} was not graded ({len(missing)} in all); the report is not kept")


def defined(path: Path) -> Iterator[str]:
    """Ids of the tests that a file defines, without parameters."""
    for node in tree_of(path.read_bytes()).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            arguments = {argument.arg for argument in [*node.args.args, *node.args.kwonlyargs]}
            if arguments & FIXTURES:
                yield f"{path.name}::{node.name}"
