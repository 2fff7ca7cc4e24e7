"""For staff of a course: the audit, everything that changed a grade, a date, a person or a right."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from grader_service import access, audit
from grader_service.pages import here, number, reading

blueprint = Blueprint("records", __name__, url_prefix="/courses/<slug>/staff")

ROWS = 100

Page = str | tuple[str, int] | Response


@blueprint.get("/audit")
@access.staff
def show() -> Page:
    """The latest entries first. `before`: older than that one; `person`: about that person alone."""
    person = number("person")
    found = audit.entries(reading(), here(), before=number("before"), limit=ROWS + 1, person=person)
    older = found[ROWS - 1].id if len(found) > ROWS else None
    return render_template("staff/audit.html", entries=found[:ROWS], older=older, person=person)


def said(value: Any) -> str:
    """What there was, or is, in a line: `points 7, reason x`."""
    if value is None:
        return ""
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {_word(one)}" for name, one in value.items())
    if isinstance(value, list):
        return "; ".join(said(one) if isinstance(one, dict) else _word(one) for one in value)
    return _word(value)


def _word(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.10g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
