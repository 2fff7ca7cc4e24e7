"""Permissions: each view has one rule. `_enforce` checks it before the view runs.

    anybody       nobody needs to be signed in
    newcomer      signed in, also with a temporary password, which must be changed first
    signed_in     signed in
    member        in the course of the address /courses/<slug>/...; all others get 404
    staff, admin  with that role in it; other members get 403
    reader        the student of the submission of the address, and staff of its course; all others get 404
    marker        staff of the submission's course
    any_staff     staff of some course
    pauser        operators, and staff of every open course, since a pause affects all courses
    operator      of the whole service

A view without a rule answers nobody, and `check` stops the start of a service that has one. A token (see `tokens`) acts
for its person within its scope: below `staff` it is never staff, and a token for a course sees only that course.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa
from flask import Flask, abort, current_app, g, redirect, request, url_for
from flask_login import current_user
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from grader_service.courses import courses, late_policy
from grader_service.database.models import SCOPES, Course, CourseAssignment, Membership, Person, Submission, Token
from grader_service.submissions import submissions

View = TypeVar("View", bound=Callable[..., Any])

# Pages without a course. Their addresses have `course`, the course of the page before, if a person has several.
OF_NO_COURSE = {
    "account.show",
    "account.revoke",
    "auth.password",
    "held.show",
    "platforms.show",
    "queue.show",
    "queue.live",
    "queue.pause",
}


@dataclass(frozen=True)
class Rule:
    name: str
    scope: str | None = ""  # that a token needs; "": read for GET, submit for the others; None: tokens are refused

    def __call__(self, view: View) -> View:
        """Use it as a decorator below the route's, so that the route gets a view with a rule."""
        view.access = self  # type: ignore[attr-defined]
        return view


anybody = Rule("anybody")
newcomer = Rule("newcomer", None)
signed_in = Rule("signed_in")
in_person = Rule("in_person", None)  # as signed_in, but tokens are refused: a token could make another one
member = Rule("member")
staff = Rule("staff", "staff")
admin = Rule("admin", None)
reader = Rule("reader")
marker = Rule("marker", "staff")
any_staff = Rule("any_staff", "staff")
pauser = Rule("pauser", "staff")
operator = Rule("operator", None)


def install(app: Flask) -> None:
    anybody(app.view_functions["static"])
    app.url_value_preprocessor(_take_slug)
    app.url_defaults(_add_slug)
    app.before_request(_enforce)


def check(app: Flask) -> None:
    """Raises AssertionError if a route has no rule."""
    without = sorted({rule.endpoint for rule in app.url_map.iter_rules() if rule_of(app, rule.endpoint) is None})
    if without:
        raise AssertionError(
            f"routes without a rule of access: {', '.join(without)}; see grader_service/web/permissions.py"
        )


def rule_of(app: Flask, endpoint: str) -> Rule | None:
    view: Any = app.view_functions.get(endpoint)
    while view is not None:
        rule: Rule | None = getattr(view, "access", None)
        if rule is not None:
            return rule
        view = getattr(view, "__wrapped__", None)
    return None


# --- for views --------------------------------------------------------------------------------------------------------


def me() -> Person:
    """The person who is signed in. Only pages with the rule `anybody` may have none."""
    person: Person = current_user.person
    return person


def my_token() -> Token | None:
    return getattr(current_user, "token", None)


def here() -> Course:
    """The course of this request's address, or of its submission."""
    course: Course = g.here
    return course


def asked() -> Submission:
    """The submission of this request's address, after the rule `reader` or `marker`."""
    submission: Submission = g.asked
    return submission


def assignment(name: str) -> CourseAssignment:
    """The assignment of that name in this request's course. Before its release students get 404, as for an unknown
    name; the course's staff get it."""
    session: Session = current_app.extensions["reading"]()
    course_assignment = courses.assignment(session, here(), name)
    if course_assignment is None or not (
        is_staff_here() or late_policy.released(course_assignment, submissions.now(session))
    ):
        abort(404)
    return course_assignment


def role_in(course_id: int) -> str | None:
    """My role in a course, within the scope of the request's token."""
    role, token = me().role_in(course_id), my_token()
    if token is None or role is None:
        return role
    if token.course_id not in (None, course_id):
        return None
    return role if token.scope == "staff" else "student"


def is_staff_in(course_id: int) -> bool:
    return role_in(course_id) in ("staff", "admin")


def is_staff_here() -> bool:
    return is_staff_in(here().id)


def my_courses(session: Session) -> list[Course]:
    """My courses; all courses for operators. Open ones come first; both kinds are in order of their ids."""
    query = sa.select(Course)
    if not me().is_operator:
        query = query.join(Membership).where(Membership.person_id == me().id)
    token = my_token()
    if token is not None and token.course_id is not None:
        query = query.where(Course.id == token.course_id)
    return list(session.scalars(query.order_by(Course.archived_at.is_not(None), Course.id)))


def home() -> str:
    """The address of the home page: the page's course if I have several courses, otherwise all assignments."""
    several = len(_mine()) > 1 and g.get("here") is not None
    return url_for("assignments.of_course" if several else "assignments.index")


def switches() -> list[tuple[Course, str]]:
    """My courses, each with the address of this page in it. If I may not see it there, the address is that of the
    course's assignments."""
    return [(course, _this_page_in(course)) for course in _mine()]


