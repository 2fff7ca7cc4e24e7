"""An upload is stored whole, with its job, or not at all."""

from __future__ import annotations

import io
import time

import pytest
import sqlalchemy as sa
from notebook_files import notebook, of_module

from grader_service.database.models import Course, Job, Person, Submission, Upload
from grader_service.submissions import intake
from grader_service.web.server import WAITED

from ..conftest import RIGHT, WRONG, hidden_fields, zip_of


def rows(database, *tables) -> list[int]:
    with database.read() as session:
        return [session.scalar(sa.select(sa.func.count()).select_from(table)) for table in tables]


def test_a_good_zip_is_stored_with_its_job_before_the_receipt(user, app, database):
    data = zip_of(RIGHT)
    number = user("ada").handed_in(data)
    with database.read() as session:
        kept = session.get_one(Submission, number)
        assert app.extensions["services"].files.read(session, kept.sha256) == data
        assert kept.job.state == "queued"


def test_a_script_hands_in_without_a_request(app, user, database):
    """Intake is a plain function of the services: no request and no application context."""
    ada, data = user("ada"), zip_of(RIGHT)
    services = app.extensions["services"]
    with database.read() as session:
        person = session.scalars(sa.select(Person).where(Person.login == "ada")).one()
        course = session.scalars(sa.select(Course)).one()
        assignment, key = services.course["double"], intake.new_key()
        first, again = (
            intake.hand_in(services, session, person, course, assignment, data, filename="in.zip", form_key=key)
            for _ in range(2)
        )
    assert first.id == again.id
    assert ada.get(f"/submissions/{first.id}").status_code == 200


@pytest.mark.parametrize(
    "data, sentence",
    [
        (b"no zip at all", "the upload is not a zip"),
        (zip_of(other_py=""), "double.py"),
        (zip_of(RIGHT)[:-40], "zip"),
        (zip_of(RIGHT)[:20] + bytes(66_000), "the limit is 64 kB"),
    ],
)
@pytest.mark.threat(5)
def test_a_bad_zip_is_refused_at_once_with_the_reason_and_leaves_nothing(user, database, data, sentence):
    answer = user("ada").hand_in(data)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert 'role="alert"' in answer.text
    assert rows(database, Submission, Job, Upload) == [0, 0, 0]


def test_no_file_at_all_is_refused(user, database):
    answer = user("ada").post("/courses/course/assignments/double")
    assert answer.status_code == 422
    assert "choose a zip file first" in answer.text


def test_more_than_any_assignment_allows_is_not_even_read(user, database):
    answer = user("ada").hand_in(bytes(200_000))
    assert answer.status_code == 413
    assert "larger than any assignment allows" in answer.text
    assert rows(database, Submission) == [0]


def test_the_same_form_sent_twice_is_one_submission(user, database):
    ada = user("ada")
    hidden = hidden_fields(ada.get("/courses/course/assignments/double").text)
    answers = [
        ada.client.post(
            "/courses/course/assignments/double", data={**hidden, "zip": (io.BytesIO(zip_of(RIGHT)), "double.zip")}
        )
        for _ in range(2)
    ]
    assert answers[0].location == answers[1].location
    assert rows(database, Submission, Job) == [1, 1]


def test_another_zip_from_the_same_form_is_another_submission(user, database):
    """Back, choose another file, hand in: the browser sends the form's key again."""
    ada = user("ada")
    hidden = hidden_fields(ada.get("/courses/course/assignments/double").text)
    for source in (RIGHT, WRONG):
        ada.client.post(
            "/courses/course/assignments/double", data={**hidden, "zip": (io.BytesIO(zip_of(source)), "double.zip")}
        )
    assert rows(database, Submission, Job) == [2, 2]


def test_the_same_zip_handed_in_again_is_graded_again_and_kept_once(user, database):
    ada, data = user("ada"), zip_of(RIGHT)
    assert ada.handed_in(data) != ada.handed_in(data)
    assert rows(database, Submission, Job, Upload) == [2, 2, 1]


