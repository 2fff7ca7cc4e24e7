"""Hidden tests of `backprop`: laws over random networks, judged by an oracle that shares no formula with a solution.

The oracle below keeps pre-activations and takes derivatives from them, with hyperbolic functions; solutions work from
outputs. Networks are drawn by shape and seed, so that no weight, bias or upstream gradient is ever 0, 1 or equal to
another by accident, and no ReLU sits at its kink.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograder import datasets
from autograder.testing import (
    assert_close,
    assert_equal,
    assert_gradient,
    assert_raises,
    assert_shaped_like,
    assert_unchanged,
    check,
    float_arrays,
    labelled_logits,
    limits,
    needs,
    points,
    rngs,
    sizes,
    snapshot,
)

# ---------------------------------------------------------------------------------------------------------- the oracle

ACTIVATIONS = ("sigmoid", "tanh", "relu", "identity")


def value_of(activation, x):
    if activation == "sigmoid":
        return (1 + np.tanh(x / 2)) / 2
    return {"tanh": np.tanh, "relu": lambda x: x * (x > 0), "identity": lambda x: x}[activation](x)


def slope_of(activation, x):
    if activation == "relu":
        return np.where(x > 0, 1.0, 0.0)
    if activation == "identity":
        return np.ones_like(x)
    with np.errstate(over="ignore"):  # 1 / infinity = 0 is the slope out there
        return 1 / np.cosh(x) ** 2 if activation == "tanh" else 1 / (4 * np.cosh(x / 2) ** 2)


def oracle_forward(x, params, activation):
    """(logits, the pre-activations of the hidden layers)."""
    a, hidden = x, []
    for w, b in params[:-1]:
        hidden.append(np.einsum("ni,ij->nj", a, w) + b)
        a = value_of(activation, hidden[-1])
    w, b = params[-1]
    return np.einsum("ni,ij->nj", a, w) + b, hidden


def oracle_backward(dz, x, params, activation):
    """(grads, dx)."""
    _, hidden = oracle_forward(x, params, activation)
    grads = []
    for layer in range(len(params) - 1, -1, -1):
        a = value_of(activation, hidden[layer - 1]) if layer else x
        grads.insert(0, (np.einsum("ni,nj->ij", a, dz), np.einsum("nj->j", dz)))
        dz = np.einsum("nj,ij->ni", dz, params[layer][0])
        if layer:
            dz = dz * slope_of(activation, hidden[layer - 1])
    return grads, dz


def oracle_loss(z, y):
    """(cross-entropy summed over the examples, its gradient)."""
    log_sum = np.logaddexp.reduce(z, axis=1)
    truth = np.arange(z.shape[1]) == np.asarray(y)[:, None]
    return (log_sum - z[truth]).sum(), np.exp(z - log_sum[:, None]) - truth


def oracle_step(x, y, params, activation, learning_rate):
    """(params after one step, loss before it, number of right answers before it)."""
    z, _ = oracle_forward(x, params, activation)
    loss, dz = oracle_loss(z, y)
    grads, _ = oracle_backward(dz, x, params, activation)
    stepped = [(w - learning_rate * dw, b - learning_rate * db) for (w, b), (dw, db) in zip(params, grads, strict=True)]
    return stepped, loss, int((z.argmax(axis=1) == y).sum())


def oracle_initialize(widths, rng):
    """Xavier weights, zero biases."""
    fans = list(pairwise(widths))
    return [
        (rng.uniform(-1, 1, (fan_in, fan_out)) * np.sqrt(6 / (fan_in + fan_out)), np.zeros(fan_out))
        for fan_in, fan_out in fans
    ]


def assert_near(actual, expected, what):
    """To nine digits of the greatest entry: sums over a few dozen products, in any order."""
    parts = [part for pair in expected for part in pair] if isinstance(expected, list) else [expected]
    scale = max(1e-3, max(float(np.max(np.abs(part), initial=0.0)) for part in parts))
    assert_close(actual, expected, what=what, rtol=1e-9, atol=1e-9 * scale)


# -------------------------------------------------------------------------------------------------- what tests draw


class Network(NamedTuple):
    x: np.ndarray  # (n, d)
    params: list  # [(w, b), ..]
    activation: str
    dz: np.ndarray  # (n, k), an upstream gradient


DEPTHS, COUNTS, ANY_ACTIVATION = st.integers(1, 4), sizes(1, 6), st.sampled_from(ACTIVATIONS)


@st.composite
def networks(draw, depth=DEPTHS, n=COUNTS, activation=ANY_ACTIVATION, widest=6):
    """Networks of every depth and shape, with biases that are not zero and no ReLU at its kink."""
    widths = [draw(sizes(1, widest)) for _ in range(draw(depth) + 1)]
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    params = [
        (rng.normal(0, 1.5 / np.sqrt(fan_in), (fan_in, fan_out)), rng.normal(0, 0.7, fan_out))
        for fan_in, fan_out in pairwise(widths)
    ]
    count = draw(n) if isinstance(n, st.SearchStrategy) else n
    net = Network(
        rng.normal(0, 1.5, (count, widths[0])), params, draw(activation), rng.normal(0, 2, (count, widths[-1]))
    )
    if net.activation == "relu":
        _, hidden = oracle_forward(net.x, net.params, net.activation)
        assume(all(np.abs(z).min() > 1e-3 for z in hidden))
    return net


any_shape = hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4)


def ask_backward(student, net):
    """The student's backward on the student's forward."""
    _, cache = student.forward(net.x, net.params, net.activation)
    answer = student.backward(net.dz, net.params, cache, net.activation)
    check(
        type(answer) in (list, tuple) and len(answer) == 2, "backward does not return a pair (grads, dx)", "wrong_type"
    )
    return answer


# -------------------------------------------------------------------------------------------------------- activations


@points(1, problem="activations")
@given(x=float_arrays(any_shape, bound=30))
def test_sigmoid_is_its_formula(student, x):
    """sigmoid(x) = 1 / (1 + exp(-x)), for arrays of any shape."""
    assert_close(student.sigmoid(x), value_of("sigmoid", x), atol=1e-14)


@points(2, problem="activations")
@given(x=float_arrays(any_shape, bound=1e4))
def test_sigmoid_is_finite_at_large_inputs(student, x):
    """sigmoid(x) is right, and never NaN, for |x| up to 10000."""
    x = np.concatenate([x.ravel(), [-1e4, -1000.0, -745.2, -709.8, 709.8, 745.2, 1000.0, 1e4]])
    assert_close(student.sigmoid(x), value_of("sigmoid", x), atol=1e-14)


@points(2, problem="activations")
@given(x=float_arrays(any_shape, bound=30), far=st.sampled_from([0.0, 400.0, 1e4]))
def test_tanh_is_a_stretched_sigmoid(student, x, far):
    """tanh(x) = 2 sigmoid(2x) - 1, for arrays of any shape and |x| up to 10000."""
    x = np.concatenate([x.ravel(), [far, -far]])
    assert_close(student.tanh(x), 1 - 2 * value_of("sigmoid", -2 * x), atol=1e-13)


@points(1, problem="activations")
@given(x=float_arrays(any_shape, bound=1e4))
def test_relu_is_the_positive_part(student, x):
    """relu(x) = max(x, 0), for arrays of any shape."""
    assert_close(student.relu(x), np.where(x > 0, x, 0.0))


@points(1, problem="activations")
@given(x=float_arrays(any_shape, bound=20))
def test_sigmoid_derivative_is_at_most_a_quarter(student, x):
    """sigmoid'(x) = a (1 - a) where a = sigmoid(x); it is at most 1/4."""
    x = np.concatenate([x.ravel(), [0.0]])
    assert_close(student.sigmoid_derivative(value_of("sigmoid", x)), slope_of("sigmoid", x), atol=1e-14)


