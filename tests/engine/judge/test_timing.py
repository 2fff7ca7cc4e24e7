"""Time as a ratio to the reference: who is slow is found out, whatever he does to the clock. In the real sandbox."""

from __future__ import annotations

import textwrap
from collections.abc import Callable

import pytest

from autograder import grade as grading
from autograder.core.errors import GraderError
from autograder.course.submission import Submission, sha256_of
from autograder.judge.timing import PATIENCE, Race
from autograder.local_check import public_tests
from autograder.report import schema as reports
from autograder.report.visibility import view
from autograder.testing.mismatch import Mismatch

TESTS = '''
import numpy as np
from autograder.testing import limits, points

def inputs(number):
    rng = np.random.default_rng(number)
    return rng.normal(size=20_000), rng.normal(size=20_000)

@points(2, problem="loss")
@limits(seconds=5, test_seconds=30)
def test_error_is_quick(race):
    """The error of long vectors takes at most 8 times as long as the reference."""
    race.within(8, lambda module, p, y: module.mean_squared_error(p, y), inputs)
'''
TEST = "test_hidden.py::test_error_is_quick"

# In each the answer is right. The reference takes well under a millisecond, and so does `quick`.
HEAD = """
    import threading, os, time
    import numpy as np
    def quick(p, y):
        return float(np.mean((p - y) ** 2))
    """
SLOW = {
    "sleeps": """
    def mean_squared_error(p, y):
        time.sleep(0.4)
        return quick(p, y)
    """,
    "sets its clock back": """
    sleep = time.sleep
    time.time = time.perf_counter = time.monotonic = time.process_time = lambda: 0.0
    def mean_squared_error(p, y):
        sleep(0.4)
        return quick(p, y)
    """,
    "remembers what it was asked": """
    known = {}
    def mean_squared_error(p, y):
        if p.tobytes() not in known:
            time.sleep(0.4)
            known[p.tobytes()] = quick(p, y)
        return known[p.tobytes()]
    """,
    "remembers on disk": """
    def mean_squared_error(p, y):
        name = f"/tmp/{float(p[0])!r}"
        if not os.path.exists(name):
            time.sleep(0.4)
            open(name, "w").close()
        return quick(p, y)
    """,
    "leaves others behind to slow the reference down": """
    def burn():
        while True:
            pass
    def mean_squared_error(p, y):
        for _ in range(4):
            if os.fork() == 0:
                burn()
        time.sleep(0.4)
        return quick(p, y)
    """,
}
FAST = {
    "is quick": """
    mean_squared_error = quick
    """,
    "warms up once": """
    ready = []
    def mean_squared_error(p, y):
        if not ready:
            time.sleep(0.4)
            ready.append(True)
        return quick(p, y)
    """,
}


@pytest.fixture
def timed(tiny):
    """The small course, with one hidden test, which times."""
    tiny.hidden_tests.write_text(TESTS)
    return tiny


def grade(assignment, text: str) -> reports.Report:
    files = {"tiny.py": text.encode()}
    submission = Submission(files, sha256_of(files))
    return grading.grade(assignment, submission, secret=b"s", tests=[assignment.hidden_tests])


def answer(body: str) -> str:
    return textwrap.dedent(HEAD) + textwrap.dedent(body)


@pytest.mark.parametrize("body", SLOW.values(), ids=SLOW)
@pytest.mark.threat(29)
def test_who_is_slow_loses_the_points_for_time_and_hears_why(timed, body):
    report = grade(timed, answer(body))
    (result,) = report.tests
    assert (result.verdict, result.points) == ("failed", 0)
    assert result.failure == "is right, but takes too many times as long as the reference"
    assert report.timings.ratios[TEST].value > report.timings.ratios[TEST].limit == 8
    # In few digits, since the student's code chooses it.
    shown = view(report, "student").timings.ratios[TEST]
    assert (shown.limit, shown.value) == (8, pytest.approx(report.timings.ratios[TEST].value, rel=0.05))


@pytest.mark.parametrize("body", FAST.values(), ids=FAST)
@pytest.mark.threat(34)
def test_who_is_quick_gets_them_even_after_a_slow_first_call(timed, body):
    report = grade(timed, answer(body))
    assert [result.verdict for result in report.tests] == ["passed"]
    assert 0 < report.timings.ratios[TEST].value <= 8


