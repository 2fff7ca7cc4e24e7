"""What the commands of students share, and `pack`. They need no sandbox and no POSIX, as on Windows."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from autograder.cli import console
from autograder.core.errors import DeepgradeError, UnknownAssignment
from autograder.course import manifest as manifests
from autograder.course import notebooks, submission
from autograder.course import workplace as workplaces
from autograder.course.course import find_course
from autograder.course.workplace import Workplace

if TYPE_CHECKING:
    from autograder.course.forecast import Finding

LISTED = 20  # lines of what was left out of a notebook; more are counted
Folder = Annotated[
    str, typer.Argument(metavar="[DIR]", help="Folder with assignment.toml and your files, or a notebook in it.")
]


def print_findings(warnings: list[Finding], stream: TextIO, work: Workplace) -> None:
    """Print each finding as one sentence."""
    for warning in warnings:
        prefix = "not on the server" if warning.fails else "on the server"
        print(f"{prefix}: {console.plain(work.in_cells(warning.text))}", file=stream)


def print_left_out(work: Workplace, stream: TextIO) -> None:
    """Print what a notebook holds and nobody grades."""
    if work.left_out:
        print(f"left out of {work.notebook}, because it is not handed in:", file=stream)
    for line in work.left_out[:LISTED]:
        print(console.plain(f"  {line}"), file=stream)
    if len(work.left_out) > LISTED:
        print(f"  and {len(work.left_out) - LISTED} more", file=stream)


def pack(
    context: typer.Context,
    folder: Folder = ".",
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="ZIP", help="The zip to write.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Write no zip that the server could not run.")] = False,
) -> None:
    """Make the zip to hand in: the files that the assignment names, and no others. A notebook stands for its module."""
    from autograder.course import forecast

    directory, notebook = find_work(folder, context.obj)
    manifest = manifests.load(directory / "assignment.toml")
    with tempfile.TemporaryDirectory(prefix="deepgrade-") as temporary:
        work = workplaces.at(directory, notebook, manifest, Path(temporary))
        data = submission.pack(work.folder, manifest)
        warnings = forecast.findings(work.folder, manifest)
        names = [*manifest.files, *(name for name in manifest.optional if (work.folder / name).is_file())]
    print_findings(warnings, sys.stderr, work)
    print_left_out(work, sys.stderr)
    if strict and any(warning.fails for warning in warnings):
        raise typer.Exit(1)
    path = output or Path(f"{manifest.module}.zip")
    console.write(path, data)
    print(f"{path}: {', '.join(names)}{work.origin} ({len(data):,} bytes)")


def find_work(path_or_name: str, course: Path | None) -> tuple[Path, Path | None]:
    """The folder of the assignment, and the notebook if the path names one."""
    path = Path(path_or_name)
    if path.suffix != notebooks.SUFFIX:
        return find_folder(path_or_name, course), None
    if not path.is_file():
        raise DeepgradeError(f"{path}: there is no such notebook; go to its folder, and save it under that name")
    return find_folder(str(path.parent), course), path.resolve()


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
