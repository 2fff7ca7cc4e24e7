"""`people.csv`: whose submission is which, so that ids and addresses travel from a download to the grade book.

    file, name, login, email, sid       one row for each submission that is known to be somebody's

Gradescope's download names people itself. Downloads of Moodle and Canvas have a number of each student in their names,
and the grade book of the same system says whose number it is (`batch --lms`).
"""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Iterable
from pathlib import Path

from autograder.batch.find import Source
from autograder.batch.grades import inert, table
from autograder.batch.lms import GradeBook
from autograder.core.errors import DeepgradeError

NAME = "people.csv"
COLUMNS = ("file", "name", "login", "email", "sid")
BYTES = 16 * 2**20  # of the file; a larger one is refused


def identify(sources: Iterable[Source], book: GradeBook) -> list[Source]:
    """The sources with the login, the address and the number that the grade book has for them."""
    by_number = {person.number: person for person in book.people if person.number}
    identified = []
    for source in sources:
        person = by_number.get(source.number) if source.number else None
        if person is not None:
            source = dataclasses.replace(
                source,
                student=person.name or source.student,
                login=person.login,
                email=person.email,
                sid=person.sid,
            )
        identified.append(source)
    return identified


def to_csv(sources: Iterable[Source]) -> bytes | None:
    """None if nothing is known of anybody."""
    known = [source for source in sources if source.login or source.email or source.sid]
    rows = [[one.name, one.student, one.login, one.email, one.sid] for one in sorted(known, key=lambda one: one.name)]
    return table([COLUMNS, *([inert(cell) for cell in row] for row in rows)]) if rows else None


def read(path: Path) -> dict[str, dict[str, str]]:
    """The rows by file; empty without the file. Raises DeepgradeError if it is damaged."""
    if not path.is_file():
        return {}
    try:
        if path.stat().st_size > BYTES:
            raise DeepgradeError(f"{path}: has more than {BYTES // 2**20} MB; remove it, or run the batch again")
        reader = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")), strict=True)
        rows = list(reader)
    except (OSError, ValueError, csv.Error) as error:
        raise DeepgradeError(f"{path}: cannot be read ({error}); remove it, or run the batch again") from error
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise DeepgradeError(
            f"{path}: does not have the columns {', '.join(COLUMNS)}; remove it, or run the batch again"
        )
    return {
        row["file"].removeprefix("'"): {name: (row[name] or "").removeprefix("'") for name in COLUMNS[1:]}
        for row in rows
    }