def may_pause(session: Session) -> bool:
    """A pause stops the grading of all courses, so operators and staff of every open course may do it."""
    if me().is_operator:
        return True
    mine = {one.course_id for one in me().memberships if one.role in ("staff", "admin")}
    return bool(mine) and set(session.scalars(sa.select(Course.id).where(Course.archived_at.is_(None)))) <= mine


# --- how rules are checked --------------------------------------------------------------------------------------------


def _take_slug(endpoint: str | None, values: dict[str, Any] | None) -> None:
    g.slug = values.pop("slug", None) if values else None


def _add_slug(endpoint: str, values: dict[str, Any]) -> None:
    """Adds the course to the addresses of links."""
    course = g.get("here")
    if course is None:
        return
    if current_app.url_map.is_endpoint_expecting(endpoint, "slug"):
        values.setdefault("slug", course.slug)
    elif endpoint in OF_NO_COURSE and len(_mine()) > 1:
        values.setdefault("course", course.slug)


def _mine() -> list[Course]:
    """My courses, loaded once in a request."""
    if "mine" not in g:
        g.mine = my_courses(current_app.extensions["reading"]())
    mine: list[Course] = g.mine
    return mine


def set_course() -> None:
    """Sets the course of a page without one: the course of the page before, or a person's only course."""
    if "here" in g:
        return
    named = request.args.get("course", "")
    if request.endpoint is None and (match := re.match(r"/courses/([^/]+)/", request.path)):
        named = match[1]  # there is no such page in this course
    course = next((one for one in _mine() if one.slug == named), None)
    if course is None and len(_mine()) == 1:
        course = _mine()[0]
    if course is not None:
        g.here = course


def _this_page_in(course: Course) -> str:
    endpoint, rule = request.endpoint or "", request.url_rule
    if endpoint in OF_NO_COURSE and rule is not None and "GET" in (rule.methods or ()):
        return url_for(endpoint, **{**(request.view_args or {}), "course": course.slug})
    access = rule_of(current_app, endpoint)
    roles = {"member": ("student", "staff", "admin"), "staff": ("staff", "admin"), "admin": ("admin",)}
    if rule is None or "GET" not in (rule.methods or ()) or rule.arguments != {"slug"} or access is None:
        return url_for("assignments.of_course", slug=course.slug)
    may = role_in(course.id) in roles.get(access.name, ())
    return url_for(endpoint if may else "assignments.of_course", slug=course.slug)


def _enforce() -> Response | None:
    if request.endpoint is None or request.routing_exception is not None:
        return None  # there is no such page; everybody gets that answer
    rule = rule_of(current_app, request.endpoint)
    if rule is None:
        abort(500)
    if rule is anybody:
        return None
    if not current_user.is_authenticated:
        target = request.full_path.rstrip("?") if request.method == "GET" else None
        return _go(url_for("auth.sign_in", next=target))
    if me().must_change_password and rule is not newcomer:
        return _go(url_for("auth.password"))
    _hold_token_to(rule)
    _CHECKS.get(rule.name, _nothing_more)()
    set_course()
    return None


def _hold_token_to(rule: Rule) -> None:
    token = my_token()
    if token is None:
        return
    needed = ("read" if request.method in ("GET", "HEAD") else "submit") if rule.scope == "" else rule.scope
    if needed is None or SCOPES.index(token.scope) < SCOPES.index(needed):
        abort(403)


def _nothing_more() -> None:
    pass


def _member() -> None:
    session: Session = current_app.extensions["reading"]()
    course = next((one.course for one in me().memberships if one.course.slug == g.slug), None)
    if course is None and me().is_operator:
        course = session.scalar(sa.select(Course).where(Course.slug == g.slug))
    if course is None or role_in(course.id) is None:
        abort(404)
    g.here = course


def _staff() -> None:
    _member()
    if not is_staff_here():
        abort(403)


def _admin() -> None:
    _member()
    if role_in(here().id) != "admin":
        abort(403)


def _reader() -> None:
    session: Session = current_app.extensions["reading"]()
    submission = submissions.find(session, (request.view_args or {})["submission_id"])
    role = None if submission is None else role_in(submission.course_id)
    # A person who has left the course sees nothing of it.
    if submission is None or role is None or (submission.person_id != me().id and role == "student"):
        abort(404)
    g.asked, g.here = submission, submission.in_course


def _marker() -> None:
    _reader()
    if not is_staff_here():
        abort(403)


def _any_staff() -> None:
    if not me().is_staff:
        abort(403)


def _pauser() -> None:
    if not may_pause(current_app.extensions["reading"]()):
        abort(403)


def _operator() -> None:
    if not me().is_operator:
        abort(403)


_CHECKS: dict[str, Callable[[], None]] = {
    "member": _member,
    "staff": _staff,
    "admin": _admin,
    "reader": _reader,
    "marker": _marker,
    "any_staff": _any_staff,
    "pauser": _pauser,
    "operator": _operator,
}


def _go(target: str) -> Response:
    """Redirects from pages; answers 401 for the API and for files."""
    if request.headers.get("HX-Request"):
        # A part of a page polls for progress: the whole page must go there.
        return Response(status=401, headers={"HX-Redirect": url_for("auth.sign_in")})
    if request.path.startswith("/api/"):
        abort(401)
    if request.path.endswith((".json", ".png", ".zip", ".csv", ".pdf")):
        return Response("sign in first\n", status=401, mimetype="text/plain")
    return redirect(target, 303)
