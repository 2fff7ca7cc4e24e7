"""Public tests of `backprop`: run them with `deepgrade check`. The server runs these, and hidden ones.

The handout's examples come with their numbers, for you to follow, and without points. The points are for the same
questions with numbers that are drawn: here the same ones everywhere, on the server others besides.
"""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.testing import (
    Heard,
    assert_close,
    assert_equal,
    assert_gradient,
    assert_shaped_like,
    check,
    describe,
    items_of,
    needs,
    points,
    rngs,
    sizes,
    values_of,
)

# The handout's example: two inputs, two hidden units, two classes; sigmoids; two examples. In the second one, both
# hidden units are at ln 3, where the sigmoid is 3/4.
X = np.array([[0.0, 0.0], [np.log(3.0), 1.0]])
PARAMS = [
    (np.array([[1.0, 2.0], [0.0, -np.log(3.0)]]), np.array([0.0, 0.0])),
    (np.array([[1.0, -1.0], [2.0, 4.0]]), np.array([0.5, 0.0])),
]
Z = np.array([[2.0, 1.5], [2.75, 2.25]])
DZ = np.array([[1.0, 0.0], [2.0, -1.0]])

few = settings(max_examples=12)
seeds = st.integers(0, 2**32 - 1)
# Numbers r that are easy to follow, for laws at x = ln r.
ratios = st.lists(st.integers(1, 12), min_size=2, max_size=5).map(lambda r: np.array(r) / 4)


@st.composite
def networks(draw, depth):
    """(x, params, dz): some examples, random params of so many layers, and an upstream gradient."""
    widths, n = [draw(sizes(2, 4)) for _ in range(draw(depth) + 1)], draw(sizes(2, 4))
    rng = np.random.default_rng(draw(seeds))
    params = [(rng.normal(0, 0.8, shape), rng.normal(0, 0.5, shape[1])) for shape in pairwise(widths)]
    return rng.normal(0, 1, (n, widths[0])), params, rng.normal(0, 1, (n, widths[-1]))


def logits_of(x, params):
    """The logits of a network with tanh in its hidden layers."""
    for w, b in params[:-1]:
        x = np.tanh(x @ w + b)
    w, b = params[-1]
    return x @ w + b


def gradients_of(student, x, params, dz, activation):
    """(grads, dx) by the student's forward and backward."""
    _, cache = items_of(student.forward(x, params, activation), "z", "cache", what="forward's answer")
    return items_of(student.backward(dz, params, cache, activation), "grads", "dx", what="backward's answer")


# -------------------------------------------------------------------------------------------------------- activations


@points(0, problem="activations")
def test_sigmoid_of_a_small_example(student):
    """sigmoid([0, ln 3, -ln 3]) = [1/2, 3/4, 1/4]."""
    assert_close(student.sigmoid(np.array([0.0, np.log(3.0), -np.log(3.0)])), np.array([0.5, 0.75, 0.25]))


@points(0, problem="activations")
def test_tanh_and_relu_of_a_small_example(student):
    """tanh([0, ln 3, -ln 3]) = [0, 4/5, -4/5] and relu of the same is [0, ln 3, 0]."""
    x = np.array([0.0, np.log(3.0), -np.log(3.0)])
    assert_close(student.tanh(x.copy()), np.array([0.0, 0.8, -0.8]), what="tanh")
    assert_close(student.relu(x.copy()), np.array([0.0, np.log(3.0), 0.0]), what="relu")


@points(0, problem="activations")
def test_derivatives_take_outputs(student):
    """From outputs: sigmoid_derivative([1/2, 3/4]) = [1/4, 3/16], tanh_derivative([0, 4/5]) = [1, 9/25], and
    relu_derivative([0, 3]) = [0, 1]."""
    assert_close(student.sigmoid_derivative(np.array([0.5, 0.75])), np.array([0.25, 0.1875]), what="sigmoid_derivative")
    assert_close(student.tanh_derivative(np.array([0.0, 0.8])), np.array([1.0, 0.36]), what="tanh_derivative")
    assert_close(student.relu_derivative(np.array([0.0, 3.0])), np.array([0.0, 1.0]), what="relu_derivative")


@points(1, problem="activations")
@few
@given(r=ratios)
def test_sigmoid_of_logarithms(student, r):
    """sigmoid(ln r) = r / (1 + r), entry by entry."""
    assert_close(student.sigmoid(np.log(r)), r / (1 + r), rtol=1e-12)


@points(0.5, problem="activations")
@few
@given(r=ratios)
def test_tanh_of_logarithms(student, r):
    """tanh(ln r) = (r^2 - 1) / (r^2 + 1), entry by entry."""
    assert_close(student.tanh(np.log(r)), (r**2 - 1) / (r**2 + 1), rtol=1e-12)