def test_what_was_left_out_of_the_zip_is_told(user):
    ada = user("ada")
    number = ada.handed_in(zip_of(RIGHT, conftest_py="import os"))
    assert "not handed on to the grader: conftest.py" in ada.get(f"/submissions/{number}").text


@pytest.mark.threat(46)
def test_the_zip_can_be_had_back_as_an_attachment_under_our_name(user):
    ada = user("ada")
    data = zip_of(WRONG)
    number = ada.handed_in(data, filename="../../<evil>.html")
    answer = ada.get(f"/submissions/{number}/upload.zip")
    assert answer.data == data
    assert answer.headers["Content-Disposition"] == f"attachment; filename=double-{number}.zip"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.mimetype == "application/zip"


def test_the_kit_can_be_had_as_an_attachment(user):
    answer = user("ada").get("/courses/course/assignments/double/kit.zip")
    assert answer.headers["Content-Disposition"] == "attachment; filename=double.zip"
    assert b"double/test_public.py" in answer.data
    assert b"test_hidden" not in answer.data


def test_waiting_is_shown_with_the_place_in_the_queue(user):
    ada, bob = user("ada"), user("bob")
    ada.handed_in()
    number = bob.handed_in()
    assert "place 2 in the queue" in bob.get(f"/submissions/{number}").text
    assert bob.get(f"/submissions/{number}/report.json").json == {"state": "queued", "place": 2, "done": 0, "tests": 0}


@pytest.mark.threat(38)
def test_a_database_that_cannot_be_written_answers_503_and_stores_nothing(user, database):
    ada = user("ada")
    sa.event.listen(database.engine, "begin", lambda connection: connection.exec_driver_sql("PRAGMA query_only=ON"))
    answer = ada.hand_in(zip_of(RIGHT))
    assert answer.status_code == 503
    assert "Nothing was stored" in answer.text
    assert rows(database, Submission, Job, Upload) == [0, 0, 0]


@pytest.mark.threat(39)
def test_the_time_of_receipt_is_that_of_the_last_byte(user, database):
    ada = user("ada")
    ada.client.environ_base[WAITED] = 3600.0  # as the server says of a request that waited for a thread
    before = time.time()
    number = ada.handed_in()
    with database.read() as session:
        assert session.get_one(Submission, number).received_at < before - 3500.0


def test_a_notebook_is_stored_as_it_came_and_its_module_is_shown(user, database):
    """Among cells of experiments, which nobody runs or shows."""
    data = of_module(RIGHT, "%matplotlib inline", "# experiment\nprint('<script>')")
    ada = user("ada")
    answer = ada.hand_in(data, "my work.ipynb")
    assert answer.status_code == 303
    number = int(answer.location.rstrip("/").rpartition("/")[2])
    page = ada.get(f"/submissions/{number}").text
    assert "the imports, functions, classes and literals of double.ipynb are graded" in page
    assert "%matplotlib inline" in page
    downloaded = ada.get(f"/submissions/{number}/upload.zip")
    assert downloaded.data == data
    assert downloaded.headers["Content-Disposition"] == f"attachment; filename=double-{number}.ipynb"
    assert downloaded.mimetype == "application/x-ipynb+json"
    assert rows(database, Submission, Job) == [1, 1]


@pytest.mark.parametrize(
    "data, sentence",
    [
        (b'{"cells": [7], "nbformat": 4}', "double.ipynb cannot be read as a notebook"),
        (notebook("x = 1", language="R"), "double.ipynb is a notebook for R; write it in Python"),
        (notebook("x = 1", {"cell_type": "raw", "source": "y" * 70_000}), "clear the notebook&#39;s outputs"),
    ],
)
@pytest.mark.threat(5)
def test_a_notebook_that_cannot_be_read_is_refused_with_one_sentence(user, database, data, sentence):
    answer = user("ada").hand_in(data)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert rows(database, Submission, Job, Upload) == [0, 0, 0]
