"""The process that grades, one of a host's slots: `python -m grader_service.workers.worker`.

    claim a job ─> read the zip ─> grade ─> report and `done` in one transaction ─> claim the next
                                   └ or take results from an earlier grading (`grading.job_grading`)

It is the same with each engine. Embedded, an idle worker looks into the database. With Celery it belongs to the pool
of a Celery worker, and looks when the pool hands it a ticket (`workers.pool`). An error in it
that the student did not cause is a failure of the grader: the job is tried again, and after the third failure staff see
it. While the database is out of reach, the worker continues to grade. It tries to store the result until the database
says whether the worker still has the job. SIGTERM and SIGINT give a running job back to the queue.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from autograder import grade
from autograder.core.errors import BadCourse, DeepgradeError, GraderError, Refused, StudentGone
from autograder.course.course import Assignment, Course, find_course
from autograder.course.submission import read_upload
from autograder.report import schema as reports
from autograder.report.schema import Report
from grader_service.core import logs, machine, secrets
from grader_service.core.course_version import Version
from grader_service.core.process import die_with_parent
from grader_service.core.settings import Settings
from grader_service.database.files import Files
from grader_service.database.session import Database
from grader_service.grading import job_grading, report_figures
from grader_service.grading.job_grading import JobGrader, Order
from grader_service.queue import enqueue, leases
from grader_service.queue.leases import Claim, Origin, Slot
from grader_service.workers import slot_messages
from grader_service.workers.heartbeat import LeaseHeartbeat
from grader_service.workers.slot_messages import Reply

log = logging.getLogger("deepgrade.worker")

LOOK_SECONDS = 0.1  # pause between two looks of an idle worker that has no pool
TICKET_SECONDS = (
    1.0  # a ticket is for one job, but so long it takes further ones: a job that is answered at once is cheap
)
FAILED_SECONDS = 0.5  # pause after a failure of the database
MESSAGE_MOST = 20_000  # characters of the message that staff see when the grader failed
BARREN_SECONDS = 180.0  # a worker that sees work for this long and gets none ends and is restarted

T = TypeVar("T")


class Worker:
    def __init__(self, settings: Settings, slot: Slot, pool: socket.socket | None = None) -> None:
        self._settings = settings
        self._slot = slot
        self._pool = pool
        self._graded: list[int] = []  # submissions, since the last reply to the pool
        self._faults: list[int] = []
        self._course: Course = find_course(settings.course)
        self._version = Version(settings, self._course)
        self._secret = secrets.course_secret(settings)
        self._files = Files(settings)
        self._barren_since: float | None = None
        self._lacks, self._looked_at = tuple[str, ...](), ""
        self.database = Database(settings)
        self._grader = JobGrader(self.database, self._secret)
        self.heartbeat = LeaseHeartbeat(self.database, settings.lease_seconds)

    def run(self) -> None:
        """Grade until a signal to stop. Call it in the main thread, which gets the signals."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.heartbeat.tell_to_stop())
        self.heartbeat.start()
        if self._pool is not None:
            slot_messages.answer(self._pool, Reply())
        while not self.heartbeat.told_to_stop:
            grade.warm()
            if self._pool is None:
                if not self._try_next():
                    time.sleep(LOOK_SECONDS)
                continue
            try:
                word = slot_messages.wait(self._pool)
                if word == slot_messages.FINISH:
                    return
                if word is not None:
                    slot_messages.answer(self._pool, self.take_jobs())
            except (EOFError, BrokenPipeError):  # the Celery worker was killed, and the kernel ends this process too
                return

    def take_jobs(self) -> Reply:
        """What a ticket stands for: grade the next job, and further ones while these take no time."""
        self._graded, self._faults = [], []
        until = time.monotonic() + TICKET_SECONDS
        had_job = self._try_next()
        while had_job and time.monotonic() < until and not self.heartbeat.told_to_stop:
            had_job = self._try_next()
        return Reply(self._graded, self._faults, had_job)

    def _try_next(self) -> bool:
        try:
            return self.grade_next()
        except (SQLAlchemyError, BadCourse) as error:
            # A claimed job returns to the queue when its lease ends.
            log.error("cannot claim or release a job: %s", error)
            time.sleep(FAILED_SECONDS)
            return False

    def grade_next(self) -> bool:
        """Grade one submission, if one waits."""
        slot = self._able(self._version.lately())
        with self.database.read() as session:
            if not leases.waiting(session, slot):
                self._barren_since = None
                return False
        slot = self._able(self._version.now())
        with self.database.write() as session:
            claim = leases.claim(session, slot, lease_seconds=self._settings.lease_seconds)
        if claim is None:
            self._mind_the_time()
            return False
        self._barren_since = None
        self.heartbeat.hold(claim)
        try:
            report, origin = self._grade(claim, slot.course)
            drawn = report_figures.draw_all(report)
        except (Exception, StudentGone) as error:
            self.heartbeat.let_go()
            self._fault(claim, error)
            return True
        self.heartbeat.let_go()
        if self._course_has_changed(slot.course):
            log.warning("submission %d: the course has changed meanwhile, it is graded again", claim.submission_id)
            self._put_down(lambda session: leases.release(session, claim))
            return True
        report = msgspec.structs.replace(report, versions={**report.versions, "course": slot.course})
        encoded = reports.to_json(report)
        try:
            stored = self._put_down(lambda session: leases.finish(session, claim, report, drawn, encoded, origin))
        except SQLAlchemyError as error:  # no further try can store this report
            self._fault(claim, error)
            return True
        if stored:
            self._graded.append(claim.submission_id)
        else:
            log.warning("submission %d: a late result is dropped, another worker has the job", claim.submission_id)
        return True

    def _able(self, version: str) -> Slot:
        """This slot with the course's version and the assignments that cannot be graded here."""
        if version != self._looked_at:
            self._lacks, self._looked_at = tuple(machine.lacking(self._course)), version
        return dataclasses.replace(self._slot, course=version, lacks=self._lacks)

    def _grade(self, claim: Claim, version: str) -> tuple[Report, Origin]:
        assignment, data, order = self._load(claim)
        try:
            submission = read_upload(data, assignment.manifest)
        except Refused as error:
            # The upload was accepted, so the manifest has changed since.
            return Report(assignment.name, assignment.manifest.title, "refused", message=str(error)), Origin()

        def grade_tests(names: Sequence[str] | None, listen: Callable[[dict[str, Any]], None]) -> Report:
            def on_event(event: dict[str, Any]) -> None:
                listen(event)
                self.heartbeat.on_event(event)

            report = grade.grade(assignment, submission, secret=self._secret, on_event=on_event, only=names)
            if report.state == "grader_error":
                raise GraderError(report.message or "the grader failed")
            return report

        return self._grader.grade(order, assignment, submission, version, grade_tests)

    def _course_has_changed(self, before: str) -> bool:
        try:
            return self._version.now() != before
        except BadCourse:  # the course is being changed
            return True

    def _load(self, claim: Claim) -> tuple[Assignment, bytes, Order]:
        """The assignment, the zip, and the order of the job."""
        with self.database.read() as session:
            order = job_grading.order(session, claim)
            submission = order.submission
            return self._course[submission.assignment], self._files.read(session, submission.sha256), order

    def _fault(self, claim: Claim, error: BaseException) -> None:
        known = isinstance(error, DeepgradeError)
        message = str(error) if known else "".join(traceback.format_exception(error))
        message = message[-MESSAGE_MOST:]  # the end of a message has the error
        log.error("submission %d: fault of the grader: %s", claim.submission_id, message)
        self._faults.append(claim.submission_id)
        self._put_down(lambda session: leases.fault(session, claim, message))

    def _put_down(self, write: Callable[[Session], T]) -> T:
        """Write the end of a job. Repeat it while the database cannot be reached.

        The lease may end meanwhile. The token then shows whether another worker has the job.
        """
        while True:
            try:
                with self.database.write() as session:
                    return write(session)
            except (OperationalError, InterfaceError) as error:
                if self.heartbeat.told_to_stop:
                    raise  # the job returns to the queue when its lease has ended
                log.warning("cannot reach the database, so results wait: %s", error)
                time.sleep(FAILED_SECONDS)

    def _mind_the_time(self) -> None:
        """The worker saw work and got none: another worker may have been faster."""
        now = time.monotonic()
        if self._barren_since is None:
            self._barren_since = now
        elif now - self._barren_since > BARREN_SECONDS:
            log.error("jobs are waiting, but this worker got none for %g s; restarting", BARREN_SECONDS)
            logging.shutdown()
            os._exit(1)


