"""Hidden tests of `softmax`: laws over drawn shapes, judged by an oracle in extended precision.

Shapes are drawn apart (wide, tall), entries come from a drawn seed, so that no two are equal by accident and drawing is
cheap. Most laws draw several examples and classes; one example, one class and no example have laws of their own, which
their sentences name. Training is deterministic up to the order of the examples; where that order is the student's, the
oracle takes every order and one of them must lead to the student's weights.
"""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from autograder.testing import (
    Heard,
    Mismatch,
    assert_close,
    assert_equal,
    assert_raises,
    assert_unchanged,
    check,
    items_of,
    needs,
    points,
    sizes,
    snapshot,
    values_of,
)

SEEDS = st.integers(0, 2**32 - 1)
ROWS, CLASSES, FEATURES, TWO_OR_MORE = sizes(2, 7), sizes(2, 8), sizes(2, 4), sizes(2, 5)
ONE = st.just(1)
FEW = settings(max_examples=15)  # each draws whole arrays anew; a mistake that one of them misses, the next one meets
FEWER = settings(max_examples=5)  # where every draw shows the mistake
INTEGERS = (np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64)

# ---------------------------------------------------------------------------------------------------------- the oracle


def oracle_log_softmax(z):
    z = z.astype(np.longdouble)
    shifted = z - z.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def oracle_softmax(z):
    return np.exp(oracle_log_softmax(z)).astype(z.dtype)


def oracle_cross_entropy(z, y):
    return float(-sum(oracle_log_softmax(z)[i, int(label)] for i, label in enumerate(y)) / len(y))


def oracle_gradient(z, y):
    truth = np.arange(z.shape[1]) == y.astype(np.int64)[:, None]
    return ((np.exp(oracle_log_softmax(z)) - truth) / len(y)).astype(z.dtype)


def rounding(z):
    """Room for a right answer:  64 eps(dtype) sqrt(k) max(1, max |z|).

    Loose enough for z - logsumexp(z), which rounds at the size of z and not at that of the result.
    """
    return float(64 * np.finfo(z.dtype).eps * np.sqrt(z.shape[1]) * np.max(np.abs(z), initial=1.0))


def oracle_step(x, y, weights, learning_rate, weight_decay):
    w, b = weights
    g = oracle_gradient(x @ w + b, y)
    return w - learning_rate * (np.einsum("ni,nj->ij", x, g) + weight_decay * w), b - learning_rate * g.sum(axis=0)


def oracle_objective(x, y, weights, weight_decay):
    w, b = weights
    return oracle_cross_entropy(x @ w + b, y) + weight_decay * float(np.sum(w * w)) / 2


def start(x, y):
    k = int(y.max()) + 1
    return np.zeros((x.shape[1], k)), np.zeros(k)


def oracle_epoch(x, y, weights, order, batch_size, learning_rate, weight_decay):
    for first in range(0, len(order), batch_size):
        batch = list(order[first : first + batch_size])
        weights = oracle_step(x[batch], y[batch], weights, learning_rate, weight_decay)
    return weights


def cuts(n, batch_size):
    """All ways to cut n examples into batches, as orders of the examples; within a batch order makes no difference."""
    orders = itertools.permutations(range(n))
    return sorted({tuple(i for s in range(0, n, batch_size) for i in sorted(o[s : s + batch_size])) for o in orders})


def ways_to_train(x, y, batch_size, learning_rate, weight_decay, epochs=1):
    """[([weights after each epoch], [order of each epoch])] of all cuts of all epochs."""
    ways = [([start(x, y)], [])]
    for _ in range(epochs):
        ways = [
            ([*path, oracle_epoch(x, y, path[-1], order, batch_size, learning_rate, weight_decay)], [*taken, order])
            for path, taken in ways
            for order in cuts(len(x), batch_size)
        ]
    return ways


def nearest(weights, ways):
    """The way that leads closest to the student's weights, once those have the right shapes; and the weights."""
    found = values_of(weights, ways[0][0][-1])
    assert_close(found, ways[0][0][-1], what="the pair (w, b)", rtol=0.0, atol=np.inf)
    return min(ways, key=lambda way: max(np.abs(a - b).max() for a, b in zip(found, way[0][-1], strict=True)))


def assert_trained(weights, expected, what="the pair (w, b)"):
    """Axes of length 1 may be missing or too many: one law holds the shapes."""
    assert_close(values_of(weights, expected), expected, what=what, rtol=1e-9, atol=1e-12)


def assert_accuracy(found, x, y, weights, what):
    """The share of examples predicted right; a tie may go either way."""
    z = x @ weights[0] + weights[1]
    lead = z[np.arange(len(y)), y] - np.where(np.arange(z.shape[1]) == y[:, None], -np.inf, z).max(axis=1)
    low, high = float((lead > 1e-9).mean()), float((lead > -1e-9).mean())
    wanted = f"{low}" + (f" to {high}" if high > low else "")
    check(low - 1e-6 <= found <= high + 1e-6, f"{what} is {found}, expected {wanted}")


# ----------------------------------------------------------------------------------------------------------- the draws


@st.composite
def batches(draw, n=ROWS, k=CLASSES, dtype=np.float64):
    """(z, y): (n, k) logits around 0, and their labels."""
    shape, rng = (draw(n), draw(k)), np.random.default_rng(draw(SEEDS))
    return rng.normal(0, 4, shape).round(3).astype(dtype), rng.integers(0, shape[1], shape[0])


@st.composite
def far_batches(draw, one_height=False):
    """(z, y): rows at heights from 9.9e3 down to -9.9e3, or all at one of these two; some logits lie anywhere below
    their row, and the least likely class of the first row is its label."""
    n, k, rng = draw(ROWS), draw(CLASSES), np.random.default_rng(draw(SEEDS))
    heights = (
        np.full((n, 1), draw(st.sampled_from([9.9e3, -9.9e3])))
        if one_height
        else np.linspace(9.9e3, -9.9e3, n)[:, None]
    )
    far = rng.random((n, k)) < 0.3
    far[0, 0] = True
    z = np.where(far, rng.uniform(-1e4, heights, (n, k)), heights + rng.normal(0, 4, (n, k))).round(3)
    return z, np.append(z[0].argmin(), rng.integers(0, k, n - 1))


