"""Is this assignment sound? Everything that an author promises, proven in the sandbox that students get.

stub and reference        same signatures, same docstrings; README, experiment and tests are there
points                    the tests' points of each problem are the manifest's
bars                      what a training is held to was measured: calibrate.py
reference, variants       full marks: no false alarm on a right answer
stub                      `not_implemented` in every test, 0 points
mutants                   each dies by the test it names
idle tests                a test that no mutant dies by cannot be shown to check anything
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from autograder import calibrate
from autograder import grade as grading
from autograder.course import Assignment, read_files
from autograder.errors import BadCourse
from autograder.mutants import Mutant, mutants
from autograder.report import Report
from autograder.submission import Submission, sha256_of

SECRET = b"deepgrade verify"  # authors see the same examples every time; `--secret` draws others

OnEvent = Callable[[dict[str, object]], None]


class Kill(msgspec.Struct, frozen=True):
    """What became of one mutant."""

    mutant: str
    target: str
    named: str  # the test that must kill it
    killed_by: list[str]  # all tests that did


class Soundness(msgspec.Struct, frozen=True):
    """What `verify` found out about one assignment."""

    assignment: str
    problems: list[str]  # sentences; none: sound
    kills: list[Kill]
    idle_tests: list[str]  # tests that killed no mutant; unknown, so empty, without the matrix
    variants: list[str]  # other right answers that got full marks
    tests: list[str]  # names, in order

    sources_sha256: str = ""  # of all that was proven, as `sources_sha256` has it
    every: int = 1  # only each so-manieth mutant was tried, and if so, one variant
    whole: bool = True  # every mutant met every test; else only the one that it names

    @property
    def sound(self) -> bool:
        return not self.problems

    @property
    def matrix(self) -> dict[str, list[str]]:
        """The kill matrix: for each mutant, the tests that it dies by."""
        return {kill.mutant: kill.killed_by for kill in self.kills}


def verify(
    assignment: Assignment,
    *,
    on_event: OnEvent | None = None,
    secret: bytes = SECRET,
    jobs: int = 2,
    matrix: bool = True,
    every: int = 1,
) -> Soundness:
    """Prove an assignment.

    matrix : every mutant meets every test. Without it each meets only the test that it names: a fifth of the time,
        and as much is proven of the mutants; but which other tests kill it, and so which test is idle, is not known.
    every : only each so-manieth mutant is graded, one at the least, and one of the variants, for a look that costs
        little; what changes in the sources changes which. A matrix needs all.
    Raises GraderError where nothing can be graded here, and ValueError for a matrix of a part; what the author must
    mend is told in `problems`.
    """
    if every < 1 or (matrix and every != 1):
        raise ValueError(f"every is {every}, and a kill matrix has every mutant")
    return _Verification(assignment, on_event or (lambda event: None), secret, jobs, matrix, every).run()


class _Verification:
    def __init__(
        self, assignment: Assignment, on_event: OnEvent, secret: bytes, jobs: int, matrix: bool, every: int
    ) -> None:
        self._assignment, self._tell, self._secret, self._jobs = assignment, on_event, secret, jobs
        self._matrix, self._every = matrix, every
        self._problems: list[str] = []

    def run(self) -> Soundness:
        try:
            self._problems += list(static_problems(self._assignment))
            wrong = mutants(self._assignment)
            right = {name: _submission(files) for name, files in right_answers(self._assignment).items()}
            stub = _submission(self._assignment.stub())
            sources = sources_sha256(self._assignment)
            if self._every > 1:
                first = int(sources, 16) % max(1, min(self._every, len(wrong)))
                wrong = wrong[first :: self._every]
                others = [name for name in right if name != "reference"]
                seen = others[int(sources, 16) % len(others)] if others else None
                right = {name: one for name, one in right.items() if name in ("reference", seen)}
        except BadCourse as error:
            return Soundness(self._assignment.name, [*self._problems, str(error)], [], [], [], [])
        everything = {
            **right,
            "stub": stub,
            **{f"mutant {mutant.name}": mutant.submission for mutant in wrong},
        }
        alone = {} if self._matrix else {f"mutant {mutant.name}": mutant.killed_by for mutant in wrong}
        reports = self._grade_all(everything, alone)
        if "reference" not in reports:
            return Soundness(self._assignment.name, self._problems, [], [], [], [])
        tests = [test.name for test in reports["reference"].tests]
        self._check_points(reports["reference"])
        self._problems += calibrate.stale(self._assignment, reports["reference"])
        full = [name for name in right if name in reports and self._has_full_marks(name, reports[name])]
        if "stub" in reports:
            self._check_stub(reports["stub"])
        kills = [
            self._kill(mutant, reports[name], tests) for mutant in wrong if (name := f"mutant {mutant.name}") in reports
        ]
        effective = {test for kill in kills for test in kill.killed_by}
        idle = [test for test in tests if test not in effective] if self._matrix else []
        others = [name for name in full if name != "reference"]
        return Soundness(
            self._assignment.name, self._problems, kills, idle, others, tests, sources, self._every, self._matrix
        )

    def _grade_all(self, submissions: dict[str, Submission], alone: dict[str, str]) -> dict[str, Report]:
        """Reports by name; `alone` are those that meet one test only."""
        self._tell({"event": "collected", "tests": list(submissions)})

        def one(name: str) -> Report | str:
            self._tell({"event": "started", "test": name})
            try:
                return grading.grade(
                    self._assignment, submissions[name], secret=self._secret, shrink=False, only=alone.get(name)
                )
            except BadCourse as error:
                return str(error)
            finally:
                self._tell({"event": "finished", "test": name, "verdict": "graded"})

        # The judges are processes of their own; a thread only waits for one.
        with ThreadPoolExecutor(self._jobs) as pool:
            outcomes = dict(zip(submissions, pool.map(one, submissions), strict=True))
        self._problems += sorted({text for text in outcomes.values() if isinstance(text, str)})
        return {name: outcome for name, outcome in outcomes.items() if isinstance(outcome, Report)}

    def _has_full_marks(self, name: str, report: Report) -> bool:
        for test in report.tests:
            if test.verdict != "passed":
                self._problems.append(f"{name} fails {test.id}: {test.failure}: {test.detail}".rstrip(": "))
        return all(test.verdict == "passed" for test in report.tests)

    def _check_points(self, report: Report) -> None:
        for problem, told in zip(report.problems, self._assignment.manifest.problems, strict=True):
            if problem.possible != told.points:
                self._problems.append(
                    f"{self._assignment.folder / 'assignment.toml'}: problem {told.name!r} has {told.points:g} points, "
                    f"but its tests give {problem.possible:g}"
                )

    def _check_stub(self, report: Report) -> None:
        for test in report.tests:
            if test.verdict not in ("not_implemented", "blocked"):
                self._problems.append(f"the stub is {test.verdict} in {test.id}, expected not_implemented")

    def _kill(self, mutant: Mutant, report: Report, tests: list[str]) -> Kill:
        killers = [test.name for test in report.tests if test.verdict not in ("passed", "blocked")]
        if mutant.killed_by not in tests:
            self._problems.append(f"mutant {mutant.name} names {mutant.killed_by}, which is no test")
        elif not killers:
            self._problems.append(f"mutant {mutant.name} survives all tests; {mutant.killed_by} should kill it")
        elif mutant.killed_by not in killers:
            self._problems.append(
                f"mutant {mutant.name} survives {mutant.killed_by}, which it names; killed by {', '.join(killers)}"
            )
        return Kill(mutant.name, mutant.target, mutant.killed_by, killers)


def right_answers(assignment: Assignment) -> dict[str, dict[str, bytes]]:
    """The reference and the variants, as the files a student would hand in.

    variants/<name>.py stands for the one file of the manifest's module; a folder variants/<name>/ has all of them.
    """
    found = {"reference": assignment.reference()}
    assert assignment.solution is not None
    manifest = assignment.manifest
    for path in sorted((assignment.solution / "variants").glob("*")):  # none, where it is missing
        if path.is_dir() and not path.name.startswith("__"):
            found[f"variant {path.name}"] = read_files(path, manifest.files)
        elif path.suffix == ".py":
            found[f"variant {path.stem}"] = {**found["reference"], f"{manifest.module}.py": path.read_bytes()}
    return found


def sources_sha256(assignment: Assignment) -> str:
    """One hash over manifest, tests, wrong and right answers: a proof holds as long as it does not change."""
    assert assignment.solution is not None
    digest = hashlib.sha256(assignment.tests_sha256().encode())
    digest.update((assignment.solution / "mutants.py").read_bytes())
    for name, files in right_answers(assignment).items():
        digest.update(f"{name}\0{sha256_of(files)}\0".encode())
    return digest.hexdigest()


def _submission(files: dict[str, bytes]) -> Submission:
    return Submission(files, sha256_of(files))


REQUIRED = ("README.md", "assignment.toml", "test_public.py", "experiment.py")


def static_problems(assignment: Assignment) -> list[str]:
    """What can be seen without running anything."""
    problems = [
        f"{assignment.folder / name}: is missing" for name in REQUIRED if not (assignment.folder / name).is_file()
    ]
    if assignment.solution is None:
        return [*problems, f"{assignment.name}: there is no solutions/{assignment.name}"]
    for name in ("test_hidden.py", "mutants.py", "variants"):
        if not (assignment.solution / name).exists():
            problems.append(f"{assignment.solution / name}: is missing")
    if problems:
        return problems
    for name in assignment.manifest.files:
        if name.endswith(".py"):
            problems += _differences(assignment.folder / name, assignment.solution / name)
    return problems


def _differences(stub: Path, reference: Path) -> list[str]:
    """The public functions and classes of a stub and its reference must agree to the letter."""
    mine, theirs = _interface(stub), _interface(reference)
    problems = [f"{stub}: lacks {name}, which the reference defines" for name in theirs.keys() - mine.keys()]
    problems += [f"{reference}: lacks {name}, which the stub defines" for name in mine.keys() - theirs.keys()]
    for name in sorted(mine.keys() & theirs.keys()):
        for what, here, there in zip(("signature", "docstring"), mine[name], theirs[name], strict=True):
            if here != there:
                problems.append(f"{stub}: the {what} of {name} is not that of the reference")
    return problems


def _interface(path: Path) -> dict[str, tuple[str, str | None]]:
    try:
        tree = ast.parse(path.read_bytes())
    except OSError as error:
        raise BadCourse(f"{path}: cannot be read ({error.strerror}); the manifest names it") from error
    except SyntaxError as error:
        raise BadCourse(f"{path}:{error.lineno}: {error.msg}") from error
    found: dict[str, tuple[str, str | None]] = {}

    def look(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[prefix + node.name] = (", ".join(map(ast.unparse, node.bases)), ast.get_docstring(node))
                look(node.body, f"{prefix}{node.name}.")
            elif isinstance(node, ast.FunctionDef) and (not node.name.startswith("_") or node.name == "__init__"):
                found[prefix + node.name] = (ast.unparse(node.args), ast.get_docstring(node))

    look(tree.body, "")
    return found
