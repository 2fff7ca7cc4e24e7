"""`deepgrade check`: the public tests on a student's own machine. It needs no sandbox and no POSIX."""

from __future__ import annotations

import contextlib
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograder.cli import console
from autograder.cli.students import Folder, find_work, print_findings, print_left_out
from autograder.course import manifest as manifests
from autograder.course import workplace as workplaces
from autograder.course.course import Assignment
from autograder.course.workplace import Workplace

if TYPE_CHECKING:
    from autograder.course.forecast import Finding
    from autograder.local_check import public_tests
    from autograder.report.schema import Report


def check(
    context: typer.Context,
    folder: Folder = ".",
    test: Annotated[
        str | None, typer.Option(metavar="NAME", help="Run only this test; a part of its name is enough.")
    ] = None,
    problem: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Run only the tests of this problem or function; a part is enough."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Run again whenever you save a file, until Ctrl-C.")] = False,
    no_limit: Annotated[
        bool, typer.Option("--no-limit", help="Limit neither time nor memory: for a debugger (breakpoint()).")
    ] = False,
    in_this_process: Annotated[bool, typer.Option("--in-this-process", hidden=True)] = False,
    journal: Annotated[Path | None, typer.Option("--journal", hidden=True)] = None,
    after_stdin: Annotated[bool, typer.Option("--after-stdin", hidden=True)] = False,
) -> None:
    """Run the public tests on your code on this machine. The messages are those of the server.

    Its limits of time and memory hold here too. DIR may be a notebook: its functions are checked.
    """
    if watch:
        from autograder.local_check import watching

        directory, _ = find_work(folder, context.obj)
        raise typer.Exit(watching.run(sys.argv[1:], directory))
    if not (in_this_process or no_limit):
        from autograder.local_check import supervised

        raise typer.Exit(supervised.run(sys.argv[1:]))
    if after_stdin:
        _wait_until_told()
    directory, notebook = find_work(folder, context.obj)
    with _place_for_a_notebook(journal) as temporary:
        manifest = manifests.load(directory / "assignment.toml")
        work = workplaces.at(directory, notebook, manifest, temporary)
        assignment = Assignment(directory.name, work.folder, None)
        status = _Run(assignment, work, test, problem, no_limit, journal).run(json)
    raise typer.Exit(status)


@contextlib.contextmanager
def _place_for_a_notebook(journal: Path | None) -> Iterator[Path]:
    """A folder that lasts as long as the results: the stack of a process that was ended names files in it."""
    if journal is not None:
        yield journal / "work"
        return
    with tempfile.TemporaryDirectory(prefix="deepgrade-") as name:
        yield Path(name)


def _wait_until_told() -> None:
    """Import what takes long, and wait for a line on standard input: `--watch` has a process ready. Until then Ctrl-C
    ends it without a word."""
    previous_handler = signal.signal(signal.SIGINT, signal.SIG_DFL)
    from autograder.local_check import public_tests  # noqa: F401  # it imports numpy, pytest and hypothesis

    if not sys.stdin.readline():
        raise typer.Exit(130)
    signal.signal(signal.SIGINT, previous_handler)


class _Run:
    """One run of `check`, and what is printed of it."""

    def __init__(
        self,
        assignment: Assignment,
        work: Workplace,
        test: str | None,
        problem: str | None,
        no_limit: bool,
        journal: Path | None,
    ) -> None:
        self._assignment, self._work, self._no_limit, self._journal = assignment, work, no_limit, journal
        self._test, self._problem = test, problem
        self._warnings: list[Finding] = []

    def run(self, json: bool) -> int:
        """Run the tests and print the results. Returns the exit status."""
        from autograder.cli import own_tests
        from autograder.course import forecast
        from autograder.local_check import memory, public_tests, supervised
        from autograder.own_tests import at_home
        from autograder.report import schema
        from autograder.report.relabel import relabel

        stopped: public_tests.Stopped | None = None
        with console.progress("checking") as follow:
            try:
                result = public_tests.check(
                    self._work.folder,
                    self._assignment,
                    only=self._test,
                    problem=self._problem,
                    on_event=follow,
                    on_slow=self._note_slow,
                    journal=supervised.Journal(self._journal) if self._journal else None,
                    limited=not self._no_limit,
                )
            except public_tests.Stopped as error:
                stopped, result = error, error.report
        if self._work.notebook:
            result = relabel(result, self._work.in_cells, f"deepgrade check {self._work.notebook} --test ")
        if json:
            print(schema.to_json(result).decode())
        elif result.tests or not stopped:
            self._show(result, bool(stopped))
        if stopped:
            _print_where_stopped(stopped, self._work)
            return supervised.INTERRUPTED
        stream = sys.stderr if json else sys.stdout
        if not self._no_limit and not memory.AVAILABLE:
            text = f"a test may take {self._assignment.manifest.limits.memory_mb:,} MB; this system cannot limit memory"
            self._warnings.append(forecast.Finding(text, fails=False))
        is_part = self._test or self._problem
        found = [] if is_part else at_home.findings(self._work.folder, self._assignment.manifest)
        own_tests.show_findings(found, stream)
        warnings = [*forecast.findings(self._work.folder, self._assignment.manifest), *self._warnings]
        print_findings(warnings, stream, self._work)
        print_left_out(self._work, stream)
        fails = any(entry.fails for entry in warnings) or any(entry.verdict != "passed" for entry in result.tests)
        return 1 if fails else 0

    def _show(self, result: Report, is_stopped: bool) -> None:
        from autograder.cli import show

        public = sum(entry.possible for entry in result.tests)
        is_part = self._test or self._problem or is_stopped
        hidden = 0.0 if is_part else self._assignment.manifest.points - public
        note = f"The server runs hidden tests too, for the other {console.number(hidden)} points."
        show.report(result, console.out(), note=note if hidden > 0 else "")

    def _note_slow(self, name: str, seconds: float, limit: float) -> None:
        from autograder.course import forecast

        text = f"{name} took {seconds:.2g} s here; the server stops a test when its calls have taken {limit:g} s"
        self._warnings.append(forecast.Finding(text, fails=False))


def _print_where_stopped(stopped: public_tests.Stopped, work: Workplace) -> None:
    """After Ctrl-C: print the running test, and the line of the student's code."""
    name = stopped.test.rpartition("::")[2]
    count = len(stopped.report.tests)
    results = {0: "no test was finished", 1: "the result of 1 test is above"}.get(
        count, f"the results of {count} tests are above"
    )
    console.warn(f"stopped by Ctrl-C{f' in {name}' if name else ''}; {results}")
    if stopped.where:
        print(console.plain(f"Your code was here:\n{work.in_cells(stopped.where)}"), end="", file=sys.stderr)
