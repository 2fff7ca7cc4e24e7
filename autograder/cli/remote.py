"""Commands of students for the service of their course: `login`, `submit`, `status`, `report`."""

from __future__ import annotations

import datetime
import platform
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from autograder import client
from autograder.cli import console
from autograder.cli.students import Folder, find_work, print_findings, print_left_out
from autograder.core.errors import DeepgradeError, GraderError
from autograder.course import manifest as manifests
from autograder.course import submission
from autograder.course import workplace as workplaces

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of words.")]
Course = Annotated[str, typer.Option("--course", metavar="NAME", help="The course, if you are in more than one.")]

STATES = {"queued": "waiting", "running": "being graded", "done": "graded", "grader_error": "grader error"}


def login(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="The address of your course's service.")] = "",
    login: Annotated[
        str, typer.Option(metavar="NAME", help="Your login (without this option the command asks for it).")
    ] = "",
    insecure: Annotated[bool, typer.Option("--insecure", help="Send the token without https.")] = False,
    forget: Annotated[bool, typer.Option("--forget", help="Forget the token of this machine.")] = False,
) -> None:
    """Sign in: with login and password, or with a token that you made on the service's page, also through a pipe."""
    if forget:
        print(f"{client.forget()}: the token is forgotten here; revoke it on the service's page too")
        return
    if not address:
        raise DeepgradeError("name the address of your course's service: `deepgrade login https://...`")
    url = client.address(address, insecure=insecure)
    if not login and sys.stdin.isatty():
        login = typer.prompt("Login (leave empty to paste a token)", default="", show_default=False, err=True)
    credential = _read_secret("Password" if login else "Token")
    token = client.Service(client.Account(url, "")).make_token(login, credential, _machine()) if login else credential
    account = client.Account(url, token.strip())
    if not account.token.isascii() or not account.token.isprintable() or not account.token:
        raise DeepgradeError("this is not a valid token; copy it exactly as the page shows it")
    me = client.Service(account).me()
    path = client.keep(account)
    courses = ", ".join(membership["course"] for membership in me["courses"]) or "no course yet"
    print(console.plain(f"signed in as {me['login']} ({courses}); the token is kept in {path}"))


def _read_secret(label: str) -> str:
    """Read a secret from the keyboard without an echo, or from a pipe. Arguments of a process are visible to others."""
    if sys.stdin.isatty():
        typed: str = typer.prompt(label, hide_input=True, err=True)
        return typed
    return sys.stdin.readline().rstrip("\n")


def _machine() -> str:
    return f"deepgrade on {platform.node() or 'a machine'}"[:80]


def submit(
    context: typer.Context,
    folder: Folder = ".",
    course: Course = "",
    assignment: Annotated[
        str, typer.Option(metavar="NAME", help="The assignment's name on the service (else that of its module).")
    ] = "",
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the report, and print it.")] = True,
    json: Json = False,
) -> None:
    """Hand in: pack the files, send them, wait for the result and print the report."""
    from autograder.course import forecast

    directory, notebook = find_work(folder, context.obj)
    manifest = manifests.load(directory / "assignment.toml")
    service = client.Service(client.account())
    course = course or _only_course(service)
    with tempfile.TemporaryDirectory(prefix="deepgrade-") as temporary:
        work = workplaces.at(directory, notebook, manifest, Path(temporary))
        data = submission.pack(work.folder, manifest)
        findings = forecast.findings(work.folder, manifest)
    with console.busy("handing in"):
        receipt = service.hand_in(course, assignment or manifest.module, data, f"{manifest.module}.zip")
    print_findings(findings, sys.stderr, work)
    print_left_out(work, sys.stderr)
    number = receipt["id"]
    print(
        console.plain(f"submission {number} is stored: received {_local_time(receipt['received_at'])}"), file=sys.stderr
    )
    for note in receipt["notes"]:
        console.warn(f"note: {note}")
    if not wait:
        if json:
            console.print_json(receipt)
        return
    try:
        _wait(service, number)
    except KeyboardInterrupt:
        print(f"the grading continues; `deepgrade report {number}` prints the report", file=sys.stderr)
        raise typer.Exit(130) from None
    _report(service, number, json)


def status(
    number: Annotated[
        int | None, typer.Argument(metavar="[NUMBER]", help="A submission (else the latest ones).")
    ] = None,
    course: Course = "",
    json: Json = False,
) -> None:
    """Show where your submissions are: in the queue, being graded, or with how many points."""
    service = client.Service(client.account())
    if number is not None:
        entries = [service.submission(number)]
    else:
        entries = service.submissions(**({"course": course} if course else {}))
    if json:
        console.print_json(entries if number is None else entries[0])
        return
    if not entries:
        print("nothing handed in yet")
        return
    rows = console.table("No.", "Assignment", "Received", "State", "Points", numbers=("No.", "Points"))
    for entry in entries:
        name = Text(console.plain(f"{entry['course']}/{entry['assignment']}"))
        rows.add_row(str(entry["id"]), name, _local_time(entry["received_at"]), Text(_state(entry)), _points(entry))
    console.out().print(rows)


def report(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="The submission's number.")],
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it is graded.")] = False,
    json: Json = False,
) -> None:
    """Print the report of a submission."""
    service = client.Service(client.account())
    if wait:
        _wait(service, number)
    _report(service, number, json)


def _wait(service: client.Service, number: int) -> None:
    with console.waiting() as follow:
        for entry in service.watch(number):
            follow(_state(entry), entry["tests_done"], entry["tests_total"] if entry["state"] == "running" else 0)


def _report(service: client.Service, number: int, json: bool) -> None:
    """Print a report. Exits with 1 if a test failed, as `check` does."""
    from autograder.cli import show
    from autograder.report import schema as reports

    data = service.report(number)
    if data is None:
        raise DeepgradeError(f"submission {number}: {_state(service.submission(number))}; there is no report yet")
    try:
        report = reports.from_json(data)
    except ValueError as error:
        raise DeepgradeError(f"this deepgrade cannot read the report ({error}); install a newer one") from error
    if json:
        print(reports.to_json(report).decode())
    else:
        show.report(report, console.out())
    if report.state == "grader_error":
        raise GraderError(report.message)
    raise typer.Exit(0 if report.points >= report.possible else 1)


def _only_course(service: client.Service) -> str:
    courses = [membership["course"] for membership in service.me()["courses"]]
    if len(courses) != 1:
        names = ", ".join(courses) or "none"
        raise DeepgradeError(f"choose a course with --course; you are in: {console.plain(names)}")
    name: str = courses[0]
    return name


def _state(entry: dict[str, Any]) -> str:
    state = STATES.get(entry["state"], console.plain(str(entry["state"])))
    if entry["state"] == "queued" and entry["place"]:
        return f"{state}, place {entry['place']}"
    if entry["state"] == "running" and entry["tests_total"]:
        return f"{state}, test {min(entry['tests_done'] + 1, entry['tests_total'])} of {entry['tests_total']}"
    return state


def _points(entry: dict[str, Any]) -> str:
    if entry["points"] is None:
        return "-"
    return f"{console.number(entry['points'])} / {console.number(entry['possible'])}"


def _local_time(seconds: float) -> str:
    """In the time zone of this machine."""
    return datetime.datetime.fromtimestamp(seconds).astimezone().strftime("%d %b %Y, %H:%M %Z").lstrip("0")
