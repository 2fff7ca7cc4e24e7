"""Hidden tests of `softmax`: laws over drawn shapes, judged by an oracle in extended precision.

Shapes are drawn apart (one example, one class, wide, tall), entries come from a drawn seed, so that no two are equal by
accident and drawing is cheap. Training is deterministic up to the order of the examples; where that order is the
student's, the oracle takes every order and one of them must lead to the student's weights.
"""

import itertools

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from autograder.testing import (
    assert_close,
    assert_equal,
    assert_raises,
    assert_unchanged,
    check,
    needs,
    points,
    sizes,
    snapshot,
)

SEEDS = st.integers(0, 2**32 - 1)
ROWS, CLASSES, FEATURES, TWO_OR_MORE = sizes(1, 7), sizes(1, 8), sizes(1, 4), sizes(2, 5)
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


def nearest(weights, ways):
    """The index of the way that leads closest to `weights`, once those have the right shapes."""
    assert_close(weights, ways[0], what="the pair (w, b)", rtol=0.0, atol=np.inf)
    return int(np.argmin([max(np.abs(weights[0] - w).max(), np.abs(weights[1] - b).max()) for w, b in ways]))


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
    n, k, rng = draw(sizes(2, 7)), draw(sizes(2, 8)), np.random.default_rng(draw(SEEDS))
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
    n, k, rng = draw(sizes(2, 7)), draw(sizes(2, 8)), np.random.default_rng(draw(SEEDS))
    return (np.linspace(9.9e3, -9.9e3, n)[:, None] + rng.normal(0, 4, (n, k))).round(3)


@st.composite
def training_sets(draw, n=ROWS):
    """(x, y): n examples of 1 to 4 features with the labels 0 to 3, of which the greatest may be missing in a batch."""
    n, d, rng = draw(n), draw(FEATURES), np.random.default_rng(draw(SEEDS))
    return rng.normal(0.3, 1.0, (n, d)).round(2), rng.integers(0, 4, n)


@st.composite
def weights_and_pairs(draw, k=TWO_OR_MORE):
    """((w, b), i, j): weights and two different classes whose columns of w are not close to each other."""
    k, d, rng = draw(k), draw(FEATURES), np.random.default_rng(draw(SEEDS))
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


@points(2, problem="softmax")
@FEW
@given(batch=batches())
def test_softmax_is_its_formula(student, batch):
    """softmax(z)[i, j] = exp(z[i, j]) / sum_m exp(z[i, m]), for any number of examples and classes."""
    z, _ = batch
    assert_close(student.softmax(z.copy()), oracle_softmax(z), rtol=rounding(z))


@points(1, problem="softmax")
@FEW
@given(z=st.builds(lambda n, k: np.arange(n * k, dtype=float).reshape(n, k), sizes(0, 1), sizes(1, 5)))
def test_softmax_of_one_example_or_none(student, z):
    """softmax keeps the shape (n, k) where there is one example, one class or no example."""
    assert_close(student.softmax(z.copy()), oracle_softmax(z))


@points(3, problem="softmax")
@FEW
@given(batch=far_batches(one_height=True))
def test_large_logits_stay_finite(student, batch):
    """softmax is finite and right for logits of +-10000, however far apart the logits of a row are."""
    z, _ = batch
    assert_close(student.softmax(z.copy()), oracle_softmax(z), rtol=rounding(z))


@points(2, problem="softmax")
@FEW
@given(z=rows_far_apart())
def test_softmax_of_rows_far_apart(student, z):
    """softmax is right for every row, also where another row of the batch is 20000 above it."""
    assert_close(student.softmax(z.copy()), oracle_softmax(z), rtol=rounding(z))


@points(2, problem="softmax")
@FEW
@given(batch=batches(dtype=np.float32))
def test_softmax_of_float32_is_float32(student, batch):
    """softmax of float32 logits is a float32 array."""
    z, _ = batch
    assert_close(student.softmax(z.copy()), oracle_softmax(z), rtol=rounding(z))


