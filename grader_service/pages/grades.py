"""For staff of a course: the grade book, as a page and as CSV."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from operator import attrgetter

import sqlalchemy as sa
from flask import Blueprint, Response, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from autograder.batch.grades import inert, number
from autograder.errors import UnknownAssignment
from grader_service import access, courses, scores
from grader_service.models import CourseAssignment, Membership, Person
from grader_service.pages import course, here, reading

blueprint = Blueprint("grades", __name__, url_prefix="/courses/<slug>/staff")

Page = str | AnyResponse

ORDERS = {"name": "Name", "login": "Login", "total": "Total"}


@dataclass(frozen=True)
class Column:
    chosen: CourseAssignment
    title: str
    possible: float


@dataclass(frozen=True)
class Row:
    """A student: the points of each column, None where there are none, and their weighted mean so far in percent."""

    person: Person
    cells: list[scores.Cell]
    points: list[float | None]
    total: float | None


@blueprint.get("/grades")
@access.staff
def show() -> Page:
    order = request.args.get("by", "name")
    wanted = request.args.get("find", "").strip()
    columns, rows = book()
    found = [row for row in rows if wanted.casefold() in f"{row.person.name} {row.person.login}".casefold()]
    return render_template(
        "staff/grades.html",
        columns=columns,
        rows=ordered(found, order),
        order=order if order in ORDERS else "name",
        orders=ORDERS,
        wanted=wanted,
        everybody=len(rows),
    )


@blueprint.get("/grades.csv")
@access.staff
def export() -> Page:
    """A line for each student: login, name, the points of each assignment (empty: none), the total in percent."""
    columns, rows = book()
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["login", "name", *(inert(column.chosen.assignment) for column in columns), "total_percent"])
    lines.writerow(["", "possible", *(number(column.possible) for column in columns), number(100.0)])
    for row in ordered(rows, "login"):
        points = ("" if one is None else number(round(one, 6)) for one in row.points)
        total = "" if row.total is None else number(round(row.total, 4))
        lines.writerow([inert(row.person.login), inert(row.person.name), *points, total])
    name = f"{here().slug}-grades.csv"
    return Response(
        text.getvalue(), mimetype="text/csv", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


def book() -> tuple[list[Column], list[Row]]:
    """All students of this course, in a handful of queries however many there are."""
    chosen = courses.assignments(reading(), here())
    columns = [_column(one) for one in chosen]
    found = scores.load(reading(), here(), chosen)
    students = sa.select(Person).join(Membership).where(Membership.course_id == here().id, Membership.role == "student")
    rows = []
    for person in reading().scalars(students):
        cells = [found.cell(person.id, one) for one in chosen]
        points = [cell.score.points for cell in cells]
        rows.append(Row(person, cells, points, total(columns, points)))
    return columns, rows


def total(columns: list[Column], points: list[float | None]) -> float | None:
    """100 sum(w_a p_a / possible_a) / sum(w_a) over the assignments a with points; None where there are none."""
    counted = [
        (column.chosen.weight, got / column.possible)
        for column, got in zip(columns, points, strict=True)
        if got is not None and column.possible > 0 and column.chosen.weight > 0
    ]
    weights = sum(weight for weight, _ in counted)
    return 100 * sum(weight * share for weight, share in counted) / weights if weights else None


def ordered(rows: list[Row], by: str) -> list[Row]:
    """By name, by login, or by total with the best first."""
    if by == "total":
        return sorted(rows, key=lambda row: (row.total is None, -(row.total or 0.0), row.person.login))
    return sorted(
        rows, key=lambda row: (attrgetter("login" if by == "login" else "name")(row.person).casefold(), row.person.id)
    )


def _column(chosen: CourseAssignment) -> Column:
    try:
        manifest = course()[chosen.assignment].manifest
    except UnknownAssignment:  # the disk has lost it
        return Column(chosen, chosen.assignment, chosen.written_points)
    return Column(chosen, manifest.title, manifest.points + chosen.written_points)
