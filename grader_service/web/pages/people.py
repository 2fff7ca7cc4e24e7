"""For staff of a course: its people, one by one and as a roster."""

from __future__ import annotations

import logging
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from autograder.batch.grades import inert, table
from autograder.core.errors import DeepgradeError
from grader_service.accounts import accounts, deletion, invitations, mail, roster
from grader_service.database import audit
from grader_service.database.files import StoreError
from grader_service.database.models import ROLES, Membership, Person
from grader_service.web import formatting, permissions
from grader_service.web.forms import NewPerson
from grader_service.web.pages import database, files, here, me, reading, settings

log = logging.getLogger("deepgrade.web")

blueprint = Blueprint("people", __name__, url_prefix="/courses/<slug>/staff/people")

Page = str | tuple[str, int] | Response

ROSTER_KB = 1024


@blueprint.route("", methods=["GET", "POST"])
@permissions.staff
def show() -> Page:
    """The list of people, and the form to add a person with a temporary password or an existing account."""
    form = _form()
    if not form.validate_on_submit():
        return _people(form), 422 if form.is_submitted() else 200
    login, role = form.login.data or "", form.role.data or ""
    once, password = accounts.made_up()
    try:
        with database().write() as session:
            person, is_new = _add(session, login, form.name.data or "", role, password)
    except DeepgradeError as error:
        return _people(form, sentence=str(error)), 422
    return _people(_form(empty=True), made=(person, once if is_new else None))


@blueprint.get("/<int:person_id>/password")
@permissions.staff
def ask_for_password(person_id: int) -> Page:
    """Asks first: the old password ends, and the person is signed out."""
    return render_template("staff/new_password.html", person=_managed(reading(), person_id))


@blueprint.post("/<int:person_id>/password")
@permissions.staff
def reset_password(person_id: int) -> Page:
    """A new temporary password, shown once."""
    once, password = accounts.made_up()
    with database().write() as session:
        person = _managed(session, person_id)
        accounts.set_password(person, password)
        audit.write(session, me(), "password reset", f"person {person.id}", course=here(), person=person)
    return _people(_form(empty=True), made=(person, once))


@blueprint.post("/<int:person_id>/link")
@permissions.staff
def make_link(person_id: int) -> Page:
    """A one-time link to set a password. The page shows it; mail is sent if it is configured."""
    with database().write() as session:
        person = _managed(session, person_id)
        secret = invitations.make(session, me(), person, "reset", here())
    sent = _send("reset", person, secret)
    return _people(_form(empty=True), invited=[(person, _address(secret), sent)])


@blueprint.post("/links")
@permissions.staff
def make_links() -> Page:
    """New one-time links for all people of the course without a password. Earlier links end."""
    with database().write() as session:
        members = sa.select(Person).join(Membership).where(Membership.course_id == here().id)
        people = session.scalars(members.where(Person.password_hash == "").order_by(Person.login))
        invited = [
            (person, invitations.make(session, me(), person, "invite", here()))
            for person in people
            if accounts.may_take_over(me(), person)
        ]
    sent = [(person, _address(secret), _send("invite", person, secret)) for person, secret in invited]
    return _people(_form(empty=True), invited=sent, note="" if sent else "Everybody has set a password.")


@blueprint.post("/links.csv")
@permissions.staff
def save_links() -> Page:
    """The links that a page has just shown, as a file. The service does not keep them, so the page sends them back."""
    rows = [
        [inert(cell) for cell in row]
        for row in zip(
            *(request.form.getlist(name)[: roster.MOST] for name in ("login", "name", "email", "link")), strict=False
        )
    ]
    data = table([["login", "name", "email", "link"], *rows], mark=True)
    headers = {"Content-Disposition": f'attachment; filename="{here().slug}-links.csv"'}
    return Response(data, mimetype="text/csv", headers=headers)


