"""What each column of grades over there shall have: what the student may see in the grade book, and nothing else.

    withheld, hidden or not released   the column is cleared
    being graded, or not marked yet    the column keeps what it has, because these points are provisional
    else                               points of possible points, as in the grade book

A row of `LtiScore` says what is wanted; `sender` sends it. Each plan compares the whole grade book with the rows, so
every change arrives: a regrade that counts or is withdrawn, points by hand, a date that was moved.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from autograder.course.course import Course as Content
from grader_service.courses import late_policy
from grader_service.database.models import (
    AuditEntry,
    Course,
    CourseAssignment,
    Job,
    LtiContext,
    LtiDeployment,
    LtiIdentity,
    LtiLink,
    LtiMember,
    LtiPlatform,
    LtiScore,
    Submission,
)
from grader_service.database.session import Database, db_now
from grader_service.grading import gradebook, results
from grader_service.grading.gradebook import Column, Entry
from grader_service.lti.messages import SCORE_SCOPE

STEP = 0.001  # seconds between two moments of one grade: platforms compare them


@dataclass(frozen=True)
class Wanted:
    points: float | None  # None: no grade
    possible: float


Target = tuple[int, int]  # link, person


def fingerprint(session: Session) -> tuple[object, ...]:
    """It differs after every change of a grade, a date, a link or a member. Time alone changes grades without it."""
    columns = (
        sa.func.max(AuditEntry.id),
        sa.select(sa.func.count()).select_from(LtiMember).scalar_subquery(),
        sa.select(sa.func.count()).select_from(LtiLink).where(LtiLink.line_item != "").scalar_subquery(),
        sa.select(sa.func.count()).select_from(LtiScore).scalar_subquery(),
    )
    return (results.newest(session), *session.execute(sa.select(*columns)).one())


def open_links(session: Session) -> list[LtiLink]:
    """Links with a column of grades, on platforms that may have grades."""
    query = (
        sa.select(LtiLink)
        .join(LtiContext, LtiContext.id == LtiLink.context_id)
        .join(LtiDeployment, LtiDeployment.id == LtiContext.deployment_id)
        .join(LtiPlatform, LtiPlatform.id == LtiDeployment.platform_id)
        .where(LtiLink.line_item != "", LtiPlatform.closed_at.is_(None), LtiDeployment.closed_at.is_(None))
    )
    return [link for link in session.scalars(query.order_by(LtiLink.id)) if SCORE_SCOPE in link.scopes]


def wanted(session: Session, content: Content, now: float) -> dict[Target, Wanted]:
    """The grades of all columns. Provisional ones are left out, so the column keeps what it has."""
    by_course: dict[int, list[LtiLink]] = {}
    for link in open_links(session):
        by_course.setdefault(link.context.course_id, []).append(link)
    grades: dict[Target, Wanted] = {}
    for course_id, links in by_course.items():
        grades |= _of_course(session, content, session.get_one(Course, course_id), links, now)
    return grades


def visible_grade(column: Column, entry: Entry, graded: bool, now: float) -> Wanted | None:
    """What a column may have of one student; None while the points are provisional.

    graded : is none of the student's uploads for this assignment being graded?
    """
    terms, possible = entry.cell.terms, column.possible
    if not late_policy.released(terms, now) or not late_policy.points_shown(terms, now):
        return Wanted(None, possible)
    if entry.score.overridden:
        return Wanted(_rounded(entry.points), possible)
    if not graded or entry.unmarked:
        return None
    if entry.points is None:
        return Wanted(None, possible)
    return Wanted(_rounded(entry.points), entry.possible(column))


def plan(database: Database, content: Content) -> int:
    """Bring what is wanted up to date. Returns the number of grades that changed."""
    with database.read() as session:
        now = session.scalars(sa.select(db_now())).one()
        grades = wanted(session, content, now)
    changed = 0
    with database.write() as session:
        for target, row in _rows(session, grades):
            changed += _want(session, row, target, grades[target], now)
    return changed


def send_again(session: Session, context: LtiContext) -> int:
    """What the platform has refused is tried again. Returns the number of grades."""
    links = sa.select(LtiLink.id).where(LtiLink.context_id == context.id)
    again = (
        sa.update(LtiScore)
        .where(LtiScore.link_id.in_(links), LtiScore.state == "refused")
        .values(state="waiting", tries=0, not_before=0.0, message="")
        .returning(LtiScore.link_id)
    )
    return len(session.execute(again).all())


def _of_course(
    session: Session, content: Content, course: Course, links: list[LtiLink], now: float
) -> dict[Target, Wanted]:
    book = gradebook.load(session, content, course, now)
    members, waiting = _members(session, links), _being_graded(session, course)
    grades: dict[Target, Wanted] = {}
    for row in book.rows:
        for column, entry in zip(book.columns, row.entries, strict=True):
            mine = [link for link in links if link.course_assignment_id == column.course_assignment.id]
            mine = [link for link in mine if row.person.id in members[link.context_id]]
            if not mine:
                continue
            graded = (row.person.id, column.course_assignment.id) not in waiting
            grade = visible_grade(column, entry, graded, now)
            if grade is not None and grade.possible > 0:
                grades |= {(link.id, row.person.id): grade for link in mine}
    return grades


def _members(session: Session, links: list[LtiLink]) -> dict[int, set[int]]:
    """By context: its people whose identity is linked."""
    contexts = {link.context_id for link in links}
    members: dict[int, set[int]] = {context_id: set() for context_id in contexts}
    query = (
        sa.select(LtiMember.context_id, LtiMember.person_id)
        .join(LtiContext, LtiContext.id == LtiMember.context_id)
        .join(LtiDeployment, LtiDeployment.id == LtiContext.deployment_id)
        .join(
            LtiIdentity,
            sa.and_(LtiIdentity.platform_id == LtiDeployment.platform_id, LtiIdentity.person_id == LtiMember.person_id),
        )
        .where(LtiMember.context_id.in_(contexts))
    )
    for context_id, person_id in session.execute(query):
        members[context_id].add(person_id)
    return members


def _being_graded(session: Session, course: Course) -> set[Target]:
    """(person, course_assignment) of each upload whose own job is not done."""
    query = (
        sa.select(Submission.person_id, Submission.course_assignment_id)
        .join(Job, sa.and_(Job.submission_id == Submission.id, Job.batch == ""))
        .join(Submission.course_assignment)
        .where(Job.state.in_(("queued", "running")), CourseAssignment.course_id == course.id)
    )
    return {(person_id, assignment_id) for person_id, assignment_id in session.execute(query)}


def _rows(session: Session, grades: Mapping[Target, Wanted]) -> Iterator[tuple[Target, LtiScore | None]]:
    """Each target with its row, if it has one."""
    links = sorted({link_id for link_id, _ in grades})
    existing: dict[Target, LtiScore] = {}
    for link_id in links:
        for row in session.scalars(sa.select(LtiScore).where(LtiScore.link_id == link_id)):
            existing[(row.link_id, row.person_id)] = row
    for target in grades:
        yield target, existing.get(target)


def _want(session: Session, row: LtiScore | None, target: Target, grade: Wanted, now: float) -> bool:
    """Write down what is wanted. Returns whether it is something else than before."""
    if row is None:
        if grade.points is None:
            return False  # there is nothing to clear
        link_id, person_id = target
        new = LtiScore(link_id=link_id, person_id=person_id, moment=now, points=grade.points, possible=grade.possible)
        session.add(new)
        return True
    if (row.points, row.possible) == (grade.points, grade.possible) or (row.points is None and grade.points is None):
        return False
    row.points, row.possible = grade.points, grade.possible
    row.moment = max(now, row.moment + STEP)
    row.tries, row.not_before, row.message = 0, 0.0, ""
    has_it = row.sent_at is not None and (row.sent_points, row.sent_possible) == (row.points, row.possible)
    row.state = "sent" if has_it and not row.unsure else "waiting"
    return True


def _rounded(points: float | None) -> float | None:
    return None if points is None else round(points, 6)
