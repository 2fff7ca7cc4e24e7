"""One submission: its way through the queue, and its report, as the viewer may see it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

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
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from autograder.core.errors import Refused, UnknownAssignment
from autograder.course.submission import read_zip
from autograder.report import schema as reports
from autograder.report.schema import Report
from grader_service.courses import late_policy
from grader_service.database.models import Comment, Job, Override, Picture, Rendering, RubricItem, Submission
from grader_service.grading import manual, report_figures, results, visibility
from grader_service.grading.results import Outcome
from grader_service.queue import monitor, progress_curves, recovery
from grader_service.submissions import diff, rendering, submissions, written
from grader_service.web import permissions
from grader_service.web.pages import asked, course, database, files, is_staff_here, reading, services
from grader_service.web.security import limiter

blueprint = Blueprint("submissions", __name__, url_prefix="/submissions/<int:submission_id>")

Page = str | tuple[str, int] | AnyResponse

OUR_FAULT = (
    "The grader failed. This is a fault of the service. It costs no points and no attempt. Staff can see the error."
)


@dataclass(frozen=True)
class Added:
    """What people added to a submission, and the written part as it can be looked at."""

    comments: list[Comment]
    override: Override | None  # points by hand that hold in this assignment
    items: list[RubricItem] = field(default_factory=list)
    scores: dict[int, float] = field(default_factory=dict)  # by items
    kind: str = ""  # "pdf" or "markdown"
    text: Markup | None = None
    rendering: Rendering | None = None  # None: it is not laid out yet
    waits: bool = False  # for that

    @property
    def marked(self) -> bool:
        """Until every line has points none of them count, and its student is shown none."""
        return bool(self.items) and all(item.id in self.scores for item in self.items)


@blueprint.get("")
@permissions.reader
def show(submission_id: int) -> Page:
    return page_of(asked())


def page_of(submission: Submission, *, refused: Mapping[str, str] | None = None) -> str:
    """The page. `refused`: why one of its forms was, by that form's name; what was typed in it is there again."""
    now, held = submissions.now(reading()), visibility.terms(reading(), submission)
    outcome = _outcome(submission)
    return render_template(
        "submission.html",
        submission=submission,
        state=results.state(submission, outcome),
        title=_title(submission),
        report=visibility.report(reading(), submission, outcome, _viewer(), now, held=held),
        viewer=_viewer(),
        withheld=visibility.withheld(reading(), submission, _viewer(), now, held=held),
        others=_others(submission),
        place=_place(submission),
        **_live(submission, held, now),
        worth=late_policy.receipt(held, submission.received_at),  # how late it came
        marks=_added(submission),
        refused=refused or {},
        given=request.form if refused else {},
    )


@blueprint.get("/progress")
@permissions.reader
def progress(submission_id: int) -> Page:
    """The live part of the page; when there is nothing more to wait for, the whole page is to be loaded again."""
    submission = asked()
    if results.state(submission, _outcome(submission)) in ("done", "grader_error"):
        return Response(headers={"HX-Refresh": "true"})
    held, now = visibility.terms(reading(), submission), submissions.now(reading())
    place = _place(submission)
    return render_template("parts/progress.html", submission=submission, place=place, **_live(submission, held, now))


@blueprint.get("/report.json")
@permissions.reader
def report_json(submission_id: int) -> Page:
    """200 and the report as the viewer may see it; 202 and {"state", "place", ...} while there is none yet."""
    submission = asked()
    job = submission.job
    if job is None:
        abort(404)  # the written part: no grader looks at it
    outcome = _outcome(submission)
    if results.state(submission, outcome) == "grader_error":
        fault = Report(submission.assignment, _title(submission), "grader_error", message=_why_failed(submission))
        return Response(reports.to_json(fault), mimetype="application/json")
    if (report := _view(submission, outcome)) is None:
        seen = visibility.progress(
            submission, is_staff_here(), visibility.terms(reading(), submission), submissions.now(reading())
        )
        waiting = {"state": job.state, "place": _place(submission), "done": seen.done, "tests": seen.total}
        return jsonify(waiting), 202  # type: ignore[return-value]
    return Response(reports.to_json(report), mimetype="application/json")


@blueprint.get("/upload.zip")
@permissions.reader
def download(submission_id: int) -> Page:
    """The uploaded bytes. The name they came with is not used: it is the student's."""
    submission = asked()
    if submission.kind != "code":
        abort(404)
    return send_file(
        io.BytesIO(files().read(reading(), submission.sha256)),
        mimetype="application/zip",
        as_attachment=True,
        download_name=f"{submission.assignment}-{submission.id}.zip",
    )