@points(1, problem="activations")
@given(x=float_arrays(any_shape, bound=20))
def test_tanh_derivative_comes_from_the_output(student, x):
    """tanh'(x) = 1 - a^2 where a = tanh(x)."""
    assert_close(student.tanh_derivative(np.tanh(x)), slope_of("tanh", x), atol=1e-14)


@points(1, problem="activations")
@given(x=float_arrays(any_shape, bound=5))
def test_relu_derivative_comes_from_the_output(student, x):
    """relu'(x) = 1 where a = relu(x) is positive, and 0 where it is 0."""
    a = np.where(x > 0, x, 0.0)
    assert_close(student.relu_derivative(a), np.where(a > 0, 1.0, 0.0))


@points(1, problem="activations")
@given(x=float_arrays(any_shape, bound=80, dtype=np.float32))
def test_activations_keep_float32(student, x):
    """float32 in, float32 out: sigmoid, tanh, relu and their derivatives never change the precision."""
    wide = x.astype(np.float64)
    for name in ("sigmoid", "tanh", "relu"):
        a, slope = value_of(name, wide).astype(np.float32), slope_of(name, wide)
        assert_close(getattr(student, name)(x), a, what=name, atol=1e-6)
        # From an output rounded to float32, a slope is right to some 1e-7 absolutely.
        found = getattr(student, f"{name}_derivative")(a)
        keep = (a > 0) == (wide > 0) if name == "relu" else np.ones(x.shape, bool)
        check(
            type(found) is np.ndarray and found.shape == x.shape, f"{name}_derivative changes the shape", "wrong_shape"
        )
        assert_close(found[keep], slope.astype(np.float32)[keep], what=f"{name}_derivative", atol=1e-6)


@points(1, problem="activations")
@given(data=st.data(), dtype=st.sampled_from([np.uint8, np.int8, np.int32, np.int64]))
def test_integers_are_taken_as_numbers(student, data, dtype):
    """sigmoid and tanh of integers, of pixels 0 to 255 too, are those of the same numbers in float64."""
    low, high = (0, 255) if dtype == np.uint8 else (-128, 127)
    x = data.draw(hnp.arrays(dtype, hnp.array_shapes(max_dims=2, max_side=5), elements=st.integers(low, high)))
    wide = x.astype(np.float64)
    assert_close(student.sigmoid(x), value_of("sigmoid", wide), what="sigmoid", atol=1e-14)
    assert_close(student.tanh(x), np.tanh(wide), what="tanh", atol=1e-13)


@points(1, problem="activations")
@given(x=float_arrays(hnp.array_shapes(max_dims=2, max_side=4), bound=5))
def test_activations_leave_their_input_alone(student, x):
    """sigmoid, tanh, relu and their derivatives do not change the array that they are given."""
    before = snapshot(x)
    for name in ("sigmoid", "tanh", "relu"):
        getattr(student, name)(x)
        assert_unchanged(x, before, what=f"the input of {name}")
        a = value_of(name, x)
        output = snapshot(a)
        getattr(student, f"{name}_derivative")(a)
        assert_unchanged(a, output, what=f"the input of {name}_derivative")


