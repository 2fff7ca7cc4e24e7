"""A report in a terminal: the points, a line for each test, and details of each test that did not pass.

The texts are those of the report, as on the web page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from autograder.cli.console import number, plain, table
from autograder.report.schema import SLOW_IMPORT, Explanation, Report, TestResult

COLOURS = {"passed": "green", "blocked": "yellow", "not_implemented": "yellow", "grader_error": "magenta"}
LABELS = {
    "timed_out": "timed out",
    "out_of_memory": "out of memory",
    "not_implemented": "not implemented",
    "grader_error": "grader error",
}
NOT_RUN = "was not run, because it depends on a test that did not pass: "
LABEL_WIDTH = len("not implemented")
OTHER_COLUMNS = LABEL_WIDTH + len(" 100 / 100 ") + 6  # width of all columns but a test's name


def label(verdict: str) -> str:
    return LABELS.get(verdict, verdict)


def report(report: Report, console: Console, *, tests: bool = True, details: bool = True, note: str = "") -> None:
    """Print a report that has been reduced to what its reader may see.

    tests, details : whether to print a line for each test, and details of each test that did not pass.
    note : a sentence before the details. The first cause is printed last, at the end of the terminal.
    """
    console.print(_heading(report))
    if report.state != "graded":
        return
    if len(report.problems) > 1 or not tests:
        console.print(_problems(report))
    unimplemented = _not_implemented(report)
    results = [result for result in report.tests if not any(result in named for named in unimplemented.values())]
    for rows in _tests(report, results, console.width - OTHER_COLUMNS) if tests else ():
        console.print(rows)
    if note:
        console.print(note)
    if report.message:
        console.print(Text(plain(report.message), style="red"))
        return
    for explanation in report.explanations:
        console.print(_explanation(report, explanation))
    failures = [result for result in reversed(results) if details and result.verdict != "passed"]
    for result in sorted(failures, key=lambda result: result.verdict != "blocked"):
        console.print(_details(result))
    for name, function_results in unimplemented.items() if details or tests else ():
        console.print(
            Text.assemble((plain(name), "bold"), ": is not implemented yet ", (_count(function_results), "dim"))
        )


def _explanation(report: Report, explanation: Explanation) -> RenderableType:
    """The known mistake of one problem."""
    title = next((problem.title for problem in report.problems if problem.name == explanation.problem), "")
    one_of = "A known mistake" if len(explanation.sentences) == 1 else "One of these known mistakes"
    share = f"accounts for {explanation.explained} of {explanation.failed} failed tests"
    lines = [Text.assemble((plain(title), "bold"), f": {one_of} {share}:")]
    lines += [Text(f"  {plain(sentence)}", style="cyan") for sentence in explanation.sentences]
    lines += [Text(f"  Handout: {plain(heading)}", style="dim") for heading in explanation.headings]
    return Group(*lines)


def _not_implemented(report: Report) -> dict[str, list[TestResult]]:
    """The tests of each function that is known to be not implemented, including the tests that were not run because of
    it."""
    results_by_function: dict[str, list[TestResult]] = {}
    laws: dict[str, str] = {}
    for result in report.tests:
        function = _function(result)
        if result.verdict == "blocked" and (law := result.failure.rpartition(NOT_RUN)[2]) in laws:
            function = laws[law]
        if function:
            results_by_function.setdefault(function, []).append(result)
            laws[result.law] = function
    return results_by_function


def _function(result: TestResult) -> str:
    """The function that a test found not implemented, from the exception or the traceback; "" if unknown."""
    if result.verdict != "not_implemented":
        return ""
    if re.fullmatch(r"[A-Za-z_][\w.]*", result.detail):
        return result.detail
    lines = re.findall(r'^  File ".*", line \d+, in (\w+)$', result.traceback, re.MULTILINE)
    return lines[-1] if lines else ""


def _count(results: list[TestResult]) -> str:
    return f"({len(results)} test{'s' if len(results) > 1 else ''})"


def _heading(report: Report) -> Text:
    title = Text(plain(f"{report.title} ({report.assignment})"), style="bold")
    if report.state != "graded":
        return Text("\n").join([title, Text(plain(f"{report.state.replace('_', ' ')}: {report.message}"), style="red")])
    points = f"{number(report.points)} of {number(report.possible)} points"
    return Text("  ").join([title, Text(points, style="bold green" if report.points == report.possible else "bold")])


def _points(points: float, possible: float) -> str:
    return f"{number(points)} / {number(possible)}"


def _problems(report: Report) -> RenderableType:
    rows = table("Problem", "Points", numbers=("Points",))
    for problem in report.problems:
        if problem.bonus:
            rows.add_row(Text(plain(f"{problem.title} (bonus)")), f"+{number(problem.points)}")
            continue
        if not problem.possible:  # none of its tests were run: `check` runs the public ones
            continue
        rows.add_row(Text(plain(problem.title)), _points(problem.points, problem.possible))
    return rows


def _tests(report: Report, results: list[TestResult], room: int) -> Iterator[RenderableType]:
    """One table for the public tests and one for the hidden ones, with aligned columns."""
    width = min(room, max((len(result.name) for result in results), default=0))
    for visibility in ("public", "hidden"):
        rows = table(f"{visibility.capitalize()} test", "Verdict", "Points", numbers=("Points",))
        rows.columns[0].width, rows.columns[1].width = width, LABEL_WIDTH
        for result in results:
            if result.visibility == visibility:
                verdict = Text(label(result.verdict), style=COLOURS.get(result.verdict, "red"))
                is_bonus = result.problem in {problem.name for problem in report.problems if problem.bonus}
                points = f"+{number(result.points)}" if is_bonus else _points(result.points, result.possible)
                rows.add_row(Text(plain(result.name)), verdict, points)
        if rows.rows:
            yield rows
    if report.timings.ratios:
        rows = table("Timed test, in times of the reference", "Found", "At most", numbers=("Found", "At most"))
        for test, ratio in report.timings.ratios.items():
            rows.add_row(Text(plain(test.partition("::")[2])), f"{ratio.value:.2f}", f"{ratio.limit:g}")
        yield rows
    if report.timings.import_seconds > SLOW_IMPORT:
        text = f"Importing your module takes {report.timings.import_seconds:.2g} s, and every test does it anew."
        yield Text(text, style="yellow")


def _details(result: TestResult) -> RenderableType:
    """The details of one test that did not pass, indented below its name."""
    colour = COLOURS.get(result.verdict, "red")
    if result.verdict == "blocked":
        return Text.assemble((plain(result.name), "bold"), ": ", ("blocked", colour), f": {plain(result.failure)}")
    heading = Text.assemble((plain(result.name), "bold"), ": ", (label(result.verdict), colour))
    lines = [Text(plain(result.law), style="italic")] if result.law != result.name else []
    sentence = result.failure
    if result.detail and result.detail != result.failure:
        # "raised ValueError" and "ValueError: message": print the kind once.
        start = (
            "raised"
            if result.verdict == "raised" and sentence == f"raised {result.detail.partition(':')[0]}"
            else sentence
        )
        sentence = f"{start}{':' if start == sentence else ''} {result.detail}" if sentence else result.detail
    lines.append(Text(plain(sentence)))
    lines += [Text(plain(result.advice))] if result.advice else []
    if result.verdict != "not_implemented":  # the place and the input do not matter there
        evidence = {"with": result.example, "where": result.traceback, "printed": result.output}
        lines += [_named(name, plain(text.rstrip())) for name, text in evidence.items() if text.strip()]
        lines += [_named("repeat", plain(result.repeat))] if result.repeat else []
    return Padding(Group(heading, Padding(Group(*lines), (0, 0, 0, 2), expand=False)), (0, 0, 1, 0), expand=False)


def _named(name: str, text: str) -> Text:
    """`with     z = array(...)`, with further lines indented to the first."""
    return Text.assemble((f"{name:<8}", "dim"), text.replace("\n", "\n" + " " * 8))
