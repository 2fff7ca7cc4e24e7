"""One run of tests: what hypothesis draws, what is kept of a failure, and what the plugin makes of each test."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from autograder.errors import Died, GraderError, StudentGone, TimedOut
from autograder.judge import examples

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


def drawn(run, **more) -> list[object]:
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
    spec = importlib.util.spec_from_file_location("answer_with_numbers", path)
    sys.modules[spec.name] = module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
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


def test_negative_points_are_refused():
    from autograder.testing import points

    with pytest.raises(ValueError, match="at least 0"):
        points(-1, problem="one")


def test_a_test_is_blocked_by_one_that_it_needs(run):
    text = '''
        def test_first(student):
            """One is one."""
            assert student is None
        @needs("test_first")
        def test_second(student): student.never_called()
        @needs("test_third", "test_second")
        def test_after(student): pass
        def test_third(student): pass
        @needs("test_third")
        def test_fourth(student): pass
        '''
    found = run(text, Echo())
    assert [r.verdict for r in found.results] == ["failed", "blocked", "blocked", "passed", "passed"]
    assert found["test_second"].failure == "not tried, because it stands on a test that did not pass: One is one."
    assert found["test_after"].failure == "not tried, because it stands on a test that did not pass: test_second"
    assert found["test_second"].example == ""


def test_a_test_is_blocked_by_one_case_of_a_parametrised_test(run):
    text = """
        @pytest.mark.parametrize("n", [1, 2])
        def test_first(student, n): assert n == 1
        @needs("test_first")
        def test_second(student): pass
        @needs("test_first[1]")
        def test_third(student): pass
        """
    found = run(text, Echo())
    assert [r.verdict for r in found.results] == ["passed", "failed", "blocked", "passed"]
    assert [r.id for r in found.results][:2] == ["test_hidden.py::test_first[1]", "test_hidden.py::test_first[2]"]


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
        {"event": "collected", "tests": [a, b]},
        {"event": "started", "test": a},
        {"event": "finished", "test": a, "verdict": "passed"},
        {"event": "started", "test": b},
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
    from autograder.errors import SandboxLost

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
