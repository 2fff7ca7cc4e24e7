"""Checks of an assignment that run no code: files, signatures, docstrings, marks."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

from autograder.core.errors import BadCourse
from autograder.core.sources import tree_of
from autograder.course.course import Assignment
from autograder.course.manifest import is_imported_by_others

OTHER_TEXTS = ("test_public", "test_hidden", "test_seconds")  # files, and a limit
REQUIRED = ("README.md", "assignment.toml", "test_public.py", "experiment.py")


def static_problems(assignment: Assignment) -> list[str]:
    """A sentence for each problem in files, signatures, docstrings and marks."""
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
    for name in assignment.manifest.files:
        module, _, kind = name.partition(".")
        if kind == "py" and is_imported_by_others(module):
            manifest = assignment.folder / "assignment.toml"
            problems.append(f"{manifest}: files: {name} would take the place of the module {module} that others import")
    return [*problems, *_marks(assignment)]


def _marks(assignment: Assignment) -> list[str]:
    """Tests without a docstring, and `needs` that name no test or a later one."""
    problems: list[str] = []
    earlier: set[str] = set()  # names of tests
    cases: dict[str, set[str]] = {}  # of parametrised ones
    for path in assignment.test_files:
        tree = _parsed(path)
        tests = {node.name: node for node in tree.body if _is_a_test(node)}
        cases |= _cases(tests)
        problems += _hidden_away(path, tree)
        for test in tests.values():
            if not ast.get_docstring(test):
                problems.append(
                    f"{path}:{test.lineno}: {test.name} has no docstring, which is the law that students read"
                )
        in_order = list(tests)
        texts, computed = _texts(tree), False
        for call, test_name in _needs(tree):
            available = earlier | set(in_order[: in_order.index(test_name)] if test_name else in_order)
            for argument in call.args:
                needed = texts.get(argument.id) if isinstance(argument, ast.Name) else getattr(argument, "value", None)
                if not isinstance(needed, str):
                    computed = True
                    continue
                location = f"{path}:{call.lineno}: needs({needed!r})"
                name, _, case = needed.removesuffix("]").partition("[")
                if name not in available:
                    later = name in tests
                    problems.append(
                        f"{location} names a test that does not come earlier" if later else f"{location} names no test"
                    )
                elif case and case not in cases.get(name, {case}):
                    problems.append(f"{location} names no case of {name}")
        earlier |= tests.keys()
        if computed:
            problems += [f"{path}:{line}: {text!r} names no test" for line, text in _named(tree) if text not in earlier]
    return problems


def _cases(tests: dict[str, ast.FunctionDef]) -> dict[str, set[str]]:
    """The cases of each test that is parametrised once with literal texts, as in `test_x[mean]`."""
    cases_by_test = {}
    for name, test in tests.items():
        decorators = [decorator for decorator in test.decorator_list if isinstance(decorator, ast.Call)]
        parametrised = [decorator for decorator in decorators if ast.unparse(decorator.func).endswith("parametrize")]
        lists = [decorator.args[1] for decorator in parametrised if len(decorator.args) == 2]
        items = lists[0].elts if len(lists) == 1 and isinstance(lists[0], (ast.List, ast.Tuple)) else [None]
        texts = [item.args[0] if isinstance(item, ast.Call) and len(item.args) == 1 else item for item in items]
        if all(isinstance(text, ast.Constant) and isinstance(text.value, str) for text in texts):
            cases_by_test[name] = {str(text.value) for text in texts if isinstance(text, ast.Constant)}
    return cases_by_test


def _is_a_test(node: ast.stmt) -> TypeGuard[ast.FunctionDef]:
    return isinstance(node, ast.FunctionDef) and node.name.startswith("test_")


def _hidden_away(path: Path, tree: ast.Module) -> Iterator[str]:
    """Tests that are not plain functions at the top of the file: in a class, below an `if`, or `async`."""
    for node in ast.walk(tree):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or not node.name.startswith("test_"):
            continue
        if isinstance(node, ast.AsyncFunctionDef) or node not in tree.body:
            yield f"{path}:{node.lineno}: {node.name} must be a plain function at the top level of the file"


def _named(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Texts that look like names of tests, without their cases: computed `needs` are made of them."""
    pieces = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or id(node) in pieces or not isinstance(node.value, str):
            continue
        if (match := re.fullmatch(r"(test_\w+)(\[.*\])?", node.value)) and match[1] not in OTHER_TEXTS:
            yield node.lineno, match[1]


def _texts(tree: ast.Module) -> dict[str, str]:
    """Constants at the top of the file whose value is a text."""
    return {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _needs(tree: ast.Module) -> Iterator[tuple[ast.Call, str]]:
    """Each call of `needs`, with the name of the test that it marks; "" if several tests share it."""
    needs_names = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name == "needs"
    } | {"needs"}
    for node in tree.body:
        name = node.name if _is_a_test(node) else ""
        for part in ast.walk(node):
            if not isinstance(part, ast.Call):
                continue
            by_name = isinstance(part.func, ast.Name) and part.func.id in needs_names
            if by_name or (isinstance(part.func, ast.Attribute) and part.func.attr == "needs"):
                yield part, name


def _differences(stub: Path, reference: Path) -> list[str]:
    """The public functions and classes of a stub and its reference must have equal signatures and docstrings."""
    stub_interface, reference_interface = _interface(stub), _interface(reference)
    problems = [
        f"{stub}: lacks {name}, which the reference defines"
        for name in reference_interface.keys() - stub_interface.keys()
    ]
    problems += [
        f"{reference}: lacks {name}, which the stub defines"
        for name in stub_interface.keys() - reference_interface.keys()
    ]
    for name in sorted(stub_interface.keys() & reference_interface.keys()):
        for part, in_stub, in_reference in zip(
            ("signature", "docstring"), stub_interface[name], reference_interface[name], strict=True
        ):
            if in_stub != in_reference:
                problems.append(f"{stub}: the {part} of {name} is not that of the reference")
    return problems


def _parsed(path: Path) -> ast.Module:
    try:
        return tree_of(path.read_bytes())
    except OSError as error:
        raise BadCourse(f"{path}: cannot be read ({error.strerror}); the manifest names it") from error
    except SyntaxError as error:
        raise BadCourse(f"{path}:{error.lineno}: {error.msg}") from error


def _interface(path: Path) -> dict[str, tuple[str, str | None]]:
    tree = _parsed(path)
    interface: dict[str, tuple[str, str | None]] = {}

    def collect(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                interface[prefix + node.name] = (", ".join(map(ast.unparse, node.bases)), ast.get_docstring(node))
                collect(node.body, f"{prefix}{node.name}.")
            elif isinstance(node, ast.FunctionDef) and (not node.name.startswith("_") or node.name == "__init__"):
                interface[prefix + node.name] = (ast.unparse(node.args), ast.get_docstring(node))

    collect(tree.body, "")
    return interface
