"""Hidden tests of `backprop`: laws over random networks, judged by an oracle that shares no formula with a solution.

The oracle below keeps pre-activations and takes derivatives from them, with hyperbolic functions; solutions work from
outputs. Networks are drawn by shape and seed, so that no weight, bias or upstream gradient is ever 0, 1 or equal to
another by accident, and no ReLU sits at its kink.

Laws of a function draw ordinary cases: several examples, layers of several units. One example, layers of one unit, odd
shapes and huge numbers have laws of their own. What depends on an activation has a case for each, which stands on that
activation alone; where the activation does not matter, a network of one layer or of identities is asked.
"""

from itertools import pairwise, permutations, product
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from autograder import datasets
from autograder.testing import (
    Heard,
    assert_close,
    assert_equal,
    assert_raises,
    assert_shaped_like,
    assert_unchanged,
    check,
    describe,
    items_of,
    limits,
    mutable,
    needs,
    points,
    rngs,
    sizes,
    snapshot,
    values_of,
)

# ---------------------------------------------------------------------------------------------------------- the oracle

ACTIVATIONS = ("sigmoid", "tanh", "relu", "identity")


def value_of(activation, x):
    if activation == "sigmoid":
        return (1 + np.tanh(x / 2)) / 2
    return {"tanh": np.tanh, "relu": lambda x: np.where(x > 0, x, 0.0), "identity": lambda x: x}[activation](x)


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


def oracle_grads(x, y, params, activation):
    """The gradients of the cross-entropy with respect to the params."""
    _, dz = oracle_loss(oracle_forward(x, params, activation)[0], y)
    return oracle_backward(dz, x, params, activation)[0]


def oracle_step(x, y, params, activation, learning_rate):
    """(params after one step, loss before it, number of right answers before it)."""
    z, _ = oracle_forward(x, params, activation)
    grads = oracle_grads(x, y, params, activation)
    stepped = [(w - learning_rate * dw, b - learning_rate * db) for (w, b), (dw, db) in zip(params, grads, strict=True)]
    return stepped, oracle_loss(z, y)[0], int((z.argmax(axis=1) == y).sum())


def oracle_epoch(net, params, batches, rate):
    """(params, mean loss of an example, share of right ones) after a step on every batch, a list of rows of x."""
    loss, right = 0.0, 0
    for rows in map(list, batches):
        params, batch_loss, batch_right = oracle_step(net.x[rows], net.y[rows], params, net.activation, rate)
        loss, right = loss + float(batch_loss), right + batch_right
    return params, loss / len(net.x), right / len(net.x)


def oracle_initialize(widths, rng):
    """Xavier weights, zero biases."""
    return [
        (rng.uniform(-1, 1, (fan_in, fan_out)) * np.sqrt(6 / (fan_in + fan_out)), np.zeros(fan_out))
        for fan_in, fan_out in pairwise(widths)
    ]


def assert_near(actual, expected, what):
    """To nine digits of the greatest entry: sums over a few dozen products, in any order."""
    parts = [part for pair in expected for part in pair] if isinstance(expected, list) else [expected]
    scale = max(1e-3, max(float(np.max(np.abs(part), initial=0.0)) for part in parts))
    assert_close(actual, expected, what=what, rtol=1e-9, atol=1e-9 * scale)


def assert_values(actual, expected, what):
    """The same in whatever shape: another law holds that."""
    assert_near(values_of(actual, expected), expected, what)


# -------------------------------------------------------------------------------------------------- what tests draw


class Network(NamedTuple):
    x: np.ndarray  # (n, d)
    params: list  # [(w, b), ..]
    activation: str
    dz: np.ndarray  # (n, k), an upstream gradient
    y: np.ndarray  # (n,), labels


seeds = st.integers(0, 2**32 - 1)
SEVERAL, WIDE = sizes(2, 6), sizes(2, 6)
ONE, HIDDEN, DEEP = st.just(1), st.integers(2, 3), st.just(4)  # layers
NARROW = st.sampled_from([1, 1, 2, 3])  # units of a layer
ANY = st.sampled_from(ACTIVATIONS)
few, fewer = settings(max_examples=12), settings(max_examples=6)


@st.composite
def networks(draw, activation, depth=HIDDEN, n=SEVERAL, width=WIDE):
    """Networks of such a depth, with biases that are not zero and no ReLU at its kink."""
    widths = [draw(width) for _ in range(draw(depth) + 1)]
    rng = np.random.default_rng(draw(seeds))
    params = [
        (rng.normal(0, 1.5 / np.sqrt(fan_in), (fan_in, fan_out)), rng.normal(0.2, 0.7, fan_out))
        for fan_in, fan_out in pairwise(widths)
    ]
    n, name = draw(n), activation if isinstance(activation, str) else draw(activation)
    x, dz = rng.normal(0, 1.5, (n, widths[0])), rng.normal(0, 2, (n, widths[-1]))
    net = Network(x, params, name, dz, rng.integers(0, widths[-1], n))
    if name == "relu":
        assume(all(np.abs(z).min() > 1e-3 for z in oracle_forward(x, params, name)[1]))
    return net


def one_layer(**how):
    """x w + b: the activation can be any, and does not matter."""
    return networks(ANY, depth=ONE, **how)


def signed(rng, shape):
    """Numbers of either sign, none of them near 0."""
    return rng.uniform(0.3, 4, shape) * rng.choice([-1.0, 1.0], shape)


# What a network with this activation depends on: its values, and their slopes.
VALUES = {
    "sigmoid": ("test_sigmoid_is_its_formula",),
    "tanh": ("test_tanh_is_a_stretched_sigmoid",),
    "relu": ("test_relu_is_the_positive_part",),
    "identity": (),
}
SLOPES = {
    "sigmoid": ("test_sigmoid_derivative_is_at_most_a_quarter",),
    "tanh": ("test_tanh_derivative_comes_from_the_output",),
    "relu": ("test_relu_derivative_comes_from_the_output",),
    "identity": (),
}


def cases(laws, problem, worth):
    """A case for each name, which depends on its own laws alone.   worth : points of each, or a dict of them."""
    return pytest.mark.parametrize(
        "name",
        [
            pytest.param(
                name,
                marks=[
                    points(worth[name] if isinstance(worth, dict) else worth, problem=problem),
                    *([needs(*names)] if names else []),
                ],
            )
            for name, names in laws.items()
        ],
    )


# -------------------------------------------------------------------------------------------------------- activations


def asked(name, x):
    """(what the function of that name is asked, what is right); derivatives are asked for outputs."""
    activation, _, is_slope = name.partition("_")
    value = value_of(activation, x)
    return (value, slope_of(activation, x)) if is_slope else (x, value)


ORDINARY = st.tuples(sizes(2, 4), sizes(2, 5))
ODD = st.sampled_from([(1,), (7,), (0,), (1, 1), (1, 5), (5, 1), (0, 3), (2, 3, 2), (1, 4, 1), (2, 1, 2, 3)])
EACH_FUNCTION = {name: VALUES[name] for name in ("sigmoid", "tanh", "relu")} | {
    f"{name}_derivative": SLOPES[name] for name in ("sigmoid", "tanh", "relu")
}


def assert_function(student, name, x, what="the result"):
    """The values, in whatever shape."""
    given_to_them, right = asked(name, x)
    assert_close(values_of(getattr(student, name)(given_to_them), right), right, what=what, rtol=1e-12, atol=1e-13)


@points(0.75, problem="activations")
@few
@given(shape=ORDINARY, seed=seeds)
def test_sigmoid_is_its_formula(student, shape, seed):
    """sigmoid(x) = 1 / (1 + exp(-x)), entry by entry."""
    assert_function(student, "sigmoid", 3 * signed(np.random.default_rng(seed), shape))


