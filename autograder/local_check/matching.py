"""Which tests `--test` and `--problem` mean: any part of a name is enough."""

from __future__ import annotations

import difflib
from pathlib import Path

from autograder.core.errors import DeepgradeError
from autograder.course import usage
from autograder.course.course import Assignment
from autograder.course.usage import PublicTest


def chosen(assignment: Assignment, test: str | None, problem: str | None) -> list[str]:
    """The names of the public tests to run; empty for all. Raises DeepgradeError with a list if no test matches."""
    if not (test or problem):
        return []
    tests = usage.public_tests(assignment.public_tests)
    names = [found.name for found in tests]
    if problem:
        names = _of_problem(assignment, problem, tests)
    return _matching_tests(assignment.public_tests, test, names) if test else names


def _of_problem(assignment: Assignment, text: str, tests: list[PublicTest]) -> list[str]:
    """The tests of the problem with that name, else of the function, else of all problems whose names contain the text,
    else of all whose titles do."""
    titles = {problem.name: problem.title for problem in assignment.manifest.problems}
    if text not in titles and (calling := [found.name for found in tests if text in found.functions]):
        return calling
    part = _plain(text)
    matches = [text] if text in titles else [name for name in titles if part in _plain(name)]
    matches = matches or [name for name, title in titles.items() if part in _plain(title)]
    if not matches:
        functions = ", ".join(sorted({function for found in tests for function in found.functions}))
        raise DeepgradeError(
            f"no problem or function is named {text!r}; problems: {', '.join(titles)}; functions: {functions}"
        )
    names = [found.name for found in tests if found.problem in matches]
    if not names:
        raise DeepgradeError(f"the problem {' and '.join(matches)} has no public test; the server has hidden ones")
    return names


def _matching_tests(path: Path, text: str, names: list[str]) -> list[str]:
    """The test with that name, or all tests whose names contain the text."""
    if text.partition("[")[0] in names:
        return [text]
    if matches := [name for name in names if _plain(text) in _plain(name)]:
        return matches
    similar = difflib.get_close_matches(text, names, 3, 0.5) or difflib.get_close_matches(f"test_{text}", names, 3, 0.5)
    hint = f"did you mean {' or '.join(similar)}?" if similar else f"it has {', '.join(names)}"
    raise DeepgradeError(f"{path}: has no test {text!r}; {hint}")


def _plain(text: str) -> str:
    return text.casefold().replace("-", "_").replace(" ", "_")