@points(1, problem="softmax")
@FEWER
@given(batch=batches())
def test_softmax_leaves_its_input(student, batch):
    """softmax leaves z as it is."""
    z, _ = batch
    before = snapshot(z)
    student.softmax(z)
    assert_unchanged(z, before, what="z")


# --------------------------------------------------------------------------------------------------------- log_softmax


@points(2, problem="log_softmax")
@FEW
@given(batch=batches())
def test_log_softmax_is_its_formula(student, batch):
    """log_softmax(z)[i, j] = z[i, j] - log sum_m exp(z[i, m]), for any number of examples and classes."""
    z, _ = batch
    assert_close(student.log_softmax(z.copy()), oracle_log_softmax(z).astype(z.dtype), rtol=0.0, atol=rounding(z))


@points(3, problem="log_softmax")
@FEW
@given(batch=far_batches())
def test_log_softmax_of_large_logits_is_finite(student, batch):
    """log_softmax is finite and right for logits of +-10000, also where softmax rounds the probability to 0."""
    z, _ = batch
    assert_close(student.log_softmax(z.copy()), oracle_log_softmax(z).astype(z.dtype), rtol=0.0, atol=rounding(z))


@points(1, problem="log_softmax")
@FEW
@given(z=st.builds(lambda n, k: np.arange(n * k, dtype=float).reshape(n, k), sizes(0, 1), sizes(1, 5)))
def test_log_softmax_of_one_example_or_none(student, z):
    """log_softmax keeps the shape (n, k) where there is one example, one class or no example."""
    assert_close(student.log_softmax(z.copy()), oracle_log_softmax(z).astype(float), rtol=0.0, atol=rounding(z))


@points(1, problem="log_softmax")
@FEW
@given(batch=batches(dtype=np.float32))
def test_log_softmax_of_float32_is_float32(student, batch):
    """log_softmax of float32 logits is a float32 array."""
    z, _ = batch
    assert_close(student.log_softmax(z.copy()), oracle_log_softmax(z).astype(z.dtype), rtol=0.0, atol=rounding(z))


@points(1, problem="log_softmax")
@FEWER
@given(batch=batches())
def test_log_softmax_leaves_its_input(student, batch):
    """log_softmax leaves z as it is."""
    z, _ = batch
    before = snapshot(z)
    student.log_softmax(z)
    assert_unchanged(z, before, what="z")


# ------------------------------------------------------------------------------------------------------- cross_entropy


@points(4, problem="cross_entropy")
@FEW
@given(batch=batches())
def test_cross_entropy_is_its_formula(student, batch):
    """cross_entropy(z, y) = -(1/n) sum_i log softmax(z)[i, y[i]]: a mean, in nats, labels counted from 0."""
    z, y = batch
    assert_close(student.cross_entropy(z.copy(), y.copy()), oracle_cross_entropy(z, y), rtol=0.0, atol=rounding(z))


@points(3, problem="cross_entropy")
@FEW
@given(batch=far_batches())
def test_cross_entropy_of_large_logits_is_finite(student, batch):
    """cross_entropy is finite and right for logits of +-10000, also for labels that the logits all but rule out."""
    z, y = batch
    assert_close(student.cross_entropy(z.copy(), y.copy()), oracle_cross_entropy(z, y), rtol=0.0, atol=rounding(z))


@points(1, problem="cross_entropy")
@FEW
@given(batch=batches(n=st.just(1)))
def test_cross_entropy_of_one_example(student, batch):
    """cross_entropy of a batch of one is -log softmax(z)[0, y[0]]."""
    z, y = batch
    assert_close(student.cross_entropy(z.copy(), y.copy()), oracle_cross_entropy(z, y), rtol=0.0, atol=rounding(z))


@points(1, problem="cross_entropy")
@FEW
@given(batch=batches(dtype=np.float32))
def test_cross_entropy_of_float32(student, batch):
    """cross_entropy of float32 logits is right to the rounding of float32."""
    z, y = batch
    assert_close(student.cross_entropy(z.copy(), y.copy()), oracle_cross_entropy(z, y), rtol=0.0, atol=rounding(z))


