"""Notebooks for tests: from cells, and from a module with one statement a cell."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable
from typing import Any


def code(source: str | list[str], *tags: str) -> dict[str, Any]:
    metadata = {"tags": list(tags)} if tags else {}
    return {"cell_type": "code", "metadata": metadata, "source": source, "outputs": [], "execution_count": None}


def text(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def notebook(*cells: str | dict[str, Any], language: str = "python") -> bytes:
    """The bytes of a notebook. A text is a code cell."""
    whole = [code(cell) if isinstance(cell, str) else cell for cell in cells]
    kernel = {"display_name": "x", "language": language, "name": "x"}
    return json.dumps({"cells": whole, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}).encode()


def of_module(source: str, *more: str | dict[str, Any]) -> bytes:
    """A module as a notebook: each statement is a cell; `more` cells stand behind them."""
    lines = source.split("\n")
    return notebook(*(_of(node, lines) for node in ast.parse(source).body), *more)


def _of(node: ast.stmt, lines: list[str]) -> str:
    first = min([node.lineno, *(item.lineno for item in getattr(node, "decorator_list", []))])
    return "\n".join(lines[first - 1 : node.end_lineno])


def filled_in(kit_notebook: bytes, reference: str) -> bytes:
    """The notebook of a kit with the functions of a reference in place of its stubs, as a student fills it in."""
    whole, lines = json.loads(kit_notebook), reference.split("\n")
    tree = ast.parse(reference)
    named = {node.name: _of(node, lines) for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    others = [_of(node, lines) for node in tree.body[1:] if not isinstance(node, ast.FunctionDef | ast.ClassDef)]
    cells: Iterable[dict[str, Any]] = whole["cells"]
    first = True
    for cell in cells:
        source = "".join(cell["source"])
        found = [name for name in named if source.startswith((f"def {name}(", f"class {name}(", f"class {name}:"))]
        if cell["cell_type"] == "code" and first and source.startswith(("import ", "from ")):
            first = False
            stubs = {name for name in named if any(f"def {name}(" in "".join(c["source"]) for c in cells)}
            stubs |= {name for name in named if any(f"class {name}" in "".join(c["source"]) for c in cells)}
            cell["source"] = "\n\n".join([*others, *(named[name] for name in named if name not in stubs)])
        elif cell["cell_type"] == "code" and found:
            cell["source"] = named[found[0]]
    return json.dumps(whole).encode()
