"""What is taken from an earlier grading is what a full grading finds, and nothing else is taken.

Nothing here needs a sandbox: a grader is told the results.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder import grade as grading
from autograder.core.errors import GraderError
from autograder.course.submission import Submission
from autograder.report.schema import Measured, Ratio, Report, TestResult, Timings, TrainingTimes, Verdict
from autograder.reuse import earlier as reuse
from autograder.reuse.earlier import Basis, Earlier, Graded
from autograder.reuse.fingerprints import fingerprints
from autograder.reuse.keys import Keys

SMALL = "test_public.py::test_error_of_a_small_example"
VANISHES = "test_public.py::test_gradient_vanishes_at_the_target"
MEAN = "test_hidden.py::test_error_is_the_mean_of_squares"
LEAVES = "test_hidden.py::test_error_leaves_its_inputs"
GRADIENT = "test_hidden.py::test_gradient_is_that_of_the_error"
FUNCTIONS = (SMALL, VANISHES, MEAN, LEAVES, GRADIENT)
NEEDS = {
    SMALL: [],
    VANISHES: ["test_error_of_a_small_example"],
    f"{MEAN}[1]": [],
    f"{MEAN}[2]": [],
    LEAVES: ["test_error_is_the_mean_of_squares[2]"],
    GRADIENT: ["test_gradient_vanishes_at_the_target"],
}
ANSWER = Submission({}, "a" * 64)
CLOSURES = {
    SMALL: {SMALL},
    VANISHES: {VANISHES, SMALL},
    f"{MEAN}[1]": {f"{MEAN}[1]"},
    f"{MEAN}[2]": {f"{MEAN}[2]"},
    LEAVES: {LEAVES, f"{MEAN}[2]"},
    GRADIENT: {GRADIENT, VANISHES, SMALL},
}
CASES = st.sampled_from(sorted(NEEDS))
VERSIONS = st.fixed_dictionaries({function: st.integers(0, 2) for function in FUNCTIONS})


def function(test: str) -> str:
    return test.partition("[")[0]


def name(test: str) -> str:
    return test.partition("::")[2]


class World:
    """A grader of one submission. The result of a test is a function of its source and of those that it needs."""

    def __init__(self, versions: dict[str, int], by_clock: frozenset[str] | set[str] = frozenset()) -> None:
        """versions : of the source of each test function.   by_clock : tests whose results a clock decides."""
        self.versions, self.by_clock = versions, by_clock
        self.asked: list[set[str]] = []  # what each grading ran
        self.verdicts: dict[str, Verdict] = {}  # in place of the computed ones
        self.needs = NEEDS

    def fingerprints(self) -> dict[str, str]:
        return {test: f"{test} {version}" for test, version in self.versions.items()}

    def __call__(self, names: Sequence[str] | None, listen: reuse.OnEvent) -> Report:
        listen({"event": "collected", "tests": [], "needs": self.needs})
        chosen = {test for test in self.needs if names is None or {name(test), name(function(test))} & set(names)}
        chosen |= {needed for test in chosen for needed in CLOSURES.get(test, ())}
        self.asked.append(chosen)
        results = [self.result(test) for test in self.needs if test in chosen]
        ratios = {test: Ratio(1.0, 2.0) for test in chosen & self.by_clock}
        seconds = dict.fromkeys(chosen, 1.0)
        return Report("tiny", "Tiny", "graded", tests=results, timings=Timings(len(chosen), seconds, ratios))

    def result(self, test: str) -> TestResult:
        sources = [self.versions[function(one)] for one in sorted(CLOSURES.get(test, ()))]
        verdict = self.verdicts.get(test, "failed" if sum(sources) % 3 == 1 else "passed")
        points = float(verdict == "passed")
        return TestResult(test, name(test), f"law {sources}", "loss", points, 1, "hidden", verdict)


def grade(tiny, world: World, earlier: Earlier | None = None) -> Graded:
    return reuse.grade(tiny, ANSWER, Keys(tiny, world.fingerprints()), earlier, world)


def again(tiny, world: World, first: Graded, *, own: bool) -> Graded:
    world.asked.clear()
    return grade(tiny, world, Earlier(first.report, first.basis, own))


def of_versions(number: int = 0) -> dict[str, int]:
    return dict.fromkeys(FUNCTIONS, number)


@pytest.mark.threat(60)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # no example changes the course
@given(before=VERSIONS, after=VERSIONS, by_clock=st.sets(CASES), own=st.booleans())
def test_the_union_is_a_full_grading_and_only_what_can_differ_is_graded(tiny, before, after, by_clock, own):
    first = grade(tiny, World(before, by_clock))
    edited = {test for test in FUNCTIONS if before[test] != after[test]}
    dropped = {
        test
        for test, closure in CLOSURES.items()
        if edited & {function(one) for one in closure} or (not own and by_clock & closure)
    }
    world, full = World(after, by_clock), World(after, by_clock)
    second, expected = again(tiny, world, first, own=own), grade(tiny, full)
    assert second.report.tests == expected.report.tests
    points = sum(test.points for test in expected.report.tests)
    assert (second.report.points, second.report.possible) == ((points, 6) if second.answered else (0, 0))
    assert second.basis == expected.basis
    assert second.answered == len(NEEDS) - len(dropped)
    run = {needed for test in dropped for needed in CLOSURES[test]}
    assert world.asked == ([] if not dropped else [run] if second.answered else [set(NEEDS)])
    assert second.report.timings.ratios == expected.report.timings.ratios, (
        "later gradings must know what a clock decided"
    )
    assert second.report.timings.test_seconds.keys() == NEEDS.keys()
    third = again(tiny, world, second, own=True)
    assert (world.asked, third.answered, third.report.tests) == ([], len(NEEDS), second.report.tests)


@pytest.mark.parametrize("verdict", ["timed_out", "out_of_memory", "died"])
def test_what_time_or_memory_decided_stays_with_its_submission_and_so_does_what_needs_it(tiny, verdict):
    world = World(of_versions())
    world.verdicts = {VANISHES: verdict, GRADIENT: "blocked"}
    first = grade(tiny, world)
    assert again(tiny, world, first, own=True).answered == len(NEEDS)
    assert world.asked == []
    assert again(tiny, world, first, own=False).answered == len(NEEDS) - 2
    assert world.asked == [{SMALL, VANISHES, GRADIENT}]


def test_what_was_trained_stays_with_its_submission(tiny):
    world = World(of_versions())
    first = grade(tiny, world)
    trained = {LEAVES: TrainingTimes("cpu", 1.0, measured=[Measured("accuracy", 90.0, 80.0)])}
    timings = msgspec.structs.replace(first.report.timings, trainings=trained)
    first = Graded(msgspec.structs.replace(first.report, timings=timings), first.basis)
    own = again(tiny, world, first, own=True)
    assert (world.asked, own.report.timings.trainings) == ([], trained)
    again(tiny, world, first, own=False)
    assert world.asked == [{LEAVES, f"{MEAN}[2]"}]


@pytest.mark.threat(60)
@pytest.mark.parametrize("own", [True, False])
def test_a_fault_of_the_grader_is_never_kept_nor_is_what_needs_that_test(tiny, own):
    world = World(of_versions())
    world.verdicts = {VANISHES: "grader_error", GRADIENT: "blocked"}
    first = grade(tiny, world)
    world.verdicts = {}
    second = again(tiny, world, first, own=own)
    assert world.asked == [{SMALL, VANISHES, GRADIENT}]
    assert {test.verdict for test in second.report.tests} == {"passed"}


@pytest.mark.parametrize("state", ["refused", "grader_error"])
def test_a_report_without_a_grading_answers_nothing(tiny, state):
    world = World(of_versions())
    first = grade(tiny, world)
    again(tiny, world, Graded(msgspec.structs.replace(first.report, state=state), first.basis), own=True)
    assert world.asked == [set(NEEDS)]


def test_a_kept_test_that_ends_in_another_way_has_everything_graded(tiny):
    """Other kept results may depend on how it ended before."""
    world = World(of_versions())
    first = grade(tiny, world)
    world.versions |= {GRADIENT: 3}
    world.verdicts = {SMALL: "timed_out", VANISHES: "blocked"}
    second = again(tiny, world, first, own=True)
    assert world.asked == [{SMALL, VANISHES, GRADIENT}, set(NEEDS)]
    assert [test.verdict for test in second.report.tests][:2] == ["timed_out", "blocked"]
    assert second.answered == 0


def test_tests_that_are_no_plain_functions_have_everything_graded_each_time(tiny):
    world = World(of_versions())
    first = grade(tiny, world)
    world.needs = {**NEEDS, "test_hidden.py::test_more": []}
    world.versions = of_versions() | {MEAN: 1}  # a class that is added changes the whole file
    second = again(tiny, world, first, own=True)
    assert "test_more" in [test.name for test in second.report.tests]
    again(tiny, world, second, own=True)
    assert world.asked == [set(world.needs)]


def test_a_union_that_lacks_a_test_is_a_fault_of_the_grader(tiny):
    world = World(of_versions())
    first = grade(tiny, world)
    world.versions |= {MEAN: 1}
    world.needs = {test: needs for test, needs in NEEDS.items() if function(test) != MEAN} | {LEAVES: []}
    with pytest.raises(GraderError, match="test_error_is_the_mean_of_squares was not graded"):
        again(tiny, world, first, own=True)


def test_a_report_of_some_named_tests_has_keys_where_no_test_needs_one_of_the_other_side(tiny):
    world = World(of_versions())
    first = grade(tiny, world)
    keys = Keys(tiny, world.fingerprints())
    world([name(VANISHES)], keys.learn)
    basis = reuse.basis_of_merged(first.report, first.basis, keys, [name(VANISHES)])
    assert basis.keys.keys() == NEEDS.keys() - {VANISHES, GRADIENT}
    assert basis.keys.items() <= first.basis.keys.items()
    assert reuse.basis_of_merged(first.report, Basis(), keys, [name(SMALL)]).keys == {SMALL: first.basis.keys[SMALL]}


def test_a_basis_is_read_as_it_was_written(tiny):
    basis = grade(tiny, World(of_versions())).basis
    assert reuse.from_json(reuse.to_json(basis)) == basis
    with pytest.raises(msgspec.DecodeError):
        reuse.from_json(b'{"keys": 3}')


def test_other_files_another_secret_or_another_device_are_another_answer():
    answers = {
        reuse.answer(secret, Submission({}, sha256), device)
        for secret in (b"one", b"other")
        for sha256 in ("a" * 64, "b" * 64)
        for device in ("cpu", "cuda: H200")
    }
    assert len(answers) == 8


@pytest.fixture
def timed(tiny):
    with tiny.hidden_tests.open("a") as file:
        file.write("def test_time(student, race): pass\n")
    return tiny


def test_a_race_has_a_fingerprint_where_results_stay_with_their_submission(timed):
    test = {"test_hidden.py::test_time"}
    assert fingerprints(timed, timed=True).keys() == fingerprints(timed).keys() | test


CHANGES = {
    "the reference": lambda course: course.solution / f"{course.manifest.module}.py",
    "the manifest": lambda course: course.folder / "assignment.toml",
    "a file beside the tests": lambda course: course.solution / "weights.bin",
    "the public tests": lambda course: course.public_tests,
}


@pytest.mark.parametrize("path_of", CHANGES.values(), ids=CHANGES)
def test_each_file_that_can_decide_a_result_has_a_part_in_the_fingerprint(timed, path_of):
    before = fingerprints(timed, timed=True)
    with path_of(timed).open("a") as file:
        file.write("\nX_Y = 3\n" if path_of(timed).suffix == ".py" else "\n# more\n")
    after = fingerprints(timed, timed=True)
    same = {test for test in before if before[test] == after[test]}
    only_public = path_of(timed) == timed.public_tests
    assert same == ({test for test in before if test.startswith("test_hidden")} if only_public else set())


def test_an_engine_that_was_replaced_while_it_ran_is_the_one_that_graded(tiny):
    assert fingerprints(tiny, engine_hash="older") != fingerprints(tiny)
    assert fingerprints(tiny, engine_hash="older") == fingerprints(tiny, engine_hash="older")


def test_without_a_gpu_the_device_is_that_of_every_report(tiny, monkeypatch):
    monkeypatch.setenv("DEEPGRADE_GPU", "0")
    assert grading.device(tiny) == "cpu", "the assignment does not ask for one"