@points(0.5, problem="activations")
@few
@given(r=ratios)
def test_relu_of_positive_and_negative_numbers(student, r):
    """relu keeps positive numbers, and makes negative ones 0."""
    assert_close(student.relu(np.concatenate([r, -r])), np.concatenate([r, 0 * r]), rtol=1e-12)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("sigmoid", marks=points(0.75, problem="activations")),
        pytest.param("tanh", marks=points(0.75, problem="activations")),
        pytest.param("relu", marks=points(0.5, problem="activations")),
    ],
)
@few
@given(r=ratios)
def test_a_derivative_comes_from_the_output(student, name, r):
    """{name}_derivative gets outputs: for the sigmoid a (1 - a), for tanh 1 - a^2, for ReLU 1 where a > 0, else 0."""
    a = {"sigmoid": r / (1 + r), "tanh": (r - 1) / (r + 1), "relu": np.concatenate([r, 0 * r])}[name]
    right = {"sigmoid": r / (1 + r) ** 2, "tanh": 4 * r / (1 + r) ** 2, "relu": np.concatenate([0 * r + 1, 0 * r])}
    assert_close(getattr(student, f"{name}_derivative")(a), right[name], rtol=1e-12)


# ----------------------------------------------------------------------------------------------------- initialization


def assert_xavier(w, fan_in, fan_out):
    """A float64 array of that shape, within its bound, and not all alike."""
    assert_close(w, np.zeros((fan_in, fan_out)), what="the weights", atol=np.inf)  # type, shape and dtype alone
    c = np.sqrt(6 / (fan_in + fan_out))
    check(float(np.abs(w).max()) <= c, f"the greatest entry is {np.abs(w).max()}, expected at most {c}")
    check(float(w.std()) > 0, f"all weights are {w[0, 0]}")


@points(2, problem="initialization")
@few
@given(fan_in=sizes(2, 40), fan_out=sizes(2, 40), rng=rngs())
def test_xavier_stays_within_its_bound(student, fan_in, fan_out, rng):
    """xavier_uniform gives a (fan_in, fan_out) array, not all alike, with no entry beyond
    c = sqrt(6 / (fan_in + fan_out))."""
    assert_xavier(student.xavier_uniform(fan_in, fan_out, rng), fan_in, fan_out)


@points(1, problem="initialization")
@few
@given(widths=st.lists(sizes(2, 6), min_size=2, max_size=4), rng=rngs())
def test_initialize_makes_a_pair_for_each_layer(student, widths, rng):
    """initialize([5, 4, 3], rng) gives two pairs: weights (5, 4) and (4, 3), and zero biases (4,) and (3,); and so for
    all widths."""
    params, fans = student.initialize(widths, rng), list(pairwise(widths))
    assert_close(params, [(np.zeros(fan), np.zeros(fan[1])) for fan in fans], what="params", atol=np.inf)  # shapes
    for (w, b), fan in zip(params, fans, strict=True):
        assert_xavier(w, *fan)
        assert_equal(b, np.zeros(fan[1]), what="the biases")


# ------------------------------------------------------------------------------------------------------------ forward


@points(0, problem="forward")
def test_forward_of_the_handout(student):
    """The logits of the handout's example are [[2, 3/2], [11/4, 9/4]]."""
    z, _ = items_of(student.forward(X, PARAMS, "sigmoid"), "z", "cache", what="forward's answer")
    assert_close(z, Z, what="z")


@points(2, problem="forward")
@few
@given(net=networks(depth=st.just(2)))
def test_forward_of_one_hidden_layer(student, net):
    """With one hidden layer of tanhs, z = tanh(x w_1 + b_1) w_2 + b_2."""
    x, params, _ = net
    z, _ = items_of(student.forward(x, params, "tanh"), "z", "cache", what="forward's answer")
    assert_close(values_of(z, logits_of(x, params)), logits_of(x, params), what="z", rtol=1e-9, atol=1e-9)


@points(1, problem="forward")
@few
@given(net=networks(depth=st.sampled_from([1, 3])))
def test_forward_gives_a_row_of_logits_an_example(student, net):
    """For one layer and for three, z has the shape (n, k), and the right logits in it."""
    x, params, _ = net
    z, _ = items_of(student.forward(x, params, "tanh"), "z", "cache", what="forward's answer")
    assert_close(z, logits_of(x, params), what="z", rtol=1e-9, atol=1e-9)


# ----------------------------------------------------------------------------------------------------------- backward


