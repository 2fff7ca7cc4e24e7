"""For staff: the grade book that a learning management system exported, filled with the grades of this course."""

from __future__ import annotations

from flask import Blueprint, Response, abort, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from autograder.batch import filling, lms
from autograder.core.errors import DeepgradeError
from grader_service.web import permissions
from grader_service.web.pages import here
from grader_service.web.pages.grades import book as grade_book

blueprint = Blueprint("lms_files", __name__, url_prefix="/courses/<slug>/staff/grades/lms")

Page = str | tuple[str, int] | AnyResponse

FILE_KB = 8 * 1024
NAMES_MOST = 10  # people without a row, on the page


@blueprint.get("")
@permissions.staff
def show() -> Page:
    return _page()


@blueprint.post("")
@permissions.staff
def fill() -> Page:
    """The same file, with the points of one assignment. Points that may still change are left out."""
    upload = request.files.get("file")
    try:
        if upload is None or not upload.filename:
            raise DeepgradeError("select the file that your learning management system has exported")
        data = upload.stream.read(FILE_KB * 1024 + 1)
        if len(data) > FILE_KB * 1024:
            raise DeepgradeError(f"the file has more than {FILE_KB} kB")
        filled, unmatched = _filled(data, request.form.get("assignment", ""), request.form.get("column", "").strip())
    except DeepgradeError as error:
        return _page(f"{str(error)[:1].upper()}{str(error)[1:]}."), 422
    if unmatched and request.form.get("incomplete") != "1":
        return _page(unmatched=unmatched), 409
    name = f"{here().slug}-filled.csv"
    return Response(filled, mimetype="text/csv", headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _filled(data: bytes, assignment: str, title: str) -> tuple[bytes, list[str]]:
    """The file, and the logins of students with points who have no row in it."""
    gradebook = grade_book()
    index = gradebook.index(assignment)
    if index is None:
        abort(404)
    file = lms.read(data, "the file")
    column = gradebook.columns[index]
    to = lms.column(file, [title] if title else [column.title, column.name])
    shares: dict[str, float] = {}
    keys: dict[str, list[str]] = {}
    for row in gradebook.rows:
        entry = row.entries[index]
        final = entry.score.overridden or not (entry.waiting or entry.unmarked)
        if entry.points is not None and final and (possible := entry.possible(column)) > 0:
            shares[row.person.login] = entry.points / possible
            keys[row.person.login] = [row.person.login, *([row.person.email] if row.person.email else [])]
    by_row, unmatched = filling.of_people(file, shares, keys)
    filled, _ = lms.fill(file, to, by_row, column.possible)
    return filled, unmatched


def _page(sentence: str = "", unmatched: list[str] | None = None) -> str:
    return render_template(
        "staff/lms_file.html",
        columns=grade_book().columns,
        given=request.form,
        sentence=sentence,
        unmatched=unmatched or [],
        most=NAMES_MOST,
    )
