"""One run of tests: what hypothesis draws, what is kept of a failure, and what the plugin makes of each test."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import textwrap
from typing import Any

import numpy as np
import pytest
from narrowing import not_none

from autograder.core.errors import Died, GraderError, NotImplementedYet, OutOfMemory, StudentGone, TimedOut
from autograder.judge import examples, needs

# --- the examples ---

DRAWS = """
    @given(x=st.integers(), a=float_arrays((2,)))
    def test_law(student, x, a):
        student.see((x, a.tolist()))
    """


class Seer:
    def __init__(self) -> None:
        self.seen: list[object] = []

    def see(self, value: object) -> None:
        self.seen.append(value)


def drawn(run, **more) -> list[Any]:
    answer = Seer()
    run(DRAWS, answer, **more)
    return answer.seen


def test_two_runs_draw_the_same_examples(run):
    assert drawn(run) == drawn(run)


def test_another_secret_draws_other_examples(run):
    assert drawn(run, secret=b"one") != drawn(run, secret=b"two")


def test_another_test_draws_other_examples(run):
    two = DRAWS + DRAWS.replace("test_law", "test_other")
    answer = Seer()
    run(two, answer)
    half = len(answer.seen) // 2
    assert answer.seen[:half] != answer.seen[half:]


def test_examples_do_not_depend_on_the_tests_before_it(run):
    alone = drawn(run)
    answer = Seer()
    run(
        "def test_before(student):\n    import random; random.random(); np.random.rand()\n" + textwrap.dedent(DRAWS),
        answer,
    )
    assert answer.seen == alone


def test_examples_do_not_depend_on_numbers_in_imported_code(run, tmp_path):
    """Hypothesis draws constants out of modules that are not installed, such as a student's own."""
    text = "@settings(max_examples=200)\n@given(x=st.integers())\ndef test_law(student, x): student.see(x)\n"
    before, after = Seer(), Seer()
    run(text, before)
    path = tmp_path / "answer_with_numbers.py"
    path.write_text("\n".join(f"N{i} = {i * 7_919 + 1_000_003}" for i in range(300)))
    spec = not_none(importlib.util.spec_from_file_location("answer_with_numbers", path))
    sys.modules[spec.name] = module = importlib.util.module_from_spec(spec)
    try:
        not_none(spec.loader).exec_module(module)
        run(text, after)
    finally:
        del sys.modules[spec.name]
    assert after.seen == before.seen


def test_a_seed_is_of_secret_and_id_only():
    assert examples.seed(b"s", "t") == examples.seed(b"s", "t")
    assert len({examples.seed(s, t) for s in (b"s", b"r") for t in ("t", "u")}) == 4


FAILS_FROM_TEN = """
    @given(x=st.integers(0, 10**6))
    def test_law(student, x):
        check(student.f(x) < 10, f"{x} is large")
    """


class Echo:
    def f(self, x):
        return x


def test_the_smallest_failing_input_is_shown(run):
    result = run(FAILS_FROM_TEN, Echo())["test_law"]
    assert (result.verdict, result.example, result.detail) == ("failed", "x = 10", "10 is large")


def test_the_input_is_shown_as_it_was_before_the_student_changed_it(run):
    class Spoils:
        def f(self, x):
            x[:] = 99

    text = "@given(x=float_arrays((2,)))\ndef test_law(student, x):\n    student.f(x)\n    check(False, 'no')\n"
    assert run(text, Spoils())["test_law"].example == "x = array([0., 0.])"


@pytest.mark.parametrize("budget", [0, 15])
def test_shrinking_ends_after_a_number_of_runs(run, budget):
    calls = []

    class Counts:
        def f(self, x):
            calls.append(x)
            return len(x) > 40

    text = """
        @given(x=st.lists(st.integers(), min_size=30, max_size=80))
        def test_law(student, x):
            check(not student.f(x), "long")
        """
    result = run(text, Counts(), shrink_runs=budget)["test_law"]
    first = next(i for i, x in enumerate(calls) if len(x) > 40)
    assert len(calls) - first - 1 == budget
    assert result.verdict == "failed"
    assert result.detail == "long"
    assert result.example.startswith("x = [")


