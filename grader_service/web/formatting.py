"""Text for pages: numbers, times, verdicts, and text that is not trusted.

Jinja escapes HTML. `visible` does the rest: it writes out control characters that a terminal, a copied line or the
reading order of a page would follow.
"""

from __future__ import annotations

import datetime
import math
import re
from dataclasses import dataclass

from markupsafe import Markup, escape

from autograder.report.schema import Report, TestResult

# C0 and C1 controls except tab and newline; marks that change the direction of reading; invisible joiners.
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")

EPOCH = datetime.datetime.fromtimestamp(0, datetime.UTC)

VERDICTS = {
    "passed": "passed",
    "failed": "failed",
    "raised": "raised an error",
    "not_implemented": "not implemented",
    "timed_out": "timed out",
    "out_of_memory": "out of memory",
    "died": "died",
    "blocked": "not tried",
    "grader_error": "grader error",
}

STATES = {"queued": "waiting", "running": "being graded", "done": "graded", "grader_error": "grader error"}


def visible(text: str) -> str:
    r"""The text with every control character written out: ESC is `\x1b`, a right-to-left mark `\u202e`.

    The line end `\r\n` of Windows and forms stays a line end.
    """
    return _OBEYED.sub(lambda match: match.group().encode("unicode_escape").decode(), text.replace("\r\n", "\n"))


def prose(text: str) -> Markup:
    """A sentence, escaped; text in `backticks` is set as code."""
    return Markup(re.sub("`([^`\n]+)`", r"<code>\1</code>", str(escape(visible(text)))))


def points(value: float) -> str:
    """At most two decimals, without trailing zeros."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def utc(seconds: float) -> datetime.datetime:
    """To the microsecond, cut and not rounded: the last instant of a minute is in that minute."""
    return EPOCH + datetime.timedelta(microseconds=math.floor(seconds * 1_000_000))


def moment(seconds: float, zone: datetime.tzinfo | None = None) -> str:
    """A time in UTC or in a zone, with its name: 6 Dec 2026, 23:59 CET; a zone without a name is UTC-03."""
    local = utc(seconds).astimezone(zone or datetime.UTC)
    name = local.strftime("%Z")
    return local.strftime("%d %b %Y, %H:%M ").lstrip("0") + (f"UTC{name}" if name[:1] in ("+", "-") else name)


def span(seconds: float) -> str:
    """A length of time in its two largest units: 45 s, 3 min 20 s, 2 h 5 min, 3 d 4 h."""
    left = int(seconds)
    words: list[str] = []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        amount, left = divmod(left, size)
        if amount or words:
            words.append(f"{amount} {unit}" if amount else "")
        if len(words) == 2:
            break
    return " ".join(filter(None, words)) or "0 s"


def count(number: int, noun: str, plural: str = "") -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {plural or noun + 's'}"


@dataclass(frozen=True)
class Group:
    """The tests of a problem, for the page of a report."""

    name: str
    title: str
    points: float
    possible: float
    lost: list[TestResult]  # tests that did not pass; tests that did not run come last
    passed: list[TestResult]
    bonus: float = 0.0  # points that it can add; then none are possible

    @property
    def tests(self) -> list[TestResult]:
        return self.lost + self.passed


def by_problem(report: Report) -> list[Group]:
    """A group for each problem; the last group has no name and holds the tests without a problem."""
    facts = [(one.name, one.title, one.points, one.possible, one.bonus) for one in report.problems]
    known = {name for name, *_ in facts}
    groups = []
    for name, title, of_points, possible, bonus in [*facts, ("", "Without points", 0.0, 0.0, 0.0)]:
        mine = [test for test in report.tests if (test.problem if test.problem in known else "") == name]
        lost = sorted((test for test in mine if test.verdict != "passed"), key=lambda test: test.verdict == "blocked")
        passed = [test for test in mine if test.verdict == "passed"]
        if name or mine:
            groups.append(Group(name, title, of_points, possible, lost, passed, bonus))
    return groups
