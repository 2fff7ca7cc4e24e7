"""Differences between two attempts of one person: in the files, and in the results of the tests.

The files are not trusted. Bytes that are not UTF-8 are escaped, and sizes are limited, since the time of a comparison
grows with the square of the number of lines.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

from autograder.report.schema import Report

LINES = 1000  # of a file; a longer one is not compared line by line; 1000 take up to a third of a second
BYTES = 256 * 1024
CONTEXT = 3  # lines around a change


@dataclass(frozen=True)
class Line:
    kind: str  # "same", "added", "removed" or "place"
    old: int | None  # numbers of the line, from 1
    new: int | None
    text: str


@dataclass(frozen=True)
class File:
    name: str
    state: str  # "same", "changed", "added" or "removed"
    lines: list[Line]
    note: str = ""  # the reason if it is not compared line by line


@dataclass(frozen=True)
class Change:
    """A test with a different verdict."""

    name: str
    law: str
    before: str  # verdict; "" if the test was absent
    after: str


def of_files(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> list[File]:
    """Every file of either, in the order of the second."""
    return [_file(name, before.get(name), after.get(name)) for name in dict.fromkeys([*after, *before])]


def of_tests(before: Report | None, after: Report | None) -> list[Change]:
    """The tests whose verdict changed between two reports, both reduced to what one viewer may see."""
    if before is None or after is None:
        return []
    old_tests = {test.id: test for test in before.tests}
    new_tests = {test.id: test for test in after.tests}
    changes = []
    for number in dict.fromkeys([*new_tests, *old_tests]):
        old_test, new_test = old_tests.get(number), new_tests.get(number)
        present = new_test or old_test
        if present and (old_test is None or new_test is None or old_test.verdict != new_test.verdict):
            changes.append(
                Change(
                    present.name,
                    present.law,
                    old_test.verdict if old_test else "",
                    new_test.verdict if new_test else "",
                )
            )
    return changes


def _file(name: str, before: bytes | None, after: bytes | None) -> File:
    if before == after:
        return File(name, "same", [])
    state = "added" if before is None else "removed" if after is None else "changed"
    if max(len(before or b""), len(after or b"")) > BYTES:
        return File(name, state, [], "The file is too large to compare line by line.")
    if b"\0" in (before or b"") or b"\0" in (after or b""):
        return File(name, state, [], "The file is not text.")
    old_lines, new_lines = _lines(before), _lines(after)
    if max(len(old_lines), len(new_lines)) > LINES:
        return File(name, state, [], f"The file has more than {LINES} lines, which is too many to compare.")
    return File(name, state, _compare(old_lines, new_lines))


def _lines(data: bytes | None) -> list[str]:
    return (data or b"").decode("utf-8", "backslashreplace").splitlines()


def _compare(old_lines: list[str], new_lines: list[str]) -> list[Line]:
    lines: list[Line] = []
    for group in difflib.SequenceMatcher(None, old_lines, new_lines).get_grouped_opcodes(CONTEXT):
        if lines or group[0][1] or group[0][3]:
            lines.append(Line("place", None, None, ""))
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                lines += [
                    Line("same", i + 1, j + 1, new_lines[j]) for i, j in zip(range(i1, i2), range(j1, j2), strict=True)
                ]
            else:
                lines += [Line("removed", i + 1, None, old_lines[i]) for i in range(i1, i2)]
                lines += [Line("added", None, j + 1, new_lines[j]) for j in range(j1, j2)]
    return lines
