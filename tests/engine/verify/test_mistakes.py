"""Kinds of mistakes and functions: which were tried, which cannot occur, and which nobody has looked at."""

from __future__ import annotations

import pytest

from autograder.core.errors import BadCourse
from autograder.course.mutants import ALL_KINDS, KINDS
from autograder.verify.mistakes import functions, table

FACTOR = """
@mutant(
    "mean_squared_error_grad",
    killed_by="test_gradient_is_that_of_the_error",
    kind="a factor of the batch, the classes or two",
)
def forgets_to_divide_by_n(p, y):
    return 2 * (p - y)
"""
REST = """
NOT_APPLICABLE = {
    (("exponentials", "masks", "shapes", "batches", "state", "parameters", "chance"), "*"): "a sum of squares",
    (("an assignment for +=", "another's gradient"), ("mean_squared_error", "mean_squared_error_grad")): "one line",
    ("gradients", "mean_squared_error"): "no gradient",
}
"""


def mutants_are(assignment, text):
    (assignment.solution / "mutants.py").write_text(text)


def test_a_field_holds_wrong_answers_or_a_reason(tiny):
    mutants_are(tiny, FACTOR + REST)
    assert functions(tiny) == ["mean_squared_error", "mean_squared_error_grad"]
    fields = table(tiny)
    assert len(fields) == 2 * len(ALL_KINDS)
    assert not any(field.empty for field in fields)
    (tried,) = [field for field in fields if field.mutants]
    assert (tried.function, tried.laws) == ("mean_squared_error_grad", ["test_gradient_is_that_of_the_error"])


def test_functions_may_be_listed_under_a_name(tiny):
    listed = 'LOSS = ("mean_squared_error",)\nBOTH = (*LOSS, "mean_squared_error_grad")\n'
    text = REST.replace('("mean_squared_error", "mean_squared_error_grad")', "BOTH")
    assert text != REST
    mutants_are(tiny, FACTOR + listed + text)
    assert not any(field.empty for field in table(tiny))


def test_a_field_that_nobody_looked_at_is_empty(tiny):
    mutants_are(tiny, REST)
    (empty,) = [field for field in table(tiny) if field.empty]
    assert (empty.kind, empty.function) == ("a factor of the batch, the classes or two", "mean_squared_error_grad")


def test_a_wrong_helper_counts_for_what_uses_it(tiny):
    reference = tiny.solution / "tiny.py"
    helper = "\n\ndef _twice(values):\n    return 2 * values\n"
    reference.write_text(reference.read_text().replace("2 * (p - y)", "_twice(p - y)") + helper)
    mutants_are(tiny, FACTOR.replace('"mean_squared_error_grad"', '"_twice"').replace("(p, y)", "(values)") + REST)
    (tried,) = [field for field in table(tiny) if field.mutants]
    assert (tried.function, tried.mutants[0].target) == ("mean_squared_error_grad", "_twice")


def test_kinds_are_told_apart():
    assert len(set(ALL_KINDS)) == len(ALL_KINDS)
    assert not set(KINDS) & set(ALL_KINDS)


WRONG = {
    "an unknown kind": (FACTOR.replace("a factor of", "some factor of"), "mutants.py:2: 'some factor of the batch"),
    "an unknown kind of a reason": ('NOT_APPLICABLE = {("mask", "*"): "why"}', "mutants.py:1: 'mask' is not a kind"),
    "no reason": ('NOT_APPLICABLE = {("masks", "*"): None}', "mutants.py:1: expected NOT_APPLICABLE"),
    "no pair": ('NOT_APPLICABLE = {"masks": "why"}', "mutants.py:1: expected NOT_APPLICABLE"),
    "no literal": ("NOT_APPLICABLE = dict()", "mutants.py:1: expected NOT_APPLICABLE"),
    "an unknown function": ('NOT_APPLICABLE = {("masks", "loss"): "why"}', "names 'loss', which students do not write"),
    "a reason against a wrong answer": (
        FACTOR + 'NOT_APPLICABLE = {("gradients", "*"): "why"}',
        "cannot occur in mean_squared_error_grad, but mutant forgets_to_divide_by_n is of that kind",
    ),
}


@pytest.mark.parametrize("text, sentence", WRONG.values(), ids=WRONG)
def test_what_makes_no_table_is_named_with_its_place(tiny, text, sentence):
    mutants_are(tiny, text)
    with pytest.raises(BadCourse) as raised:
        table(tiny)
    assert sentence in str(raised.value)


def test_the_command_names_empty_fields(tiny, deepgrade):
    mutants_are(tiny, FACTOR + REST)
    done = deepgrade("mistakes", "tiny")
    assert (done.returncode, done.stderr) == (0, "")
    assert "test_gradient_is_that_of_the_error" in done.stdout
    assert "0 of them empty" in done.stdout
    mutants_are(tiny, REST)
    done = deepgrade("mistakes", "tiny")
    assert done.returncode == 1
    assert "empty: a factor of the batch, the classes or two, in mean_squared_error_grad" in done.stdout
