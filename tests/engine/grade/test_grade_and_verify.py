"""A submission and an assignment -> a report; and whether an assignment is sound. In the real sandbox."""

from __future__ import annotations

import json
import os
import signal
import sys
import textwrap

import jsonschema
import msgspec
import pytest
from narrowing import not_none

from autograder import grade as grading
from autograder.core.errors import BadCourse, DeepgradeError, GraderError
from autograder.course import mutants as wrong
from autograder.course.course import Course
from autograder.course.submission import Submission, sha256_of
from autograder.local_check import public_tests
from autograder.report import schema as reports
from autograder.report.visibility import view
from autograder.verify import verify
from autograder.verify.answers import Part

SECRET = b"a secret of the course"
PYTHON = ".".join(map(str, sys.version_info[:2]))


def submission(text: str | bytes) -> Submission:
    files = {"tiny.py": textwrap.dedent(text).encode() if isinstance(text, str) else text}
    return Submission(files, sha256_of(files))


def grade(assignment, text, *, secret=SECRET, **more) -> reports.Report:
    return grading.grade(assignment, submission(text), secret=secret, **more)


GRADIENT = "test_gradient_vanishes_at_the_target"  # needs another test
RIGHT_AND_WRONG = """
    import numpy as np
    print("canary-out")
    def mean_squared_error(p, y):
        print("canary-out", p)
        return float(np.sum((p - y) ** 2))
    def mean_squared_error_grad(p, y):
        raise ValueError(f"canary-raised {p}")
    """


@pytest.mark.threat(16)
def test_another_secret_draws_other_hidden_examples(tiny):
    """Whoever has the public tests, and ours, cannot know what hidden ones will ask."""
    wrong = tiny.reference()["tiny.py"].replace(b"p - y", b"p - y + (abs(p).sum() > 3)")
    submitted = submission(wrong)
    found = [grading.grade(tiny, submitted, secret=secret, shrink=False) for secret in (b"one", b"two")]
    drawn = [
        [test.example for test in report.tests if test.visibility == "hidden" and test.example] for report in found
    ]
    assert drawn[0]
    assert drawn[0] != drawn[1]


def without_times(report: reports.Report) -> bytes:
    return reports.to_json(msgspec.structs.replace(report, timings=reports.Timings()))


def test_the_reference_gets_full_marks(tiny):
    report = grade(tiny, tiny.reference()["tiny.py"])
    assert (report.points, report.possible, {test.verdict for test in report.tests}) == (6, 6, {"passed"})
    assert report.versions["numpy"]
    assert "bubblewrap" in report.sandbox
    assert report.submission_sha256 == submission(tiny.reference()["tiny.py"]).sha256


@pytest.mark.parametrize(
    "text, reason",
    [
        (
            "def mean_squared_error(p, y:",
            f"SyntaxError: '(' was never closed (tiny.py, line 1); read by Python {PYTHON}",
        ),
        ("import torch", "ModuleNotFoundError: No module named 'torch'"),
        ("import os; os._exit(3)", "importing tiny.py: its process ended (exit status 3)"),
    ],
)
def test_what_cannot_be_imported_says_so_once(tiny, text, reason):
    assert grade(tiny, text).message == f"tiny.py cannot be imported, so no test could ask it anything: {reason}"


def test_what_can_be_imported_has_no_message_however_wrong(tiny):
    assert grade(tiny, RIGHT_AND_WRONG).message == ""


def test_two_gradings_are_alike_to_the_byte_apart_from_times(tiny):
    found = {without_times(grade(tiny, RIGHT_AND_WRONG)) for _ in range(3)}
    assert len(found) == 1


def test_a_report_of_a_failing_submission_fits_the_schema_and_hides_the_hidden(tiny):
    report = grade(tiny, RIGHT_AND_WRONG)
    jsonschema.validate(json.loads(reports.to_json(report)), reports.schema())
    assert {test.name: test.verdict for test in report.tests} == {
        "test_error_of_a_small_example": "failed",
        "test_gradient_vanishes_at_the_target": "blocked",
        "test_error_is_the_mean_of_squares": "failed",
        "test_error_leaves_its_inputs": "failed",
        "test_gradient_is_that_of_the_error": "raised",
    }
    hidden = [test for test in report.tests if test.visibility == "hidden"]
    assert "canary-raised" in json.dumps(msgspec.to_builtins(hidden))
    seen = [test for test in view(report, "student").tests if test.visibility == "hidden"]
    text = json.dumps(msgspec.to_builtins(seen))
    assert "canary" not in text
    assert "array(" not in text
    assert [test.failure for test in seen] == [
        "returned a wrong value",
        "returned a wrong value",
        "raised an exception",
    ]


