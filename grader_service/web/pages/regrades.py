"""For staff of a course: start regrades, compare the results, and apply them."""

from __future__ import annotations

import re
from collections.abc import Iterable

import sqlalchemy as sa
from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from autograder.core.errors import DeepgradeError
from autograder.course.course import Assignment
from autograder.report import completeness
from grader_service.courses import content, courses
from grader_service.database.models import CourseAssignment, Regrade, Submission
from grader_service.database.session import LARGEST
from grader_service.grading import regrades, scores
from grader_service.queue import enqueue
from grader_service.web import formatting, permissions
from grader_service.web.pages import course, database, here, me, number, other_tests, reading, services, settings
from grader_service.web.pages.assignments import title_of

blueprint = Blueprint("regrading", __name__, url_prefix="/courses/<slug>/staff/regrades")

ROWS = 50
NUMBERS_MOST = 100_000  # submissions in a list of ranges

SETS = {
    "counting": "the counting submission of each student",
    "latest": "the latest submission of each student",
    "all": "all submissions",
    "other_tests": "submissions whose results were made with other tests",
    "named": "submissions with these numbers",
}

Page = str | tuple[str, int] | Response


@blueprint.get("")
@permissions.staff
def show() -> Page:
    return _page()


@blueprint.post("")
@permissions.staff
def begin() -> Page:
    """Puts the submissions into the queue again. Their results do not count yet."""
    name, which = request.form.get("assignment", ""), request.form.get("which", "counting")
    tests = " ".join(request.form.getlist("tests")).replace(",", " ").split()
    try:
        assignment = content.assignment(course(), name)
        if assignment is None:
            raise DeepgradeError(f"{name[:60]!r} is not an assignment with tests")
        manifest, known = assignment.manifest, _tests(assignment)
        course_assignment = courses.assignment(reading(), here(), name)
        if course_assignment is None:
            raise DeepgradeError(f"the course has no assignment {name[:60]!r}")
        ids = _numbers(course_assignment, which, request.form.get("numbers", ""))
        needs = enqueue.needs(manifest, long_seconds=settings().long_seconds, course=services().version.lately())
        with database().write() as session:
            made = regrades.create(
                session,
                me(),
                course_assignment,
                ids,
                tests=tests or None,
                needs=needs,
                reason=request.form.get("reason", ""),
                known=known,
                anew=request.form.get("anew") == "yes",
            )
    except DeepgradeError as error:
        return _page(str(error)), 422
    services().notifier.ring(needs.queue)
    return redirect(url_for("regrading.one", regrade_id=made.id), 303)


@blueprint.get("/<int:regrade_id>")
@permissions.staff
def one(regrade_id: int) -> Page:
    return _one(_regrade(regrade_id))


@blueprint.post("/<int:regrade_id>/count")
@permissions.staff
def count(regrade_id: int) -> Page:
    """Applies the regrade: its results count."""
    try:
        with database().write() as session:
            compared = regrades.count(session, me(), here(), regrades.find(session, here(), regrade_id) or abort(404))
    except DeepgradeError as error:
        return _one(_regrade(regrade_id), str(error)), 422
    flash(f"Regrade applied. The scores of {formatting.count(len(compared.students), 'student')} changed.")
    return redirect(url_for("regrading.one", regrade_id=regrade_id), 303)


@blueprint.post("/<int:regrade_id>/withdraw")
@permissions.staff
def withdraw(regrade_id: int) -> Page:
    """Withdraws the regrade: the earlier results count again."""
    try:
        with database().write() as session:
            regrade = regrades.find(session, here(), regrade_id) or abort(404)
            regrades.withdraw(session, me(), here(), regrade, request.form.get("reason", ""))
    except DeepgradeError as error:
        return _one(_regrade(regrade_id), str(error)), 422
    flash("Regrade withdrawn. The earlier results count again.")
    return redirect(url_for("regrading.one", regrade_id=regrade_id), 303)


def _tests(assignment: Assignment) -> list[str]:
    """Names of the assignment's tests, public and hidden, in the order of their files."""
    ids = [one for path in assignment.test_files for one in completeness.defined(path)]
    return list(dict.fromkeys(one.partition("::")[2] for one in ids))


def _all_tests(names: Iterable[str]) -> dict[str, list[str]]:
    """The tests of each assignment; assignments that the disk does not have are left out."""
    assignments = {name: content.assignment(course(), name) for name in names}
    return {name: _tests(assignment) for name, assignment in assignments.items() if assignment is not None}


def _page(sentence: str = "") -> str:
    course_assignments = courses.assignments(reading(), here())
    return render_template(
        "staff/regrades.html",
        regrades=regrades.of_course(reading(), here()),
        assignments={one.assignment: title_of(one.assignment) for one in course_assignments},
        sets=SETS,
        tests=_all_tests(one.assignment for one in course_assignments),
        ticked=set(request.form.getlist("tests")),
        given=request.form,
        sentence=sentence,
        title_of=title_of,
    )


def _one(regrade: Regrade, sentence: str = "") -> str:
    compared = regrades.compare(reading(), here(), regrade)
    start = min(number("from") or 0, len(compared.changes))
    shown = compared.changes[start : start + ROWS]
    return render_template(
        "staff/regrade.html",
        regrade=regrade,
        title=title_of(regrade.assignment),
        compared=compared,
        shown=shown,
        start=start,
        rows=ROWS,
        tests=regrades.tests_changed(reading(), regrade, [change.submission.id for change in shown]),
        sentence=sentence,
    )


def _regrade(regrade_id: int) -> Regrade:
    return regrades.find(reading(), here(), regrade_id) or abort(404)


def _numbers(course_assignment: CourseAssignment, which: str, text: str) -> list[int]:
    """The ids of the submissions to grade. Raises DeepgradeError for a list that is not valid."""
    if which == "named":
        return numbers_of(text)
    if which == "other_tests":
        return other_tests.find().get(course_assignment.assignment, [])
    if which == "counting":
        cells = scores.load(reading(), here(), [course_assignment]).cells.values()
        return [cell.score.code.id for cell in cells if cell.score.code]
    mine = (Submission.course_assignment_id == course_assignment.id, Submission.kind == "code")
    if which == "latest":
        latest = sa.select(sa.func.max(Submission.id)).where(*mine).group_by(Submission.person_id)
        return list(reading().scalars(latest))
    if which == "all":
        return list(reading().scalars(sa.select(Submission.id).where(*mine)))
    raise DeepgradeError(f"{which[:40]!r} is not a set of submissions; choose one from the list")


def numbers_of(text: str) -> list[int]:
    """`3, 5-8 12` is 3, 5, 6, 7, 8 and 12. Raises DeepgradeError if it is not such a list."""
    numbers: set[int] = set()
    for word in text.replace(",", " ").split():
        match = re.fullmatch(r"([0-9]{1,10})(?:-([0-9]{1,10}))?", word)
        if match is None:
            raise DeepgradeError(f"{word[:40]!r} is not a submission number; write numbers like 3, 5-8, 12")
        low, high = int(match[1]), int(match[2] or match[1])
        if high > LARGEST or high - low >= NUMBERS_MOST or len(numbers) > NUMBERS_MOST:
            raise DeepgradeError(f"{word[:40]!r} covers too many submissions; write a smaller range")
        numbers |= set(range(low, high + 1))
    return sorted(numbers)
