"""Hidden tests of target: few examples each, since some sixty submissions meet them."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.testing import assert_close, assert_equal, assert_unchanged, check, logits, mutable, points, snapshot

FEW = settings(max_examples=5)
NUMBERS = st.lists(st.integers(-9, 9).map(float), min_size=1, max_size=6).map(np.array)


@points(1, problem="arithmetic")
@FEW
@given(x=NUMBERS)
def test_double(student, x):
    """double(x) = 2 x."""
    assert_close(student.double(x), 2 * x)


@points(1, problem="arithmetic")
@FEW
@given(x=NUMBERS)
def test_double_leaves_its_input(student, x):
    """double(x) does not change x."""
    before = snapshot(x)
    student.double(x)
    assert_unchanged(x, before)


@points(1, problem="arithmetic")
@FEW
@given(z=logits())
def test_rows_of_softmax_sum_to_one(student, z):
    """The rows of softmax(z) are distributions."""
    p = student.softmax(z)
    check(isinstance(p, np.ndarray) and p.shape == z.shape, "softmax(z) is no array of z's shape", "wrong_shape")
    assert_close(p.sum(axis=1), np.ones(len(z), z.dtype), terms=z.shape[1])


@points(1, problem="arithmetic")
@FEW
@given(x=NUMBERS, value=st.integers(-9, 9).map(float))
def test_fill_writes_in_place(student, x, value):
    """fill(x, value) sets every entry of x and returns None."""
    assert_equal(student.fill(mutable(x), value), None)
    assert_close(x, np.full(len(x), value))


@points(1, problem="arithmetic")
@FEW
@given(x=NUMBERS)
def test_total(student, x):
    """total(x) is the sum of x, as a float."""
    assert_close(student.total(x), float(x.sum()))


@points(1, problem="arithmetic")
def test_total_of_many(student):
    """total adds up a million numbers: more bytes than a socket holds."""
    assert_close(student.total(np.ones(1_000_000)), 1e6)


@points(1, problem="state")
@FEW
@given(start=st.integers(-9, 9), amounts=st.lists(st.integers(-9, 9), max_size=4))
def test_counter_counts(student, start, amounts):
    """A counter's value is its start plus all that was added."""
    counter = student.Counter(start)
    for amount in amounts:
        counter.add(amount)
    assert_equal(counter.value, start + sum(amounts))


@points(1, problem="state")
@FEW
@given(x=NUMBERS, size=st.integers(1, 3))
def test_batches_cover_everything(student, x, size):
    """The batches, one after the other, are x."""
    found = [batch for batch in student.batches(x, size)]  # noqa: C416 - a remote generator has no length
    assert_close(np.concatenate(found), x)


@points(2, problem="state")
@FEW
@given(seed=st.integers(0, 99))
def test_training_lowers_the_loss(student, record, seed):
    """train logs a falling loss for every step and returns the weights."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(12, 3))
    y = x @ np.array([1.0, -1.0, 2.0])
    seen = []

    def log(step, loss):
        seen.append(loss if isinstance(loss, np.ndarray) or not hasattr(loss, "item") else loss.item())

    w = student.train(x, y, 5, log)
    record.curve("Loss", "step", range(1, len(seen) + 1), loss=seen)
    check(isinstance(w, np.ndarray) and w.shape == (3,), "train returns no weights", "wrong_shape")
    assert_equal(len(seen), 5)
    check(bool(np.all(np.diff(np.array(seen)) < 0)), "the loss does not fall")
    check(float(np.mean((x @ w - y) ** 2)) < seen[0], "the weights are no better than zero")
