"""Commands of instructors: `batch` grades a folder; `otter` and `import-results` work with otter and Gradescope."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from autograder.cli import console, extensions
from autograder.core import own_wheels
from autograder.core.errors import BadCourse, DeepgradeError, GraderError
from autograder.course.course import find_course

if TYPE_CHECKING:
    from autograder.batch.changes import Change
    from autograder.batch.find import Listing
    from autograder.batch.import_results import Import, Score
    from autograder.batch.run import Outcome

Name = Annotated[str, typer.Argument(metavar="NAME", help="The assignment; `deepgrade list` names them.")]
GradeBookFile = Annotated[
    Path | None, typer.Option("--lms", metavar="CSV", help="Grade book that Moodle, Canvas or another LMS exported.")
]
STOPPED = 130  # exit code after Ctrl-C, as shells have it
SHOWN = 12  # rows of the live table
STATES = {
    "graded": ("graded", "green"),
    "refused": ("refused", "red"),
    "duplicate": ("no score", "yellow"),
    "grader_error": ("grader error", "magenta"),
}


def batch(
    context: typer.Context,
    name: Name,
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER", help="Zips or folders, a Gradescope export, or an unpacked Moodle or Canvas download."
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="The folder to write to.")],
    jobs: Annotated[int, typer.Option("--jobs", help="Submissions at a time (0: one for each core).", min=0)] = 0,
    regrade: Annotated[
        bool, typer.Option("--regrade", help="Keep the old scores, grade anew, and show what changes.")
    ] = False,
    lms: GradeBookFile = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Grade a folder of submissions: otter's final_grades.csv, Gradescope's results, full reports, and a page."""
    from autograder import grade as grading
    from autograder.batch import changes, find, grades, page, people, run, store
    from autograder.course import secrets

    assignment = find_course(context.obj)[name]
    if assignment.hidden_tests is None:
        raise BadCourse(f"{name}: this course has no solutions/{name}, so there are no hidden tests to grade by")
    page.check_that_it_can_be_made()
    listing = _listing(find.find(folder, assignment.manifest, without=output), lms)
    secret = secrets.course_secret()
    results = store.Store(output)
    state = results.open(store.basis(assignment, secret, grading.versions(assignment)), regrade=regrade)
    with _table(f"grading {name}") as follow:
        try:
            outcomes = run.run(
                assignment,
                listing.submissions,
                results,
                secret=secret,
                jobs=jobs or os.cpu_count() or 1,
                on_event=follow,
            )
        except KeyboardInterrupt:
            console.warn("stopped; finished gradings are kept, and the same command continues")
            raise typer.Exit(STOPPED) from None
    changed = changes.changes(outcomes, results.before(state.regrades)) if state.regrades else None
    results.write("final_grades.csv", grades.final_grades(assignment, outcomes))
    if (known := people.to_csv(listing.submissions)) is not None:
        results.write(people.NAME, known)
    if changed is not None:
        results.write("changes.csv", changes.to_csv(changed))
    results.write("index.html", page.page(assignment, outcomes, changed=changed, passed_over=listing.passed_over))
    results.finish(state)
    if json:
        console.print_json(_batch_facts(outcomes, changed, listing.passed_over))
    else:
        _print_batch(outcomes, changed, output)
    if any(outcome.state == "grader_error" for outcome in outcomes):
        raise GraderError("the grader failed for some submissions, which have no score; run the same command again")


def _listing(listing: Listing, lms: Path | None) -> Listing:
    """With the ids and addresses that the grade book of an LMS has, if it is given."""
    from autograder.batch import find, people
    from autograder.batch import lms as grade_books

    if lms is None:
        return listing
    book = grade_books.read(_read(lms), str(lms))
    return find.Listing(people.identify(listing.submissions, book), listing.passed_over)


def _read(path: Path) -> bytes:
    from autograder.batch import import_results as reading

    return reading.bytes_of(path)


def _fill(lms: Path | None, filled: Path | None, titles: list[str], scores: list[Score], possible: float) -> None:
    """Write the scores into the grade book of an LMS. Raises DeepgradeError without both files."""
    from autograder.batch import filling
    from autograder.batch import lms as grade_books

    if lms is None or filled is None:
        raise DeepgradeError("to fill a grade book, name both: --lms CSV and --filled FILE")
    book = grade_books.read(_read(lms), str(lms))
    to = grade_books.column(book, titles)
    shares, unmatched = filling.of_scores(book, scores, possible)
    data, count = grade_books.fill(book, to, shares, possible)
    console.write(filled, data)
    console.warn(f"{filled}: {count} of {len(book.people)} students have a grade in {to.title!r} ({book.system})")
    if unmatched:
        names = ", ".join(console.plain(one) for one in unmatched[:5])
        console.warn(f"note: {len(unmatched)} scores match no row for sure, such as {names}; they are left out")


