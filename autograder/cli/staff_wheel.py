"""The distribution `deepgrade-staff`: is it here, and what its commands say where it is not.

`deepgrade` alone is what students install. It has the whole engine, but a course's hidden half and the service come
with `deepgrade-staff`, and so do the commands that work on them.
"""

from __future__ import annotations

from importlib import metadata

import typer

from autograder import __version__
from autograder.core import own_wheels
from autograder.core.errors import DeepgradeError

# Those of grader_service/cli.py, which a student's machine cannot ask.
SERVICE_COMMANDS = ("serve", "worker", "bundle", "queue", "pause", "resume", "backup", "restore", "upgrade")


def is_installed() -> bool:
    """Raises DeepgradeError if it is installed in another version than the engine's."""
    try:
        version = metadata.version(own_wheels.STAFF)
    except metadata.PackageNotFoundError:
        return False
    if version != __version__:
        raise DeepgradeError(
            f"deepgrade is version {__version__} and {own_wheels.STAFF} is version {version}; "
            f"install the same version of both, for example {own_wheels.staff_wheel()}"
        )
    return True


def refuse(app: typer.Typer, name: str) -> None:
    """Register a command that only says where it comes from, whatever its options are. `--help` does not list it."""

    def command() -> None:
        raise DeepgradeError(
            f"`deepgrade {name}` is a command for staff; to use it, install {own_wheels.staff_wheel()}"
        )

    anything = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}
    app.command(name, hidden=True, context_settings=anything)(command)