@pytest.mark.parametrize("gone", [TimedOut("f took longer"), Died("f ended")], ids=["timed_out", "died"])
def test_a_student_that_is_gone_is_not_asked_again(run, gone: StudentGone):
    asked = []

    class Leaves:
        def f(self, x):
            asked.append(x)
            if x > 100:
                raise gone
            return 0

    result = run(FAILS_FROM_TEN, Leaves())["test_law"]
    assert result.verdict == gone.verdict
    assert [x for x in asked if x > 100] == asked[-1:]
    assert result.example == f"x = {asked[-1]}"


def test_an_answer_that_changes_from_run_to_run_is_unstable(run):
    class Moody:
        failed = False

        def f(self, x):
            if x > 1000 and not self.failed:
                self.failed = True
                return 99
            return 0

    result = run(FAILS_FROM_TEN, Moody())["test_law"]
    assert (result.verdict, result.failure) == ("failed", "gave different answers to the same question")


@pytest.mark.parametrize(
    "value, shown",
    [
        (np.array([0.1, 1e-30]), "array([1.e-01, 1.e-30])"),
        (np.random.default_rng(1), "numpy.random.default_rng(...)"),
        ((1, "a"), "(1, 'a')"),
    ],
    ids=str,
)
def test_inputs_are_shown_so_that_they_can_be_pasted(value, shown):
    assert examples.show(value) == shown


def test_a_long_input_is_cut():
    assert len(examples.show("x" * 10_000)) < examples.SHOWN_CHARACTERS + 10


# --- the plugin ---


def test_points_go_to_the_problem_and_only_when_passed(run):
    text = """
        @points(2, problem="one")
        def test_right(student):
            '''A law,
            in two lines.'''

        @points(3, problem="two")
        def test_wrong(student):
            assert student is None
        """
    found = run(text, Echo())
    right, wrong = found["test_right"], found["test_wrong"]
    assert (right.problem, right.points, right.possible, right.law) == ("one", 2, 2, "A law, in two lines.")
    assert (wrong.problem, wrong.points, wrong.possible, wrong.law) == ("two", 0, 3, "test_wrong")
    assert (right.verdict, right.failure, right.detail, right.example, right.traceback) == ("passed", "", "", "", "")


def test_the_sentence_of_a_parametrised_test_names_its_case_and_each_case_has_its_points(run):
    text = """
        @pytest.mark.parametrize("loss", [
            pytest.param("mean", marks=points(2, problem="one")), pytest.param("sum", marks=points(1, problem="one")),
        ])
        def test_loss(student, loss):
            '''The {loss} of {1, 2} is that of {other}.'''
        """
    mean, total = run(text, Echo()).results
    assert (mean.law, total.law) == ("The mean of {1, 2} is that of {other}.", "The sum of {1, 2} is that of {other}.")
    assert (mean.points, total.points) == (2, 1)


def test_negative_points_are_refused():
    from autograder.testing import points

    with pytest.raises(ValueError, match="at least 0"):
        points(-1, problem="one")


NEEDS = """
    def test_first(student):
        '''One is one.'''
        student.first()
        assert student.right
    @points(2, problem="one")
    @needs("test_first")
    def test_second(student): assert student.second()
    @points(3, problem="one")
    @needs("test_third", "test_second")
    def test_after(student): assert student.after()
    def test_third(student): pass
    @needs("test_third")
    def test_fourth(student): pass
    """


class Answers:
    """Says what it is told to, and keeps what it was asked."""

    def __init__(self, right=False, **answers):
        self.right, self._answers, self.asked = right, answers, []

    def __getattr__(self, name):
        def answer():
            self.asked.append(name)
            said = self._answers.get(name, True)
            if isinstance(said, BaseException):
                raise said
            return said

        return answer


def test_a_test_that_depends_on_one_that_did_not_pass_is_run_and_has_its_points(run):
    answers = Answers()
    found = run(NEEDS, answers)
    assert [result.verdict for result in found.results] == ["failed", "passed", "passed", "passed", "passed"]
    assert [result.points for result in found.results] == [0, 2, 3, 0, 0]
    assert answers.asked == ["first", "second", "after"]


def test_a_test_that_fails_and_depends_on_one_that_did_not_pass_is_blocked(run):
    answers = Answers(second=False, after=ValueError("no"))
    found = run(NEEDS, answers)
    assert [result.verdict for result in found.results] == ["failed", "blocked", "blocked", "passed", "passed"]
    assert found["test_second"].failure == "did not pass, and depends on a test that did not pass: One is one."
    assert found["test_after"].failure == "did not pass, and depends on a test that did not pass: test_second"
    assert (found["test_second"].points, found["test_second"].example, found["test_second"].traceback) == (0, "", "")
    assert answers.asked == ["first", "second", "after"]


