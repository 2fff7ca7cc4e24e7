"""Health checks for monitoring."""

from __future__ import annotations

import os

import sqlalchemy as sa
from flask import Blueprint, Response, jsonify
from sqlalchemy.exc import SQLAlchemyError

from autograder.core.errors import DeepgradeError
from grader_service.database.models import Job
from grader_service.queue import hosts
from grader_service.web import permissions
from grader_service.web.pages import database, reading, settings

blueprint = Blueprint("health", __name__)


LEAST_FREE_MB = 200  # on the disk of DEEPGRADE_HOME


@blueprint.get("/healthz")
@permissions.anybody
def alive() -> Response:
    """200 if the web process runs and the database answers."""
    reading().scalar(sa.select(Job.id).limit(1))
    return Response("ok\n", mimetype="text/plain")


@blueprint.get("/readyz")
@permissions.anybody
def ready() -> tuple[Response, int]:
    """200 if an upload would be accepted now, else 503; `checks` has "ok" or the error of each part.

    Without graders, uploads are accepted and wait. So `graders` does not change the status.
    """
    checks = {"database": _database(), "disk": _disk()}
    well = all(state == "ok" for state in checks.values())
    if checks["database"] == "ok":
        open_ones = sum(one.state == "open" for one in hosts.all_of_them(reading()))
        checks["graders"] = "ok" if open_ones else "no host takes jobs, so submissions wait"
    return jsonify({"ready": well, "checks": checks}), 200 if well else 503


def _database() -> str:
    try:
        database().check_version()
    except (SQLAlchemyError, DeepgradeError):
        return "cannot be reached, or its tables have another version"
    return "ok"


def _disk() -> str:
    home = settings().home
    try:
        disk = os.statvfs(home)
    except OSError:
        return "the data folder does not exist"
    if not os.access(home, os.W_OK):
        return "the data folder cannot be written"
    if disk.f_bavail * disk.f_frsize < LEAST_FREE_MB * 2**20:
        return f"less than {LEAST_FREE_MB} MB are free"
    return "ok"
