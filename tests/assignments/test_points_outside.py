"""A wrong answer loses more than 15 points outside of its problem only where the text defines one by the other."""

from __future__ import annotations

from points_outside import DEFINED_BY, PAGE, above_the_limit, docstring, page


def test_the_page_is_of_the_matrices_beside_it():
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python tests/support/points_outside.py"


def test_each_has_a_docstring_that_defines_one_function_by_the_other():
    above = above_the_limit()
    assert above
    assert {(one.assignment, one.function) for one in above} <= set(DEFINED_BY)
    missing = [
        (assignment, function, sentence)
        for (assignment, function), (other, sentence) in DEFINED_BY.items()
        if sentence not in docstring(assignment, other)
    ]
    assert missing == []
