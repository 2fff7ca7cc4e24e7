"""What `verify` says beside the verdicts of single answers: points lost, marks of tests, costs of the judge, pages."""

from __future__ import annotations

import pytest

from autograder.report.schema import JudgeCost
from autograder.verify import kill_matrix, soundness, verify
from autograder.verify.probes.earnings import Earning
from autograder.verify.static_checks import static_problems

MUTANTS = '''
@mutant("mean_squared_error", killed_by="test_error_of_a_small_example")
def nan_everywhere(p, y):
    """You return NaN."""
    return np.nan


@mutant("mean_squared_error_grad", killed_by="test_gradient_is_that_of_the_error")
def forgets_to_divide_by_n(p, y):
    """You do not divide by the number of entries."""
    return 2 * (p - y)
'''


def test_points_lost_outside_are_those_of_other_problems(tiny):
    """A gradient test that asks for the error as well takes a point of whoever gets the error wrong."""
    (tiny.solution / "mutants.py").write_text(MUTANTS)
    path = tiny.hidden_tests
    text = path.read_text()
    law = "    p, y = snapshot(*pair)\n"
    assert text.count(law) == 1
    path.write_text(text.replace(law, f"{law}    assert student.mean_squared_error(*snapshot(p, y)) >= 0\n"))
    found = verify.verify(tiny, matrix=True, parts=["answers"])
    lost = {kill.mutant: (kill.points_lost, kill.points_lost_outside) for kill in found.kills}
    assert lost == {"nan_everywhere": (5, 2), "forgets_to_divide_by_n": (3, 0)}
    assert found.points_lost == soundness.PointsLost(soundness.Spread(4, 5, 5), soundness.Spread(1, 2, 2))
    page = kill_matrix.page(found)
    assert "| nan everywhere | 5 | 2 | `test_error_of_a_small_example` |" in page
    assert "| points lost | 4 | 5 | 5 |\n| of these, outside | 1 | 2 | 2 |" in page


def test_without_the_matrix_nobody_knows_what_is_lost(tiny, tmp_path):
    (tiny.solution / "mutants.py").write_text(MUTANTS)
    found = verify.verify(tiny, parts=["answers"])
    assert [kill.points_lost for kill in found.kills] == [None, None]
    assert found.points_lost is None
    with pytest.raises(ValueError, match="has no kill matrix"):
        kill_matrix.write(found, tmp_path)


def test_ninety_five_of_a_hundred_are_at_most_the_high_value():
    kills = [soundness.Kill(f"m{i}", "f", "t", ["t"], float(i), 0.0) for i in range(1, 101)]
    found = soundness.Soundness("tiny", [], kills).points_lost
    assert found is not None
    assert found.lost == soundness.Spread(50.5, 95, 100)


def test_a_page_tells_what_each_probe_earns():
    earned = [Earning("zeros", 1.5, ["test_a", "test_b"], 2.0), Earning("table", 0.0, [], 2.0)]
    page = kill_matrix.page(soundness.Soundness("tiny", [], probes=earned))
    assert "## Probes\n\nWhat files earn that know nothing; at most 2 points each." in page
    assert "| zeros | 1.5 | `test_a`, `test_b` |\n| table | 0 |  |" in page


# --- marks ---

MARKS = {
    "no such test": (
        '@needs("test_error_of_a_small_example")',
        '@needs("test_typo")',
        "needs('test_typo') names no test",
    ),
    "a later test": (
        '@needs("test_error_of_a_small_example")',
        '@needs("test_gradient_vanishes_at_the_target")',
        "needs('test_gradient_vanishes_at_the_target') names a test that does not come earlier",
    ),
    "a kept name": ('@needs("test_error_of_a_small_example")', "@needs(ON)", "needs('test_typo') names no test"),
    "by its module": (
        '@needs("test_error_of_a_small_example")',
        '@autograder.testing.needs("test_typo")',
        "needs('test_typo') names no test",
    ),
    "computed": (
        '@needs("test_error_of_a_small_example")',
        '@needs(*["test_typo", "test_error_of_a_small_example"])',
        "'test_typo' names no test",
    ),
    "in a class": (
        "@points(1",
        'class TestError:\n    def test_more(student):\n        """Law."""\n\n\n@points(1',
        "test_more must be a plain function at the top level of the file",
    ),
    "no sentence": (
        '    """L([a, 2], [0, b]) = (a^2 + (2 - b)^2) / 2."""\n',
        "",
        "test_error_of_a_small_example has no docstring, which is the law that students read",
    ),
}


