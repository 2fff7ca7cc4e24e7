"""For whatever watches over the service."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Blueprint, Response

from grader_service import access
from grader_service.models import Job
from grader_service.pages import reading

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
@access.anybody
def alive() -> Response:
    """200 if the web process runs and the database answers."""
    reading().scalar(sa.select(Job.id).limit(1))
    return Response("ok\n", mimetype="text/plain")
