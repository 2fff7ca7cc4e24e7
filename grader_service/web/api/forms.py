"""What the API takes and gives, field by field. Times are seconds since 1970; `null` where there is nothing to say."""

from __future__ import annotations

from flask_smorest.fields import Upload
from marshmallow import EXCLUDE, Schema, fields, validate

from grader_service.database.session import LARGEST


def said(words: str) -> dict[str, str]:
    return {"description": words}


class Enrolment(Schema):
    course = fields.String(required=True, metadata=said("as in addresses"))
    title = fields.String(required=True)
    role = fields.String(required=True, validate=validate.OneOf(("student", "staff", "admin")))
    timezone = fields.String(required=True, metadata=said("IANA name, in which its dates are meant"))
    archived = fields.Boolean(required=True)


class TokenFacts(Schema):
    name = fields.String(required=True)
    scope = fields.String(required=True, validate=validate.OneOf(("read", "submit", "staff")))
    expires_at = fields.Float(required=True, allow_none=True, metadata=said("with the end of this minute"))


class Me(Schema):
    login = fields.String(required=True)
    name = fields.String(required=True)
    courses = fields.List(fields.Nested(Enrolment), required=True)
    token = fields.Nested(TokenFacts, required=True)


class NewToken(Schema):
    login = fields.String(required=True, validate=validate.Length(max=64))
    password = fields.String(required=True, validate=validate.Length(max=200))
    name = fields.String(
        load_default="program", validate=validate.Length(1, 80), metadata=said("which program or machine it is for")
    )
    scope = fields.String(load_default="submit", validate=validate.OneOf(("read", "submit")))


class MadeToken(Schema):
    token = fields.String(required=True, metadata=said("shown this once, and not kept by the service"))


class AssignmentFacts(Schema):
    name = fields.String(required=True)
    title = fields.String(required=True)
    points = fields.Float(required=True)
    files = fields.List(fields.String(), required=True, metadata=said("to hand in"))
    upload_kb = fields.Integer(required=True, metadata=said("largest upload, in kB of 1024 bytes"))
    release_at = fields.Float(required=True)
    due_at = fields.Float(
        required=True,
        allow_none=True,
        metadata=said("with your extension, if you have one; the whole minute is on time"),
    )
    hard_end_at = fields.Float(required=True, allow_none=True, metadata=said("after this minute nothing is accepted"))
    weight = fields.Float(required=True)
    submissions = fields.Integer(required=True, metadata=said("that you have handed in"))
    points_counted = fields.Float(required=True, allow_none=True, metadata=said("what counts for you now"))
    to_mark = fields.Boolean(
        required=True, metadata=said("your written part is not marked yet, and not in `points_counted`")
    )


class Assignments(Schema):
    assignments = fields.List(fields.Nested(AssignmentFacts), required=True)


class SubmissionFacts(Schema):
    id = fields.Integer(required=True)
    course = fields.String(required=True)
    assignment = fields.String(required=True)
    login = fields.String(required=True, metadata=said("whose it is"))
    received_at = fields.Float(required=True)
    days_late = fields.Integer(required=True)
    filename = fields.String(required=True)
    sha256 = fields.String(required=True, metadata=said("of the zip"))
    notes = fields.List(fields.String(), required=True, metadata=said("what of the zip was not handed on"))
    kind = fields.String(
        required=True,
        validate=validate.OneOf(("code", "written")),
        metadata=said("the written part is `done` at once, has no report, and its points are staff's"),
    )
    state = fields.String(
        required=True,
        validate=validate.OneOf(("queued", "running", "done", "grader_error")),
        metadata=said("`grader_error` is our fault: no points and no attempt are lost, and staff have been told"),
    )
    place = fields.Integer(required=True, metadata=said("in the queue, from 1; 0 while it is not in it"))
    tests_done = fields.Integer(
        required=True, metadata=said("while it is graded; 0 where hidden results are not shown yet or never")
    )
    tests_total = fields.Integer(required=True)
    points = fields.Float(required=True, allow_none=True, metadata=said("before anything is taken off for lateness"))
    possible = fields.Float(required=True, allow_none=True)


class Submissions(Schema):
    submissions = fields.List(fields.Nested(SubmissionFacts), required=True, metadata=said("the latest first"))
    before = fields.Integer(required=True, allow_none=True, metadata=said("ask with this for those before"))


class Page(Schema):
    """Of a list, the latest first."""

    class Meta:
        unknown = EXCLUDE

    limit = fields.Integer(load_default=50, validate=validate.Range(1, 200))
    before = fields.Integer(
        load_default=None, validate=validate.Range(0, LARGEST), metadata=said("a submission's number")
    )


class Mine(Page):
    course = fields.String(load_default=None, validate=validate.Length(max=40))
    assignment = fields.String(load_default=None, validate=validate.Length(max=32))


class Everybodys(Page):
    assignment = fields.String(load_default=None, validate=validate.Length(max=32))
    login = fields.String(load_default=None, validate=validate.Length(max=64))


class HandIn(Schema):
    zip = Upload(required=True, metadata=said("a zip with the assignment's files"))


class HandInWritten(Schema):
    text = Upload(required=True, metadata=said("a PDF, or Markdown in UTF-8"))


class Key(Schema):
    class Meta:
        unknown = EXCLUDE

    key = fields.String(
        load_default=None,
        data_key="Idempotency-Key",
        validate=validate.Regexp(r"[A-Za-z0-9_-]{16,64}\Z"),
        metadata=said("of your making: sent again with the same bytes it gives the same submission"),
    )


class PersonFacts(Schema):
    login = fields.String(required=True)
    name = fields.String(required=True)
    role = fields.String(required=True, validate=validate.OneOf(("student", "staff", "admin")))


class People(Schema):
    people = fields.List(fields.Nested(PersonFacts), required=True)


class ScoreFacts(Schema):
    login = fields.String(required=True)
    name = fields.String(required=True)
    points = fields.Dict(
        keys=fields.String(),
        values=fields.Float(allow_none=True),
        required=True,
        metadata=said("by assignment: what counts, after lateness, with the written part and overrides"),
    )


class Scores(Schema):
    students = fields.List(fields.Nested(ScoreFacts), required=True)


class QueueFacts(Schema):
    name = fields.String(required=True)
    paused = fields.Boolean(required=True)
    waiting = fields.Integer(required=True)
    running = fields.Integer(required=True)
    oldest_seconds = fields.Float(required=True)


class Queues(Schema):
    queues = fields.List(fields.Nested(QueueFacts), required=True)


class Pause(Schema):
    paused = fields.Boolean(required=True)