@points(2, problem="cross_entropy")
@FEWER
@given(batch=batches(n=st.just(40), k=st.just(30)), seed=SEEDS)
def test_cross_entropy_takes_any_integer_labels(student, batch, seed):
    """cross_entropy takes labels of 8 to 64 bits, signed and unsigned, also where n k is beyond their range."""
    z, y = batch
    expected = oracle_cross_entropy(z, y)
    for dtype in np.random.default_rng(seed).permutation(INTEGERS):
        found = student.cross_entropy(z.copy(), y.astype(dtype))
        assert_close(found, expected, what=f"the loss with {np.dtype(dtype)} labels", rtol=0.0, atol=rounding(z))


@points(2, problem="cross_entropy")
@FEWER
@given(batch=batches(n=sizes(2, 6), k=sizes(2, 6)))
def test_cross_entropy_refuses_wrong_labels(student, batch):
    """cross_entropy raises ValueError where n = 0, where y is not of shape (n,), and for labels below 0 or not below
    k."""
    for fault, (z, y) in wrong_labels(*batch).items():
        with assert_raises(ValueError, what=f"cross_entropy with {fault}"):
            student.cross_entropy(z.copy(), y.copy())


@points(1, problem="cross_entropy")
@FEWER
@given(batch=batches())
def test_cross_entropy_leaves_its_inputs(student, batch):
    """cross_entropy leaves z and y as they are."""
    before = snapshot(batch)
    student.cross_entropy(*batch)
    assert_unchanged(batch, before, what="an argument")


# -------------------------------------------------------------------------------------------------- cross_entropy_grad


@points(4, problem="cross_entropy_grad")
@FEW
@given(batch=batches())
def test_gradient_is_the_derivative_of_the_loss(student, batch):
    """cross_entropy_grad(z, y) is the derivative of the mean cross-entropy by every logit."""
    z, y = batch
    atol = rounding(z) / len(y)  # the 1 that is subtracted rounds at its own size
    assert_close(student.cross_entropy_grad(z.copy(), y.copy()), oracle_gradient(z, y), atol=atol)


@points(2, problem="cross_entropy_grad")
@FEW
@given(batch=far_batches())
def test_gradient_of_large_logits_is_finite(student, batch):
    """cross_entropy_grad is finite and right for logits of +-10000 and for rows far apart."""
    z, y = batch
    atol = rounding(z) / len(y)
    assert_close(student.cross_entropy_grad(z.copy(), y.copy()), oracle_gradient(z, y), atol=atol)


@points(2, problem="cross_entropy_grad")
@FEW
@given(batch=batches(dtype=np.float32))
def test_gradient_of_float32_is_float32(student, batch):
    """cross_entropy_grad of float32 logits is a float32 array."""
    z, y = batch
    atol = rounding(z) / len(y)
    assert_close(student.cross_entropy_grad(z.copy(), y.copy()), oracle_gradient(z, y), atol=atol)


@points(1, problem="cross_entropy_grad")
@FEWER
@given(batch=batches(n=st.just(40), k=st.just(30)), seed=SEEDS)
def test_gradient_takes_any_integer_labels(student, batch, seed):
    """cross_entropy_grad takes labels of 8 to 64 bits, signed and unsigned."""
    z, y = batch
    expected = oracle_gradient(z, y)
    for dtype in np.random.default_rng(seed).permutation(INTEGERS):
        found = student.cross_entropy_grad(z.copy(), y.astype(dtype))
        assert_close(found, expected, what=f"the gradient with {np.dtype(dtype)} labels", atol=rounding(z) / len(y))


@points(2, problem="cross_entropy_grad")
@FEWER
@given(batch=batches(n=sizes(2, 6), k=sizes(2, 6)))
def test_gradient_refuses_wrong_labels(student, batch):
    """cross_entropy_grad raises ValueError where n = 0, where y is not of shape (n,), and for labels below 0 or not
    below k."""
    for fault, (z, y) in wrong_labels(*batch).items():
        with assert_raises(ValueError, what=f"cross_entropy_grad with {fault}"):
            student.cross_entropy_grad(z.copy(), y.copy())


