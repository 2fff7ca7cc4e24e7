"""Is this assignment sound? `verify` proves everything that an author promises, in the sandbox that students get.

stub and reference        same signatures, same docstrings; README, experiment and tests exist
points                    the tests of each problem give the manifest's points
bars                      each bar of a training was measured, and the reference never missed it: calibrate.py
reference, variants       full marks: no false alarm on a right answer; the judge uses a tenth of its budget at most
stub                      `not_implemented` in every test, 0 points
mutants                   each dies by the test it names; with a matrix it meets all tests that can detect it: usage.py
idle tests                with a matrix: a test that kills no mutant may check nothing
probes                    files without knowledge earn no points: probes/__init__.py

Only what has changed since an earlier run is graded: proofs.py.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec

from autograder import grade as grading
from autograder.core.errors import BadCourse, GraderError
from autograder.course.course import Assignment
from autograder.course.mutants import Mutant
from autograder.course.submission import Submission
from autograder.report.schema import JudgeCost, Report, one_line
from autograder.verify import calibrate, sentences, usage
from autograder.verify import probes as probing
from autograder.verify.answers import Answers, Part
from autograder.verify.probes import Probe, earnings
from autograder.verify.probes.earnings import Earning
from autograder.verify.proofs import Proofs
from autograder.verify.soundness import Kill, Soundness, points_lost
from autograder.verify.static_checks import static_problems

SECRET = b"deepgrade verify"  # authors see the same examples every time

TRACED = "traced reference"
EVERYTHING: tuple[Part, ...] = ("answers", "probes")

OnEvent = Callable[[dict[str, Any]], None]


def verify(
    assignment: Assignment,
    *,
    on_event: OnEvent | None = None,
    secret: bytes = SECRET,
    jobs: int = 2,
    matrix: bool = False,
    every: int = 1,
    parts: Collection[Part] = EVERYTHING,
    proofs: Proofs | None = None,
) -> Soundness:
    """Prove an assignment.

    matrix : every mutant meets every test in which the reference calls the function that it replaces; it passes all
        others (usage.py). Without a matrix each mutant meets only the test that it names. That takes less time and
        proves as much about the mutants, but finds no idle tests and no points lost.
    every : a spot check: every N-th mutant and at least one, one variant, and a third of the probes. Only an author's
        own probes meet training tests then. The hash of the sources decides the choice. A matrix needs all of them.
    parts : "answers" are variants, stub and mutants. Reference, files and points are always checked.
    proofs : those of earlier runs that are used in place of gradings, and those of this run. The result is the same.
    Raises GraderError if this machine cannot grade, and ValueError for a matrix of a part. Mistakes of the author are
    listed in `problems`.
    """
    if every < 1 or (matrix and (every != 1 or "answers" not in parts)):
        raise ValueError(f"every is {every}, and a kill matrix has every mutant")
    return _Verification(assignment, on_event or (lambda event: None), secret, jobs, matrix, every, parts, proofs).run()


class _Verification:
    def __init__(
        self,
        assignment: Assignment,
        on_event: OnEvent,
        secret: bytes,
        jobs: int,
        matrix: bool,
        every: int,
        parts: Collection[Part],
        proofs: Proofs | None,
    ) -> None:
        self._assignment, self._emit, self._secret, self._jobs = assignment, on_event, secret, jobs
        self._matrix, self._every, self._parts, self._proofs = matrix, every, parts, proofs
        self._problems: list[str] = []

    def run(self) -> Soundness:
        with contextlib.ExitStack() as opened:
            try:
                self._problems += list(static_problems(self._assignment))
                answers = Answers(self._assignment, self._every, self._parts)
                self._problems += sentences.problems(self._assignment, answers.mutants)
                if self._proofs:
                    complete = self._every == 1 and set(self._parts) == set(EVERYTHING)
                    opened.enter_context(self._proofs.opened(complete=complete))
            except BadCourse as error:
                return Soundness(self._assignment.name, [*self._problems, str(error)])
            return self._soundness(answers)

    def _soundness(self, answers: Answers) -> Soundness:
        meets = {mutant.name: [mutant.killed_by] for mutant in answers.mutants}
        traced = {TRACED: usage.traced(self._assignment, answers.targets)} if self._matrix and answers.mutants else {}
        submissions = answers.submissions() | traced
        self._emit({"event": "collected", "tests": [*submissions, *meets]})
        reports = self._grade_all(submissions, self._tests_for_probes(answers))
        if "reference" not in reports:
            return Soundness(self._assignment.name, self._problems)
        if TRACED in reports:
            callers = usage.callers(reports[TRACED], answers.targets)
            meets = {mutant.name: callers[mutant.target] for mutant in answers.mutants}
        mutants = {mutant.name: mutant.submission for mutant in answers.mutants if meets[mutant.name]}
        graded = self._grade_all(mutants, meets)
        tests = [test.name for test in reports["reference"].tests]
        self._check_points(reports["reference"])
        self._problems += calibrate.bar_problems(self._assignment, reports["reference"])
        full = [right for right in answers.right if right in reports and self._has_full_marks(right, reports[right])]
        for right in full:
            self._problems += judge_costs(right, reports[right].timings.judge)
        if "stub" in reports:
            self._check_stub(reports["stub"])
        kills = [
            self._kill(mutant, graded.get(mutant.name), reports["reference"])
            for mutant in answers.mutants
            if mutant.name in graded or not meets[mutant.name]
        ]
        effective = {test for kill in kills for test in kill.killed_by}
        return Soundness(
            self._assignment.name,
            self._problems,
            kills,
            idle_tests=[test for test in tests if test not in effective] if self._matrix else [],
            variants=[right for right in full if right != "reference"],
            tests=tests,
            probes=self._check_probes(answers.probes, reports),
            sources_sha256=answers.sources,
            every=self._every,
            whole=self._matrix,
        )

    def _tests_for_probes(self, answers: Answers) -> dict[str, list[str]]:
        """The tests of each probe that does not meet all of them: in a spot check no built-in probe trains."""
        if self._every == 1 or not calibrate.training_tests(self._assignment):
            return {}
        other_tests = calibrate.other_tests(self._assignment)
        return {f"probe {probe.name}": other_tests for probe in answers.probes if not probe.is_own}

    def _grade_all(
        self, submissions: Mapping[str, Submission], tests: Mapping[str, Sequence[str]]
    ) -> dict[str, Report]:
        """Reports by name.   tests : those of submissions that do not meet all of them."""

        def grade_one(name: str) -> Report | str:
            self._emit({"event": "started", "test": name})
            try:
                return self._report(submissions[name], tests.get(name))
            except BadCourse as error:
                return str(error)
            except GraderError as error:
                if not name.startswith("probe "):
                    raise
                return f"the grader fails on the {name}, and a submission must never make it fail: {error}"
            finally:
                self._emit({"event": "finished", "test": name, "verdict": "graded"})

        # The judges are processes of their own; a thread only waits for one.
        with ThreadPoolExecutor(self._jobs) as pool:
            outcomes = dict(zip(submissions, pool.map(grade_one, submissions), strict=True))
        self._problems += sorted({text for text in outcomes.values() if isinstance(text, str)})
        return {name: outcome for name, outcome in outcomes.items() if isinstance(outcome, Report)}

    def _report(self, submission: Submission, only: Sequence[str] | None) -> Report:
        def grade(only: Sequence[str] | None, on_event: OnEvent | None = None) -> Report:
            return grading.grade(
                self._assignment,
                submission,
                secret=self._secret,
                shrink=False,
                only=only,
                on_event=on_event,
                own_tests=False,
            )

        return self._proofs.report(submission, self._secret, only, grade) if self._proofs else grade(only)

    def _has_full_marks(self, name: str, report: Report) -> bool:
        for test in report.tests:
            if test.verdict != "passed":
                sentence = f"{name} fails {test.id}: {test.failure}: {one_line(test.detail)}"
                self._problems.append(sentence.rstrip(": "))
        return all(test.verdict == "passed" for test in report.tests)

    def _check_points(self, report: Report) -> None:
        problems = [problem for problem in report.problems if not problem.bonus]
        for problem, declared in zip(problems, self._assignment.manifest.problems, strict=True):
            if problem.possible != declared.points:
                path = self._assignment.folder / "assignment.toml"
                self._problems.append(
                    f"{path}: problem {declared.name!r} has {declared.points:g} points, "
                    f"but its tests give {problem.possible:g}"
                )

    def _check_stub(self, report: Report) -> None:
        for test in report.tests:
            if test.verdict not in ("not_implemented", "blocked"):
                self._problems.append(f"the stub is {test.verdict} in {test.id}, expected not_implemented")

    def _check_probes(self, probes: list[Probe], reports: dict[str, Report]) -> list[Earning]:
        if "probes" not in self._parts:
            return []
        by_probe = {probe.name: reports[name] for probe in probes if (name := f"probe {probe.name}") in reports}
        earned = earnings.earnings(probes, {**by_probe, "reference": reports["reference"]})
        self._problems += earnings.problems(earned)
        self._problems += missing_probes(self._assignment)
        return earned

    def _kill(self, mutant: Mutant, report: Report | None, reference: Report) -> Kill:
        """report : of the tests that the mutant met; None if no test can distinguish it from the reference."""
        results = report.tests if report else []
        killers = [test.name for test in results if test.verdict not in ("passed", "blocked")]
        if mutant.killed_by not in [test.name for test in reference.tests]:
            self._problems.append(f"mutant {mutant.name} names {mutant.killed_by}, which is not a test")
        elif not killers:
            self._problems.append(f"mutant {mutant.name} survives all tests; {mutant.killed_by} should kill it")
        elif mutant.killed_by not in killers:
            self._problems.append(
                f"mutant {mutant.name} survives {mutant.killed_by}, which it names; killed by {', '.join(killers)}"
            )
        kill = Kill(mutant.name, mutant.target, mutant.killed_by, killers)
        if not self._matrix:
            return kill
        problem = next((test.problem for test in reference.tests if test.name == mutant.killed_by), "")
        return msgspec.structs.replace(kill, **points_lost(problem, results))


def missing_probes(assignment: Assignment) -> list[str]:
    """A sentence if students train and no probe of the author tries to answer without training."""
    trained = calibrate.training_tests(assignment)
    if not trained or assignment.answers(probing.FOLDER):
        return []
    assert assignment.solution is not None
    return [
        f"{assignment.solution / probing.FOLDER}: holds no probe, and {', '.join(trained)} let a student train; write "
        "a file that answers without training, from a table of the data, say"
    ]


def judge_costs(name: str, costs: Mapping[str, JudgeCost]) -> list[str]:
    """A sentence for each test in which a right answer costs the judge more than a tenth of the test's budget.

    The advised budget adds a margin of one half, since processor time varies between runs.
    """
    excesses = []
    for test, cost in costs.items():
        seconds, memory_mb = 10 * cost.seconds, 10 * cost.memory_mb
        if seconds > cost.limit_seconds:
            limit, advice = f"{cost.limit_seconds:g} s", f"judge_seconds={math.ceil(1.5 * seconds)}"
            excesses.append((test, f"{cost.seconds:.3g} s", limit, advice))
        if memory_mb > cost.limit_memory_mb:
            limit, advice = f"{cost.limit_memory_mb} MB", f"judge_memory_mb={math.ceil(1.5 * memory_mb)}"
            excesses.append((test, f"{cost.memory_mb:.0f} MB", limit, advice))
    return [
        f"{name} costs the judge {used} in {test}, and a right answer may cost a tenth of the budget of {limit}; write "
        f"@limits({advice})"
        for test, used, limit, advice in excesses
    ]
