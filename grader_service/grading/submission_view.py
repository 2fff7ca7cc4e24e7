"""A submission as one viewer may see it. It is made once; pages, the API and scripts show it.

    summary(session, submission, viewer)        ─> Summary           all but the report
    summaries(session, query, viewer_of)        ─> list[Summary]     rows of a list
    view(session, content, submission, viewer)  ─> SubmissionView    a summary, and the report

`results` decides which result counts, `late_policy` how many points it gives, `visibility` which parts the viewer may
see. A view does not contain what is withheld, so its callers decide nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from autograder.course.course import Course as Content
from autograder.report import schema as reports
from autograder.report.schema import Report
from autograder.report.visibility import Viewer
from grader_service.courses import content as on_disk
from grader_service.courses import late_policy
from grader_service.courses.late_policy import Receipt, Terms
from grader_service.database.models import Extension, Submission
from grader_service.database.session import db_now
from grader_service.grading import results, visibility
from grader_service.grading.results import Outcome
from grader_service.grading.visibility import Progress
from grader_service.queue import monitor
from grader_service.submissions import submissions

OUR_FAULT = (
    "The grader failed. This is a fault of the service. It costs no points and no attempt. Staff can see the error."
)


@dataclass(frozen=True)
class Answered:
    """Results were answered from an earlier grading.

    submission : that was graded then; staff also see the mark where it is the same submission
    at : when it was graded
    tests : how many tests were answered; None for a student, since most tests are hidden
    """

    submission: int
    at: float
    tests: int | None


@dataclass(frozen=True)
class Summary:
    """A submission as one viewer sees it at one moment, without its report.

    terms : dates and policy for its student
    state : one of `models.JOB_STATES`; `done` as soon as a result counts
    place : in the queue, 1 being the next; 0 if it does not wait
    result : number of the result that counts, or None
    result_state : of that result, "graded" or "refused"; "" without a result
    points, possible : of that result, before lateness; None if it was refused, or if they are not shown
    answered : from which earlier grading that result has results; None if it has none, or if it is not shown
    """

    submission: Submission
    viewer: Viewer
    terms: Terms
    state: str
    place: int
    progress: Progress
    result: int | None
    result_state: str
    points: float | None
    possible: float | None
    answered: Answered | None

    @property
    def waiting(self) -> bool:
        return self.state in ("queued", "running")

    @property
    def receipt(self) -> Receipt:
        """How late it was received, and which share of its points counts."""
        return late_policy.receipt(self.terms, self.submission.received_at)


@dataclass(frozen=True)
class SubmissionView(Summary):
    """A submission as one viewer sees it at one moment, with its report: the contents of its page and of the API.

    title : of the assignment
    report : of the result that counts, reduced to what this viewer may see; None without a result
    withheld : a sentence that explains why something is withheld; "" if nothing is
    fault : why the grader failed, for this viewer; "" if it did not
    """

    title: str
    report: Report | None
    withheld: str
    fault: str

    @property
    def answer(self) -> Report | None:
        """For the API: the report, or a report of the grader's failure; None before either exists."""
        if self.state != "grader_error":
            return self.report
        return Report(self.submission.assignment, self.title, "grader_error", message=self.fault)


def view(session: Session, content: Content, submission: Submission, viewer: Viewer) -> SubmissionView:
    """content : the assignments on the disk."""
    (facts,) = _facts(session, _query_of(submission))
    summary = _summary(facts, viewer)
    report = None
    if facts.outcome is not None:
        whole = reports.from_json(results.report(session, facts.outcome))
        report = visibility.report(whole, facts.terms, viewer, facts.now)
    fault = ""
    if summary.state == "grader_error":
        fault = submission.job.message if viewer == "staff" else OUR_FAULT
    return SubmissionView(
        **vars(summary),
        title=on_disk.title(content, submission.assignment),
        report=report,
        withheld=visibility.withheld(facts.terms, viewer, facts.now),
        fault=fault,
    )


def summary(session: Session, submission: Submission, viewer: Viewer) -> Summary:
    (facts,) = _facts(session, _query_of(submission))
    return _summary(facts, viewer)


def summaries(session: Session, query: sa.Select[Any], viewer_of: Callable[[Submission], Viewer]) -> list[Summary]:
    """Summaries of the submissions of a query, in its order, in a fixed number of queries."""
    return [_summary(facts, viewer_of(facts.submission)) for facts in _facts(session, query)]


@dataclass(frozen=True)
class _Facts:
    """The rows of a submission, independent of the viewer. now : the database's clock"""

    submission: Submission
    now: float
    terms: Terms
    outcome: Outcome | None
    place: int


def _summary(facts: _Facts, viewer: Viewer) -> Summary:
    submission, outcome = facts.submission, facts.outcome
    has_points = outcome is not None and outcome.graded and visibility.sees_points(facts.terms, viewer, facts.now)
    return Summary(
        submission=submission,
        viewer=viewer,
        terms=facts.terms,
        state=results.state(submission, outcome),
        place=facts.place,
        progress=visibility.progress(submission.job, facts.terms, viewer, facts.now),
        result=outcome.id if outcome else None,
        result_state=outcome.state if outcome else "",
        points=outcome.points if outcome and has_points else None,
        possible=outcome.possible if outcome and has_points else None,
        answered=_answered(submission, outcome, viewer) if outcome else None,
    )


def _answered(submission: Submission, outcome: Outcome, viewer: Viewer) -> Answered | None:
    """A student sees only that an earlier upload of their own answered it, and not what a regrade ran."""
    if outcome.answered_from is None or outcome.answered_at is None:
        return None
    if viewer == "staff":
        return Answered(outcome.answered_from, outcome.answered_at, outcome.tests_answered)
    if outcome.answered_from == submission.id:
        return None
    return Answered(outcome.answered_from, outcome.answered_at, None)


def _query_of(submission: Submission) -> sa.Select[Any]:
    return sa.select(Submission).where(Submission.id == submission.id)


def _facts(session: Session, query: sa.Select[Any]) -> list[_Facts]:
    extension = aliased(Extension)  # the query may have joined the same table
    of_student = sa.and_(
        extension.course_assignment_id == Submission.course_assignment_id, extension.person_id == Submission.person_id
    )
    # The left side of the join is named, since the added columns would make it ambiguous.
    query = query.select_from(Submission).outerjoin(extension, of_student)
    query = query.add_columns(db_now(), extension).options(*submissions.WITH_ALL)
    rows = session.execute(query).all()
    outcomes = results.of(session, (row[0].id for row in rows))
    waiting = [row[0].job for row in rows if row[0].id not in outcomes and row[0].job is not None]
    places = monitor.places(session, waiting)
    facts = []
    for submission, now, extended in rows:
        terms = late_policy.terms(submission.course_assignment, submission.in_course.timezone, extended)
        number = submission.id
        facts.append(_Facts(submission, now, terms, outcomes.get(number), places.get(number, 0)))
    return facts