def far(shape, seed):
    """Numbers up to +-10000, those among them at which exponentials overflow or vanish."""
    ends = [-1e4, -1000.0, -745.2, -709.8, -372.6, 372.6, 709.8, 745.2, 1000.0, 1e4]
    return np.concatenate([2000 * signed(np.random.default_rng(seed), shape).ravel(), ends])


@points(1.75, problem="activations")
@few
@given(shape=ORDINARY, seed=seeds)
def test_sigmoid_is_finite_at_large_inputs(student, shape, seed):
    """sigmoid(x) is right, and never NaN, for |x| up to 10000."""
    assert_function(student, "sigmoid", far(shape, seed))


@points(0.75, problem="activations")
@few
@given(shape=ORDINARY, seed=seeds)
def test_tanh_is_a_stretched_sigmoid(student, shape, seed):
    """tanh(x) = 2 sigmoid(2x) - 1, entry by entry."""
    assert_function(student, "tanh", signed(np.random.default_rng(seed), shape))


@points(0.75, problem="activations")
@few
@given(shape=ORDINARY, seed=seeds)
def test_tanh_is_finite_at_large_inputs(student, shape, seed):
    """tanh(x) is right, and never NaN, for |x| up to 10000."""
    assert_function(student, "tanh", far(shape, seed))


@points(0.5, problem="activations")
@few
@given(shape=ORDINARY, seed=seeds, scale=st.sampled_from([1e-6, 1.0, 1e4]))
def test_relu_is_the_positive_part(student, shape, seed, scale):
    """relu(x) = max(x, 0), entry by entry, for tiny and huge numbers too."""
    x = scale * signed(np.random.default_rng(seed), shape)
    assert_close(values_of(student.relu(x), x), value_of("relu", x), rtol=1e-12)


@points(0.5, problem="activations")
@few
@given(shape=ORDINARY, seed=seeds)
def test_sigmoid_derivative_is_at_most_a_quarter(student, shape, seed):
    """sigmoid'(x) = a (1 - a) where a = sigmoid(x); it is at most 1/4."""
    assert_function(student, "sigmoid_derivative", signed(np.random.default_rng(seed), shape))


@points(0.5, problem="activations")
@few
@given(shape=ORDINARY, seed=seeds)
def test_tanh_derivative_comes_from_the_output(student, shape, seed):
    """tanh'(x) = 1 - a^2 where a = tanh(x)."""
    assert_function(student, "tanh_derivative", signed(np.random.default_rng(seed), shape))


@points(0.5, problem="activations")
@few
@given(shape=ORDINARY, seed=seeds, scale=st.sampled_from([1e-6, 1.0, 1e4]))
def test_relu_derivative_comes_from_the_output(student, shape, seed, scale):
    """relu'(x) is 1 where a = relu(x) is positive, however small or large a is."""
    assert_function(student, "relu_derivative", scale * np.abs(signed(np.random.default_rng(seed), shape)))


@points(0.5, problem="activations")
@few
@given(shape=ORDINARY, seed=seeds)
def test_closed_relus_have_no_slope(student, shape, seed):
    """relu_derivative is 0 where the output is 0, and 1 beside it."""
    x = signed(np.random.default_rng(seed), shape)
    x[0, :2] = -1.0, 1.0
    assert_function(student, "relu_derivative", x)


@cases(EACH_FUNCTION, "activations", 0.25)
@few
@given(shape=ODD, seed=seeds)
def test_activations_keep_every_shape(student, name, shape, seed):
    """{name} keeps the shape of its array: of one entry or none, of one axis, of axes of length 1, and of three or
    four."""
    for each in ((2, 3), shape):
        given_to_them, right = asked(name, signed(np.random.default_rng(seed), each))
        assert_close(getattr(student, name)(given_to_them), right, rtol=1e-12, atol=1e-13)


@cases(EACH_FUNCTION, "activations", 0.25)
@fewer
@given(shape=ORDINARY, seed=seeds)
def test_activations_keep_float32(student, name, shape, seed):
    """float32 in, float32 out: {name} does not change the precision."""
    given_to_them, right = asked(name, signed(np.random.default_rng(seed), shape))
    given_to_them, right = given_to_them.astype(np.float32), right.astype(np.float32)
    # From an input or output that was rounded to float32, the answer is right to some 1e-7 absolutely.
    assert_close(values_of(getattr(student, name)(given_to_them), right), right, atol=1e-6)


@cases({name: VALUES[name] for name in ("sigmoid", "tanh")}, "activations", 0.5)
@few
@given(dtype=st.sampled_from([np.uint8, np.int8, np.int32, np.int64]), shape=ORDINARY, seed=seeds)
def test_integers_are_taken_as_numbers(student, name, dtype, shape, seed):
    """{name} of integers, of pixels 0 to 255 too, is that of the same numbers in float64."""
    low, high = (0, 256) if dtype == np.uint8 else (-128, 128)
    rng = np.random.default_rng(seed)
    x = np.concatenate([rng.integers(low, high, shape).ravel(), [low, 0, 1, 3, 5, 100, high - 1]]).astype(dtype)
    right = value_of(name, x.astype(np.float64))
    assert_close(values_of(getattr(student, name)(x), right), right, rtol=1e-12, atol=1e-13)


@cases(EACH_FUNCTION, "activations", 0.25)
@fewer
@given(shape=ORDINARY, seed=seeds)
def test_activations_leave_their_input_alone(student, name, shape, seed):
    """{name} does not change the array that it is given."""
    given_to_them, right = asked(name, signed(np.random.default_rng(seed), shape))
    before = snapshot(given_to_them)
    found = getattr(student, name)(given_to_them)
    assert_unchanged(given_to_them, before, what="the array")
    assert_close(values_of(found, right), right, rtol=1e-12, atol=1e-13)


# ----------------------------------------------------------------------------------------------------- initialization


def assert_xavier(w, fans, what="the weights"):
    """A float64 array of that shape, within its bound, and not all alike."""
    assert_close(w, np.zeros(fans), what=what, atol=np.inf)  # type, shape and dtype alone
    c = np.sqrt(6 / sum(fans))
    check(float(np.abs(w).max()) <= c, f"{what} go up to {np.abs(w).max():.3g}, expected at most {c:.3g}")
    check(w.size == 1 or float(w.std()) > 0, f"{what} are all the same number")


def assert_even(w, fans, what="the weights"):
    assert_xavier(w, fans, what)
    share = np.sort((w.ravel() / np.sqrt(6 / sum(fans)) + 1) / 2)  # uniform on [0, 1]
    # Kolmogorov's distance; for 4000 draws and more it exceeds 0.055 once in 10,000,000,000 right answers.
    distance = np.abs(share - (np.arange(w.size) + 0.5) / w.size).max()
    check(distance <= 0.055, f"{what} are not uniform on [-c, c] (Kolmogorov distance {distance:.3f})")


def assert_params(params, widths):
    """Weights and biases of their types, shapes and dtypes; the weights within their bounds, the biases 0."""
    fans = list(pairwise(widths))
    expected = [(np.zeros(fan), np.zeros(fan[1])) for fan in fans]
    assert_close(params, expected, what="params", atol=np.inf)
    for layer, ((w, b), fan) in enumerate(zip(params, fans, strict=True), 1):
        assert_xavier(w, fan, f"the weights of layer {layer}")
        check(bool((b == 0).all()), f"a bias of layer {layer} is not 0")


@points(2.5, problem="initialization")
@fewer
@given(fans=st.sampled_from([(300, 20), (20, 300), (2, 2500), (2500, 2), (70, 64)]), rng=rngs())
def test_xavier_fills_its_interval_evenly(student, fans, rng):
    """xavier_uniform is uniform on the whole of [-c, c], c = sqrt(6 / (fan_in + fan_out)), for every pair of fans."""
    assert_even(student.xavier_uniform(*fans, rng), fans)


