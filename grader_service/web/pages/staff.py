"""For staff of a course: the submissions of all students."""

from __future__ import annotations

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from grader_service.grading import submission_view
from grader_service.submissions import submissions as handed_in
from grader_service.web import permissions
from grader_service.web.pages import here, number, reading

blueprint = Blueprint("staff", __name__, url_prefix="/courses/<slug>/staff")

ROWS = 50

Page = str | tuple[str, int] | Response


@blueprint.get("/submissions")
@permissions.staff
def submissions() -> Page:
    before = number("before")
    query = handed_in.everybodys(here(), before=before, limit=ROWS + 1)
    summaries = submission_view.summaries(reading(), query, lambda _: "staff")
    older = summaries[ROWS - 1].submission.id if len(summaries) > ROWS else None
    return render_template("staff/submissions.html", submissions=summaries[:ROWS], older=older)