@st.composite
def rows_far_apart(draw):
    """(n, k) logits in rows that are each around a height of its own, from 9.9e3 down to -9.9e3."""
    n, k, rng = draw(ROWS), draw(CLASSES), np.random.default_rng(draw(SEEDS))
    return (np.linspace(9.9e3, -9.9e3, n)[:, None] + rng.normal(0, 4, (n, k))).round(3)


@st.composite
def training_sets(draw, n=ROWS, d=FEATURES):
    """(x, y): n examples, and labels of which every one from 0 to the greatest occurs; up to five examples have
    different labels."""
    n, d, rng = draw(n), draw(d), np.random.default_rng(draw(SEEDS))
    y = rng.permutation(n) if n <= 5 else rng.permutation(np.append(np.arange(4), rng.integers(0, 4, n - 4)))
    return rng.normal(0.3, 1.0, (n, d)).round(2), y


@st.composite
def weights_and_pairs(draw, k=TWO_OR_MORE, d=FEATURES):
    """((w, b), i, j): weights and two different classes whose columns of w are not close to each other."""
    k, d, rng = draw(k), draw(d), np.random.default_rng(draw(SEEDS))
    w, b = rng.normal(0, 2, (d, k)).round(2), rng.normal(0, 2, k).round(2)
    i, j = (int(m) for m in rng.permutation(k)[:2])
    assume(np.linalg.norm(w[:, i] - w[:, j]) > 0.3)
    return (w, b), i, j


def wrong_labels(z, y):
    """What cross_entropy and its gradient refuse, by name."""
    n, k = z.shape
    return {
        "no example": (z[:0], y[:0]),
        "a label too few": (z, np.append(y, 0)[: n - 1]),
        "a label too many": (z, np.append(y, 0)),
        "labels of shape (n, 1)": (z, y[:, None]),
        "a label of -1": (z, np.append(y[:-1], -1)),
        "a label of k": (z, np.append(y[:-1], k)),
    }


# ------------------------------------------------------------------------------------------------------------- softmax


def assert_softmax(p, z, what="the result"):
    assert_close(p, oracle_softmax(z), what=what, rtol=rounding(z))


@points(2, problem="softmax")
@FEW
@given(batch=batches())
def test_softmax_is_its_formula(student, batch):
    """softmax(z)[i, j] = exp(z[i, j]) / sum_m exp(z[i, m]), for several examples and classes."""
    z, _ = batch
    assert_softmax(student.softmax(z.copy()), z)


@points(1, problem="softmax")
@FEWER
@given(batch=batches(n=ONE))
def test_softmax_of_one_example(student, batch):
    """softmax of one example is one row: it keeps the shape (1, k)."""
    z, _ = batch
    assert_softmax(student.softmax(z.copy()), z)


@points(0.5, problem="softmax")
@FEWER
@given(one=batches(k=ONE), batch=batches())
def test_softmax_of_one_class(student, one, batch):
    """softmax of one class is 1 for every example, of shape (n, 1), and the next batch is as always."""
    for z, _ in (one, batch):
        assert_softmax(student.softmax(z.copy()), z)


@points(0.5, problem="softmax")
@FEWER
@given(k=CLASSES, batch=batches())
def test_softmax_of_no_example(student, k, batch):
    """softmax of no example has the shape (0, k), and the next batch is as always."""
    assert_close(student.softmax(np.zeros((0, k))), np.zeros((0, k)))
    z, _ = batch
    assert_softmax(student.softmax(z.copy()), z)


@points(2, problem="softmax")
@FEW
@given(batch=far_batches(one_height=True))
def test_large_logits_stay_finite(student, batch):
    """softmax is finite and right for logits of +-10000, however far apart the logits of a row are."""
    z, _ = batch
    assert_softmax(student.softmax(z.copy()), z)


@points(2, problem="softmax")
@FEW
@given(z=rows_far_apart())
def test_softmax_of_rows_far_apart(student, z):
    """softmax is right for every row, also where another row of the batch is 20000 above it."""
    assert_softmax(student.softmax(z.copy()), z)


@points(2, problem="softmax")
@FEW
@given(batch=batches(dtype=np.float32))
def test_softmax_of_float32_is_float32(student, batch):
    """softmax of float32 logits is a float32 array."""
    z, _ = batch
    assert_softmax(student.softmax(z.copy()), z)


@points(1, problem="softmax")
@FEWER
@given(batch=batches())
def test_softmax_leaves_its_input(student, batch):
    """softmax is right, and leaves z as it is."""
    z, _ = batch
    before = snapshot(z)
    p = student.softmax(z)
    assert_unchanged(z, before, what="z")
    assert_softmax(p, before)


# --------------------------------------------------------------------------------------------------------- log_softmax


def assert_log_softmax(log_p, z):
    assert_close(log_p, oracle_log_softmax(z).astype(z.dtype), rtol=0.0, atol=rounding(z))


@points(2, problem="log_softmax")
@FEW
@given(batch=batches())
def test_log_softmax_is_its_formula(student, batch):
    """log_softmax(z)[i, j] = z[i, j] - log sum_m exp(z[i, m]), for several examples and classes."""
    z, _ = batch
    assert_log_softmax(student.log_softmax(z.copy()), z)


@points(3, problem="log_softmax")
@FEW
@given(batch=far_batches())
def test_log_softmax_of_large_logits_is_finite(student, batch):
    """log_softmax is finite and right for logits of +-10000, also where softmax rounds the probability to 0."""
    z, _ = batch
    assert_log_softmax(student.log_softmax(z.copy()), z)


