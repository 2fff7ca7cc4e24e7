"""What somebody may see of results: `feedback` says what a student may see at all, the course's policy says when.

Every way to a result asks here: pages, pictures, tables of points, and the API.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec
from sqlalchemy.orm import Session

from autograder.report import schema as reports
from autograder.report import visibility
from autograder.report.schema import Report
from grader_service.courses import courses, late_policy
from grader_service.courses.late_policy import Terms
from grader_service.database.models import Submission
from grader_service.grading import results
from grader_service.grading.results import Outcome

Viewer = Literal["student", "staff"]


def terms(session: Session, submission: Submission) -> Terms:
    """What holds for the one who handed it in."""
    chosen = submission.course_assignment
    extension = courses.extension(session, chosen, submission.person)
    return late_policy.terms(chosen, chosen.course.timezone, extension)


def report(
    session: Session,
    submission: Submission,
    outcome: Outcome | None,
    viewer: Viewer,
    now: float,
    *,
    held: Terms | None = None,
) -> Report | None:
    """The report that counts, without what this viewer may not see, or may not see yet; None where there is none.

    outcome : the result that counts, as `results` says
    held : what `terms` said, where it was asked already
    """
    if outcome is None:
        return None
    whole = visibility.view(reports.from_json(results.report(session, outcome)), viewer)
    held = None if viewer == "staff" else held or terms(session, submission)
    if held is None or late_policy.hidden_shown(held, now):
        return whole
    rest = visibility.without_hidden(whole, points=late_policy.points_shown(held, now))
    # How long all tests took together tells how long the hidden ones did.
    return msgspec.structs.replace(rest, timings=msgspec.structs.replace(rest.timings, total_seconds=0.0))


@dataclass(frozen=True)
class Progress:
    """How far a grading is, as somebody may see it. Without `told` nothing of it is known but that it runs."""

    told: bool
    done: int = 0  # tests
    total: int = 0
    curve: str = ""  # of the network that trains now, as `progress_curves` reads it


def progress(submission: Submission, staff: bool, held: Terms, now: float) -> Progress:
    """Where hidden results are not shown yet or never, a student is told no count, no pace and no curve: hidden tests
    are most of them.

    staff : does a member of staff ask?
    held : what `terms` said
    """
    job = submission.job
    if job is None or not (staff or late_policy.hidden_shown(held, now)):
        return Progress(told=False)
    return Progress(True, job.tests_done, job.tests_total, job.curve)


def withheld(session: Session, submission: Submission, viewer: Viewer, now: float, *, held: Terms | None = None) -> str:
    """Why the student does not see all of it, as a sentence; "" where nothing is kept back."""
    held = None if viewer == "staff" else held or terms(session, submission)
    if held is None or late_policy.hidden_shown(held, now):
        return ""
    if late_policy.points_shown(held, now):
        return "This course does not show the results of hidden tests. The points include them."
    later = "" if held.hidden_results == "never" else " and the results of the hidden tests"
    return f"These are the points of the public tests only. All points{later} are shown after the due date."