# ----------------------------------------------------------------------------------------------------- initialization


@points(3, problem="initialization")
@settings(max_examples=15)
@given(fans=st.sampled_from([(300, 20), (20, 300), (1, 4000), (4000, 1), (64, 64)]), rng=rngs())
def test_xavier_fills_its_interval_evenly(student, fans, rng):
    """xavier_uniform is uniform on the whole of [-c, c], c = sqrt(6 / (fan_in + fan_out)), for every pair of fans."""
    w = student.xavier_uniform(*fans, rng)
    check(type(w) is np.ndarray and w.dtype == np.float64, "the weights are no float64 array", "wrong_type")
    check(w.shape == fans, f"the weights have shape {w.shape}, expected {fans}", "wrong_shape")
    share = np.sort((w.ravel() / np.sqrt(6 / sum(fans)) + 1) / 2)  # uniform on [0, 1]
    check(share[0] >= 0 and share[-1] <= 1, f"a weight lies outside [-c, c], at {max(-share[0], share[-1]):.3f} of it")
    # Kolmogorov's distance; for 4000 draws and more it exceeds 0.055 once in 10,000,000,000 right answers.
    distance = np.abs(share - (np.arange(w.size) + 0.5) / w.size).max()
    check(distance <= 0.055, f"the weights are not uniform on [-c, c] (Kolmogorov distance {distance:.3f})")


@points(2, problem="initialization")
@given(seed=st.integers(0, 2**32 - 1), fans=st.tuples(sizes(2, 5), sizes(2, 5)))
def test_all_chance_comes_from_rng(student, seed, fans):
    """The same rng gives the same weights, and a second draw from it gives others."""
    first = student.xavier_uniform(*fans, np.random.default_rng(seed))
    rng = np.random.default_rng(seed)
    assert_equal(student.xavier_uniform(*fans, rng), first, what="the first draw")
    again = student.xavier_uniform(*fans, rng)
    check(not np.array_equal(again, first), "a second draw from the same rng gives the same weights")


@points(1, problem="initialization")
@given(widths=st.lists(sizes(1, 40), min_size=2, max_size=5), seed=st.integers(0, 2**32 - 1))
def test_initialize_fits_its_layers_together(student, widths, seed):
    """initialize gives each layer weights within its own Xavier bound, drawn apart, and zero biases."""
    params = student.initialize(widths, np.random.default_rng(seed))
    fans = list(pairwise(widths))
    check(type(params) in (list, tuple) and len(params) == len(fans), "params is no list of L pairs", "wrong_shape")
    drawn = set()
    for layer, ((w, b), (fan_in, fan_out)) in enumerate(zip(params, fans, strict=True)):
        assert_close(b, np.zeros(fan_out), what=f"the biases of layer {layer + 1}", atol=0)
        check(np.shape(w) == (fan_in, fan_out), f"layer {layer + 1} has the shape {np.shape(w)}", "wrong_shape")
        check(w.dtype == np.float64, f"the weights of layer {layer + 1} are {w.dtype}", "wrong_dtype")
        check(np.abs(w).max() <= np.sqrt(6 / (fan_in + fan_out)), f"layer {layer + 1} exceeds its Xavier bound")
        check(np.abs(w).min() > 0, f"a weight of layer {layer + 1} is zero")
        drawn.add(round(float(w[0, 0]) * np.sqrt(fan_in + fan_out), 9))
    check(len(drawn) == len(fans), "two layers begin with the same draw")


@points(1, problem="initialization")
@given(bad=st.integers(-3, 0), good=sizes(1, 5), rng=rngs())
def test_layers_without_units_are_refused(student, bad, good, rng):
    """xavier_uniform raises ValueError for a fan below 1, and initialize for fewer than two widths."""
    with assert_raises(ValueError, what=f"xavier_uniform({bad}, {good})"):
        student.xavier_uniform(bad, good, rng)
    with assert_raises(ValueError, what=f"xavier_uniform({good}, {bad})"):
        student.xavier_uniform(good, bad, rng)
    with assert_raises(ValueError, what=f"initialize([{good}])"):
        student.initialize([good], rng)


# ------------------------------------------------------------------------------------------------------------ forward


@points(4, problem="forward")
@given(net=networks())
def test_forward_is_its_formula(student, net):
    """z = a_{L-1} w_L + b_L with a_l = f(a_{l-1} w_l + b_l): any depth and widths, all four activations, and biases."""
    z, _ = student.forward(net.x, net.params, net.activation)
    assert_near(z, oracle_forward(net.x, net.params, net.activation)[0], "z")


@points(1, problem="forward")
@given(net=networks(depth=st.just(1)), other=networks(depth=st.just(1)))
def test_one_layer_is_affine(student, net, other):
    """A network of one layer is z = x w + b, whatever the activation, and keeps nothing from a network before it."""
    student.forward(other.x, other.params, other.activation)
    w, b = net.params[0]
    z, _ = student.forward(net.x, net.params[:1], net.activation)
    assert_near(z, net.x @ w + b, "z")


