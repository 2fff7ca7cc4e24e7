"""What forms hold, and what may be in it."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import PasswordField, SelectField, StringField
from wtforms.validators import EqualTo, InputRequired, Length

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
