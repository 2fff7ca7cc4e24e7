"""Who one is, and in which courses; and a first token."""

from __future__ import annotations

from typing import Any

from autograder.core.errors import DeepgradeError
from grader_service.accounts import accounts, tokens
from grader_service.database.models import Person
from grader_service.web import permissions
from grader_service.web.api.forms import MadeToken, Me, NewToken
from grader_service.web.api.parsing import Blueprint, abort
from grader_service.web.pages import database, reading
from grader_service.web.security import failures, sign_in_key

blueprint = Blueprint("api-people", __name__, description="Your account, and its first token")


@blueprint.get("/me")
@permissions.signed_in
@blueprint.response(200, Me)
def me() -> dict[str, Any]:
    """The account of this token, and its permissions"""
    person = permissions.me()
    courses = [
        {
            "course": course.slug,
            "title": course.title,
            "role": permissions.role_in(course.id),
            "timezone": course.timezone,
            "archived": course.archived_at is not None,
        }
        for course in permissions.my_courses(reading())
    ]
    return {"login": person.login, "name": person.name, "courses": courses, "token": permissions.my_token()}


@blueprint.post("/tokens")
@permissions.anybody
@blueprint.arguments(NewToken)
@blueprint.response(201, MadeToken)
@blueprint.doc(security=[])
def make_token(asked: dict[str, Any]) -> dict[str, Any]:
    """Create a token with a login and a password

    This request needs no token. People who sign in through their university have no password here and create tokens
    on their account page.
    """
    with failures().attempt(sign_in_key(asked["login"])) as attempt:
        person = accounts.authenticate(reading(), asked["login"], asked["password"])
        if person is None:
            attempt.failed()
            abort(401, message="The login or the password is wrong.")
    if person.must_change_password:
        abort(403, message="Your password is temporary. Sign in on the web page first and choose your own password.")
    try:
        with database().write() as session:
            _, secret = tokens.make(
                session, session.get_one(Person, person.id), name=asked["name"], scope=asked["scope"]
            )
    except DeepgradeError as error:
        abort(422, message=str(error))
    return {"token": secret}