@pytest.mark.parametrize("gone", [NotImplementedYet("no"), TimedOut("no"), OutOfMemory("no"), Died("no")], ids=repr)
def test_a_test_is_not_run_where_the_one_that_it_depends_on_is_hopeless(run, gone):
    answers = Answers(first=gone)
    found = run(NEEDS, answers)
    assert [result.verdict for result in found.results] == [gone.verdict, "blocked", "blocked", "passed", "passed"]
    assert found["test_second"].failure == "was not run, because it depends on a test that did not pass: One is one."
    assert found["test_after"].failure == "was not run, because it depends on a test that did not pass: test_second"
    assert answers.asked == ["first"]


def test_after_a_time_no_test_is_run_that_depends_on_one_that_did_not_pass(run, monkeypatch):
    monkeypatch.setattr(needs, "SECONDS", 0.0)
    answers = Answers()
    found = run(NEEDS, answers)
    assert [result.verdict for result in found.results] == ["failed", "blocked", "blocked", "passed", "passed"]
    assert answers.asked == ["first"]


def test_a_fault_of_ours_in_a_test_that_depends_on_another_stays_ours(run):
    found = run(NEEDS, Answers(second=GraderError("the sandbox is gone")))
    assert found["test_second"].verdict == "grader_error"


def test_a_blocked_test_keeps_no_figure_and_does_not_shrink(run):
    runs = []

    class Counts(Answers):
        def seen(self, x):
            runs.append(x)

    text = """
        def test_first(student): assert False
        @needs("test_first")
        @given(x=st.integers(0, 10**6))
        def test_second(student, record, x):
            record.number("t", "n", 1.0)
            student.seen(x)
            check(x < 10, "large")
        """
    found = run(text, Counts())
    assert (found["test_second"].verdict, found["test_second"].figures) == ("blocked", [])
    assert sum(x >= 10 for x in runs) == 1


def test_a_test_depends_on_every_case_of_a_parametrised_test(run):
    text = """
        @pytest.mark.parametrize("n", [1, 2])
        def test_first(student, n): assert n == 1
        @needs("test_first")
        def test_second(student): assert False
        @needs("test_first[1]")
        def test_third(student): assert False
        """
    found = run(text, Echo())
    assert [r.verdict for r in found.results] == ["passed", "failed", "blocked", "failed"]
    assert [r.id for r in found.results][:2] == ["test_hidden.py::test_first[1]", "test_hidden.py::test_first[2]"]


ANSWERS_STEER = {
    "no example fits": ("x=st.integers()", "hypothesis.assume(student.f(x) is None)"),
    "nothing to draw from": ("d=st.data()", "d.draw(st.sampled_from(student.f([])))"),
    "nothing in a range": ("d=st.data()", "d.draw(st.integers(5, student.f(3)))"),
    "no strategy": ("d=st.data()", "d.draw(student.f(1))"),
    "rejects": ("x=st.integers()", "student.f(x) is None or hypothesis.reject()"),
}


@pytest.mark.threat(55)
@pytest.mark.parametrize(("drawn", "line"), ANSWERS_STEER.values(), ids=ANSWERS_STEER)
def test_what_hypothesis_says_of_a_students_answer_is_no_fault_of_ours(run, drawn, line):
    name = drawn.partition("=")[0]
    assert run(f"@given({drawn})\ndef test_law(student, {name}): {line}", Echo())["test_law"].verdict == "failed"


def test_a_strategy_that_cannot_be_is_our_fault(run):
    text = "@given(x=st.integers(5, 3))\ndef test_law(student, x): student.f(x)"
    assert run(text, Echo())["test_law"].verdict == "grader_error"


# --- public tests are tried on other examples as well ---

PUBLIC = """
    @points(3, problem="one")
    @given(x=st.integers(0, 10**9))
    def test_law(student, x):
        '''f(x) is x.'''
        assert_equal(student.f(x), x)

    @points(1, problem="one")
    def test_worked_example(student): assert_equal(student.f(3), 3)
    """


class Table:
    """Answers what is in its table, and nothing else."""

    def __init__(self):
        self.known, self.learns = set(), True

    def f(self, x):
        if self.learns:
            self.known.add(x)
        return x if x in self.known else -1