@points(1, problem="cross_entropy_grad")
@FEWER
@given(batch=batches())
def test_gradient_leaves_its_inputs(student, batch):
    """cross_entropy_grad leaves z and y as they are."""
    before = snapshot(batch)
    student.cross_entropy_grad(*batch)
    assert_unchanged(batch, before, what="an argument")


# ------------------------------------------------------------------------------------------------------------ training

RATES, DECAYS = st.sampled_from([0.03, 0.1, 0.5]), st.sampled_from([0.02, 0.3, 1.0])


@points(1, problem="training")
@needs("test_softmax_of_a_small_example")
@FEW
@given(n=sizes(0, 6), drawn=weights_and_pairs(), scale=st.sampled_from([1.0, 300.0]), seed=SEEDS)
def test_predict_proba_is_softmax_of_an_affine_map(student, n, drawn, scale, seed):
    """predict_proba(x, (w, b)) = softmax(x w + b), of no example, one or many, near and far from the origin."""
    (w, b), _, _ = drawn
    x = np.random.default_rng(seed).normal(0, scale, (n, len(w))).round(2)
    z = x @ w + b
    assert_close(student.predict_proba(x, (w, b)), oracle_softmax(z), rtol=rounding(z) * len(w))


@points(4, problem="training")
@needs("test_gradient_of_a_small_example", "test_gradient_is_the_derivative_of_the_loss")
@FEW
@given(data=training_sets(), epochs=sizes(0, 6), beyond=st.sampled_from([0, 1, 100]), rate=RATES, decay=DECAYS)
def test_full_batches_are_gradient_descent(student, data, epochs, beyond, rate, decay):
    """With batch_size >= n every epoch is one step of gradient descent on the mean cross-entropy plus
    (weight_decay / 2) |w|^2, from w = 0 and b = 0; the bias is not penalised."""
    x, y = data
    expected = start(x, y)
    for _ in range(epochs):
        expected = oracle_step(x, y, expected, rate, decay)
    found = student.softmax_regression(
        x.copy(),
        y.copy(),
        learning_rate=rate,
        epochs=epochs,
        batch_size=len(x) + beyond,
        weight_decay=decay,
        rng=np.random.default_rng(0),
    )
    assert_close(found, expected, what="the pair (w, b)", rtol=1e-9, atol=1e-12)


@points(5, problem="training")
@needs("test_gradient_of_a_small_example", "test_gradient_is_the_derivative_of_the_loss")
@settings(max_examples=10)
@given(data=training_sets(sizes(3, 4)), rate=RATES, decay=DECAYS, seed=SEEDS)
def test_an_epoch_takes_every_example_once(student, data, rate, decay, seed):
    """An epoch cuts some order of the examples into batches: each example is used once, with its own label, and a
    smaller last batch is used with the mean over its own examples."""
    x, y = data
    for size in (1, 2, 3):
        orders = itertools.permutations(range(len(x)))
        ways = [oracle_epoch(x, y, start(x, y), order, size, rate, decay) for order in orders]
        found = student.softmax_regression(
            x.copy(),
            y.copy(),
            learning_rate=rate,
            epochs=1,
            batch_size=size,
            weight_decay=decay,
            rng=np.random.default_rng(seed),
        )
        what = f"the pair (w, b) after batches of {size}, held to the nearest order,"
        assert_close(found, ways[nearest(found, ways)], what=what, rtol=1e-9, atol=1e-12)


# Three examples whose six orders lead to weights far apart from each other.
THREE = np.array([[1.0, 0.5], [0.5, 2.0], [-0.5, 1.0]]), np.array([0, 1, 2])


def orders_taken(student, epochs, seed):
    """The order of THREE in each of one or two epochs of batches of one, found from the weights."""
    x, y = THREE
    given_orders = list(itertools.product(itertools.permutations(range(3)), repeat=epochs))
    ways = []
    for orders in given_orders:
        weights = start(x, y)
        for order in orders:
            weights = oracle_epoch(x, y, weights, order, 1, 0.5, 0.0)
        ways.append(weights)
    for one in range(seed, seed + (100 if epochs == 1 else 30)):
        rng = np.random.default_rng(one)
        found = student.softmax_regression(x.copy(), y.copy(), learning_rate=0.5, epochs=epochs, batch_size=1, rng=rng)
        yield given_orders[nearest(found, ways)]


