"""A term in a database: people, submissions with their jobs and reports, as many as are asked for.

    fill(database, course, students=500, submissions=20_000)

Everything is drawn from a seed, so that two databases of the same size are the same. Nothing is graded: reports are of
the form and about the size of real ones, their points drawn. One student handed in forty times, most a few times; the
last hours before a deadline are the busiest. What a page costs can be measured on it (`make bench ARGS=pages`), and
tests count what it asks the database.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.security import generate_password_hash

from autograder.course.course import Assignment, Course
from autograder.report import schema as reports
from autograder.report.schema import ProblemResult, Report, TestResult
from grader_service.accounts import accounts
from grader_service.database import models
from grader_service.database.session import Database, db_now

PASSWORD = "correct horse battery"
AT_ONCE = 500  # rows that are sent together
DAY = 86400.0
SLUG = "course"
STAFF = "staff"
QUALITIES = 6  # different reports of an assignment, from bad to full marks
VERDICTS = ("failed", "raised", "timed_out", "not_implemented")


def student(number: int) -> str:
    return f"student{number:03}"


def fill(
    database: Database, course: Course, *, students: int, submissions: int, seed: int = 0, now: float | None = None
) -> None:
    """In one transaction. The tables must be there, and nobody in them. `now` : the end of the term (the clock)."""
    draw = random.Random(seed)
    with database.write() as session:
        now = now if now is not None else float(session.scalar(sa.select(db_now())) or 0.0)
        course_id = _course(session, now)
        _people(session, course_id, students, now)
        dates = _assignments(session, course_id, list(course), now)
        _submissions(session, course_id, list(course), dates, students, submissions, draw, now)


def _course(session: Session, now: float) -> int:
    found = session.scalar(sa.select(models.Course.id).where(models.Course.slug == SLUG))
    if found is not None:
        return found
    course = models.Course(slug=SLUG, title="Deep learning", timezone="Europe/Warsaw", created_at=now - 120 * DAY)
    session.add(course)
    session.flush()
    return course.id


def _people(session: Session, course_id: int, students: int, now: float) -> None:
    words = generate_password_hash(PASSWORD, method=accounts.HASHED)
    logins = [STAFF, *map(student, range(students))]
    session.execute(
        sa.insert(models.Person),
        [
            {
                "login": login,
                "name": f"{login.capitalize()} of the Course",
                "email": f"{login}@example.edu",
                "password_hash": words,
                "session_id": hashlib.sha256(login.encode()).hexdigest()[:32],
                "created_at": now - 110 * DAY,
            }
            for login in logins
        ],
    )
    numbers = _numbers(session)
    session.execute(
        sa.insert(models.Membership),
        [
            {
                "person_id": numbers[login],
                "course_id": course_id,
                "role": "staff" if login == STAFF else "student",
                "joined_at": now - 110 * DAY,
                "pseudonym": f"owl {number}" if number % 3 == 0 else None,
            }
            for number, login in enumerate(logins)
        ],
    )


def _numbers(session: Session) -> dict[str, int]:
    """Of people, by their logins."""
    people = session.execute(sa.select(models.Person.login, models.Person.id))
    return {person.login: person.id for person in people}


def _assignments(session: Session, course_id: int, assignments: Sequence[Assignment], now: float) -> dict[str, float]:
    """When each is due: one every ten days, the last one in some days from now."""
    dates = {one.name: now + 5 * DAY - 10 * DAY * back for back, one in enumerate(reversed(assignments))}
    for position, one in enumerate(assignments):
        known = session.scalar(
            sa.select(models.CourseAssignment).where(
                models.CourseAssignment.course_id == course_id, models.CourseAssignment.assignment == one.name
            )
        )
        due = dates[one.name]
        row = known or models.CourseAssignment(course_id=course_id, assignment=one.name)
        row.position, row.release_at, row.due_at = position, due - 14 * DAY, due
        row.hard_end_at, row.grace_days, row.penalty_per_day = due + 7 * DAY, 1, 0.1
        session.add(row)
    session.flush()
    return dates


def _submissions(
    session: Session,
    course_id: int,
    assignments: Sequence[Assignment],
    dates: dict[str, float],
    students: int,
    count: int,
    draw: random.Random,
    now: float,
) -> None:
    people = _numbers(session)
    first = (session.scalar(sa.select(sa.func.max(models.Submission.id))) or 0) + 1
    kinds = {one.name: _reports(one, draw) for one in assignments}
    of_course = sa.select(models.CourseAssignment).where(models.CourseAssignment.course_id == course_id)
    chosen = {one.assignment: one.id for one in session.scalars(of_course)}
    for rows in _together(_drawn(assignments, dates, students, count, draw, now)):
        uploads, handed_in, jobs, results = [], [], [], []
        for who, name, at, quality in rows:
            number, first = first, first + 1
            data = f"no zip: {number}".encode()
            sha256 = hashlib.sha256(data).hexdigest()
            points, possible, report = kinds[name][quality]
            person_id = people[student(who)]
            uploads.append({"sha256": sha256, "data": data, "size": len(data)})
            handed_in.append(
                {
                    "id": number,
                    "course_assignment_id": chosen[name],
                    "person_id": person_id,
                    "filename": f"{name}.zip",
                    "sha256": sha256,
                    "notes": [],
                    "form_key": f"term-{number:016}",
                    "received_at": at,
                }
            )
            jobs.append(
                {
                    "submission_id": number,
                    "person_id": person_id,
                    "state": "done",
                    "queue": "cpu",
                    "turn": number,
                    "attempt": 1,
                    "queued_at": at,
                    "claimed_at": at + 1,
                    "finished_at": at + 4,
                }
            )
            results.append(
                {
                    "submission_id": number,
                    "report": report,
                    "state": "graded",
                    "points": points,
                    "possible": possible,
                    "graded_at": at + 4,
                }
            )
        for table, values in (
            (models.Upload, uploads),
            (models.Submission, handed_in),
            (models.Job, jobs),
            (models.Result, results),
        ):
            session.execute(sa.insert(table), values)


def _drawn(
    assignments: Sequence[Assignment],
    dates: dict[str, float],
    students: int,
    count: int,
    draw: random.Random,
    now: float,
) -> Iterator[tuple[int, str, float, int]]:
    """Who hands in what, when, and how well: in the order of time within an assignment."""
    names = [one.name for one in assignments]
    shares = [count // len(names) + (number < count % len(names)) for number in range(len(names))]
    for name, share in zip(names, shares, strict=True):
        drawn = []
        for number in range(share):
            # Everybody once, then whoever; one student more than all others.
            who = number if number < students else (0 if number % 40 == 0 else draw.randrange(students))
            before_due = min(13 * DAY, draw.expovariate(1 / (0.8 * DAY))) - 0.3 * DAY
            drawn.append((min(now - 60, dates[name] - before_due), who))
        for rank, (at, who) in enumerate(sorted(drawn)):
            better = rank / max(1, share - 1)
            yield who, name, at, min(QUALITIES - 1, int(QUALITIES * (0.6 * draw.random() + 0.45 * better)))


def _reports(assignment: Assignment, draw: random.Random) -> list[tuple[float, float, bytes]]:
    """Points, points possible and JSON of a few reports, the worst first."""
    made = []
    possible = float(assignment.manifest.points)
    tests = 24
    each = possible / tests
    for quality in range(QUALITIES):
        right = round(tests * quality / (QUALITIES - 1))
        shown = []
        for number in range(tests):
            passed = number < right
            shown.append(
                TestResult(
                    id=f"test_{'public' if number < 8 else 'hidden'}.py::test_law_{number}",
                    name=f"test_law_{number}",
                    law=f"Law {number} of this assignment holds for every input that the handout allows.",
                    problem=assignment.name,
                    points=each if passed else 0.0,
                    possible=each,
                    visibility="public" if number < 8 else "hidden",
                    verdict="passed" if passed else draw.choice(VERDICTS),  # type: ignore[arg-type]
                    failure="" if passed else "wrong value",
                    detail="" if passed else "the value is 0.5 at [1, 0], expected 0.25 (2 of 6 entries differ)",
                    example="" if passed else "z = array([[0.5, 1.5], [2.0, -1.0]])\ny = array([0, 1])",
                )
            )
        points = each * right
        made.append(
            (
                points,
                possible,
                reports.to_json(
                    Report(
                        assignment.name,
                        assignment.manifest.title,
                        "graded",
                        points=points,
                        possible=possible,
                        problems=[ProblemResult(assignment.name, assignment.manifest.title, points, possible)],
                        tests=shown,
                    )
                ),
            )
        )
    return made


def _together(rows: Iterator[Any]) -> Iterator[list[Any]]:
    while some := list(islice(rows, AT_ONCE)):
        yield some


def addresses(app: Flask, assignment: str, submission_id: int) -> Iterator[tuple[str, str]]:
    """Every address that answers with a page or a list: its rule, and the address with its parts filled in.

    Whatever route is added is here by itself; parts that nothing is known of are 1.
    """
    parts = {"slug": SLUG, "name": assignment, "assignment": assignment, "submission_id": submission_id}
    for rule in sorted(app.url_map.iter_rules(), key=lambda one: one.rule):
        if "GET" in (rule.methods or ()) and rule.endpoint != "static":
            yield rule.rule, re.sub(r"<(?:[^:<>]+:)?(\w+)>", lambda match: str(parts.get(match[1], 1)), rule.rule)
