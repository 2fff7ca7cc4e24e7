"""What somebody may see of results: `autograder.report.visibility` says what a student may see at all, the course's
policy says when.

Every rule is a function of what holds for the student (`Terms`), of the viewer and of the time. `submission_view` alone
asks here, and from it pages, pictures, tables of points and the API have what they show.

terms : of the student who handed in
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from autograder.report.schema import Report
from autograder.report.visibility import Viewer, view, without_hidden
from grader_service.courses import late_policy
from grader_service.courses.late_policy import Terms
from grader_service.database.models import Job


@dataclass(frozen=True)
class Progress:
    """How far a grading is, as somebody may see it. Without `told` nothing of it is known but that it runs."""

    told: bool
    done: int = 0  # tests
    total: int = 0
    curve: str = ""  # of the network that trains now, as `progress_curves` reads it


def sees_hidden(terms: Terms, viewer: Viewer, now: float) -> bool:
    """Are the results of hidden tests shown?"""
    return viewer == "staff" or late_policy.hidden_shown(terms, now)


def sees_points(terms: Terms, viewer: Viewer, now: float) -> bool:
    """Are points shown that hidden tests are part of?"""
    return viewer == "staff" or late_policy.points_shown(terms, now)


def report(whole: Report, terms: Terms, viewer: Viewer, now: float) -> Report:
    """The report without what this viewer may not see, or may not see yet."""
    seen = view(whole, viewer)
    if sees_hidden(terms, viewer, now):
        return seen
    rest = without_hidden(seen, points=sees_points(terms, viewer, now))
    # How long all tests took together tells how long the hidden ones did.
    return msgspec.structs.replace(rest, timings=msgspec.structs.replace(rest.timings, total_seconds=0.0))


def progress(job: Job | None, terms: Terms, viewer: Viewer, now: float) -> Progress:
    """Where hidden results are not shown yet or never, a student is told no count, no pace and no curve: hidden tests
    are most of them."""
    if job is None or not sees_hidden(terms, viewer, now):
        return Progress(told=False)
    return Progress(True, job.tests_done, job.tests_total, job.curve)


def withheld(terms: Terms, viewer: Viewer, now: float) -> str:
    """Why the viewer does not see all of it, as a sentence; "" where nothing is kept back."""
    if sees_hidden(terms, viewer, now):
        return ""
    if sees_points(terms, viewer, now):
        return "This course does not show the results of hidden tests. The points include them."
    later = "" if terms.hidden_results == "never" else " and the results of the hidden tests"
    return f"These are the points of the public tests only. All points{later} are shown after the due date."
