"""Reads a Jupyter notebook as data, and makes the module of it that is graded: cells.py.

Of the JSON only the cells' kinds, sources and tags are decoded. Outputs are skipped and never held. Nothing is run.
A notebook that cannot be read raises `Refused` with one sentence.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import msgspec

from autograder.core.decoding import TypedDecoder
from autograder.core.errors import Refused
from autograder.course.cells import Cell, Extraction, module_of
from autograder.course.locating import printable_name

SUFFIX = ".ipynb"
CODE_KB = 256  # of all code cells together; past it the notebook is refused, because parsing takes memory
CELLS = 2000


class _Metadata(msgspec.Struct):
    tags: list[str] = []


class _Cell(msgspec.Struct):
    cell_type: str
    source: str | list[str] = ""
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)


class _Language(msgspec.Struct):
    name: str = ""
    language: str = ""


class _About(msgspec.Struct):
    kernelspec: _Language = msgspec.field(default_factory=_Language)
    language_info: _Language = msgspec.field(default_factory=_Language)


class _Notebook(msgspec.Struct):
    cells: list[_Cell]
    nbformat: int
    metadata: _About = msgspec.field(default_factory=_About)


_NOTEBOOKS: TypedDecoder[_Notebook] = TypedDecoder(_Notebook)


def looks_like_one(data: bytes) -> bool:
    """Do the bytes begin like a notebook? No Python file that does something begins so."""
    return data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{" and b'"cells"' in data


def extract(data: bytes, name: str, own: Collection[str] = ()) -> Extraction:
    """The module in a notebook. Raises Refused.

    name : for messages.   own : modules that are handed in beside it.
    """
    shown = printable_name(name)
    try:
        notebook = _NOTEBOOKS.json(data.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError) as error:
        raise Refused(f"{shown} cannot be read as a notebook ({_reason(error)}); save it in Jupyter again") from None
    if notebook.nbformat != 4:
        raise Refused(f"{shown} has the notebook format {notebook.nbformat}; save it in Jupyter, which writes format 4")
    language = notebook.metadata.kernelspec.language or notebook.metadata.language_info.name or "python"
    if "python" not in language.lower():
        raise Refused(f"{shown} is a notebook for {printable_name(language)}; write it in Python")
    if len(notebook.cells) > CELLS:
        raise Refused(
            f"{shown} has {len(notebook.cells):,} cells, the limit is {CELLS:,}; hand in your functions alone"
        )
    cells = [
        Cell(
            number, cell.source if isinstance(cell.source, str) else "".join(cell.source), frozenset(cell.metadata.tags)
        )
        for number, cell in enumerate(notebook.cells, 1)
        if cell.cell_type == "code"
    ]
    size = sum(len(cell.source) for cell in cells)
    if size > CODE_KB * 1024:
        raise Refused(
            f"{shown} has {size // 1024:,} kB of code, the limit is {CODE_KB:,} kB; take out what is not yours"
        )
    return module_of(cells, own)


def to_json(cells: list[dict[str, Any]]) -> bytes:
    """A notebook of these cells for tests and tools, as Jupyter writes it."""
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return json.dumps({"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}).encode()


def _reason(error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return str(error).partition("\n")[0][:200]