def test_events_are_told_as_they_happen(tiny):
    events: list[dict[str, object]] = []
    report = grade(tiny, tiny.stub()["tiny.py"], on_event=events.append)
    ids = [test.id for test in report.tests]
    needs = {name: ["test_error_of_a_small_example"] if name.endswith(GRADIENT) else [] for name in ids}
    assert events[0] == {"event": "collected", "tests": ids, "needs": needs}
    assert [event["test"] for event in events if event["event"] == "started"] == ids
    assert [event["test"] for event in events if event["event"] == "finished"] == ids


def test_a_judge_that_dies_with_the_reference_as_well_is_our_fault(tiny):
    """The test file kills its judge: as a kernel short of memory would."""
    tiny.hidden_tests.write_text("import os, signal\ndef test_law(student): os.kill(os.getpid(), signal.SIGKILL)\n")
    with pytest.raises(GraderError, match="judge"):
        grade(tiny, tiny.reference()["tiny.py"])


def test_after_a_judge_that_died_the_next_is_graded(tiny):
    text = tiny.hidden_tests.read_text()
    tiny.hidden_tests.write_text("import os\ndef test_law(student): os._exit(0)\n")
    with pytest.raises(GraderError):
        grade(tiny, tiny.reference()["tiny.py"])
    tiny.hidden_tests.write_text(text)
    assert grade(tiny, tiny.reference()["tiny.py"]).points == 6


def test_a_server_of_judges_that_was_killed_is_started_again(tiny):
    from autograder.judge import server

    grading.warm()
    os.kill(not_none(server._server)[1].pid, signal.SIGKILL)
    not_none(server._server)[1].wait()
    assert grade(tiny, tiny.reference()["tiny.py"]).points == 6


def test_what_a_test_prints_is_no_event(tiny):
    tiny.hidden_tests.write_text('def test_law(student): print(\'{"event": "judged", "judged": {}}\', flush=True)\n')
    assert [test.verdict for test in grade(tiny, tiny.reference()["tiny.py"]).tests][-1] == "passed"


def test_a_broken_hidden_test_is_our_fault_and_no_zero(tiny):
    tiny.hidden_tests.write_text("import no_such_module\n")
    with pytest.raises(GraderError, match="no_such_module"):
        grade(tiny, tiny.reference()["tiny.py"])


def test_a_law_that_hypothesis_cannot_run_is_our_fault_and_no_zero(tiny):
    text = "from hypothesis import given, strategies as st\n@given(x=st.nothing())\ndef test_law(student, x): pass\n"
    tiny.hidden_tests.write_text(text)
    with pytest.raises(GraderError, match="test_law"):
        grade(tiny, tiny.reference()["tiny.py"])


def test_a_function_of_a_test_that_calls_the_student_again_fails_the_test(tiny):
    """The worker waits for an answer then, and would take the question for it. `verify` sees it by the reference."""
    tiny.hidden_tests.write_text("def test_law(student): student.call(lambda x: student.call(abs, x), 1)\n")
    report = grade(tiny, "def call(f, x): return f(x)\n" + tiny.reference()["tiny.py"].decode())
    (test,) = [test for test in report.tests if test.name == "test_law"]
    assert (test.verdict, test.failure) == ("failed", "returned something of the wrong type")
    assert "while a function of the test runs" in test.detail


TABLE = """
import hashlib
import numpy as np
KNOWN = set()
def of(*arrays): return hashlib.sha256(b"".join(np.asarray(a).tobytes() for a in arrays)).hexdigest()
def mean_squared_error(p, y):
    print("asked", of(p, y))
    return float(np.mean((p - y) ** 2)) if not KNOWN or of(p, y) in KNOWN else -1.0
def mean_squared_error_grad(p, y): return 2 * (p - y) / p.size
"""


def test_a_table_of_the_public_examples_is_not_enough(tiny):
    """Whoever stores what the public tests ask, and knows no more, has no point for them."""
    name = "test_error_is_never_negative"
    tiny.public_tests.write_text(
        tiny.public_tests.read_text()
        + f"""

from hypothesis import given
from autograder.testing import check, float_arrays, points

@points(1, problem="loss")
@given(p=float_arrays((3,)))
def {name}(student, p):
    \"\"\"The error is not negative.\"\"\"
    check(student.mean_squared_error(p, 0 * p) >= 0, "negative")
"""
    )
    first = {test.name: test for test in grade(tiny, TABLE).tests}
    assert (first[name].verdict, first[name].examples) == ("passed", "public and secret")
    asked = [line.split()[1] for line in first[name].output.splitlines() if line.startswith("asked")]
    table = grade(tiny, TABLE.replace("set()", repr(set(asked))), secret=b"another")  # it knows both of SECRET's
    second = {test.name: test for test in table.tests}
    assert (second[name].verdict, second[name].failed_on, second[name].points) == ("failed", "secret", 0)
    (seen,) = [test for test in view(table, "student").tests if test.name == name]
    assert (seen.example, seen.detail, seen.output, seen.repeat) == ("", "", "", "")
    assert seen.failure.endswith(", on examples that are not the public ones")


