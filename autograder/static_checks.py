"""What can be seen of an assignment without running anything: files, signatures, docstrings, marks."""

from __future__ import annotations

import ast
from pathlib import Path

from autograder.course import Assignment
from autograder.errors import BadCourse

REQUIRED = ("README.md", "assignment.toml", "test_public.py", "experiment.py")


def static_problems(assignment: Assignment) -> list[str]:
    """What can be seen without running anything."""
    problems = [
        f"{assignment.folder / name}: is missing" for name in REQUIRED if not (assignment.folder / name).is_file()
    ]
    if assignment.solution is None:
        return [*problems, f"{assignment.name}: there is no solutions/{assignment.name}"]
    for name in ("test_hidden.py", "mutants.py", "variants"):
        if not (assignment.solution / name).exists():
            problems.append(f"{assignment.solution / name}: is missing")
    if problems:
        return problems
    for name in assignment.manifest.files:
        if name.endswith(".py"):
            problems += _differences(assignment.folder / name, assignment.solution / name)
    return problems


def _differences(stub: Path, reference: Path) -> list[str]:
    """The public functions and classes of a stub and its reference must agree to the letter."""
    mine, theirs = _interface(stub), _interface(reference)
    problems = [f"{stub}: lacks {name}, which the reference defines" for name in theirs.keys() - mine.keys()]
    problems += [f"{reference}: lacks {name}, which the stub defines" for name in mine.keys() - theirs.keys()]
    for name in sorted(mine.keys() & theirs.keys()):
        for what, here, there in zip(("signature", "docstring"), mine[name], theirs[name], strict=True):
            if here != there:
                problems.append(f"{stub}: the {what} of {name} is not that of the reference")
    return problems


def _interface(path: Path) -> dict[str, tuple[str, str | None]]:
    try:
        tree = ast.parse(path.read_bytes())
    except OSError as error:
        raise BadCourse(f"{path}: cannot be read ({error.strerror}); the manifest names it") from error
    except SyntaxError as error:
        raise BadCourse(f"{path}:{error.lineno}: {error.msg}") from error
    found: dict[str, tuple[str, str | None]] = {}

    def look(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[prefix + node.name] = (", ".join(map(ast.unparse, node.bases)), ast.get_docstring(node))
                look(node.body, f"{prefix}{node.name}.")
            elif isinstance(node, ast.FunctionDef) and (not node.name.startswith("_") or node.name == "__init__"):
                found[prefix + node.name] = (ast.unparse(node.args), ast.get_docstring(node))

    look(tree.body, "")
    return found
