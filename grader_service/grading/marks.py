"""What people added to one submission, as one viewer may see it, and the written part as it can be looked at."""

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

    kind : "pdf" or "markdown"; "" until it is laid out
    text : of Markdown
    rendering : None where it is not laid out
    waits : is it being laid out?
    """

    kind: str = ""
    text: Markup | None = None
    rendering: Rendering | None = None
    waits: bool = False


@dataclass(frozen=True)
class Marks:
    """What people added to a submission.

    override : points by hand that hold in its assignment
    items : lines of the rubric, of a written part
    scores : points by line. A student is shown none until every line has points: until then none of them count.
    part : the written part; None where the submission is code
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
    """A written part that is not laid out yet is handed to the renderer."""
    chosen = submission.course_assignment
    override = manual.overrides(session, [chosen], submission.person).get(chosen.id)
    comments = manual.comments(session, submission)
    if submission.kind != "written":
        return Marks(comments, override)
    items = manual.rubric(session, chosen)
    scores = manual.rubric_scores(session, submission)
    made = Marks(comments, override, items, scores, _written_part(services, session, submission))
    return made if viewer == "staff" or made.marked else dataclasses.replace(made, scores={})


def _written_part(services: Services, session: Session, submission: Submission) -> WrittenPart:
    found = rendering.find(session, submission.sha256)
    waits = found is None and services.renderer.later(submission.person_id, submission.sha256)
    kind, text = found.kind if found else "", Markup(found.html) if found and found.html else None
    if not waits and (found is None or (kind == "markdown" and text is None)):
        data = services.files.read(session, submission.sha256)
        kind = written.kind_of(data)
        text = rendering.raw(data) if kind == "markdown" else None
    return WrittenPart(kind, text, found, waits)
