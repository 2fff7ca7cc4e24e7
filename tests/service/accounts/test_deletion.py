"""Somebody is deleted while somebody else hands in the same bytes: what was accepted stays whole."""

from __future__ import annotations

import dataclasses
import io
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from grader_service.accounts import accounts, deletion
from grader_service.courses import courses
from grader_service.database.files import Files, Folder
from grader_service.database.models import Person, RubricScore, Submission, Upload
from grader_service.database.session import Database
from grader_service.grading import manual
from grader_service.submissions import submissions

from ..conftest import PASSWORD

DATA = b"the same zip" * 200
ROUNDS = 4
BESIDE_SECONDS = 1.0  # in which what is not held back would have come


@pytest.fixture(params=["store", "database"])
def files(request, settings, tmp_path) -> Files:
    address = f"file://{tmp_path}/store" if request.param == "store" else ""
    return Files(dataclasses.replace(settings, files=address, inline_kb=0))


def person(database: Database, login: str) -> Person:
    with database.write() as session:
        return accounts.create(session, login=login, password=PASSWORD)[0]


def hand_in(database: Database, files: Files, who: Person, stored: Upload | None = None, *, data: bytes = DATA) -> str:
    """As a page does it: the bytes first, then the row. `stored` : what came of the first half."""
    stored = stored or files.keep(data)
    with database.write() as session:
        _accept(session, files, who, stored, data)
    return stored.sha256


def _accept(session: Session, files: Files, who: Person, stored: Upload, data: bytes = DATA) -> None:
    submissions.accept(
        session,
        who,
        accounts.first_course(session),
        "double",
        upload=stored,
        keep_still=lambda: files.keep_still(stored, data),
        filename="double.zip",
        notes=[],
        form_key=who.login,
        needs=None,
        kind="written",
    )


def delete(database: Database, files: Files, who: Person) -> None:
    with database.write() as session:
        gone = deletion.erase(session, None, session.get_one(Person, who.id))
    deletion.forget(database, files, gone)


def read(database: Database, files: Files, sha256: str) -> bytes:
    with database.read() as session:
        return files.read(session, sha256)


@pytest.mark.threat(47)
def test_who_is_deleted_between_another_s_bytes_and_row_takes_nothing_along(database, files):
    ada, bob = person(database, "ada"), person(database, "bob")
    hand_in(database, files, ada)
    stored = files.keep(DATA)  # of bob, who is not in the database yet
    delete(database, files, ada)
    assert read(database, files, hand_in(database, files, bob, stored)) == DATA


@pytest.mark.threat(47)
def test_bytes_that_come_while_the_store_forgets_them_are_kept(database, settings, tmp_path):
    """The store has been asked to remove them, and is slow: another hands in the same meanwhile."""
    files = Files(dataclasses.replace(settings, files=f"file://{tmp_path}/store", inline_kb=0))
    files._store = slow = Slow(tmp_path / "store")
    ada, bob = person(database, "ada"), person(database, "bob")
    hand_in(database, files, ada)
    with ThreadPoolExecutor(2) as pool:
        deleting = pool.submit(delete, database, files, ada)
        assert slow.asked.wait(30)
        handing_in = pool.submit(hand_in, database, files, bob)
        deleting.result(60)
        assert read(database, files, handing_in.result(60)) == DATA


@pytest.mark.threat(47)
def test_a_deletion_waits_for_who_hands_in_the_same_bytes(database, files):
    """Bob's row is there and not committed: the deletion neither fails at it nor takes it away."""
    ada, bob = person(database, "ada"), person(database, "bob")
    stored = files.keep(DATA)
    hand_in(database, files, ada, stored)
    with ThreadPoolExecutor(1) as pool:
        with database.write() as session:
            _accept(session, files, bob, stored)
            deleting = pool.submit(delete, database, files, ada)
            with pytest.raises(TimeoutError):
                deleting.result(BESIDE_SECONDS)
        deleting.result(60)
    assert read(database, files, stored.sha256) == DATA


@pytest.mark.threat(47)
def test_people_deleted_and_handing_in_at_once_never_lose_each_other_s_bytes(database, files):
    """Each round one who has the bytes is deleted, while two more hand them in."""
    there = person(database, "first")
    sha256 = hand_in(database, files, there)
    for number in range(ROUNDS):
        one, two = (person(database, f"{which}{number}") for which in ("a", "b"))
        start = threading.Barrier(3)

        def at_once(act, who, start=start) -> None:
            start.wait(30)
            act(database, files, who)

        with ThreadPoolExecutor(3) as pool:
            done = [pool.submit(at_once, act, who) for act, who in ((delete, there), (hand_in, one), (hand_in, two))]
            for each in done:
                each.result(60)
        assert read(database, files, sha256) == DATA
        delete(database, files, one)
        assert read(database, files, sha256) == DATA, "the other still has them"
        there = two
    delete(database, files, there)
    with database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Upload)) == 0


