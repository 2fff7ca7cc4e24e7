"""What a Python file says of itself without being run: its imports, the Python that it needs, its texts."""

from __future__ import annotations

import ast
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

IMPORTERS = ("import_module", "__import__")
CATCHES_IMPORTS = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}


@dataclass(frozen=True)
class Import:
    module: str  # the first part of its name
    line: int
    always: bool  # whenever the file is imported; else in a function, in a branch, or where its failure is caught


_parsing = threading.Lock()


def tree_of(source: str | bytes, **options: Any) -> ast.Module:
    """`ast.parse`, by one thread at a time: Python 3.11 counts its depth in one place for all threads, and where a
    finalizer lets another thread parse in between, it raises SystemError (python/cpython#106905)."""
    with _parsing:
        tree: ast.Module = ast.parse(source, **options)
        return tree


def parsed(source: str) -> ast.Module | None:
    """None where this Python cannot read it: then the tests say so."""
    try:
        return tree_of(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def imports(tree: ast.Module) -> list[Import]:
    """In the order of lines. What only a type checker, or `python FILE`, would run is left out."""
    return sorted(_imports(tree.body, always=True), key=lambda found: (found.line, found.module))


def _imports(body: list[ast.stmt], *, always: bool) -> Iterator[Import]:
    for statement in body:
        yield from _of(statement, always)


def _of(node: ast.AST, always: bool) -> Iterator[Import]:
    if isinstance(node, ast.If) and _is_for_others(node.test):
        yield from _imports(node.orelse, always=always)
        return
    if isinstance(node, (ast.If, ast.Match)) or (
        isinstance(node, ast.With) and "suppress" in ast.unparse(node.items[0])
    ):
        for child in ast.iter_child_nodes(node):
            yield from _of(child, always=False)
        return
    if isinstance(node, (ast.Try, ast.TryStar)) and any(map(_catches_imports, node.handlers)):
        yield from _imports(node.body, always=False)
        for child in (*node.handlers, *node.orelse, *node.finalbody):
            yield from _of(child, always and child not in node.handlers)
        return
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield Import(alias.name.partition(".")[0], node.lineno, always)
    elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
        yield Import(node.module.partition(".")[0], node.lineno, always)
    elif isinstance(node, ast.Call) and (name := _imported_by_call(node)):
        yield Import(name.partition(".")[0], node.lineno, always)
    inside = always and not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
    for child in ast.iter_child_nodes(node):
        yield from _of(child, inside)


def _is_for_others(test: ast.expr) -> bool:
    """`TYPE_CHECKING`, or `__name__ == "__main__"`."""
    text = ast.unparse(test)
    return text.endswith("TYPE_CHECKING") or text.replace('"', "'") == "__name__ == '__main__'"


def _catches_imports(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    return bool(CATCHES_IMPORTS & {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)})


def _imported_by_call(call: ast.Call) -> str:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name in IMPORTERS and call.args and isinstance(call.args[0], ast.Constant):
        value = call.args[0].value
        return value if isinstance(value, str) else ""
    return ""


def newer(source: str, version: tuple[int, int]) -> tuple[int, str] | None:
    """(line, what is said of it) where an older Python, of that version, could not read what this one reads."""
    tree = parsed(source)
    if tree is None:
        return None
    try:
        tree_of(source, feature_version=version)
    except SyntaxError as error:
        return error.lineno or 1, str(error.msg)
    if version < (3, 12) and (line := _nested_quotes(tree, source)):
        return line, "an f-string with its own quotes, a backslash or a comment inside is Python 3.12"
    return None


def _nested_quotes(tree: ast.Module, source: str) -> int:
    """The line of an f-string that has in its braces what only Python 3.12 allows; 0 where there is none."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.JoinedStr):
            continue
        whole = ast.get_source_segment(source, node) or ""
        opening = whole.lstrip("fFrRbBuU")
        quote = opening[:3] if opening[:3] in ('"' * 3, "'" * 3) else opening[:1]
        for value in node.values:
            if isinstance(value, ast.FormattedValue):
                inside = ast.get_source_segment(source, value.value) or ""
                comment = "#" in inside and "\n" in inside
                if (quote and quote in inside) or "\\" in inside or comment:
                    return node.lineno
    return 0


def texts(tree: ast.Module) -> dict[str, int]:
    """Every string that stands in it, with its first line; docstrings are left out."""
    documented = {
        node.body[0].value
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    found: dict[str, int] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in documented:
            found.setdefault(node.value, node.lineno)
    return found
