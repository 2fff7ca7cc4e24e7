"""The points that probes earn, from their reports, and those that a table of the public examples would earn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from autograder.report.schema import Report, TestResult
from autograder.verify.probes import COPIES, LIMIT, MARKER, OVERWRITE, Probe


class Earning(msgspec.Struct, frozen=True):
    """The points that one probe earns, and the tests that give them."""

    probe: str
    points: float
    tests: list[str]
    limit: float

    @property
    def too_much(self) -> bool:
        """For the probe `overwrite` any test is too much, whatever its points."""
        return bool(self.tests) if self.probe == OVERWRITE else self.points > self.limit


def earnings(probes: Iterable[Probe], reports: Mapping[str, Report]) -> list[Earning]:
    """The points of each probe that count.   reports : by name of the probe; "reference" is the reference's."""
    reference = reports["reference"]
    limit = LIMIT * reference.possible
    earned = []
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
        earned.append(_earning(probe.name, tests, limit))
    return [*earned, _earning("table", [test for test in reference.tests if _is_in_a_table(test)], limit)]


def _earning(probe: str, tests: list[TestResult], limit: float) -> Earning:
    return Earning(probe, sum(test.possible for test in tests), [test.name for test in tests], limit)


def _is_in_a_table(test: TestResult) -> bool:
    """A test with public examples: a table of its answers passes it."""
    return test.visibility == "public" and test.examples in ("fixed", "public")


def problems(earned: Iterable[Earning]) -> list[str]:
    """One sentence for all probes that earn too much in the same tests."""
    sentences = []
    by_tests: dict[tuple[str, ...], list[Earning]] = {}
    for earning in earned:
        if earning.too_much and earning.probe == OVERWRITE:
            sentences.append(
                "a file that overwrites its arguments passes tests that a file that overwrites copies fails: "
                f"{', '.join(earning.tests)}; compute what is expected from objects that no student can write"
            )
        elif earning.too_much:
            by_tests.setdefault(tuple(earning.tests), []).append(earning)
    for tests, group in by_tests.items():
        names, (first, *_) = ", ".join(earning.probe for earning in group), group
        subject = f"probes {names} each earn" if len(group) > 1 else f"probe {names} earns"
        sentences.append(f"{subject} {first.points:g} of at most {first.limit:g} points, by {', '.join(tests)}")
    return sentences
