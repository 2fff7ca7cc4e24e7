"""Comments and points of the rubric of a submission; for staff, the rubric of an assignment."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from autograder.core.errors import DeepgradeError
from grader_service.courses import courses
from grader_service.database.models import CourseAssignment
from grader_service.database.session import LARGEST
from grader_service.grading import manual
from grader_service.web import permissions
from grader_service.web.pages import asked, database, here, me, reading, shown
from grader_service.web.pages.assignments import title_of
from grader_service.web.pages.grades import number_of
from grader_service.web.pages.submissions import page_of

blueprint = Blueprint("marking", __name__)

EMPTY_LINES = 3  # at the end of a rubric's form

Page = str | tuple[str, int] | Response


@blueprint.post("/submissions/<int:submission_id>/comments")
@permissions.marker
def comment(submission_id: int) -> Page:
    submission = asked()
    try:
        with database().write() as session:
            manual.comment(session, me(), submission, request.form.get("text", ""))
    except DeepgradeError as error:
        return page_of(shown(), refused={"comment": f"The comment was not added: {error}."}), 422
    return redirect(url_for("submissions.show", submission_id=submission_id) + "#comments", 303)


@blueprint.post("/submissions/<int:submission_id>/rubric")
@permissions.marker
def score(submission_id: int) -> Page:
    """Fields `item-<number>`: points of that line, or empty."""
    submission = asked()
    if submission.kind != "written":
        abort(404)
    try:
        with database().write() as session:
            given = {
                number: number_of(text) if text.strip() else None
                for name, text in request.form.items()
                if (number := _number(name, "item-")) is not None
            }
            changed = manual.score_rubric(session, me(), submission, submission.course_assignment, given)
    except DeepgradeError as error:
        return page_of(shown(), refused={"rubric": f"The points were not changed: {error}."}), 422
    flash("The points have been saved." if changed else "No points were changed.")
    return redirect(url_for("submissions.show", submission_id=submission_id) + "#rubric", 303)


@blueprint.get("/courses/<slug>/staff/rubric/<name>")
@permissions.staff
def rubric(name: str) -> Page:
    return _rubric(_course_assignment(name))


@blueprint.post("/courses/<slug>/staff/rubric/<name>")
@permissions.staff
def change(name: str) -> Page:
    """Fields `text-<n>`, `points-<n>`, `id-<n>` in the order of n; a line without text is deleted."""
    course_assignment = _course_assignment(name)
    try:
        lines = [_line(number) for number in range(manual.LINES_MOST + EMPTY_LINES) if f"text-{number}" in request.form]
        with database().write() as session:
            mine = session.merge(course_assignment, load=False)
            changed = manual.set_rubric(session, me(), mine, lines, request.form.get("reason", ""))
    except DeepgradeError as error:
        return _rubric(course_assignment, str(error)), 422
    flash("The rubric has been saved." if changed else "The rubric was not changed.")
    return redirect(url_for("marking.rubric", name=name), 303)


def _rubric(course_assignment: CourseAssignment, sentence: str = "") -> str:
    items = manual.rubric(reading(), course_assignment)
    return render_template(
        "staff/rubric.html",
        course_assignment=course_assignment,
        title=title_of(course_assignment.assignment),
        items=items,
        total=sum(item.points for item in items),
        empty=min(EMPTY_LINES, manual.LINES_MOST - len(items)),
        sentence=sentence,
        given=request.form,
    )


def _line(number: int) -> manual.Line:
    text = request.form.get(f"text-{number}", "")
    points = request.form.get(f"points-{number}", "").strip()
    known = _number(f"id-{request.form.get(f'id-{number}', '')}", "id-")
    if not text.strip():
        return manual.Line(known, "", 0.0)
    if not points:
        raise DeepgradeError(f"the line {text.strip()[:60]!r} has no points; enter its maximum points")
    return manual.Line(known, text, number_of(points))


def _number(name: str, beginning: str) -> int | None:
    digits = name.removeprefix(beginning)
    if not name.startswith(beginning) or not (digits.isascii() and digits.isdecimal()) or len(digits) > 10:
        return None
    return int(digits) if int(digits) <= LARGEST else None


def _course_assignment(name: str) -> CourseAssignment:
    return courses.assignment(reading(), here(), name) or abort(404)
