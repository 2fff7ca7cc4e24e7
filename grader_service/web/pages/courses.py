"""Courses: operators make them; admins of a course set its title and time zone."""

from __future__ import annotations

from zoneinfo import available_timezones

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from autograder.core.errors import DeepgradeError
from grader_service.courses import courses
from grader_service.database.models import Course
from grader_service.web import permissions
from grader_service.web.forms import CourseForm, CourseSettings
from grader_service.web.pages import database, here, me

blueprint = Blueprint("held", __name__, url_prefix="/courses")

Page = str | tuple[str, int] | Response


@blueprint.route("", methods=["GET", "POST"])
@permissions.operator
def show() -> Page:
    """The list of courses, and a form for a new course without people and assignments."""
    form = CourseForm(timezone="UTC")
    if not form.validate_on_submit():
        return _page(form), 422 if form.is_submitted() else 200
    try:
        with database().write() as session:
            made = courses.create(
                session,
                me(),
                slug=form.slug.data or "",
                title=form.title.data or "",
                timezone=form.timezone.data or "",
            )
    except DeepgradeError as error:
        return _page(form, str(error)), 422
    flash(f"The course {made.title} has been created. Choose its assignments and add people.")
    return redirect(url_for("dates.show", slug=made.slug), 303)


@blueprint.route("/<slug>/settings", methods=["GET", "POST"])
@permissions.admin
def change() -> Page:
    form = CourseSettings(
        data={"title": here().title, "timezone": here().timezone, "archived": here().archived_at is not None}
    )
    if not form.validate_on_submit():
        return _settings(form), 422 if form.is_submitted() else 200
    try:
        with database().write() as session:
            courses.change(
                session,
                me(),
                session.get_one(Course, here().id),
                title=form.title.data or "",
                timezone=form.timezone.data or "",
                archived=bool(form.archived.data),
            )
    except DeepgradeError as error:
        return _settings(form, str(error)), 422
    flash("The course has been saved.")
    return redirect(url_for("held.change"), 303)


def _page(form: CourseForm, sentence: str = "") -> str:
    with database().read() as session:
        mine = permissions.my_courses(session)
    return render_template("courses.html", form=form, courses=mine, sentence=sentence, zones=_zones())


def _settings(form: CourseSettings, sentence: str = "") -> str:
    return render_template("staff/course.html", form=form, sentence=sentence, zones=_zones())


def _zones() -> list[str]:
    places = (name for name in available_timezones() if "/" in name and not name.startswith("Etc/"))
    return [*sorted(places), "UTC"]