@points(2, problem="training")
@needs("test_an_epoch_takes_every_example_once")
@settings(max_examples=1)
@given(seed=st.integers(0, 2**31))
def test_orders_are_drawn_from_the_generator(student, seed):
    """The order of the examples is drawn from rng, all orders alike: a hundred generators lead three examples through
    all six orders."""
    # A right answer misses one of the six with a probability of 6 (5/6)^100 = 7e-8.
    taken = set(orders_taken(student, 1, seed))
    check(len(taken) == 6, f"a hundred generators led to {len(taken)} of the 6 orders of three examples")


@points(1, problem="training")
@needs("test_an_epoch_takes_every_example_once")
@settings(max_examples=1)
@given(seed=st.integers(0, 2**31))
def test_every_epoch_draws_a_new_order(student, seed):
    """Every epoch draws a new order."""
    # A right answer takes the same order twice with a probability of 1/6, for thirty generators of (1/6)^30.
    check(
        any(first != second for first, second in orders_taken(student, 2, seed)),
        "thirty generators led to the same order in the second epoch as in the first",
    )


@points(1, problem="training")
@FEWER
@given(data=training_sets(sizes(5, 8)), seed=SEEDS)
def test_equal_generators_give_equal_weights(student, data, seed):
    """softmax_regression draws from rng alone: equal generators give exactly equal weights."""
    x, y = data
    first, second = (
        student.softmax_regression(
            x.copy(), y.copy(), learning_rate=0.1, epochs=3, batch_size=2, rng=np.random.default_rng(seed)
        )
        for _ in range(2)
    )
    assert_equal(second, first, what="the pair (w, b) of the second call")


@points(2, problem="training")
@needs("test_full_batches_are_gradient_descent")
@FEW
@given(data=training_sets(sizes(2, 8)), epochs=sizes(1, 4), rate=RATES, decay=DECAYS)
def test_log_hears_the_objective_and_the_accuracy(student, data, epochs, rate, decay):
    """log hears, after every epoch, the objective (penalty included) and the share of examples predicted right, both
    at the weights after that epoch."""
    x, y = data
    heard = []
    student.softmax_regression(
        x.copy(),
        y.copy(),
        learning_rate=rate,
        epochs=epochs,
        batch_size=len(x),
        weight_decay=decay,
        rng=np.random.default_rng(0),
        log=lambda *values, **named: heard.append(named),
    )
    check(len(heard) == epochs, f"log was called {len(heard)} times in {epochs} epochs")
    weights = start(x, y)
    for e, named in enumerate(heard, 1):
        weights = oracle_step(x, y, weights, rate, decay)
        assert_equal(named["epoch"], e, what="the epoch")
        objective = oracle_objective(x, y, weights, decay)
        assert_close(named["loss"], objective, what=f"the loss of epoch {e}", rtol=1e-9, atol=1e-12)
        z = x @ weights[0] + weights[1]
        lead = z[np.arange(len(y)), y] - np.where(np.arange(z.shape[1]) == y[:, None], -np.inf, z).max(axis=1)
        low, high = float((lead > 1e-9).mean()), float((lead > -1e-9).mean())  # a tie may go either way
        accuracy = float(named["accuracy"])
        check(
            low - 1e-6 <= accuracy <= high + 1e-6,
            f"the accuracy of epoch {e} is {accuracy}, expected {low}" + (f" to {high}" if high > low else ""),
        )


@points(1, problem="training")
@needs("test_an_epoch_takes_every_example_once")
@FEW
@given(data=training_sets(sizes(4, 8)), size=sizes(1, 3), rate=RATES, decay=DECAYS, seed=SEEDS)
def test_log_hears_of_all_examples(student, data, size, rate, decay, seed):
    """What log hears last is the objective of all examples at the weights that are returned, whatever the batch
    size."""
    x, y = data
    heard = []
    weights = student.softmax_regression(
        x.copy(),
        y.copy(),
        learning_rate=rate,
        epochs=2,
        batch_size=size,
        weight_decay=decay,
        rng=np.random.default_rng(seed),
        log=lambda *values, **named: heard.append(named),
    )
    assert_close(heard[-1]["loss"], oracle_objective(x, y, weights, decay), what="the last loss", rtol=1e-9, atol=1e-12)


