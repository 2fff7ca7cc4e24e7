"""Who one is, and in which courses."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint

from grader_service import access
from grader_service.api.forms import Me
from grader_service.pages import reading

blueprint = Blueprint("api-people", __name__, description="Who you are")


@blueprint.get("/me")
@access.signed_in
@blueprint.response(200, Me)
def me() -> dict[str, Any]:
    """Whose token this is, and how far it reaches"""
    person = access.me()
    courses = [
        {
            "course": course.slug,
            "title": course.title,
            "role": access.role_in(course.id),
            "timezone": course.timezone,
            "archived": course.archived_at is not None,
        }
        for course in access.my_courses(reading())
    ]
    return {"login": person.login, "name": person.name, "courses": courses, "token": access.my_token()}
