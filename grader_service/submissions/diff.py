"""What changed between two attempts of one person: in the files, and in how the tests went.

The files are a stranger's: they are decoded with what cannot be decoded marked, and compared within bounds, since the
time that a comparison takes grows with the square of what is compared.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

from autograder.report.schema import Report

LINES = 1000  # of a file; a longer one is not compared line by line, which takes up to a third of a second
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
    note: str = ""  # why it is not compared line by line


@dataclass(frozen=True)
class Change:
    """A test that went another way."""

    name: str
    law: str
    before: str  # verdict; "" where the test was not there
    after: str


def of_files(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> list[File]:
    """Every file of either, in the order of the second."""
    return [_file(name, before.get(name), after.get(name)) for name in dict.fromkeys([*after, *before])]


def of_tests(before: Report | None, after: Report | None) -> list[Change]:
    """The tests whose verdict changed, of two reports as one reader may see them."""
    if before is None or after is None:
        return []
    old = {test.id: test for test in before.tests}
    new = {test.id: test for test in after.tests}
    found = []
    for number in dict.fromkeys([*new, *old]):
        was, now = old.get(number), new.get(number)
        one = now or was
        if one and (was is None or now is None or was.verdict != now.verdict):
            found.append(Change(one.name, one.law, was.verdict if was else "", now.verdict if now else ""))
    return found


def _file(name: str, before: bytes | None, after: bytes | None) -> File:
    if before == after:
        return File(name, "same", [])
    state = "added" if before is None else "removed" if after is None else "changed"
    if max(len(before or b""), len(after or b"")) > BYTES:
        return File(name, state, [], "The file is too large to compare line by line.")
    if b"\0" in (before or b"") or b"\0" in (after or b""):
        return File(name, state, [], "The file is not text.")
    old, new = _lines(before), _lines(after)
    if max(len(old), len(new)) > LINES:
        return File(name, state, [], f"The file has more than {LINES} lines, which is too many to compare.")
    return File(name, state, _compare(old, new))


def _lines(data: bytes | None) -> list[str]:
    return (data or b"").decode("utf-8", "backslashreplace").splitlines()


def _compare(old: list[str], new: list[str]) -> list[Line]:
    found: list[Line] = []
    for group in difflib.SequenceMatcher(None, old, new).get_grouped_opcodes(CONTEXT):
        if found or group[0][1] or group[0][3]:
            found.append(Line("place", None, None, ""))
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                found += [Line("same", i + 1, j + 1, new[j]) for i, j in zip(range(i1, i2), range(j1, j2), strict=True)]
            else:
                found += [Line("removed", i + 1, None, old[i]) for i in range(i1, i2)]
                found += [Line("added", None, j + 1, new[j]) for j in range(j1, j2)]
    return found
