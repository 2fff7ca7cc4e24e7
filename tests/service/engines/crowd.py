"""Many processes on one database: some hand in, some claim and finish. `python -m service.engines.crowd 8 4 25`

What they call is what the web process and the workers call; only the grading between claim and finish is left out, so
that the database is all that is busy. Each process opens it for itself. Prints what came of it, as JSON.
"""

from __future__ import annotations

import collections
import json
import multiprocessing
import os
import sys
import time
from multiprocessing.synchronize import Event

from autograder.report.schema import Report
from grader_service.core.settings import Settings
from grader_service.database.session import Database
from grader_service.queue import leases, recovery
from grader_service.web.app import create_app

from ..conftest import RIGHT, User, zip_of

EMPTY = Report("double", "Twice as much", "graded", points=5, possible=5)


def hand_in(login: str, count: int) -> list[str]:
    """What each request was answered: the status, or the error that reached whoever sent it."""
    app = create_app(Settings.from_environment())
    user = User(app.test_client())
    answers = [f"sign in {user.sign_in(login).status_code}"]
    for number in range(count):
        answers.append(f"hand in {user.hand_in(zip_of(RIGHT, salt_txt=f'{login} {number}')).status_code}")
    return answers


def grade(name: str, stop: Event) -> list[str]:
    """Claim, tell of progress and finish, until told to stop and nothing waits; and sweep, as every worker does."""
    database = Database(Settings.from_environment())
    did: list[str] = []
    while True:
        last = stop.is_set()
        with database.write() as session:
            recovery.sweep(session)
            claim = leases.claim(session, leases.Slot(name, ("cpu",)), lease_seconds=45)
        if claim is None:
            if last:
                return did
            time.sleep(0.01)
            continue
        with database.write() as session:
            leases.progress(session, claim, done=1, total=2)
        with database.write() as session:
            did.append("finished" if leases.finish(session, claim, EMPTY, {}) else "dropped")


def _run(work, arguments: tuple, answers) -> None:
    try:
        answers.put(work(*arguments))
    except BaseException as error:
        answers.put([f"{type(error).__name__}: {error}"])


def main(uploaders: int, graders: int, count: int) -> dict[str, int]:
    context = multiprocessing.get_context("fork")  # what is imported already need not be again, by twelve on two cores
    stop = context.Event()
    answers = context.Queue()
    grading = [context.Process(target=_run, args=(grade, (f"w{i}", stop), answers)) for i in range(graders)]
    handing_in = [context.Process(target=_run, args=(hand_in, (f"s{i}", count), answers)) for i in range(uploaders)]
    for process in grading + handing_in:
        process.start()
    said: collections.Counter[str] = collections.Counter()
    for _ in handing_in:
        said.update(answers.get())
    stop.set()
    for _ in grading:
        said.update(answers.get())
    for process in grading + handing_in:
        process.join()
    return said


if __name__ == "__main__":
    os.umask(0o077)
    print(json.dumps(main(*map(int, sys.argv[1:]))))