def test_a_table_of_the_public_examples_has_no_points_on_the_server(run):
    table = Table()
    at_home = run(PUBLIC, table, name="test_public.py")
    assert [test.verdict for test in at_home.results] == ["passed", "passed"]
    assert [test.examples for test in at_home.results] == ["public", "fixed"]
    table.learns = False
    found = run(PUBLIC, table, name="test_public.py", course_secret=b"of the course", secret=b"secret")
    law, worked = found.results
    assert (law.verdict, law.points, law.examples, law.failed_on) == ("failed", 0, "public and secret", "secret")
    assert law.failure == "returned a wrong value, on examples that are not the public ones"
    assert (worked.verdict, worked.points, worked.examples, worked.failed_on) == ("passed", 1, "fixed", "")
    assert [event["event"] for event in found.events] == ["collected", *["started", "finished"] * 2]


def test_who_fails_on_the_public_examples_is_not_asked_for_others(run):
    class Wrong:
        asked = 0

        def f(self, x):
            Wrong.asked += 1
            return -1

    found = run(PUBLIC, Wrong(), name="test_public.py", course_secret=b"of the course")
    assert [(test.verdict, test.failed_on) for test in found.results] == [("failed", "public")] * 2
    assert found["test_law"].repeat == "deepgrade check --test test_law"
    assert Wrong.asked < 300


def test_hidden_tests_are_tried_once(run):
    class Counts:
        asked = 0

        def f(self, x):
            Counts.asked += 1
            return x

    found = run(PUBLIC, Counts(), course_secret=b"of the course")
    assert [test.examples for test in found.results] == ["secret", "fixed"]
    assert Counts.asked <= 51


def test_limits_of_a_test_stand_in_for_those_of_the_manifest(run):
    seen = []

    class Keeps:
        def __init__(self, limits):
            seen.append((limits.seconds, limits.test_seconds, limits.memory_mb))

    text = """
        @limits(seconds=90)
        def test_long(student): pass
        @limits(seconds=1, test_seconds=2)
        def test_short(student): pass
        def test_plain(student): pass
        """
    run(text, Keeps)
    assert seen == [(90, 90, 1024), (1, 2, 1024), (3, 30, 1024)]


def test_events_come_in_order(run):
    found = run("def test_a(student): pass\ndef test_b(student): assert 0\n", Echo())
    a, b = "test_hidden.py::test_a", "test_hidden.py::test_b"
    assert found.events == [
        {"event": "collected", "tests": [a, b], "needs": {a: [], b: []}},
        {"event": "started", "test": a, "judge_seconds": 10.0},
        {"event": "finished", "test": a, "verdict": "passed"},
        {"event": "started", "test": b, "judge_seconds": 10.0},
        {"event": "finished", "test": b, "verdict": "failed"},
    ]


def test_a_test_that_does_not_ask_for_the_student_gives_no_result(run):
    found = run("def test_own(): pass\ndef test_law(student): pass\n", Echo())
    assert [r.name for r in found.results] == ["test_law"]


@pytest.mark.parametrize(
    "text",
    [
        "def test_own(): assert 0",
        "@given(x=st.nothing())\ndef test_law(student, x): pass",
        "@given(y=st.integers())\ndef test_law(student, x): pass",
    ],
)
def test_a_test_that_fails_without_the_student_is_our_fault(run, text):
    """Hypothesis makes of one that it cannot run a test that asks for nothing: its points would vanish."""
    with pytest.raises(GraderError, match=r"the tests are broken: test_hidden\.py::test_"):
        run(text, Echo())


def test_only_the_named_test_is_run(run):
    text = "@pytest.mark.parametrize('n', [1, 2])\ndef test_a(student, n): pass\ndef test_b(student): pass\n"
    assert [r.name for r in run(text, Echo(), only="test_a").results] == ["test_a[1]", "test_a[2]"]
    assert [r.name for r in run(text, Echo(), only="test_b").results] == ["test_b"]


def test_a_constant_of_the_test_file_is_as_written_for_every_test(run):
    class Spoils:
        def f(self, x):
            x[...] = 7

    text = """
        A, B = np.zeros(2), (np.zeros(2), [np.zeros(1)])
        def test_first(student):
            for x in (A, B[0], B[1][0]): student.f(x)
        def test_second(student): assert not A.any() and not B[0].any() and not B[1][0].any()
        """
    assert [r.verdict for r in run(text, Spoils()).results] == ["passed", "passed"]


