"""The assignments: what there is to do, its kit, and handing in."""

from __future__ import annotations

import io
import re
import secrets
from functools import lru_cache

from flask import Blueprint, abort, current_app, redirect, render_template, request, send_file, url_for
from werkzeug.wrappers import Response

from autograder import kit
from autograder.course import Assignment
from autograder.errors import Refused, UnknownAssignment
from autograder.submission import read_zip
from grader_service import accounts, jobs, submissions
from grader_service.pages import course, database, files, me, reading, settings

blueprint = Blueprint("assignments", __name__)

FORM_KEY = re.compile(r"[A-Za-z0-9_-]{16,64}")

Page = str | tuple[str, int] | Response


@blueprint.get("/")
def index() -> Page:
    return render_template("assignments.html", assignments=list(course()), best=submissions.best(reading(), me()))


@blueprint.get("/assignments/<name>")
def show(name: str) -> Page:
    return _page(_assignment(name))


@blueprint.get("/assignments/<name>/kit.zip")
def download_kit(name: str) -> Page:
    assignment = _assignment(name)
    return send_file(
        io.BytesIO(_kit(assignment, _newest(assignment))),
        mimetype="application/zip",
        as_attachment=True,
        download_name=f"{assignment.name}.zip",
    )


@blueprint.post("/assignments/<name>")
def hand_in(name: str) -> Page:
    """303 to the submission when it is stored; 422 with the reason when it is refused, and then nothing is stored."""
    assignment = _assignment(name)
    upload = request.files.get("zip")
    if upload is None or not upload.filename:
        return _page(assignment, refusal="choose a zip file first"), 422
    data = upload.stream.read()
    try:
        read = read_zip(data, assignment.manifest)
    except Refused as error:
        return _page(assignment, refusal=str(error)), 422
    form_key = request.form.get("form_key", "")
    needs = jobs.needs(
        assignment.manifest, long_seconds=settings().long_seconds, course=current_app.extensions["version"].lately()
    )
    stored = files().keep(data)
    with database().write() as session:
        submission = submissions.accept(
            session,
            me(),
            accounts.first_course(session),
            assignment.name,
            upload=stored,
            filename=upload.filename,
            notes=read.notes,
            form_key=form_key if FORM_KEY.fullmatch(form_key) else _form_key(),
            needs=needs,
        )
    current_app.extensions["engine"].ring(needs.queue)
    return redirect(url_for("submissions.show", submission_id=submission.id), 303)


def _assignment(name: str) -> Assignment:
    try:
        return course()[name]
    except UnknownAssignment:
        abort(404)


def _page(assignment: Assignment, refusal: str = "") -> str:
    return render_template(
        "assignment.html",
        assignment=assignment,
        history=submissions.history(reading(), me(), assignment.name),
        form_key=_form_key(),
        refusal=refusal,
    )


def _form_key() -> str:
    return secrets.token_urlsafe(18)


@lru_cache(maxsize=64)
def _kit(assignment: Assignment, newest: float) -> bytes:
    return kit.build(assignment)


def _newest(assignment: Assignment) -> float:
    """When the students' half last changed, so that a kit is built once and never stale."""
    return max((path.stat().st_mtime for path in assignment.folder.rglob("*")), default=0.0)
