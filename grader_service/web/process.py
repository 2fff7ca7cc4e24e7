"""The process that answers browsers, on a socket that is open already.

`python -m grader_service.web.process FD PARENT`

One process with threads: requests mostly wait for the disk, and the counts that slow down sign-in are exact.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import socket
import sys

from autograder.core.errors import DeepgradeError
from grader_service.core import logs
from grader_service.core.process import die_with_parent
from grader_service.core.settings import Settings
from grader_service.lti.sender import Sender
from grader_service.submissions import written
from grader_service.web.app import FORM_KB, LANES, create_app
from grader_service.web.server import Lanes, Limits, Server

PASSWORDS = re.compile(r"/sign-in|/password|/link/[^/]*|/api/v1/tokens")  # each is a tenth of a second of work
# Each may wait for the provider, or for a platform.
ELSEWHERE = re.compile(r"/sign-in/elsewhere(/back)?|/lti/launch|/courses/[^/]+/staff/lti/[0-9]+/roster")

WRITTEN = re.compile(r"(/api/v1)?/courses/[^/]+/assignments/[^/]+/written")  # each may open a PDF in a sandbox


def lane_of(method: str, path: str) -> str:
    """The lane of `app.LANES` that a request belongs to."""
    if method == "POST" and PASSWORDS.fullmatch(path):
        return "passwords"
    if method == "POST" and WRITTEN.fullmatch(path):
        return "written"
    return "elsewhere" if ELSEWHERE.fullmatch(path) else "others"


def main(descriptor: int, parent: int) -> None:
    die_with_parent(parent)
    try:
        settings = Settings.from_environment()
        logs.configure(settings, "web", os.environ)
        logging.getLogger("waitress").setLevel(logging.ERROR)
        app = create_app(settings)
        services = app.extensions["services"]
        Sender(settings, services.database, services.course).start()
    except DeepgradeError as error:
        sys.exit(f"deepgrade: {error}")
    most = max(app.config["MAX_CONTENT_LENGTH"], (written.MOST_KB + FORM_KB) * 1024)
    limits = Limits(
        seconds=settings.client_seconds,
        rate=settings.client_kb * 1024,
        connections=settings.connections,
        body_bytes=most + 2**20,  # what is a little too large is refused by the application, on a page
    )
    server = Server(app, socket.socket(fileno=descriptor), Lanes(lane_of, LANES), limits)

    def stop(*_: object) -> None:
        server.told_to_stop = True
        server.pull_trigger()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    server.run_until_told_to_stop()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
