"""For staff of a course: which assignments it has, their dates and policies, and other dates for single students."""

from __future__ import annotations

import datetime
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, abort, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from autograder.core.errors import DeepgradeError
from grader_service.accounts import accounts
from grader_service.courses import content, courses, late_policy
from grader_service.database.models import CourseAssignment, Extension, Membership, Person
from grader_service.submissions import submissions
from grader_service.web import permissions
from grader_service.web.forms import ExtensionForm, PolicyForm
from grader_service.web.pages import course, database, here, me, reading
from grader_service.web.pages.assignments import title_of

blueprint = Blueprint("dates", __name__, url_prefix="/courses/<slug>/staff/dates")

Page = str | tuple[str, int] | Response

TIMES = ("release_at", "due_at", "hard_end_at")


@blueprint.get("")
@permissions.staff
def show() -> Page:
    course_assignments = courses.assignments(reading(), here())
    names = {one.assignment for one in course_assignments}
    return render_template(
        "staff/dates.html",
        rows=[(one, title_of(one.assignment)) for one in course_assignments],
        more=[assignment for assignment in course() if assignment.name not in names],
        extensions=_count_extensions(),
        now=submissions.now(reading()),
        zone=courses.zone(here()),
    )


@blueprint.post("/<name>/add")
@permissions.staff
def add(name: str) -> Page:
    if content.assignment(course(), name) is None:
        abort(404)
    with database().write() as session:
        courses.add(session, me(), here(), name, draft=True)
    flash(f"{title_of(name)} has been added as a draft that students do not see. Set its dates, then untick Draft.")
    return redirect(url_for("dates.change", name=name), 303)


@blueprint.post("/<name>/remove")
@permissions.staff
def remove(name: str) -> Page:
    try:
        with database().write() as session:
            courses.remove(session, me(), courses.assignment(session, here(), name) or abort(404))
    except DeepgradeError as error:
        flash(str(error))
    return redirect(url_for("dates.show"), 303)


@blueprint.route("/<name>", methods=["GET", "POST"])
@permissions.staff
def change(name: str) -> Page:
    course_assignment = _course_assignment(name)
    form = PolicyForm(data=_to_form(course_assignment))
    if not form.validate_on_submit():
        return _page(course_assignment, form), 422 if form.is_submitted() else 200
    try:
        with database().write() as session:
            changed = courses.set_policy(
                session,
                me(),
                session.get_one(CourseAssignment, course_assignment.id),
                _from_form(form),
                form.reason.data or "",
            )
    except DeepgradeError as error:
        return _page(course_assignment, form, sentence=str(error)), 422
    flash(
        "The dates and the policy have been saved. Scores follow the new policy." if changed else "Nothing was changed."
    )
    return redirect(url_for("dates.change", name=name), 303)


@blueprint.post("/<name>/extensions")
@permissions.staff
def extend(name: str) -> Page:
    course_assignment = _course_assignment(name)
    extension = ExtensionForm(prefix="extension")
    policy_form = PolicyForm(formdata=None, data=_to_form(course_assignment))
    if not extension.validate():
        return _page(course_assignment, policy_form, extension), 422
    try:
        with database().write() as session:
            person = _student(session, extension.login.data or "")
            courses.extend(
                session,
                me(),
                session.get_one(CourseAssignment, course_assignment.id),
                person,
                due_at=_seconds(extension.due_at.data) or 0.0,
                hard_end_at=_seconds(extension.hard_end_at.data),
                attempts_extra=extension.attempts_extra.data or 0,
                reason=extension.reason.data or "",
            )
    except DeepgradeError as error:
        return _page(course_assignment, policy_form, extension, extension_sentence=str(error)), 422
    flash(f"The extension for {person.name} has been saved.")
    return redirect(url_for("dates.change", name=name) + "#extensions", 303)


@blueprint.post("/<name>/extensions/<int:person_id>/withdraw")
@permissions.staff
def withdraw(name: str, person_id: int) -> Page:
    with database().write() as session:
        course_assignment = courses.assignment(session, here(), name) or abort(404)
        known = session.get(Membership, (person_id, here().id)) or session.get(
            Extension, (course_assignment.id, person_id)
        )
        if known is None:
            abort(404)  # the answer does not say whether the person exists
        person = session.get_one(Person, person_id)
        done = courses.withdraw_extension(session, me(), course_assignment, person)
    flash("The extension has been withdrawn." if done else "This extension does not exist.")
    return redirect(url_for("dates.change", name=name) + "#extensions", 303)


def _page(
    course_assignment: CourseAssignment,
    form: PolicyForm,
    extension: ExtensionForm | None = None,
    *,
    sentence: str = "",
    extension_sentence: str = "",
) -> str:
    extensions = sa.select(Extension, Person).join(Person, Person.id == Extension.person_id)
    students = sa.select(Person.login, Person.name).join(Membership)
    return render_template(
        "staff/policy.html",
        course_assignment=course_assignment,
        title=title_of(course_assignment.assignment),
        content=content.assignment(course(), course_assignment.assignment),
        form=form,
        sentence=sentence,
        extension=extension or ExtensionForm(formdata=None, prefix="extension"),
        extension_sentence=extension_sentence,
        extensions=[
            (one, person, late_policy.terms(course_assignment, courses.zone(here()), one))
            for one, person in reading().execute(
                extensions.where(Extension.course_assignment_id == course_assignment.id).order_by(Person.login)
            )
        ],
        students=reading()
        .execute(students.where(Membership.course_id == here().id, Membership.role == "student").order_by(Person.login))
        .all(),
        zone=courses.zone(here()),
    )


def _student(session: Any, login: str) -> Person:
    person = accounts.find(session, login)
    if person is None or person.role_in(here().id) is None:
        raise DeepgradeError(f"nobody in this course has the login {login!r}")
    return person


def _course_assignment(name: str) -> CourseAssignment:
    return courses.assignment(reading(), here(), name) or abort(404)


def _count_extensions() -> dict[int, int]:
    query = sa.select(Extension.course_assignment_id, sa.func.count()).join(CourseAssignment)
    rows = reading().execute(
        query.where(CourseAssignment.course_id == here().id).group_by(Extension.course_assignment_id)
    )
    return {row[0]: row[1] for row in rows}


def _to_form(course_assignment: CourseAssignment) -> dict[str, Any]:
    """Times in the course's time zone, the penalty as a percentage."""
    values = courses.policy_of(course_assignment)
    zone = courses.zone(here())
    for name in TIMES:
        seconds = values[name]
        values[name] = datetime.datetime.fromtimestamp(seconds, zone).replace(tzinfo=None) if seconds else None
    values["penalty_per_day"] *= 100
    return values


def _from_form(form: PolicyForm) -> dict[str, Any]:
    values = {name: form[name].data for name in courses.POLICY if name in form}
    values |= {name: _seconds(values[name]) for name in TIMES}
    values["release_at"] = values["release_at"] or 0.0
    values["penalty_per_day"] = float(form.penalty_per_day.data or 0) / 100
    for name in ("weight", "written_points"):
        values[name] = float(values[name] or 0)
    return values


def _seconds(moment: datetime.datetime | None) -> float | None:
    """A time in the course's time zone. If it comes twice, when clocks go back, the first one is meant."""
    if moment is None:
        return None
    try:
        return moment.replace(tzinfo=courses.zone(here())).timestamp()
    except (OverflowError, ValueError):
        return courses.LATEST  # `courses` refuses it