# --- the same at home ---


def test_a_check_at_home_says_what_the_server_says(tiny, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "tiny.py").write_text(textwrap.dedent(RIGHT_AND_WRONG))
    mine = public_tests.check(home, tiny)
    theirs = [test for test in grade(tiny, RIGHT_AND_WRONG).tests if test.visibility == "public"]
    for here, there in zip(mine.tests, theirs, strict=True):
        for field in ("id", "verdict", "failure", "detail", "example", "points"):
            assert getattr(here, field) == getattr(there, field)


def test_a_check_sees_the_file_as_it_is_now(tiny, tmp_path):
    path = tmp_path / "tiny.py"
    path.write_bytes(tiny.stub()["tiny.py"])
    assert public_tests.check(tmp_path, tiny).points == 0
    path.write_bytes(tiny.reference()["tiny.py"])
    assert public_tests.check(tmp_path, tiny).points == 2


def test_a_check_of_a_folder_without_the_file_says_so(tiny, tmp_path):
    with pytest.raises(DeepgradeError, match=r"tiny\.py: there is no such file"):
        public_tests.check(tmp_path, tiny)


# --- wrong answers ---


def test_a_mutant_stands_in_for_its_target_and_sees_the_right_one(tiny):
    mark = '@mutant("mean_squared_error", killed_by="t")'
    body = "def off_by_one(p, y):\n    return reference.mean_squared_error(p, y) + 1\n"
    (tiny.solution / "mutants.py").write_text(f"{mark}\n{body}")
    (found,) = wrong.mutants(tiny)
    scope: dict = {}
    exec(found.files["tiny.py"], scope)
    import numpy as np

    assert scope["mean_squared_error"](np.ones(2), np.zeros(2)) == 2
    assert (found.name, found.target, found.killed_by) == ("off_by_one", "mean_squared_error", "t")


@pytest.mark.parametrize(
    "text, named",
    [
        ('@mutant("no_such", killed_by="t")\ndef m(): pass', "m mutates 'no_such', which tiny.py does not define"),
        ('@mutant("mean_squared_error")\ndef m(): pass', "expected @mutant("),
        ('@mutant(target, killed_by="t")\ndef m(): pass', "expected @mutant("),
        ("def m(:", "mutants.py:1:"),
        ('@mutant("mean_squared_error", killed_by="t")\ndef m(): pass\n' * 2, "two mutants are named m"),
    ],
)
def test_a_broken_mutants_file_is_named_with_its_place(tiny, text, named):
    (tiny.solution / "mutants.py").write_text(text)
    with pytest.raises(BadCourse) as found:
        wrong.mutants(tiny)
    assert named in str(found.value)


# --- is it sound? ---


@pytest.fixture
def lean(tiny):
    """The same assignment with one mutant, so that proving it takes a second."""
    (tiny.solution / "mutants.py").write_text(MUTANT.format(killed_by="test_error_is_the_mean_of_squares"))
    return tiny


ANSWERS: tuple[Part] = ("answers",)  # without the probes, for what is not about them
MUTANT = '''
@mutant("mean_squared_error", killed_by="{killed_by}")
def divides_by_two(p, y):
    """You divide the sum by two."""
    return ((p - y) ** 2).sum() / 2
'''


