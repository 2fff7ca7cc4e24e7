"""Commands of students: `check` and `pack`. They need no sandbox and no POSIX, so they run on Windows and macOS too."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from autograder.cli import console
from autograder.core.errors import DeepgradeError, UnknownAssignment
from autograder.course import manifest as manifests
from autograder.course import submission
from autograder.course.course import Assignment, find_course

if TYPE_CHECKING:
    from autograder.course.forecast import Finding
    from autograder.local_check import public_tests

Folder = Annotated[str, typer.Argument(metavar="[DIR]", help="Folder with assignment.toml and your files.")]


def check(
    context: typer.Context,
    folder: Folder = ".",
    test: Annotated[
        str | None, typer.Option(metavar="NAME", help="Run only this test; a part of its name is enough.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    in_this_process: Annotated[bool, typer.Option("--in-this-process", hidden=True)] = False,
    journal: Annotated[Path | None, typer.Option("--journal", hidden=True)] = None,
) -> None:
    """Run the public tests on your code on this machine. The messages are those of the server."""
    if not in_this_process:
        from autograder.local_check import supervised

        raise typer.Exit(supervised.run(sys.argv[1:]))
    from autograder.cli import own_tests, show
    from autograder.course import forecast
    from autograder.local_check import public_tests, supervised
    from autograder.own_tests import at_home
    from autograder.report import schema

    directory = find_folder(folder, context.obj)
    assignment = Assignment(directory.name, directory, None)
    warnings: list[Finding] = []

    def note_slow(name: str, seconds: float, limit: float) -> None:
        text = f"{name} took {seconds:.2g} s here; the server stops a test when its calls have taken {limit:g} s"
        warnings.append(forecast.Finding(text, fails=False))

    stopped: public_tests.Stopped | None = None
    with console.progress("checking") as follow:
        try:
            result = public_tests.check(
                directory,
                assignment,
                only=test,
                on_event=follow,
                on_slow=note_slow,
                journal=supervised.Journal(journal) if journal else None,
            )
        except public_tests.Stopped as error:
            stopped, result = error, error.report
    if json:
        print(schema.to_json(result).decode())
    else:
        if result.tests or not stopped:
            public = sum(entry.possible for entry in result.tests)
            hidden = 0.0 if test or stopped else assignment.manifest.points - public
            note = f"The server runs hidden tests too, for the other {console.number(hidden)} points."
            show.report(result, console.out(), note=note if hidden > 0 else "")
    if stopped:
        _print_where_stopped(stopped)
        raise typer.Exit(supervised.INTERRUPTED)
    found = [] if test else at_home.findings(directory, assignment.manifest)
    own_tests.show_findings(found, sys.stderr if json else sys.stdout)
    warnings = [*forecast.findings(directory, assignment.manifest), *warnings]
    print_findings(warnings, sys.stderr if json else sys.stdout)
    fails = any(entry.fails for entry in warnings) or any(entry.verdict != "passed" for entry in result.tests)
    raise typer.Exit(1 if fails else 0)


def _print_where_stopped(stopped: public_tests.Stopped) -> None:
    """After Ctrl-C: print the running test, and the line of the student's code."""
    name = stopped.test.rpartition("::")[2]
    count = len(stopped.report.tests)
    results = {0: "no test was finished", 1: "the result of 1 test is above"}.get(
        count, f"the results of {count} tests are above"
    )
    console.warn(f"stopped by Ctrl-C{f' in {name}' if name else ''}; {results}")
    if stopped.where:
        print(console.plain(f"Your code was here:\n{stopped.where}"), end="", file=sys.stderr)


def print_findings(warnings: list[Finding], stream: TextIO) -> None:
    """Print each finding as one sentence."""
    for warning in warnings:
        prefix = "not on the server" if warning.fails else "on the server"
        print(f"{prefix}: {console.plain(warning.text)}", file=stream)


def pack(
    context: typer.Context,
    folder: Folder = ".",
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="ZIP", help="The zip to write.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Write no zip that the server could not run.")] = False,
) -> None:
    """Make the zip to hand in: the files that the assignment names, and no others."""
    from autograder.course import forecast

    directory = find_folder(folder, context.obj)
    manifest = manifests.load(directory / "assignment.toml")
    data = submission.pack(directory, manifest)
    warnings = forecast.findings(directory, manifest)
    print_findings(warnings, sys.stderr)
    if strict and any(warning.fails for warning in warnings):
        raise typer.Exit(1)
    path = output or Path(f"{manifest.module}.zip")
    console.write(path, data)
    names = [*manifest.files, *(name for name in manifest.optional if (directory / name).is_file())]
    print(f"{path}: {', '.join(names)} ({len(data):,} bytes)")


def find_folder(path_or_name: str, course: Path | None) -> Path:
    """The folder with that path or, inside a course, the folder of the assignment with that name."""
    folder = Path(path_or_name)
    if (folder / "assignment.toml").is_file():
        return folder.resolve()
    if not folder.exists():
        try:
            return find_course(course)[path_or_name].folder
        except UnknownAssignment as error:
            raise UnknownAssignment(
                f"{path_or_name}: is neither a folder nor the name of an assignment; {error}"
            ) from error
        except DeepgradeError:
            raise DeepgradeError(
                f"{path_or_name}: there is no such folder; go to the folder of the assignment"
            ) from None
    raise DeepgradeError(
        f"{folder.resolve()}: holds no assignment.toml; go to the folder of the assignment, or name it"
    )
