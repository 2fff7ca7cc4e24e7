"""A report in a terminal: the points, a line for each test, and the words for each test that did not pass.

The words are the report's own, as on the web page; here they are only laid out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from autograder.cli.console import number, plain, table
from autograder.report.schema import SLOW_IMPORT, Report, TestResult

COLOURS = {"passed": "green", "blocked": "yellow", "not_implemented": "yellow", "grader_error": "magenta"}
LABELS = {"timed_out": "timed out", "out_of_memory": "out of memory", "not_implemented": "not implemented"}
NOT_RUN = "was not run, because it depends on a test that did not pass: "
LABEL_WIDTH = len("not implemented")
OTHER_COLUMNS = LABEL_WIDTH + len(" 100 / 100 ") + 6  # what stands beside a test's name


def label(verdict: str) -> str:
    return {"grader_error": "our fault"}.get(verdict, LABELS.get(verdict, verdict))


def report(shown: Report, console: Console, *, tests: bool = True, words: bool = True, note: str = "") -> None:
    """Print a report, already reduced to what its reader may see.

    tests, words : whether to print a line for each test, and what is to be said of each that did not pass.
    note : a sentence before what is to be mended, of which the first cause comes last, where the eye is.
    """
    console.print(_head(shown))
    if shown.state != "graded":
        return
    if len(shown.problems) > 1 or not tests:
        console.print(_problems(shown))
    todo = _not_implemented(shown)
    listed = [result for result in shown.tests if not any(result in named for named in todo.values())]
    for rows in _tests(shown, listed, console.width - OTHER_COLUMNS) if tests else ():
        console.print(rows)
    if note:
        console.print(note)
    if shown.message:
        console.print(Text(plain(shown.message), style="red"))
        return
    failures = [result for result in reversed(listed) if words and result.verdict != "passed"]
    for result in sorted(failures, key=lambda result: result.verdict != "blocked"):
        console.print(_words(result))
    for name, results in todo.items() if words or tests else ():
        console.print(Text.assemble((plain(name), "bold"), ": is not implemented yet ", (_count(results), "dim")))


def _not_implemented(shown: Report) -> dict[str, list[TestResult]]:
    """The tests of each function that is not implemented, where it is known which one it is; and, with the last one,
    those that were not run for that reason."""
    found: dict[str, list[TestResult]] = {}
    laws: dict[str, str] = {}
    for result in shown.tests:
        function = _function(result)
        if result.verdict == "blocked" and (law := result.failure.rpartition(NOT_RUN)[2]) in laws:
            function = laws[law]
        if function:
            found.setdefault(function, []).append(result)
            laws[result.law] = function
    return found


def _function(result: TestResult) -> str:
    """Of a test that met an untouched stub: the function, by what it raised or the line that raised."""
    if result.verdict != "not_implemented":
        return ""
    if re.fullmatch(r"[A-Za-z_][\w.]*", result.detail):
        return result.detail
    lines = re.findall(r'^  File ".*", line \d+, in (\w+)$', result.traceback, re.MULTILINE)
    return lines[-1] if lines else ""


def _count(results: list[TestResult]) -> str:
    return f"({len(results)} test{'s' if len(results) > 1 else ''})"


def _head(shown: Report) -> Text:
    title = Text(plain(f"{shown.title} ({shown.assignment})"), style="bold")
    if shown.state != "graded":
        return Text("\n").join([title, Text(plain(f"{shown.state.replace('_', ' ')}: {shown.message}"), style="red")])
    points = f"{number(shown.points)} of {number(shown.possible)} points"
    return Text("  ").join([title, Text(points, style="bold green" if shown.points == shown.possible else "bold")])


def _points(points: float, possible: float) -> str:
    return f"{number(points)} / {number(possible)}"


def _problems(shown: Report) -> RenderableType:
    rows = table("Problem", "Points", numbers=("Points",))
    for problem in shown.problems:
        if not problem.possible:  # none of its tests were run: `check` runs the public ones
            continue
        rows.add_row(Text(plain(problem.title)), _points(problem.points, problem.possible))
    return rows


def _tests(shown: Report, listed: list[TestResult], room: int) -> Iterator[RenderableType]:
    """One table for the public tests, one for the hidden ones, with their columns below each other."""
    width = min(room, max((len(result.name) for result in listed), default=0))
    for visibility in ("public", "hidden"):
        rows = table(f"{visibility.capitalize()} test", "Verdict", "Points", numbers=("Points",))
        rows.columns[0].width, rows.columns[1].width = width, LABEL_WIDTH
        for result in listed:
            if result.visibility == visibility:
                verdict = Text(label(result.verdict), style=COLOURS.get(result.verdict, "red"))
                rows.add_row(Text(plain(result.name)), verdict, _points(result.points, result.possible))
        if rows.rows:
            yield rows
    if shown.timings.ratios:
        rows = table("Timed test, in times of the reference", "Found", "At most", numbers=("Found", "At most"))
        for test, ratio in shown.timings.ratios.items():
            rows.add_row(Text(plain(test.partition("::")[2])), f"{ratio.value:.2f}", f"{ratio.limit:g}")
        yield rows
    if shown.timings.import_seconds > SLOW_IMPORT:
        text = f"Importing your module takes {shown.timings.import_seconds:.2g} s, and every test does it anew."
        yield Text(text, style="yellow")


def _words(result: TestResult) -> RenderableType:
    """What the reader may know of one test that did not pass, indented below its name."""
    colour = COLOURS.get(result.verdict, "red")
    if result.verdict == "blocked":
        return Text.assemble((plain(result.name), "bold"), ": ", ("blocked", colour), f": {plain(result.failure)}")
    head = Text.assemble((plain(result.name), "bold"), ": ", (label(result.verdict), colour))
    lines = [Text(plain(result.law), style="italic")] if result.law != result.name else []
    said = result.failure
    if result.detail and result.detail != result.failure:
        # "raised ValueError" and "ValueError: what it said": the kind once.
        start = "raised" if result.verdict == "raised" and said == f"raised {result.detail.partition(':')[0]}" else said
        said = f"{start}{':' if start == said else ''} {result.detail}" if said else result.detail
    lines.append(Text(plain(said)))
    if result.verdict != "not_implemented":  # where, and with which input, says nothing there
        evidence = {"with": result.example, "where": result.traceback, "printed": result.output}
        lines += [_named(name, plain(text.rstrip())) for name, text in evidence.items() if text.strip()]
        lines += [_named("repeat", plain(result.repeat))] if result.repeat else []
    return Padding(Group(head, Padding(Group(*lines), (0, 0, 0, 2), expand=False)), (0, 0, 1, 0), expand=False)


def _named(name: str, text: str) -> Text:
    """`with     z = array(...)`, further lines below the first."""
    return Text.assemble((f"{name:<8}", "dim"), text.replace("\n", "\n" + " " * 8))
