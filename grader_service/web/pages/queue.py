"""For staff: the queues, the hosts, and pausing them. People of other courses are not shown."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from autograder.core.errors import DeepgradeError
from grader_service.core.machine import by_package
from grader_service.queue import hosts, monitor
from grader_service.web import permissions
from grader_service.web.formatting import count
from grader_service.web.pages import database, reading, services

blueprint = Blueprint("queue", __name__, url_prefix="/staff/queue")

Page = str | tuple[str, int] | Response


@blueprint.get("")
@permissions.any_staff
def show() -> Page:
    return render_template("staff/queue.html", **_seen())


@blueprint.get("/live")
@permissions.any_staff
def live() -> Page:
    """The part of the page that changes."""
    return render_template("parts/queue.html", **_seen())


@blueprint.post("/pause")
@permissions.pauser
def pause() -> Page:
    """`name` is a queue or a host; `paused` is 1 or 0."""
    name, paused = request.form.get("name", ""), request.form.get("paused") == "1"
    try:
        with database().write() as session:
            hosts.pause(session, name, paused)
    except DeepgradeError as error:
        flash(str(error))
    else:
        flash(f"Paused {name}. Running jobs will finish." if paused else f"Resumed {name}.")
    return redirect(url_for("queue.show"), 303)


def _notes(seen: list[hosts.Seen], ungradable: dict[str, list[str]], waiting: dict[str, int]) -> list[str]:
    """Sentences about what keeps uploads from being graded."""
    notes = []
    if not any(one.state == "open" for one in seen):
        notes.append("No host takes jobs at the moment, so submissions wait.")
    for package, names in by_package(ungradable).items():
        words = f"No open host can grade {', '.join(names)}: {package} is not installed there."
        uploads = sum(waiting.get(name, 0) for name in names)
        notes.append(f"{words} {count(uploads, 'upload')} waiting." if uploads else words)
    if trouble := services().notifier.trouble:
        notes.append(f"{trouble[:1].upper()}{trouble[1:]}.")
    return notes


def _seen() -> dict[str, object]:
    session = reading()
    seen = hosts.all_of_them(session)
    ungradable = hosts.ungradable(seen)
    return {
        "notes": _notes(seen, ungradable, monitor.waiting_for(session, list(ungradable))),
        "lines": monitor.lines(session, hosts.courses(seen)),
        "hosts": seen,
        "served": hosts.served(seen),
        "running": [job for job in monitor.running(session) if permissions.is_staff_in(job.submission.course_id)],
        "may_pause": permissions.may_pause(session),
        "totals": monitor.totals(session),
        "now": session.scalar(hosts.now()),
    }