@points(1.5, problem="initialization")
@few
@given(seed=seeds, fans=st.tuples(sizes(2, 5), sizes(2, 5)))
def test_all_chance_comes_from_rng(student, seed, fans):
    """The same rng gives the same weights, and a second draw from it gives others."""
    first = student.xavier_uniform(*fans, np.random.default_rng(seed))
    assert_xavier(first, fans)
    rng = np.random.default_rng(seed)
    assert_equal(student.xavier_uniform(*fans, rng), first, what="the first draw")
    again = student.xavier_uniform(*fans, rng)
    assert_xavier(again, fans, "the weights of the second draw")
    check(not np.array_equal(again, first), "a second draw from the same rng gives the same weights")


@points(0.5, problem="initialization")
@few
@given(fans=st.sampled_from([(1, 1), (1, 4), (5, 1), (1, 2), (3, 1)]), rng=rngs())
def test_layers_of_one_unit_have_weights_too(student, fans, rng):
    """xavier_uniform gives two axes for a fan of 1, too, before or after."""
    assert_xavier(student.xavier_uniform(*fans, rng), fans)
    assert_xavier(student.xavier_uniform(3, 4, rng), (3, 4))


@points(0.5, problem="initialization")
@few
@given(bad=st.integers(-3, 0), good=sizes(2, 5), rng=rngs())
def test_layers_without_units_are_refused(student, bad, good, rng):
    """xavier_uniform raises ValueError for a fan below 1, and for no other."""
    for fans in ((bad, good), (good, bad)):
        with assert_raises(ValueError, what=f"xavier_uniform{fans}"):
            student.xavier_uniform(*fans, rng)
    assert_xavier(student.xavier_uniform(good, good + 1, rng), (good, good + 1))


@points(1, problem="initialization")
@few
@given(widths=st.lists(sizes(1, 9), min_size=2, max_size=5), seed=seeds)
def test_initialize_fits_its_layers_together(student, widths, seed):
    """initialize gives each layer weights within its own Xavier bound, and zero biases, for layers of one unit too."""
    assert_params(student.initialize(widths, np.random.default_rng(seed)), widths)


@points(0.5, problem="initialization")
@needs("test_xavier_fills_its_interval_evenly", "test_initialize_fits_its_layers_together")
@settings(max_examples=5)
@given(widths=st.sampled_from([[300, 20, 300], [64, 90, 70, 64], [2, 2500, 2]]), rng=rngs())
def test_every_layer_is_drawn_evenly(student, widths, rng):
    """initialize fills the interval of each layer evenly, of hidden layers too."""
    params = student.initialize(widths, rng)
    assert_params(params, widths)
    for layer, ((w, _), fans) in enumerate(zip(params, pairwise(widths), strict=True), 1):
        assert_even(w, fans, f"the weights of layer {layer}")


@points(0.25, problem="initialization")
@needs("test_all_chance_comes_from_rng", "test_initialize_fits_its_layers_together")
@few
@given(side=sizes(2, 5), seed=seeds)
def test_every_layer_has_a_draw_of_its_own(student, side, seed):
    """initialize draws each layer's weights apart, from rng: the same one gives the same params."""
    widths = [side] * 3
    params = student.initialize(widths, np.random.default_rng(seed))
    assert_params(params, widths)
    check(not np.allclose(params[0][0], params[1][0]), "two layers have the same weights")
    rng = np.random.default_rng(seed)
    assert_equal(student.initialize(widths, rng), params, what="the params of the same rng")
    again = student.initialize(widths, rng)
    assert_params(again, widths)
    check(not np.allclose(again[0][0], params[0][0]), "a second network from the same rng has the same weights")


@points(0.25, problem="initialization")
@needs("test_initialize_fits_its_layers_together")
@fewer
@given(width=sizes(2, 5), rng=rngs())
def test_a_network_of_one_width_is_refused(student, width, rng):
    """initialize raises ValueError for fewer than two widths, and not for two."""
    for widths in ([width], []):
        with assert_raises(ValueError, what=f"initialize({widths})"):
            student.initialize(widths, rng)
    assert_params(student.initialize([width, width + 1], rng), [width, width + 1])


# ------------------------------------------------------------------------------------------------------------ forward


def ask_forward(student, net, params=None):
    """(z, cache)"""
    answer = student.forward(net.x, net.params if params is None else params, net.activation)
    return items_of(answer, "z", "cache", what="forward's answer")


def assert_forward(student, net, strict=False):
    z, right = ask_forward(student, net)[0], oracle_forward(net.x, net.params, net.activation)[0]
    assert_near(z if strict else values_of(z, right), right, "z")


@cases(VALUES, "forward", {"sigmoid": 1.25, "tanh": 1, "relu": 1.25, "identity": 1})
@few
@given(data=st.data())
def test_forward_is_its_formula(student, name, data):
    """z = a_{L-1} w_L + b_L with a_l = f(a_{l-1} w_l + b_l), for f = {name}, two to four layers of any widths."""
    assert_forward(student, data.draw(networks(name, depth=st.integers(2, 4))))


@points(1, problem="forward")
@few
@given(net=one_layer(), other=one_layer())
def test_one_layer_is_affine(student, net, other):
    """A network of one layer is z = x w + b, whatever the activation, and keeps nothing from a network before it."""
    for each in (other, net):
        assert_forward(student, each)


@points(0.75, problem="forward")
@needs("test_one_layer_is_affine")
@few
@given(net=networks("identity", depth=st.integers(1, 3), n=st.just(1)))
def test_forward_of_one_example_is_one_row(student, net):
    """One example in, one row of logits out: (1, d) becomes (1, k)."""
    assert_forward(student, net, strict=True)


@points(0.5, problem="forward")
@needs("test_one_layer_is_affine")
@few
@given(net=networks("identity", depth=st.integers(1, 3), width=NARROW))
def test_layers_of_one_unit_keep_both_axes(student, net):
    """z is right, in values and shape, where there is one feature, one class, or a layer of one unit."""
    assert_forward(student, net, strict=True)


FORMULA = {
    name: (f"test_forward_is_its_formula[{name}]", f"test_{name}_is_finite_at_large_inputs")
    for name in ("sigmoid", "tanh")
}


@cases(FORMULA, "forward", 0.5)
@few
@given(data=st.data())
def test_forward_is_finite_when_units_saturate(student, name, data):
    """Where the inputs of {name} are as large as +-10000, the logits are finite and right."""
    net = data.draw(networks(name))
    net = net._replace(x=1e4 * net.x / np.abs(oracle_forward(net.x, net.params, name)[1][0]).max())
    assert_forward(student, net)


@points(1.5, problem="forward")
@needs("test_one_layer_is_affine")
@fewer
@given(data=st.data(), net=one_layer())
def test_forward_leaves_its_arguments_alone(student, data, net):
    """forward changes neither x nor the params, whatever the activation."""
    for each in (*(data.draw(networks(name)) for name in ACTIVATIONS), net):
        before = snapshot(each.x, each.params)
        z, _ = ask_forward(student, each)
        assert_unchanged((each.x, each.params), before, what="(x, params)")
    assert_values(z, oracle_forward(*net[:3])[0], "z")


@points(0.75, problem="forward")
@needs("test_one_layer_is_affine")
@few
@given(
    net=networks("identity", depth=st.integers(1, 2)),
    name=st.sampled_from(["", "Sigmoid", "softmax", "linear"]),
)
def test_an_unknown_activation_is_refused(student, net, name):
    """forward raises ValueError for an activation that is none of the four, and not for one that is."""
    with assert_raises(ValueError, what=f"forward with activation {name!r}"):
        student.forward(net.x, net.params, name)
    assert_forward(student, net)


# ----------------------------------------------------------------------------------------------------------- backward