@points(0, problem="backward")
@needs("test_forward_of_the_handout")
def test_backward_of_the_handout(student):
    """The gradients of the handout's example are the ones that it derives by hand."""
    grads, dx = gradients_of(student, X, PARAMS, DZ, "sigmoid")
    log3 = np.log(3.0)
    expected = [
        (np.array([[9 / 16 * log3, 0.0], [9 / 16, 0.0]]), np.array([13 / 16, 1 / 2])),
        (np.array([[2.0, -0.75], [2.0, -0.75]]), np.array([3.0, -1.0])),
    ]
    assert_close(grads, expected, what="grads", atol=1e-12)
    assert_close(dx, np.array([[1.25, -log3 / 2], [9 / 16, 0.0]]), what="dx", atol=1e-12)


@points(3, problem="backward")
@needs("test_forward_of_one_hidden_layer")
@few
@given(net=networks(depth=st.just(2)))
def test_gradients_of_one_hidden_layer(student, net):
    """With one hidden layer of tanhs, all gradients of the weights and biases agree with central differences."""
    x, params, dz = net
    grads, _ = gradients_of(student, x, params, dz, "tanh")
    check(isinstance(grads, (list, tuple)), f"grads is {describe(grads)}, expected a list of pairs", "wrong_type")
    found = values_of(grads, params)
    check(len(found) == 2, f"there are gradients of {len(found)} layers, not of 2", "wrong_shape")
    for layer, pair in enumerate(params):
        ours = items_of(found[layer], "dw", "db", what=f"grads[{layer}]")
        for part, name in enumerate(("dw", "db")):

            def loss(array, layer=layer, part=part):
                changed = [list(pair) for pair in params]
                changed[layer][part] = array
                return float(np.sum(dz * logits_of(x, changed)))

            assert_gradient(loss, pair[part], ours[part], what=f"{name} of layer {layer + 1}")


@points(1, problem="backward")
@few
@given(net=networks(depth=st.just(1)))
def test_gradients_have_the_shapes_of_their_params(student, net):
    """With one layer, dw = x^T dz, db is the sum of dz over the examples, and dx = dz w^T, each in the shape of its w,
    b and x."""
    x, params, dz = net
    grads, dx = gradients_of(student, x, params, dz, "tanh")
    assert_close(grads, [(x.T @ dz, dz.sum(axis=0))], what="grads", rtol=1e-9, atol=1e-9)
    assert_close(dx, dz @ params[0][0].T, what="dx", rtol=1e-9, atol=1e-9)


# ----------------------------------------------------------------------------------------- loss, accuracy, minibatches


@points(0, problem="batches")
def test_cross_entropy_of_a_small_example(student):
    """For z = [[0, ln 3], [0, 0]] and y = [0, 1], the loss is ln 4 + ln 2 and dz is [[-3/4, 3/4], [1/2, -1/2]]."""
    z, y = np.array([[0.0, np.log(3.0)], [0.0, 0.0]]), np.array([0, 1])
    loss, dz = items_of(student.cross_entropy(z, y), "L", "dz", what="cross_entropy's answer")
    assert_close(loss, np.log(8.0), what="the loss")
    assert_close(dz, np.array([[-0.75, 0.75], [0.5, -0.5]]), what="dz")


@points(1, problem="batches")
@few
@given(n=sizes(2, 4), k=sizes(2, 4), seed=seeds)
def test_cross_entropy_of_logarithms(student, n, k, seed):
    """If z is ln m for whole numbers m, softmax gives shares m / sum(m): the loss is minus the sum of their logarithms
    at the labels, and dz is the shares, less 1 at the labels."""
    rng = np.random.default_rng(seed)
    m, y = rng.integers(1, 10, (n, k)), rng.integers(0, k, n)
    shares = m / m.sum(axis=1, keepdims=True)
    loss, dz = items_of(student.cross_entropy(np.log(m), y), "L", "dz", what="cross_entropy's answer")
    assert_close(loss, float(-np.log(shares[range(n), y]).sum()), what="the loss", rtol=1e-9)
    assert_close(dz, shares - np.eye(k)[y], what="dz", rtol=1e-9, atol=1e-12)


@points(0, problem="batches")
def test_accuracy_of_a_small_example(student):
    """With the greatest logits at 1, 0, 2 and 2 and the labels 1, 0, 2 and 0, the accuracy is 3/4."""
    z = np.array([[0.0, 3.0, 1.0], [5.0, 2.0, 4.0], [-3.0, -2.0, -1.0], [0.0, 0.5, 0.6]])
    assert_close(student.accuracy(z, np.array([1, 0, 2, 0])), 0.75)


