"""Reads and checks the scores in files that otter-grader and Gradescope write.

    final_grades.csv   otter's, or ours                     one record for each row
    a grades CSV       Gradescope's "Download grades"       one for each student with a score
    results.json       of one submission                    one, named for its file, or for its folder
    a folder           of results.json files                one for each
    a grade book       of Canvas, Moodle, Blackboard, ...   one for each student with a grade (`lms`)

An error names the place in the file, and then nothing of that file is imported. A results.pkl is never read: unpickling
could run code of whoever wrote it.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from autograder.batch import lms, people, sheet
from autograder.core.decoding import TypedDecoder
from autograder.core.errors import DeepgradeError

FILE_BYTES = 64 * 2**20  # of one file; a larger file is refused
TOLERANCE = 1e-4  # otter rounds: scores of results.json to 5 digits, percent_correct to 4
OTTER = ("file", "total_points_earned", "percent_correct", "grading_status")
POSSIBLE = "points-per-question"
GRADESCOPE = ("Total Score", "Max Points", "Status")
QUESTION = re.compile(r"(?P<name>.+) \((?P<points>[0-9.]+) pts\)")


class BadResults(DeepgradeError):
    """A file of results cannot be imported, or must not be."""


class Import(msgspec.Struct, frozen=True):
    """A request to import scores into the grade book of a service."""

    course: str  # its short name
    apply: bool  # else the changes are only shown
    reason: str
    by: str  # login of the staff member; "" is nobody
    without_unknown: bool  # leave out the scores that match no student
    with_guesses: bool


class Score(msgspec.Struct, frozen=True):
    """The score of one submission. `points` is None without a score; that is not a zero."""

    submission: str
    points: float | None
    possible: float | None
    problems: dict[str, float] = {}
    student: str = ""
    status: str = ""
    email: str = ""
    sid: str = ""  # number of the student
    login: str = ""


class _Entry(msgspec.Struct):
    name: str = ""
    score: float | None = None
    max_score: float | None = None


class _Results(msgspec.Struct):
    tests: list[_Entry] = []
    score: float | None = None
    output: str = ""


_RESULTS: TypedDecoder[_Results] = TypedDecoder(_Results)


def read(path: Path, titles: Sequence[str] = (), possible: float | None = None) -> list[Score]:
    """All scores of a file or a folder, in order. Raises BadResults with the place and the value.

    titles : of the column of a grade book of a learning management system
    possible : points of the assignment; grades of such a column are scaled to them, so 80 of 100 are 4 of 5
    """
    if path.is_dir():
        files = sorted(path.glob("*.json")) or sorted(path.glob("*/results.json"))
        if not files:
            raise BadResults(f"{path}: holds no .json file; name a results.json, a final_grades.csv or their folder")
        scores = [_results_json(file) for file in files]
    elif path.suffix == ".json":
        scores = [_results_json(path)]
    elif path.suffix in (".csv", ".xls", ".tsv", ".txt"):  # Blackboard calls its CSV .xls
        scores = list(_csv(path, titles, possible))
    elif path.suffix in (".pkl", ".pickle"):
        raise BadResults(f"{path}: is a pickle, which could run code here; name the results.json that lies beside it")
    else:
        raise BadResults(f"{path}: is neither .csv nor .json; name otter's final_grades.csv or a results.json")
    names: set[str] = set()
    for score in scores:
        if score.submission in names:
            raise BadResults(f"{path}: holds two scores of {score.submission!r}; keep one of them")
        names.add(score.submission)
    return scores


def to_csv(scores: list[Score]) -> bytes:
    """Columns: submission, student, each problem, points, possible, status. No cell is a formula."""
    from autograder.batch.grades import inert, number, table

    problems = list(dict.fromkeys(name for score in scores for name in score.problems))
    rows = [["submission", "student", *map(inert, problems), "points", "possible", "status"]]
    for score in scores:
        numbers = [*(score.problems.get(name) for name in problems), score.points, score.possible]
        cells = ["" if value is None else number(value) for value in numbers]
        rows.append([inert(score.submission), inert(score.student), *cells, inert(score.status)])
    return table(rows)


# --- csv ----------------------------------------------------------------------------------------------------------


def _csv(path: Path, titles: Sequence[str], wanted: float | None) -> Iterator[Score]:
    data = bytes_of(path)
    if (book := _grade_book(data, path)) is not None:
        yield from _of_book(path, book, titles, wanted)
        return
    try:
        reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig")), strict=True)
        rows = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadResults(f"{path}: is not a CSV file in UTF-8 ({error}); export it again") from error
    columns = list(reader.fieldnames or [])
    for row in rows:
        if None in row or None in row.values():
            raise BadResults(f"{path}: a row has not as many cells as the header: {next(iter(row.values()))!r}")
    if columns[:1] == ["file"] and set(OTTER) <= set(columns):
        yield from _otter(path, columns, rows)
    elif set(GRADESCOPE) <= set(columns):
        yield from _gradescope(path, columns, rows)
    else:
        raise BadResults(f"{path}: is neither otter's final_grades.csv nor Gradescope's: its columns are {columns[:6]}")


def _otter(path: Path, columns: list[str], rows: list[dict[str, str]]) -> Iterator[Score]:
    problems = [name for name in columns if name not in OTTER]
    possible, whose = None, people.read(path.with_name(people.NAME))
    for line, row in enumerate(rows, 2):
        location = f"{path}: line {line}"
        name = row["file"].removeprefix("'")
        who = whose.get(name, {})
        student, login, email, sid = (who.get(part, "") for part in ("name", "login", "email", "sid"))
        if row["total_points_earned"] == "":
            yield Score(name, None, possible, {}, student, row["grading_status"], email, sid, login)
            continue
        points = {problem: _number(row[problem], f"{location}: {problem}") for problem in problems}
        total = _number(row["total_points_earned"], f"{location}: total_points_earned")
        if abs(total - sum(points.values())) > TOLERANCE:
            raise BadResults(
                f"{location}: the total of {name} is {total:g}, but its problems have {sum(points.values()):g}"
            )
        if name == POSSIBLE:
            possible = total
            continue
        percent = _number(row["percent_correct"], f"{location}: percent_correct")
        if possible and abs(percent - total / possible) > TOLERANCE:
            raise BadResults(f"{location}: {name} has {total:g} of {possible:g} points, which is not {percent:g}")
        yield Score(name, total, possible, points, student, row["grading_status"], email, sid, login)


def _gradescope(path: Path, columns: list[str], rows: list[dict[str, str]]) -> Iterator[Score]:
    questions = {column: match["name"] for column in columns if (match := QUESTION.fullmatch(column)) is not None}
    for line, row in enumerate(rows, 2):
        location = f"{path}: line {line}"
        person = row.get("Name") or " ".join(filter(None, [row.get("First Name"), row.get("Last Name")]))
        name = row.get("Submission ID") or row.get("Email") or row.get("SID") or person
        possible = _number(row["Max Points"], f"{location}: Max Points") if row["Max Points"] else None
        email, sid = row.get("Email") or "", row.get("SID") or ""
        if row["Total Score"] == "":
            yield Score(name, None, possible, {}, person, row["Status"], email, sid)
            continue
        points = {
            problem: _number(row[column], f"{location}: {problem}")
            for column, problem in questions.items()
            if row[column]
        }
        total = _number(row["Total Score"], f"{location}: Total Score")
        yield Score(name, total, possible, points, person, row["Status"], email, sid)


def _grade_book(data: bytes, path: Path) -> lms.GradeBook | None:
    """The file as a grade book of a learning management system; None if it is something else."""
    try:
        rows, shape = sheet.read(data, str(path))
        return lms.recognise(rows, shape)
    except DeepgradeError:
        return None  # the readers of other files say what is wrong


def _of_book(path: Path, book: lms.GradeBook, titles: Sequence[str], wanted: float | None) -> Iterator[Score]:
    try:
        column = lms.column(book, titles or ("",))
    except DeepgradeError as error:
        raise BadResults(f"{path}: {error}") from error
    for person in book.people:
        points, possible = book.points(person, column), book.possible(person, column)
        if points is not None and points < 0:
            raise BadResults(f"{path}: {person.key} has {points:g} points, which cannot be points")
        if wanted is not None and possible:
            points, possible = None if points is None else points * wanted / possible, wanted
        yield Score(
            person.key,
            points,
            possible,
            student=person.name,
            status=book.system,
            email=person.email,
            sid=person.sid,
            login=person.login,
        )


# --- json ---------------------------------------------------------------------------------------------------------


def _results_json(path: Path) -> Score:
    try:
        results = _RESULTS.json(bytes_of(path))
    except (ValueError, RecursionError) as error:  # not UTF-8, or nested without end, among others
        raise BadResults(f"{path}: is not a results.json: {error}") from error
    scored = [entry for entry in results.tests if entry.score is not None]
    problems: dict[str, float] = {}
    for number, entry in enumerate(scored, 1):
        value = _number(entry.score, f"{path}: {entry.name}")
        problems[entry.name or str(number)] = problems.get(entry.name or str(number), 0.0) + value
    name = path.parent.name if path.name == "results.json" else path.stem
    if results.score is None and not scored:
        return Score(name, None, None, status="no score")
    points = sum(problems.values()) if results.score is None else _number(results.score, f"{path}: score")
    maxima = [_number(entry.max_score, f"{path}: {entry.name}") for entry in scored if entry.max_score is not None]
    return Score(
        name, points, sum(maxima) if maxima else None, problems, status="Completed" if scored else results.output[:500]
    )


def _number(value: Any, location: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise BadResults(f"{location}: {value!r} is not a number") from None
    if not math.isfinite(number) or number < 0:
        raise BadResults(f"{location}: {value!r} cannot be points")
    return number


def bytes_of(path: Path) -> bytes:
    """Raises BadResults for a file that cannot be read, or is too large."""
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES + 1)
    except OSError as error:
        raise BadResults(f"{path}: cannot be read ({error.strerror}); name a file of results") from error
    if len(data) > FILE_BYTES:
        raise BadResults(f"{path}: has more than {FILE_BYTES // 2**20} MB; that is not a file of results")
    return data