def taken_apart(answer, params):
    """[[[dw, db], ..], dx] in whatever shapes."""
    grads, dx = items_of(answer, "grads", "dx", what="backward's answer")
    check(isinstance(grads, (list, tuple)), f"grads is {describe(grads)}, expected a list of pairs", "wrong_type")
    check(len(grads) == len(params), f"there are gradients of {len(grads)} layers, not of {len(params)}", "wrong_shape")
    return [items_of(pair, "dw", "db", what=f"grads[{layer}]") for layer, pair in enumerate(grads)], dx


def ask_backward(student, net):
    """The student's backward on the student's forward: ([[dw, db], ..], dx)."""
    _, cache = ask_forward(student, net)
    return taken_apart(student.backward(net.dz, net.params, cache, net.activation), net.params)


def right_gradients(net):
    return oracle_backward(net.dz, net.x, net.params, net.activation)


def assert_all_gradients(answer, net, strict=False):
    """dw, db and dx, to nine digits."""
    (grads, dx), (right, right_dx) = answer, right_gradients(net)
    assert_near(grads if strict else values_of(grads, right), right, "grads")
    assert_near(dx if strict else values_of(dx, right_dx), right_dx, "dx")


@points(1.5, problem="backward")
@needs("test_one_layer_is_affine")
@few
@given(net=one_layer())
def test_gradients_of_one_layer_are_exact(student, net):
    """Of a network of one layer, dL/dw, dL/db and dL/dx are right for any upstream gradient, whatever the activation:
    summed over the examples."""
    assert_all_gradients(ask_backward(student, net), net)


PASSES = {
    name: ("test_gradients_of_one_layer_are_exact", f"test_forward_is_its_formula[{name}]", *SLOPES[name])
    for name in ACTIVATIONS
}


@cases(PASSES, "backward", 1)
@few
@given(data=st.data())
def test_gradients_of_weights_are_exact(student, name, data):
    """dL/dw of every layer is right to nine digits, with {name} and hidden layers, for any upstream gradient."""
    net = data.draw(networks(name))
    (grads, _), (right, _) = ask_backward(student, net), right_gradients(net)
    expected = [(dw,) for dw, _ in right]
    assert_values([(dw,) for dw, _ in grads], expected, "dw of each layer")


@cases(PASSES, "backward", 0.75)
@few
@given(data=st.data())
def test_gradients_of_biases_are_exact(student, name, data):
    """dL/db of every layer is right to nine digits, with {name}: one number a unit, summed over the examples."""
    net = data.draw(networks(name))
    (grads, _), (right, _) = ask_backward(student, net), right_gradients(net)
    expected = [(db,) for _, db in right]
    assert_values([(db,) for _, db in grads], expected, "db of each layer")


@cases(PASSES, "backward", 0.5)
@few
@given(data=st.data())
def test_gradients_of_inputs_are_exact(student, name, data):
    """dL/dx is right to nine digits, with {name} in the hidden layers: no derivative belongs to the inputs."""
    net = data.draw(networks(name))
    assert_values(ask_backward(student, net)[1], right_gradients(net)[1], "dx")


SHALLOW = {
    name: tuple(f"test_gradients_of_{what}_are_exact[{name}]" for what in ("weights", "biases", "inputs"))
    for name in ACTIVATIONS
}


@cases(SHALLOW, "backward", 0.5)
@fewer
@given(data=st.data())
def test_gradients_of_four_layers_are_exact(student, name, data):
    """All gradients of networks with four layers are right to nine digits, with {name}."""
    net = data.draw(networks(name, depth=DEEP, n=sizes(2, 8), width=sizes(2, 9)))
    assert_all_gradients(ask_backward(student, net), net)


@points(1.5, problem="backward")
@needs("test_gradients_of_one_layer_are_exact", *PASSES["identity"])
@few
@given(net=networks("identity", depth=st.integers(1, 3), n=st.just(1)))
def test_gradients_of_one_example_keep_their_shapes(student, net):
    """From one example too, every dw, db and dx is right and has the shape of its w, b and x."""
    assert_all_gradients(ask_backward(student, net), net, strict=True)


@points(1, problem="backward")
@needs("test_gradients_of_one_layer_are_exact", *PASSES["identity"])
@few
@given(net=networks("identity", depth=st.integers(1, 3), width=NARROW))
def test_gradients_of_one_unit_keep_their_shapes(student, net):
    """Where a layer has one unit, one feature or one class, every dw, db and dx has the shape of its w, b and x."""
    assert_all_gradients(ask_backward(student, net), net, strict=True)


@cases(SHALLOW, "backward", 0.5)
@fewer
@given(data=st.data())
def test_backward_can_be_called_twice(student, name, data):
    """With {name}, backward changes neither dz nor the params nor the cache: a second call gives the right gradients,
    as the first one does."""
    net = data.draw(networks(name))
    _, cache = ask_forward(student, net)
    before = snapshot(net.dz, net.params)
    for _ in range(2):  # mutable: the second call gets the cache as the first one left it
        answer = student.backward(net.dz, net.params, mutable(cache), name)
        assert_unchanged((net.dz, net.params), before, what="(dz, params)")
        assert_all_gradients(taken_apart(answer, net.params), net)


@points(1, problem="backward")
@needs("test_gradients_of_one_layer_are_exact", *PASSES["identity"])
@few
@given(net=networks("identity"))
def test_each_cache_belongs_to_its_own_forward(student, net):
    """Two networks of the same shape may be passed through at once: each cache leads to its own gradients."""
    other = net._replace(x=-2 * net.x, params=[(-w, b / 2) for w, b in net.params])
    caches = [ask_forward(student, one)[1] for one in (net, other)]
    for one, cache in zip((net, other), caches, strict=True):
        answer = student.backward(one.dz, one.params, cache, one.activation)
        assert_all_gradients(taken_apart(answer, one.params), one)


@points(1, problem="backward")
@needs(*SHALLOW["relu"])
@few
@given(net=networks("relu"))
def test_closed_relus_pass_nothing_on(student, net):
    """Where all ReLUs of a layer are closed, the gradients before it are exactly zero; where all are open, all pass."""
    (w, b), *later = net.params
    shut = net._replace(params=[(w, np.full_like(b, -1e3)), *later])
    grads, dx = ask_backward(student, shut)
    zeros = [np.zeros_like(w), np.zeros_like(b)]
    assert_equal(values_of(grads[0], zeros), zeros, what="grads[0]")
    assert_equal(values_of(dx, net.x), np.zeros_like(net.x), what="dx")
    wide_open = net._replace(params=[(w, np.full_like(b, 1e3)), *[(w, b + 1e6) for w, b in later]])
    right, right_dx = oracle_backward(net.dz, net.x, wide_open.params, "identity")
    grads, dx = ask_backward(student, wide_open)
    assert_values([grads[0]], [right[0]], "the first of grads")
    assert_values(dx, right_dx, "dx")


@cases({name: SHALLOW[name] for name in ("sigmoid", "tanh")}, "backward", 0.5)
@few
@given(data=st.data())
def test_saturated_units_pass_nothing_on(student, name, data):
    """Where the inputs of {name} are +-10000, no gradient is passed on, and nothing becomes NaN."""
    net = data.draw(networks(name, depth=st.just(2)))
    (w, b), *later = net.params
    net = net._replace(params=[(w, np.where(b > 0, 1e4, -1e4)), *later])
    assert_all_gradients(ask_backward(student, net), net)


# ----------------------------------------------------------------------------------------- loss, accuracy, minibatches


@st.composite
def logits_and_labels(draw, n=SEVERAL, k=WIDE):
    """(z, y): logits around 0, no two of them equal, and labels."""
    shape, rng = (draw(n), draw(k)), np.random.default_rng(draw(seeds))
    return rng.normal(0, 4, shape), rng.integers(0, shape[1], shape[0])


def ask_loss(student, z, y):
    return items_of(student.cross_entropy(z, y), "L", "dz", what="cross_entropy's answer")


