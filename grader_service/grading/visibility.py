"""Who may see which results, and when. `autograder.report.visibility` decides what a student may see at all; the
course's policy decides when.

Every rule is a function of the student's `Terms`, the viewer and the time. Only `submission_view` calls this module;
pages, pictures, tables of points and the API use its views.

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
    """The progress of a grading, as a viewer may see it. Without `visible` the viewer sees only that it runs."""

    visible: bool
    done: int = 0  # tests
    total: int = 0
    curve: str = ""  # of the running training, in the form that `progress_curves` reads


def sees_hidden(terms: Terms, viewer: Viewer, now: float) -> bool:
    """Are the results of hidden tests shown?"""
    return viewer == "staff" or late_policy.hidden_shown(terms, now)


def sees_points(terms: Terms, viewer: Viewer, now: float) -> bool:
    """Are points shown that include hidden tests?"""
    return viewer == "staff" or late_policy.points_shown(terms, now)


def report(whole: Report, terms: Terms, viewer: Viewer, now: float) -> Report:
    """The report, reduced to what this viewer may see at this time."""
    viewer_report = view(whole, viewer)
    if sees_hidden(terms, viewer, now):
        return viewer_report
    without_hidden_tests = without_hidden(viewer_report, points=sees_points(terms, viewer, now))
    # The time of all tests would reveal the time of the hidden ones.
    return msgspec.structs.replace(
        without_hidden_tests, timings=msgspec.structs.replace(without_hidden_tests.timings, total_seconds=0.0)
    )


def progress(job: Job | None, terms: Terms, viewer: Viewer, now: float) -> Progress:
    """The progress of a job. While hidden results are not shown, a student sees no counts, no pace and no curve, since
    most tests are hidden."""
    if job is None or not sees_hidden(terms, viewer, now):
        return Progress(visible=False)
    return Progress(True, job.tests_done, job.tests_total, job.curve)


def withheld(terms: Terms, viewer: Viewer, now: float) -> str:
    """A sentence that explains why something is withheld; "" if nothing is."""
    if sees_hidden(terms, viewer, now):
        return ""
    if sees_points(terms, viewer, now):
        return "This course does not show the results of hidden tests. The points include them."
    later = "" if terms.hidden_results == "never" else " and the results of the hidden tests"
    return f"These are the points of the public tests only. All points{later} are shown after the due date."