@points(1, problem="forward")
@given(net=networks(n=1))
def test_forward_of_one_example_is_one_row(student, net):
    """One example in, one row of logits out: (1, d) becomes (1, k)."""
    z, _ = student.forward(net.x, net.params, net.activation)
    assert_near(z, oracle_forward(net.x, net.params, net.activation)[0], "z")


@points(1, problem="forward")
@given(net=networks(depth=st.integers(2, 4), activation=st.sampled_from(["sigmoid", "tanh"])))
def test_forward_is_finite_when_units_saturate(student, net):
    """Units driven to +-10000 saturate: the logits stay finite and right."""
    net = net._replace(x=1e4 * net.x / np.abs(net.x).max())
    z, _ = student.forward(net.x, net.params, net.activation)
    assert_near(z, oracle_forward(net.x, net.params, net.activation)[0], "z")


@points(2, problem="forward")
@given(net=networks())
def test_forward_leaves_its_arguments_alone(student, net):
    """forward changes neither x nor the params."""
    before = snapshot(net.x, net.params)
    student.forward(net.x, net.params, net.activation)
    assert_unchanged((net.x, net.params), before, what="(x, params)")


@points(1, problem="forward")
@given(net=networks(depth=st.just(2)), name=st.sampled_from(["", "Sigmoid", "softmax", "linear"]))
def test_an_unknown_activation_is_refused(student, net, name):
    """forward raises ValueError for an activation that is none of the four."""
    with assert_raises(ValueError, what=f"forward with activation {name!r}"):
        student.forward(net.x, net.params, name)


# ----------------------------------------------------------------------------------------------------------- backward

forward_first = needs("test_forward_is_its_formula")


def loss_with(net, layer, part, array):
    """sum(dz * z), whose gradient with respect to z is dz, with one of the params replaced."""
    params = [list(pair) for pair in net.params]
    params[layer][part] = array
    return float(np.sum(net.dz * oracle_forward(net.x, params, net.activation)[0]))


@points(4, problem="backward")
@forward_first
@settings(max_examples=25)
@given(net=networks(n=sizes(1, 4), widest=4))
def test_weight_gradients_agree_with_differences(student, net):
    """dL/dw of every layer agrees with central differences of L, for any upstream gradient and any activation."""
    grads, _ = ask_backward(student, net)
    for layer, (w, _) in enumerate(net.params):
        assert_gradient(
            lambda w, layer=layer: loss_with(net, layer, 0, w), w, grads[layer][0], what=f"dw of layer {layer + 1}"
        )


@points(3, problem="backward")
@forward_first
@settings(max_examples=25)
@given(net=networks(n=sizes(1, 4), widest=4))
def test_bias_gradients_agree_with_differences(student, net):
    """dL/db of every layer agrees with central differences of L: one number a unit, summed over the examples."""
    grads, _ = ask_backward(student, net)
    for layer, (_, b) in enumerate(net.params):
        assert_gradient(
            lambda b, layer=layer: loss_with(net, layer, 1, b), b, grads[layer][1], what=f"db of layer {layer + 1}"
        )


@points(2, problem="backward")
@forward_first
@settings(max_examples=25)
@given(net=networks(n=sizes(1, 4), widest=4))
def test_input_gradients_agree_with_differences(student, net):
    """dL/dx agrees with central differences of L: no derivative of an activation belongs to the inputs."""
    _, dx = ask_backward(student, net)
    assert_gradient(
        lambda x: float(np.sum(net.dz * oracle_forward(x, net.params, net.activation)[0])), net.x, dx, what="dx"
    )


@points(4, problem="backward")
@forward_first
@given(net=networks(depth=st.integers(2, 4), n=sizes(2, 8), widest=9))
def test_gradients_of_deep_networks_are_exact(student, net):
    """All gradients of networks with two to four layers are right to nine digits, summed over the examples."""
    grads, dx = ask_backward(student, net)
    expected, expected_dx = oracle_backward(net.dz, net.x, net.params, net.activation)
    assert_near(grads, expected, "grads")
    assert_near(dx, expected_dx, "dx")


@points(2, problem="backward")
@forward_first
@given(net=networks(n=1))
def test_gradients_of_one_example_keep_their_shapes(student, net):
    """From one example too, every dw, db and dx is right and has the shape of its w, b and x."""
    grads, dx = ask_backward(student, net)
    expected, expected_dx = oracle_backward(net.dz, net.x, net.params, net.activation)
    assert_near(grads, expected, "grads")
    assert_near(dx, expected_dx, "dx")


@points(2, problem="backward")
@forward_first
@given(net=networks())
def test_backward_can_be_called_twice(student, net):
    """backward changes neither dz nor the params nor the cache: a second call gives the same gradients."""
    _, cache = student.forward(net.x, net.params, net.activation)
    before = snapshot(net.dz, net.params)
    first = snapshot(student.backward(net.dz, net.params, cache, net.activation))
    assert_unchanged((net.dz, net.params), before, what="(dz, params)")
    again = student.backward(net.dz, net.params, cache, net.activation)
    assert_close(again, first, what="the second answer")


@points(1, problem="backward")
@forward_first
@given(net=networks())
def test_each_cache_belongs_to_its_own_forward(student, net):
    """Two networks of the same shape may be passed through at once: each cache leads to its own gradients."""
    other = net._replace(x=-net.x, params=[(-w, b / 2) for w, b in net.params])
    caches = [student.forward(one.x, one.params, one.activation)[1] for one in (net, other)]
    for one, cache in zip((net, other), caches, strict=True):
        grads, _ = student.backward(one.dz, one.params, cache, one.activation)
        assert_near(grads, oracle_backward(one.dz, one.x, one.params, one.activation)[0], "grads")


