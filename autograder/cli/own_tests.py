"""Tests of one's own: `judge-tests` scores a file of tests for staff; `check` shows what a student's own tests find."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer
from rich.text import Text

from autograder.cli import console
from autograder.core.errors import DeepgradeError, UnknownAssignment
from autograder.course.course import Assignment, find_course

if TYPE_CHECKING:
    from autograder.own_tests.answers import SuiteJob
    from autograder.own_tests.at_home import Finding
    from autograder.own_tests.judging import Judged
    from autograder.own_tests.scoring import Score


def judge_tests(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file of tests, as students hand in.")],
    assignment: Annotated[
        str, typer.Option("--assignment", metavar="NAME", help="The assignment (else that of the file's folder).")
    ] = "",
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Score a file of tests: how many wrong answers it catches, and which right answers it refuses.

    It is judged in a sandbox, as tests of a student's own are. Exit code 1 if it earns less than all points."""
    from autograder.course import secrets
    from autograder.own_tests import answers, judging, scoring

    content = _content(file)
    found = _assignment(context, file, assignment)
    job = answers.job(found, content)
    with console.progress(f"judging {file.name}") as follow:

        def on_run(done: int, count: int) -> None:
            if not done:
                follow({"event": "collected", "tests": [str(number) for number in range(count)]})
            else:
                follow({"event": "finished"})

        judged = judging.judge(job, found.manifest, secrets.course_secret(), on_run=on_run)
    score = scoring.score(job, judged)
    if json:
        console.print_json(_facts(found, job, judged, score))
    else:
        _print(job, judged, score)
    raise typer.Exit(0 if score.points == score.possible else 1)


def _content(file: Path) -> bytes:
    try:
        content = file.read_bytes()
        content.decode("utf-8")
    except OSError as error:
        raise DeepgradeError(f"{file}: cannot be read ({error.strerror}); name a file of tests") from error
    except UnicodeDecodeError as error:
        raise DeepgradeError(f"{file}: is not UTF-8 text (byte {error.start}); name a Python file") from error
    return content


def _assignment(context: typer.Context, file: Path, name: str) -> Assignment:
    course = find_course(context.obj)
    try:
        return course[name or file.resolve().parent.name]
    except UnknownAssignment as error:
        hint = "" if name else "; name the assignment with --assignment"
        raise UnknownAssignment(f"{error}{hint}") from error


def _facts(assignment: Assignment, job: SuiteJob, judged: Judged, score: Score) -> dict[str, Any]:
    targets = {answer.name: answer.target for answer in job.answers}
    return {
        "assignment": assignment.name,
        "points": score.points,
        "possible": score.possible,
        "wrong_answers": len(score.killed) + len(score.missed),
        "right_answers": sum(answer.is_right for answer in job.answers),
        "killed": [{"name": name, "function": targets[name]} for name in score.killed],
        "missed": [{"name": name, "function": targets[name]} for name in score.missed],
        "refused": [
            {"name": name, "test": run.refused_by, "kind": run.kind, "text": run.text or run.silent}
            for name, run in score.refused.items()
        ],
        "void": score.void,
        "tests": judged.tests,
        "left_out": judged.problems,
    }


def _print(job: SuiteJob, judged: Judged, score: Score) -> None:
    terminal = console.out()
    rows = console.table("Function", "Caught", "Missed", numbers=("Caught",))
    for function in job.declared.functions:
        names = [answer.name for answer in job.answers if answer.target == function]
        missed = [name.replace("_", " ") for name in names if name in score.missed]
        if names:
            rows.add_row(function, f"{len(names) - len(missed)} / {len(names)}", Text("\n".join(missed)))
    terminal.print(rows)
    for name, run in score.refused.items():
        words = f"{run.refused_by} {run.kind}: {run.text}" if run.refused_by else run.silent
        terminal.print(Text(console.plain(f"refuses the right answer {name}: {words}"), style="red"))
    for problem in judged.problems:
        terminal.print(Text(console.plain(problem), style="yellow"))
    if score.void:
        terminal.print(Text(console.plain(score.void), style="red"))
    right = sum(answer.is_right for answer in job.answers)
    count = len(score.killed) + len(score.missed)
    terminal.print(
        f"{len(judged.tests)} tests catch {len(score.killed)} of {count} wrong answers and refuse "
        f"{len(score.refused)} of {right} right ones: {console.number(score.points)} of "
        f"{console.number(score.possible)} points"
    )


def show_findings(findings: list[Finding], stream: TextIO) -> None:
    """Print what a student's own tests say of the student's functions, and of the wrong answers of the kit."""
    if not findings:
        return
    print("Your own tests (test_own.py):", file=stream)
    for finding in findings:
        print(console.plain(f"  {_sentence(finding)}"), file=stream)
    wrong = [finding for finding in findings if not finding.is_right]
    print(
        f"  They catch {sum(bool(finding.refused_by) for finding in wrong)} of the {len(wrong)} wrong answers of this "
        "kit; the server has other ones.",
        file=stream,
    )


def _sentence(finding: Finding) -> str:
    what = finding.name if finding.is_right else f"the wrong answer `{finding.name}`"
    if finding.silent:
        return f"no result for {what}: {finding.text}"
    if not finding.refused_by:
        return f"accept {what}" if finding.is_right else f"miss {what}: {finding.sentence}"
    if finding.is_right:
        return f"REFUSE {what}, by {finding.refused_by}: {finding.text}\n  On the server such tests earn nothing."
    return f"catch {what}, by {finding.refused_by}"
