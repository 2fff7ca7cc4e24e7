"""Which known mistakes account for failed tests."""

from __future__ import annotations

import numpy as np
import pytest

from autograder.mistakes import catalogue
from autograder.mistakes.catalogue import Catalogue, Mistake
from autograder.mistakes.matching import match
from autograder.mistakes.records import HOLDS, Record, of_value

NUMBERS = np.random.default_rng(0).normal(size=(20, 4))


def answers(*numbers: int) -> list[Record]:
    return [HOLDS, *(of_value("wrong_value", 0, NUMBERS[number]) for number in numbers)]


def weak(kind: str = "wrong_dtype") -> list[Record]:
    return [of_value(kind, 0, np.zeros(3))]


def known(**entries: dict[str, list[Record]]) -> Catalogue:
    """A mistake for each name; the function is what stands before `_in_`."""
    mistakes = []
    for name, own in entries.items():
        function = name.partition("_in_")[2] or name
        mistakes.append((Mistake(f"You {name}.", "", function, "problem", {}, name), own))
    return catalogue.made_of("key", mistakes)


def names(found: Catalogue, own: dict[str, list[Record]], passed: tuple[str, ...] = ()) -> list[list[str]]:
    return [[mistake.name for mistake in name.mistakes] for name in match(found, own, list(own), passed).names]


def test_a_mistake_that_answers_alike_is_named():
    found = known(a={"t": answers(1, 2)}, b={"t": answers(3, 4)})
    assert names(found, {"t": answers(1, 2)}) == [["a"]]


def test_an_answer_that_differs_in_one_example_is_not_named():
    assert names(known(a={"t": answers(1, 2)}), {"t": answers(1, 3)}) == []


def test_two_mistakes_of_two_functions_are_both_named():
    found = known(a={"s": answers(1, 2)}, b={"t": answers(3, 4)})
    assert sorted(names(found, {"s": answers(1, 2), "t": answers(3, 4)})) == [["a"], ["b"]]


def test_up_to_three_that_fit_are_a_group_and_four_are_not_named():
    same = {"t": answers(1, 2)}
    assert names(known(a=same, b=same, c=same), same) == [["a", "b", "c"]]
    assert names(known(a=same, b=same, c=same, d=same), same) == []


def test_a_mistake_that_fails_a_passed_test_is_not_named():
    found = known(a={"t": answers(1, 2), "u": answers(3)})
    assert names(found, {"t": answers(1, 2)}, passed=("u",)) == []


def test_a_file_that_switches_between_two_mistakes_of_a_function_gets_no_name():
    found = known(a_in_f={"s": answers(1, 2)}, b_in_f={"t": answers(3, 4)})
    assert names(found, {"s": answers(1, 2), "t": answers(3, 4)}) == []


def test_a_mistake_that_accounts_for_few_of_the_failed_tests_is_not_named():
    found = known(a={"s": answers(1, 2)})
    assert names(found, {"s": answers(1, 2), "t": answers(3, 4)}) == []


def test_what_is_no_number_names_only_where_all_failed_tests_are_alike():
    found = known(a={"s": weak(), "t": weak("no_error")}, b={"s": weak()})
    assert names(found, {"s": weak(), "t": weak("no_error")}) == [["a"]]
    assert names(found, {"s": weak(), "t": answers(1, 2)}) == []


def test_one_failed_test_without_a_number_is_no_evidence():
    found = known(a={"s": weak()})
    assert names(found, {"s": weak()}) == []


def test_a_catalogue_is_read_as_it_was_written_and_nothing_else_is():
    found = known(a={"t": answers(1, 2)})
    assert catalogue.unpacked(catalogue.packed(found)) == found
    for data in (b"", b"x", catalogue.packed(found)[:-20], catalogue.packed(Catalogue("key", [], [], format=0))):
        with pytest.raises(ValueError, match="catalogue"):
            catalogue.unpacked(data)


def test_a_catalogue_has_a_limit_and_counts_what_is_left_out(monkeypatch):
    monkeypatch.setattr(catalogue, "LIMIT_BYTES", 300)
    found = known(**{name: {"t": answers(*range(20))} for name in "abcdef"})
    assert found.mistakes == []
    assert found.left_out == 6