@points(1, problem="backward")
@forward_first
@given(net=networks(depth=st.integers(2, 3), activation=st.just("relu")))
def test_closed_relus_pass_nothing_on(student, net):
    """Where all ReLUs of a layer are closed, the gradients before it are exactly zero; where all are open, all pass."""
    w, b = net.params[0]
    shut = [(w, np.full_like(b, -1e3)), *net.params[1:]]
    grads, dx = ask_backward(student, net._replace(params=shut))
    assert_equal(grads[0], (np.zeros_like(w), np.zeros_like(b)), what="grads[0]")
    assert_equal(dx, np.zeros_like(net.x), what="dx")
    wide_open = net._replace(params=[(w, np.full_like(b, 1e3)), *[(w, b + 1e6) for w, b in net.params[1:]]])
    grads, _ = ask_backward(student, wide_open)
    linear = oracle_backward(net.dz, net.x, wide_open.params, "identity")[0]
    assert_near([grads[0]], [linear[0]], "the first of grads")


@points(1, problem="backward")
@forward_first
@given(net=networks(depth=st.just(2), activation=st.sampled_from(["sigmoid", "tanh"])))
def test_saturated_units_pass_nothing_on(student, net):
    """Units driven to +-10000 pass no gradient on, and nothing becomes NaN."""
    w, b = net.params[0]
    driven = [(w, np.where(b > 0, 1e4, -1e4)), *net.params[1:]]
    grads, dx = ask_backward(student, net._replace(params=driven))
    expected, _ = oracle_backward(net.dz, net.x, driven, net.activation)
    assert_near(grads, expected, "grads")
    assert_near(dx, np.zeros_like(net.x), "dx")


# ----------------------------------------------------------------------------------------- loss, accuracy, minibatches


@points(1, problem="batches")
@given(zy=labelled_logits(n=sizes(1, 6)), far=st.sampled_from([1.0, 30.0, 500.0]))
def test_cross_entropy_is_summed_over_the_examples(student, zy, far):
    """cross_entropy is L = -sum_i log softmax(z)[i, y[i]] and its gradient, finite for logits of +-10000 too."""
    z, y = far * zy[0], zy[1]
    before = snapshot(z, y)
    answer = student.cross_entropy(z, y)
    check(type(answer) in (list, tuple) and len(answer) == 2, "cross_entropy does not return a pair", "wrong_type")
    loss, dz = oracle_loss(z, y)
    assert_close(answer[0], float(loss), what="the loss", atol=1e-12 * far * len(z), any_float=True)
    assert_close(answer[1], dz, what="dz", atol=1e-11)
    assert_unchanged((z, y), before, what="(z, y)")


@points(1, problem="batches")
@given(zy=labelled_logits(n=sizes(1, 9)), dtype=st.sampled_from([np.int64, np.int32, np.uint8]))
def test_accuracy_is_the_share_of_right_rows(student, zy, dtype):
    """accuracy is the share of rows whose greatest logit is at their label: a number from 0 to 1, for one row too."""
    z, y = zy
    ranked = np.sort(z, axis=1)
    assume((ranked[:, -1] > ranked[:, -2]).all())  # no ties
    right = sum(all(row[label] >= other for other in row) for row, label in zip(z, y, strict=True))
    assert_close(student.accuracy(z, y.astype(dtype)), right / len(y), any_float=True)


@points(1, problem="batches")
@given(zy=labelled_logits(n=sizes(2, 6)), cut=st.integers(1, 5))
def test_accuracy_refuses_other_lengths(student, zy, cut):
    """accuracy raises ValueError if there are more or fewer labels than rows."""
    z, y = zy
    cut = min(cut, len(y) - 1)
    with assert_raises(ValueError, what=f"accuracy of {len(z)} rows and {cut} labels"):
        student.accuracy(z, y[:cut])
    with assert_raises(ValueError, what=f"accuracy of {cut} rows and {len(y)} labels"):
        student.accuracy(z[:cut], y)


def numbered(n, dtype=np.float64):
    """(x, y) in which every entry tells which example it is from."""
    return np.arange(n)[:, None] * 2 + np.array([0, 1], dtype), np.arange(n) * 3


@points(2, problem="batches")
@given(n=sizes(1, 30), batch_size=sizes(1, 12), rng=rngs(), dtype=st.sampled_from([np.float64, np.float32]))
def test_each_example_comes_once_with_its_label(student, n, batch_size, rng, dtype):
    """Over one epoch every example is in exactly one batch, beside its own label, and dtypes are kept."""
    x, y = numbered(n, dtype)
    x = x.astype(dtype)
    seen = []
    for x_batch, y_batch in list(student.minibatches(x, y, batch_size, rng)):
        index = np.asarray(y_batch) // 3
        assert_equal(x_batch, x[index], what="x_batch, by the labels beside it")
        check(x_batch.dtype == dtype, f"x_batch has dtype {x_batch.dtype}, expected {np.dtype(dtype)}", "wrong_dtype")
        check(y_batch.dtype == y.dtype, f"y_batch has dtype {y_batch.dtype}, expected {y.dtype}", "wrong_dtype")
        seen += index.tolist()
    check(
        sorted(seen) == list(range(n)), f"{len(seen)} examples were dealt out, {len(set(seen))} of {n} different ones"
    )