@points(1, problem="batches")
@few
@given(n=sizes(2, 8), k=sizes(2, 4), seed=seeds)
def test_accuracy_counts_the_right_rows(student, n, k, seed):
    """accuracy is the number of rows whose greatest logit is at their label, divided by the number of rows."""
    rng = np.random.default_rng(seed)
    z, y = rng.normal(size=(n, k)), rng.integers(0, k, n)
    right = sum(int(row.argmax()) == label for row, label in zip(z, y, strict=True))
    assert_close(student.accuracy(z, y), right / n, what="the accuracy", any_float=True)


@points(1, problem="batches")
@few
@given(n=sizes(2, 20), batch_size=sizes(2, 8), rng=rngs())
def test_minibatches_deal_out_every_example(student, n, batch_size, rng):
    """Over one epoch every example is in exactly one batch, beside its label."""
    x, seen = np.arange(n)[:, None] / 2, []
    batches = student.minibatches(x, np.arange(n), batch_size, rng)
    iterable = hasattr(type(batches), "__iter__")
    check(iterable, f"minibatches returned {describe(batches)}, expected batches", "wrong_type")
    for pair in list(batches):
        x_batch, y_batch = items_of(pair, "x_batch", "y_batch", what="a batch")
        labels = values_of(y_batch, np.zeros(np.size(y_batch)))
        fits = isinstance(labels, np.ndarray) and labels.ndim == 1 and labels.dtype.kind in "iu"
        check(fits and bool(np.isin(labels, range(n)).all()), f"y_batch is {describe(y_batch)}, expected labels")
        assert_close(values_of(x_batch, x[labels]), x[labels], what="x_batch, by the labels beside it")
        seen += labels.tolist()
    check(sorted(seen) == list(range(n)), f"the examples dealt out are {sorted(seen)}, expected 0 to {n - 1}")


# ------------------------------------------------------------------------------------------------------------ training


@points(2, problem="training")
@needs("test_forward_of_one_hidden_layer", "test_gradients_of_one_hidden_layer", "test_cross_entropy_of_logarithms")
@settings(max_examples=3)
@given(seed=st.integers(0, 99))
def test_train_tells_three_clouds_apart(student, seed):
    """Three clouds of points in the plane are told apart after 30 epochs, and log has heard the loss fall."""
    rng = np.random.default_rng(seed)
    y = np.arange(60) % 3
    x = np.array([[0.0, 3.0], [3.0, -2.0], [-3.0, -2.0]])[y] + rng.normal(0, 0.5, (60, 2))
    params = [(rng.normal(0, 0.5, shape), np.zeros(shape[1])) for shape in ((2, 8), (8, 3))]
    heard = Heard("loss", "accuracy")
    trained = student.train(
        x, y, params, activation="tanh", learning_rate=0.02, epochs=30, batch_size=8, rng=rng, log=heard.log
    )
    trained = values_of(trained, params)
    assert_close(trained, params, what="the trained params", atol=np.inf)  # types, shapes and dtypes alone
    assert_shaped_like(trained, params, what="the trained params")
    right = float(np.mean(logits_of(x, trained).argmax(axis=1) == y))
    check(right == 1.0, f"{right:.1%} of the points are told apart, expected all")
    losses = [loss for loss, _ in heard.epochs(30)]
    check(losses[-1] < losses[0] / 4, f"the loss went from {losses[0]} to {losses[-1]}, expected far lower")


# ---------------------------------------------------------------------------------------------------------------- laws


@points(0, problem="laws")
def test_the_active_interval_is_widest_near_seven(student):
    """active_interval_width is 0 at |w| = 4, and its greatest value, 0.4477, is at |w| = 6.9."""
    assert_close(student.active_interval_width(-4.0), 0.0, atol=1e-9, any_float=True)
    w = np.arange(4.1, 12.0, 0.1)
    widths = [student.active_interval_width(float(v)) for v in w]
    assert_close(widths, [0.0] * len(w), what="the widths", atol=np.inf, any_float=True)  # numbers
    best = int(np.argmax(widths))
    check(abs(w[best] - 6.9) < 0.051, f"the greatest width is at |w| = {w[best]:.1f}, expected 6.9")
    assert_close(float(widths[best]), 0.4477, what="the greatest width", atol=1e-4, rtol=0)


@points(1, problem="laws")
@few
@given(w=st.integers(5, 40).map(float))
def test_the_slope_is_one_at_the_ends_of_the_interval(student, w):
    """At the ends of its active interval, x = width / 2 and -width / 2 for b = 0, w sigmoid'(w x) is 1."""
    width = student.active_interval_width(w)
    assert_close(width, 0.5, what="the width", atol=0.5, rtol=0, any_float=True)  # a number from 0 to 1
    a = 1 / (1 + np.exp(-w * float(width) / 2))
    assert_close(float(w * a * (1 - a)), 1.0, what="w sigmoid'(w x)", rtol=1e-9)
