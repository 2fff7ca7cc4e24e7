"""What probes earn, from the reports of their gradings; and what a table of the public examples would."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from autograder.report.schema import Report, TestResult
from autograder.verify.probes import COPIES, LIMIT, MARKER, OVERWRITE, Probe


class Earning(msgspec.Struct, frozen=True):
    """What one probe earns, and by which tests."""

    probe: str
    points: float
    tests: list[str]
    limit: float

    @property
    def too_much(self) -> bool:
        """Of `overwrite` each test is too much, whatever its points."""
        return bool(self.tests) if self.probe == OVERWRITE else self.points > self.limit


def earnings(probes: Iterable[Probe], reports: Mapping[str, Report]) -> list[Earning]:
    """What each probe earns that counts.   reports : by the probes' names, and that of the reference as "reference"."""
    reference = reports["reference"]
    limit = LIMIT * reference.possible
    found = []
    for probe in probes:
        report = reports.get(probe.name)
        if report is None or probe.counts == "nothing" or (probe.name == OVERWRITE and COPIES not in reports):
            continue
        tests = passed = [test for test in report.tests if test.verdict == "passed"]
        if probe.counts == "wrong answers":
            tests = [test for test in passed if MARKER in test.output]
        elif probe.counts == "more than on copies":
            copies = {test.id for test in reports[COPIES].tests if test.verdict == "passed"}
            tests = [test for test in passed if test.id not in copies]
        found.append(_earning(probe.name, tests, limit))
    return [*found, _earning("table", [test for test in reference.tests if _is_in_a_table(test)], limit)]


def _earning(probe: str, tests: list[TestResult], limit: float) -> Earning:
    return Earning(probe, sum(test.possible for test in tests), [test.name for test in tests], limit)


def _is_in_a_table(test: TestResult) -> bool:
    """A test whose examples all know, so that a table of its answers passes it."""
    return test.visibility == "public" and test.examples in ("fixed", "public")


def problems(found: Iterable[Earning]) -> list[str]:
    """A sentence for all probes that earn too much by the same tests."""
    sentences = []
    alike: dict[tuple[str, ...], list[Earning]] = {}
    for earning in found:
        if earning.too_much and earning.probe == OVERWRITE:
            sentences.append(
                "a file that overwrites its arguments passes tests that a file that overwrites copies fails: "
                f"{', '.join(earning.tests)}; compute what is expected from objects that no student can write"
            )
        elif earning.too_much:
            alike.setdefault(tuple(earning.tests), []).append(earning)
    for tests, earned in alike.items():
        names, (first, *_) = ", ".join(earning.probe for earning in earned), earned
        who = f"probes {names} each earn" if len(earned) > 1 else f"probe {names} earns"
        sentences.append(f"{who} {first.points:g} of at most {first.limit:g} points, by {', '.join(tests)}")
    return sentences