def assert_loss(found, z, y, what="L"):
    """A number in an array counts here; a public test holds that it is a number."""
    right, _ = oracle_loss(z, y)
    room = 1e-12 * len(z) * max(1.0, float(np.abs(z).max()))  # some right answers round at the size of z
    assert_close(values_of(found, 0.0), float(right), what=what, rtol=1e-9, atol=room)


def assert_dz(found, z, y):
    right = oracle_loss(z, y)[1]
    assert_close(values_of(found, right), right, what="dz", rtol=1e-9, atol=1e-11)


@points(0.5, problem="batches")
@few
@given(zy=logits_and_labels())
def test_cross_entropy_is_summed_over_the_examples(student, zy):
    """L = -sum_i log softmax(z)[i, y[i]]: a sum, in nats, labels counted from 0."""
    assert_loss(ask_loss(student, *zy)[0], *zy)


@points(0.5, problem="batches")
@few
@given(zy=logits_and_labels())
def test_the_gradient_of_the_loss_is_its_formula(student, zy):
    """dL/dz[i, j] = softmax(z)[i, j] - [j = y[i]]: that of the sum."""
    assert_dz(ask_loss(student, *zy)[1], *zy)


@points(0.75, problem="batches")
@few
@given(zy=logits_and_labels(), one_height=st.sampled_from([None, 9.9e3, -9.9e3]))
def test_cross_entropy_of_large_logits_is_finite(student, zy, one_height):
    """L and dz are finite and right for logits of +-10000, where rows lie 20000 apart, and where the label is a class
    that the logits all but rule out."""
    z, y = zy
    heights = np.linspace(9.9e3, -9.9e3, len(z)) if one_height is None else np.full(len(z), one_height)
    z = z + heights[:, None]
    z[0, 0], y[0] = -1e4, 0
    loss, dz = ask_loss(student, z, y)
    assert_loss(loss, z, y)
    assert_dz(dz, z, y)


@points(0.25, problem="batches")
@needs("test_cross_entropy_is_summed_over_the_examples", "test_the_gradient_of_the_loss_is_its_formula")
@few
@given(zy=logits_and_labels(n=ONE) | logits_and_labels(k=ONE))
def test_cross_entropy_of_one_example_or_class(student, zy):
    """For one example, or one class, L is one number, and dz has the shape of z."""
    loss, dz = ask_loss(student, *zy)
    right, right_dz = oracle_loss(*zy)
    assert_close(loss, float(right), what="L", rtol=1e-9, atol=1e-11)
    assert_close(dz, right_dz, what="dz", rtol=1e-9, atol=1e-11)


@points(0.25, problem="batches")
@needs("test_the_gradient_of_the_loss_is_its_formula")
@fewer
@given(zy=logits_and_labels())
def test_cross_entropy_leaves_its_arguments_alone(student, zy):
    """cross_entropy changes neither z nor y."""
    before = snapshot(zy)
    _, dz = ask_loss(student, *zy)
    assert_unchanged(zy, before, what="(z, y)")
    assert_dz(dz, *zy)


def assert_accuracy(student, z, y):
    right = sum(all(row[label] >= other for other in row) for row, label in zip(z, y, strict=True))
    assert_close(student.accuracy(z, y), right / len(y), what="the accuracy", any_float=True)


@points(0.75, problem="batches")
@few
@given(zy=logits_and_labels(n=sizes(2, 9), k=sizes(2, 4)), hits=st.integers(0, 9), far=st.sampled_from([1.0, 2e3]))
def test_accuracy_is_the_share_of_right_rows(student, zy, hits, far):
    """accuracy is the share of rows whose greatest logit is at their label: a number from 0 to 1."""
    z, y = zy
    y[:hits] = z[:hits].argmax(axis=1)  # so that several are right
    assert_accuracy(student, far * z, y)


@points(0.25, problem="batches")
@needs("test_accuracy_is_the_share_of_right_rows")
@few
@given(
    zy=logits_and_labels(n=ONE) | logits_and_labels(k=ONE),
    other=logits_and_labels(),
    dtype=st.sampled_from([np.int64, np.int32, np.uint8]),
)
def test_accuracy_of_one_row_or_class(student, zy, other, dtype):
    """accuracy is right for one row, for one class, and for labels of other integer types."""
    for z, y in (zy, other):
        assert_accuracy(student, z, y.astype(dtype))


@points(0.5, problem="batches")
@few
@given(zy=logits_and_labels(), cut=st.integers(1, 5))
def test_accuracy_refuses_other_lengths(student, zy, cut):
    """accuracy raises ValueError if there are more or fewer labels than rows, and not if there are as many."""
    z, y = zy
    cut = min(cut, len(y) - 1)
    with assert_raises(ValueError, what=f"accuracy of {len(z)} rows and {cut} labels"):
        student.accuracy(z, y[:cut])
    with assert_raises(ValueError, what=f"accuracy of {cut} rows and {len(y)} labels"):
        student.accuracy(z[:cut], y)
    y[0], y[1] = z[0].argmax(), z[1].argmin()
    assert_accuracy(student, z, y)


def numbered(n, dtype=np.float64):
    """(x, y) in which every entry tells which example it is from."""
    return (np.arange(n)[:, None] * 2 + np.array([0, 1])).astype(dtype), np.arange(n) * 3


def listed(answer):
    """All that an iterable holds; a generator is asked for it."""
    check(hasattr(type(answer), "__iter__"), f"minibatches returned {describe(answer)}, expected batches", "wrong_type")
    return list(answer)


