"""For staff of a course: the audit of all changes of grades, dates, people and rights."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from grader_service.courses import courses
from grader_service.database import audit
from grader_service.database.models import AuditEntry
from grader_service.web import formatting, permissions
from grader_service.web.pages import here, number, reading

blueprint = Blueprint("records", __name__, url_prefix="/courses/<slug>/staff")

ROWS = 100

Page = str | tuple[str, int] | Response


@blueprint.get("/audit")
@permissions.staff
def show() -> Page:
    """The latest entries first. `before`: entries older than that one; `person`: entries about that person."""
    person = number("person")
    entries = audit.entries(reading(), here(), before=number("before"), limit=ROWS + 1, person=person)
    older = entries[ROWS - 1].id if len(entries) > ROWS else None
    return render_template("staff/audit.html", entries=entries[:ROWS], older=older, person=person)


def changes(entry: AuditEntry) -> list[tuple[str, str, str]]:
    """(name, before, after) of each value that an entry changed; "" for no value."""
    before, after = entry.before, entry.after
    if isinstance(before or after, dict):
        old, new = before or {}, after or {}
        changed = [(name, old.get(name), new.get(name)) for name in {**old, **new} if old.get(name) != new.get(name)]
        return [(name.replace("_", " "), _word(was, name), _word(now, name)) for name, was, now in changed]
    return [("", _word(before), _word(after))]


def _word(value: Any, name: str = "") -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name == "release_at" and not value:
        return "from the start"
    if isinstance(value, (int, float)):
        return formatting.moment(value, courses.zone(here())) if name.endswith("_at") else f"{value:.10g}"
    if isinstance(value, list):
        return "; ".join(map(_word, value))
    if isinstance(value, dict):
        return ", ".join(f"{key} {_word(one, key)}" for key, one in value.items())
    return str(value)