def otter(
    context: typer.Context,
    name: Name,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="ZIP", help="The zip to write.")] = Path(
        "autograder.zip"
    ),
) -> None:
    """Make an autograder for otter-grader and Gradescope that grades in our sandbox.

    The zip holds the hidden tests and the course's secret: keep it as you keep an exam.
    """
    from autograder.course import secrets

    try:
        import otter  # noqa: F401  # a process that starts later needs it; this import finds out early

        from autograder.otter import generate
    except ModuleNotFoundError as error:
        raise DeepgradeError(
            f"this needs {error.name}, which is not installed; {own_wheels.how_to_install('otter')}"
        ) from error
    assignment = find_course(context.obj)[name]
    if assignment.hidden_tests is None:
        raise BadCourse(f"{name}: this course has no solutions/{name}, so there are no hidden tests to grade by")
    with console.busy(f"grading the reference of {name}, and making the zip"):
        data = generate.build(assignment, secrets.course_secret())
    console.write(output, data, secret=True)
    print(f"{output}: {', '.join(generate.names(data))} ({len(data) // 1024:,} kB)")
    print("it holds the hidden tests and the course's secret: keep it as you keep an exam")


def import_results(
    context: typer.Context,
    name: Name,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="otter's final_grades.csv, a results.json, Gradescope's CSV, an LMS's CSV."
        ),
    ],
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write the scores as CSV, too.")] = None,
    column: Annotated[
        str, typer.Option("--column", metavar="TITLE", help="Column of an LMS's grade book (default: NAME's title).")
    ] = "",
    lms: GradeBookFile = None,
    filled: Annotated[
        Path | None, typer.Option("--filled", metavar="FILE", help="Where the filled grade book is written.")
    ] = None,
    into: Annotated[
        str, typer.Option("--into", metavar="COURSE", help="Show what they would change in this course's grade book.")
    ] = "",
    apply: Annotated[bool, typer.Option("--apply", help="Change it: they become points by hand, audited.")] = False,
    reason: Annotated[str, typer.Option("--reason", help="Why, for the audit and the students.")] = "",
    by: Annotated[str, typer.Option("--by", metavar="LOGIN", help="Login of the staff member, for the audit.")] = "",
    without_unknown: Annotated[
        bool, typer.Option("--without-unknown", help="Leave out the scores that match no student.")
    ] = False,
    with_guesses: Annotated[
        bool, typer.Option("--with-guesses", help="Apply the matches that are guesses, too; check them first.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Read scores that otter, Gradescope or an LMS wrote, check that they add up, and print them as one list."""
    import msgspec

    from autograder.batch import import_results as reading

    assignment = find_course(context.obj)[name]
    titles = [column] if column else [assignment.manifest.title, name]
    scores = reading.read(file, titles, assignment.manifest.points)
    possible = {score.possible for score in scores if score.possible is not None} - {assignment.manifest.points}
    if possible:
        console.warn(
            f"note: {file} has {console.number(possible.pop())} points, and {name} has "
            f"{console.number(assignment.manifest.points)}"
        )
    if csv:
        console.write(csv, reading.to_csv(scores))
    if lms is not None or filled is not None:
        _fill(lms, filled, titles, scores, assignment.manifest.points)
    if into:
        request = reading.Import(into, apply, reason, by, without_unknown, with_guesses)
        _import_into(name, scores, request, json=json)
        return
    if apply:
        raise DeepgradeError("--apply changes the grade book of a course; name the course with --into")
    if json:
        console.print_json(msgspec.to_builtins(scores))
        return
    _print_scores(scores)


def _import_into(name: str, scores: list[Score], request: Import, *, json: bool) -> None:
    if not extensions.installed():
        raise DeepgradeError(
            f"--into needs the service, which is not installed; {own_wheels.how_to_install('service')}"
        )
    for extension in extensions.installed():
        extension.import_scores(name, scores, request, json=json)


def _print_scores(scores: list[Score]) -> None:
    rows = console.table("Submission", "Student", "Points", "Status", numbers=("Points",))
    for score in scores:
        points = "none" if score.points is None else console.number(score.points)
        cells = [Text(console.plain(text)) for text in (score.submission, score.student, score.status)]
        rows.add_row(cells[0], cells[1], points, cells[2])
    console.out().print(rows)


def _batch_facts(outcomes: list[Outcome], changed: list[Change] | None, passed_over: list[str]) -> dict[str, Any]:
    return {
        "submissions": [
            {
                "file": outcome.source.name,
                "student": outcome.source.student,
                "state": outcome.state,
                "points": outcome.report.points if outcome.report else None,
                "possible": outcome.report.possible if outcome.report else None,
                "message": outcome.message,
                "report": f"reports/{outcome.source.id}.json" if outcome.report else None,
            }
            for outcome in outcomes
        ],
        "passed_over": passed_over,
        "changes": None
        if changed is None
        else [
            {"file": change.name, "before": change.before, "after": change.after, "tests": change.tests}
            for change in changed
        ],
    }


def _print_batch(outcomes: list[Outcome], changed: list[Change] | None, output: Path) -> None:
    terminal = console.out()
    counts = {state: [outcome for outcome in outcomes if outcome.state == state] for state in STATES}
    scores = [outcome.report.points for outcome in counts["graded"] if outcome.report]
    if scores:
        rows = console.table("Submission", "Points", "Lost in", numbers=("Points",))
        for outcome in counts["graded"]:
            rows.add_row(*_row(outcome))
        terminal.print(rows)
    if any(counts[state] for state in STATES if state != "graded"):
        rows = console.table("Not graded", "", "Why")
        for state, (label, colour) in STATES.items():
            for outcome in counts[state] if state != "graded" else ():
                reason = Text(console.plain(outcome.message))
                rows.add_row(Text(console.plain(outcome.source.name)), Text(label, colour), reason)
        terminal.print(rows)
    if changed is not None:
        rows = console.table("Changed", "Before", "After", "Tests", numbers=("Before", "After"))
        for change in changed:
            points = ["none" if value is None else console.number(value) for value in (change.before, change.after)]
            rows.add_row(Text(console.plain(change.name)), *points, Text(console.plain("\n".join(change.tests))))
        terminal.print(rows if changed else "nothing changed")
    mean = f", on average {sum(scores) / len(scores):.1f} points" if scores else ""
    print(f"{len(outcomes)} submissions, {len(scores)} graded{mean}; {output / 'index.html'} shows all of them")


def _row(outcome: Outcome) -> tuple[Text, str, Text]:
    report = outcome.report
    assert report is not None
    lost = [test.name for test in report.tests if test.verdict != "passed"]
    lost_in = "" if not lost else lost[0] if len(lost) == 1 else f"{lost[0]} and {len(lost) - 1} more"
    points = f"{console.number(report.points)} / {console.number(report.possible)}"
    return Text(console.plain(outcome.source.name)), points, Text(console.plain(lost_in), "dim")


@contextlib.contextmanager
def _table(title: str) -> Iterator[Callable[[console.Event], None]]:
    """A progress bar on stderr with a table of running and finished submissions. It needs a terminal."""
    terminal = Console(stderr=True)
    if not terminal.is_terminal:
        yield lambda event: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    bar = Progress(*columns, console=terminal)
    task = bar.add_task(title, total=None)
    running: list[str] = []
    done: list[Outcome] = []

    def renderable() -> Group:
        rows = console.table("Submission", "", "Points", numbers=("Points",))
        for outcome in done[-(SHOWN - len(running)) :]:
            label, colour = STATES[outcome.state]
            points = console.number(outcome.report.points) if outcome.report else ""
            rows.add_row(Text(console.plain(outcome.source.name)), Text(label, colour), points)
        for name in running:
            rows.add_row(Text(console.plain(name)), Text("running", "cyan"), "")
        return Group(bar, rows)

    with Live(get_renderable=renderable, console=terminal, transient=True, refresh_per_second=8):

        def follow(event: console.Event) -> None:
            match event:
                case {"event": "collected", "total": total}:
                    bar.update(task, total=total)
                case {"event": "started", "name": name}:
                    running.append(name)
                case {"event": "finished", "name": name, "outcome": outcome}:
                    if name in running:
                        running.remove(name)
                    done.append(outcome)
                    bar.advance(task)

        yield follow