@blueprint.route("/<int:person_id>/edit", methods=["GET", "POST"])
@permissions.staff
def edit(person_id: int) -> Page:
    """Change the name and the address. A link that was sent to the old address ends."""
    if request.method == "GET":
        return _edit(_managed(reading(), person_id))
    name, email = request.form.get("name", ""), request.form.get("email", "")
    try:
        with database().write() as session:
            person = _managed(session, person_id)
            before = {"name": person.name, "email": person.email}
            changed = accounts.edit(session, person, name=name, email=email)
            if changed:
                after = {"name": person.name, "email": person.email}
                if after["email"] != before["email"]:
                    invitations.end(session, person.id)
                audit.write(
                    session, me(), "person changed", f"person {person.id}", before, after, course=here(), person=person
                )
    except DeepgradeError as error:
        return _edit(_managed(reading(), person_id), str(error)), 422
    flash("The name and the address have been saved." if changed else "Nothing was changed.")
    return redirect(url_for("people.show"), 303)


@blueprint.post("/<int:person_id>/role")
@permissions.admin
def set_role(person_id: int) -> Page:
    """`role` in this course, or "" to remove the person. Their submissions stay."""
    role = request.form.get("role", "")
    if role and role not in ROLES:
        abort(422)
    with database().write() as session:
        person, before = _member(session, person_id)
        if person.id == me().id:
            abort(403)  # people cannot remove their own access
        if role:
            accounts.join(session, person, here(), role)
        else:
            accounts.leave(session, person, here())
        audit.write(
            session,
            me(),
            "member changed",
            f"person {person.id}",
            before,
            role or None,
            course=here(),
            person=person,
        )
    flash(f"{person.name} now has the role {role}." if role else f"{person.name} has left the course.")
    return redirect(url_for("people.show"), 303)


@blueprint.route("/<int:person_id>/delete", methods=["GET", "POST"])
@permissions.admin
def delete(person_id: int) -> Page:
    """Delete a person and all their submissions. The typed login confirms it."""
    person, _ = _member(reading(), person_id)
    if person.id == me().id or not accounts.may_take_over(me(), person):
        abort(403)
    if request.method == "GET":
        return render_template("staff/delete.html", person=person)
    if accounts.fold(request.form.get("login", "")) != person.login:
        return render_template("staff/delete.html", person=person, sentence="The login does not match."), 422
    try:
        with database().write() as session:
            gone = deletion.erase(session, me(), session.get_one(Person, person_id))
    except DeepgradeError as error:
        return render_template("staff/delete.html", person=person, sentence=str(error)), 422
    try:
        deletion.forget(database(), files(), gone)
        flash("The account and all its data have been deleted.")
    except StoreError as error:
        log.error(
            "files of a deleted person are still in the store: %s; the next start removes %s", error, " ".join(gone)
        )
        flash(
            f"The account has been deleted, but its files remain: {error}. The next start of the service deletes them."
        )
    return redirect(url_for("people.show"), 303)


@blueprint.route("/roster", methods=["GET", "POST"])
@permissions.staff
def show_roster() -> Page:
    """First the page shows the changes. The same form with the digest of that plan applies them."""
    if request.method == "GET":
        return render_template("staff/roster.html", text="", leave=False)
    upload = request.files.get("file")
    data = upload.stream.read(ROSTER_KB * 1024 + 1) if upload and upload.filename else None
    leave = request.form.get("leave") == "1"
    facts: dict[str, Any] = {"text": request.form.get("text", ""), "leave": leave, "encoding": ""}
    try:
        if len(facts["text"].encode() if data is None else data) > ROSTER_KB * 1024:
            raise DeepgradeError(f"the roster has more than {ROSTER_KB} kB")
        if data is not None:
            facts["text"], facts["encoding"] = roster.decode(data)
        facts["text"] = text = facts["text"].replace("\r\n", "\n")  # as forms send line ends
        entries = roster.parse(text)
        with database().write() as session:
            changes = roster.plan(session, me(), here(), entries, leave=leave)
            facts |= {"changes": changes, "digest": roster.digest(changes)}
            if request.form.get("digest") != facts["digest"]:
                stale = "digest" in request.form
                return render_template("staff/roster.html", **facts, stale=stale), 409 if stale else 200
            leavers = sum(change.kind == "leaves" for change in changes)
            if leavers and request.form.get("leavers") != str(leavers):
                raise DeepgradeError(f"confirm that {formatting.count(leavers, 'student')} will leave the course")
            invited = roster.apply(session, me(), here(), changes)
    except DeepgradeError as error:
        return render_template("staff/roster.html", **facts, sentence=str(error)), 422
    sent = [(person, _address(secret), _send("invite", person, secret)) for person, secret in invited]
    return _people(_form(empty=True), invited=sent, note=_sum(changes))


