"""`final_grades.csv` as `otter grade` writes it, byte for byte where both have a value.

    file, <one column for each problem, sorted>, total_points_earned, percent_correct, grading_status
    points-per-question, ...                                           1.0, --
    ada.zip, ...                                                       0.85, Completed

A refused submission has zeros and its reason, as otter's failed ones do. A submission that has no score for another
reason (two of one student, a grader error) has empty cells: an empty cell is not a zero. No spreadsheet reads a cell as
a formula.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from autograder.batch.run import Outcome
from autograder.core.errors import GraderError
from autograder.course.course import Assignment

POSSIBLE = "points-per-question"
LAST = ("total_points_earned", "percent_correct", "grading_status")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")
STATUS_CHARACTERS = 500


def final_grades(assignment: Assignment, outcomes: Iterable[Outcome]) -> bytes:
    """The whole file."""
    outcomes = sorted(outcomes, key=lambda outcome: outcome.source.name)
    possible = possible_points(assignment, outcomes)
    questions = sorted(possible)
    total = sum(possible.values())
    rows: list[list[str]] = [["file", *questions, *LAST]]
    rows.append([POSSIBLE, *(number(possible[name]) for name in questions), number(total), "1.0", "--"])
    for outcome in outcomes:
        scores = scores_of(outcome, questions)
        numbers = [""] * (len(questions) + 2)
        if scores is not None:
            earned = float(sum(scores.values()))
            percent = round(earned / total, 4) if total else 0.0
            numbers = [*(number(scores[name]) for name in questions), number(earned), number(percent)]
        rows.append([inert(outcome.source.name), *numbers, inert(status(outcome))])
    return table(rows)


def table(rows: Iterable[Iterable[str]], *, mark: bool = False) -> bytes:
    """CSV in UTF-8. `mark` : add a byte order mark, since Excel needs one to read names in UTF-8."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue().encode("utf-8-sig" if mark else "utf-8", errors="backslashreplace")


def possible_points(assignment: Assignment, outcomes: Iterable[Outcome]) -> dict[str, float]:
    """Possible points of each problem: those of its tests, or those of the manifest if nothing was graded.

    Raises GraderError if two submissions were graded with different tests: their scores are not comparable.
    """
    first: tuple[str, dict[str, float]] | None = None
    for outcome in outcomes:
        if outcome.state != "graded" or outcome.report is None:
            continue
        possible = {problem.name: problem.possible for problem in outcome.report.problems}
        if first is None:
            first = outcome.source.name, possible
        elif possible != first[1]:
            raise GraderError(
                f"{outcome.source.name} was graded by other tests than {first[0]} ({sum(possible.values()):g} and "
                f"{sum(first[1].values()):g} points are possible); `--regrade` grades all of them anew"
            )
    return first[1] if first else {problem.name: problem.points for problem in assignment.manifest.problems}


def scores_of(outcome: Outcome, questions: list[str]) -> dict[str, float] | None:
    """Points by problem; None without a score."""
    if outcome.state == "graded" and outcome.report is not None:
        return {problem.name: problem.points for problem in outcome.report.problems}
    return dict.fromkeys(questions, 0.0) if outcome.state == "refused" else None


def status(outcome: Outcome) -> str:
    if outcome.state == "graded":
        return "Completed"
    label = "Refused" if outcome.state == "refused" else "Not graded"
    return f"{label}: {outcome.message}"[:STATUS_CHARACTERS]


def number(value: float) -> str:
    """A float as pandas writes it: the shortest text that parses to the same value."""
    return repr(float(value))


def inert(text: str) -> str:
    """A cell that no spreadsheet runs: a leading apostrophe makes it text, and control characters are written out."""
    plain = "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
    return f"'{plain}" if plain.startswith(FORMULA) or text.startswith(FORMULA) else plain