@points(0.5, problem="log_softmax")
@FEWER
@given(batch=batches(n=ONE))
def test_log_softmax_of_one_example(student, batch):
    """log_softmax of one example is one row: it keeps the shape (1, k)."""
    z, _ = batch
    assert_log_softmax(student.log_softmax(z.copy()), z)


@points(0.5, problem="log_softmax")
@FEWER
@given(one=batches(k=ONE), k=CLASSES, batch=batches())
def test_log_softmax_of_one_class_or_no_example(student, one, k, batch):
    """log_softmax of one class is 0 of shape (n, 1), that of no example has the shape (0, k), and the next batch is as
    always."""
    assert_log_softmax(student.log_softmax(one[0].copy()), one[0])
    assert_close(student.log_softmax(np.zeros((0, k))), np.zeros((0, k)))
    assert_log_softmax(student.log_softmax(batch[0].copy()), batch[0])


@points(1, problem="log_softmax")
@FEW
@given(batch=batches(dtype=np.float32))
def test_log_softmax_of_float32_is_float32(student, batch):
    """log_softmax of float32 logits is a float32 array."""
    z, _ = batch
    assert_log_softmax(student.log_softmax(z.copy()), z)


@points(1, problem="log_softmax")
@FEWER
@given(batch=batches())
def test_log_softmax_leaves_its_input(student, batch):
    """log_softmax is right, and leaves z as it is."""
    z, _ = batch
    before = snapshot(z)
    log_p = student.log_softmax(z)
    assert_unchanged(z, before, what="z")
    assert_log_softmax(log_p, before)


# ------------------------------------------------------------------------------------------------------- cross_entropy


def assert_loss(loss, z, y, what="the loss"):
    """A number in an array counts here; a public test holds that it is a number."""
    expected = oracle_cross_entropy(z, y)
    assert_close(values_of(loss, expected), expected, what=what, rtol=0.0, atol=rounding(z))


@points(4, problem="cross_entropy")
@FEW
@given(batch=batches())
def test_cross_entropy_is_its_formula(student, batch):
    """cross_entropy(z, y) = -(1/n) sum_i log softmax(z)[i, y[i]]: a mean, in nats, labels counted from 0."""
    z, y = batch
    assert_loss(student.cross_entropy(z.copy(), y.copy()), z, y)


@points(3, problem="cross_entropy")
@FEW
@given(batch=far_batches())
def test_cross_entropy_of_large_logits_is_finite(student, batch):
    """cross_entropy is finite and right for logits of +-10000, also for labels that the logits all but rule out."""
    z, y = batch
    assert_loss(student.cross_entropy(z.copy(), y.copy()), z, y)


@points(1, problem="cross_entropy")
@FEW
@given(batch=batches(n=ONE))
def test_cross_entropy_of_one_example(student, batch):
    """cross_entropy of a batch of one is -log softmax(z)[0, y[0]]."""
    z, y = batch
    assert_loss(student.cross_entropy(z.copy(), y.copy()), z, y)


@points(0.5, problem="cross_entropy")
@FEWER
@given(batch=batches(k=ONE), ordinary=batches())
def test_cross_entropy_of_one_class(student, batch, ordinary):
    """cross_entropy of one class is 0, and the next batch is as always."""
    for z, y in (batch, ordinary):
        assert_loss(student.cross_entropy(z.copy(), y.copy()), z, y)


@points(0.5, problem="cross_entropy")
@FEW
@given(batch=batches(dtype=np.float32))
def test_cross_entropy_of_float32(student, batch):
    """cross_entropy of float32 logits is right to the rounding of float32."""
    z, y = batch
    assert_loss(student.cross_entropy(z.copy(), y.copy()), z, y)


@points(2, problem="cross_entropy")
@FEWER
@given(batch=batches(n=st.just(40), k=st.just(30)), seed=SEEDS)
def test_cross_entropy_takes_any_integer_labels(student, batch, seed):
    """cross_entropy takes labels of 8 to 64 bits, signed and unsigned, also where n k is beyond their range."""
    z, y = batch
    for dtype in np.random.default_rng(seed).permutation(INTEGERS):
        found = student.cross_entropy(z.copy(), y.astype(dtype))
        assert_loss(found, z, y, what=f"the loss with {np.dtype(dtype)} labels")


@points(2, problem="cross_entropy")
@FEWER
@given(batch=batches(n=sizes(2, 6), k=sizes(2, 6)))
def test_cross_entropy_refuses_wrong_labels(student, batch):
    """cross_entropy raises ValueError where n = 0, where y is not of shape (n,), and for labels below 0 or not below
    k; and for nothing else."""
    for fault, (z, y) in wrong_labels(*batch).items():
        with assert_raises(ValueError, what=f"cross_entropy with {fault}"):
            student.cross_entropy(z.copy(), y.copy())
    z, y = batch
    assert_loss(student.cross_entropy(z.copy(), y.copy()), z, y, what="the loss with labels that are right")


@points(1, problem="cross_entropy")
@FEWER
@given(batch=batches())
def test_cross_entropy_leaves_its_inputs(student, batch):
    """cross_entropy is right, and leaves z and y as they are."""
    before = snapshot(batch)
    loss = student.cross_entropy(*batch)
    assert_unchanged(batch, before, what="an argument")
    assert_loss(loss, *before)


# -------------------------------------------------------------------------------------------------- cross_entropy_grad


def assert_gradient_right(g, z, y, what="the gradient"):
    # The 1 that is subtracted rounds at its own size.
    assert_close(g, oracle_gradient(z, y), what=what, atol=rounding(z) / len(y))


@points(4, problem="cross_entropy_grad")
@FEW
@given(batch=batches())
def test_gradient_is_the_derivative_of_the_loss(student, batch):
    """cross_entropy_grad(z, y) is the derivative of the mean cross-entropy by every logit."""
    z, y = batch
    assert_gradient_right(student.cross_entropy_grad(z.copy(), y.copy()), z, y)