@points(1, problem="batches")
@given(n=sizes(1, 30), batch_size=sizes(1, 12), rng=rngs())
def test_only_the_last_batch_may_be_smaller(student, n, batch_size, rng):
    """All batches hold batch_size examples, but the last, which holds what is left."""
    sizes_found = [len(y_batch) for _, y_batch in list(student.minibatches(*numbered(n), batch_size, rng))]
    full, left = divmod(n, batch_size)
    expected = [batch_size] * full + [left] * (left > 0)
    check(sizes_found == expected, f"the batches hold {sizes_found} examples, expected {expected}", "wrong_shape")


@points(2, problem="batches")
@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1))
def test_every_epoch_has_an_order_of_its_own(student, seed):
    """The order of the examples is random through and through, new in every epoch, and the same for the same rng."""
    x, y = numbered(60)

    def epoch(rng):
        return np.concatenate([y_batch for _, y_batch in list(student.minibatches(x, y, 6, rng))]) // 3

    rng = np.random.default_rng(seed)
    first, second = epoch(rng), epoch(rng)
    check(not np.array_equal(first, second), "two epochs have the same order")
    assert_equal(epoch(np.random.default_rng(seed)), first, what="the order by the same rng")
    # In a random order 1 of 60 neighbours follow each other; 30 of 59 never happen.
    check((np.diff(first) == 1).sum() < 30, "examples that stood together stay together")


@points(1, problem="batches")
@given(n=sizes(2, 12), batch_size=sizes(1, 5), rng=rngs())
def test_minibatches_leave_the_data_alone(student, n, batch_size, rng):
    """minibatches shuffles neither x nor y themselves."""
    x, y = numbered(n)
    before = snapshot(x, y)
    list(student.minibatches(x, y, batch_size, rng))
    assert_unchanged((x, y), before, what="(x, y)")


@points(1, problem="batches")
@given(n=sizes(2, 8), bad=st.integers(-3, 0), rng=rngs())
def test_impossible_batches_are_refused(student, n, bad, rng):
    """minibatches raises ValueError for a batch_size below 1, and for other numbers of labels than examples."""
    x, y = numbered(n)
    with assert_raises(ValueError, what=f"minibatches with batch_size {bad}"):
        list(student.minibatches(x, y, bad, rng))
    with assert_raises(ValueError, what=f"minibatches of {n} examples and {n - 1} labels"):
        list(student.minibatches(x, y[:-1], 2, rng))
    with assert_raises(ValueError, what=f"minibatches of {n - 1} examples and {n} labels"):
        list(student.minibatches(x[:-1], y, 2, rng))


# ------------------------------------------------------------------------------------------------------------ training

passes_first = needs(
    "test_cross_entropy_is_summed_over_the_examples",
    "test_forward_is_its_formula",
    "test_gradients_of_deep_networks_are_exact",
    "test_bias_gradients_agree_with_differences",
)


@points(3, problem="training")
@passes_first
@settings(max_examples=25)
@given(net=networks(n=sizes(1, 6)), data=st.data(), epochs=st.integers(0, 4), rate=st.floats(0.001, 0.05))
def test_full_batches_follow_the_gradient(student, net, data, epochs, rate):
    """With all examples in one batch, every epoch is one step p <- p - learning_rate dL/dp, L summed over the batch."""
    n, k = net.dz.shape
    y = data.draw(hnp.arrays(np.int64, n, elements=st.integers(0, k - 1)))
    expected = net.params
    for _ in range(epochs):
        expected, _, _ = oracle_step(net.x, y, expected, net.activation, rate)
    trained = student.train(
        net.x, y, net.params, activation=net.activation, learning_rate=rate, epochs=epochs, batch_size=n + 2,
        rng=np.random.default_rng(0),
    )  # fmt: skip
    assert_close(trained, expected, what="the trained params", rtol=1e-6, atol=1e-6)


@st.composite
def copies(draw):
    """One example, many times: the order of an epoch cannot matter, but every batch and its size does."""
    net = draw(networks(depth=st.integers(1, 3), n=1))
    y = draw(st.integers(0, net.dz.shape[1] - 1))
    n = draw(sizes(3, 9))
    batch_size = draw(sizes(2, n - 1))
    return net._replace(x=np.repeat(net.x, n, axis=0)), np.full(n, y), batch_size


def oracle_epochs(net, y, batch_size, rate, epochs):
    """(params, [(loss, accuracy), ..]) for an order that does not matter."""
    params, history = net.params, []
    for _ in range(epochs):
        loss, right = 0.0, 0
        for start in range(0, len(y), batch_size):
            batch = slice(start, start + batch_size)
            params, batch_loss, batch_right = oracle_step(net.x[batch], y[batch], params, net.activation, rate)
            loss, right = loss + batch_loss, right + batch_right
        history.append((loss / len(y), right / len(y)))
    return params, history


