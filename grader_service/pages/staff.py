"""For staff: everybody's submissions, and people."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Blueprint, abort, current_app, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from autograder.errors import DeepgradeError
from grader_service import accounts, jobs
from grader_service import submissions as handed_in
from grader_service.forms import NewPerson
from grader_service.models import Job, Membership, Person
from grader_service.pages import database, me, number, reading

blueprint = Blueprint("staff", __name__, url_prefix="/staff")

ROWS = 50

Page = str | tuple[str, int] | Response


@blueprint.before_request
def _staff_alone() -> None:
    if not me().is_staff:
        abort(403)


@blueprint.get("/submissions")
def submissions() -> Page:
    before = number("before")
    found = handed_in.everybodys(reading(), before=before, limit=ROWS + 1)
    older = found[ROWS - 1].id if len(found) > ROWS else None
    return render_template("staff/submissions.html", submissions=found[:ROWS], older=older)


@blueprint.post("/submissions/<int:submission_id>/again")
def again(submission_id: int) -> Page:
    """Grade again what the grader gave up."""
    with database().write() as session:
        queued = jobs.requeue(session, submission_id)
        queue = session.scalar(sa.select(Job.queue).where(Job.submission_id == submission_id, Job.batch == ""))
    if queued:
        current_app.extensions["engine"].ring(queue)
    flash("It is in the queue again." if queued else "Only what the grader gave up can be graded again.")
    return redirect(url_for("submissions.show", submission_id=submission_id), 303)


@blueprint.route("/people", methods=["GET", "POST"])
def people() -> Page:
    form = _form()
    if not form.validate_on_submit():
        return _people(form), 422 if form.is_submitted() else 200
    try:
        with database().write() as session:
            made = accounts.create(
                session, login=form.login.data or "", name=form.name.data or "", role=form.role.data or ""
            )
    except DeepgradeError as error:
        return _people(form, sentence=str(error)), 422
    return _people(_form(empty=True), made=made)


@blueprint.post("/people/<int:person_id>/password")
def reset_password(person_id: int) -> Page:
    """A new made-up password, shown once, for somebody who has forgotten theirs."""
    with database().write() as session:
        person = session.get(Person, person_id)
        if person is None:
            abort(404)
        held = accounts.first_course(session)
        if not accounts.may_manage(me(), held, person.role_in(held.id)):
            abort(403)
        once = accounts.reset_password(person)
    return _people(_form(empty=True), made=(person, once))


def _form(*, empty: bool = False) -> NewPerson:
    form = NewPerson(formdata=None) if empty else NewPerson()
    held = accounts.first_course(reading())
    form.role.choices = [role for role in accounts.ROLES if accounts.may_manage(me(), held, role)]
    return form


def _people(form: NewPerson, *, made: tuple[Person, str | None] | None = None, sentence: str = "") -> str:
    held = accounts.first_course(reading())
    members = sa.select(Person).join(Membership).where(Membership.course_id == held.id)
    everybody = reading().scalars(members.order_by(Membership.role, Person.login)).all()
    return render_template(
        "staff/people.html",
        form=form,
        made=made,
        sentence=sentence,
        people=everybody,
        held=held,
        may_manage=accounts.may_manage,
    )