@points(2, problem="cross_entropy_grad")
@FEW
@given(batch=far_batches())
def test_gradient_of_large_logits_is_finite(student, batch):
    """cross_entropy_grad is finite and right for logits of +-10000 and for rows far apart."""
    z, y = batch
    assert_gradient_right(student.cross_entropy_grad(z.copy(), y.copy()), z, y)


@points(1, problem="cross_entropy_grad")
@FEW
@given(batch=batches(n=ONE))
def test_gradient_of_one_example(student, batch):
    """cross_entropy_grad of a batch of one is one row: it keeps the shape (1, k)."""
    z, y = batch
    assert_gradient_right(student.cross_entropy_grad(z.copy(), y.copy()), z, y)


@points(0.5, problem="cross_entropy_grad")
@FEWER
@given(batch=batches(k=ONE), ordinary=batches())
def test_gradient_of_one_class(student, batch, ordinary):
    """cross_entropy_grad of one class is 0 of shape (n, 1), and the next batch is as always."""
    for z, y in (batch, ordinary):
        assert_gradient_right(student.cross_entropy_grad(z.copy(), y.copy()), z, y)


@points(1, problem="cross_entropy_grad")
@FEW
@given(batch=batches(dtype=np.float32))
def test_gradient_of_float32_is_float32(student, batch):
    """cross_entropy_grad of float32 logits is a float32 array."""
    z, y = batch
    assert_gradient_right(student.cross_entropy_grad(z.copy(), y.copy()), z, y)


@points(1, problem="cross_entropy_grad")
@FEWER
@given(batch=batches(n=st.just(40), k=st.just(30)), seed=SEEDS)
def test_gradient_takes_any_integer_labels(student, batch, seed):
    """cross_entropy_grad takes labels of 8 to 64 bits, signed and unsigned."""
    z, y = batch
    for dtype in np.random.default_rng(seed).permutation(INTEGERS):
        found = student.cross_entropy_grad(z.copy(), y.astype(dtype))
        assert_gradient_right(found, z, y, what=f"the gradient with {np.dtype(dtype)} labels")


@points(1.5, problem="cross_entropy_grad")
@FEWER
@given(batch=batches(n=sizes(2, 6), k=sizes(2, 6)))
def test_gradient_refuses_wrong_labels(student, batch):
    """cross_entropy_grad raises ValueError where n = 0, where y is not of shape (n,), and for labels below 0 or not
    below k; and for nothing else."""
    for fault, (z, y) in wrong_labels(*batch).items():
        with assert_raises(ValueError, what=f"cross_entropy_grad with {fault}"):
            student.cross_entropy_grad(z.copy(), y.copy())
    z, y = batch
    found = student.cross_entropy_grad(z.copy(), y.copy())
    assert_gradient_right(found, z, y, what="the gradient with labels that are right")


@points(1, problem="cross_entropy_grad")
@FEWER
@given(batch=batches())
def test_gradient_leaves_its_inputs(student, batch):
    """cross_entropy_grad is right, and leaves z and y as they are."""
    before = snapshot(batch)
    g = student.cross_entropy_grad(*batch)
    assert_unchanged(batch, before, what="an argument")
    assert_gradient_right(g, *before)


# ------------------------------------------------------------------------------------------------------------ training

RATES, DECAYS = st.sampled_from([0.03, 0.1, 0.5]), st.sampled_from([0.02, 0.3, 1.0])
gradient_first = needs("test_gradient_is_the_derivative_of_the_loss")


def trained_by(student, x, y, *, rate, epochs, size, decay=0.0, seed=0, log=None):
    """What the student's softmax_regression returns, of copies."""
    return student.softmax_regression(
        x.copy(), y.copy(), learning_rate=rate, epochs=epochs, batch_size=size, weight_decay=decay,
        rng=np.random.default_rng(seed), log=log,
    )  # fmt: skip


@points(1, problem="training")
@needs("test_softmax_is_its_formula")
@FEW
@given(n=sizes(2, 6), drawn=weights_and_pairs(), seed=SEEDS)
def test_predict_proba_is_softmax_of_an_affine_map(student, n, drawn, seed):
    """predict_proba(x, (w, b)) = softmax(x w + b), for several examples."""
    (w, b), _, _ = drawn
    x = np.random.default_rng(seed).normal(0, 1, (n, len(w))).round(2)
    z = x @ w + b
    assert_close(student.predict_proba(x, (w, b)), oracle_softmax(z), rtol=rounding(z) * len(w))


@points(0.5, problem="training")
@needs("test_softmax_of_rows_far_apart")
@FEW
@given(drawn=weights_and_pairs(), seed=SEEDS)
def test_predict_proba_far_from_the_origin(student, drawn, seed):
    """predict_proba is finite and right for logits of up to 10000, and for examples whose logits are far apart."""
    (w, b), _, _ = drawn
    x = np.random.default_rng(seed).normal(0, 1, (5, len(w))).round(2)
    z = x @ w
    x *= np.array([[1.0], [1.0], [9e3], [9e3], [5e3]]) / np.abs(z).max()
    # All logits of the last two examples are far from those of the others.
    x, w = np.column_stack([x, [0.0, 0.0, 0.0, 0.9, -0.9]]), np.vstack([w / 10, np.full((1, w.shape[1]), 9e3)])
    z = x @ w + b
    assume(np.abs(z).max() < 9.9e3)
    assert_close(student.predict_proba(x, (w, b)), oracle_softmax(z), rtol=rounding(z) * len(w))