def ask_batches(student, x, y, batch_size, rng):
    """[(x_batch, y_batch), ..], each with as many rows as labels, beside each other as they were."""
    batches = []
    for number, pair in enumerate(listed(student.minibatches(x, y, batch_size, rng)), 1):
        x_batch, y_batch = items_of(pair, "x_batch", "y_batch", what=f"batch {number}")
        whole = isinstance(y_batch, np.ndarray) and y_batch.ndim == 1 and y_batch.dtype == y.dtype
        check(whole, f"y_batch is {describe(y_batch)}, expected one axis of dtype {y.dtype}", "wrong_type")
        known = np.isin(y_batch, y)
        check(bool(known.all()), f"{int((~known).sum())} labels of batch {number} are not those of any example")
        # Labels are three times the place, so they tell whose features stand beside them.
        assert_equal(x_batch, x[y_batch // 3], what=f"x_batch {number}, by the labels beside it")
        check(x_batch.dtype == x.dtype, f"x_batch has dtype {x_batch.dtype}, expected {x.dtype}", "wrong_dtype")
        batches.append((x_batch, y_batch))
    check(len(batches) > 0, "there is no batch")
    return batches


def order_of(batches):
    return np.concatenate([y_batch for _, y_batch in batches]) // 3


def assert_dealt(batches, n):
    order = order_of(batches)
    different = len(set(order.tolist()))
    check(len(order) == different == n, f"{len(order)} examples were dealt out, {different} of {n} different ones")


@points(1.5, problem="batches")
@few
@given(n=sizes(3, 30), batch_size=sizes(2, 12), rng=rngs(), dtype=st.sampled_from([np.float64, np.float32]))
def test_each_example_comes_once_with_its_label(student, n, batch_size, rng, dtype):
    """Over one epoch every example is in exactly one batch, beside its own label, and dtypes are kept."""
    assert_dealt(ask_batches(student, *numbered(n, dtype), batch_size, rng), n)


def assert_cut(batches, n, batch_size):
    found = [len(y_batch) for _, y_batch in batches]
    full, left = divmod(n, batch_size)
    expected = [batch_size] * full + [left] * (left > 0)
    check(found == expected, f"the batches hold {found} examples, expected {expected}", "wrong_shape")


@points(1, problem="batches")
@few
@given(n=sizes(5, 30), batch_size=sizes(2, 5), rng=rngs())
def test_only_the_last_batch_may_be_smaller(student, n, batch_size, rng):
    """All batches hold batch_size examples, but the last, which holds what is left."""
    assert_cut(ask_batches(student, *numbered(n), batch_size, rng), n, batch_size)


@points(0.5, problem="batches")
@needs("test_each_example_comes_once_with_its_label", "test_only_the_last_batch_may_be_smaller")
@few
@given(case=st.sampled_from([(1, 1), (1, 3), (4, 1), (4, 4), (3, 5), (5, 40)]), rng=rngs())
def test_batches_of_one_and_of_all(student, case, rng):
    """Batches of one example keep their axes, one example is enough, and a batch_size of n or more is one batch."""
    n, batch_size = case
    batches = ask_batches(student, *numbered(n), batch_size, rng)
    assert_dealt(batches, n)
    assert_cut(batches, n, batch_size)


@points(1.75, problem="batches")
@needs("test_each_example_comes_once_with_its_label")
@fewer
@given(seed=seeds)
def test_every_epoch_has_an_order_of_its_own(student, seed):
    """The order of the examples is random through and through, new in every epoch, and the same for the same rng."""
    x, y = numbered(60)
    rng = np.random.default_rng(seed)
    first, second = (order_of(ask_batches(student, x, y, 6, rng)) for _ in range(2))
    check(not np.array_equal(first, second), "two epochs have the same order")
    again = order_of(ask_batches(student, x, y, 6, np.random.default_rng(seed)))
    assert_equal(again, first, what="the order by the same rng")
    # In a random order 1 of 60 neighbours follow each other; 30 of 59 never happen.
    check(int((np.diff(first) == 1).sum()) < 30, "examples that stood together stay together")


@points(0.75, problem="batches")
@fewer
@given(n=sizes(6, 12), batch_size=sizes(2, 5), rng=rngs())
def test_minibatches_leave_the_data_alone(student, n, batch_size, rng):
    """minibatches shuffles neither x nor y themselves."""
    x, y = numbered(n)
    before = snapshot(x, y)
    batches = ask_batches(student, x, y, batch_size, rng)
    assert_unchanged((x, y), before, what="(x, y)")
    check(len(batches) >= n // batch_size, f"there are {len(batches)} batches of {n} examples")


@points(0.75, problem="batches")
@few
@given(n=sizes(2, 8), bad=st.integers(-3, 0), rng=rngs())
def test_impossible_batches_are_refused(student, n, bad, rng):
    """minibatches raises ValueError for a batch_size below 1, and for other numbers of labels than examples; and for
    nothing else."""
    x, y = numbered(n)
    with assert_raises(ValueError, what=f"minibatches with batch_size {bad}"):
        listed(student.minibatches(x, y, bad, rng))
    with assert_raises(ValueError, what=f"minibatches of {n} examples and {n - 1} labels"):
        listed(student.minibatches(x, y[:-1], 2, rng))
    with assert_raises(ValueError, what=f"minibatches of {n - 1} examples and {n} labels"):
        listed(student.minibatches(x[:-1], y, 2, rng))
    ask_batches(student, x, y, 2, rng)


# ------------------------------------------------------------------------------------------------------------ training


def float64_like(trained, params):
    """The trained params, once they are finite float64 arrays, in the shapes of those from which the training began."""
    found = values_of(trained, params)
    assert_close(found, params, what="the trained params", atol=np.inf)  # types, shapes and dtypes alone
    assert_shaped_like(found, params, what="the trained params")
    return found


def ask_train(student, net, **options):
    """What was returned; in training a network of one layer, the activation does not matter."""
    usual = {
        "activation": net.activation,
        "learning_rate": 0.01,
        "epochs": 1,
        "batch_size": len(net.x),
        "rng": np.random.default_rng(0),
    }
    trained = student.train(net.x, net.y, net.params, **{**usual, **options})
    float64_like(trained, net.params)
    return trained


def listen(student, net, epochs, **options):
    """(the trained params, [(loss, accuracy) that log was told after each epoch])"""
    heard = Heard("loss", "accuracy")
    trained = ask_train(student, net, epochs=epochs, log=heard.log, **options)
    return trained, heard.epochs(epochs)


def assert_trained(trained, expected, what="the trained params", strict=False):
    found = trained if strict else values_of(trained, expected)
    assert_close(found, expected, what=what, rtol=1e-6, atol=1e-7)


def assert_heard(told, expected, what=""):
    """(loss, accuracy)"""
    for name, found, right in zip(("loss", "accuracy"), told, expected, strict=True):
        assert_close(found, float(right), what=f"the {name}{what}", rtol=1e-6, atol=1e-9, any_float=True)


def oracle_full(net, epochs, rate):
    """(params, [(loss, accuracy), ..]) with all examples in one batch."""
    params, told = net.params, []
    for _ in range(epochs):
        params, loss, right = oracle_epoch(net, params, [range(len(net.x))], rate)
        told.append((loss, right))
    return params, told


def cut(order, batch_size):
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]


RATES = st.floats(0.005, 0.05)
CREEPING = 1e-12  # a learning rate at which nothing moves that could be seen
# By its contract train steps on the gradient of the loss; one layer has no activation.
loss_first = needs("test_cross_entropy_is_summed_over_the_examples", "test_one_layer_is_affine")
learns_first = needs(
    "test_the_gradient_of_the_loss_is_its_formula",
    "test_one_layer_is_affine",
    "test_gradients_of_one_layer_are_exact",
)


@points(1.5, problem="training")
@learns_first
@few
@given(net=one_layer(), epochs=st.integers(1, 4), rate=RATES)
def test_full_batches_follow_the_gradient(student, net, epochs, rate):
    """With all examples in one batch, every epoch is one step w <- w - learning_rate dL/dw, and the same for b, L
    summed over the batch."""
    trained = ask_train(student, net, learning_rate=rate, epochs=epochs)
    assert_trained(trained, oracle_full(net, epochs, rate)[0])


LEARNING = {name: ("test_full_batches_follow_the_gradient", *SHALLOW[name]) for name in ACTIVATIONS}


@cases(LEARNING, "training", 0.25)
@few
@given(data=st.data(), epochs=st.integers(1, 4), rate=st.floats(0.002, 0.02))
def test_every_layer_follows_its_gradient(student, name, data, epochs, rate):
    """With {name} in its hidden layers, each step changes the weights and biases of all layers at once."""
    net = data.draw(networks(name))
    trained = ask_train(student, net, learning_rate=rate, epochs=epochs)
    assert_trained(trained, oracle_full(net, epochs, rate)[0])


@points(0.25, problem="training")
@needs(
    "test_full_batches_follow_the_gradient",
    "test_gradients_of_one_example_keep_their_shapes",
    "test_gradients_of_one_unit_keep_their_shapes",
)
@few
@given(net=networks("identity", depth=st.integers(1, 2), n=sizes(1, 3), width=NARROW), more=sizes(0, 4), rate=RATES)
def test_one_example_or_a_batch_larger_than_all(student, net, more, rate):
    """One example is enough, a batch_size above n is one batch of all, and every w and b keeps its shape, where a layer
    has one unit too."""
    trained = ask_train(student, net, learning_rate=rate, epochs=2, batch_size=len(net.x) + more)
    assert_trained(trained, oracle_full(net, 2, rate)[0], strict=True)


@points(0.25, problem="training")
@loss_first
@fewer
@given(net=one_layer(), batch_size=sizes(1, 9))
def test_no_epochs_are_no_training(student, net, batch_size):
    """With epochs = 0 train returns params as they were, and log is not called; with one it hears the loss."""
    trained, _ = listen(student, net, 0, batch_size=batch_size)
    assert_trained(trained, net.params, "params after no epochs")
    _, (told,) = listen(student, net, 1)
    assert_heard(told, oracle_full(net, 1, 0.0)[1][0], " of one epoch")


@st.composite
def far_apart(draw):
    """A network of one layer whose logits reach +-10000 and lie 18000 apart from row to row."""
    net = draw(one_layer(n=sizes(3, 6), width=sizes(3, 6)))
    (w, b), x = (part.copy() for part in net.params[0]), net.x.copy()
    w[0], x[:, 0] = 1000.0, np.linspace(9.0, -9.0, len(x))
    return net._replace(x=x, params=[(w, b)])


@points(0.5, problem="training")
@needs("test_cross_entropy_of_large_logits_is_finite", "test_full_batches_follow_the_gradient")
@few
@given(net=far_apart())
def test_training_with_large_logits(student, net):
    """Where logits are as large as +-10000, steps and losses are right and finite."""
    trained, told = listen(student, net, 2, learning_rate=0.01)
    expected, right = oracle_full(net, 2, 0.01)
    assert_trained(trained, expected)
    for number, (found, wanted) in enumerate(zip(told, right, strict=True), 1):
        assert_heard(found, wanted, f" of epoch {number}")


@points(1.5, problem="training")
@loss_first
@few
@given(net=one_layer(n=sizes(3, 7)), batch_size=sizes(1, 3), epochs=st.integers(1, 3))
def test_log_hears_of_every_epoch(student, net, batch_size, epochs):
    """log(epoch, loss, accuracy) is called after each epoch, from 1 on, with means over examples, not over batches."""
    net.y[:2] = oracle_forward(*net[:3])[0][:2].argmax(axis=1)  # so that some are right
    _, told = listen(student, net, epochs, batch_size=batch_size, learning_rate=CREEPING)
    expected = oracle_full(net, 1, 0.0)[1][0]
    for number, found in enumerate(told, 1):
        assert_heard(found, expected, f" of epoch {number}")


@points(0.5, problem="training")
@loss_first
@fewer
@given(net=one_layer(n=sizes(3, 6)), deep=networks("identity", n=sizes(3, 6)))
def test_train_leaves_its_arguments_alone(student, net, deep):
    """train changes neither the data, nor their order, nor the params that it starts from."""
    for each in (deep, net):
        before = snapshot(each[:2], each.y)
        _, told = listen(student, each, 2, batch_size=2)
        assert_unchanged((each[:2], each.y), before, what="(x, params), y")
    _, told = listen(student, net, 1)
    assert_heard(told[0], oracle_full(net, 1, 0.0)[1][0], " of one epoch")


def flat(params):
    return np.concatenate([np.ravel(part) for pair in params for part in pair])


def partitions(n, batch_size):
    """Every way to cut n examples into batches, once each: the order of batches counts, that within one does not."""
    ways = {tuple(tuple(sorted(batch)) for batch in cut(order, batch_size)) for order in permutations(range(n))}
    return sorted(ways)


class Way(NamedTuple):
    """One of the ways that an rng may choose."""

    cuts: tuple  # how each epoch is cut into batches
    params: list  # reached at last
    told: tuple  # what log hears


def ways_to_train(net, batch_size, rate, epochs):
    ways = [Way((), net.params, ())]
    for _ in range(epochs):
        further = []
        for way, cuts in product(ways, partitions(len(net.x), batch_size)):
            params, *told = oracle_epoch(net, way.params, cuts, rate)
            further.append(Way((*way.cuts, cuts), params, (*way.told, tuple(told))))
        ways = further
    return ways


def way_taken(trained, ways):
    """The one that led to the trained params; there must be one."""
    found = flat(values_of(trained, ways[0].params))
    distances = [float(np.abs(flat(way.params) - found).max()) for way in ways]
    off = min(distances)
    check(off <= 1e-8, f"no order of the examples leads to these params; the nearest ones are {off:.2g} off")
    return ways[int(np.argmin(distances))]


SMALL = st.sampled_from([(3, 1), (3, 2), (4, 2), (4, 3)])  # (n, batch_size)
RATE = 0.1


@st.composite
def small_networks(draw, case=SMALL):
    """(network of one layer, batch_size): few examples with different labels, at most six ways to cut an epoch, no two
    of which lead to the same params."""
    n, batch_size = draw(case)
    rng = np.random.default_rng(draw(seeds))
    params = [(rng.normal(0, 0.5, (3, 4)), rng.normal(0, 0.5, 4))]
    net = Network(rng.normal(0, 1.5, (n, 3)), params, draw(ANY), np.zeros((n, 4)), rng.permutation(4)[:n])
    reached = [flat(way.params) for way in ways_to_train(net, batch_size, RATE, 1)]
    assume(min(np.abs(a - b).max() for i, a in enumerate(reached) for b in reached[:i]) > 1e-4)
    return net, batch_size


@points(1.5, problem="training")
@needs("test_full_batches_follow_the_gradient")
@few
@given(case=small_networks(), epochs=st.integers(1, 2), rng=rngs())
def test_an_epoch_is_a_partition_of_the_examples(student, case, epochs, rng):
    """In every epoch each example is in exactly one batch of batch_size, beside its label, and the last batch holds
    what is left; each makes its step, the smaller one a smaller step: the params reached are those of one of the
    possible orders."""
    net, batch_size = case
    trained = ask_train(student, net, rng=rng, learning_rate=RATE, epochs=epochs, batch_size=batch_size)
    way_taken(trained, ways_to_train(net, batch_size, RATE, epochs))


@points(0.5, problem="training")
@needs("test_an_epoch_is_a_partition_of_the_examples", "test_log_hears_of_every_epoch")
@few
@given(case=small_networks(), rng=rngs())
def test_log_hears_of_batches_before_their_steps(student, case, rng):
    """The loss and the accuracy of each batch are taken before the step on it, with the params of that moment."""
    net, batch_size = case
    trained, told = listen(student, net, 2, learning_rate=RATE, batch_size=batch_size, rng=rng)
    way = way_taken(trained, ways_to_train(net, batch_size, RATE, 2))
    for number, (found, right) in enumerate(zip(told, way.told, strict=True), 1):
        assert_heard(found, right, f" of epoch {number}")


@points(1, problem="training")
@needs("test_an_epoch_is_a_partition_of_the_examples")
@settings(max_examples=1)
@given(case=small_networks(case=st.just((3, 1))), seed=seeds)
def test_epochs_take_all_orders(student, case, seed):
    """All orders of the examples occur, in the first epoch and in the second, and the two are drawn apart."""
    net, batch_size = case
    ways = ways_to_train(net, batch_size, RATE, 2)
    options = {"learning_rate": RATE, "epochs": 2, "batch_size": batch_size}
    taken = [
        way_taken(ask_train(student, net, rng=np.random.default_rng([seed, i]), **options), ways) for i in range(150)
    ]
    # Of six equally likely orders, one is missing from 150 draws once in 100,000,000,000 right answers.
    for epoch in (0, 1):
        count = len({way.cuts[epoch] for way in taken})
        check(count == 6, f"epoch {epoch + 1} only ever takes {count} of 6 orders of three examples")
    same = sum(first == second for first, second in (way.cuts for way in taken))
    check(same < 75, f"in {same} of 150 runs the second epoch repeats the first one, expected about 25")


@points(0.5, problem="training")
@needs("test_an_epoch_is_a_partition_of_the_examples")
@fewer
@given(case=small_networks(), seed=seeds)
def test_the_same_rng_trains_the_same_network(student, case, seed):
    """The order of the batches comes from rng alone: the same rng trains the same network."""
    net, batch_size = case
    options = {"learning_rate": RATE, "epochs": 2, "batch_size": batch_size}
    first, again = (ask_train(student, net, rng=np.random.default_rng(seed), **options) for _ in range(2))
    way = way_taken(first, ways_to_train(net, batch_size, RATE, 2))
    assert_trained(again, way.params, "the params of the same order")


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
    params = float64_like(params, lesson.params)
    return oracle_forward(lesson.held_out, params, RECIPE["activation"])[0].argmax(axis=1)


def percent_right(lesson, params):
    return 100 * float(np.mean(predictions(lesson, params) == lesson.labels))


@points(5, problem="training")
@limits(seconds=120, test_seconds=180, judge_seconds=40, judge_memory_mb=6000)  # 2,628 letters are drawn
@needs("test_an_epoch_is_a_partition_of_the_examples", "test_every_layer_follows_its_gradient[sigmoid]")
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


def oracle_collapse(params):
    """(w, b), from what the network makes of zero and of the unit vectors."""
    d = len(params[0][0])
    b = oracle_forward(np.zeros((1, d)), params, "identity")[0][0]
    return [(oracle_forward(np.eye(d), params, "identity")[0] - b, b)]


def ask_collapse(student, net):
    return [items_of(student.collapse(net.params), "w", "b", what="collapse's answer")]


@points(1.25, problem="laws")
@few
@given(net=networks("identity", depth=st.integers(2, 4)))
def test_a_network_without_activations_collapses(student, net):
    """Without activations a deep network is one affine map: forward(x, params, "identity") = x w + b."""
    assert_values(ask_collapse(student, net), oracle_collapse(net.params), "the map")


@points(0.5, problem="laws")
@needs("test_a_network_without_activations_collapses")
@few
@given(net=networks("identity", depth=ONE) | networks("identity", depth=st.integers(1, 3), width=NARROW))
def test_one_layer_is_its_own_collapse(student, net):
    """One layer is the map itself, and w and b have the shapes (d, k) and (k,), for one feature, class or unit too."""
    assert_near(ask_collapse(student, net), oracle_collapse(net.params), "the map")


@points(0.25, problem="laws")
@needs("test_a_network_without_activations_collapses")
@fewer
@given(net=networks("identity"))
def test_collapse_leaves_its_arguments_alone(student, net):
    """collapse does not change params."""
    before = snapshot(net.params)
    found = ask_collapse(student, net)
    assert_unchanged(net.params, before, what="params")
    assert_values(found, oracle_collapse(net.params), "the map")


def assert_norms(student, net):
    norms = student.gradient_norms(net.x, net.y, net.params, net.activation)
    if isinstance(norms, np.ndarray) and norms.ndim == 1:
        norms = list(norms)
    expected = [float(np.sqrt(np.sum(dw * dw))) for dw, _ in oracle_grads(net.x, net.y, net.params, net.activation)]
    assert_close(norms, expected, what="gradient_norms", rtol=1e-8, atol=1e-9, any_float=True)


NORMS = {
    name: (
        "test_the_gradient_of_the_loss_is_its_formula",
        f"test_forward_is_its_formula[{name}]",
        f"test_gradients_of_weights_are_exact[{name}]",
    )
    for name in ACTIVATIONS
}


@cases(NORMS, "laws", 0.25)
@few
@given(data=st.data())
def test_gradient_norms_show_what_reaches_each_layer(student, name, data):
    """gradient_norms are the Frobenius norms of dL/dw with {name}, one a layer, first layer first, L summed over the
    examples."""
    assert_norms(student, data.draw(networks(name, depth=st.integers(2, 4))))


@points(0.5, problem="laws")
@learns_first
@few
@given(net=one_layer(n=sizes(1, 4)))
def test_gradient_norms_of_one_layer_or_example(student, net):
    """gradient_norms of one layer is a list of one number, for one example too; x, y and params stay as they are."""
    before = snapshot(net)
    assert_norms(student, net)
    assert_unchanged((net.x, net.y, net.params), (before.x, before.y, before.params), what="(x, y, params)")


@points(0.5, problem="laws")
@learns_first
@needs("test_cross_entropy_of_large_logits_is_finite")
@few
@given(net=far_apart())
def test_gradient_norms_of_large_logits(student, net):
    """gradient_norms are right and finite where logits are as large as +-10000."""
    assert_norms(student, net)


UNITS = sizes(3, 8)


@st.composite
def layers(draw, n=SEVERAL, m=UNITS):
    """(x, w, b) of a layer of ReLUs: some are dead, some fire on one example or on all."""
    n, d, m = draw(n), draw(sizes(2, 4)), draw(m)
    rng = np.random.default_rng(draw(seeds))
    x, w, b = rng.normal(size=(n, d)), rng.normal(size=(d, m)), rng.normal(size=m)
    for unit, kind in enumerate(draw(st.lists(st.sampled_from(["dead", "alive", "once"]), min_size=m, max_size=m))):
        reached = np.sort(x @ w[:, unit])
        b[unit] += {"dead": -1e3, "alive": 1e3, "once": (n == 1) - b[unit] - reached[-2:].mean()}[kind]
    return x, w, b


def assert_dead(student, x, w, b):
    dead = [all(float(row @ w[:, unit]) + b[unit] <= 0 for row in x) for unit in range(len(b))]
    assert_close(student.dead_fraction(x, w, b), sum(dead) / len(dead), what="dead_fraction", any_float=True)


@points(1, problem="laws")
@few
@given(layer=layers())
def test_a_dead_relu_is_silent_on_every_example(student, layer):
    """A ReLU is dead if its output is 0 for every example: a large negative bias kills it, one example revives it."""
    assert_dead(student, *layer)


@points(0.5, problem="laws")
@few
@given(layer=layers(), alone=layers(n=ONE, m=sizes(1, 4)), seed=seeds)
def test_a_relu_at_zero_is_dead(student, layer, alone, seed):
    """A ReLU whose inputs are exactly 0 is dead; the share is right for one example and for one unit, too."""
    assert_dead(student, *alone)
    x, w, b = layer
    zero = np.random.default_rng(seed).random(len(b)) < 0.6
    assert_dead(student, x, np.where(zero, 0.0, w), np.where(zero, 0.0, b))


@points(0.5, problem="laws")
@needs("test_a_dead_relu_is_silent_on_every_example")
@fewer
@given(layer=layers())
def test_dead_fraction_leaves_its_arguments_alone(student, layer):
    """dead_fraction changes neither x nor w nor b."""
    before = snapshot(layer)
    assert_dead(student, *layer)
    assert_unchanged(layer, before, what="(x, w, b)")


def oracle_width(w):
    """Where |w sigmoid'(w x)| is 1, by bisection, to the right of 0 and to the left."""
    inside, outside = 0.0, 100.0 / w
    for _ in range(200):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if w * slope_of("sigmoid", w * middle) >= 1 else (inside, middle)
    return 2 * inside


@points(0.5, problem="laws")
@few
@given(w=st.floats(4.01, 400))
def test_a_sigmoid_is_steep_on_a_narrow_interval(student, w):
    """active_interval_width(w) is how long |w sigmoid'(w x)| stays at least 1, for w > 4."""
    found = student.active_interval_width(w)
    assert_close(found, oracle_width(w), what="the width", rtol=1e-8, atol=1e-8, any_float=True)


@points(0.25, problem="laws")
@few
@given(w=st.floats(4.01, 400) | st.integers(5, 40))
def test_the_sign_of_the_weight_does_not_matter(student, w):
    """active_interval_width is right for negative weights, and for weights that are integers; at |w| = 4 it is 0."""
    found = student.active_interval_width(-w)
    assert_close(found, oracle_width(w), what="the width", rtol=1e-8, atol=1e-8, any_float=True)
    for edge in (4.0, -4.0):
        assert_close(student.active_interval_width(edge), 0.0, what="the width at 4", atol=1e-7, any_float=True)


@points(0.25, problem="laws")
@few
@given(small=st.floats(-3.99, 3.99), w=st.floats(4.01, 40))
def test_flat_sigmoids_are_refused(student, small, w):
    """active_interval_width raises ValueError for |w| < 4, and not for greater ones."""
    with assert_raises(ValueError, what=f"active_interval_width({small})"):
        student.active_interval_width(small)
    found = student.active_interval_width(w)
    assert_close(found, oracle_width(w), what="the width", rtol=1e-8, atol=1e-8, any_float=True)
