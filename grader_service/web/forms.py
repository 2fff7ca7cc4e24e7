"""What forms hold, and what may be in it."""

from __future__ import annotations

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
)
from wtforms.validators import EqualTo, InputRequired, Length, NumberRange, Optional

from grader_service.accounts.accounts import PASSWORD_LEAST, PASSWORD_MOST
from grader_service.database.models import COUNTS, HIDDEN_RESULTS, ROLES


class SignIn(FlaskForm):
    login = StringField("Login", [InputRequired("Say who you are."), Length(max=64)])
    password = PasswordField("Password", [InputRequired("Give your password."), Length(max=PASSWORD_MOST)])


class NewPassword(FlaskForm):
    current = PasswordField("Current password", [InputRequired("Give the password you signed in with.")])
    password = PasswordField(
        "New password",
        [
            Length(PASSWORD_LEAST, PASSWORD_MOST, f"Choose {PASSWORD_LEAST} to {PASSWORD_MOST} characters."),
        ],
    )
    again = PasswordField("New password, again", [EqualTo("password", "The two do not agree.")])


class NewPerson(FlaskForm):
    login = StringField(
        "Login", [InputRequired("Give a login."), Length(max=64)], description="such as an e-mail address"
    )
    name = StringField("Name", [InputRequired("Give a name."), Length(max=200)])
    role = SelectField("Role", choices=list(ROLES))


MOMENTS = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"]


class Moment(DateTimeLocalField):
    """A time of the clock on the course's wall."""

    def __init__(self, label: str, validators: list | None = None, **options: object) -> None:
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
    release_at = Moment("Released", description="empty: from the start")
    due_at = Moment("Due", description="empty: never")
    hard_end_at = Moment("Hard end", description="empty: late is never too late")
    grace_days = IntegerField("Grace days", [InputRequired(WHOLE), NumberRange(0, 365)])
    penalty_per_day = FloatField(
        "Penalty for each late day after these, in % of the points",
        [InputRequired("Write a number."), NumberRange(0, 100)],
    )
    attempts_per_day = IntegerField(
        "Attempts per day", [Optional(), NumberRange(1, 1000)], description="empty: as many as one likes"
    )
    attempts_total = IntegerField(
        "Attempts in all", [Optional(), NumberRange(1, 1000)], description="empty: as many as one likes"
    )
    counts = SelectField("Which submission counts", choices=_choices(COUNTS, ("the best", "the latest")))
    hidden_results = SelectField(
        "Students see how hidden tests went",
        choices=_choices(HIDDEN_RESULTS, ("at once", "after the due date", "never")),
    )
    weight = FloatField("Weight in the course", [InputRequired("Write a number."), NumberRange(0, 1000)])
    written_points = FloatField(
        "Points of a written part",
        [InputRequired("Write a number."), NumberRange(0, 1000)],
        description="0: there is none",
    )
    leaderboard = BooleanField("Leaderboard, for those who choose a pseudonym")
    reason = StringField("Reason", [Length(max=500)], description="for the audit")


class ExtensionForm(FlaskForm):
    login = StringField("Login", [InputRequired("Say for whom."), Length(max=64)])
    due_at = Moment("Due", [InputRequired("Say until when.")])
    hard_end_at = Moment("Hard end", description="empty: moved as far as the due date")
    attempts_extra = IntegerField("More attempts", [Optional(), NumberRange(0, 1000)], default=0)
    reason = StringField("Reason", [InputRequired("Say why; the audit shows it."), Length(max=500)])


class PasswordByLink(FlaskForm):
    password = PasswordField(
        "Password", [Length(PASSWORD_LEAST, PASSWORD_MOST, f"Choose {PASSWORD_LEAST} to {PASSWORD_MOST} characters.")]
    )
    again = PasswordField("Password, again", [EqualTo("password", "The two do not agree.")])


class NewToken(FlaskForm):
    name = StringField("Name", [InputRequired("Give it a name."), Length(max=80)], description="program or machine")
    scope = SelectField("It may")
    course = SelectField("In", default="")
    days = SelectField("For", default="120")


class CourseForm(FlaskForm):
    slug = StringField("Short name", [InputRequired("Give a short name."), Length(max=40)], description="in addresses")
    title = StringField("Title", [InputRequired("Give a title."), Length(max=200)])
    timezone = StringField("Time zone", [InputRequired("Name a time zone.")], description="as in Europe/Warsaw")


class CourseSettings(FlaskForm):
    title = StringField("Title", [InputRequired("Give a title."), Length(max=200)])
    timezone = StringField("Time zone", [InputRequired("Name a time zone.")], description="as in Europe/Warsaw")
    archived = BooleanField("The course is over: nobody hands in any more")