@points(0.5, problem="training")
@needs("test_softmax_of_one_example", "test_softmax_of_no_example")
@FEWER
@given(drawn=weights_and_pairs(), seed=SEEDS)
def test_predict_proba_of_one_example_or_none(student, drawn, seed):
    """predict_proba of one example is one row, and that of none has the shape (0, k)."""
    (w, b), _, _ = drawn
    for n in (1, 0):
        x = np.random.default_rng(seed).normal(0, 1, (n, len(w))).round(2)
        z = x @ w + b
        assert_close(student.predict_proba(x, (w, b)), oracle_softmax(z), what=f"of {n}", rtol=rounding(z) * len(w))


@points(3, problem="training")
@gradient_first
@FEW
@given(data=training_sets(), epochs=sizes(1, 6), beyond=st.sampled_from([0, 1, 100]), rate=RATES, decay=DECAYS)
def test_full_batches_are_gradient_descent(student, data, epochs, beyond, rate, decay):
    """With batch_size >= n every epoch is one step of gradient descent on the mean cross-entropy plus
    (weight_decay / 2) |w|^2, from w = 0 and b = 0; the bias is not penalised."""
    x, y = data
    expected = start(x, y)
    for _ in range(epochs):
        expected = oracle_step(x, y, expected, rate, decay)
    found = trained_by(student, x, y, rate=rate, epochs=epochs, size=len(x) + beyond, decay=decay)
    assert_trained(found, expected)


@points(0.5, problem="training")
@needs("test_full_batches_are_gradient_descent")
@FEWER
@given(data=training_sets(), absent=sizes(0, 3), epochs=sizes(1, 4), rate=RATES)
def test_training_with_a_class_without_examples(student, data, absent, epochs, rate):
    """There are max(y) + 1 classes, also where one of them, below the greatest, has no example."""
    x, y = data
    y = np.where(y >= min(absent, int(y.max())), y + 1, y)
    expected = start(x, y)
    for _ in range(epochs):
        expected = oracle_step(x, y, expected, rate, 0.0)
    assert_trained(trained_by(student, x, y, rate=rate, epochs=epochs, size=len(x)), expected)


@points(0.5, problem="training")
@needs("test_gradient_of_one_example", "test_training_with_a_class_without_examples")
@FEWER
@given(data=training_sets(ONE), label=sizes(1, 3), epochs=sizes(1, 4), rate=RATES)
def test_training_on_one_example(student, data, label, epochs, rate):
    """Training on one example, whose label is 1 to 3, is gradient descent too."""
    x, y = data[0], data[1] + label
    expected = start(x, y)
    for _ in range(epochs):
        expected = oracle_step(x, y, expected, rate, 0.0)
    assert_trained(trained_by(student, x, y, rate=rate, epochs=epochs, size=1), expected)


@points(0.5, problem="training")
@needs("test_full_batches_are_gradient_descent")
@FEWER
@given(data=training_sets(d=ONE), epochs=sizes(1, 4), rate=RATES)
def test_training_on_one_feature(student, data, epochs, rate):
    """Training on examples of one feature is gradient descent too, and w keeps the shape (1, k)."""
    x, y = data
    expected = start(x, y)
    for _ in range(epochs):
        expected = oracle_step(x, y, expected, rate, 0.0)
    found = trained_by(student, x, y, rate=rate, epochs=epochs, size=len(x))
    assert_close(found, expected, what="the pair (w, b)", rtol=1e-9, atol=1e-12)


@points(0.5, problem="training")
@gradient_first
@FEWER
@given(data=training_sets(), rate=RATES)
def test_training_begins_at_zero(student, data, rate):
    """After no epoch w and b are 0; after one step they are what leads away from there."""
    x, y = data
    assert_trained(trained_by(student, x, y, rate=rate, epochs=0, size=2), start(x, y), "the pair (w, b) of no epoch")
    found = trained_by(student, x, y, rate=rate, epochs=1, size=len(x))
    assert_trained(found, oracle_step(x, y, start(x, y), rate, 0.0))


@points(0.5, problem="training")
@gradient_first
@needs("test_gradient_of_large_logits_is_finite", "test_full_batches_are_gradient_descent")
@FEW
@given(data=training_sets(sizes(3, 6)), seed=SEEDS)
def test_training_with_large_logits(student, data, seed):
    """Steps are finite and right, and so is what log hears, where logits become as large as 10000 and those of one
    example are thousands above those of another."""
    x, y = data
    scales = np.append([150.0, 1.0], np.random.default_rng(seed).uniform(1, 150, len(x) - 2))
    x = (x * scales[:, None] / np.abs(x).max()).round(2)
    steps = [start(x, y)]
    for _ in range(3):
        steps.append(oracle_step(x, y, steps[-1], 0.5, 0.0))
    assume(all(np.abs(x @ w + b).max() < 9.9e3 for w, b in steps))
    assume(max(np.ptp((x @ w + b).max(axis=1)) for w, b in steps[1:3]) > 900)
    heard = Heard("loss", "accuracy")
    found = trained_by(student, x, y, rate=0.5, epochs=3, size=len(x), log=heard.log)
    assert_close(values_of(found, steps[-1]), steps[-1], what="the pair (w, b)", rtol=1e-7, atol=1e-7)
    for e, ((loss, _), weights) in enumerate(zip(heard.epochs(3), steps[1:], strict=True), 1):
        assert_close(loss, oracle_objective(x, y, weights, 0.0), what=f"the loss of epoch {e}", rtol=1e-7, atol=1e-7)


EPOCHS = {  # batch size: numbers of examples, points, what it stands on
    1: (sizes(3, 4), 1, "test_gradient_of_one_example"),
    2: (st.just(4), 1, "test_gradient_is_the_derivative_of_the_loss"),
    3: (st.just(5), 1.5, "test_gradient_is_the_derivative_of_the_loss"),
}


