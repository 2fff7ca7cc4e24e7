"""The life of a job is in the log: each step a line with its facts, after the commit and never before."""

from __future__ import annotations

import contextlib
import json
import logging
from typing import Any

import pytest
import sqlalchemy as sa

from grader_service.core import logs
from grader_service.database.models import Job
from grader_service.database.session import after_commit
from grader_service.queue import enqueue, job_log, leases, recovery

from ..support.rows import REPORT


@pytest.fixture
def events(caplog):
    """The lines since this was last asked."""
    caplog.set_level(logging.INFO, logger="deepgrade.job")

    def ask() -> list[dict[str, Any]]:
        found = [vars(record) for record in caplog.records if record.name == "deepgrade.job"]
        caplog.clear()
        return found

    return ask


def names(found: list[dict[str, Any]]) -> list[str]:
    return [one["event"] for one in found]


def test_a_job_that_is_graded_is_three_lines(user, claim, database, events):
    ada = user("ada")
    number = ada.handed_in()
    taken = claim("one:0")
    with database.write() as session:
        leases.finish(session, taken, REPORT, {})
    accepted, claimed, graded = events()
    assert names([accepted, claimed, graded]) == ["accepted", "claimed", "graded"]
    for line in (accepted, claimed, graded):
        assert (line["submission"], line["assignment"], line["queue"]) == (number, "double", "cpu")
        assert line["person"] == ada.person.id
        assert "ada" not in line["message"].casefold()
    assert (claimed["worker"], graded["worker"], graded["attempt"]) == ("one:0", "one:0", 1)
    assert 0 <= claimed["waited_seconds"] < 3600
    assert 0 <= graded["graded_seconds"] < 3600
    assert "points" not in graded
    assert f"(submission {number} to double) was graded by one:0 in {graded['graded_seconds']} s" in graded["message"]


def test_a_repeated_upload_and_a_repeated_report_are_no_second_line(user, claim, database, events):
    user("ada").handed_in()
    taken = claim()
    for _ in range(2):
        with database.write() as session:
            assert leases.finish(session, taken, REPORT, {})
    assert names(events()) == ["accepted", "claimed", "graded"]


def test_what_goes_wrong_is_a_warning_with_its_name(user, claim, database, events):
    number = user("ada").handed_in()
    late = claim(lease_seconds=-1)
    with database.write() as session:
        recovery.sweep(session)
    with database.write() as session:
        assert not leases.finish(session, late, REPORT, {})
    for _ in range(3):
        with database.write() as session:
            taken = leases.claim(session, leases.Slot("two:0", ("cpu",)), lease_seconds=45)
            assert taken is not None
            leases.fault(session, taken, "no sandbox")
            session.execute(sa.update(Job).values(not_before=0.0))
    with database.write() as session:
        recovery.requeue(session, number)
    found = events()
    assert names(found) == [
        *("accepted", "claimed", "lost", "refused"),
        *("claimed", "failed", "claimed", "failed", "claimed", "given_up", "requeued"),
    ]
    warnings = [one["event"] for one in found if one["levelno"] == logging.WARNING]
    assert warnings == ["lost", "refused", "failed", "failed", "given_up"]


def test_a_job_that_is_given_back_says_so(user, claim, database, events):
    user("ada").handed_in()
    taken = claim()
    with database.write() as session:
        leases.release(session, taken)
    assert names(events())[-1] == "released"


def test_a_regrade_is_one_line(user, database, events):
    ada = user("ada")
    numbers = [ada.handed_in() for _ in range(3)]
    events()
    with database.write() as session:
        enqueue.enqueue_many(session, numbers, enqueue.Needs(), batch="again")
        enqueue.enqueue_many(session, numbers, enqueue.Needs(), batch="again")
    (line,) = events()
    assert (line["event"], line["batch"], line["jobs"]) == ("accepted", "again", 3)


def test_what_is_rolled_back_is_not_told(user, database, events):
    user("ada").handed_in()
    events()
    calls: list[str] = []
    with contextlib.suppress(ZeroDivisionError), database.write() as session:
        assert leases.claim(session, leases.Slot("one:0", ("cpu",)), lease_seconds=45)
        after_commit(session, lambda: calls.append("told"))
        raise ZeroDivisionError
    assert (events(), calls) == ([], [])
    with database.write() as session:
        after_commit(session, lambda: calls.append("told"))
        assert calls == []
    assert calls == ["told"]


def test_with_json_the_facts_are_fields(user, claim, settings, capsys):
    handlers, level = logging.root.handlers[:], logging.root.level
    try:
        logs.configure(settings.__class__(home=settings.home, log="json"), "one:0", {})
        user("ada").handed_in()
        claim("one:0")
        lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    finally:
        logging.root.handlers[:] = handlers
        logging.root.setLevel(level)
    line = next(one for one in lines if one.get("event") == "claimed")
    assert (line["logger"], line["process"], line["worker"]) == ("deepgrade.job", "one:0", "one:0")


@pytest.mark.parametrize("event", job_log.WORDS)
def test_each_event_is_documented(event):
    assert event in (job_log.__doc__ or "")
