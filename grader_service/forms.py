"""What forms hold, and what may be in it."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import DateTimeLocalField, FloatField, IntegerField, PasswordField, SelectField, StringField
from wtforms.validators import EqualTo, InputRequired, Length, NumberRange, Optional

from grader_service.accounts import PASSWORD_LEAST, PASSWORD_MOST
from grader_service.models import ROLES


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


A_NUMBER, NO_LIMIT = "Give a number; 0 for none.", "empty: no limit"
MINUTES = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]  # as browsers send them


class Policy(FlaskForm):
    """Dates are by the clock on the wall of the course. What makes sense together, `courses.set_policy` knows."""

    release_at = DateTimeLocalField("Released", [Optional()], format=MINUTES, description="hidden before")
    due_at = DateTimeLocalField("Due", [Optional()], format=MINUTES, description="empty: never late")
    hard_end_at = DateTimeLocalField("Hard end", [Optional()], format=MINUTES, description="nothing comes in after it")
    grace_days = IntegerField("Grace days", [InputRequired(A_NUMBER), NumberRange(0, 365)])
    penalty_per_day = FloatField(
        "Penalty per day", [InputRequired(A_NUMBER), NumberRange(0, 100)], description="% of the points"
    )
    attempts_per_day = IntegerField("Attempts per day", [Optional(), NumberRange(1, 1000)], description=NO_LIMIT)
    attempts_total = IntegerField("Attempts in all", [Optional(), NumberRange(1, 1000)], description=NO_LIMIT)
    counts = SelectField("What counts", choices=["best", "latest"], description="of several submissions")
    weight = FloatField("Weight", [InputRequired(A_NUMBER), NumberRange(0, 1000)], description="in the total")
    reason = StringField("Reason", [Length(max=1000)], description="for the record of changes")
