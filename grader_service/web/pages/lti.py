"""Launches from a learning management system: the platform's requests, and the pages until its link is open.

    login ──> the platform ──> launch ──> opened ─┬─ link, account     who is this?
                                                  ├─ connect           which course?
                                                  ├─ choose            which assignments? (deep linking)
                                                  └─> the assignment

A browser keeps no cookie of ours in a platform's frame. So in a frame there is one page, with a button that opens a new
window, and all other pages are never framed. A cookie with the state's hash ties a launch to the browser that began it.
The platform's POST comes without cookies (`SameSite=Lax`), so the page after it compares them.
"""

from __future__ import annotations

import logging
from urllib.parse import urlencode, urlsplit

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    flash,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_login import current_user
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from autograder.core.errors import DeepgradeError
from grader_service.courses import courses, late_policy
from grader_service.database.models import Course, LtiLaunch, LtiPlatform, Person
from grader_service.grading import gradebook
from grader_service.lti import contexts, deep_linking, keys, launches
from grader_service.lti.messages import DEEP_LINKING, BadMessage, Launch, hashed
from grader_service.lti.platform_keys import PlatformKeys
from grader_service.submissions import submissions
from grader_service.web import permissions, security
from grader_service.web.pages import course as content
from grader_service.web.pages import database, errors, me, reading, settings
from grader_service.web.pages.auth import begin as begin_session
from grader_service.web.security import csrf

log = logging.getLogger("deepgrade.lti")

blueprint = Blueprint("lti", __name__, url_prefix="/lti")

Page = str | tuple[str | Response, int] | AnyResponse

COOKIE = "deepgrade_lti"  # hashes of the states of this browser's last launches
COOKIE_SECONDS = 3600
STATES = 5  # launches that one browser may have open
ASKED = ("iss", "client_id", "login_hint", "lti_message_hint", "target_link_uri", "lti_deployment_id")
REFUSED = (
    "The launch was refused, and nothing was changed. Open the link in your course again. If it is refused again, tell "
    "the staff of your course; the service's log has the reason."
)
OVER = "This launch has expired, or another browser began it. Open the link in your course again."


@blueprint.route("/login", methods=["GET", "POST"])
@permissions.anybody
def login() -> Page:
    """The platform's first request: on to the platform in a window, or the page with the button in a frame."""
    given = {name: request.values[name][: launches.HINT_CHARACTERS] for name in ASKED if name in request.values}
    destination = request.headers.get("Sec-Fetch-Dest", "")
    if destination != "document" and (destination or request.args.get("window") != "1"):
        return _in_a_frame(f"{url_for('lti.login')}?{urlencode({'window': 1, **given})}")
    try:
        address, state = launches.begin(reading(), settings(), given, launch_url())
    except BadMessage as error:
        return _refused(error)
    answer = make_response(redirect(address, 303))
    mine = [hashed("state", state), *_states()][:STATES]
    secure = current_app.config["SESSION_COOKIE_SECURE"]
    answer.set_cookie(
        COOKIE, ".".join(mine), max_age=COOKIE_SECONDS, secure=secure, httponly=True, samesite="Lax", path="/lti"
    )
    return answer


@blueprint.post("/launch")
@permissions.anybody
def launch() -> Page:
    """The message that the platform has signed."""
    platform_keys: PlatformKeys = current_app.extensions["lti keys"]
    try:
        secret = launches.accept(
            database(),
            settings(),
            platform_keys,
            request.form.get("state", ""),
            request.form.get("id_token", ""),
        )
    except BadMessage as error:
        return _refused(error)
    return redirect(url_for("lti.opened", secret=secret), 303)


@blueprint.get("/keys.json")
@permissions.anybody
def public_keys() -> Page:
    """The public keys of this service, for platforms."""
    return jsonify(keys.public(settings()))


@blueprint.get("/continue/<secret>")
@permissions.anybody
def opened(secret: str) -> Page:
    """What is still to be known of a launch, and then the page that its link leads to."""
    row, launched = _pending(secret)
    person = launches.identified(reading(), launched)
    if person is None:
        may_be_new = launches.may_have_new_account(reading(), launched)
        return render_template(
            "lti/link.html", launch=launched, platform=_platform(row), secret=secret, may_be_new=may_be_new
        )
    return _arrive(row, launched, person, secret)


@blueprint.post("/continue/<secret>/link")
@permissions.in_person
def link(secret: str) -> Page:
    """The person who is signed in is the person of the launch."""
    row, launched = _pending(secret)
    try:
        with database().write() as session:
            launches.link(session, row.platform_id, launched.subject, session.get_one(Person, me().id))
    except DeepgradeError as error:
        flash(f"{error}.")
    return redirect(url_for("lti.opened", secret=secret), 303)


@blueprint.post("/continue/<secret>/account")
@permissions.anybody
def account(secret: str) -> Page:
    """A new account for the person of the launch."""
    _, launched = _pending(secret)
    try:
        with database().write() as session:
            if launches.identified(session, launched) is None:
                launches.new_account(session, launched)
    except DeepgradeError as error:
        flash(f"{error}.")
    return redirect(url_for("lti.opened", secret=secret), 303)


@blueprint.post("/continue/<secret>/course")
@permissions.in_person
def connect(secret: str) -> Page:
    """Connect the course over there with one of mine."""
    row, launched = _mine(secret)
    try:
        with database().write() as session:
            course = courses.find(session, request.form.get("course", ""))
            if course is None:
                raise DeepgradeError("select a course")
            contexts.connect(session, session.get_one(Person, me().id), launched, course)
    except DeepgradeError as error:
        return _connect(row, launched, secret, f"{error}."), 422
    return redirect(url_for("lti.opened", secret=secret), 303)


