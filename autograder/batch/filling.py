"""Which row of a grade book a score belongs to. Only sure matches are filled in: ids and addresses, never names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from autograder.batch.find import CANVAS, MOODLE
from autograder.batch.import_results import Score
from autograder.batch.lms import GradeBook


def of_scores(book: GradeBook, scores: Sequence[Score], possible: float) -> tuple[dict[int, float], list[str]]:
    """Share of the points by row, and the submissions that match no single row.

    possible : points of the assignment, for scores that do not say theirs
    """
    shares: dict[int, float] = {}
    unmatched = []
    rows = rows_by_key(book)
    for score in scores:
        if score.points is None:
            continue
        matching = {row for key in _keys(score) for row in rows.get(_fold(key), ())}
        if len(matching) == 1 and (row := matching.pop()) not in shares:
            shares[row] = score.points / (score.possible or possible)
        else:
            unmatched.append(score.submission)
    return shares, unmatched


def of_people(
    book: GradeBook, shares: Mapping[str, float], keys: Mapping[str, Iterable[str]]
) -> tuple[dict[int, float], list[str]]:
    """Share by row for people of another list, and the people that match no single row.

    shares : by a person's name for themselves
    keys : ids and addresses of each of them
    """
    rows = rows_by_key(book)
    by_row: dict[int, float] = {}
    unmatched = []
    for who, share in shares.items():
        matching = {row for key in keys[who] for row in rows.get(_fold(key), ())}
        if len(matching) == 1 and (row := matching.pop()) not in by_row:
            by_row[row] = share
        else:
            unmatched.append(who)
    return by_row, unmatched


def rows_by_key(book: GradeBook) -> dict[str, set[int]]:
    """The rows that have each login, address or number."""
    rows: dict[str, set[int]] = {}
    for person in book.people:
        number = f"{NUMBER} {person.number}" if person.number else ""
        for key in {_fold(one) for one in (person.login, person.email, person.sid, number)} - {""}:
            rows.setdefault(key, set()).add(person.row)
    return rows


NUMBER = "number of the system"  # before a number: an id of the university may be equal to it


def _keys(score: Score) -> list[str]:
    name = PurePosixPath(score.submission).name
    stem = name.removesuffix(".zip")
    numbers = [f"{NUMBER} {match['number']}" for one in (MOODLE, CANVAS) if (match := one.fullmatch(stem)) is not None]
    return [key for key in (score.login, score.email, score.sid, name, stem, *numbers) if key]


def _fold(text: str) -> str:
    return text.strip().casefold()
