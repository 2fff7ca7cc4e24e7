"""The written part of an assignment: handing it in, and looking at it."""

from __future__ import annotations

import io

from flask import Blueprint, Flask, Response, abort, flash, redirect, request, send_file, url_for
from werkzeug.wrappers import Response as AnyResponse

from autograder.core.errors import Refused
from grader_service.submissions import intake, rendering, written
from grader_service.web import permissions
from grader_service.web.pages import asked, files, here, me, reading, services, waited

blueprint = Blueprint("writing", __name__)

FORM_KB = 64  # of a form around the file
KINDS = {"pdf": ("pdf", "application/pdf"), "markdown": ("md", "text/plain; charset=utf-8")}

Page = str | tuple[str, int] | AnyResponse


def install(app: Flask) -> None:
    """A body may be as large here as a written part may be, which no zip may; so may the grade book of an LMS."""

    def allow() -> None:
        if request.endpoint in ("writing.hand_in", "api-work.hand_in_written", "lms_files.fill"):
            request.max_content_length = (written.MOST_KB + FORM_KB) * 1024

    app.before_request(allow)


@blueprint.post("/courses/<slug>/assignments/<name>/written")
@permissions.member
def hand_in(name: str) -> Page:
    """303 to the submission, or back to the assignment with the reason why nothing was stored."""
    if not permissions.assignment(name).written_points:
        abort(404)
    upload = request.files.get("text")
    try:
        if upload is None or not upload.filename:
            raise Refused("choose a PDF or a Markdown file first")
        submission = intake.hand_in_written(
            services(),
            reading(),
            me(),
            here(),
            name,
            upload.stream.read(),
            filename=upload.filename,
            form_key=request.form.get("form_key", ""),
            waited=waited(),
        )
    except Refused as error:
        flash(f"Not accepted: {error}. Nothing was stored.")
        return redirect(url_for("assignments.show", name=name) + "#written", 303)
    return redirect(url_for("submissions.show", submission_id=submission.id), 303)


@blueprint.get("/submissions/<int:submission_id>/written/<int:number>.png")
@permissions.reader
def page(submission_id: int, number: int) -> Page:
    """A page of a PDF, from 1 on, as pixels that a sandbox has drawn."""
    if asked().kind != "written" or (png := rendering.sheet(reading(), asked().sha256, number)) is None:
        abort(404)
    return Response(png, mimetype="image/png", headers={"Cache-Control": "private, max-age=3600, immutable"})


@blueprint.get("/submissions/<int:submission_id>/written/ready")
@permissions.reader
def ready(submission_id: int) -> Page:
    """For the page that waits for it: is it laid out? Then, and where it cannot be, the page is to be loaded again."""
    if asked().kind != "written":
        abort(404)
    waits = rendering.find(reading(), asked().sha256) is None and _renderer().later(asked().person_id, asked().sha256)
    return Response(status=204) if waits else Response(headers={"HX-Refresh": "true"})


@blueprint.get("/submissions/<int:submission_id>/written/file")
@permissions.reader
def download(submission_id: int) -> Page:
    """The file as it was handed in, to be saved: no browser opens it as a page of ours."""
    data = _data()
    ending, mimetype = KINDS[written.kind_of(data)]
    name = f"{asked().assignment}-{submission_id}.{ending}"
    return send_file(io.BytesIO(data), mimetype=mimetype, as_attachment=True, download_name=name)


def _renderer() -> rendering.Renderer:
    return services().renderer


def _data() -> bytes:
    if asked().kind != "written":
        abort(404)
    return files().read(reading(), asked().sha256)
