"""Commands of staff: list the course, make kits, grade, and check this machine with `doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.text import Text

from autograder.cli import console, extensions
from autograder.core.errors import BadCourse, DeepgradeError, GraderError
from autograder.course import submission
from autograder.course.course import Assignment, find_course

if TYPE_CHECKING:
    from autograder.report.schema import Report

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The assignment; `deepgrade list` names them.")]


def list_(context: typer.Context, json: Json = False) -> None:
    """List the assignments of the course."""
    assignments = list(find_course(context.obj))
    if json:
        console.print_json([_facts(assignment) for assignment in assignments])
        return
    rows = console.table("Name", "Title", "Points", "Hand in", "Device", "Staff's half", numbers=("Points",))
    for assignment in assignments:
        facts = _facts(assignment)
        half = "yes" if facts["solution"] else "absent"
        rows.add_row(
            assignment.name,
            Text(console.plain(facts["title"])),
            console.number(facts["points"]),
            ", ".join(facts["files"]),
            facts["device"],
            half,
        )
    console.out().print(rows)


def _facts(assignment: Assignment) -> dict[str, Any]:
    manifest = assignment.manifest
    return {
        "name": assignment.name,
        "title": manifest.title,
        "order": manifest.order,
        "points": manifest.points,
        "files": manifest.files,
        "device": manifest.device,
        "solution": assignment.solution is not None,
    }


def grade(
    context: typer.Context,
    name: Name,
    handed_in: Annotated[Path, typer.Argument(metavar="SUBMISSION", help="A zip, or a folder with the files.")],
    json: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="Write the report as JSON; - is standard output.")
    ] = None,
    view: Annotated[Literal["student", "staff"], typer.Option(help="Who the report is for.")] = "staff",
    figures: Annotated[Path | None, typer.Option(metavar="DIR", help="Draw the report's figures there.")] = None,
) -> None:
    """Grade a submission in the sandbox, by public and hidden tests."""
    from autograder import grade as grading
    from autograder.cli import show
    from autograder.course import secrets
    from autograder.mistakes import store
    from autograder.report import schema, visibility

    assignment = find_course(context.obj)[name]
    if assignment.hidden_tests is None:
        raise BadCourse(f"{name}: this course has no solutions/{name}, so there are no hidden tests to grade by")
    upload = submission.read(handed_in, assignment.manifest)
    with console.progress(f"grading {name}") as follow:
        secret = secrets.course_secret()
        known = store.find(assignment, secret)
        full_report = grading.grade(assignment, upload, secret=secret, on_event=follow, known=known)
    shown = visibility.names_are_visible(assignment.manifest.name_mistakes)
    report = visibility.view(full_report, view, mistakes=shown)
    if json == "-":
        print(schema.to_json(report).decode())
    else:
        show.report(report, console.out())
        for note in upload.notes:
            print(f"note: {console.plain(note)}")
        if json:
            console.write(Path(json), schema.to_json(report), secret=view == "staff")
    if figures:
        _draw(report, figures)
    if report.state == "grader_error":
        raise GraderError(report.message)


def _draw(report: Report, folder: Path) -> None:
    from autograder.report import figures

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DeepgradeError(f"{folder}: cannot be made ({error.strerror}); name another folder") from error
    for test in report.tests:
        for index, figure in enumerate(test.figures):
            path = folder / f"{test.name}-{index}.png"
            console.write(path, figures.draw(figure))
            print(f"{path}: {console.plain(figure.title)}")


def release(
    context: typer.Context,
    name: Name,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="ZIP", help="The zip to write.")] = None,
) -> None:
    """Make the kit that students get: handout, stub, public tests, and the program that runs them."""
    from autograder.course import kit

    path = output or Path(f"{name}-kit.zip")
    data = kit.build(find_course(context.obj)[name])
    console.write(path, data)
    print(f"{path}: {', '.join(kit.names(data))} ({len(data) // 1024:,} kB)")


def doctor(context: typer.Context, json: Json = False) -> None:
    """Attack this machine's sandbox and print which walls hold, and check the settings of the service."""
    from autograder import doctor as check_up

    with console.busy("attacking the sandbox"):
        findings = [("sandbox", finding.name, finding.ok, finding.detail) for finding in check_up.run()]
    for extension in extensions.installed():
        findings += [("machine", *finding) for finding in extension.findings(context.obj)]
    if json:
        console.print_json([dict(zip(("about", "name", "ok", "detail"), finding, strict=True)) for finding in findings])
    else:
        rows = console.table("Wall", "", "Found")
        rows.columns[0].no_wrap = True  # a name of a wall is looked for
        for _, name, ok, detail in findings:
            rows.add_row(name, Text("ok", "green") if ok else Text("no", "bold red"), Text(console.plain(detail)))
        console.out().print(rows)
    if any(name == check_up.STARTS and not ok for _, name, ok, _ in findings):
        raise typer.Exit(2)  # nothing was attacked, and the sentence says what to do
    raise typer.Exit(0 if all(ok for _, _, ok, _ in findings) else 1)
