"""For staff of a course: the grade book as a page and as CSV, a student's whole term, and statistics."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from autograder.core.errors import DeepgradeError
from grader_service.courses import courses
from grader_service.database import audit
from grader_service.database.models import CourseAssignment, Membership, Person, Submission
from grader_service.grading import csv_export, manual, results, scores, submission_view
from grader_service.grading import gradebook as books
from grader_service.grading import statistics as test_statistics
from grader_service.grading.gradebook import Book
from grader_service.grading.submission_view import Summary
from grader_service.submissions import submissions
from grader_service.web import permissions
from grader_service.web.pages import course, database, here, me, reading

blueprint = Blueprint("grades", __name__, url_prefix="/courses/<slug>/staff")

Page = str | tuple[str, int] | AnyResponse

ENTRIES = 20  # entries of the audit on a student's page


@blueprint.get("/grades")
@permissions.staff
def show() -> Page:
    order, shown = request.args.get("by", "name"), request.args.get("show", "all")
    wanted = request.args.get("find", "").strip()[:200]
    gradebook = book()
    orders = {**books.ORDERS, **{column.name: column.title for column in gradebook.columns}}
    rows = books.ordered(gradebook, books.select(gradebook, find=wanted, show=shown), order)
    return render_template(
        "staff/grades.html",
        book=gradebook,
        columns=gradebook.columns,
        rows=rows,
        order=order if order in orders else "name",
        orders=orders,
        shown=shown if shown in books.FILTERS else "all",
        kinds={name: words for name, (words, _) in books.FILTERS.items()},
        wanted=wanted,
        everybody=len(gradebook.rows),
        forms={name: words for name, (words, _) in csv_export.FORMS.items()},
    )


@blueprint.get("/grades.csv")
@permissions.staff
def export() -> Page:
    """`form` is course, gradescope or otter; `assignment` leaves out the others. All students, by login."""
    form, name = request.args.get("form", "course"), request.args.get("assignment", "")
    if form not in csv_export.FORMS:
        abort(404)
    gradebook = book()
    if name:
        if gradebook.index(name) is None:
            abort(404)
        gradebook = csv_export.only(gradebook, name)
    data = csv_export.FORMS[form][1](gradebook, books.ordered(gradebook, gradebook.rows, "login"))
    ending = {"otter": "final_grades", "gradescope": "gradescope"}.get(form, "grades")
    filename = f"{here().slug}-{name + '-' if name else ''}{ending}.csv"
    return Response(data, mimetype="text/csv", headers={"Content-Disposition": f'attachment; filename="{filename}"'})


@blueprint.get("/students/<int:person_id>")
@permissions.staff
def student(person_id: int) -> Page:
    """A student's whole term: what counts in each assignment and why, all uploads, and changes by staff."""
    return _student(_person(person_id))


@blueprint.post("/students/<int:person_id>/<name>")
@permissions.staff
def override(person_id: int, name: str) -> Page:
    """Set `points` with a `reason`; with `withdraw`=1 withdraw them."""
    person, course_assignment = _person(person_id), _course_assignment(name)
    reason = request.form.get("reason", "")
    try:
        with database().write() as session:
            if request.form.get("withdraw") == "1":
                manual.withdraw_override(session, me(), course_assignment, person, reason)
                said = "The points set by hand have been withdrawn. The graded result counts again."
            else:
                table = scores.load(session, here(), [course_assignment], person=person)
                at_sight_of = table.cell(person.id, course_assignment).score.code
                points = number_of(request.form.get("points", ""))
                manual.set_override(
                    session,
                    me(),
                    course_assignment,
                    person,
                    points,
                    reason,
                    submission_id=at_sight_of.id if at_sight_of else None,
                )
                said = f"{points:g} points have been set."
    except DeepgradeError as error:
        return _student(person, sentence=str(error), at=name), 422
    flash(said)
    return redirect(url_for("grades.student", person_id=person_id) + f"#{name}", 303)


@blueprint.get("/statistics/<name>")
@permissions.staff
def statistics(name: str) -> Page:
    """The distribution of points and the results of each test, over the counting submission of each student."""
    gradebook = book()
    if gradebook.index(name) is None:
        abort(404)
    gradebook = csv_export.only(gradebook, name)
    column = gradebook.columns[0]
    entries = [row.entries[0] for row in gradebook.rows]
    counting = [entry.score.code.id for entry in entries if entry.score.code]
    tests = test_statistics.of_tests(results.reports(reading(), results.of(reading(), counting)).values())
    points = [entry.points for entry in entries if entry.points is not None]
    return render_template(
        "staff/statistics.html",
        book=gradebook,
        column=column,
        spread=test_statistics.of_points(points, column.possible),
        tests=tests,
        students=len(entries),
        reports=len(counting),
        unmarked=sum(entry.unmarked and not entry.score.overridden for entry in entries),
    )


def book(person: Person | None = None) -> Book:
    """All students of this course, or one person in it."""
    return books.load(reading(), course(), here(), submissions.now(reading()), person=person)


def number_of(text: str) -> float:
    """Raises DeepgradeError if it is not a number."""
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        raise DeepgradeError(f"{text[:40]!r} is not a valid number of points; write a number like 7.5") from None


def _student(person: Person, sentence: str = "", at: str = "") -> str:
    gradebook = book(person)
    course_assignments = [column.course_assignment for column in gradebook.columns]
    handed_in = sa.select(Submission).where(
        Submission.course_assignment_id.in_([one.id for one in course_assignments]), Submission.person_id == person.id
    )
    uploads = submission_view.summaries(reading(), handed_in.order_by(Submission.id.desc()), lambda _: "staff")
    return render_template(
        "staff/student.html",
        person=person,
        row=gradebook.rows[0],
        columns=gradebook.columns,
        overrides=manual.overrides(reading(), course_assignments, person),
        uploads=_by_assignment(uploads),
        entries=audit.entries(reading(), here(), person=person.id, limit=ENTRIES),
        sentence=sentence,
        at=at,
    )


def _by_assignment(uploads: list[Summary]) -> dict[str, list[Summary]]:
    by_assignment: dict[str, list[Summary]] = {}
    for one in uploads:
        by_assignment.setdefault(one.submission.assignment, []).append(one)
    return by_assignment


def _person(person_id: int) -> Person:
    """A person of this course; 404 for all others."""
    query = sa.select(Person).join(Membership).where(Membership.course_id == here().id, Person.id == person_id)
    return reading().scalar(query) or abort(404)


def _course_assignment(name: str) -> CourseAssignment:
    return courses.assignment(reading(), here(), name) or abort(404)
