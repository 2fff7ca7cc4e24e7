"""The objects that one process of the web service needs, made once and passed on.

    services = Services(settings, course, version, database, files, notifier, renderer, outbox)
    intake.hand_in(services, session, person, ...)

So intake, grading and regrades need no web framework: a script can make its own `Services`.
"""

from __future__ import annotations

from dataclasses import dataclass

from autograder.course.course import Course
from grader_service.accounts.mail import Outbox
from grader_service.core.course_version import Version
from grader_service.core.settings import Settings
from grader_service.database.files import Files
from grader_service.database.session import Database
from grader_service.queue.notify import Engine
from grader_service.submissions.rendering import Renderer


@dataclass(frozen=True)
class Services:
    """The settings, and the objects made from them.

    course : the assignments on the disk.   version : hash of their contents, read again when they change.
    notifier : wakes workers.   renderer : renders written parts in a sandbox.   outbox : sends mail.
    """

    settings: Settings
    course: Course
    version: Version
    database: Database
    files: Files
    notifier: Engine
    renderer: Renderer
    outbox: Outbox
