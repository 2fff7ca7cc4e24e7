"""What came back is looked at before it is used, and every failure is said in words."""

from __future__ import annotations

import numpy as np
import pytest

from autograder.testing import Heard, Mismatch, items_of


def test_a_tuple_or_list_of_the_promised_length_is_taken_apart():
    assert items_of((1, 2), "out", "cache") == [1, 2]
    assert items_of([1, 2], "out", "cache") == [1, 2]


@pytest.mark.parametrize(
    "answer, sentence, kind",
    [
        (None, "the answer is None, expected a tuple (out, cache)", "wrong_type"),
        (
            np.ones(2),
            "the answer is an array of shape (2,) and dtype float64, expected a tuple (out, cache)",
            "wrong_type",
        ),
        ([1, 2, 3], "the answer has length 3, expected a tuple (out, cache)", "wrong_shape"),
        ((), "the answer has length 0, expected a tuple (out, cache)", "wrong_shape"),
    ],
    ids=["none", "an array", "too long", "empty"],
)
def test_what_cannot_be_taken_apart_is_described(answer, sentence, kind):
    with pytest.raises(Mismatch) as raised:
        items_of(answer, "out", "cache")
    assert (str(raised.value), raised.value.kind) == (sentence, kind)


def test_log_is_heard_by_keyword_and_by_place():
    heard = Heard("loss", "accuracy")
    heard.log(epoch=1, loss=0.5, accuracy=0.25)
    heard.log(2, 0.25, 0.5)
    assert heard.epochs(2) == [(0.5, 0.25), (0.25, 0.5)]
    assert heard.so_far() == [(1, 0.5, 0.25), (2, 0.25, 0.5)]


def test_what_log_sees_beside_numbers_is_left_to_the_test():
    heard = Heard("loss", objects=("model",))
    heard.log(1, 0.5, {"layers": []})
    heard.log(epoch=2, loss=0.25, model=None)
    assert heard.epochs(2) == [(0.5, {"layers": []}), (0.25, None)]


CALLS = {
    "too often": ([{"epoch": 1, "loss": 1.0}] * 2, "log was called 2 times in 1 epochs", "wrong_shape"),
    "never": ([], "log was called 0 times in 1 epochs", "wrong_shape"),
    "without a loss": ([{"epoch": 1}], "log was called without loss", "wrong_type"),
    "from zero": (
        [{"epoch": 0, "loss": 1.0}],
        "the epoch that log was told is 0, expected 1 (exact comparison)",
        "wrong_value",
    ),
    "with no number": (
        [{"epoch": 1, "loss": None}],
        "the loss of epoch 1 that log was told is None, expected a number",
        "wrong_type",
    ),
    "with NaN": (
        [{"epoch": 1, "loss": float("nan")}],
        "the loss of epoch 1 that log was told is nan, expected 0.0 (tolerance 0 relative + inf)",
        "not_finite",
    ),
    "with a text": (
        [{"epoch": "1", "loss": 1.0}],
        "the epoch that log was told is a str, expected a number",
        "wrong_type",
    ),
}


@pytest.mark.parametrize("calls, sentence, kind", CALLS.values(), ids=CALLS)
def test_what_log_should_not_be_told_is_described(calls, sentence, kind):
    heard = Heard("loss")
    for call in calls:
        heard.log(**call)
    with pytest.raises(Mismatch) as raised:
        heard.epochs(1)
    assert (str(raised.value), raised.value.kind) == (sentence, kind)


def test_a_flood_of_calls_is_counted_and_not_kept():
    heard = Heard("loss")
    for number in range(20_000):
        heard.log(epoch=number, loss=None)
    with pytest.raises(Mismatch, match="called 20000 times in 3 epochs"):
        heard.epochs(3)
    assert heard.so_far() == []
