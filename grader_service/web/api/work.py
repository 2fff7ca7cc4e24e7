"""Assignments, handing in, and submissions."""

from __future__ import annotations

import io
from typing import Any

import sqlalchemy as sa
from flask import Response, jsonify, send_file
from sqlalchemy.orm import Session

from autograder.core.errors import Refused, UnknownAssignment
from autograder.course.submission import media_type
from autograder.report import schema as reports
from grader_service.database.models import Course, CourseAssignment, Submission
from grader_service.submissions import intake
from grader_service.web import permissions
from grader_service.web.api import limits
from grader_service.web.api.forms import Assignments, HandIn, HandInWritten, Key, Mine, SubmissionFacts, Submissions
from grader_service.web.api.parsing import Blueprint, abort
from grader_service.web.api.serializers import of_assignments, of_submission, of_submissions
from grader_service.web.pages import course, database, files, reading, services, shown, waited

blueprint = Blueprint("api-work", __name__, description="Assignments, submissions and reports")

ZIP = {"type": "string", "format": "binary"}


@blueprint.get("/courses/<slug>/assignments")
@permissions.member
@blueprint.response(200, Assignments)
def assignments() -> dict[str, Any]:
    """The released assignments of a course, and your points"""
    return {
        "assignments": of_assignments(
            reading(), permissions.here(), permissions.me(), unreleased=permissions.is_staff_here()
        )
    }


@blueprint.post("/courses/<slug>/assignments/<name>/submissions")
@permissions.member
@limits.sending
@blueprint.arguments(HandIn, location="files")
@blueprint.arguments(Key, location="headers")
@blueprint.response(201, SubmissionFacts)
def hand_in(parts: dict[str, Any], headers: dict[str, Any], name: str) -> dict[str, Any]:
    """Hand in a zip or a notebook

    The answer 201 means that the file is stored. Its time of receipt counts. The answer 422 says why the file was
    refused. Then nothing was stored and no attempt was used.
    """
    permissions.assignment(name)
    try:
        assignment = course()[name]
        submission = intake.hand_in(
            services(),
            reading(),
            permissions.me(),
            permissions.here(),
            assignment,
            parts["zip"].stream.read(),
            filename=parts["zip"].filename or f"{name}.zip",
            form_key=headers["key"] or intake.new_key(),
            waited=waited(),
        )
    except UnknownAssignment:
        abort(404)
    except Refused as error:
        abort(422, message=str(error))
    with database().read() as session:  # the request's own session does not see the new row
        return _one(session, submission.id)


@blueprint.post("/courses/<slug>/assignments/<name>/written")
@permissions.member
@limits.sending
@blueprint.arguments(HandInWritten, location="files")
@blueprint.arguments(Key, location="headers")
@blueprint.response(201, SubmissionFacts)
def hand_in_written(parts: dict[str, Any], headers: dict[str, Any], name: str) -> dict[str, Any]:
    """Hand in the written part

    People read it and give the points. The last written part counts. Written parts use no attempts.
    """
    permissions.assignment(name)
    try:
        submission = intake.hand_in_written(
            services(),
            reading(),
            permissions.me(),
            permissions.here(),
            name,
            parts["text"].stream.read(),
            filename=parts["text"].filename or f"{name}.md",
            form_key=headers["key"] or intake.new_key(),
            waited=waited(),
        )
    except Refused as error:
        abort(422, message=str(error))
    with database().read() as session:
        return _one(session, submission.id)


@blueprint.get("/submissions")
@permissions.signed_in
@blueprint.arguments(Mine, location="query")
@blueprint.response(200, Submissions)
def mine(asked: dict[str, Any]) -> dict[str, Any]:
    """Your submissions"""
    reached = [one.id for one in permissions.my_courses(reading())]
    wanted = CourseAssignment.ids_in(*reached)
    if asked["course"] is not None:
        wanted = wanted.join(Course).where(Course.slug == asked["course"])
    query = sa.select(Submission).where(Submission.person_id == permissions.me().id)
    return page(query, asked, wanted)


@blueprint.get("/submissions/<int:submission_id>")
@permissions.reader
@blueprint.response(200, SubmissionFacts)
def submission(submission_id: int) -> dict[str, Any]:
    """The state of a submission: waiting, running or graded"""
    return _one(reading(), submission_id)


@blueprint.get("/submissions/<int:submission_id>/report")
@permissions.reader
@blueprint.response(
    200, {"$ref": "#/components/schemas/Report"}, description="The report, with what you are allowed to see"
)
@blueprint.alt_response(202, schema=SubmissionFacts, description="The report is not ready; the state of the submission")
def report(submission_id: int) -> Any:
    """The report of a submission

    Staff with a token of scope `staff` see everything. Students see the law and the class of failure of hidden tests,
    if the course shows them.
    """
    view = shown()
    if view.submission.job is None:
        abort(404)  # the written part has no report
    if (answer := view.answer) is not None:
        return Response(reports.to_json(answer), mimetype="application/json")
    return jsonify(SubmissionFacts().dump(of_submission(view))), 202


@blueprint.get("/submissions/<int:submission_id>/upload.zip")
@permissions.reader
@blueprint.response(200, ZIP, content_type="application/zip", description="The uploaded file")
def upload(submission_id: int) -> Any:
    """The uploaded file of a submission"""
    submission = permissions.asked()
    if submission.kind != "code":
        abort(404)  # the written part is not a zip
    data = files().read(reading(), submission.sha256)
    kind, ending = media_type(data)
    return send_file(
        io.BytesIO(data),
        mimetype=kind,
        as_attachment=True,
        download_name=f"{submission.assignment}-{submission.id}{ending}",
    )


def page(query: sa.Select[Any], asked: dict[str, Any], assignments: sa.Select[int]) -> dict[str, Any]:
    """One page of a list of submissions. `assignments`: the ids of the assignments that the list may include."""
    if asked["assignment"] is not None:
        assignments = assignments.where(CourseAssignment.assignment == asked["assignment"])
    query = query.where(Submission.course_assignment_id.in_(assignments))
    if asked["before"] is not None:
        query = query.where(Submission.id < asked["before"])
    limit = asked["limit"]
    rows = of_submissions(reading(), query.order_by(Submission.id.desc()).limit(limit + 1))
    before = rows[limit - 1]["id"] if len(rows) > limit else None
    return {"submissions": rows[:limit], "before": before}


def _one(session: Session, submission_id: int) -> dict[str, Any]:
    return of_submissions(session, sa.select(Submission).where(Submission.id == submission_id))[0]
