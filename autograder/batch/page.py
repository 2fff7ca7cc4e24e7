"""`index.html`: the results of a batch in one file, which loads nothing and runs nothing.

Names, messages and laws may come from a student. Jinja escapes HTML, and `visible` writes out the characters that would
change the order of reading.
"""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from autograder.batch.changes import Change
from autograder.batch.grades import possible_points
from autograder.batch.run import Outcome
from autograder.core.errors import DeepgradeError
from autograder.course.course import Assignment
from autograder.report.schema import TestResult

TEMPLATE = Path(__file__).with_name("index.html.j2")
BINS = 10
# C0 and C1 controls, marks that change the direction of reading, invisible joiners, halves of surrogates.
INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


@dataclass
class Test:
    """One test over all graded submissions."""

    __test__ = False

    first: TestResult
    passed: int = 0
    total: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)

    @property
    def others(self) -> str:
        """`3 failed, 1 timed out`."""
        ordered = sorted(self.verdicts.items(), key=lambda pair: (-pair[1], pair[0]))
        return ", ".join(f"{count} {verdict.replace('_', ' ')}" for verdict, count in ordered if verdict != "passed")


def check_that_it_can_be_made() -> None:
    """Raises DeepgradeError if Jinja is missing. It is called before the grading, which takes long."""
    _environment()


def page(
    assignment: Assignment,
    outcomes: Sequence[Outcome],
    *,
    changed: Sequence[Change] | None = None,
    passed_over: Sequence[str] = (),
) -> bytes:
    """The whole page. `changed` is None without a regrade."""
    scored = [outcome.report for outcome in outcomes if outcome.state == "graded" and outcome.report is not None]
    possible = sum(possible_points(assignment, outcomes).values())
    points = [report.points for report in scored]
    text: str = (
        _environment()
        .get_template(TEMPLATE.name)
        .render(
            manifest=assignment.manifest,
            assignment=assignment,
            outcomes=sorted(outcomes, key=lambda outcome: (outcome.source.student.casefold(), outcome.source.name)),
            possible=possible,
            graded=len(scored),
            without=[outcome for outcome in outcomes if outcome.state != "graded"],
            mean=statistics.fmean(points) if points else None,
            median=statistics.median(points) if points else None,
            full=sum(value == possible for value in points),
            bins=_bins(points, possible),
            tests=_tests(outcomes),
            changed=changed,
            passed_over=passed_over,
            sandboxes=sorted({report.sandbox for report in scored}),
            versions=scored[0].versions if scored else {},
        )
    )
    return text.encode(errors="backslashreplace")


def visible(text: object) -> str:
    return INVISIBLE.sub(lambda match: match.group().encode("unicode_escape").decode(), str(text))


def prose(text: object) -> Any:
    """A safe sentence, in which text in `backticks` is set as code."""
    from markupsafe import Markup, escape

    return Markup(re.sub("`([^`\n]+)`", r"<code>\1</code>", str(escape(visible(text)))))


def _environment() -> Any:
    try:
        import jinja2
    except ModuleNotFoundError as error:
        raise DeepgradeError(
            "the page of a batch needs Jinja2, which is not installed; run `pip install jinja2`"
        ) from error
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATE.parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "visible": visible,
        "prose": prose,
        "points": lambda value: f"{value:.2f}".rstrip("0").rstrip("."),
        "path": lambda id: quote(f"{id}.json"),
        "spaced": lambda verdict: verdict.replace("_", " "),
    }
    return environment


def _bins(points: Sequence[float], possible: float) -> list[dict[str, Any]]:
    """A histogram of points: ten columns of equal width, with full marks in the last one."""
    counts = [0] * BINS
    for value in points:
        counts[min(BINS - 1, int(BINS * value / possible)) if possible else 0] += 1
    top = max([*counts, 1])
    width = possible / BINS
    return [
        {"low": width * index, "high": width * (index + 1), "count": count, "height": 100 * count / top}
        for index, count in enumerate(counts)
    ]


def _tests(outcomes: Sequence[Outcome]) -> list[Test]:
    tests_by_id: dict[str, Test] = {}
    for outcome in outcomes:
        if outcome.state != "graded" or outcome.report is None:
            continue
        for result in outcome.report.tests:
            test = tests_by_id.setdefault(result.id, Test(result))
            test.total += 1
            test.passed += result.verdict == "passed"
            test.verdicts[result.verdict] += 1
    return list(tests_by_id.values())
