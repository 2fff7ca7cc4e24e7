"""For staff of a course: which submissions to an assignment share code."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Blueprint, abort, redirect, render_template, url_for
from werkzeug.wrappers import Response

from autograder.core.errors import Refused
from autograder.course.course import Assignment
from autograder.course.submission import read_upload
from grader_service.courses import content, courses
from grader_service.database.models import CourseAssignment, Submission
from grader_service.grading import similarity
from grader_service.submissions import submissions
from grader_service.web import permissions
from grader_service.web.pages import course, files, here, reading, settings

blueprint = Blueprint("similarity", __name__, url_prefix="/courses/<slug>/staff/similarity/<name>")

Page = str | tuple[str, int] | Response


@blueprint.get("")
@permissions.staff
def show(name: str) -> Page:
    assignment = _assignment(name)
    state = similarity.look(settings(), here(), name)
    pairs = state.findings.pairs if state.findings else []
    groups = state.findings.groups if state.findings else []
    people = _known(name, {number for pair in pairs for number in (pair.first, pair.second)}.union(*groups))
    groups = [group for one in groups if len(group := [number for number in one if number in people]) > 1]
    return render_template(
        "staff/similarity.html",
        name=name,
        title=assignment.manifest.title,
        state=state,
        pairs=[pair for pair in pairs if pair.first in people and pair.second in people],
        groups=groups,
        equals={number: len(group) - 1 for group in groups for number in group},
        of=people,
    )


@blueprint.post("")
@permissions.staff
def start(name: str) -> Page:
    """Compares the submissions that count now, in another process."""
    _assignment(name)
    similarity.start(settings(), here(), name)
    return redirect(url_for("similarity.show", name=name), 303)


@blueprint.get("/<int:first_id>/<int:second_id>")
@permissions.staff
def pair(name: str, first_id: int, second_id: int) -> Page:
    """Two submissions beside each other. The code that they share is marked."""
    assignment = _assignment(name)
    state = similarity.look(settings(), here(), name)
    finding = state.findings.pair(first_id, second_id) if state.findings else None
    known = _known(name, {first_id, second_id})
    if finding is None or len(known) < 2:
        abort(404)
    return render_template(
        "staff/pair.html",
        name=name,
        title=assignment.manifest.title,
        sides=[
            (known[first_id], finding.of_first, _marked(assignment, known[first_id], finding.in_first)),
            (known[second_id], finding.of_second, _marked(assignment, known[second_id], finding.in_second)),
        ],
    )


def _marked(assignment: Assignment, submission: Submission, slices: list[tuple[int, int]]) -> list[tuple[str, bool]]:
    try:
        read = read_upload(files().read(reading(), submission.sha256), assignment.manifest)
    except Refused:
        return []
    return similarity.marked(similarity.text_of(assignment, read.files), slices)


def _known(name: str, numbers: set[int]) -> dict[int, Submission]:
    """The submissions that still exist and are of this course."""
    of_assignment = CourseAssignment.ids_in(here().id).where(CourseAssignment.assignment == name)
    query = sa.select(Submission).where(Submission.id.in_(numbers), Submission.course_assignment_id.in_(of_assignment))
    return {one.id: one for one in submissions.whole(reading(), query)} if numbers else {}


def _assignment(name: str) -> Assignment:
    if courses.assignment(reading(), here(), name) is None:
        abort(404)
    return content.assignment(course(), name) or abort(404)
