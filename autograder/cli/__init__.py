"""`deepgrade`, the command line for students, staff and authors.

Exit codes: 0 success; 1 a negative result (a test failed, an assignment is unsound, a wall is open); 2 an error that
the user can correct, explained in one sentence; 3 a failure of the grader; 130 stopped by Ctrl-C. Every command imports
its modules when it runs, so `--help` is fast, and a student's commands run on machines without a sandbox.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from autograder import __version__
from autograder.cli import authors, checking, extensions, instructors, own_tests, remote, staff, staff_wheel, students
from autograder.cli.data import data
from autograder.core.errors import DeepgradeError, GraderError, SandboxUnavailable

app = typer.Typer(
    name="deepgrade",
    help="A deep-learning course in a box: write, check, hand in, grade.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(requested: bool) -> None:
    if requested:
        print(f"deepgrade {__version__}")
        raise typer.Exit


@app.callback()
def _every_command(
    context: typer.Context,
    course: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of the course (else DEEPGRADE_COURSE, the course around this folder, or the installed one).",
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    from autograder.course import course as courses

    surrounding = None if course or os.environ.get("DEEPGRADE_COURSE") else courses.around(Path.cwd())
    context.obj = course or surrounding
    for extension in extensions.installed():
        extension.read_settings()


STUDENTS = {
    "Students": (
        checking.check,
        students.pack,
        remote.login,
        remote.submit,
        remote.status,
        remote.report,
        data,
    ),
}
STAFF = {
    "Staff": (staff.list_, staff.grade, own_tests.judge_tests, staff.release, staff.doctor),
    "Instructors": (instructors.batch, instructors.otter, instructors.import_results),
    "Authors": (authors.verify, authors.mistakes, authors.record_mistakes, authors.calibrate, authors.new),
}


def _register() -> None:
    """Register all commands. It cannot run at import, since an extension imports this package.

    Without the distribution deepgrade-staff only those of students do anything. Raises DeepgradeError if it is there in
    another version.
    """
    if not staff_wheel.is_installed():
        _add(STUDENTS)
        for name in [*map(_name, sum(STAFF.values(), ())), *staff_wheel.SERVICE_COMMANDS]:
            staff_wheel.refuse(app, name)
        return
    _add({**STUDENTS, **STAFF, **{extension.PANEL: extension.COMMANDS for extension in extensions.installed()}})


def _add(panels: Mapping[str, Sequence[Callable[..., None]]]) -> None:
    for panel, commands in panels.items():
        for command in commands:
            app.command(_name(command), rich_help_panel=panel)(command)


def _name(command: Callable[..., None]) -> str:
    return command.__name__.rstrip("_").replace("_", "-")


def main() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):  # a terminal without a character shows ? in place of a traceback
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        _register()
        app()
    except DeepgradeError as error:
        print(f"deepgrade: {error}", file=sys.stderr)
        ours = isinstance(error, GraderError) and not isinstance(error, SandboxUnavailable)
        sys.exit(3 if ours else 2)
