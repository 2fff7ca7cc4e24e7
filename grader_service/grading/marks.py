"""Comments, points by hand and rubric points of one submission, as one viewer may see them, and its written part."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

from markupsafe import Markup
from sqlalchemy.orm import Session

from autograder.report.visibility import Viewer
from grader_service.database.models import Comment, Override, Rendering, RubricItem, Submission
from grader_service.grading import manual
from grader_service.submissions import rendering, written
from grader_service.submissions.services import Services


@dataclass(frozen=True)
class WrittenPart:
    """The file of a written part.

    kind : "pdf" or "markdown"; "" until it is rendered
    text : HTML of Markdown
    rendering : None if it is not rendered
    waits : is it being rendered?
    """

    kind: str = ""
    text: Markup | None = None
    rendering: Rendering | None = None
    waits: bool = False


@dataclass(frozen=True)
class Marks:
    """Comments and points that people added to a submission.

    override : valid points by hand of its assignment
    items : lines of the rubric of a written part
    scores : points by line. They count, and students see them, only when every line has points.
    part : the written part; None if the submission is code
    """

    comments: list[Comment]
    override: Override | None
    items: list[RubricItem] = field(default_factory=list)
    scores: dict[int, float] = field(default_factory=dict)
    part: WrittenPart | None = None

    @property
    def marked(self) -> bool:
        return bool(self.items) and all(item.id in self.scores for item in self.items)


def marks(services: Services, session: Session, submission: Submission, viewer: Viewer) -> Marks:
    """The marks of a submission. A written part that is not rendered yet is given to the renderer."""
    course_assignment = submission.course_assignment
    override = manual.overrides(session, [course_assignment], submission.person).get(course_assignment.id)
    comments = manual.comments(session, submission)
    if submission.kind != "written":
        return Marks(comments, override)
    items = manual.rubric(session, course_assignment)
    scores = manual.rubric_scores(session, submission)
    marks = Marks(comments, override, items, scores, _written_part(services, session, submission))
    return marks if viewer == "staff" or marks.marked else dataclasses.replace(marks, scores={})


def _written_part(services: Services, session: Session, submission: Submission) -> WrittenPart:
    rendered = rendering.find(session, submission.sha256)
    pending = rendered is None and services.renderer.later(submission.person_id, submission.sha256)
    kind, text = rendered.kind if rendered else "", Markup(rendered.html) if rendered and rendered.html else None
    if not pending and (rendered is None or (kind == "markdown" and text is None)):
        data = services.files.read(session, submission.sha256)
        kind = written.kind_of(data)
        text = rendering.raw(data) if kind == "markdown" else None
    return WrittenPart(kind, text, rendered, pending)