@points(1, problem="training")
@FEWER
@given(data=training_sets(sizes(2, 8)), seed=SEEDS)
def test_training_leaves_the_training_set(student, data, seed):
    """softmax_regression leaves x and y as they are, in order and in value."""
    before = snapshot(data)
    student.softmax_regression(*data, learning_rate=0.1, epochs=2, batch_size=2, rng=np.random.default_rng(seed))
    assert_unchanged(data, before, what="the training set")


@points(1, problem="training")
@FEWER
@given(data=training_sets(sizes(2, 6)))
def test_training_refuses_wrong_arguments(student, data):
    """softmax_regression raises ValueError where y is not of shape (n,) and where batch_size < 1."""
    x, y = data
    wrong = {
        "a label too many": (np.append(y, 0), 2),
        "labels of shape (n, 1)": (y[:, None], 2),
        "batch_size=0": (y, 0),
        "batch_size=-1": (y, -1),
    }
    for fault, (labels, size) in wrong.items():
        with assert_raises(ValueError, what=f"softmax_regression with {fault}"):
            student.softmax_regression(
                x.copy(), labels, learning_rate=0.1, epochs=1, batch_size=size, rng=np.random.default_rng(0)
            )


@points(1, problem="training")
@needs("test_gradient_of_a_small_example", "test_gradient_is_the_derivative_of_the_loss")
@settings(max_examples=1)
@given(seed=SEEDS)
def test_training_learns_three_clouds(student, record, seed):
    """Trained on 240 points of three clouds for 20 epochs, the weights predict at least 95 % of 600 other points of
    them right; labels come as 8-bit integers."""
    rng = np.random.default_rng(seed)
    centres = np.array([[0.0, 2.5], [-2.5, -2.0], [2.5, -2.0]])
    y = rng.integers(0, 3, 840).astype(np.uint8)
    x = (centres[y] + rng.normal(0, 0.9, (840, 2))).round(3)
    heard = []
    w, b = student.softmax_regression(
        x[:240],
        y[:240],
        learning_rate=0.1,
        epochs=20,
        batch_size=32,
        weight_decay=1e-3,
        rng=np.random.default_rng(seed),
        log=lambda *values, **named: heard.append(named),
    )
    heard = [named for named in heard if named.keys() >= {"epoch", "loss", "accuracy"}]  # judged elsewhere
    record.curve(
        "Training on three clouds",
        "epoch",
        [named["epoch"] for named in heard],
        loss=[named["loss"] for named in heard],
        accuracy=[named["accuracy"] for named in heard],
    )
    accuracy = float(((x[240:] @ w + b).argmax(axis=1) == y[240:]).mean())
    check(accuracy >= 0.95, f"{accuracy:.1%} of the other points are predicted right, expected at least 95 %")


# ---------------------------------------------------------------------------------------------------- decision_regions


@points(2, problem="decision_regions")
@FEW
@given(n=sizes(0, 7), d=sizes(1, 4), k=sizes(1, 5), seed=SEEDS)
def test_predict_names_the_most_probable_class(student, n, d, k, seed):
    """predict names, for each example, a class that is at least as probable as every other; of equals, any."""
    rng = np.random.default_rng(seed)
    x, w, b = (rng.integers(-2, 3, shape).astype(float) for shape in ((n, d), (d, k), (k,)))  # ties are frequent
    found = student.predict(x, (w, b))
    z = x @ w + b
    check(
        isinstance(found, np.ndarray) and found.dtype.kind in "iu",
        "predict returned no array of integers",
        "wrong_type",
    )
    check(found.shape == (n,), f"the predictions have shape {found.shape}, expected {(n,)}", "wrong_shape")
    check(((found >= 0) & (found < k)).all(), f"the predictions are not all among the classes 0 to {k - 1}")
    check((z[np.arange(n), found] == z.max(axis=1)).all(), "a class was predicted that is not the most probable one")