def test_the_named_test_brings_those_it_needs(run):
    text = """
        def test_first(student): pass
        @needs("test_first")
        def test_second(student): pass
        @needs("test_second")
        def test_third(student): pass
        def test_other(student): pass
        """
    assert [r.name for r in run(text, Echo(), only="test_third").results] == ["test_first", "test_second", "test_third"]


@pytest.mark.parametrize(
    "text", ["import no_such_module", "def test_(:", "1 / 0", "@points(1)\ndef test_a(student): pass"]
)
def test_a_broken_test_file_is_our_fault(run, text):
    with pytest.raises(GraderError, match="the tests are broken"):
        run(text, Echo())


def test_a_student_that_cannot_be_had_is_our_fault_and_not_a_zero(run):
    from autograder.core.errors import SandboxLost

    class Lost:
        def __init__(self, limits):
            raise SandboxLost("gone")

    assert run("def test_a(student): pass", Lost)["test_a"].verdict == "grader_error"


def test_a_call_that_returns_where_pytest_raises_wants_an_error_fails(run):
    text = """
        @given(x=st.integers(0, 5))
        def test_law(student, x):
            with pytest.raises(ValueError):
                student.f(x)
        """
    result = run(text, Echo())["test_law"]
    assert (result.verdict, result.example) == ("failed", "x = 0")


def test_what_a_test_records_is_in_its_result(run):
    text = """
        def test_training(student, record):
            record.curve("Loss", "epoch", [1, 2], train=[0.5, np.float32(0.25)])
            record.confusion("Mistakes", [0, 1, 1], [0, 1, 0], ["a", "b"])
            record.number("Accuracy", "held out", 0.9, bar=0.8, unit="%")
            record.images("Weights", {"first": [np.array([[0.0, 2.0]])]})
        """
    curve, confusion, number, images = run(text, Echo())["test_training"].figures
    assert curve.data["series"] == {"train": [0.5, 0.25]}
    assert confusion.data["matrix"] == [[1, 0], [1, 1]]
    assert number.data["rows"] == [{"name": "held out", "value": 0.9, "bar": 0.8, "unit": "%"}]
    assert images.data["rows"][0]["images"] == [[[0, 255]]]


# --- plain pytest, in a folder like a student's kit ---


def plain_pytest(folder, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def kit(tiny, tmp_path):
    folder = tmp_path / "kit"
    folder.mkdir()
    for name in ("assignment.toml", "test_public.py", "tiny.py"):
        (folder / name).write_bytes((tiny.folder / name).read_bytes())
    return folder


def test_plain_pytest_runs_the_public_tests_on_the_file_beside_them(kit, tiny):
    assert plain_pytest(kit, "test_public.py").returncode == 1
    (kit / "tiny.py").write_bytes(tiny.reference()["tiny.py"])
    done = plain_pytest(kit, "test_public.py")
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_plain_pytest_draws_the_examples_of_the_server(kit, run):
    (kit / "tiny.py").write_text("import json\ndef f(x, a): print('saw', json.dumps([x, a.tolist()]))")
    text = textwrap.dedent(DRAWS).replace("student.see((x, a.tolist()))", "student.f(x, a)")
    head = "from hypothesis import given, strategies as st\nfrom autograder.testing import *\n"
    (kit / "test_public.py").write_text(head + text)
    done = plain_pytest(kit, "test_public.py", "-s")
    seen = [json.loads(line.split("saw ")[1]) for line in done.stdout.splitlines() if "saw " in line]
    server = drawn(run, name="test_public.py", secret=examples.PUBLIC_SECRET)
    assert seen == [[x, a] for x, a in server]


def test_tests_of_other_projects_are_left_alone(tmp_path):
    (tmp_path / "test_other.py").write_text(
        "from hypothesis import given, settings, strategies as st\n"
        "@given(st.integers())\ndef test_it(x): pass\n"
        "def test_settings(): assert settings.default.max_examples == 100\n"
    )
    done = plain_pytest(tmp_path)
    assert "2 passed" in done.stdout, done.stdout


@pytest.mark.parametrize("runs", [0, 3])
def test_a_body_that_draws_is_not_called_unstable_where_shrinking_ends(run, runs):
    """Hypothesis takes the end of shrinking, which comes before the body draws, for another behaviour of the test."""
    result = run(
        """
        @given(data=st.data())
        def test_it(student, data):
            number = data.draw(st.integers(0, 10**9))
            check(number < 1000, "too large")
        """,
        shrink_runs=runs,
    )["test_it"]
    assert (result.verdict, result.detail) == ("failed", "too large")