@points(1, problem="training")
@passes_first
@settings(max_examples=25)
@given(case=copies(), epochs=st.integers(1, 3), rate=st.floats(0.001, 0.05))
def test_every_batch_makes_its_step(student, case, epochs, rate):
    """Each batch makes one step, in each epoch, and the smaller last batch a smaller one."""
    net, y, batch_size = case
    expected, _ = oracle_epochs(net, y, batch_size, rate, epochs)
    trained = student.train(
        net.x, y, net.params, activation=net.activation, learning_rate=rate, epochs=epochs, batch_size=batch_size,
        rng=np.random.default_rng(1),
    )  # fmt: skip
    assert_close(trained, expected, what="the trained params", rtol=1e-6, atol=1e-6)


@points(2, problem="training")
@passes_first
@settings(max_examples=25)
@given(case=copies(), epochs=st.integers(1, 3), rate=st.floats(0.001, 0.05))
def test_log_hears_of_every_epoch(student, case, epochs, rate):
    """log(epoch, loss, accuracy) is called after each epoch, from 1 on, with means over examples, not over batches."""
    net, y, batch_size = case
    _, expected = oracle_epochs(net, y, batch_size, rate, epochs)
    heard = []

    def log(epoch, loss, accuracy):
        heard.append((epoch, loss, accuracy))

    student.train(
        net.x, y, net.params, activation=net.activation, learning_rate=rate, epochs=epochs, batch_size=batch_size,
        rng=np.random.default_rng(2), log=log,
    )  # fmt: skip
    check(len(heard) == epochs, f"log was called {len(heard)} times in {epochs} epochs", "wrong_shape")
    for number, ((epoch, loss, right), (true_loss, true_right)) in enumerate(zip(heard, expected, strict=True), 1):
        assert_equal(epoch, number, what="epoch")
        assert_close(loss, float(true_loss), what=f"the loss of epoch {number}", rtol=1e-6, atol=1e-6)
        assert_close(right, float(true_right), what=f"the accuracy of epoch {number}", any_float=True)


@points(1, problem="training")
@passes_first
@settings(max_examples=15)
@given(case=copies())
def test_train_leaves_its_arguments_alone(student, case):
    """train changes neither the data nor the params that it starts from."""
    net, y, batch_size = case
    before = snapshot(net.x, y, net.params)
    student.train(
        net.x, y, net.params, activation=net.activation, learning_rate=0.05, epochs=2, batch_size=batch_size,
        rng=np.random.default_rng(3),
    )  # fmt: skip
    assert_unchanged((net.x, y, net.params), before, what="(x, y, params)")


@points(1, problem="training")
@passes_first
@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1), activation=st.sampled_from(ACTIVATIONS))
def test_the_same_rng_trains_the_same_network(student, seed, activation):
    """The order of the batches comes from rng: the same rng trains the same network, another rng another one."""
    draw = np.random.default_rng([seed, 1])
    x, y = draw.normal(size=(24, 3)), draw.integers(0, 4, 24)
    params = oracle_initialize([3, 5, 4], draw)

    def trained(rng):
        return student.train(
            x, y, params, activation=activation, learning_rate=0.05, epochs=2, batch_size=5, rng=rng
        )  # fmt: skip

    first = trained(np.random.default_rng(seed))
    assert_close(trained(np.random.default_rng(seed)), first, what="the second network", rtol=1e-9)
    other = trained(np.random.default_rng(seed + 1))
    check(not np.allclose(other[0][0], first[0][0], rtol=1e-9, atol=0), "another rng trains the very same network")


@points(1, problem="training")
@passes_first
@settings(max_examples=15)
@given(seed=st.integers(0, 2**32 - 1), activation=st.sampled_from(ACTIVATIONS), hidden=sizes(2, 5))
def test_zero_weights_never_break_symmetry(student, seed, activation, hidden):
    """Started from all-zero params, the units of a hidden layer stay copies of each other for ever."""
    draw = np.random.default_rng(seed)
    x, y = draw.normal(size=(12, 3)), draw.integers(0, 4, 12)
    params = [(np.zeros((3, hidden)), np.zeros(hidden)), (np.zeros((hidden, 4)), np.zeros(4))]
    (w, b), (v, _) = student.train(
        x, y, params, activation=activation, learning_rate=0.05, epochs=5, batch_size=4, rng=np.random.default_rng(4)
    )
    check(np.shape(w) == (3, hidden) and np.shape(v) == (hidden, 4), "the params changed their shapes", "wrong_shape")
    check(np.ptp(w, axis=1).max() <= 1e-9, "the first layer's units differ in their weights")
    check(np.ptp(b) <= 1e-9, "the first layer's units differ in their biases")
    check(np.ptp(v, axis=0).max() <= 1e-9, "the second layer's weights differ from unit to unit")


WIDTHS = [256, 64, 36]
RECIPE = {"activation": "sigmoid", "learning_rate": 2e-2, "epochs": 15, "batch_size": 32}
BAR = 95.0  # percent; measured: see calibration.json


class Lesson(NamedTuple):
    """What a training gets, and what only the judge keeps: `held_out` and `labels`."""

    x: np.ndarray
    y: np.ndarray
    params: list
    held_out: np.ndarray
    labels: np.ndarray
    names: tuple


def letters(seed):
    """36 letters of an alphabet that nobody has seen, 16x16, the pixels in an order of the judge's own."""
    made = datasets.alphabet(seed, classes=36, sizes=(2160, 468), side=16, scattered=True)
    params = oracle_initialize(WIDTHS, np.random.default_rng([seed, 1]))
    x, held_out = (part.x - made.train.x.mean(axis=0) for part in (made.train, made.held_out))
    return Lesson(x, made.train.y, params, held_out, made.held_out.y, made.train.names)


