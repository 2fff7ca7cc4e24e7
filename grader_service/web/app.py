"""The application factory.

create_app(settings)  ─>  Flask: secrets and course loaded, database brought up to date, pages registered
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable
from typing import Any

from flask import Flask, g
from flask_login import current_user
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import IntegerConverter, Map

import autograder
from autograder.course.course import Course, find_course
from autograder.report import numbers
from grader_service.accounts import mail
from grader_service.core import minutes, secrets
from grader_service.core.course_version import Version
from grader_service.core.settings import Settings
from grader_service.courses import courses
from grader_service.database.audit import REASON_MOST
from grader_service.database.files import Files
from grader_service.database.models import Person
from grader_service.database.session import LARGEST, Database
from grader_service.grading import report_figures
from grader_service.lti.platform_keys import PlatformKeys
from grader_service.lti.platform_requests import Tokens
from grader_service.queue.notify import engine_of
from grader_service.submissions import rendering
from grader_service.submissions.services import Services
from grader_service.web import api, formatting, handouts, permissions, request_log, request_metrics, security
from grader_service.web.pages import (
    account,
    assignments,
    audit,
    auth,
    dates,
    errors,
    grades,
    health,
    invitations,
    leaderboard,
    lms_files,
    lti,
    lti_course,
    marks,
    metrics,
    oidc,
    other_tests,
    people,
    platforms,
    queue,
    regrades,
    similarity,
    staff,
    submissions,
    written_parts,
)
from grader_service.web.pages import (
    courses as course_pages,
)

FORM_KB = 64  # of a form around the zip
LANES = {
    "others": 12,
    "passwords": 2,
    "elsewhere": 4,
    "written": 2,
}  # threads of the web process, by kind of request; see server.py


OF_PEOPLE = (auth, oidc, invitations, account)
OF_STUDENTS = (assignments, submissions, written_parts, leaderboard)
OF_STAFF = (staff, grades, marks, regrades, similarity, audit, dates, people, course_pages, queue)
OF_PLATFORMS = (lti, lti_course, lms_files, platforms)
PAGES = (*OF_PEOPLE, *OF_STUDENTS, *OF_STAFF, *OF_PLATFORMS, health, metrics)


class Number(IntegerConverter):
    """The number of a row. A database does not accept a larger number, not even to compare it."""

    def __init__(self, map: Map, *args: Any, **options: Any) -> None:
        super().__init__(map, *args, **{"max": LARGEST, **options})


def create_app(settings: Settings) -> Flask:
    """Raises DeepgradeError if the course or the data folder is wrong; the message says what to do."""
    security.must_not_be_debugged(os.environ)
    course = find_course(settings.course)
    app = Flask(__name__)
    _configure(app, settings, course)
    services = _services(settings, course)
    app.extensions["services"] = services
    app.extensions["reading"] = _reading(services.database)
    app.extensions["lti keys"], app.extensions["lti tokens"] = PlatformKeys(), Tokens(settings)
    app.teardown_appcontext(_close_reading)

    request_metrics.install(app)
    request_log.install(app, settings)
    written_parts.install(app)  # before the check of a form's token, which reads the body
    security.install(app)
    oidc.install(app, settings)
    errors.install(app)
    for pages in PAGES:
        app.register_blueprint(pages.blueprint)
    api.install(app)
    permissions.check(app)
    _name_for_templates(app)
    app.context_processor(_who)
    return app


def _configure(app: Flask, settings: Settings, course: Course) -> None:
    largest = max((assignment.manifest.limits.upload_kb for assignment in course), default=0)
    app.config.update(
        SECRET_KEY=secrets.session_key(settings),
        MAX_CONTENT_LENGTH=(largest + FORM_KB) * 1024,
        SESSION_COOKIE_NAME="deepgrade",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.https,
        PERMANENT_SESSION_LIFETIME=datetime.timedelta(days=14),
        SEND_FILE_MAX_AGE_DEFAULT=3600,  # seconds; a file's address carries the version
        WTF_CSRF_TIME_LIMIT=None,  # as long as the sign-in: a page may stay open overnight
    )
    if settings.https:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)  # type: ignore[method-assign]
    app.url_map.converters["int"] = Number


def _services(settings: Settings, course: Course) -> Services:
    """Brings the database up to date and gives the first course the assignments on the disk."""
    # Each of the web process's threads may hold a reading and a writing connection at once.
    database = Database(settings, connections=2 * sum(LANES.values()))
    database.upgrade()
    with database.write() as session:
        courses.fill(session, [assignment.name for assignment in course])
    files = Files(settings)
    return Services(
        settings=settings,
        course=course,
        version=Version(settings, course),
        database=database,
        files=files,
        notifier=engine_of(settings),
        renderer=rendering.Renderer(database, files),
        outbox=mail.Outbox(),
    )


def _name_for_templates(app: Flask) -> None:
    """The filters and functions that templates use."""
    app.jinja_env.filters.update(
        visible=formatting.visible,
        beside=numbers.beside,
        prose=formatting.prose,
        points=formatting.points,
        moment=_moment,
        utc=formatting.utc,
        count=formatting.count,
        span=formatting.span,
        begun=minutes.begun,
        over=minutes.over,
        end=minutes.end,
    )
    app.jinja_env.globals.update(
        VERDICTS=formatting.VERDICTS,
        STATES=formatting.STATES,
        REASON_MOST=REASON_MOST,
        version=autograder.__version__,
        picture_key=report_figures.key,
        picture_description=report_figures.description,
        handout=handouts.render,
        audit_changes=audit.changes,
        by_problem=formatting.by_problem,
        home=permissions.home,
        other_tests=other_tests.find,
        assignment_title=assignments.title_of,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True


def _who() -> dict[str, object]:
    """`me` on every page: the person who is signed in; None if the database cannot be reached.

    here : the course of the page, if it has one
    staff_here, admin_here : am I staff or an admin of it?
    switches : my courses, each with an address
    """
    nobody: dict[str, object] = {"me": None, "here": None, "staff_here": False, "admin_here": False, "switches": []}
    try:
        me: Person | None = getattr(current_user, "person", None)
        if me is None:
            return nobody
        permissions.set_course()
        here = g.get("here")
        role = permissions.role_in(here.id) if here else None
        rights = {"staff_here": role in ("staff", "admin"), "admin_here": role == "admin"}
        return {"me": me, "here": here, "switches": permissions.switches(), **rights}
    except OperationalError:
        return nobody


def _moment(seconds: float, zone: datetime.tzinfo | None = None) -> str:
    """In the given zone, else in the zone of the page's course, else in UTC. The text names the zone."""
    here = g.get("here")
    return formatting.moment(seconds, zone or (courses.zone(here) if here else None))


def _reading(database: Database) -> Callable[[], Session]:
    def reading() -> Session:
        """The request's session for reading: it opens with the first query and closes after the answer."""
        if "reading" not in g:
            g.reading = database.reading()
        session: Session = g.reading
        return session

    return reading


def _close_reading(error: BaseException | None) -> None:
    if "reading" in g:
        g.pop("reading").close()
