"""One submission: its progress and its report, as the viewer may see them."""

from __future__ import annotations

import io
from collections.abc import Mapping

import sqlalchemy as sa
from flask import (
    Blueprint,
    Response,
    abort,
    flash,
    jsonify,
    redirect,
    render_template,
    request,
    send_file,
    url_for,
)
from werkzeug.wrappers import Response as AnyResponse

from autograder.core.errors import Refused, UnknownAssignment
from autograder.course.submission import media_type, read_upload
from autograder.report import schema as reports
from grader_service.database.models import Job, Picture, Submission
from grader_service.grading import marks, report_figures, submission_view
from grader_service.grading.submission_view import SubmissionView
from grader_service.queue import progress_curves, recovery
from grader_service.submissions import diff, submissions
from grader_service.web import permissions
from grader_service.web.pages import asked, course, database, files, reading, services, shown, viewer
from grader_service.web.security import limiter

blueprint = Blueprint("submissions", __name__, url_prefix="/submissions/<int:submission_id>")

Page = str | tuple[str, int] | AnyResponse


@blueprint.get("")
@permissions.reader
def show(submission_id: int) -> Page:
    return page_of(shown())


def page_of(view: SubmissionView, *, refused: Mapping[str, str] | None = None) -> str:
    """The page. `refused`: the reason why a form was refused, by the form's name. The form keeps its input."""
    return render_template(
        "submission.html",
        view=view,
        submission=view.submission,
        curve=progress_curves.panels(view.progress.curve),
        others=_others(view.submission),
        marks=marks.marks(services(), reading(), view.submission, view.viewer),
        refused=refused or {},
        given=request.form if refused else {},
    )


@blueprint.get("/progress")
@permissions.reader
def progress(submission_id: int) -> Page:
    """The live part of the page; when the grading has ended, the browser loads the whole page again."""
    view = submission_view.summary(reading(), asked(), viewer())
    if not view.waiting:
        return Response(headers={"HX-Refresh": "true"})
    curve = progress_curves.panels(view.progress.curve)
    return render_template("parts/progress.html", view=view, submission=view.submission, curve=curve)


@blueprint.get("/report.json")
@permissions.reader
def report_json(submission_id: int) -> Page:
    """200 and the report as the viewer may see it; 202 and {"state", "place", ...} while there is no report yet."""
    view = shown()
    if view.submission.job is None:
        abort(404)  # the written part has no report
    if (answer := view.answer) is not None:
        return Response(reports.to_json(answer), mimetype="application/json")
    seen = view.progress
    waiting = jsonify({"state": view.state, "place": view.place, "done": seen.done, "tests": seen.total})
    waiting.status_code = 202
    return waiting


@blueprint.get("/upload.zip")
@permissions.reader
def download(submission_id: int) -> Page:
    """The uploaded bytes. The student's file name is not used."""
    submission = asked()
    if submission.kind != "code":
        abort(404)
    data = files().read(reading(), submission.sha256)
    kind, ending = media_type(data)
    return send_file(
        io.BytesIO(data),
        mimetype=kind,
        as_attachment=True,
        download_name=f"{submission.assignment}-{submission.id}{ending}",
    )


@blueprint.post("/again")
@permissions.marker
def again(submission_id: int) -> Page:
    """Grade a submission again after a grader error."""
    with database().write() as session:
        queued = recovery.requeue(session, submission_id)
        queue = session.scalar(sa.select(Job.queue).where(Job.submission_id == submission_id, Job.batch == ""))
    if queued and queue is not None:
        services().notifier.ring(queue)
    flash(
        "The submission is in the queue again."
        if queued
        else "Only a submission that the grader failed to grade can be graded again."
    )
    return redirect(url_for("submissions.show", submission_id=submission_id), 303)


@blueprint.get("/since/<int:earlier_id>")
@permissions.reader
@limiter.limit(
    "30 per minute",
    error_message="You requested more than 30 comparisons in a minute. Wait one minute, then try again.",
)
def since(submission_id: int, earlier_id: int) -> Page:
    """What changed since another attempt of the same person: in the files and in the results of the tests."""
    submission, earlier = asked(), submissions.find(reading(), earlier_id)
    if submission.kind != "code" or earlier is None or earlier_id == submission_id or not _alike(submission, earlier):
        abort(404)
    after, before = shown(), submission_view.view(reading(), course(), earlier, viewer())
    old, new = _contents(earlier), _contents(submission)
    return render_template(
        "since.html",
        submission=submission,
        earlier=earlier,
        title=after.title,
        before=before.report,
        after=after.report,
        files=None if old is None or new is None else diff.of_files(old, new),
        tests=diff.of_tests(before.report, after.report),
        others=[one for one in _others(submission) if one.id not in (submission_id, earlier_id)],
    )


@blueprint.get("/figures/<key>.png")
@permissions.reader
def picture(submission_id: int, key: str) -> Page:
    """A picture, if the viewer's report has its numbers."""
    view = shown()
    if view.report is None or key not in map(report_figures.key, report_figures.figures_of(view.report)):
        abort(404)
    row = reading().get(Picture, (view.result, key))
    if row is None:
        abort(404)
    return Response(row.png, mimetype="image/png", headers={"Cache-Control": "private, max-age=3600, immutable"})


def _others(submission: Submission) -> list[Submission]:
    """The student's other attempts at the same part, the latest first."""
    history = submissions.history(submission.person, submission.course_assignment)
    attempts = submissions.whole(reading(), history)
    return [one for one in attempts if one.id != submission.id and one.kind == submission.kind]


def _alike(one: Submission, other: Submission) -> bool:
    return (one.person_id, one.course_assignment_id, one.kind) == (
        other.person_id,
        other.course_assignment_id,
        other.kind,
    )


def _contents(submission: Submission) -> dict[str, bytes] | None:
    """The graded files; None if the course no longer has this assignment, or has it with other files."""
    try:
        manifest = course()[submission.assignment].manifest
        return read_upload(files().read(reading(), submission.sha256), manifest).files
    except (UnknownAssignment, Refused):
        return None
