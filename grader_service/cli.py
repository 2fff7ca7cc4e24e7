"""The service's commands: serve, worker and bundle; queue, pause and resume; backup, restore and upgrade.

`autograder.cli.extensions` adds them to the command line. Each command imports its modules when it runs.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from autograder.cli import console
from autograder.core.errors import DeepgradeError
from autograder.course.course import find_course
from grader_service.database_cli import backup, installed, restore, upgrade

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from autograder.batch.import_results import Import, Score
    from grader_service.database.models import Course, CourseAssignment, Person
    from grader_service.database.session import Database
    from grader_service.grading.score_import import Plan

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Paused = Annotated[str, typer.Argument(metavar="NAME", help="Name of a queue or a host; `deepgrade queue` lists them.")]


def read_settings() -> None:
    """The settings in the file of DEEPGRADE_SETTINGS act like environment variables, for every command."""
    if os.environ.get("DEEPGRADE_SETTINGS"):
        with installed():
            from grader_service.core.environment import read_file
        read_file(os.environ)


def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 chooses a free port.", min=0, max=65535)] = 8000,
) -> None:
    """Run the web service and its graders; their data is in DEEPGRADE_HOME."""
    with installed():
        import flask  # noqa: F401  # only later processes need it; if it is missing, fail here
        import waitress  # noqa: F401

        from grader_service.serve import serve as run
    run(host=host, port=port, course=context.obj)


def findings(course: str | None) -> list[tuple[str, bool, str]]:
    """For `deepgrade doctor`: name, whether it is well, and a sentence, for each check of the service's settings.
    Nothing if the service is not installed."""
    try:
        from grader_service.core import machine
    except ModuleNotFoundError:
        return []
    return [*machine.findings(os.environ, find_course(course)), *_of_the_service()]


def _of_the_service() -> Iterator[tuple[str, bool, str]]:
    """The values of the settings, the broker, the database and its hosts, in the sentences of the start."""
    from grader_service.core import targets
    from grader_service.core.settings import Settings
    from grader_service.database.session import Database
    from grader_service.queue import hosts
    from grader_service.queue.notify import check_broker, check_installed

    try:
        settings = Settings.from_environment()
        if settings.engine == "celery":
            check_installed()
    except DeepgradeError as error:
        yield "values of the settings", False, str(error)
        return
    yield "values of the settings", True, "each can be read"
    silent = targets.unreachable(settings)
    yield "mail and provider", not silent, "; ".join(silent) or "each that is set answers"
    broker = check_broker(settings)
    yield "broker", not broker, broker or ("it answers" if settings.engine == "celery" else "not needed")
    if not settings.database and not (settings.home / "deepgrade.sqlite3").exists():
        yield "database", True, "none yet; `deepgrade serve` creates it"
        return
    try:
        with contextlib.closing(Database(settings)) as database:
            database.check_version()
            with database.read() as session:
                count = sum(one.state == "open" for one in hosts.all_of_them(session))
    except DeepgradeError as error:
        yield "database", False, str(error)
        return
    yield "database", True, "its tables are of this version"
    words = f"{count} take jobs" if count else "no host is grading, so submissions will wait"
    yield "hosts that grade", True, words


def worker(
    context: typer.Context,
    queues: Annotated[str, typer.Option(help="Queues to serve, of cpu,cpu-long,gpu (default: all that it can).")] = "",
    slots: Annotated[
        int | None, typer.Option(help="Number of CPU gradings at a time (default: one per core).", min=0, max=1024)
    ] = None,
    gpus: Annotated[
        str | None, typer.Option(help="GPUs by CUDA number, such as 0,1; one grading each (default: all).")
    ] = None,
    min_slots: Annotated[
        int | None, typer.Option(help="With Celery: keep so many idle slots (default: all).", min=1)
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Unique name of this host (default: DEEPGRADE_HOST, or the hostname).")
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option(metavar="ZIP", help="Course bundle that `deepgrade bundle` wrote.")
    ] = None,
) -> None:
    """Grade on this machine for a service on another machine."""
    with installed():
        from grader_service.grade_worker import work
    work(
        queues=_words(queues),
        slots=slots,
        gpus=None if gpus is None else _words(gpus),
        min_slots=min_slots,
        name=name,
        bundle=bundle,
        course=context.obj,
    )


def bundle(
    context: typer.Context,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="ZIP", help="The zip to write.")] = Path(
        "course.zip"
    ),
) -> None:
    """Pack the course, its hidden tests and DEEPGRADE_DATA for grading hosts. Keep the zip secret."""
    from autograder.course import bundle as bundles

    contents = bundles.Contents(find_course(context.obj), bundles.data_folders())
    try:
        with console.busy("packing the course"):
            count = contents.write(output)
    except OSError as error:
        raise DeepgradeError(f"{output}: cannot be written ({error.strerror}); name another file with -o") from error
    size = output.stat().st_size // 1024
    print(f"{output}: {count} files ({size:,} kB), version {contents.version}")


def queue(json: Json = False) -> None:
    """Show the queues and the hosts."""
    with _database() as database:
        from grader_service.queue import hosts, monitor

        with database.read() as session:
            seen = hosts.all_of_them(session)
            lines = monitor.lines(session, hosts.courses(seen))
    facts = {
        "queues": [
            {
                "name": line.queue,
                "paused": line.paused,
                "waiting": line.waiting,
                "running": line.running,
                "oldest_seconds": round(line.oldest_seconds, 1),
                "for_another_version": line.elsewhere,
            }
            for line in lines
        ],
        "hosts": [
            {
                "name": one.host.name,
                "state": one.state,
                "slots": one.host.slots,
                "running": one.running,
                "queues": one.host.queues.split(","),
                "course": one.host.course,
                "trouble": one.host.trouble,
            }
            for one in seen
        ],
    }
    if json:
        console.print_json(facts)
        return
    rows = console.table(
        "Queue", "", "Waiting", "Oldest, s", "Graded now", numbers=("Waiting", "Oldest, s", "Graded now")
    )
    for line in lines:
        age = f"{line.oldest_seconds:.0f}" if line.waiting else "-"
        rows.add_row(line.queue, "paused" if line.paused else "open", str(line.waiting), age, str(line.running))
    console.out().print(rows)
    rows = console.table("Host", "", "Slots", "Busy", "Queues", "Course", "Trouble", numbers=("Slots", "Busy"))
    for one in seen:
        host = one.host
        trouble = Text(console.plain(host.trouble))
        busy = str(one.running)
        rows.add_row(host.name, one.state, str(host.slots), busy, host.queues, host.course, trouble)
    console.out().print(rows)


def pause(name: Paused) -> None:
    """Pause a queue or a host. Running jobs will finish."""
    _pause(name, True)


def resume(name: Paused) -> None:
    """Resume a paused queue or host."""
    _pause(name, False)


def import_scores(name: str, scores: list[Score], wanted: Import, *, json: bool) -> None:
    """For `import-results`: shows the changes of the scores in a course's grade book, and applies them if asked."""
    with _database() as database:
        from grader_service.grading import score_import

        with database.write() if wanted.apply else database.read() as session:
            course, course_assignment, actor = _target_of_scores(session, name, wanted)
            plan = score_import.plan(session, course, course_assignment, scores)
            if wanted.apply:
                score_import.write(
                    session,
                    actor,
                    plan,
                    wanted.reason,
                    without_unknown=wanted.without_unknown,
                    with_guesses=wanted.with_guesses,
                )
    if json:
        facts = [
            {
                "submission": row.score.submission,
                "login": row.person.login if row.person else None,
                "before": row.before,
                "after": row.after,
                "trouble": row.trouble,
                "guess": row.guess,
            }
            for row in plan.rows
        ]
        console.print_json({"applied": wanted.apply, "scores": facts})
    else:
        _print_plan(plan, applied=wanted.apply)


