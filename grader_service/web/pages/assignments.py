"""The assignments: what is due, each one's kit, and handing in."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from flask import Blueprint, abort, redirect, render_template, request, send_file, url_for
from werkzeug.wrappers import Response

from autograder.core.errors import Refused
from autograder.course import kit
from autograder.course.course import Assignment
from grader_service.core import minutes
from grader_service.courses import content, courses, late_policy
from grader_service.database.models import Course, CourseAssignment
from grader_service.grading import scores, submission_view
from grader_service.submissions import intake, submissions, written
from grader_service.web import permissions
from grader_service.web.pages import course, here, me, reading, services, waited

blueprint = Blueprint("assignments", __name__)

SOON = 7 * late_policy.DAY  # seconds; assignments that are due within are at the top

Page = str | tuple[str, int] | Response


@dataclass(frozen=True)
class Row:
    """An assignment on the list, for one person."""

    course: Course
    course_assignment: CourseAssignment
    content: Assignment | None  # None: the disk does not have it
    cell: scores.Cell
    now: float

    @property
    def title(self) -> str:
        return self.content.manifest.title if self.content else self.course_assignment.assignment

    @property
    def possible(self) -> float:
        return (self.content.manifest.points if self.content else 0.0) + self.course_assignment.written_points

    @property
    def released(self) -> bool:
        return late_policy.released(self.course_assignment, self.now)

    @property
    def receipt(self) -> late_policy.Receipt:
        """The receipt of a submission at this time."""
        return late_policy.receipt(self.cell.terms, self.now)

    @property
    def points_shown(self) -> bool:
        return late_policy.points_shown(self.cell.terms, self.now)

    @property
    def score(self) -> late_policy.Score:
        """The score as the student may see it now. Points that staff have set are always shown."""
        score = self.cell.score
        if self.points_shown:
            return score
        return late_policy.Score(score.points if score.overridden else None, overridden=score.overridden)

    @property
    def lacks(self) -> str:
        """The parts that are not handed in yet, in words."""
        written = self.course_assignment.written_points > 0 and self.cell.written is None
        if not self.cell.attempts:
            return "nothing handed in yet" if written or self.cell.written is None else "no code handed in yet"
        return "written part not handed in yet" if written else ""

    @property
    def pressing(self) -> bool:
        """Is it due within a week? Or is it late, and would a missing part still give points?"""
        due = self.cell.terms.due_at
        if due is None or not self.receipt.accepted or self.course.archived_at is not None:
            return False
        if self.receipt.days_late:
            return bool(self.lacks) and self.receipt.factor > 0
        return minutes.end(due) - self.now < SOON


@blueprint.get("/")
@permissions.signed_in
def index() -> Page:
    """The assignments of all my courses."""
    return _dashboard(permissions.my_courses(reading()))


@blueprint.get("/courses/<slug>")
@permissions.member
def of_course() -> Page:
    return _dashboard([here()])


@blueprint.get("/courses/<slug>/assignments/<name>")
@permissions.member
def show(name: str) -> Page:
    return _page(permissions.assignment(name), _content(name))


@blueprint.get("/courses/<slug>/assignments/<name>/kit.zip")
@permissions.member
def download_kit(name: str) -> Page:
    permissions.assignment(name)
    assignment = _content(name)
    return send_file(
        io.BytesIO(_kit(assignment, _newest(assignment))),
        mimetype="application/zip",
        as_attachment=True,
        download_name=f"{assignment.name}.zip",
    )


@blueprint.post("/courses/<slug>/assignments/<name>")
@permissions.member
def hand_in(name: str) -> Page:
    """303 to the stored submission; 422 with the reason if it is refused. Then nothing is stored."""
    course_assignment, assignment = permissions.assignment(name), _content(name)
    upload = request.files.get("zip")
    if upload is None or not upload.filename:
        return _page(course_assignment, assignment, refusal="choose a zip file first"), 422
    data = upload.stream.read()
    try:
        submission = intake.hand_in(
            services(),
            reading(),
            me(),
            here(),
            assignment,
            data,
            filename=upload.filename,
            form_key=request.form.get("form_key", ""),
            waited=waited(),
        )
    except Refused as error:
        return _page(course_assignment, assignment, refusal=str(error)), 422
    return redirect(url_for("submissions.show", submission_id=submission.id), 303)


def _dashboard(mine: list[Course]) -> str:
    now = submissions.now(reading())
    rows = {one.id: list(_rows(one, now)) for one in mine}
    pressing = sorted(
        (row for of_course in rows.values() for row in of_course if row.pressing),
        key=lambda row: row.cell.terms.due_at or 0.0,
    )
    return render_template("assignments.html", courses=mine, rows=rows, pressing=pressing, now=now)


def _rows(one: Course, now: float) -> Iterator[Row]:
    course_assignments = courses.assignments(reading(), one)
    table = scores.load(reading(), one, course_assignments, person=me())
    for each in course_assignments:
        row = Row(one, each, content.assignment(course(), each.assignment), table.cell(me().id, each), now)
        if row.released or permissions.is_staff_in(one.id):
            yield row


def _content(name: str) -> Assignment:
    return content.assignment(course(), name) or abort(404)


def title_of(name: str) -> str:
    return content.title(course(), name)


def _page(course_assignment: CourseAssignment, assignment: Assignment, refusal: str = "") -> str:
    now = submissions.now(reading())
    cell = scores.load(reading(), here(), [course_assignment], person=me()).cell(me().id, course_assignment)
    history = submissions.history(me(), course_assignment)
    return render_template(
        "assignment.html",
        assignment=assignment,
        row=Row(here(), course_assignment, assignment, cell, now),
        may=late_policy.may_hand_in(cell.terms, cell.attempts, now),
        may_write=late_policy.receipt(cell.terms, now),
        left=late_policy.attempts(cell.terms, cell.attempts, now),
        now=now,
        history=submission_view.summaries(reading(), history, lambda _: "student"),
        form_key=intake.new_key(),
        refusal=refusal,
        WRITTEN_KB=written.MOST_KB,
    )


@lru_cache(maxsize=64)
def _kit(assignment: Assignment, newest: float) -> bytes:
    return kit.build(assignment)


def _newest(assignment: Assignment) -> float:
    """The time of the last change of the students' files. A kit is built again only after a change."""
    return max((path.stat().st_mtime for path in assignment.folder.rglob("*")), default=0.0)
