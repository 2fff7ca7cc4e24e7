"""The same files are answered from an earlier grading of the same person, and a regrade runs only what has changed.

Every test counts gradings; none looks at a clock. The sandbox is the real one.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from narrowing import not_none

from autograder import grade as grading
from autograder.report import schema as reports
from autograder.report.schema import Ratio, Report, Timings
from grader_service.accounts import deletion, tokens
from grader_service.core.settings import Settings
from grader_service.database.models import AuditEntry, CourseAssignment, Job, Picture, Regrade, Result
from grader_service.queue import enqueue
from grader_service.queue.leases import Slot
from grader_service.workers.worker import Worker

from ..conftest import COURSE, RIGHT, User, zip_of

AT = "/courses/course/staff/regrades"
PUBLIC = ["test_negate", "test_double_of_three"]
HIDDEN = ["test_double_of_five", "test_double_of_minus_one", "test_double_of_zero"]
ALL = PUBLIC + HIDDEN
WITHOUT_NEGATE = RIGHT.replace("return -x", "return x")
ENDLESS = RIGHT.replace("return -x", "while True: pass")


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A copy of the course, which a test may change."""
    folder = Path(shutil.copytree(COURSE, tmp_path / "course"))
    with (folder / "assignments" / "double" / "assignment.toml").open("a") as file:
        file.write("seconds = 0.5\n")
    return folder


@pytest.fixture
def settings(tmp_path: Path, course: Path) -> Settings:
    return Settings(home=tmp_path / "home", course=course)


@pytest.fixture
def gradings(monkeypatch) -> list[list[str]]:
    """The names of the tests that each grading in a sandbox ran, in order."""
    ran: list[list[str]] = []
    grade = grading.grade

    def counted(*arguments: Any, **options: Any) -> Report:
        report = grade(*arguments, **options)
        ran.append([test.name for test in report.tests])
        return report

    monkeypatch.setattr(grading, "grade", counted)
    return ran


@pytest.fixture
def work(app, settings, database) -> Iterator[Callable[[], None]]:
    """A new worker finishes all that waits, whatever version of the course it was handed in for."""
    workers: list[Worker] = []

    def finish() -> None:
        with database.write() as session:
            session.execute(sa.update(Job).values(course=""))
        workers.append(Worker(settings, Slot("w", enqueue.QUEUES)))
        while workers[-1].grade_next():
            pass

    yield finish
    for worker in workers:
        worker.database.close()


@pytest.fixture
def eve(user) -> User:
    return user("eve", role="staff")


def regrade(eve: User, **fields: str) -> None:
    answer = eve.post(AT, {"assignment": "double", "which": "all", "reason": "to see it", **fields})
    assert answer.status_code == 303, answer.text


def stored(database, submission: int, batch: str = "") -> Report:
    """The report of a result, without what differs between two gradings of the same files."""
    with database.read() as session:
        data = session.scalars(
            sa.select(Result.report).where(Result.submission_id == submission, Result.batch == batch)
        ).one()
    return msgspec.structs.replace(reports.from_json(data), timings=Timings(), versions={})


def facts(database, submission: int, batch: str = "") -> tuple[int | None, int]:
    """From which result a result was answered, and how many tests."""
    with database.read() as session:
        columns = (Result.answered_from_id, Result.tests_answered)
        row = session.execute(
            sa.select(*columns).where(Result.submission_id == submission, Result.batch == batch)
        ).one()
    return row[0], row[1]


def change_report(database, change: Callable[[Report], Report]) -> None:
    """Change the report of the first submission, as if it had been graded like that."""
    with database.write() as session:
        result = session.get_one(Result, 1)
        result.report = reports.to_json(change(reports.from_json(result.report)))


# --- an upload ---