def _add(session: Session, login: str, name: str, role: str, password: accounts.Hashed) -> tuple[Person, bool]:
    """The person, and whether the account is new."""
    person = accounts.find(session, login)
    is_new = person is None
    if person is None:
        if accounts.with_address(session, login) is not None:
            raise DeepgradeError(f"{login!r} is the e-mail address of another account; add that account by its login")
        person, _ = accounts.create(session, login=login, name=name, role=role, password=password, course=here())
    else:
        if person.role_in(here().id) is not None:
            raise DeepgradeError(f"{person.login!r} is in the course already")
        accounts.join(session, person, here(), role)
    audit.write(session, me(), "member changed", f"person {person.id}", None, role, course=here(), person=person)
    return person, is_new


def _member(session: Session, person_id: int) -> tuple[Person, str]:
    """A person of this course and their role; 404 for operators who are not in it."""
    membership = session.get(Membership, (person_id, here().id))
    if membership is None:
        abort(404)
    return session.get_one(Person, person_id), membership.role


def _managed(session: Session, person_id: int) -> Person:
    """A person whose access these staff may change."""
    person, _ = _member(session, person_id)
    if not accounts.may_take_over(me(), person):
        abort(403)
    return person


def _edit(person: Person, sentence: str = "") -> str:
    given = {"name": person.name, "email": person.email or ""}
    given |= {name: request.form[name] for name in given if name in request.form}
    return render_template("staff/person.html", person=person, given=given, sentence=sentence)


def _send(purpose: str, person: Person, secret: str) -> bool:
    if not person.email or not mail.configured(settings()):
        return False
    return mail.send(
        settings(),
        purpose,
        to=person.email,
        name=person.name,
        login=person.login,
        secret=secret,
        course=here().title,
    )


def _address(secret: str) -> str:
    """The address of a link: the public one if it is set, otherwise the request's."""
    return (
        mail.link(settings(), secret) if settings().public_url else url_for("links.show", secret=secret, _external=True)
    )


def _sum(changes: list[roster.Change]) -> str:
    kinds = [change.kind for change in changes]
    words = {"new": "new", "joins": "joined", "role": "with a new role", "leaves": "left"}
    parts = [f"{kinds.count(kind)} {said}" for kind, said in words.items() if kind in kinds]
    return ", ".join(parts) or "nothing to change"


def _form(*, empty: bool = False) -> NewPerson:
    form = NewPerson(formdata=None) if empty else NewPerson()
    form.role.choices = [role for role in ROLES if accounts.may_manage(me(), here(), role)]
    return form


def _people(
    form: NewPerson,
    *,
    made: tuple[Person, str | None] | None = None,
    invited: list[tuple[Person, str, bool]] | None = None,
    note: str = "",
    sentence: str = "",
) -> str:
    with database().read() as session:  # the request's own session does not see the new rows
        members = sa.select(Person, Membership).join(Membership).where(Membership.course_id == here().id)
        members = members.options(sa.orm.selectinload(Person.memberships))
        people = session.execute(members.order_by(Membership.role, Person.login)).all()
        return render_template(
            "staff/people.html",
            form=form,
            made=made,
            invited=invited or [],
            note=note,
            sentence=sentence,
            people=people,
            may_take_over=lambda person: accounts.may_take_over(me(), person),
            admin=permissions.role_in(here().id) == "admin",
            roles=ROLES,
        )
