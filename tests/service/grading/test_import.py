"""Scores of other graders come into the grade book as points by hand: looked at first, then all of them or none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from autograder.batch.import_results import Score
from autograder.core.errors import DeepgradeError
from grader_service.accounts import accounts
from grader_service.database import audit
from grader_service.database.models import Course, CourseAssignment, Override, Person
from grader_service.grading import score_import, scores

from ..conftest import COURSE


@pytest.fixture
def people(database) -> dict[str, Person]:
    with database.write() as session:
        found = {}
        for login, name, email in (
            ("ada", "Ada Lovelace", "ada@example.edu"),
            ("grace@example.edu", "Grace Hopper", None),
            ("twin1", "Twin", None),
            ("twin2", "Twin", None),
        ):
            person, _ = accounts.create(session, login=login, name=name)
            person.email = email
            found[login] = person
        accounts.create(session, login="eve", name="Eve", role="staff")
    return found


def plan(database, *found: Score) -> score_import.Plan:
    with database.read() as session:
        course = session.scalars(sa.select(Course)).one()
        return score_import.plan(session, course, session.scalars(sa.select(CourseAssignment)).one(), found)


@pytest.mark.parametrize(
    "score, login, guess",
    [
        (Score("ada.zip", 3.0, 5.0), "ada", ""),
        (Score("12345", 3.0, 5.0, student="?", email="Ada@Example.edu"), "ada", ""),
        (Score("12345", 3.0, 5.0, sid="ada"), "ada", ""),
        (Score("ada.zip", 3.0, 5.0, student="Grace Hopper", email="ada@example.edu"), "ada", ""),
        (Score("submissions/ADA_late.ipynb", 3.0, 5.0), "ada", "by the beginning of the file name"),
        (Score("ada_was_here_by_grace.zip", 3.0, 5.0), "ada", "by the beginning of the file name"),
        (Score("12345", 3.0, 5.0, student="Grace Hopper"), "grace@example.edu", "by the name"),
        (Score("12345", 3.0, 5.0, student="Hopper, Grace"), "grace@example.edu", "by the name"),
        (Score("12345", 3.0, 5.0, student="ada"), "ada", "by the name"),
        (Score("ada.zip", 3.0, 5.0, email="grace@example.edu"), None, ""),
        (Score("twin1", 3.0, 5.0, sid="twin2"), None, ""),
        (Score("12345", 3.0, 5.0, student="Twin"), None, ""),
        (Score("12345", 3.0, 5.0), None, ""),
        (Score("eve", 3.0, 5.0), None, ""),
    ],
)
def test_whose_a_score_is_and_whether_that_is_sure(database, people, score, login, guess):
    (row,) = plan(database, score).rows
    assert (row.person.login if row.person else None) == login
    assert bool(row.trouble) == (login is None)
    assert row.guess == guess


def test_a_guess_is_never_applied_unasked(database, people, settings, file):
    file.write_text(file.read_text() + "ada_late.zip,3.0,3.0,0.6,Completed\n".replace("ada", "twin2"))
    looked = deepgrade(settings, file, "--into", "course")
    assert "1 matched by a guess" in looked.stdout
    apply = ("--into", "course", "--apply", "--reason", "x")
    refused = deepgrade(settings, file, *apply)
    assert refused.returncode != 0
    assert "1 of 4 matches are guesses, such as 'twin2_late.zip' for twin2" in refused.stderr
    with database.read() as session:
        assert session.scalars(sa.select(Override)).all() == []
    done = deepgrade(settings, file, *apply, "--with-guesses")
    assert "3 of 4 changed" in done.stdout, done.stderr


def test_two_scores_of_one_person_are_for_somebody_to_decide(database, people):
    with pytest.raises(DeepgradeError, match="are both scores of ada"):
        plan(database, Score("ada.zip", 3.0, 5.0), Score("x", 4.0, 5.0, email="ada@example.edu"))


def deepgrade(settings, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **settings.to_environment(), "DEEPGRADE_COURSE": str(COURSE)}
    command = [sys.executable, "-m", "autograder.cli", "import-results", "double", *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)


@pytest.fixture
def file(tmp_path) -> Path:
    place = tmp_path / "final_grades.csv"
    place.write_text(
        "file,double,total_points_earned,percent_correct,grading_status\n"
        "points-per-question,5.0,5.0,1.0,--\n"
        "ada.zip,4.0,4.0,0.8,Completed\n"
        "grace@example.edu.zip,2.5,2.5,0.5,Completed\n"
        "twin1.zip,,,,Not graded: it is empty\n"
    )
    return place


def test_it_is_looked_at_first_and_then_written_with_a_reason(database, people, settings, file):
    looked = deepgrade(settings, file, "--into", "course", "--json")
    assert looked.returncode == 0, looked.stderr
    told = json.loads(looked.stdout)
    assert [(row["login"], row["before"], row["after"]) for row in told["scores"]] == [
        ("ada", None, 4.0),
        ("grace@example.edu", None, 2.5),
        ("twin1", None, None),
    ]
    with database.read() as session:
        assert session.scalars(sa.select(Override)).all() == [], "to look changes nothing"
    refused = deepgrade(settings, file, "--into", "course", "--apply")
    assert refused.returncode != 0
    assert "enter a reason" in refused.stderr
    done = deepgrade(settings, file, "--into", "course", "--apply", "--reason", "graded by otter", "--by", "eve")
    assert done.returncode == 0, done.stderr
    assert "2 of 3 changed" in done.stdout
    with database.read() as session:
        course = session.scalars(sa.select(Course)).one()
        one = session.scalars(sa.select(CourseAssignment)).one()
        assert scores.load(session, course, [one]).cell(people["ada"].id, one).score.points == 4
        told = [(e.action, e.actor_name, e.after, e.reason) for e in audit.entries(session, course)]
    assert told == [
        ("override set", "Eve", {"points": 2.5}, "graded by otter"),
        ("override set", "Eve", {"points": 4.0}, "graded by otter"),
    ]
    again = deepgrade(settings, file, "--into", "course", "--apply", "--reason", "graded by otter")
    assert "0 of 3 changed" in again.stdout, "to repeat it is harmless"


def test_while_one_is_nobody_s_none_is_written(database, people, settings, file):
    file.write_text(file.read_text() + "mallory.zip,5.0,5.0,1.0,Completed\n")
    refused = deepgrade(settings, file, "--into", "course", "--apply", "--reason", "x")
    assert refused.returncode != 0
    assert "1 of 4 scores match no student, such as 'mallory.zip'" in refused.stderr
    with database.read() as session:
        assert session.scalars(sa.select(Override)).all() == []
    done = deepgrade(settings, file, "--into", "course", "--apply", "--reason", "x", "--without-unknown")
    assert "2 of 4 changed, 1 match no student" in done.stdout


@pytest.mark.parametrize(
    "options, sentence",
    [
        (("--into", "nothing"), "there is no course 'nothing'"),
        (("--apply",), "name the course with --into"),
        (("--into", "course", "--by", "ada"), "'ada' is not a staff member"),
    ],
)
def test_what_cannot_be_is_told(database, people, settings, file, options, sentence):
    refused = deepgrade(settings, file, *options)
    assert refused.returncode != 0
    assert sentence in refused.stderr


@given(name=st.text(max_size=30), student=st.text(max_size=10))
def test_any_name_is_somebody_s_or_nobody_s(name, student):
    assert all(isinstance(key, str) for key in score_import._keys(Score(name, 1.0, 1.0, student=student)))
