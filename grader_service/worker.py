"""The process that grades: `python -m grader_service.worker`.

    claim a job ─> read the zip ─> grade ─> report and `done` in one transaction ─> claim the next

Whatever goes wrong in it that is not the student's doing is ours: the job is tried again, and in the end staff see it.
SIGTERM and SIGINT give a job that is being graded back to the queue.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import sys
import time
import traceback

from sqlalchemy.exc import SQLAlchemyError

from autograder import grade
from autograder.course import Assignment, Course, find_course
from autograder.errors import DeepgradeError, GraderError, Refused, StudentGone
from autograder.report import Report
from autograder.submission import read_zip
from grader_service import jobs, keys, pictures, submissions
from grader_service.database import Database
from grader_service.jobs import Claim
from grader_service.keeper import Keeper
from grader_service.models import Submission
from grader_service.process import die_with_parent
from grader_service.settings import Settings

log = logging.getLogger("deepgrade.worker")

LOOK_SECONDS = 0.1  # an idle worker looks for work so often
FAILED_SECONDS = 1.0  # and again so long after the database failed
QUEUES = ("cpu", "gpu")  # the worker beside the web process takes what there is


def run_worker(settings: Settings, *, name: str | None = None) -> None:
    """Grade until told to stop. Must be called from the main thread, which `grade` needs."""
    worker = Worker(settings, name or f"{socket.gethostname()}:{os.getpid()}")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.keeper.tell_to_stop())
    worker.keeper.start()
    worker.run()


class Worker:
    def __init__(self, settings: Settings, name: str) -> None:
        self.name = name
        self.settings = settings
        self.course: Course = find_course(settings.course)
        self.secret = keys.course_secret(settings)
        self.database = Database(settings)
        self.keeper = Keeper(self.database, settings.lease_seconds)

    def run(self) -> None:
        while not self.keeper.told_to_stop:
            grade.warm()
            try:
                found = self.grade_next()
            except SQLAlchemyError:
                # Whatever was in hand comes back when its lease runs out.
                log.exception("the database failed")
                found = False
                time.sleep(FAILED_SECONDS)
            if not found:
                time.sleep(LOOK_SECONDS)

    def grade_next(self) -> bool:
        """Grade one submission, if one waits."""
        with self.database.read() as session:
            if not jobs.waiting(session, QUEUES):
                return False
        with self.database.write() as session:
            claim = jobs.claim(session, worker=self.name, queues=QUEUES, lease_seconds=self.settings.lease_seconds)
        if claim is None:
            return False
        self.keeper.hold(claim)
        try:
            report = self._grade(claim)
            drawn = pictures.draw_all(report)
        except (Exception, StudentGone) as error:
            self.keeper.let_go()
            self._fault(claim, error)
            return True
        self.keeper.let_go()
        with self.database.write() as session:
            if not jobs.finish(session, claim, report, drawn):
                log.warning("submission %d: a late result is dropped, another worker has the job", claim.submission_id)
        return True

    def _grade(self, claim: Claim) -> Report:
        assignment, data = self._load(claim)
        try:
            submission = read_zip(data, assignment.manifest)
        except Refused as error:
            # It was accepted, so the manifest has changed since.
            return Report(assignment.name, assignment.manifest.title, "refused", message=str(error))
        report = grade.grade(assignment, submission, secret=self.secret, on_event=self.keeper.on_event)
        if report.state == "grader_error":
            raise GraderError(report.message or "the grader failed")
        return report

    def _load(self, claim: Claim) -> tuple[Assignment, bytes]:
        with self.database.read() as session:
            submission = session.get_one(Submission, claim.submission_id)
            return self.course[submission.assignment], submissions.data_of(session, submission)

    def _fault(self, claim: Claim, error: BaseException) -> None:
        known = isinstance(error, DeepgradeError)
        message = str(error) if known else "".join(traceback.format_exception(error))
        log.error("submission %d: our fault: %s", claim.submission_id, message)
        with self.database.write() as session:
            jobs.fault(session, claim, message)


def main() -> None:
    parser = argparse.ArgumentParser(description="Grade what waits, until told to stop.")
    parser.add_argument("--name", help="of this worker, in the database")
    parser.add_argument("--parent", type=int, help="process that this one must not outlive")
    arguments = parser.parse_args()
    if arguments.parent:
        die_with_parent(arguments.parent)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    try:
        run_worker(Settings.from_environment(), name=arguments.name)
    except DeepgradeError as error:
        sys.exit(f"deepgrade: {error}")


if __name__ == "__main__":
    main()