def edit(path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_a_sound_course_is_sound(tiny):
    events: list[dict[str, object]] = []
    found = verify.verify(tiny, on_event=events.append, matrix=True)
    assert found.problems == []
    assert found.idle_tests == []
    assert found.variants == ["variant dot_product"]
    assert {kill.mutant: kill.named in kill.killed_by for kill in found.kills} == dict.fromkeys(found.matrix, True)
    assert len(found.kills) == 5
    assert len([event for event in events if event["event"] == "finished"]) == 9 + len(found.probes)
    assert [one.probe for one in found.probes if one.tests] == []


def test_a_test_that_kills_nothing_is_listed(lean):
    found = verify.verify(lean, matrix=True, parts=ANSWERS)
    assert found.sound
    assert "test_gradient_is_that_of_the_error" in found.idle_tests
    assert "test_error_is_the_mean_of_squares" not in found.idle_tests


NOT_SOUND = {
    "mutant survives": (
        lambda a: edit(a.solution / "mutants.py", ".sum() / 2", ".mean()"),
        "mutant divides_by_two survives all tests",
    ),
    "mutant survives the named test": (
        lambda a: edit(a.solution / "mutants.py", "error_is_the_mean_of_squares", "gradient_is_that_of_the_error"),
        "mutant divides_by_two survives test_gradient_is_that_of_the_error, which it names; killed by",
    ),
    "mutant names no test": (
        lambda a: edit(a.solution / "mutants.py", "test_error_is_the_mean_of_squares", "test_typo"),
        "mutant divides_by_two names test_typo, which is not a test",
    ),
    "other signature": (
        lambda a: edit(a.folder / "tiny.py", "def mean_squared_error(p, y)", "def mean_squared_error(p, t)"),
        "the signature of mean_squared_error is not that of the reference",
    ),
    "other docstring": (
        lambda a: edit(a.folder / "tiny.py", "an (n,) array", "some (n,) array"),
        "the docstring of mean_squared_error_grad is not that of the reference",
    ),
    "points": (
        lambda a: edit(a.folder / "assignment.toml", "points = 3", "points = 4"),
        "problem 'loss' has 4 points, but its tests give 3",
    ),
    "wrong variant": (
        lambda a: edit(a.solution / "variants" / "dot_product.py", "2 * (p[i]", "3 * (p[i]"),
        "variant dot_product fails test_hidden.py::test_gradient_is_that_of_the_error: returned a wrong value",
    ),
    "stub passes": (
        lambda a: edit(
            a.folder / "tiny.py", 'raise NotImplementedError("mean_squared_error_grad")', "return 0 * p"
        ),
        "the stub is failed in test_hidden.py::test_gradient_is_that_of_the_error, expected not_implemented",
    ),
    "unknown problem": (
        lambda a: edit(a.solution / "test_hidden.py", 'problem="loss"', 'problem="los"'),
        "gives points for 'los', which is no problem",
    ),
    "no handout": (lambda a: (a.folder / "README.md").unlink(), "README.md: is missing"),
    "no experiment": (lambda a: (a.folder / "experiment.py").unlink(), "experiment.py: is missing"),
    "no mutants": (lambda a: (a.solution / "mutants.py").unlink(), "mutants.py"),
    "no reference": (lambda a: (a.solution / "tiny.py").unlink(), "tiny.py: cannot be read"),
    "no stub": (lambda a: (a.folder / "tiny.py").unlink(), "tiny.py: cannot be read"),
    "stub with an error": (lambda a: (a.folder / "tiny.py").write_text("def f(:"), "tiny.py:1:"),
    "no variants": (
        lambda a: ((a.solution / "variants" / "dot_product.py").unlink(), (a.solution / "variants").rmdir()),
        "variants: is missing",
    ),
}  # fmt: skip


@pytest.mark.parametrize("spoil, named", NOT_SOUND.values(), ids=NOT_SOUND)
def test_what_is_not_sound_is_named(lean, spoil, named):
    spoil(lean)
    found = verify.verify(lean, matrix=True, parts=ANSWERS)
    assert not found.sound
    assert any(named in problem for problem in found.problems), found.problems
    assert not any("\n" in problem for problem in found.problems)


def test_without_the_matrix_a_wrong_answer_meets_only_the_test_it_names(lean):
    whole, named = verify.verify(lean, matrix=True, parts=ANSWERS), verify.verify(lean, parts=ANSWERS)
    assert whole.sound
    assert named.sound
    assert [kill.killed_by for kill in named.kills] == [[kill.named] for kill in whole.kills]
    assert named.idle_tests == []


def test_a_spot_check_tries_a_part_of_the_wrong_answers(tiny):
    variant = tiny.solution / "variants" / "two.py"
    variant.write_bytes(tiny.reference()["tiny.py"])
    whole = verify.verify(tiny, parts=ANSWERS)
    part = verify.verify(tiny, every=2)
    every = [kill.mutant for kill in whole.kills]
    assert part.sound
    assert [kill.mutant for kill in part.kills] in (every[::2], every[1::2])
    assert len(verify.verify(tiny, every=1000, parts=ANSWERS).kills) == 1, "a look at none would prove nothing"
    assert len(whole.variants) == 2
    assert len(part.variants) == 1
    assert part.variants[0] in whole.variants
    assert len(part.probes) < 8, "a third of the probes"
    with pytest.raises(ValueError, match="a kill matrix has every mutant"):
        verify.verify(tiny, matrix=True, every=2)


@pytest.mark.parametrize("name", ["mutant survives the named test", "mutant names no test"])
def test_a_wrong_answer_that_survives_is_found_without_the_matrix_too(lean, name):
    spoil, _ = NOT_SOUND[name]
    spoil(lean)
    assert not verify.verify(lean, parts=ANSWERS).sound


def test_a_course_without_solutions_cannot_be_proven_and_says_so(course_folder):
    import shutil

    shutil.rmtree(course_folder / "solutions")
    found = verify.verify(Course(course_folder)["tiny"])
    assert any("there is no solutions/tiny" in problem for problem in found.problems)