@pytest.mark.parametrize(
    "size",
    [pytest.param(m, marks=[points(p, problem="training"), needs(on)]) for m, (_, p, on) in EPOCHS.items()],
)
@settings(max_examples=10)
@given(draw=st.data(), rate=RATES, decay=DECAYS, seed=SEEDS)
def test_an_epoch_takes_every_example_once(student, size, draw, rate, decay, seed):
    """An epoch cuts some order of the examples into batches of {size}: each example is used once, with its own label,
    and a smaller last batch is used with the mean over its own examples."""
    x, y = draw.draw(training_sets(EPOCHS[size][0]))
    found = trained_by(student, x, y, rate=rate, epochs=1, size=size, decay=decay, seed=seed)
    (*_, expected), _ = nearest(found, ways_to_train(x, y, size, rate, decay))
    assert_trained(found, expected, "the pair (w, b), held to the nearest order,")


batches_of_two_first = needs("test_an_epoch_takes_every_example_once[2]")

# Four examples: the six ways to cut them into two batches of two lead to weights far apart from each other.
FOUR = np.array([[1.0, 0.5], [0.5, 2.0], [-0.5, 1.0], [1.5, -1.0]]), np.array([0, 1, 2, 3])


def cuts_taken(student, epochs, seeds):
    """How FOUR were cut into batches of two in each of the epochs, found from the weights."""
    x, y = FOUR
    ways = ways_to_train(x, y, 2, 0.5, 0.0, epochs)
    for seed in seeds:
        found = trained_by(student, x, y, rate=0.5, epochs=epochs, size=2, seed=seed)
        (*_, expected), taken = nearest(found, ways)
        assert_trained(found, expected)
        yield tuple(taken)


@points(2, problem="training")
@batches_of_two_first
@settings(max_examples=1)
@given(seed=st.integers(0, 2**31))
def test_orders_are_drawn_from_the_generator(student, seed):
    """The order of the examples is drawn from rng, all orders alike: a hundred generators cut four examples in all six
    ways into two batches of two."""
    # A right answer misses one of the six with a probability of 6 (5/6)^100 = 7e-8.
    different = set(cuts_taken(student, 1, range(seed, seed + 100)))
    check(len(different) == 6, f"a hundred generators led to {len(different)} of the 6 ways to cut four examples")


@points(1, problem="training")
@batches_of_two_first
@settings(max_examples=1)
@given(seed=st.integers(0, 2**31))
def test_every_epoch_draws_a_new_order(student, seed):
    """Every epoch draws a new order: thirty generators do not all cut the examples twice in one way, nor all in the
    same two ways."""
    # A right answer takes the same way twice with a probability of 1/6, for thirty generators of (1/6)^30.
    taken = list(cuts_taken(student, 2, range(seed, seed + 30)))
    check(any(first != second for first, second in taken), "thirty generators led to the same batches in both epochs")
    check(len(set(taken)) > 1, "thirty generators led to the same batches of two epochs")


@points(1, problem="training")
@batches_of_two_first
@FEWER
@given(data=training_sets(st.just(4)), seed=SEEDS)
def test_equal_generators_give_equal_weights(student, data, seed):
    """softmax_regression draws from rng alone: equal generators give exactly equal weights, which some order leads
    to."""
    x, y = data
    first, second = (trained_by(student, x, y, rate=0.1, epochs=2, size=2, seed=seed) for _ in range(2))
    (*_, expected), _ = nearest(first, ways_to_train(x, y, 2, 0.1, 0.0, 2))
    assert_trained(first, expected)
    assert_equal(second, first, what="the pair (w, b) of the second call")


@points(1, problem="training")
@needs("test_full_batches_are_gradient_descent")
@FEW
@given(data=training_sets(sizes(2, 8)), epochs=sizes(1, 4), rate=RATES, decay=DECAYS)
def test_log_hears_the_objective_and_the_accuracy(student, data, epochs, rate, decay):
    """log hears, after every epoch, the objective (penalty included) and the share of examples predicted right, both
    at the weights after that epoch."""
    x, y = data
    heard = Heard("loss", "accuracy")
    trained_by(student, x, y, rate=rate, epochs=epochs, size=len(x), decay=decay, log=heard.log)
    weights = start(x, y)
    for e, (loss, accuracy) in enumerate(heard.epochs(epochs), 1):
        weights = oracle_step(x, y, weights, rate, decay)
        objective = oracle_objective(x, y, weights, decay)
        assert_close(loss, objective, what=f"the loss of epoch {e}", rtol=1e-9, atol=1e-12)
        assert_accuracy(accuracy, x, y, weights, f"the accuracy of epoch {e}")


@points(1, problem="training")
@batches_of_two_first
@settings(max_examples=8)
@given(data=training_sets(st.just(4)), rate=RATES, decay=DECAYS, seed=SEEDS)
def test_log_hears_of_all_examples(student, data, rate, decay, seed):
    """log hears the objective and the accuracy of all examples, whatever the batch size: not those of the last batch,
    nor means over batches."""
    x, y = data
    heard = Heard("loss", "accuracy")
    found = trained_by(student, x, y, rate=rate, epochs=2, size=2, decay=decay, seed=seed, log=heard.log)
    (_, *path), _ = nearest(found, ways_to_train(x, y, 2, rate, decay, 2))
    assert_trained(found, path[-1])
    for e, ((loss, accuracy), weights) in enumerate(zip(heard.epochs(2), path, strict=True), 1):
        objective = oracle_objective(x, y, weights, decay)
        assert_close(loss, objective, what=f"the loss of epoch {e}", rtol=1e-9, atol=1e-12)
        assert_accuracy(accuracy, x, y, weights, f"the accuracy of epoch {e}")


@points(1, problem="training")
@needs("test_full_batches_are_gradient_descent")
@FEWER
@given(data=training_sets(sizes(2, 8)), seed=SEEDS)
def test_training_leaves_the_training_set(student, data, seed):
    """softmax_regression leaves x and y as they are, in order and in value; w of shape (d, k) and b of shape (k,) are
    right."""
    x, y = data
    before = snapshot(data)
    rng = np.random.default_rng(seed)
    found = student.softmax_regression(x, y, learning_rate=0.1, epochs=1, batch_size=len(x), rng=rng)
    assert_unchanged(data, before, what="the training set")
    assert_close(found, oracle_step(x, y, start(x, y), 0.1, 0.0), what="the pair (w, b)", rtol=1e-9, atol=1e-12)


