"""What `check` and `submit` return: a table in a notebook, the terminal's words elsewhere."""

from __future__ import annotations

import html
import io
from dataclasses import dataclass

from autograder.core.errors import DeepgradeError
from autograder.course.workplace import Workplace
from autograder.notebook import history
from autograder.report import schema
from autograder.report.relabel import relabel
from autograder.report.schema import Report, TestResult

COLOURS = {"passed": "#1a7f37", "blocked": "#9a6700", "not_implemented": "#9a6700"}
CELL = "text-align:left;vertical-align:top;padding:0.25em 0.8em"
PRE = "white-space:pre-wrap;margin:0.3em 0"
LISTED = 8  # lines of what was left out
WIDTH = 100  # characters of the words


@dataclass(frozen=True)
class Shown:
    """A report, and what was said beside it."""

    report: Report
    words: str  # findings and remarks, a line each
    source: str  # what was checked

    @property
    def passed(self) -> bool:
        """Did every test pass?"""
        return bool(self.report.tests) and all(test.verdict == "passed" for test in self.report.tests)

    @property
    def points(self) -> float:
        return self.report.points

    def __str__(self) -> str:
        """The words of the terminal."""
        from rich.console import Console

        from autograder.cli import show

        stream = io.StringIO()
        show.report(self.report, Console(file=stream, width=WIDTH, color_system=None, force_jupyter=False))
        return f"{self.source}\n{stream.getvalue()}{self.words}".rstrip()

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """A table, with the details of each test that did not pass below it. All texts are escaped."""
        report = self.report
        points = f"{report.points:g} of {report.possible:g} points"
        head = f"<b>{html.escape(report.title)}</b>: {points} <small>({html.escape(self.source)})</small>"
        if report.message:
            head += f"<pre style='{PRE};color:#cf222e'>{html.escape(report.message)}</pre>"
        rows = "".join(map(_row, report.tests))
        table = (
            f"<table style='margin:0.5em 0'><tr>{_head('Test')}{_head('Verdict')}{_head('Points')}</tr>{rows}</table>"
        )
        words = f"<pre style='{PRE}'>{html.escape(self.words)}</pre>" if self.words else ""
        return f"<div class='deepgrade'>{head}{table}{''.join(map(_details, report.tests))}{words}</div>"


class Checked(Shown):
    """The result of the public tests."""

    @classmethod
    def read(cls, report: str, words: str, status: int, work: Workplace) -> Checked:
        return cls(*_read(report, words, status, work))


class Submitted(Shown):
    """The report of the course's service."""

    @classmethod
    def read(cls, report: str, words: str, status: int, work: Workplace) -> Submitted:
        return cls(*_read(report, words, status, work))


def _read(report: str, words: str, status: int, work: Workplace) -> tuple[Report, str, str]:
    try:
        decoded = schema.from_json(report.encode())
    except ValueError:
        raise DeepgradeError(words.strip() or f"there is no result (exit status {status})") from None
    lines = [work.in_cells(line) for line in words.splitlines()]
    if work.left_out:
        more = [f"  and {len(work.left_out) - LISTED} more"] if len(work.left_out) > LISTED else []
        lines += ["left out, because it is not handed in:", *(f"  {line}" for line in work.left_out[:LISTED]), *more]
    ran = work.notebook == history.NOTEBOOK
    source = f"what ran in {history.NOTEBOOK}" if ran else f"{work.module}.py{work.origin}"
    if work.notebook:
        decoded = relabel(decoded, work.in_cells, "%check ")
    return decoded, "\n".join(lines), source


def _head(text: str) -> str:
    return f"<th style='{CELL}'>{text}</th>"


def _row(test: TestResult) -> str:
    colour = COLOURS.get(test.verdict, "#cf222e")
    verdict = html.escape(test.verdict.replace("_", " "))
    points = f"{test.points:g} / {test.possible:g}"
    cells = f"<td style='{CELL}'>{html.escape(test.name)}</td><td style='{CELL};color:{colour}'>{verdict}</td>"
    return f"<tr>{cells}<td style='{CELL}'>{points}</td></tr>"


def _details(test: TestResult) -> str:
    """Why a test did not pass; nothing of one that passed, or whose function is not written yet."""
    if test.verdict in ("passed", "not_implemented"):
        return ""
    evidence = {"with": test.example, "where": test.traceback, "printed": test.output, "repeat": test.repeat}
    lines = [test.law, *(text for text in dict.fromkeys([test.failure, test.detail]) if text)]
    lines += [f"{name}: {text.strip()}" for name, text in evidence.items() if text.strip()]
    text = html.escape("\n".join(lines))
    is_open = " open" if test.verdict != "blocked" else ""
    return f"<details{is_open}><summary>{html.escape(test.name)}</summary><pre style='{PRE}'>{text}</pre></details>"