@pytest.mark.threat(60)
def test_the_same_files_of_the_same_person_are_answered_without_a_sandbox(user, database, work, gradings):
    ada = user("ada")
    ada.handed_in(zip_of(WITHOUT_NEGATE))
    work()
    ada.handed_in(zip_of(WITHOUT_NEGATE, notes_txt="another zip, the same files to grade"))
    work()
    assert gradings == [ALL]
    assert stored(database, 2) == stored(database, 1)
    assert facts(database, 2) == (1, 5)
    with database.read() as session:
        first, second = session.scalars(sa.select(Job).order_by(Job.id)).all()
        assert [(job.state, job.attempt, job.faults) for job in (first, second)] == [("done", 1, 0)] * 2
        assert [len(list(session.scalars(sa.select(Picture.key).where(Picture.result_id == n)))) for n in (1, 2)] == [
            1,
            1,
        ]
    work()
    ada.handed_in(zip_of(WITHOUT_NEGATE))
    work()
    assert (gradings, facts(database, 3)) == ([ALL], (2, 5))


def test_an_answered_upload_uses_an_attempt(user, database, work, gradings):
    with database.write() as session:
        session.scalars(sa.select(CourseAssignment)).one().attempts_total = 2
    ada = user("ada")
    for _ in range(2):
        ada.handed_in()
        work()
    assert gradings == [ALL]
    refused = ada.hand_in(zip_of(RIGHT))
    assert refused.status_code == 422
    assert "attempt" in refused.text


@pytest.mark.threat(60)
def test_the_same_files_of_another_person_are_graded(user, database, work, gradings):
    for login in ("ada", "bob"):
        user(login).handed_in()
        work()
    assert gradings == [ALL, ALL]
    assert facts(database, 2) == (None, 0)


def test_an_upload_is_graded_where_the_earlier_one_is_not_graded_yet(user, database, claim, work, gradings):
    ada = user("ada")
    ada.handed_in()
    assert claim("another worker") is not None
    ada.handed_in()
    work()
    assert gradings == [ALL]
    assert facts(database, 2) == (None, 0)


def append(path: str, text: str) -> Callable[[Path, pytest.MonkeyPatch], None]:
    def change(course: Path, patch: pytest.MonkeyPatch) -> None:
        with (course / path).open("a") as file:
            file.write(text)

    return change


def another_version(course: Path, patch: pytest.MonkeyPatch) -> None:
    versions = grading.versions
    patch.setattr(grading, "versions", lambda assignment: versions(assignment) | {"numpy": "99"})