@points(2, problem="decision_regions")
@FEW
@given(drawn=weights_and_pairs(), seed=SEEDS)
def test_boundary_is_where_the_log_odds_vanish(student, drawn, seed):
    """decision_boundary gives the (a, c) with a . x + c = log(p_i / p_j) at every x: 0 on the boundary, and positive
    where class i is the more probable."""
    (w, b), i, j = drawn
    a, c = student.decision_boundary((w, b), i, j)
    x = np.random.default_rng(seed).normal(0, 2, len(w)).round(2)
    log_p = oracle_log_softmax((x @ w + b)[None])[0].astype(float)
    assert_close(a, w[:, i] - w[:, j], what="a", rtol=1e-9, atol=1e-12)
    assert_close(a @ x + c, log_p[i] - log_p[j], what="a . x + c", rtol=1e-9, atol=1e-9)


@points(3, problem="decision_regions")
@FEW
@given(n=sizes(0, 5), drawn=weights_and_pairs(), seed=SEEDS)
def test_reflection_turns_the_log_odds_around(student, n, drawn, seed):
    """reflect sends points at a right angle through the boundary to the same distance behind it, where the log-odds of
    the two classes are the opposite."""
    (w, b), i, j = drawn
    a, c = w[:, i] - w[:, j], b[i] - b[j]
    x = np.random.default_rng(seed).normal(0, 2, (n, len(w))).round(2)
    image = student.reflect(x.copy(), (w, b), i, j)
    normal = a / np.linalg.norm(a)
    mirror = np.eye(len(a)) - 2 * np.outer(normal, normal)
    on_boundary = -c * a / np.dot(a, a)  # the boundary's point nearest to the origin
    assert_close(image, (x - on_boundary) @ mirror + on_boundary, what="the mirror image", rtol=1e-9, atol=1e-9)


@points(2, problem="decision_regions")
@FEW
@given(d=sizes(1, 4), seed=SEEDS)
def test_classes_are_equal_at_the_meeting_point(student, d, seed):
    """At meeting_point(weights) each of the k = d + 1 classes has the probability 1/k."""
    rng = np.random.default_rng(seed)
    w, b = rng.normal(0, 2, (d, d + 1)).round(2), rng.normal(0, 2, d + 1).round(2)
    assume(np.linalg.cond(w[:, 1:] - w[:, :1]) < 50)
    x = student.meeting_point((w, b))
    assert_close(x, np.zeros(d), what="the meeting point", rtol=0.0, atol=np.inf)  # its type, shape and dtype
    p = np.exp(oracle_log_softmax((x @ w + b)[None]))[0].astype(float)
    assert_close(p, np.full(d + 1, 1 / (d + 1)), what="the probabilities at the meeting point", rtol=1e-8)


@points(1, problem="decision_regions")
@FEWER
@given(drawn=weights_and_pairs(sizes(3, 5)))
def test_regions_without_a_boundary_are_refused(student, drawn):
    """ValueError where i = j, where two classes have equal columns of w and so no boundary, and where the regions do
    not meet in one point because k is not d + 1 or all columns are equal."""
    (w, b), i, j = drawn
    with assert_raises(ValueError, what="decision_boundary with i = j"):
        student.decision_boundary((w, b), i, i)
    x = np.ones((2, len(w)))
    with assert_raises(ValueError, what="reflect with i = j"):
        student.reflect(x, (w, b), j, j)
    equal = w.copy()
    equal[:, j] = w[:, i]
    with assert_raises(ValueError, what="reflect with two equal columns of w"):
        student.reflect(x, (equal, b), i, j)
    d = len(w)
    for k in (d, d + 2):
        with assert_raises(ValueError, what=f"meeting_point of {k} classes in {d} dimensions"):
            student.meeting_point((np.eye(d, k), np.arange(k, dtype=float)))
    with assert_raises(ValueError, what="meeting_point with all columns of w equal"):
        student.meeting_point((np.ones((d, d + 1)), np.arange(d + 1.0)))