@pytest.mark.threat(47)
def test_a_written_part_goes_with_its_student(app, user, database, tmp_path):
    settings = dataclasses.replace(app.extensions["services"].settings, files=f"file://{tmp_path}/store", inline_kb=0)
    app.extensions["services"] = dataclasses.replace(app.extensions["services"], files=Files(settings))
    root, eve, ada = user("root", role="admin"), user("eve", role="staff"), user("ada")
    with database.write() as session:
        chosen = courses.assignment(session, accounts.first_course(session), "double")
        assert chosen is not None
        chosen.written_points = 5.0
        manual.set_rubric(session, eve.person, chosen, [manual.Line(None, "Plots", 5.0)], "")
    at = "/courses/course/assignments/double"
    answer = ada.post(f"{at}/written", {"text": (io.BytesIO(b"# Mine, by ada"), "mine.md")}, form_at=at)
    eve.post(f"{answer.location}/rubric", {"item-1": "4"}, form_at=answer.location)
    people = "/courses/course/staff/people"
    assert root.post(f"{people}/{ada.person.id}/delete", {"login": "ada"}).status_code == 303
    assert eve.get(answer.location).status_code == 404
    assert eve.get(f"{answer.location}/written/file").status_code == 404
    assert [path for path in (tmp_path / "store").rglob("*") if path.is_file()] == []
    with database.read() as session:
        for table in (Upload, Submission, RubricScore):
            assert session.scalar(sa.select(sa.func.count()).select_from(table)) == 0, table


def test_a_store_that_cannot_forget_is_told_and_the_account_is_gone_all_the_same(app, user, database, tmp_path, caplog):
    settings = dataclasses.replace(app.extensions["services"].settings, files=f"file://{tmp_path}/store", inline_kb=0)
    app.extensions["services"] = dataclasses.replace(app.extensions["services"], files=Files(settings))
    root, ada = user("root", role="admin"), user("ada")
    ada.handed_in()
    (kept,) = [path for path in (tmp_path / "store").rglob("*") if path.is_file()]
    kept.unlink()
    kept.mkdir()  # what no file's removal removes
    people = "/courses/course/staff/people"
    assert root.post(f"{people}/{ada.person.id}/delete", {"login": "ada"}).status_code == 303
    assert "its files remain: the file" in root.get(people).text
    assert kept.name in caplog.text
    assert user().sign_in("ada").status_code == 401
    deletion.finish(database, app.extensions["services"].files)
    assert [kept.name in words for words in caplog.messages].count(True) == 2, "still not"
    kept.rmdir()
    kept.write_bytes(b"as it was")
    deletion.finish(database, app.extensions["services"].files)
    assert not kept.exists()
    with database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Upload)) == 0


@pytest.mark.threat(47)
def test_a_deletion_that_is_cut_short_is_finished_by_the_next_start(database, settings, tmp_path):
    """The process died between the deletion's commit and the store; beside the bytes lie some that are named."""
    files = Files(dataclasses.replace(settings, files=f"file://{tmp_path}/store", inline_kb=0))
    ada, bob = person(database, "ada"), person(database, "bob")
    gone = hand_in(database, files, ada)
    with database.write() as session:
        deletion.erase(session, None, session.get_one(Person, ada.id))
    kept = hand_in(database, files, bob, data=b"another zip")
    deletion.finish(database, files)
    assert [path.name for path in (tmp_path / "store").rglob("*") if path.is_file()] == [kept]
    with database.read() as session:
        assert list(session.scalars(sa.select(Upload.sha256))) == [kept]
        assert gone != kept


@pytest.mark.threat(47)
def test_bytes_that_went_while_their_row_stayed_are_stored_again(database, settings, tmp_path):
    """The process died between the store and the commit; somebody had kept the same bytes by then."""
    files = Files(dataclasses.replace(settings, files=f"file://{tmp_path}/store", inline_kb=0))
    ada, bob = person(database, "ada"), person(database, "bob")
    sha256 = hand_in(database, files, ada)
    with database.write() as session:
        deletion.erase(session, None, session.get_one(Person, ada.id))
    stored = files.keep(DATA)
    (tmp_path / "store" / sha256[:2] / sha256).unlink()
    assert read(database, files, hand_in(database, files, bob, stored)) == DATA
    deletion.finish(database, files)
    assert read(database, files, sha256) == DATA


class Slow(Folder):
    """Asked to remove, it waits whether somebody comes who looks for the same bytes."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.asked, self.looked = threading.Event(), threading.Event()

    def has(self, sha256: str) -> bool:
        found = super().has(sha256)
        if self.asked.is_set():
            self.looked.set()
        return found

    def remove(self, sha256: str) -> None:
        self.asked.set()
        self.looked.wait(BESIDE_SECONDS)
        super().remove(sha256)