@pytest.mark.parametrize("old, new, named", MARKS.values(), ids=MARKS)
def test_marks_that_mean_nothing_are_named_with_their_place(tiny, old, new, named):
    assert static_problems(tiny) == []
    text = tiny.public_tests.read_text()
    assert old in text
    tiny.public_tests.write_text('ON = "test_typo"\n' * ("(ON)" in new) + text.replace(old, new, 1))
    (problem,) = static_problems(tiny)
    assert problem.startswith(f"{tiny.public_tests}:")
    assert problem.endswith(named)


def test_a_file_that_takes_the_place_of_a_module_of_others_is_named(tiny):
    text = (tiny.folder / "assignment.toml").read_text()
    for half in (tiny.folder, tiny.solution):
        (half / "random.py").write_text("")
    (tiny.folder / "assignment.toml").write_text(text.replace('["tiny.py"]', '["tiny.py", "random.py"]'))
    (problem,) = static_problems(tiny)
    assert problem.endswith("files: random.py would take the place of the module random that others import")


def test_hidden_tests_may_need_public_ones_and_earlier_ones_kept_in_a_name(tiny):
    text = tiny.hidden_tests.read_text().replace("float_arrays, points", "float_arrays, needs, points")
    first = 'stands = needs("test_error_is_the_mean_of_squares", "test_error_of_a_small_example")\n\n\n@st.composite'
    tiny.hidden_tests.write_text(text.replace("@st.composite", first, 1))
    assert static_problems(tiny) == []
    tiny.hidden_tests.write_text(text.replace("@st.composite", first.replace("of_squares", "of_cubes"), 1))
    (problem,) = static_problems(tiny)
    assert "test_hidden.py:10: needs('test_error_is_the_mean_of_cubes') names no test" in problem


def test_a_test_may_need_one_case_of_a_parametrised_test(tiny):
    cases = """
@pytest.mark.parametrize("kind", ["mean", pytest.param("sum", marks=points(0, problem="error"))])
def test_each_kind(student, kind):
    '''The {kind} is right.'''


@needs("test_each_kind[sum]")
def test_after(student):
    '''The sum is right.'''
"""
    text = tiny.public_tests.read_text() + cases
    tiny.public_tests.write_text(text)
    assert static_problems(tiny) == []
    tiny.public_tests.write_text(text.replace("[sum]", "[summ]"))
    (problem,) = static_problems(tiny)
    assert problem.endswith("needs('test_each_kind[summ]') names no case of test_each_kind")


# --- what the judge may spend on a right answer ---


def test_a_right_answer_takes_at_most_a_tenth_of_the_judges_budget():
    at, above = JudgeCost(1.0, 204.8, 10.0, 2048), JudgeCost(2.31, 500.2, 20.0, 2048)
    assert verify.judge_costs("reference", {"test_hidden.py::test_a": at}) == []
    found = verify.judge_costs("variant loops", {"test_hidden.py::test_a": at, "test_hidden.py::test_b": above})
    start = "variant loops costs the judge {} in test_hidden.py::test_b, and a right answer may cost a tenth of the "
    assert found == [
        start.format("2.31 s") + "budget of 20 s; write @limits(judge_seconds=35)",
        start.format("500 MB") + "budget of 2048 MB; write @limits(judge_memory_mb=7503)",
    ]


def test_what_a_right_answer_costs_the_judge_is_looked_at(tiny):
    text = tiny.hidden_tests.read_text().replace("float_arrays, points", "float_arrays, limits, points")
    text = text.replace("@points(2,", "@limits(judge_seconds=2)\n@points(2,")
    tiny.hidden_tests.write_text(text.replace("    assert_gradient", "    sum(range(1_000_000))\n    assert_gradient"))
    found = verify.verify(tiny, parts=[])
    (sentence,) = found.problems
    assert sentence.startswith("reference costs the judge ")
    assert "in test_hidden.py::test_gradient_is_that_of_the_error, and" in sentence