@blueprint.post("/again")
@permissions.marker
def again(submission_id: int) -> Page:
    """Grade again what the grader gave up."""
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
    """What changed since another attempt of the same person: in the files, and in how the tests went."""
    submission, earlier = asked(), submissions.find(reading(), earlier_id)
    if submission.kind != "code" or earlier is None or earlier_id == submission_id or not _alike(submission, earlier):
        abort(404)
    before, after = (_view(one, _outcome(one)) for one in (earlier, submission))
    old, new = _contents(earlier), _contents(submission)
    return render_template(
        "since.html",
        submission=submission,
        earlier=earlier,
        title=_title(submission),
        viewer=_viewer(),
        before=before,
        after=after,
        files=None if old is None or new is None else diff.of_files(old, new),
        tests=diff.of_tests(before, after),
        others=[one for one in _others(submission) if one.id not in (submission_id, earlier_id)],
    )


@blueprint.get("/figures/<key>.png")
@permissions.reader
def picture(submission_id: int, key: str) -> Page:
    """A picture, if the viewer's view of the report holds its numbers."""
    submission = asked()
    outcome = _outcome(submission)
    report = _view(submission, outcome)
    if report is None or outcome is None or key not in map(report_figures.key, report_figures.figures_of(report)):
        abort(404)
    found = reading().get(Picture, (outcome.id, key))
    if found is None:
        abort(404)
    return Response(found.png, mimetype="image/png", headers={"Cache-Control": "private, max-age=3600, immutable"})


def _viewer() -> Literal["student", "staff"]:
    """Staff see everything, or with `?view=student` what the student sees."""
    return "staff" if is_staff_here() and request.args.get("view") != "student" else "student"


def _live(submission: Submission, held: late_policy.Terms, now: float) -> dict[str, object]:
    seen = visibility.progress(submission, _viewer() == "staff", held, now)
    return {"live": seen, "curve": progress_curves.panels(seen.curve)}


def _outcome(submission: Submission) -> Outcome | None:
    return results.of(reading(), [submission.id]).get(submission.id)


def _view(submission: Submission, outcome: Outcome | None) -> Report | None:
    return visibility.report(reading(), submission, outcome, _viewer(), submissions.now(reading()))


def _others(submission: Submission) -> list[Submission]:
    """The other attempts at the same thing, the latest first."""
    found = submissions.history(reading(), submission.person, submission.course_assignment)
    return [one for one in found if one.id != submission.id and one.kind == submission.kind]


def _alike(one: Submission, other: Submission) -> bool:
    return (one.person_id, one.course_assignment_id, one.kind) == (
        other.person_id,
        other.course_assignment_id,
        other.kind,
    )


def _contents(submission: Submission) -> dict[str, bytes] | None:
    """The files that were graded; None where the course has this assignment no more, or with other files."""
    try:
        manifest = course()[submission.assignment].manifest
        return read_zip(files().read(reading(), submission.sha256), manifest).files
    except (UnknownAssignment, Refused):
        return None


def _added(submission: Submission) -> Added:
    chosen = submission.course_assignment
    held = manual.overrides(reading(), [chosen], submission.person).get(chosen.id)
    comments = manual.comments(reading(), submission)
    if submission.kind != "written":
        return Added(comments, held)
    found = rendering.find(reading(), submission.sha256)
    waits = found is None and services().renderer.later(submission.person_id, submission.sha256)
    kind, text = found.kind if found else "", Markup(found.html) if found and found.html else None
    if not waits and (found is None or (kind == "markdown" and text is None)):
        data = files().read(reading(), submission.sha256)
        kind = written.kind_of(data)
        text = rendering.raw(data) if kind == "markdown" else None
    items = manual.rubric(reading(), chosen)
    return Added(comments, held, items, manual.rubric_scores(reading(), submission), kind, text, found, waits)


def _why_failed(submission: Submission) -> str:
    return submission.job.message if _viewer() == "staff" else OUR_FAULT


def _place(submission: Submission) -> int:
    return monitor.place(reading(), submission.job) if submission.job and submission.job.state == "queued" else 0


def _title(submission: Submission) -> str:
    try:
        return course()[submission.assignment].manifest.title
    except UnknownAssignment:
        return submission.assignment  # the course has lost it; what was handed in is still there