def learning(module, lesson, *, device, seed, log):
    return module.train(lesson.x, lesson.y, lesson.params, rng=np.random.default_rng(seed), log=log, **RECIPE)


def predictions(lesson, params):
    """The judge passes the held-out letters through the params itself: what counts is what was learned."""
    assert_shaped_like(params, lesson.params, what="the trained params")
    return oracle_forward(lesson.held_out, params, RECIPE["activation"])[0].argmax(axis=1)


def percent_right(lesson, params):
    return 100 * float(np.mean(predictions(lesson, params) == lesson.labels))


@points(5, problem="training")
@limits(seconds=120, test_seconds=180)
@passes_first
@needs("test_each_example_comes_once_with_its_label", "test_full_batches_follow_the_gradient")
def test_the_network_reads_characters(training, record):
    """Trained on 36 letters that nobody has seen before, 256-64-36 with sigmoids reads other pictures of them."""
    kept = []

    def measure(lesson, params):
        kept.append(lesson)
        return percent_right(lesson, params)

    run = training.run(learning, letters, measure, title="Learning curve")
    (lesson,) = kept
    title = f"Confusion on {len(lesson.labels)} other pictures"
    record.confusion(title, lesson.labels, predictions(lesson, run.answer), list(lesson.names))
    training.reaches(BAR, name="accuracy on other pictures of the letters")


# ---------------------------------------------------------------------------------------------------------------- laws


@points(2, problem="laws")
@given(net=networks(activation=st.just("identity")))
def test_a_network_without_activations_collapses(student, net):
    """Without activations a network of any depth is one affine map: forward(x, params, "identity") = x w + b."""
    answer = student.collapse(net.params)
    zero, one = np.zeros((1, net.x.shape[1])), np.eye(net.x.shape[1])
    expected_b = oracle_forward(zero, net.params, "identity")[0][0]
    expected_w = oracle_forward(one, net.params, "identity")[0] - expected_b
    check(type(answer) in (list, tuple) and len(answer) == 2, "collapse does not return a pair (w, b)", "wrong_type")
    assert_near(answer[0], expected_w, "w")
    assert_near(answer[1], expected_b, "b")


@points(2, problem="laws")
@passes_first
@given(net=networks(depth=st.integers(1, 4), n=sizes(1, 6)), data=st.data())
def test_gradient_norms_show_what_reaches_each_layer(student, net, data):
    """gradient_norms are the Frobenius norms of dL/dw, one a layer, first layer first, L summed over the examples."""
    n, k = net.dz.shape
    y = data.draw(hnp.arrays(np.int64, n, elements=st.integers(0, k - 1)))
    _, dz = oracle_loss(oracle_forward(net.x, net.params, net.activation)[0], y)
    grads, _ = oracle_backward(dz, net.x, net.params, net.activation)
    norms = student.gradient_norms(net.x, y, net.params, net.activation)
    expected = [float(np.linalg.norm(dw)) for dw, _ in grads]
    check(type(norms) in (list, tuple, np.ndarray), "gradient_norms does not return a list", "wrong_type")
    assert_close([float(norm) for norm in norms], expected, what="gradient_norms", rtol=1e-8, atol=1e-9)


@points(2, problem="laws")
@given(seed=st.integers(0, 2**32 - 1), n=sizes(1, 6), d=sizes(1, 4), m=sizes(1, 8), data=st.data())
def test_a_dead_relu_is_silent_on_every_example(student, seed, n, d, m, data):
    """A ReLU is dead if its output is 0 for every example; a large negative bias kills it, one example revives it."""
    rng = np.random.default_rng(seed)
    x, w, b = rng.normal(size=(n, d)), rng.normal(size=(d, m)), rng.normal(size=m)
    kinds = data.draw(st.lists(st.sampled_from(["as drawn", "dead", "at zero", "alive"]), min_size=m, max_size=m))
    for unit, kind in enumerate(kinds):
        if kind == "at zero":
            w[:, unit] = b[unit] = 0.0
        elif kind != "as drawn":
            b[unit] = -1e3 if kind == "dead" else 1e3
    fires = [any(float(row @ w[:, unit]) + b[unit] > 0 for row in x) for unit in range(m)]
    before = snapshot(x, w, b)
    assert_close(student.dead_fraction(x, w, b), fires.count(False) / m, any_float=True)
    assert_unchanged((x, w, b), before, what="(x, w, b)")


@points(1, problem="laws")
@given(w=st.floats(4.001, 400), sign=st.sampled_from([-1.0, 1.0]), small=st.floats(-3.99, 3.99))
def test_a_sigmoid_is_steep_on_a_narrow_interval(student, w, sign, small):
    """active_interval_width(w) is how long |w sigmoid'(w x)| stays at least 1; below |w| = 4 it raises ValueError."""
    inside, outside = 0.0, 100.0 / w
    for _ in range(200):  # bisection for the right end of the interval around 0
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if w * slope_of("sigmoid", w * middle) >= 1 else (inside, middle)
    assert_close(student.active_interval_width(sign * w), 2 * inside, rtol=1e-8, atol=1e-8, any_float=True)
    with assert_raises(ValueError, what=f"active_interval_width({small})"):
        student.active_interval_width(small)
