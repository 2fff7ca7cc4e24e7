"""From what a submission answered to at most one explanation for each problem of its report."""

from __future__ import annotations

from autograder.mistakes.catalogue import AGAIN, Answers, Catalogue
from autograder.mistakes.matching import Name, match
from autograder.report.schema import Explanation, Report

NOT_JUDGED = ("blocked", "grader_error")


def explanations(known: Catalogue, report: Report, answers: Answers) -> list[Explanation]:
    """In the order of the report's problems. Of two mistakes in one problem, that which accounts for more tests.

    answers : of failed tests that were played once more.
    """
    failed = [test.id for test in report.tests if test.verdict not in ("passed", *NOT_JUDGED)]
    passed = [test.id for test in report.tests if test.verdict == "passed"]
    # A public test that passes has passed on the course's examples as well.
    passed += [test.id + AGAIN for test in report.tests if test.verdict == "passed"]
    # One that fails on the course's examples has passed on the public ones.
    passed += [test.id for test in report.tests if test.failed_on == "secret"]
    names = match(known, answers, failed, passed).names
    found = []
    for problem in report.problems:
        own = [name for name in names if name.mistakes[0].problem == problem.name]
        if own:
            most = max(own, key=lambda name: len(name.tests))
            found.append(_explanation(problem.name, most, len(answers)))
    return found


def _explanation(problem: str, name: Name, failed: int) -> Explanation:
    return Explanation(
        problem,
        sentences=[mistake.sentence for mistake in name.mistakes],
        headings=sorted({mistake.heading for mistake in name.mistakes if mistake.heading}),
        explained=len(name.tests),
        failed=failed,
        tests=[test.removesuffix(AGAIN) for test in name.tests],
        mistakes=[mistake.name for mistake in name.mistakes],
    )