def _target_of_scores(session: Session, name: str, wanted: Import) -> tuple[Course, CourseAssignment, Person | None]:
    """The course and the assignment of the scores, and the person who imports them."""
    from grader_service.accounts import accounts
    from grader_service.courses import courses

    course = courses.find(session, wanted.course)
    if course is None:
        raise DeepgradeError(f"there is no course {wanted.course!r}; use the name in its address, /courses/NAME")
    course_assignment = courses.assignment(session, course, name)
    if course_assignment is None:
        raise DeepgradeError(f"the course {wanted.course!r} has no assignment {name!r}")
    actor = accounts.find(session, wanted.by) if wanted.by else None
    if wanted.by and (actor is None or not actor.is_staff_in(course.id)):
        raise DeepgradeError(f"{wanted.by!r} is not a staff member of {wanted.course!r}")
    return course, course_assignment, actor


def _print_plan(plan: Plan, *, applied: bool) -> None:
    table = console.table("Submission", "Login", "Now", "Then", "", numbers=("Now", "Then"))
    for row in sorted(plan.rows, key=lambda row: (not row.trouble, not row.guess)):  # rows to check come first
        points = ["none" if value is None else console.number(value) for value in (row.before, row.after)]
        login = row.person.login if row.person else ""
        remark = row.trouble or (f"guess, {row.guess}" if row.guess else "")
        table.add_row(Text(console.plain(row.score.submission)), login, *points, Text(remark))
    console.out().print(table)
    changing, unknown = len(plan.changing), len(plan.unknown)
    beside = f", {unknown} match no student" if unknown else ""
    beside += f", {len(plan.guessed)} matched by a guess" if plan.guessed else ""
    done = "changed" if applied else "would change; run it with --apply --reason WHY to change them"
    print(f"{changing} of {len(plan.rows)} {done}{beside}")


def _pause(name: str, paused: bool) -> None:
    with _database() as database:
        from grader_service.queue import hosts

        with database.write() as session:
            hosts.pause(session, name, paused)
    print(f"Paused {name}. Running jobs will finish." if paused else f"Resumed {name}.")


@contextlib.contextmanager
def _database() -> Iterator[Database]:
    with installed():
        from grader_service.core.settings import Settings
        from grader_service.database.session import Database
    with contextlib.closing(Database(Settings.from_environment())) as database:
        database.check_version()
        yield database


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


PANEL = "Service"
COMMANDS = (serve, worker, bundle, queue, pause, resume, backup, restore, upgrade)