def main(worker: Callable[[Settings, Slot, socket.socket | None], Worker] = Worker) -> None:
    parser = argparse.ArgumentParser(description="Grade waiting jobs until stopped.")
    parser.add_argument("--name", default=f"{socket.gethostname()}:{os.getpid()}", help="name of this worker")
    parser.add_argument("--host", default="", help="name of the host of this slot; pausing the host pauses the slot")
    parser.add_argument("--queues", default=",".join(enqueue.QUEUES), help="queues to serve, in this order")
    parser.add_argument("--pool", type=int, metavar="FD", help="file descriptor to the pool of a Celery worker")
    parser.add_argument("--parent", type=int, help="id of the parent process; this process ends when the parent ends")
    arguments = parser.parse_args()
    if arguments.parent:
        die_with_parent(arguments.parent)
    try:
        settings = Settings.from_environment()
        logs.configure(settings, arguments.name, os.environ)
        slot = Slot(
            worker=arguments.name,
            queues=tuple(arguments.queues.split(",")),
            host=arguments.host,
            memory_mb=settings.host_memory_mb if arguments.host else 0,
            student_jobs=settings.student_jobs,
        )
        pool = socket.socket(fileno=arguments.pool) if arguments.pool is not None else None
        if pool is not None:
            pool.setblocking(False)
        worker(settings, slot, pool).run()
    except DeepgradeError as error:
        sys.exit(f"deepgrade: {error}")


if __name__ == "__main__":
    main()
