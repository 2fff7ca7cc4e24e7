"""What `verify` keeps: an edit has exactly the expected proofs graded again, and the result is that of `--anew`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from autograder import grade as grading
from autograder.course.bundle import Contents
from autograder.course.course import Course
from autograder.course.submission import Submission
from autograder.datasets import files as data_files
from autograder.judge.verdicts import SENTENCES
from autograder.report.schema import JudgeCost, Ratio, Report, TestResult, Timings, Verdict
from autograder.reuse import fingerprints, keys
from autograder.verify import probes, proofs, verify
from autograder.verify.proofs import Proofs
from autograder.verify.soundness import Soundness

Graded = dict[str, set[str]]  # by answer, the tests that were graded

GRADIENT, VANISHES = "test_gradient_is_that_of_the_error", "test_gradient_vanishes_at_the_target"
SMALL, MEAN, LEAVES = (
    "test_error_of_a_small_example",
    "test_error_is_the_mean_of_squares",
    "test_error_leaves_its_inputs",
)
TESTS = {SMALL, VANISHES, MEAN, LEAVES, GRADIENT}
HIDDEN = {MEAN, LEAVES, GRADIENT}


@pytest.fixture
def graded(monkeypatch) -> Graded:
    """What is graded from now on, by the hash of the answer."""
    graded: Graded = {}
    grade = grading.grade

    def recorded(assignment, submission, **options) -> Report:
        report = grade(assignment, submission, **options)
        graded.setdefault(submission.sha256, set()).update(test.name for test in report.tests)
        return report

    monkeypatch.setattr(grading, "grade", recorded)
    return graded


@pytest.fixture
def prove(tiny, tmp_path) -> Callable[..., tuple[Soundness, Proofs]]:
    def prove(*, anew: bool = False, folder: Path = tmp_path / "proofs", **options) -> tuple[Soundness, Proofs]:
        known = Proofs(tiny, folder, anew=anew)
        return verify.verify(Course(tiny.folder.parents[1])["tiny"], proofs=known, **options), known

    return prove


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) >= 1
    path.write_text(text.replace(old, new, 1))


def counts(graded: Graded) -> dict[str, int]:
    """How many answers each test was graded with."""
    return {test: sum(test in tests for tests in graded.values()) for test in set().union(*graded.values())}


def test_only_what_an_edit_changes_is_proven_again_and_the_result_is_that_of_all(tiny, prove, graded, monkeypatch):
    monkeypatch.setattr(probes, "BUILT_IN", {"first-answer": "wrong answers"})  # one probe, which prints
    first, known = prove()
    everything = counts(graded)
    assert first.sound
    assert (known.kept, known.count) == (0, sum(everything.values()))

    def again(expected: dict[str, int]) -> None:
        """The next run grades these tests with so many answers, and finds what a run without any proof finds."""
        graded.clear()
        found, known = prove()
        assert counts(graded) == expected if expected else not graded
        assert known.count - known.kept == sum(expected.values())
        assert found == verify.verify(Course(tiny.folder.parents[1])["tiny"])

    edit(tiny.hidden_tests, "terms=n)  # else", "terms=n + 1)  # else")  # one law
    again({LEAVES: everything[LEAVES]})
    edit(tiny.hidden_tests, "# else an answer", "# otherwise an answer")
    edit(tiny.folder / "README.md", "\n", "\n\n")
    again({})
    edit(tiny.hidden_tests, "float(np.sum((p - y) ** 2) / len(p))", "float(np.mean((p - y) ** 2))")  # helper
    again({test: everything[test] for test in HIDDEN})
    edit(tiny.public_tests, "np.array([a, 2.0])", "np.array([a, 3.0]) - np.array([0.0, 1.0])")  # the law that it needs
    again({SMALL: everything[SMALL], VANISHES: everything[VANISHES]})
    edit(tiny.solution / "mutants.py", "return 2 * (p - y)", "return 3 * (p - y)")  # one wrong answer
    edit(tiny.solution / "variants" / "dot_product.py", "def mean_squared_error(", "\n\ndef mean_squared_error(")
    again(dict.fromkeys(TESTS, 1) | {GRADIENT: 2})
    edit(tiny.folder / "assignment.toml", "title = ", "# a comment\ntitle = ")
    again(everything)


# --- without a sandbox: a grader that is told the results ---

ANSWER = Submission({}, "0" * 64)
NEEDS = {f"test_public.py::{SMALL}": [], f"test_public.py::{VANISHES}": [SMALL]} | {
    f"test_hidden.py::{name}": [] for name in (MEAN, LEAVES, GRADIENT)
}


class Grader:
    """Grades like a judge: it tells of all tests, and runs the named ones with those that they need."""

    def __init__(self, verdicts: dict[str, Verdict] | None = None) -> None:
        """verdicts : of tests by name; all others pass."""
        self.verdicts, self.asked = verdicts or {}, list[list[str] | None]()
        self.timings, self.failure, self.needs = Timings(), "", NEEDS

    def __call__(self, only, on_event) -> Report:
        self.asked.append(only)
        on_event({"event": "collected", "tests": [], "needs": self.needs})
        names = set(only or [test.partition("::")[2] for test in self.needs])
        names |= {SMALL} if VANISHES in names else set()
        results = [self.result(test) for test in self.needs if test.partition("::")[2] in names]
        return Report("tiny", "Tiny", "graded", tests=results, timings=self.timings)

    def result(self, test: str) -> TestResult:
        name = test.partition("::")[2]
        verdict = self.verdicts.get(name, "passed")
        return TestResult(test, name, "law", "loss", 1, 1, "hidden", verdict, self.failure, output="a\n[called] f\nb")


@pytest.fixture
def ask(tiny, tmp_path) -> Callable[..., Report]:
    """`ask(grader)`: the report of one answer, in a run of its own."""

    def ask(grader: Grader, only: list[str] | None = None, *, complete: bool = True, secret: bytes = b"one") -> Report:
        known = Proofs(tiny, tmp_path / "proofs")
        with known.opened(complete=complete):
            return known.report(ANSWER, secret, only, grader)

    return ask


def asked_again(ask, grader: Grader) -> list[str] | None:
    """What is graded if it is asked once more."""
    grader.asked.clear()
    ask(grader)
    return sorted(grader.asked[0] or TESTS) if grader.asked else None


def test_a_report_from_proofs_has_all_results_in_order_and_the_lines_that_verify_reads(ask):
    grader = Grader()
    first = ask(grader)
    second = ask(grader)
    assert grader.asked == [None]
    assert [test.id for test in second.tests] == [test.id for test in first.tests] == list(NEEDS)
    assert {test.output for test in second.tests} == {"[called] f"}
    assert (second.points, second.possible) == (5, 5)
    assert [test.name for test in ask(grader, [VANISHES]).tests] == [SMALL, VANISHES], "with what it needs"
    assert grader.asked == [None]
    ask(grader, secret=b"other")
    assert grader.asked == [None, None], "another secret draws other examples"


def test_a_test_is_graded_again_if_one_that_it_needs_has_changed(ask, tiny):
    grader = Grader()
    ask(grader)
    edit(tiny.public_tests, "np.array([a, 2.0])", "np.array([a, 3.0])")
    assert asked_again(ask, grader) == [SMALL, VANISHES]


@pytest.mark.parametrize("verdict", ["timed_out", "out_of_memory", "died"])
def test_what_time_or_memory_decided_is_graded_again_with_all_that_needs_it(ask, verdict):
    grader = Grader({SMALL: verdict, VANISHES: "blocked"})
    ask(grader)
    assert asked_again(ask, grader) == [SMALL, VANISHES]


def test_what_costs_the_judge_too_much_is_graded_again(ask):
    near = JudgeCost(1.01, 1.0, 10.0, 2048)
    assert keys.is_near_its_budget(near)
    assert not keys.is_near_its_budget(JudgeCost(1.0, 204.8, 10.0, 2048))
    grader = Grader()
    grader.timings = Timings(judge={f"test_hidden.py::{MEAN}": near})
    ask(grader)
    assert asked_again(ask, grader) == [MEAN]
    grader = Grader({MEAN: "failed"})
    grader.timings, grader.failure = Timings(), SENTENCES["too_costly"]
    ask(grader)
    assert asked_again(ask, grader) == [MEAN]
    grader.failure = ""
    ask(grader)
    assert asked_again(ask, grader) is None


def test_a_measured_test_depends_on_the_machine_and_a_blocked_one_after_the_time_of_such_tests():
    def report(verdict, **timings) -> Report:
        test = TestResult("test_hidden.py::test_a", "test_a", "", "loss", 0, 1, "hidden", verdict)
        return Report("tiny", "Tiny", "graded", tests=[test], timings=Timings(**timings))

    ids = {"test_hidden.py::test_a"}
    assert grading.depends_on_the_machine(report("passed", ratios={"test_hidden.py::test_a": Ratio(1, 2)})) == ids
    assert grading.depends_on_the_machine(report("blocked", test_seconds={"x": 60.0, "y": 61.0})) == ids
    assert grading.depends_on_the_machine(report("blocked", test_seconds={"x": 60.0, "y": 59.0})) == set()
    assert grading.depends_on_the_machine(report("failed", test_seconds={"x": 60.0, "y": 61.0})) == set()


@pytest.mark.parametrize("fixture", ["race", "training", "fast"])
def test_races_and_trainings_have_no_fingerprint(tiny, fixture):
    with tiny.hidden_tests.open("a") as file:
        file.write(f"@pytest.fixture\ndef fast(race): return race\ndef test_time(student, {fixture}): pass\n")
    hashes = fingerprints.fingerprints(tiny)
    assert hashes.keys() == NEEDS.keys()


def test_a_test_that_is_no_plain_function_has_no_proof_and_is_never_left_out(ask, tiny):
    ask(Grader())
    edit(tiny.hidden_tests, "@points", "class TestMore:\n    def test_more(self, student): pass\n\n\n@points")
    grader = Grader()
    grader.needs = {**NEEDS, "test_hidden.py::test_more": []}
    for _ in range(2):
        assert "test_more" in [test.name for test in ask(grader).tests]
    assert grader.asked == [sorted(HIDDEN), None, None], "nothing is kept"


def test_the_file_is_the_owners_and_no_part_of_a_course(ask, tiny, tmp_path):
    ask(Grader())
    (path,) = (tmp_path / "proofs").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.name.startswith("tiny-")
    data = tmp_path / "cache"
    course = Course(tiny.folder.parents[1])
    data.mkdir()
    before = Contents(course, [data]).version
    (data / proofs.FOLDER).mkdir()
    path.rename(data / proofs.FOLDER / path.name)
    assert Contents(course, [data]).version == before


def put_a_folder_there(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES: dict[str, Callable[[Path], object]] = {
    "damaged": lambda path: path.write_bytes(path.read_bytes()[:-9]),
    "not text": lambda path: path.write_bytes(b"\xff\xfe"),
    "another format": lambda path: path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 99})),
    "another file": lambda path: path.write_text('{"tests": 3}'),
    "removed": lambda path: path.unlink(),
    "a folder": put_a_folder_there,
    "writable for others": lambda path: path.chmod(0o666),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_file_that_cannot_be_trusted_is_ignored(ask, tmp_path, damage):
    grader = Grader()
    ask(grader)
    (path,) = (tmp_path / "proofs").iterdir()
    damage(path)
    ask(grader)
    assert grader.asked == [None, None]


def test_a_file_of_another_user_is_ignored(ask, monkeypatch):
    grader = Grader()
    ask(grader)
    user = os.getuid() + 1
    monkeypatch.setattr(os, "getuid", lambda: user)
    ask(grader)
    assert grader.asked == [None, None]


def test_what_is_edited_while_it_is_graded_has_no_proof(ask, tiny):
    class Editing(Grader):
        def __call__(self, only, on_event) -> Report:
            edit(tiny.hidden_tests, "def error_of(p, y):\n", "def error_of(p, y):\n    pass\n")
            return super().__call__(only, on_event)

    ask(Editing())
    assert asked_again(ask, Grader()) == sorted(TESTS)


def test_another_version_of_a_package_or_another_data_file_proves_everything_again(ask, tiny, monkeypatch, tmp_path):
    grader = Grader()
    ask(grader)
    (tiny.solution / "weights.bin").write_bytes(b"1")
    assert asked_again(ask, grader) == sorted(TESTS)
    assert asked_again(ask, grader) is None
    versions = grading.versions
    monkeypatch.setattr(grading, "versions", lambda assignment: versions(assignment) | {"numpy": "99"})
    assert asked_again(ask, grader) == sorted(TESTS)
    engine = tmp_path / "engine"
    engine.mkdir()
    (engine / "grade.py").write_text("")
    monkeypatch.setattr(fingerprints, "ENGINE", engine)
    assert asked_again(ask, grader) == sorted(TESTS)
    (engine / "grade.py").write_text("pass")
    assert asked_again(ask, grader) == sorted(TESTS)
    found = tmp_path / "digits"
    found.write_text("")
    monkeypatch.setattr(data_files, "find", lambda name: found)
    assert asked_again(ask, grader) == sorted(TESTS)


def test_proofs_of_answers_that_are_no_longer_there_are_removed_by_a_whole_run(tiny, tmp_path):
    other = Submission({}, "1" * 64)

    def run(submission: Submission, *, complete: bool) -> int:
        known, grader = Proofs(tiny, tmp_path), Grader()
        with known.opened(complete=complete):
            known.report(submission, b"", None, grader)
        return len(grader.asked)

    assert [run(ANSWER, complete=True), run(other, complete=False), run(ANSWER, complete=False)] == [1, 1, 0]
    assert [run(other, complete=True), run(ANSWER, complete=True)] == [0, 1]


def test_an_interrupted_run_keeps_what_it_has_proven(tiny, tmp_path):
    grader = Grader()

    def run_and_interrupt() -> None:
        with (known := Proofs(tiny, tmp_path)).opened(complete=False):
            known.report(ANSWER, b"", None, grader)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_and_interrupt()
    with (known := Proofs(tiny, tmp_path)).opened(complete=False):
        known.report(ANSWER, b"", None, grader)
    assert len(grader.asked) == 1
    with (known := Proofs(tiny, tmp_path, anew=True)).opened(complete=False):
        known.report(ANSWER, b"", None, grader)
    assert (len(grader.asked), known.kept, known.count) == (2, 0, 5)