CHANGES: dict[str, Callable[[Path, pytest.MonkeyPatch], None]] = {
    "the tests": append("solutions/double/test_hidden.py", "\nX = 3\n"),
    "the reference": append("solutions/double/double.py", "\nX = 3\n"),
    "the manifest": append("assignments/double/assignment.toml", "\n# more\n"),
    "a file beside the tests": append("solutions/double/weights.bin", "1"),
    "the secret": lambda course, patch: patch.setenv("DEEPGRADE_SECRET", "0123456789abcdef" * 4),
    "a package": another_version,
    "the engine": lambda course, patch: patch.setattr("autograder.reuse.fingerprints.engine", lambda: "another"),
    "the device": lambda course, patch: patch.setattr(grading, "device", lambda assignment: "cuda: H200"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_decides_a_result_has_changed_so_it_is_graded(user, course, work, gradings, monkeypatch, change):
    ada = user("ada")
    ada.handed_in()
    work()
    change(course, monkeypatch)
    ada.handed_in()
    work()
    assert gradings == [ALL, HIDDEN if change is CHANGES["the tests"] else ALL]


def test_comments_and_handouts_change_nothing(user, course, database, work, gradings, monkeypatch):
    ada = user("ada")
    ada.handed_in()
    work()
    append("solutions/double/test_hidden.py", "\n# mended\n")(course, monkeypatch)
    append("assignments/double/README.md", "\nMore.\n")(course, monkeypatch)
    ada.handed_in()
    work()
    assert gradings == [ALL]
    assert stored(database, 2).tests_sha256 != stored(database, 1).tests_sha256, "it is that of today's tests"


def test_a_fault_of_the_grader_is_never_used_again(user, eve, database, work, gradings):
    ada = user("ada")
    ada.handed_in()
    work()

    def with_fault(report: Report) -> Report:
        tests = [
            msgspec.structs.replace(test, verdict="grader_error", points=0) if test.name == "test_negate" else test
            for test in report.tests
        ]
        return msgspec.structs.replace(report, tests=tests)

    change_report(database, with_fault)
    ada.handed_in()
    work()
    regrade(eve, which="named", numbers="1")
    work()
    assert gradings == [ALL, ["test_negate"], ["test_negate"]]
    assert {test.verdict for number in ((2, ""), (1, "regrade-1")) for test in stored(database, *number).tests} == {
        "passed"
    }


@pytest.mark.threat(60)
def test_what_a_clock_decided_is_kept_with_its_submission_alone(user, eve, database, work, gradings):
    ada = user("ada")
    ada.handed_in(zip_of(ENDLESS))
    work()
    assert [test.name for test in stored(database, 1).tests if test.verdict == "timed_out"] == ["test_negate"]
    regrade(eve)
    work()
    assert gradings == [ALL], "the regrade of that submission keeps it"
    ada.handed_in(zip_of(ENDLESS))
    work()
    assert gradings == [ALL, ["test_negate"]]
    assert stored(database, 2) == stored(database, 1)
    assert facts(database, 2)[1] == 4


def test_a_ratio_is_still_a_ratio_after_a_regrade(user, eve, database, work, gradings):
    """Else the result of a race would reach another submission by way of a regrade."""
    ada = user("ada")
    ada.handed_in()
    work()
    ratios = {"test_public.py::test_negate": Ratio(1.1, 3.0)}
    change_report(
        database, lambda report: msgspec.structs.replace(report, timings=Timings(ratios=ratios, total_seconds=1))
    )
    regrade(eve)
    work()
    ada.handed_in()
    work()
    assert gradings == [ALL, ["test_negate"]]


@pytest.mark.parametrize("column, value", [("basis", b"{"), ("basis", b""), ("report", b'{"schema_version": 99}')])
def test_an_earlier_result_that_cannot_be_read_answers_nothing(user, database, work, gradings, column, value):
    ada = user("ada")
    ada.handed_in()
    work()
    with database.write() as session:
        session.execute(sa.update(Result).values({column: value}))
    ada.handed_in()
    work()
    assert gradings == [ALL, ALL]


# --- a regrade ---


def test_a_regrade_runs_only_what_has_changed_and_finds_what_a_full_grading_finds(
    user, eve, course, database, work, gradings
):
    user("ada").handed_in(zip_of(WITHOUT_NEGATE))
    user("bob").handed_in()
    work()
    hidden = course / "solutions" / "double" / "test_hidden.py"
    hidden.write_text(hidden.read_text().replace("student.double(0.0), 0.0", "student.double(0.0), 1.0"))
    regrade(eve)
    work()
    assert gradings == [ALL, ALL, ["test_double_of_zero"], ["test_double_of_zero"]]
    regrade(eve, anew="yes")
    work()
    assert gradings[4:] == [ALL, ALL]
    for number in (1, 2):
        assert stored(database, number, "regrade-1") == stored(database, number, "regrade-2")
        assert facts(database, number, "regrade-1") == (number, 4)
        assert facts(database, number, "regrade-2") == (None, 0)
    page = eve.get(f"{AT}/1").text
    assert "2 submissions were answered from an earlier grading, in whole or in part." in page
    assert "answered from" not in eve.get(f"{AT}/2").text


def test_nothing_has_changed_so_a_regrade_runs_nothing_until_staff_ask_for_everything(
    user, eve, database, work, gradings
):
    user("ada").handed_in()
    work()
    regrade(eve)
    work()
    assert gradings == [ALL]
    assert stored(database, 1, "regrade-1") == stored(database, 1)
    regrade(eve, anew="yes")
    work()
    assert gradings == [ALL, ALL]
    with database.read() as session:
        assert list(session.scalars(sa.select(Regrade.anew).order_by(Regrade.id))) == [False, True]
        begun = session.scalars(sa.select(AuditEntry.after).where(AuditEntry.action == "regrade begun"))
        assert [after["anew"] for after in begun] == [False, True]


def test_named_tests_are_always_run_and_say_what_later_gradings_may_use(user, eve, database, work, gradings):
    ada = user("ada")
    ada.handed_in()
    work()
    regrade(eve, tests="test_negate")
    work()
    assert gradings == [ALL, ["test_negate"]]
    ada.handed_in()
    work()
    assert gradings == [ALL, ["test_negate"]], "all of its results are of today's tests"
    assert stored(database, 2).message == "", "it was not graded again"


def test_a_named_test_of_other_days_is_not_mixed_with_tests_of_today(user, eve, course, database, work, gradings):
    ada = user("ada")
    ada.handed_in()
    work()
    hidden = course / "solutions" / "double" / "test_hidden.py"
    hidden.write_text(hidden.read_text().replace("student.double(0.0), 0.0", "student.double(0.0), 1.0"))
    regrade(eve, tests="test_negate")
    work()
    ada.handed_in()
    work()
    assert gradings == [ALL, ["test_negate"], ["test_double_of_zero"]]


def test_a_withdrawn_regrade_answers_nothing(user, eve, database, work, gradings):
    ada = user("ada")
    ada.handed_in()
    work()
    regrade(eve, anew="yes")
    work()
    eve.post(f"{AT}/1/withdraw", {"reason": "a bad machine"}, form_at=f"{AT}/1")
    ada.handed_in()
    work()
    assert facts(database, 2) == (1, 5), "the result of the upload itself, and not that of the regrade"


# --- who sees it ---


def seen(app, user: User, database, submission: int) -> tuple[str, Any]:
    """What the page says of an earlier grading, and what a program gets."""
    with database.write() as session:
        person = session.merge(not_none(user.person))
        _, secret = tokens.make(session, person, name="t", scope="staff" if person.login == "eve" else "read")
    answer = app.test_client().get(f"/api/v1/submissions/{submission}", headers={"Authorization": f"Bearer {secret}"})
    page = user.get(f"/submissions/{submission}").text
    line = page.partition('class="note answered">')[2].partition("</p>")[0]
    return line, json.loads(answer.text)["answered_from"]


@pytest.mark.threat(60)
@pytest.mark.parametrize("hidden_results", ["now", "never"])
def test_staff_see_the_mark_and_a_student_only_for_an_earlier_upload(app, user, eve, database, work, hidden_results):
    with database.write() as session:
        session.scalars(sa.select(CourseAssignment)).one().hidden_results = hidden_results
    ada, bob = user("ada"), user("bob")
    ada.handed_in()
    work()
    ada.handed_in()
    bob.handed_in()
    work()
    line, facts = seen(app, ada, database, 2)
    assert line.startswith("Answered from an earlier grading: ")
    assert 'href="/submissions/1"' in line
    assert (facts["submission"], facts["tests"]) == (1, None), "a number would tell how many hidden tests there are"
    line, facts = seen(app, eve, database, 2)
    assert line.startswith("5 results were answered from an earlier grading: ")
    assert (facts["submission"], facts["tests"]) == (1, 5)
    with database.read() as session:
        assert facts["graded_at"] == session.get_one(Result, 1).graded_at
    for reader, number in ((ada, 1), (eve, 1), (bob, 3), (eve, 3)):
        assert seen(app, reader, database, number) == ("", None)
    assert bob.get("/submissions/2").status_code == 404


def test_a_student_is_not_told_what_a_regrade_ran(app, user, eve, database, work):
    ada = user("ada")
    ada.handed_in()
    work()
    regrade(eve)
    work()
    assert seen(app, eve, database, 1) == ("", None), "it does not count yet"
    eve.post(f"{AT}/1/count", form_at=f"{AT}/1")
    line, facts = seen(app, eve, database, 1)
    assert "this submission" in line
    assert (facts["submission"], facts["tests"]) == (1, 5)
    assert seen(app, ada, database, 1) == ("", None)


def test_a_person_with_answered_results_can_be_deleted(user, eve, database, work, do):
    ada = user("ada")
    for _ in range(3):
        ada.handed_in()
        work()
    do(lambda session: deletion.erase(session, session.merge(eve.person), session.merge(ada.person)))
    with database.read() as session:
        assert list(session.scalars(sa.select(Result.id))) == []
