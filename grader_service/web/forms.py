"""What forms hold, and what may be in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    DateTimeLocalField,
    FloatField,
    IntegerField,
    PasswordField,
    SelectChoice,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import EqualTo, InputRequired, Length, NumberRange, Optional

from grader_service.accounts.accounts import PASSWORD_LEAST, PASSWORD_MOST
from grader_service.database.audit import REASON_MOST
from grader_service.database.models import COUNTS, HIDDEN_RESULTS, ROLES


class SignIn(FlaskForm):
    login = StringField("Login", [InputRequired("Enter your login."), Length(max=64)])
    password = PasswordField("Password", [InputRequired("Enter your password."), Length(max=PASSWORD_MOST)])


class NewPassword(FlaskForm):
    current = PasswordField("Current password", [InputRequired("Enter your current password.")])
    password = PasswordField(
        "New password",
        [
            Length(PASSWORD_LEAST, PASSWORD_MOST, f"Choose {PASSWORD_LEAST} to {PASSWORD_MOST} characters."),
        ],
    )
    again = PasswordField("Repeat the new password", [EqualTo("password", "The passwords do not match.")])


class NewPerson(FlaskForm):
    login = StringField(
        "Login", [InputRequired("Enter a login."), Length(max=64)], description="for example an e-mail address"
    )
    name = StringField("Name", [InputRequired("Enter a name."), Length(max=200)])
    role = SelectField("Role", choices=list(ROLES))


MOMENTS = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"]


class Moment(DateTimeLocalField):
    """A time of the clock on the course's wall."""

    def __init__(self, label: str, validators: Sequence[Callable[..., None]] | None = None, **options: object) -> None:
        super().__init__(label, validators or [Optional()], format=MOMENTS, **options)

    def _value(self) -> str:
        if self.raw_data:
            return " ".join(self.raw_data)
        if not self.data:
            return ""
        return self.data.strftime(MOMENTS[0] if not self.data.second else MOMENTS[1])

    def process_formdata(self, valuelist: list[str]) -> None:
        try:
            super().process_formdata(valuelist)
        except ValueError:
            self.data = None
            raise ValueError("Write a date and a time, like 2026-12-06T23:59.") from None


WHOLE = "Write a whole number."


def _choices(values: tuple[str, ...], words: tuple[str, ...]) -> list[SelectChoice]:
    return [SelectChoice(value, label=label) for value, label in zip(values, words, strict=True)]


class PolicyForm(FlaskForm):
    """Names as in models.CourseAssignment; `courses.set_policy` says what goes together."""

    position = IntegerField("Place in the list", [InputRequired(WHOLE), NumberRange(0, 1000)])
    draft = BooleanField("Draft: students do not see the assignment")
    release_at = Moment("Released", description="Leave empty to release at once.")
    due_at = Moment("Due", description="Leave empty for no due date.")
    hard_end_at = Moment("Hard end", description="Leave empty to accept late work at any time.")
    grace_days = IntegerField("Grace days", [InputRequired(WHOLE), NumberRange(0, 365)])
    penalty_per_day = FloatField(
        "Penalty for each late day after the grace days, in % of the points",
        [InputRequired("Write a number."), NumberRange(0, 100)],
    )
    attempts_per_day = IntegerField(
        "Attempts per day", [Optional(), NumberRange(1, 1000)], description="Leave empty for no limit."
    )
    attempts_total = IntegerField(
        "Attempts in total", [Optional(), NumberRange(1, 1000)], description="Leave empty for no limit."
    )
    counts = SelectField("Which submission counts", choices=_choices(COUNTS, ("the best", "the latest")))
    hidden_results = SelectField(
        "Students see the results of hidden tests",
        choices=_choices(HIDDEN_RESULTS, ("at once", "after the due date", "never")),
    )
    weight = FloatField("Weight in the course", [InputRequired("Write a number."), NumberRange(0, 1000)])
    written_points = FloatField(
        "Points of a written part",
        [InputRequired("Write a number."), NumberRange(0, 1000)],
        description="0 means no written part",
    )
    leaderboard = BooleanField("Leaderboard for students who choose a pseudonym")
    reason = StringField("Reason", [Length(max=REASON_MOST)], description="for the audit")


class ExtensionForm(FlaskForm):
    login = StringField("Login", [InputRequired("Enter a login."), Length(max=64)])
    due_at = Moment("Due", [InputRequired("Enter a date and a time.")])
    hard_end_at = Moment("Hard end", description="Leave empty to move it by as much as the due date.")
    attempts_extra = IntegerField("More attempts", [Optional(), NumberRange(0, 1000)], default=0)
    reason = StringField("Reason", [InputRequired("Enter a reason. The audit shows it."), Length(max=REASON_MOST)])


class PasswordByLink(FlaskForm):
    password = PasswordField(
        "Password", [Length(PASSWORD_LEAST, PASSWORD_MOST, f"Choose {PASSWORD_LEAST} to {PASSWORD_MOST} characters.")]
    )
    again = PasswordField("Repeat the password", [EqualTo("password", "The passwords do not match.")])


class NewToken(FlaskForm):
    name = StringField(
        "Name", [InputRequired("Enter a name."), Length(max=80)], description="the program or machine that uses it"
    )
    scope = SelectField("Permission")
    course = SelectField("Course", default="")
    days = SelectField("Valid for", default="120")


class CourseForm(FlaskForm):
    slug = StringField(
        "Short name", [InputRequired("Enter a short name."), Length(max=40)], description="used in addresses"
    )
    title = StringField("Title", [InputRequired("Enter a title."), Length(max=200)])
    timezone = StringField("Time zone", [InputRequired("Enter a time zone.")], description="for example Europe/Warsaw")


class PlatformForm(FlaskForm):
    """Names as in models.LtiPlatform."""

    name = StringField("Name", [InputRequired("Enter a name."), Length(max=100)], description="for people")
    issuer = StringField("Issuer", [InputRequired("Enter the issuer."), Length(max=300)])
    client_id = StringField("Client id", [InputRequired("Enter the client id."), Length(max=255)])
    auth_url = StringField("Sign-in address", [InputRequired("Enter an address."), Length(max=500)])
    token_url = StringField("Address for access tokens", [InputRequired("Enter an address."), Length(max=500)])
    jwks_url = StringField("Address of the public keys", [InputRequired("Enter an address."), Length(max=500)])
    audience = StringField(
        "Audience of requests for tokens",
        [Length(max=500)],
        description="Leave empty unless the platform names one.",
    )
    deployments = TextAreaField(
        "Deployment ids", [InputRequired("Enter a deployment id.")], description="one in a line"
    )


class CourseSettings(FlaskForm):
    title = StringField("Title", [InputRequired("Enter a title."), Length(max=200)])
    timezone = StringField("Time zone", [InputRequired("Enter a time zone.")], description="for example Europe/Warsaw")
    archived = BooleanField("The course is over and accepts no submissions")
