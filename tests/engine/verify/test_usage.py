"""A wrong answer meets only the tests in which the reference calls the function that it replaces, and that is exact."""

from __future__ import annotations

from autograder import grade
from autograder.course.mutants import mutants
from autograder.course.submission import Submission, sha256_of
from autograder.verify import usage, verify

CALLS = """

def halved(x):
    return x / 2


class Meter:
    scale = 2

    def read(self, x):
        return self.scale * x

    @staticmethod
    def unit():
        return "m"


class Silent:
    pass
"""
LAWS = '''


@points(0, problem="loss")
def test_a_meter_reads_twice(student):
    """A meter reads twice the length."""
    assert_close(student.Meter().read(3.0), 6.0)


@points(0, problem="loss")
def test_there_are_silent_things(student):
    """Silent() makes something."""
    student.Silent()
'''


def test_methods_count_as_their_class_and_what_is_called_inside_counts(tiny):
    module, laws = tiny.solution / "tiny.py", tiny.hidden_tests
    module.write_text(module.read_text().replace("np.mean((p - y) ** 2)", "2 * halved(np.mean((p - y) ** 2))") + CALLS)
    laws.write_text(laws.read_text() + LAWS)
    names = ["mean_squared_error", "halved", "Meter", "Silent"]
    report = grade.grade(tiny, usage.traced(tiny, names), secret=verify.SECRET)
    assert report.points == report.possible
    found = usage.callers(report, names)
    assert found["Meter"] == ["test_a_meter_reads_twice"]
    assert found["Silent"] == ["test_there_are_silent_things"]
    assert found["halved"] == found["mean_squared_error"]
    assert "test_error_is_the_mean_of_squares" in found["halved"]
    assert "test_a_meter_reads_twice" not in found["halved"]


def test_a_matrix_is_what_every_mutant_does_in_every_test(tiny):
    """The tests that a mutant does not meet are such as it passes."""
    kills = {kill.mutant: kill for kill in verify.verify(tiny, matrix=True, parts=["answers"]).kills}
    for mutant in mutants(tiny):
        whole = grade.grade(tiny, mutant.submission, secret=verify.SECRET, shrink=False)
        fallen = [test.name for test in whole.tests if test.verdict not in ("passed", "blocked")]
        assert kills[mutant.name].killed_by == fallen
        assert kills[mutant.name].points_lost == whole.possible - whole.points


def test_what_was_printed_on_secret_examples_is_kept_too(tiny):
    """A public test meets two kinds of examples, and a function may be called on one kind alone."""
    module = tiny.solution / "tiny.py"
    module.write_text(module.read_text().replace("    return np.mean(", "    print(p[0])\n    return np.mean(", 1))
    law = "test_error_of_a_small_example"
    printed = [one(tiny, secret, law).splitlines() for secret in (b"one", b"other")]
    assert [len(lines) for lines in printed] == [100, 100]
    assert printed[0][:50] == printed[1][:50]
    assert printed[0][50:] != printed[1][50:]


def one(assignment, secret: bytes, test: str) -> str:
    """What the reference prints in one test."""
    files = assignment.reference()
    report = grade.grade(assignment, Submission(files, sha256_of(files)), secret=secret, only=test)
    return report.tests[0].output