@blueprint.post("/continue/<secret>/choose")
@permissions.in_person
def choose(secret: str) -> Page:
    """The links that a teacher has selected, signed, on a page with a button that sends them to the platform."""
    row, launched = _mine(secret)
    context = contexts.find(reading(), launched)
    if launched.kind != DEEP_LINKING or context is None or not permissions.is_staff_in(context.course_id):
        abort(404)
    wanted = request.form.getlist("assignments")
    columns = [column for column in _columns(context.course) if column.name in wanted]
    if not columns:
        return _choose(context.course, row, secret, "Select at least one assignment."), 422
    platform = _platform(row)
    message = deep_linking.answer(settings(), platform, launched, columns, launch_url())
    with database().write() as session:
        launches.finish(session, row)
    page = render_template("lti/send.html", launch=launched, platform=platform, message=message, columns=columns)
    parts = urlsplit(launched.return_url)
    return security.may_send_forms_to(f"{parts.scheme}://{parts.netloc}", make_response(page))


for _view in (
    login,
    launch,
):  # a platform sends these forms; the state and the signature are checked in place of a token
    csrf.exempt(_view)


def launch_url() -> str:
    """The address at which platforms start launches of this service."""
    return address_of("lti.launch")


def address_of(endpoint: str) -> str:
    """The public address of a page, for platforms."""
    public = settings().public_url.rstrip("/")
    return f"{public}{url_for(endpoint)}" if public else url_for(endpoint, _external=True)


def _in_a_frame(address: str) -> Response:
    """The one page that other sites may frame. It holds nothing but a link to this service in a new window."""
    return security.may_be_framed(make_response(render_template("lti/open.html", address=address)))


def _refused(error: BadMessage) -> tuple[str | Response, int]:
    log.warning("a launch was refused: %s", error)
    return errors.page(403, REFUSED)


def _states() -> list[str]:
    return [one for one in request.cookies.get(COOKIE, "").split(".") if len(one) == 64][:STATES]


def _pending(secret: str) -> tuple[LtiLaunch, Launch]:
    """404 for a launch that has expired, or that another browser began."""
    with database().read() as session:
        waiting = launches.pending(session, secret, _states())
    return waiting or abort(404, OVER)


def _mine(secret: str) -> tuple[LtiLaunch, Launch]:
    """A launch of the person who is signed in."""
    row, launched = _pending(secret)
    person = launches.identified(reading(), launched)
    return (row, launched) if person is not None and person.id == me().id else abort(404, OVER)


def _platform(row: LtiLaunch) -> LtiPlatform:
    return reading().get_one(LtiPlatform, row.platform_id)


def _arrive(row: LtiLaunch, launched: Launch, person: Person, secret: str) -> Page:
    if not current_user.is_authenticated or me().id != person.id:
        begin_session(person)
        return redirect(url_for("lti.opened", secret=secret), 303)
    if me().must_change_password:
        return redirect(url_for("auth.password"), 303)
    if contexts.find(reading(), launched) is None:
        if launched.role != "staff":
            return errors.page(403, "The staff of your course have not connected it with this service yet.")
        return _connect(row, launched, secret)
    try:
        with database().write() as session:
            context = contexts.find(session, launched)
            if context is None:
                abort(404, OVER)
            person = session.get_one(Person, person.id)
            linked = contexts.arrive(session, context, launched, person)
            course, staff = context.course, person.is_staff_in(context.course_id)
            if launched.kind != DEEP_LINKING:
                launches.finish(session, row)
            target = _target(session, course, launched, linked is not None, staff)
    except DeepgradeError as error:
        return errors.page(403, f"{str(error)[:1].upper()}{str(error)[1:]}.")
    if launched.kind != DEEP_LINKING:
        return redirect(target, 303)
    if not staff:
        return errors.page(403, "Only staff add links to a course.")
    return _choose(course, row, secret)


def _target(session: Session, course: Course, launched: Launch, linked: bool, staff: bool) -> str:
    """The address that the link leads to: its assignment if the person may see it, else the course."""
    name = launched.assignment
    course_assignment = courses.assignment(session, course, name) if name and linked else None
    if course_assignment is not None and (staff or late_policy.released(course_assignment, submissions.now(session))):
        return url_for("assignments.show", slug=course.slug, name=name)
    if name:
        flash("The assignment of this link is not released yet." if linked else "This link names no assignment here.")
    return url_for("assignments.of_course", slug=course.slug)


def _connect(row: LtiLaunch, launched: Launch, secret: str, sentence: str = "") -> str:
    mine = [one for one in permissions.my_courses(reading()) if contexts.may_connect(launched, me(), one)]
    return render_template(
        "lti/connect.html", launch=launched, platform=_platform(row), courses=mine, secret=secret, sentence=sentence
    )


def _choose(course: Course, row: LtiLaunch, secret: str, sentence: str = "") -> str:
    return render_template(
        "lti/choose.html",
        course=course,
        platform=_platform(row),
        columns=_columns(course),
        secret=secret,
        sentence=sentence,
    )


def _columns(course: Course) -> list[gradebook.Column]:
    return [gradebook.column(content(), one) for one in courses.assignments(reading(), course)]
