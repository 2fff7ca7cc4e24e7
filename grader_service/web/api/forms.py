"""What the API takes and gives, field by field. Times are seconds since 1970; `null` where there is nothing to say."""

from __future__ import annotations

from flask_smorest.fields import Upload
from marshmallow import EXCLUDE, Schema, fields, validate

from grader_service.database.session import LARGEST


def said(words: str) -> dict[str, str]:
    return {"description": words}


class Enrolment(Schema):
    course = fields.String(required=True, metadata=said("the short name of the course, as in its address"))
    title = fields.String(required=True)
    role = fields.String(required=True, validate=validate.OneOf(("student", "staff", "admin")))
    timezone = fields.String(required=True, metadata=said("the IANA name of the course's time zone"))
    archived = fields.Boolean(required=True)


class TokenFacts(Schema):
    name = fields.String(required=True)
    scope = fields.String(required=True, validate=validate.OneOf(("read", "submit", "staff")))
    expires_at = fields.Float(
        required=True, allow_none=True, metadata=said("the token expires at the end of this minute")
    )


class Me(Schema):
    login = fields.String(required=True)
    name = fields.String(required=True)
    courses = fields.List(fields.Nested(Enrolment), required=True)
    token = fields.Nested(TokenFacts, required=True)


class NewToken(Schema):
    login = fields.String(required=True, validate=validate.Length(max=64))
    password = fields.String(required=True, validate=validate.Length(max=200))
    name = fields.String(
        load_default="program",
        validate=validate.Length(1, 80),
        metadata=said("the program or machine that uses the token"),
    )
    scope = fields.String(load_default="submit", validate=validate.OneOf(("read", "submit")))


class MadeToken(Schema):
    token = fields.String(required=True, metadata=said("shown only once; the service does not store it"))


class AssignmentFacts(Schema):
    name = fields.String(required=True)
    title = fields.String(required=True)
    points = fields.Float(required=True)
    files = fields.List(fields.String(), required=True, metadata=said("the files to hand in"))
    upload_kb = fields.Integer(required=True, metadata=said("the largest upload, in kB of 1024 bytes"))
    draft = fields.Boolean(required=True)
    release_at = fields.Float(required=True)
    due_at = fields.Float(
        required=True,
        allow_none=True,
        metadata=said("includes your extension, if you have one; the whole minute is on time"),
    )
    hard_end_at = fields.Float(required=True, allow_none=True, metadata=said("after this minute nothing is accepted"))
    weight = fields.Float(required=True)
    submissions = fields.Integer(required=True, metadata=said("the number of your submissions"))
    points_counted = fields.Float(required=True, allow_none=True, metadata=said("the points that count now"))
    to_mark = fields.Boolean(
        required=True,
        metadata=said("true if your written part is not marked yet; `points_counted` does not include it"),
    )


class Assignments(Schema):
    assignments = fields.List(fields.Nested(AssignmentFacts), required=True)


class AnsweredFacts(Schema):
    submission = fields.Integer(required=True, metadata=said("the submission that was graded then"))
    graded_at = fields.Float(required=True)
    tests = fields.Integer(
        required=True,
        allow_none=True,
        metadata=said("the number of tests whose results are from that grading; staff see it"),
    )


class SubmissionFacts(Schema):
    id = fields.Integer(required=True)
    course = fields.String(required=True)
    assignment = fields.String(required=True)
    login = fields.String(required=True, metadata=said("the login of the student"))
    received_at = fields.Float(required=True)
    days_late = fields.Integer(required=True)
    filename = fields.String(required=True)
    sha256 = fields.String(required=True, metadata=said("the SHA-256 of the file"))
    notes = fields.List(fields.String(), required=True, metadata=said("files of the zip that were ignored"))
    kind = fields.String(
        required=True,
        validate=validate.OneOf(("code", "written")),
        metadata=said("a written part is `done` at once and has no report; staff give its points"),
    )
    state = fields.String(
        required=True,
        validate=validate.OneOf(("queued", "running", "done", "grader_error")),
        metadata=said("`grader_error` is a fault of the grader: the student loses no points and no attempt"),
    )
    place = fields.Integer(
        required=True, metadata=said("the place in the queue, from 1; 0 if the submission is not waiting")
    )
    tests_done = fields.Integer(
        required=True, metadata=said("tests that have ended; 0 if the results of hidden tests are not shown")
    )
    tests_total = fields.Integer(required=True)
    points = fields.Float(required=True, allow_none=True, metadata=said("the points before the penalty for lateness"))
    possible = fields.Float(required=True, allow_none=True)
    answered_from = fields.Nested(
        AnsweredFacts,
        required=True,
        allow_none=True,
        metadata=said("the earlier grading of the same files that answered it; null if it was graded"),
    )


class Submissions(Schema):
    submissions = fields.List(
        fields.Nested(SubmissionFacts), required=True, metadata=said("submissions, the latest first")
    )
    before = fields.Integer(required=True, allow_none=True, metadata=said("pass this as `before` to get the next page"))


class Page(Schema):
    """Of a list, the latest first."""

    class Meta:
        unknown = EXCLUDE

    limit = fields.Integer(load_default=50, validate=validate.Range(1, 200))
    before = fields.Integer(
        load_default=None, validate=validate.Range(0, LARGEST), metadata=said("return submissions before this number")
    )


class Mine(Page):
    course = fields.String(load_default=None, validate=validate.Length(max=40))
    assignment = fields.String(load_default=None, validate=validate.Length(max=32))


class Everybodys(Page):
    assignment = fields.String(load_default=None, validate=validate.Length(max=32))
    login = fields.String(load_default=None, validate=validate.Length(max=64))


class HandIn(Schema):
    zip = Upload(required=True, metadata=said("a zip with the files of the assignment"))


class HandInWritten(Schema):
    text = Upload(required=True, metadata=said("a PDF or a Markdown file in UTF-8"))


class Key(Schema):
    class Meta:
        unknown = EXCLUDE

    key = fields.String(
        load_default=None,
        data_key="Idempotency-Key",
        validate=validate.Regexp(r"[A-Za-z0-9_-]{16,64}\Z"),
        metadata=said("a key that you choose; a second request with the same key and file returns the same submission"),
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
        metadata=said("the points that count in each assignment, after lateness, with written parts and overrides"),
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
