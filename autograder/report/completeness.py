"""Does a report hold exactly the assignment's tests? Anything else is a fault of ours, and never a grade.

What the test files define is read from their text, not asked of pytest: whatever makes pytest leave out a test (an
option, a variable, a plugin, a broken import) would make it leave it out of its own list as well.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from autograder.core.errors import GraderError
from autograder.core.sources import tree_of
from autograder.report.schema import TestResult

FIXTURES = {"student", "race", "training"}  # what makes a function of a test file a test of the student


def check(results: Iterable[TestResult], files: Iterable[Path]) -> None:
    """Raises GraderError where a test of these files has no result, or one has two."""
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