def test_a_quick_wrong_answer_is_wrong(timed):
    report = grade(timed, answer("def mean_squared_error(p, y): return 0.0"))
    assert [(result.verdict, result.failure) for result in report.tests] == [("failed", "returned a wrong value")]


def test_the_stub_is_not_implemented(timed):
    assert grade(timed, timed.stub()["tiny.py"].decode()).tests[0].verdict == "not_implemented"


def test_a_reference_that_fails_is_our_fault(timed):
    (timed.solution / "tiny.py").write_text("def mean_squared_error(p, y): raise ValueError('ours')\n")
    with pytest.raises(GraderError, match=r"the reference failed in a race: .*ours"):
        grade(timed, answer("mean_squared_error = quick"))


def test_at_home_there_is_nobody_to_race_against(timed):
    """`race` in a public test: an author's mistake, never a student's."""
    timed.public_tests.write_text(TESTS)
    (timed.folder / "tiny.py").write_bytes(timed.reference()["tiny.py"])
    (result,) = public_tests.check(timed.folder, timed).tests
    assert result.verdict == "grader_error"
    assert "such a test belongs to the hidden ones" in result.detail


class Clocked:
    """A module of which every call is said to take so long: a race's arithmetic without its processes."""

    def __init__(self, seconds: list[float]) -> None:
        self.seconds, self.opened = seconds, 0

    def __enter__(self):
        self.opened += 1
        return self

    def __exit__(self, *_) -> None:
        pass


def ran(monkeypatch, student: list[float], reference: list[float], **more) -> tuple[Callable, Clocked, list]:
    one, other, told = Clocked(student), Clocked(reference), []
    race = Race(
        lambda: one,
        lambda: other,
        more.pop("seconds", 1e9),
        lambda *heard: told.append(heard),
        lambda purpose: 2 * int(purpose.split()[-1]) + purpose.startswith("to warm up"),
    )
    clock = [0.0]
    monkeypatch.setattr("autograder.judge.timing.time.perf_counter", lambda: clock[0])

    def work(module, number):
        if number % 2 == 0:  # the timed call; the odd one warms up
            clock[0] += module.seconds[min(number // 2, len(module.seconds) - 1)]
        return 0.0

    return lambda limit: race.within(limit, work, lambda number: (number,), rounds=3), one, told


@pytest.mark.threat(50)
def test_inputs_come_from_the_course_s_secret(timed, tmp_path):
    """Whoever has the tests cannot know what a race will ask."""
    asked = tmp_path / "asked"
    tests = TESTS.replace(
        "    rng = np.random", f"    open({str(asked)!r}, 'a').write(f'{{seed}}\\n')\n    rng = np.random"
    )
    timed.hidden_tests.write_text(tests.replace("number", "seed"))
    files = timed.reference()
    seeds = []
    for secret in (b"one", b"one", b"two"):
        grading.grade(timed, Submission(files, sha256_of(files)), secret=secret)
        seeds.append(asked.read_text().split())
        asked.unlink()
    assert len(set(seeds[0][:2])) == 2
    assert seeds[0][:2] == seeds[1][:2]
    assert not set(seeds[0]) & set(seeds[2])


def test_the_shortest_times_are_compared(monkeypatch):
    race, one, told = ran(monkeypatch, [9.0, 2.0, 7.0], [5.0, 1.0, 8.0])
    assert race(4) == 2.0
    assert (one.opened, told) == (3, [(2.0, 4)])


def test_who_seems_a_little_too_slow_gets_more_rounds(monkeypatch):
    race, one, _ = ran(monkeypatch, [6.0, 6.0, 6.0, 6.0, 2.0], [1.0])
    assert race(4) == 2.0
    assert one.opened == 5


@pytest.mark.parametrize("slow, rounds", [(6.0, 3 * PATIENCE), (60.0, 3)])
def test_patience_ends(monkeypatch, slow, rounds):
    race, one, told = ran(monkeypatch, [slow], [1.0])
    with pytest.raises(Mismatch, match="took more than 4 times as long"):
        race(4)
    assert (one.opened, told) == (rounds, [(slow, 4)])


def test_no_round_begins_after_the_time_is_up(monkeypatch):
    race, one, _ = ran(monkeypatch, [50.0], [49.0], seconds=60)
    assert race(4) < 4
    assert one.opened == 1
