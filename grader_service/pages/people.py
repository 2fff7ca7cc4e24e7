"""For staff of a course: its people."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Blueprint, abort, render_template
from werkzeug.wrappers import Response

from autograder.errors import DeepgradeError
from grader_service import access, accounts
from grader_service.forms import NewPerson
from grader_service.models import Membership, Person
from grader_service.pages import database, here, me, reading

blueprint = Blueprint("people", __name__, url_prefix="/courses/<slug>/staff/people")

Page = str | tuple[str, int] | Response


@blueprint.route("", methods=["GET", "POST"])
@access.staff
def show() -> Page:
    form = _form()
    if not form.validate_on_submit():
        return _people(form), 422 if form.is_submitted() else 200
    try:
        with database().write() as session:
            made = accounts.create(
                session,
                login=form.login.data or "",
                name=form.name.data or "",
                role=form.role.data or "",
                course=here(),
            )
    except DeepgradeError as error:
        return _people(form, sentence=str(error)), 422
    return _people(_form(empty=True), made=made)


@blueprint.post("/<int:person_id>/password")
@access.staff
def reset_password(person_id: int) -> Page:
    """A new made-up password, shown once, for somebody who has forgotten theirs."""
    with database().write() as session:
        person = session.get(Person, person_id)
        if person is None or person.role_in(here().id) is None:
            abort(404)
        if not accounts.may_manage(me(), here(), person.role_in(here().id)):
            abort(403)
        once = accounts.reset_password(person)
    return _people(_form(empty=True), made=(person, once))


def _form(*, empty: bool = False) -> NewPerson:
    form = NewPerson(formdata=None) if empty else NewPerson()
    form.role.choices = [role for role in accounts.ROLES if accounts.may_manage(me(), here(), role)]
    return form


def _people(form: NewPerson, *, made: tuple[Person, str | None] | None = None, sentence: str = "") -> str:
    members = sa.select(Person, Membership).join(Membership).where(Membership.course_id == here().id)
    return render_template(
        "staff/people.html",
        form=form,
        made=made,
        sentence=sentence,
        people=reading().execute(members.order_by(Membership.role, Person.login)).all(),
        may_manage=lambda role: accounts.may_manage(me(), here(), role),
    )