@points(1, problem="training")
@gradient_first
@FEWER
@given(data=training_sets(sizes(2, 6)))
def test_training_refuses_wrong_arguments(student, data):
    """softmax_regression raises ValueError where y is not of shape (n,) and where batch_size < 1; and for nothing
    else."""
    x, y = data
    wrong = {
        "a label too many": (np.append(y, 0), 2),
        "labels of shape (n, 1)": (y[:, None], 2),
        "batch_size=0": (y, 0),
        "batch_size=-1": (y, -1),
    }
    for fault, (labels, size) in wrong.items():
        with assert_raises(ValueError, what=f"softmax_regression with {fault}"):
            trained_by(student, x, labels, rate=0.1, epochs=1, size=size)
    found = trained_by(student, x, y, rate=0.1, epochs=1, size=len(x))
    assert_trained(found, oracle_step(x, y, start(x, y), 0.1, 0.0), "the pair (w, b) of what is right")


NEAR = 0.05  # of the length of (w, b): two orders lead at most half as far apart, and 16 epochs for 20 farther


def clouds(seed):
    """(x, y): 240 points of three long clouds. Where they lie, and which has which label, only the seed says."""
    rng = np.random.default_rng(seed)
    angles = rng.uniform(0, 2 * np.pi) + rng.permutation(3) * 2 * np.pi / 3
    centres = 2.2 * np.column_stack([np.cos(angles), np.sin(angles)])
    turn, _ = np.linalg.qr(rng.normal(size=(2, 2)))
    y = rng.integers(0, 3, 240)
    x = (centres[y] + rng.normal(0, 0.9, (240, 2))) * rng.uniform([0.5, 1.0], [0.7, 1.2]) @ turn + rng.uniform(-1, 1, 2)
    return x.round(3), y.astype(np.uint8)


@points(1, problem="training")
@gradient_first
@settings(max_examples=1)
@given(seed=SEEDS, order=SEEDS)
def test_training_learns_three_clouds(student, record, seed, order):
    """Trained on 240 points of three clouds for 20 epochs, (w, b) comes as near to where another order of the examples
    leads as any order does; labels come as 8-bit integers."""
    x, y = clouds(seed)
    heard = Heard("loss", "accuracy")
    found = trained_by(student, x, y, rate=0.1, epochs=20, size=32, decay=1e-3, seed=order, log=heard.log)
    if told := heard.so_far():
        epochs, losses, shares = zip(*told, strict=True)
        record.curve("Training on three clouds", "epoch", epochs, loss=losses, accuracy=shares)
    rng, expected = np.random.default_rng([seed, 1]), start(x, y)
    for _ in range(20):
        expected = oracle_epoch(x, y, expected, rng.permutation(len(x)), 32, 0.1, 1e-3)
    found = values_of(found, expected)
    assert_close(found, expected, what="the pair (w, b)", rtol=0.0, atol=np.inf)  # types, shapes, dtypes; no NaN
    ours, theirs = (np.append(w.ravel(), b) for w, b in (expected, found))
    far = float(np.linalg.norm(theirs - ours) / np.linalg.norm(ours))
    if not far <= NEAR:
        said = f"(w, b) is {100 * far:.0f} % of its length away from where another order leads, expected at most 5 %"
        raise Mismatch(said, measured=said)


# ---------------------------------------------------------------------------------------------------- decision_regions


def assert_predicted(found, x, w, b):
    """A class for each example, at least as probable as every other."""
    z = x @ w + b
    check(
        isinstance(found, np.ndarray) and found.dtype.kind in "iu",
        "predict returned no array of integers",
        "wrong_type",
    )
    check(found.shape == (len(x),), f"the predictions have shape {found.shape}, expected {(len(x),)}", "wrong_shape")
    check(((found >= 0) & (found < len(b))).all(), f"the predictions are not all among the classes 0 to {len(b) - 1}")
    chosen = z[np.arange(len(x)), found]
    check((chosen == z.max(axis=1, initial=-np.inf)).all(), "a class was predicted that is not the most probable one")


@points(2, problem="decision_regions")
@FEW
@given(n=sizes(2, 7), d=sizes(1, 4), k=sizes(2, 5), scale=st.sampled_from([1, 1000]), seed=SEEDS)
def test_predict_names_the_most_probable_class(student, n, d, k, scale, seed):
    """predict names, for each example, a class that is at least as probable as every other; of equals, any; for logits
    of up to 10000."""
    rng = np.random.default_rng(seed)
    x, w, b = (rng.integers(-2, 3, shape).astype(float) for shape in ((n, d), (d, k), (k,)))  # ties are frequent
    w, b = scale * w, scale * b
    assume(np.abs(x @ w + b).max() <= 1e4)
    assert_predicted(student.predict(x.copy(), (w.copy(), b.copy())), x, w, b)


@points(0.5, problem="decision_regions")
@FEWER
@given(drawn=weights_and_pairs(), seed=SEEDS)
def test_predict_of_one_example_or_none(student, drawn, seed):
    """predict gives one class for one example, in an array, and none for none."""
    (w, b), _, _ = drawn
    for n in (1, 0):
        x = np.random.default_rng(seed).normal(0, 2, (n, len(w))).round(2)
        assert_predicted(student.predict(x.copy(), (w.copy(), b.copy())), x, w, b)


def assert_boundary(found, w, b, i, j):
    """A number in an array counts for c here; a public test holds that it is a number."""
    a, c = items_of(found, "a", "c", what="the boundary")
    offset = float(b[i] - b[j])
    assert_close(a, w[:, i] - w[:, j], what="a", rtol=1e-9, atol=1e-12)
    assert_close(values_of(c, offset), offset, what="c", rtol=1e-9, atol=1e-9)


