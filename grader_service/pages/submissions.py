"""One submission: its way through the queue, and its report, as the viewer may see it."""

from __future__ import annotations

import io
from typing import Literal

from flask import Blueprint, Response, abort, jsonify, render_template, request, send_file
from werkzeug.wrappers import Response as AnyResponse

from autograder import feedback
from autograder import report as reports
from autograder.errors import UnknownAssignment
from autograder.report import Report
from grader_service import curves, jobs, pictures, submissions
from grader_service.models import Picture, Submission
from grader_service.pages import course, files, me, reading

blueprint = Blueprint("submissions", __name__, url_prefix="/submissions/<int:submission_id>")

Page = str | tuple[str, int] | AnyResponse

OUR_FAULT = "The grader failed. That is our fault: it costs no points and no attempt, and staff have been shown why."


@blueprint.get("")
def show(submission_id: int) -> Page:
    submission = _submission(submission_id)
    return render_template(
        "submission.html",
        submission=submission,
        title=_title(submission),
        report=_view(submission),
        viewer=_viewer(),
        place=_place(submission),
        curve=curves.panels(submission.job.curve),
    )


@blueprint.get("/progress")
def progress(submission_id: int) -> Page:
    """The live part of the page; when there is nothing more to wait for, the whole page is to be loaded again."""
    submission = _submission(submission_id)
    if submission.job.state in ("done", "grader_error"):
        return Response(headers={"HX-Refresh": "true"})
    curve = curves.panels(submission.job.curve)
    return render_template("parts/progress.html", submission=submission, place=_place(submission), curve=curve)


@blueprint.get("/report.json")
def report_json(submission_id: int) -> Page:
    """200 and the report as the viewer may see it; 202 and {"state", "place", ...} while there is none yet."""
    submission = _submission(submission_id)
    job = submission.job
    if job.state == "grader_error":
        fault = Report(submission.assignment, _title(submission), "grader_error", message=_why_failed(submission))
        return Response(reports.to_json(fault), mimetype="application/json")
    if (report := _view(submission)) is None:
        waiting = {"state": job.state, "place": _place(submission), "done": job.tests_done, "tests": job.tests_total}
        return jsonify(waiting), 202  # type: ignore[return-value]
    return Response(reports.to_json(report), mimetype="application/json")


@blueprint.get("/upload.zip")
def download(submission_id: int) -> Page:
    """The bytes that were handed in. The name they came with is not used: it is the student's."""
    submission = _submission(submission_id)
    return send_file(
        io.BytesIO(files().read(reading(), submission.sha256)),
        mimetype="application/zip",
        as_attachment=True,
        download_name=f"{submission.assignment}-{submission.id}.zip",
    )


@blueprint.get("/figures/<key>.png")
def picture(submission_id: int, key: str) -> Page:
    """A picture, if the viewer's view of the report holds its numbers."""
    submission = _submission(submission_id)
    report = _view(submission)
    if report is None or submission.result is None or key not in map(pictures.key, pictures.figures_of(report)):
        abort(404)
    found = reading().get(Picture, (submission.result.id, key))
    if found is None:
        abort(404)
    return Response(found.png, mimetype="image/png", headers={"Cache-Control": "private, max-age=3600, immutable"})


def _submission(submission_id: int) -> Submission:
    found = submissions.find(reading(), submission_id, me())
    if found is None:
        abort(404)
    return found


def _viewer() -> Literal["student", "staff"]:
    """Staff see everything, or with `?view=student` what the student sees."""
    return "staff" if me().is_staff and request.args.get("view") != "student" else "student"


def _view(submission: Submission) -> Report | None:
    if submission.result is None:
        return None
    return feedback.view(reports.from_json(submission.result.report), _viewer())


def _why_failed(submission: Submission) -> str:
    return submission.job.message if _viewer() == "staff" else OUR_FAULT


def _place(submission: Submission) -> int:
    return jobs.place(reading(), submission.job) if submission.job.state == "queued" else 0


def _title(submission: Submission) -> str:
    try:
        return course()[submission.assignment].manifest.title
    except UnknownAssignment:
        return submission.assignment  # the course has lost it; what was handed in is still there
