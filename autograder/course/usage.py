"""What a file of public tests says of itself without being run: its tests, their problems, the functions they call."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

from autograder.core.sources import tree_of


@dataclass(frozen=True)
class PublicTest:
    name: str
    problem: str  # that its points belong to
    functions: frozenset[str]  # of the student's module, called in it or in a helper that it calls


def public_tests(path: Path) -> list[PublicTest]:
    """The tests of a file, in its order."""
    functions = {node.name: node for node in tree_of(path.read_bytes()).body if isinstance(node, ast.FunctionDef)}
    return [
        PublicTest(name, _problem_of(node), frozenset(_called(node, functions, set())))
        for name, node in functions.items()
        if name.startswith("test_")
    ]


def _problem_of(test: ast.FunctionDef) -> str:
    for call in (node for decorator in test.decorator_list for node in ast.walk(decorator)):
        for keyword in call.keywords if isinstance(call, ast.Call) else ():
            if keyword.arg == "problem" and isinstance(keyword.value, ast.Constant):
                return str(keyword.value.value)
    return ""


def _called(node: ast.AST, functions: dict[str, ast.FunctionDef], seen: set[str]) -> set[str]:
    found = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id == "student":
            found.add(part.attr)
        elif isinstance(part, ast.Name) and part.id in functions and part.id not in seen:
            found |= _called(functions[part.id], functions, seen | {part.id})
    return found