@points(2, problem="decision_regions")
@FEW
@given(drawn=weights_and_pairs(d=sizes(1, 4)))
def test_boundary_is_where_the_log_odds_vanish(student, drawn):
    """decision_boundary gives the (a, c) with a . x + c = log(p_i / p_j) at every x: 0 on the boundary, and positive
    where class i is the more probable."""
    (w, b), i, j = drawn
    assert_boundary(student.decision_boundary((w.copy(), b.copy()), i, j), w, b, i, j)


def assert_reflected(image, x, w, b, i, j):
    a, c = w[:, i] - w[:, j], b[i] - b[j]
    normal = a / np.linalg.norm(a)
    mirror = np.eye(len(a)) - 2 * np.outer(normal, normal)
    on_boundary = -c * a / np.dot(a, a)  # the boundary's point nearest to the origin
    assert_close(image, (x - on_boundary) @ mirror + on_boundary, what="the mirror image", rtol=1e-9, atol=1e-9)


@points(2, problem="decision_regions")
@FEW
@given(n=sizes(2, 5), drawn=weights_and_pairs(), seed=SEEDS)
def test_reflection_turns_the_log_odds_around(student, n, drawn, seed):
    """reflect sends points at a right angle through the boundary to the same distance behind it, where the log-odds of
    the two classes are the opposite."""
    (w, b), i, j = drawn
    x = np.random.default_rng(seed).normal(0, 2, (n, len(w))).round(2)
    assert_reflected(student.reflect(x.copy(), (w.copy(), b.copy()), i, j), x, w, b, i, j)


@points(0.5, problem="decision_regions")
@FEWER
@given(drawn=weights_and_pairs(), line=weights_and_pairs(d=ONE), seed=SEEDS)
def test_reflection_of_one_point_or_none_and_on_a_line(student, drawn, line, seed):
    """reflect keeps the shape (n, d) where there is one point, no point, and one feature."""
    for n, ((w, b), i, j) in ((1, drawn), (0, drawn), (3, line)):
        x = np.random.default_rng(seed).normal(0, 2, (n, len(w))).round(2)
        assert_reflected(student.reflect(x.copy(), (w.copy(), b.copy()), i, j), x, w, b, i, j)


def oracle_meeting_point(w, b):
    return np.linalg.lstsq((w[:, 1:] - w[:, :1]).T, b[0] - b[1:], rcond=None)[0]


def assert_meeting(student, d, seed):
    rng = np.random.default_rng(seed)
    w, b = rng.normal(0, 2, (d, d + 1)).round(2), rng.normal(0, 2, d + 1).round(2)
    assume(np.linalg.cond(w[:, 1:] - w[:, :1]) < 50)
    found = student.meeting_point((w.copy(), b.copy()))
    assert_close(found, oracle_meeting_point(w, b), what="the meeting point", rtol=1e-8, atol=1e-8)


@points(1.5, problem="decision_regions")
@FEW
@given(d=sizes(2, 4), seed=SEEDS)
def test_classes_are_equal_at_the_meeting_point(student, d, seed):
    """At meeting_point(weights) each of the k = d + 1 classes has the probability 1/k, in two to four dimensions."""
    assert_meeting(student, d, seed)


@points(0.5, problem="decision_regions")
@FEWER
@given(seed=SEEDS)
def test_two_regions_meet_on_a_line(student, seed):
    """On a line, where d = 1 and k = 2, meeting_point gives an array of one number."""
    assert_meeting(student, 1, seed)


@pytest.mark.parametrize("function", ["decision_boundary", "reflect"])
@points(0.25, problem="decision_regions")
@FEWER
@given(drawn=weights_and_pairs(sizes(3, 5)), seed=SEEDS)
def test_a_class_has_no_boundary_with_itself(student, function, drawn, seed):
    """{function} raises ValueError where i = j, and for nothing else."""
    (w, b), i, j = drawn
    x = np.random.default_rng(seed).normal(0, 2, (2, len(w))).round(2)
    if function == "reflect":
        with assert_raises(ValueError, what="reflect with i = j"):
            student.reflect(x, (w, b), j, j)
        assert_reflected(student.reflect(x.copy(), (w, b), i, j), x, w, b, i, j)
    else:
        with assert_raises(ValueError, what="decision_boundary with i = j"):
            student.decision_boundary((w, b), i, i)
        assert_boundary(student.decision_boundary((w, b), i, j), w, b, i, j)


@points(0.25, problem="decision_regions")
@FEWER
@given(drawn=weights_and_pairs(sizes(3, 5)), seed=SEEDS)
def test_no_mirror_lies_between_equal_columns(student, drawn, seed):
    """reflect raises ValueError where two classes have equal columns of w, and so no boundary; and for nothing else."""
    (w, b), i, j = drawn
    x, equal = np.random.default_rng(seed).normal(0, 2, (2, len(w))).round(2), w.copy()
    equal[:, j] = w[:, i]
    with assert_raises(ValueError, what="reflect with equal columns"):
        student.reflect(x, (equal, b), i, j)
    assert_reflected(student.reflect(x.copy(), (w, b), i, j), x, w, b, i, j)


@points(0.25, problem="decision_regions")
@FEWER
@given(d=sizes(2, 4), seed=SEEDS)
def test_regions_that_do_not_meet_are_refused(student, d, seed):
    """meeting_point raises ValueError where k is not d + 1 and where all columns of w are equal, and for nothing
    else."""
    for columns in (np.ones((d, d + 1)), np.eye(d, d), np.eye(d, d + 2)):
        with assert_raises(ValueError, what=f"meeting_point with w = {columns.tolist()}"):
            student.meeting_point((columns, np.arange(columns.shape[1], dtype=float)))
    assert_meeting(student, d, seed)
