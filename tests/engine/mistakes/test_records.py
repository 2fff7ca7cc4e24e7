"""A record is the same for answers that agree to rounding, and another one for all others."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograder.mistakes.records import alike, of_text, of_value

ARRAYS = hnp.arrays(np.float64, hnp.array_shapes(max_dims=3, max_side=5), elements=st.floats(-1e6, 1e6))


def record(value, kind="wrong_value"):
    return of_value(kind, 0, value)


@given(x=ARRAYS, seed=st.integers(0, 2**32 - 1))
def test_answers_that_agree_to_rounding_are_alike(x, seed):
    noise = np.random.default_rng(seed).uniform(-1e-9, 1e-9, x.shape)
    assert alike(record(x), record(x * (1 + noise)))


@given(x=ARRAYS, seed=st.integers(0, 2**32 - 1))
def test_answers_that_differ_by_a_thousandth_are_not_alike(x, seed):
    change = np.random.default_rng(seed).standard_normal(x.shape)
    size = np.linalg.norm(x) + 1.0
    assert not alike(record(x), record(x + 1e-3 * size * change / np.linalg.norm(change)))


def test_a_transposed_answer_is_another_one():
    x = np.random.default_rng(0).normal(size=(3, 3))
    assert not alike(record(x), record(x.T))


def test_all_entries_that_are_not_finite_are_alike():
    assert alike(record(np.array([1.5, np.inf])), record(np.array([1.5, np.nan]), kind="not_finite"))
    assert not alike(record(np.array([1.5, np.inf])), record(np.array([np.inf, 1.5])))


def test_lists_and_tuples_are_alike_and_numbers_of_any_type():
    assert alike(record([np.float64(0.3), 2]), record((0.3, np.int64(2))))


def test_zeros_ones_halves_and_few_integers_prove_nothing():
    for value in (np.zeros(5), np.ones((2, 3)), 0.5, 3, True, None, "text", np.array([np.nan]), np.array([1, 2, 3])):
        assert record(value).strength == 0
    assert record(np.array([0.1, 0.7])).strength == 2


def test_what_was_found_counts_in_a_text_and_not_what_was_expected():
    assert alike(
        of_text("wrong_value", 1, "it is 0.25, expected 3"), of_text("wrong_value", 1, "it is 0.25, expected 4")
    )
    assert not alike(of_text("wrong_value", 1, "it is 0.2"), of_text("wrong_value", 1, "it is 0.3"))


def test_hostile_values_make_a_record():
    nested: list[object] = [1.0]
    for _ in range(10_000):
        nested = [nested]
    for value in (nested, 10**400, 1j, float("nan"), {"a": object()}, np.array(["x"]), "x" * 10**6, b"\0", {}):
        assert record(value) == record(value)
