"""Takes IPython's own lines (`%magic`, `!command`, `name?`) out of a cell, so that the rest is Python.

A line of IPython's begins a statement. `%` and `!=` in the middle of an expression or of a string begin no
statement, so brackets, strings and backslashes at the ends of lines are followed.
"""

from __future__ import annotations

import re

LINE = re.compile(r"\s*([%!?]|[\w.]+\?{1,2}\s*$)|\s*[\w, ]+=\s*(![^=]|%[A-Za-z])")
CELL = re.compile(r"\s*%%[A-Za-z!]")  # the whole cell belongs to the magic
TOKEN = re.compile(r"#[^\n]*|\"\"\"|'''|\"|'|[()\[\]{}]|\\\n|\n")


def without_magics(cell: str) -> tuple[str, list[int]]:
    """The cell with `pass` in place of IPython's lines, and the numbers of those lines, from 1."""
    lines = cell.split("\n")
    if CELL.match(next((line for line in lines if line.strip()), "")):
        return "", [next(number for number, line in enumerate(lines, 1) if line.strip())]
    if not any(LINE.match(line) for line in lines):
        return cell, []
    replaced = []
    for number in _first_lines(cell):
        line = lines[number - 1]
        if LINE.match(line):
            replaced.append(number)
            lines[number - 1] = f"{line[: len(line) - len(line.lstrip())]}pass"
    return "\n".join(lines), replaced


def _first_lines(cell: str) -> list[int]:
    """The numbers of the lines that begin a statement."""
    numbers, number, depth, quote = [1], 1, 0, ""
    position = 0
    while position < len(cell):
        if depth == 0 and not quote and numbers[-1] == number and _at_start(cell, position):
            end = cell.find("\n", position)
            if LINE.match(cell[position : len(cell) if end < 0 else end]):  # its quotes and brackets mean nothing
                position = len(cell) if end < 0 else end
        found = _in_string(cell, position, quote) if quote else TOKEN.search(cell, position)
        if found is None:
            break
        token, position = found[0], found.end()
        if "\n" in token:
            number += 1
            if token == "\n" and len(quote) == 1:
                quote = ""  # a string that is not closed: the parser says so
            if token == "\n" and not quote and depth == 0:
                numbers.append(number)
        elif quote:
            quote = "" if token == quote else quote
        elif token in ('"""', "'''", '"', "'"):
            quote = token
        elif token in "([{":
            depth += 1
        elif token in ")]}":
            depth = max(0, depth - 1)
    return numbers


def _at_start(cell: str, position: int) -> bool:
    return position == 0 or cell[position - 1] == "\n"


_STRINGS = {quote: re.compile(rf"\\\n|(?:\\.)|\n|{quote}", re.DOTALL) for quote in ('"""', "'''", '"', "'")}


def _in_string(cell: str, position: int, quote: str) -> re.Match[str] | None:
    return _STRINGS[quote].search(cell, position)
