"""Hidden tests of `autoencoder`: laws over random networks, judged by an oracle that shares no formula with a solution.

The oracle below keeps what goes into every ReLU and takes derivatives from that, with hyperbolic functions for the
sigmoid; solutions work from outputs. Networks are drawn by shape and seed, their halves no mirror images of each other,
so that no weight or bias is ever 0, 1 or equal to another by accident, and no ReLU sits at its kink. For PCA, pictures
are built from known directions, so that the right answer needs no eigenvectors at all.

Laws of a function draw ordinary cases: several images of several pixels from 0 to 1. One image or none, one pixel, one
unit, pixels and codes that may be any numbers have laws of their own.
"""

from collections.abc import Callable
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
    needs,
    points,
    rngs,
    sizes,
    snapshot,
    values_of,
)

# ---------------------------------------------------------------------------------------------------------- the oracle


def logistic(z):
    return (1 + np.tanh(z / 2)) / 2


def logistic_slope(z):
    with np.errstate(over="ignore"):  # 1 / infinity = 0 is the slope out there
        return 1 / (4 * np.cosh(z / 2) ** 2)


def affine(a, w, b):
    return np.einsum("ni,ij->nj", a, w) + b


def oracle_encode(x, params):
    """(codes, what went into the ReLUs)."""
    a, hidden = x, []
    for w, b in params[: len(params) // 2]:
        hidden.append(affine(a, w, b))
        a = np.where(hidden[-1] > 0, hidden[-1], 0.0)
    return a, hidden


def oracle_decode(code, params):
    """(what goes into the sigmoid, what went into the ReLUs)."""
    a, hidden = code, []
    for w, b in params[len(params) // 2 : -1]:
        hidden.append(affine(a, w, b))
        a = np.where(hidden[-1] > 0, hidden[-1], 0.0)
    return affine(a, *params[-1]), hidden


def oracle_reconstruct(x, params):
    return logistic(oracle_decode(oracle_encode(x, params)[0], params)[0])


def oracle_loss(x, params):
    return float(np.einsum("nd,nd->", *[oracle_reconstruct(x, params) - x] * 2))


def oracle_grads(x, params):
    code, below = oracle_encode(x, params)
    z, above = oracle_decode(code, params)
    hidden = below + above
    delta = 2 * (logistic(z) - x) * logistic_slope(z)
    grads = []
    for layer in range(len(params) - 1, -1, -1):
        a = np.where(hidden[layer - 1] > 0, hidden[layer - 1], 0.0) if layer else x
        grads.insert(0, (np.einsum("ni,nj->ij", a, delta), np.einsum("nj->j", delta)))
        if layer:
            delta = np.where(hidden[layer - 1] > 0, np.einsum("nj,ij->ni", delta, params[layer][0]), 0.0)
    return grads


def oracle_momentum(params, velocity, grads, rate, momentum):
    """(params, velocity) after a step, written out for every array."""
    velocity = [
        tuple(momentum * m - rate * g for m, g in zip(ms, gs, strict=True))
        for ms, gs in zip(velocity, grads, strict=True)
    ]
    return [
        tuple(p + m for p, m in zip(ps, ms, strict=True)) for ps, ms in zip(params, velocity, strict=True)
    ], velocity


def at_rest(params):
    return [(np.zeros_like(w), np.zeros_like(b)) for w, b in params]


def oracle_epoch(x, params, velocity, batches, rate, momentum):
    """(params, velocity, mean loss of an image) after a step on every batch; batches are lists of rows of x."""
    loss = 0.0
    for batch in batches:
        rows = x[list(batch)]
        loss += oracle_loss(rows, params)
        params, velocity = oracle_momentum(params, velocity, oracle_grads(rows, params), rate, momentum)
    return params, velocity, loss / len(x)


def cut(order, batch_size):
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]


def oracle_initialize(widths, rng):
    """Xavier weights, zero biases."""
    return [
        (rng.uniform(-1, 1, (fan_in, fan_out)) * np.sqrt(6 / (fan_in + fan_out)), np.zeros(fan_out))
        for fan_in, fan_out in pairwise(widths)
    ]


def oracle_psnr(a, b, peak=1.0):
    """Image by image, in decibels: 20 log10 of how many times the root mean square error fits into the peak."""
    errors = [np.linalg.norm(np.subtract(p, q, dtype=np.float64)) / np.sqrt(len(p)) for p, q in zip(a, b, strict=True)]
    return np.array([20 * np.log10(peak / error) if error else np.inf for error in errors])


def oracle_pca(x, k):
    """(mean, components), by the eigenvectors of the covariance."""
    mean = np.einsum("nd->d", x) / len(x)
    _, vectors = np.linalg.eigh((x - mean).T @ (x - mean) / len(x))
    return mean, vectors.T[::-1][:k]


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
    params: list  # [(w, b), ..], an even number of them
    code: np.ndarray  # (n, m), codes that need not be anybody's


seeds = st.integers(0, 2**32 - 1)
HALVES, SHALLOW, DEEP = st.integers(1, 3), st.integers(1, 2), st.just(3)
SEVERAL, WIDE = sizes(2, 6), sizes(2, 6)


@st.composite
def networks(draw, half=HALVES, n=SEVERAL, width=WIDE):
    """Autoencoders of every depth, with biases that are not zero, no ReLU at its kink and a code that is not all zeros;
    images and codes as most are: several, of pixels from 0 to 1, and without negative entries."""
    layers = 2 * draw(half)
    widths = [draw(width) for _ in range(layers)]
    widths.append(widths[0])
    rng = np.random.default_rng(draw(seeds))
    params = [
        (rng.normal(0, 1.5 / np.sqrt(fan_in), (fan_in, fan_out)), rng.normal(0.3, 0.7, fan_out))
        for fan_in, fan_out in pairwise(widths)
    ]
    count = draw(n)
    net = Network(rng.random((count, widths[0])), params, rng.uniform(0, 2, (count, widths[layers // 2])))
    assume(no_kink(net) and (count == 0 or oracle_encode(net.x, params)[0].any()))
    return net


def no_kink(net):
    seen = [*oracle_encode(net.x, net.params)[1], *oracle_decode(net.code, net.params)[1]]
    seen += oracle_decode(oracle_encode(net.x, net.params)[0], net.params)[1]
    return all(np.abs(z).min(initial=1.0) > 1e-3 for z in seen)


@st.composite
def outside_the_usual(draw, half=HALVES):
    """Pixels below 0 and above 1, and codes of either sign."""
    net, rng = draw(networks(half)), np.random.default_rng(draw(seeds))
    net = net._replace(x=rng.normal(0.5, 1.5, net.x.shape), code=rng.normal(0, 1.5, net.code.shape))
    assume(no_kink(net))
    return net


FEW = networks(n=st.sampled_from([0, 1]))
NARROW = networks(width=st.sampled_from([1, 1, 2, 3]))

# The three passes, and what each depends on: reconstruct is decode(encode(x)) by contract.
PASSES = {
    "encode": ["test_codes_are_their_formula"],
    "decode": ["test_decoded_images_are_their_formula"],
    "reconstruct": ["test_reconstruct_is_decode_of_encode"],
}


def each_pass(worth):
    cases = [
        pytest.param(name, marks=[points(worth, problem="network"), needs(*laws)]) for name, laws in PASSES.items()
    ]
    return pytest.mark.parametrize("name", cases)


def ask_pass(student, name, net):
    return getattr(student, name)(net.code if name == "decode" else net.x, net.params)


def oracle_pass(name, net):
    if name == "encode":
        return oracle_encode(net.x, net.params)[0]
    if name == "decode":
        return logistic(oracle_decode(net.code, net.params)[0])
    return oracle_reconstruct(net.x, net.params)


# ------------------------------------------------------------------------------------------------------------- weights


def bound(w):
    return np.sqrt(6 / sum(w.shape))


def ask_initialize(student, widths, rng):
    """params, after their types, shapes and dtypes."""
    params = student.initialize(widths, rng)
    expected = [(np.zeros((fan_in, fan_out)), np.zeros(fan_out)) for fan_in, fan_out in pairwise(widths)]
    assert_close(params, expected, what="params", atol=np.inf)  # types and shapes alone
    return params


@points(2.5, problem="initialization")
@settings(max_examples=8)
@given(widths=st.sampled_from([[300, 20, 300], [20, 300, 20], [64, 90, 70, 80, 64], [2000, 2, 2000]]), rng=rngs())
def test_initialize_fills_each_layers_interval_evenly(student, widths, rng):
    """The weights of each layer are uniform on the whole of [-c, c], c = sqrt(6 / (fan_in + fan_out))."""
    for layer, (w, _) in enumerate(ask_initialize(student, widths, rng), 1):
        share = np.sort((w.ravel() / bound(w) + 1) / 2)  # uniform on [0, 1]
        check(share[0] >= 0 and share[-1] <= 1, f"a weight of layer {layer} lies outside [-c, c]")
        # Kolmogorov's distance; for 4000 draws and more it exceeds 0.055 once in 10,000,000,000 right answers.
        distance = np.abs(share - (np.arange(w.size) + 0.5) / w.size).max()
        check(distance <= 0.055, f"layer {layer} is not uniform on [-c, c] (Kolmogorov distance {distance:.3f})")


def assert_weights(params):
    """Within their bounds, and not all alike; biases are 0."""
    for layer, (w, b) in enumerate(params, 1):
        check((np.abs(w) <= bound(w)).all(), f"a weight of layer {layer} lies outside [-c, c]")
        check((b == 0).all(), f"a bias of layer {layer} is not 0")
    spread = [float(w.std()) for w, _ in params if w.size > 1]
    check(min(spread, default=1.0) > 0, "all weights of a layer are the same number")


@points(1, problem="initialization")
@settings(max_examples=15)
@given(seed=seeds, widths=st.tuples(sizes(2, 5), sizes(2, 5)))
def test_all_chance_comes_from_rng(student, seed, widths):
    """The same rng gives the same weights, and a second draw from it gives others."""
    widths = [widths[0], widths[1], widths[0]]
    first = ask_initialize(student, widths, np.random.default_rng(seed))
    assert_weights(first)
    rng = np.random.default_rng(seed)
    assert_equal(ask_initialize(student, widths, rng), first, what="the first draw")
    again = ask_initialize(student, widths, rng)
    check(not np.array_equal(again[0][0], first[0][0]), "a second draw from the same rng gives the same weights")


@points(0.5, problem="initialization")
@settings(max_examples=15)
@given(seed=seeds, widths=st.tuples(sizes(2, 5), sizes(2, 5)))
def test_each_layer_has_weights_of_its_own(student, seed, widths):
    """No layer repeats the weights of another, transposed or not: the decoder is not tied to the encoder."""
    params = ask_initialize(student, [widths[0], widths[1], widths[0]], np.random.default_rng(seed))
    assert_weights(params)
    (first, _), (second, _) = params
    check(not np.allclose(first.ravel(), second.ravel()), "two layers have the same weights")
    check(not np.allclose(first.T, second), "the decoder's weights are the encoder's, transposed")


@points(0.5, problem="initialization")
@settings(max_examples=10)
@given(d=sizes(2, 6), m=sizes(1, 4), bad=st.integers(-2, 0), more=sizes(1, 3), rng=rngs())
def test_impossible_widths_are_refused(student, d, m, bad, more, rng):
    """initialize raises ValueError for too few widths, for an even number of them, for widths below 1 and for images
    that are not as wide as their reconstructions; not for widths that do not mirror each other."""
    for widths in ([d], [d, d], [d, m, m, d], [d, bad, d], [bad, m, bad], [d, m, d + more], [d, m, m, m, d - 1]):
        with assert_raises(ValueError, what=f"initialize({widths})"):
            student.initialize(widths, rng)
    assert_weights(ask_initialize(student, [d, m, m + more, m + 2 * more, d], rng))


@points(0.5, problem="initialization")
@settings(max_examples=10)
@given(widths=st.sampled_from([[1, 1, 1], [5, 1, 5], [1, 4, 1], [3, 1, 2, 1, 3]]), rng=rngs())
def test_layers_of_one_unit_have_weights_too(student, widths, rng):
    """Widths of 1, of pixels, of the code or between, give weights of two axes and biases of one."""
    assert_weights(ask_initialize(student, widths, rng))


@points(1, problem="initialization")
@settings(max_examples=15)
@given(net=networks())
def test_parameters_are_all_weights_and_biases(student, net):
    """count_parameters is the number of all entries of all weights and biases."""
    fans = [np.shape(w) for w, _ in net.params]
    assert_equal(student.count_parameters(net.params), sum((i + 1) * o for i, o in fans), what="the count")


# ------------------------------------------------------------------------------------------------------------- network


@points(3.75, problem="network")
@settings(max_examples=30)
@given(net=networks())
def test_codes_are_their_formula(student, net):
    """encode is a_{L/2}, with a_l = relu(a_{l-1} w_l + b_l): any depth, biases, and a ReLU on the code itself."""
    assert_values(student.encode(net.x, net.params), oracle_pass("encode", net), "the code")


@points(3.75, problem="network")
@settings(max_examples=30)
@given(net=networks())
def test_decoded_images_are_their_formula(student, net):
    """decode is the last L/2 layers, with ReLUs between them and a sigmoid at the end."""
    assert_values(student.decode(net.code, net.params), oracle_pass("decode", net), "the images")


@points(3, problem="network")
@needs("test_codes_are_their_formula", "test_decoded_images_are_their_formula")
@settings(max_examples=20)
@given(net=networks())
def test_reconstruct_is_decode_of_encode(student, net):
    """reconstruct(x) = decode(encode(x)): all that it knows of an image are the m numbers of its code."""
    assert_values(student.reconstruct(net.x, net.params), oracle_pass("reconstruct", net), "the reconstruction")


@points(0.5, problem="network")
@needs("test_codes_are_their_formula")
@settings(max_examples=15)
@given(net=outside_the_usual())
def test_pixels_may_be_any_numbers(student, net):
    """encode takes pixels below 0 and above 1 as they are."""
    assert_values(student.encode(net.x, net.params), oracle_pass("encode", net), "the code")


@points(0.75, problem="network")
@needs("test_decoded_images_are_their_formula")
@settings(max_examples=15)
@given(net=outside_the_usual())
def test_codes_may_be_any_numbers(student, net):
    """decode takes negative codes as they are: the first thing that happens to a code is w_{L/2 + 1}."""
    assert_values(student.decode(net.code, net.params), oracle_pass("decode", net), "the images")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("decode", marks=[points(0.75, problem="network"), needs(*PASSES["decode"])]),
        pytest.param("reconstruct", marks=[points(0.25, problem="network"), needs(*PASSES["reconstruct"])]),
    ],
)
@settings(max_examples=15)
@given(net=networks(), far=st.sampled_from([800.0, 1e4]))
def test_huge_codes_become_black_and_white(student, name, net, far):
    """Where the sigmoid's inputs are as large as +-10000, the pixels that {name} gives are right, and never NaN."""
    z, _ = oracle_decode(net.code if name == "decode" else oracle_encode(net.x, net.params)[0], net.params)
    w, b = net.params[-1]
    scale = far / np.abs(z).max()
    driven = net._replace(params=[*net.params[:-1], (w * scale, b * scale)])
    assert_values(ask_pass(student, name, driven), logistic(z * scale), "the images")


@each_pass(0.25)
@settings(max_examples=12)
@given(net=FEW)
def test_one_image_or_none_keeps_both_axes(student, name, net):
    """{name} gives one row for one image or code, and for none an array of shape (0, m) or (0, d)."""
    assert_near(ask_pass(student, name, net), oracle_pass(name, net), f"what {name} gives")


@each_pass(0.25)
@settings(max_examples=12)
@given(net=NARROW)
def test_layers_of_one_unit_keep_both_axes(student, name, net):
    """{name} is right, in values and shape, where images have one pixel, codes one number, or layers one unit."""
    assert_near(ask_pass(student, name, net), oracle_pass(name, net), f"what {name} gives")


@each_pass(0.25)
@settings(max_examples=8)
@given(net=outside_the_usual())
def test_the_network_leaves_its_arguments_alone(student, name, net):
    """{name} changes neither images nor codes nor params."""
    before = snapshot(net.x, net.code, net.params)
    usual = net._replace(x=np.clip(net.x, 0.25, 0.75), code=np.abs(net.code))
    ask_pass(student, name, net)
    assert_unchanged((net.x, net.code, net.params), before, what="(x, code, params)")
    assert_values(ask_pass(student, name, usual), oracle_pass(name, usual), f"what {name} gives")


# ----------------------------------------------------------------------------------------------------------- gradients


def ask_loss(student, x, params):
    return items_of(student.loss_and_grads(x, params), "loss", "grads", what="loss_and_grads's answer")


def assert_loss(loss, x, params):
    assert_close(loss, oracle_loss(x, params), what="the loss", rtol=1e-9)


def ask_grads(student, x, params):
    """[[dw, db], ..] in whatever shapes: another law holds them."""
    grads = ask_loss(student, x, params)[1]
    check(isinstance(grads, (list, tuple)), f"grads is {describe(grads)}, expected a list of pairs", "wrong_type")
    check(len(grads) == len(params), f"there are gradients of {len(grads)} layers, not of {len(params)}", "wrong_shape")
    pairs = [items_of(pair, "dw", "db", what=f"grads[{layer}]") for layer, pair in enumerate(grads)]
    return values_of(pairs, params)


@points(3.5, problem="gradients")
@settings(max_examples=20)
@given(net=networks())
def test_the_loss_is_summed_over_pixels_and_images(student, net):
    """The loss is sum_i sum_j (r[i, j] - x[i, j])^2: no mean, no half, no root, and images against themselves."""
    assert_loss(ask_loss(student, net.x, net.params)[0], net.x, net.params)


@points(4, problem="gradients")
@settings(max_examples=20)
@given(net=networks(half=SHALLOW))
def test_gradients_of_weights_are_right(student, net):
    """dL/dw of every layer is right to nine digits, of networks with two and four layers."""
    grads, expected = ask_grads(student, net.x, net.params), oracle_grads(net.x, net.params)
    assert_near([dw for dw, _ in grads], [dw for dw, _ in expected], "dw of each layer")


@points(3, problem="gradients")
@settings(max_examples=20)
@given(net=networks(half=SHALLOW))
def test_gradients_of_biases_are_right(student, net):
    """dL/db of every layer is right to nine digits: one number a unit, summed over the images."""
    grads, expected = ask_grads(student, net.x, net.params), oracle_grads(net.x, net.params)
    assert_near([db for _, db in grads], [db for _, db in expected], "db of each layer")


@points(3.5, problem="gradients")
@settings(max_examples=15)
@given(net=networks(half=DEEP, width=sizes(2, 9)))
def test_gradients_of_deep_networks_are_exact(student, net):
    """All gradients of networks with six layers are right to nine digits: they pass every ReLU, and the code."""
    assert_near(ask_grads(student, net.x, net.params), oracle_grads(net.x, net.params), "grads")


shown_first = needs("test_gradients_of_weights_are_right", "test_gradients_of_biases_are_right")


@points(1, problem="gradients")
@shown_first
@settings(max_examples=15)
@given(net=networks(half=SHALLOW) | networks(half=SHALLOW, width=st.sampled_from([1, 2, 3])))
def test_gradients_have_the_shapes_of_their_params(student, net):
    """Every dw has the shape of its w, and every db that of its b, for layers of one unit, too."""
    _, grads = ask_loss(student, net.x, net.params)
    assert_near(grads, oracle_grads(net.x, net.params), "grads")


@points(0.5, problem="gradients")
@shown_first
@settings(max_examples=12)
@given(net=networks(half=SHALLOW, n=st.just(1), width=sizes(1, 4)))
def test_one_image_has_a_loss_and_gradients(student, net):
    """From one image too, the loss and every gradient are right, each in its shape."""
    loss, grads = ask_loss(student, net.x, net.params)
    assert_loss(loss, net.x, net.params)
    assert_near(grads, oracle_grads(net.x, net.params), "grads")


@points(0.5, problem="gradients")
@needs("test_the_loss_is_summed_over_pixels_and_images")
@shown_first
@settings(max_examples=12)
@given(net=outside_the_usual(half=SHALLOW))
def test_targets_may_be_any_numbers(student, net):
    """Pixels below 0 and above 1 are targets as they are, of the loss and of its gradients."""
    assert_loss(ask_loss(student, net.x, net.params)[0], net.x, net.params)
    assert_near(ask_grads(student, net.x, net.params), oracle_grads(net.x, net.params), "grads")


@points(0.75, problem="gradients")
@needs("test_the_loss_is_summed_over_pixels_and_images")
@settings(max_examples=12)
@given(net=networks(), far=st.sampled_from([800.0, 1e4]))
def test_saturated_pixels_pass_nothing_on(student, net, far):
    """Pixels driven to the sigmoid's ends pass no gradient on, and neither loss nor gradients become NaN."""
    w, b = net.params[-1]
    driven = [*net.params[:-1], (w, np.where(b > 0.3, far, -far))]
    assert_loss(ask_loss(student, net.x, driven)[0], net.x, driven)
    assert_near(ask_grads(student, net.x, driven), at_rest(driven), "grads")


@points(0.75, problem="gradients")
@shown_first
@settings(max_examples=12)
@given(net=networks(half=SHALLOW))
def test_an_image_that_opens_no_unit_teaches_only_the_bias(student, net):
    """Where all units of the code are shut, all gradients before it, and those of its weights, are exactly zero."""
    half = len(net.params) // 2
    shut = [(w, np.full_like(b, -1e3)) if layer == half - 1 else (w, b) for layer, (w, b) in enumerate(net.params)]
    grads, expected = ask_grads(student, net.x, shut), oracle_grads(net.x, shut)
    assert_equal(grads[:half], at_rest(shut[:half]), what="the encoder's grads")
    assert_close(grads[half][0], np.zeros_like(net.params[half][0]), what="dw of the layer after the code", atol=0)
    assert_near(grads[-1][1], expected[-1][1], "the last db")


@points(0.5, problem="gradients")
@settings(max_examples=10)
@given(net=networks())
def test_loss_and_grads_leaves_its_arguments_alone(student, net):
    """loss_and_grads changes neither x nor params."""
    before = snapshot(net.x, net.params)
    loss, _ = ask_loss(student, net.x, net.params)
    assert_unchanged((net.x, net.params), before, what="(x, params)")
    assert_loss(loss, net.x, net.params)


# ------------------------------------------------------------------------------------------------------------ training

RATES, MOMENTA = st.floats(0.001, 0.02), st.floats(0.1, 0.95)


def like(params, rng, scale):
    return [(rng.normal(0, scale, w.shape), rng.normal(0, scale, b.shape)) for w, b in params]


def ask_step(student, *args, **options):
    """(params, velocity)"""
    return items_of(student.momentum_step(*args, **options), "params", "velocity", what="momentum_step's answer")


def assert_step(student, params, velocity, grads, rate, momentum):
    """One step; returns both as the oracle has them."""
    expected = oracle_momentum(params, velocity, grads, rate, momentum)
    found = ask_step(student, params, velocity, grads, learning_rate=rate, momentum=momentum)
    assert_near(found[1], expected[1], "velocity")
    assert_near(found[0], expected[0], "params")
    return expected


@points(2.5, problem="training")
@settings(max_examples=15)
@given(net=networks(), seed=seeds, rate=st.floats(0.001, 2), momentum=MOMENTA, steps=sizes(1, 4))
def test_momentum_is_its_formula(student, net, seed, rate, momentum, steps):
    """m <- momentum m - learning_rate g, then p <- p + m with the new m, for every w and b, step after step."""
    rng = np.random.default_rng(seed)
    params, velocity = net.params, like(net.params, rng, 1.0)
    for _ in range(steps):
        params, velocity = assert_step(student, params, velocity, like(net.params, rng, 2.0), rate, momentum)


@points(0.25, problem="training")
@needs("test_momentum_is_its_formula")
@settings(max_examples=8)
@given(net=NARROW, seed=seeds, rate=st.floats(0.001, 2), momentum=st.sampled_from([0.0, 0.5]))
def test_a_step_without_momentum_is_plain(student, net, seed, rate, momentum):
    """With momentum 0 the step is plain gradient descent; arrays of one entry are stepped as others are."""
    rng = np.random.default_rng(seed)
    assert_step(student, net.params, like(net.params, rng, 1.0), like(net.params, rng, 2.0), rate, momentum)


@points(0.5, problem="training")
@settings(max_examples=10)
@given(net=networks(), seed=seeds, momentum=st.sampled_from([0.0, 0.5]))
def test_a_step_leaves_its_arguments_alone(student, net, seed, momentum):
    """momentum_step changes neither params nor velocity nor grads: both of its answers are new arrays."""
    rng = np.random.default_rng(seed)
    velocity, grads = like(net.params, rng, 1.0), like(net.params, rng, 1.0)
    before = snapshot(net.params, velocity, grads)
    expected = oracle_momentum(net.params, velocity, grads, 0.1, momentum)
    found = ask_step(student, net.params, velocity, grads, learning_rate=0.1, momentum=momentum)
    assert_unchanged((net.params, velocity, grads), before, what="(params, velocity, grads)")
    assert_near(found[0], expected[0], "params")


@points(0.5, problem="training")
@settings(max_examples=8)
@given(net=networks(), seed=seeds, bad=st.sampled_from([-0.5, -1e-3, 1.0, 1.5]))
def test_no_step_has_an_impossible_momentum(student, net, seed, bad):
    """momentum_step raises ValueError for a momentum that is negative, 1 or more, and for no other."""
    rng = np.random.default_rng(seed)
    velocity, grads = like(net.params, rng, 1.0), like(net.params, rng, 1.0)
    with assert_raises(ValueError, what=f"momentum_step with momentum {bad}"):
        student.momentum_step(net.params, velocity, grads, learning_rate=0.1, momentum=bad)
    assert_step(student, net.params, velocity, grads, 0.1, 0.9)


def ask_train(student, net, **options):
    """The trained params, after their types, shapes and dtypes."""
    usual = {
        "learning_rate": 0.01,
        "momentum": 0.5,
        "epochs": 1,
        "batch_size": len(net.x),
        "rng": np.random.default_rng(0),
    }
    trained = student.train(net.x, net.params, **{**usual, **options})
    assert_close(trained, net.params, what="the trained params", atol=np.inf)  # types and shapes alone
    return trained


def listen(student, net, epochs, **options):
    """(the trained params, [loss that log was told after each epoch])"""
    heard = Heard("loss")
    trained = ask_train(student, net, epochs=epochs, log=heard.log, **options)
    return trained, [loss for (loss,) in heard.epochs(epochs)]


def assert_trained(trained, expected, what="the trained params"):
    assert_close(trained, expected, what=what, rtol=1e-6, atol=1e-6)


def oracle_full(net, epochs, rate, momentum):
    """(params, losses) with all images in one batch."""
    params, velocity, losses = net.params, at_rest(net.params), []
    for _ in range(epochs):
        params, velocity, loss = oracle_epoch(net.x, params, velocity, [range(len(net.x))], rate, momentum)
        losses.append(loss)
    return params, losses


# train is gradient descent on that loss: by its contract it depends on the loss, on its gradients and on the step.
losses_first = needs("test_the_loss_is_summed_over_pixels_and_images")
learns_first = needs(
    "test_the_loss_is_summed_over_pixels_and_images",
    "test_gradients_of_weights_are_right",
    "test_gradients_of_biases_are_right",
    "test_gradients_of_deep_networks_are_exact",
    "test_momentum_is_its_formula",
)
CREEPING = 1e-12  # a learning rate at which nothing moves that could be seen


@points(4, problem="training")
@learns_first
@settings(max_examples=15)
@given(net=networks(), epochs=st.integers(1, 5), rate=RATES, momentum=MOMENTA)
def test_full_batches_follow_the_gradient_with_momentum(student, net, epochs, rate, momentum):
    """With all images in one batch, every epoch is one step with momentum; the velocity starts at 0 and is kept."""
    trained = ask_train(student, net, learning_rate=rate, momentum=momentum, epochs=epochs)
    assert_trained(trained, oracle_full(net, epochs, rate, momentum)[0])


@points(0.5, problem="training")
@learns_first
@settings(max_examples=10)
@given(net=networks(half=SHALLOW, n=sizes(1, 3)), more=sizes(1, 4), rate=RATES)
def test_one_image_or_a_batch_larger_than_all(student, net, more, rate):
    """One image is enough, and a batch_size above n is one batch of all."""
    trained = ask_train(student, net, learning_rate=rate, epochs=2, batch_size=len(net.x) + more)
    assert_trained(trained, oracle_full(net, 2, rate, 0.5)[0])


@points(0.5, problem="training")
@losses_first
@settings(max_examples=8)
@given(net=networks(half=SHALLOW), batch_size=sizes(1, 9))
def test_no_epochs_are_no_training(student, net, batch_size):
    """With epochs = 0 train returns params as they were, and log is not called; with one it hears the loss."""
    trained, _ = listen(student, net, 0, batch_size=batch_size)
    assert_trained(trained, net.params, "params after no epochs")
    _, (loss,) = listen(student, net, 1)
    assert_close(loss, oracle_loss(net.x, net.params) / len(net.x), what="the loss of one epoch", rtol=1e-6)


@points(0.5, problem="training")
@losses_first
@settings(max_examples=8)
@given(net=networks(half=SHALLOW), bad=st.sampled_from([-0.5, -1e-3, 1.0, 1.5]), size=st.integers(-2, 0))
def test_impossible_training_is_refused(student, net, bad, size):
    """train raises ValueError for a momentum that is negative, 1 or more, and for a batch_size below 1; for others it
    trains."""
    options = {"learning_rate": 0.01, "epochs": 1, "rng": np.random.default_rng(0)}
    with assert_raises(ValueError, what=f"train with momentum {bad}"):
        student.train(net.x, net.params, momentum=bad, batch_size=2, **options)
    with assert_raises(ValueError, what=f"train with batch_size {size}"):
        student.train(net.x, net.params, momentum=0.5, batch_size=size, **options)
    _, (loss,) = listen(student, net, 1)
    assert_close(loss, oracle_loss(net.x, net.params) / len(net.x), what="the loss of one epoch", rtol=1e-6)


@points(1.5, problem="training")
@losses_first
@settings(max_examples=15)
@given(net=networks(half=SHALLOW, n=sizes(3, 7)), batch_size=sizes(1, 3), epochs=st.integers(1, 3))
def test_log_hears_the_mean_loss_of_an_image(student, net, batch_size, epochs):
    """log(epoch, loss) is called after each epoch, from 1 on, with the mean over images, not over batches, of their
    squared errors, each summed over its pixels."""
    _, losses = listen(student, net, epochs, batch_size=batch_size, learning_rate=CREEPING)
    expected = oracle_loss(net.x, net.params) / len(net.x)
    for number, loss in enumerate(losses, 1):
        assert_close(loss, expected, what=f"the loss of epoch {number}", rtol=1e-6)


@points(0.75, problem="training")
@losses_first
@settings(max_examples=8)
@given(net=networks(half=SHALLOW, n=sizes(3, 6)))
def test_train_leaves_its_arguments_alone(student, net):
    """train changes neither the images, nor their order, nor the params that it starts from."""
    before = snapshot(net.x, net.params)
    _, losses = listen(student, net, 2, batch_size=2)
    assert_unchanged((net.x, net.params), before, what="(x, params)")
    _, losses = listen(student, net, 1)
    assert_close(losses[0], oracle_loss(net.x, net.params) / len(net.x), what="the loss of epoch 1", rtol=1e-6)


def flat(params):
    return np.concatenate([np.ravel(part) for pair in params for part in pair])


def partitions(n, batch_size):
    """Every way to cut n images into batches, once each: the order of batches counts, the order within one does not."""
    ways = {tuple(tuple(sorted(batch)) for batch in cut(order, batch_size)) for order in permutations(range(n))}
    return sorted(ways)


class Way(NamedTuple):
    """One of the ways that an rng may choose."""

    cuts: tuple  # how each epoch is cut into batches
    params: list  # reached at last
    losses: tuple  # what log hears


def ways_to_train(net, batch_size, rate, momentum, epochs):
    reached = [(Way((), net.params, ()), at_rest(net.params))]
    for _ in range(epochs):
        further = []
        for (way, velocity), cuts in product(reached, partitions(len(net.x), batch_size)):
            params, moving, loss = oracle_epoch(net.x, way.params, velocity, cuts, rate, momentum)
            further.append((Way((*way.cuts, cuts), params, (*way.losses, loss)), moving))
        reached = further
    return [way for way, _ in reached]


def way_taken(trained, ways):
    """The one that led to the trained params; there must be one."""
    found = flat(trained)
    distances = [float(np.abs(flat(way.params) - found).max()) for way in ways]
    off = min(distances)
    check(off <= 1e-7, f"no order of the images leads to these params; the nearest ones are {off:.2g} off")
    return ways[int(np.argmin(distances))]


SMALL = st.sampled_from([(3, 1), (3, 2), (4, 2), (4, 3)])  # (n, batch_size)


@st.composite
def small_networks(draw, case=SMALL):
    """(network, batch_size): few images, all different, and at most six ways to cut an epoch.

    One hidden layer that is open for all of them, so that no two ways lead to the same params.
    """
    n, batch_size = draw(case)
    rng = np.random.default_rng(draw(seeds))
    params = [(rng.normal(0, 0.5, (5, 3)), rng.uniform(3, 4, 3)), (rng.normal(0, 0.5, (3, 5)), rng.normal(0, 0.5, 5))]
    return Network(rng.random((n, 5)), params, rng.random((n, 3))), batch_size


@points(4, problem="training")
@learns_first
@settings(max_examples=12)
@given(case=small_networks(), epochs=st.integers(1, 2), momentum=st.floats(0.1, 0.9), rng=rngs())
def test_an_epoch_is_a_partition_of_the_images(student, case, epochs, momentum, rng):
    """In every epoch each image is in exactly one batch of batch_size, and the last batch holds what is left; each
    makes its step, and the velocity goes on: the params reached are those of one of the possible orders."""
    net, batch_size = case
    options = {"learning_rate": 0.02, "momentum": momentum, "epochs": epochs, "batch_size": batch_size}
    trained = ask_train(student, net, rng=rng, **options)
    way_taken(trained, ways_to_train(net, batch_size, 0.02, momentum, epochs))


@points(0.5, problem="training")
@needs("test_an_epoch_is_a_partition_of_the_images", "test_log_hears_the_mean_loss_of_an_image")
@settings(max_examples=8)
@given(case=small_networks(), rng=rngs())
def test_log_hears_losses_before_the_steps(student, case, rng):
    """Each image's loss is taken before the step on its batch, with the params of that moment."""
    net, batch_size = case
    trained, losses = listen(student, net, 2, learning_rate=0.1, batch_size=batch_size, rng=rng)
    way = way_taken(trained, ways_to_train(net, batch_size, 0.1, 0.5, 2))
    for number, (loss, right) in enumerate(zip(losses, way.losses, strict=True), 1):
        assert_close(loss, right, what=f"the loss of epoch {number}", rtol=1e-6)


@points(2, problem="training")
@needs("test_an_epoch_is_a_partition_of_the_images")
@settings(max_examples=1)
@given(cases=st.tuples(small_networks(case=st.just((3, 1))), small_networks(case=st.just((4, 2)))), seed=seeds)
def test_every_epoch_has_an_order_of_its_own(student, cases, seed):
    """All orders of the images occur, in the first epoch and in the second, and the two are drawn apart."""
    for net, batch_size in cases:
        ways = ways_to_train(net, batch_size, 0.1, 0.5, epochs=2)
        options = {"learning_rate": 0.1, "epochs": 2, "batch_size": batch_size}
        taken = [
            way_taken(ask_train(student, net, rng=np.random.default_rng([seed, i]), **options), ways)
            for i in range(150)
        ]
        # Of six equally likely ways, one is missing from 150 draws once in 100,000,000,000 right answers.
        for epoch in (0, 1):
            count = len({way.cuts[epoch] for way in taken})
            check(count == 6, f"epoch {epoch + 1} only ever takes {count} of 6 ways to cut {len(net.x)} images")
        same = sum(first == second for first, second in (way.cuts for way in taken))
        check(same < 75, f"in {same} of 150 runs the second epoch repeats the first one, expected about 25")


@points(0.75, problem="training")
@needs("test_an_epoch_is_a_partition_of_the_images")
@settings(max_examples=8)
@given(case=small_networks(), seed=seeds)
def test_the_same_rng_trains_the_same_network(student, case, seed):
    """Orders come from rng alone: the same one trains the same network."""
    net, batch_size = case
    options = {"learning_rate": 0.1, "epochs": 2, "batch_size": batch_size}
    first, again = (ask_train(student, net, rng=np.random.default_rng(seed), **options) for _ in range(2))
    way = way_taken(first, ways_to_train(net, batch_size, 0.1, 0.5, 2))
    assert_trained(again, way.params, "the params of the same order")


@points(0.25, problem="training")
@learns_first
@settings(max_examples=5)
@given(net=networks(half=SHALLOW), rate=RATES, momentum=st.floats(0.5, 0.95))
def test_the_next_call_begins_at_rest(student, net, rate, momentum):
    """The velocity lives as long as the call: a second call of train does what the first one did."""
    for which in ("the first call", "the second call"):
        trained = ask_train(student, net, learning_rate=rate, momentum=momentum, epochs=3)
        assert_trained(trained, oracle_full(net, 3, rate, momentum)[0], f"the params of {which}")


WIDTHS = [256, 32, 32, 32, 256]
RECIPE = {"learning_rate": 3e-4, "momentum": 0.9, "epochs": 100, "batch_size": 16}
BAR = 18.8  # decibels; measured: see calibration.json


class Lesson(NamedTuple):
    """What a training gets, and what only the judge keeps: `held_out`, `labels` and how to see a row as a picture."""

    x: np.ndarray
    params: list
    held_out: np.ndarray
    labels: np.ndarray
    upright: Callable


def letters(seed):
    """36 letters that nobody has seen, 16x16, the pixels in an order of the judge's own: a dense network cannot tell,
    but weights that were brought along are lost."""
    made = datasets.alphabet(seed, classes=36, sizes=(1080, 468), side=16, scattered=True)
    params = oracle_initialize(WIDTHS, np.random.default_rng([seed, 1]))
    return Lesson(made.train.x, params, made.held_out.x, made.held_out.y, made.upright)


def learning(module, lesson, *, device, seed, log):
    return module.train(lesson.x, lesson.params, rng=np.random.default_rng(seed), log=log, **RECIPE)


def through_32_numbers(lesson, params):
    """The judge's reconstructions of the held-out pictures by trained params: nothing but 32 numbers of each comes
    through. With a wider middle these are no answer."""
    assert_shaped_like(params, lesson.params, what="the trained params")
    return oracle_reconstruct(lesson.held_out, params)


def decibels(lesson, params):
    return float(oracle_psnr(lesson.held_out, through_32_numbers(lesson, params)).mean())


@points(4, problem="training")
@limits(seconds=180, test_seconds=240)
@learns_first
@needs("test_an_epoch_is_a_partition_of_the_images")
def test_the_network_draws_characters_again(training, record):
    """Trained on 36 letters that nobody has seen before, 256-32-32-32-256 reproduces other pictures of them as well as
    it should; what the nearest training picture would reach is far below."""
    kept = []

    def measure(lesson, params):
        kept.append(lesson)
        return decibels(lesson, params)

    run = training.run(learning, letters, measure, series=("loss",), title="Squared error of a training image")
    (lesson,) = kept
    mean, components = oracle_pca(lesson.x, 32)
    rows = {
        "originals": lesson.held_out,
        "autoencoder": through_32_numbers(lesson, run.answer),
        "PCA, 32": mean + (lesson.held_out - mean) @ components.T @ components,
    }
    best = oracle_psnr(lesson.held_out, rows["PCA, 32"]).mean()
    record.number("Measured by the grader", "PCA with 32 numbers reaches", float(best), unit="dB")
    shown = [int(np.flatnonzero(lesson.labels == label)[0]) for label in range(10)]
    pictures = {name: list(1 - lesson.upright(images[shown])) for name, images in rows.items()}
    record.images("Letters, and what 32 numbers keep of them", pictures)
    training.reaches(BAR, name="average PSNR of other pictures of the letters", unit="dB")


# ---------------------------------------------------------------------------------------------------------------- psnr


IMAGES, PIXELS = sizes(2, 5), sizes(2, 8)


@st.composite
def image_pairs(draw, n=IMAGES, d=PIXELS):
    """(a, b): images and others that differ from them in every pixel."""
    shape = (draw(n), draw(d))
    rng = np.random.default_rng(draw(seeds))
    a = rng.random(shape)
    return a, a + rng.uniform(0.1, 1, shape) * rng.choice([-1, 1], shape) * rng.uniform(0.1, 1, (shape[0], 1))


def assert_psnr(found, expected, what="psnr"):
    assert_close(values_of(found, expected), expected, what=what, rtol=1e-9, atol=1e-9)


@points(2.5, problem="psnr")
@settings(max_examples=20)
@given(pair=image_pairs())
def test_psnr_is_its_formula_for_every_image(student, pair):
    """psnr[i] = 10 log10(1 / mse[i]), in decibels, one number for each image and each from its own mse."""
    assert_psnr(student.psnr(*pair), oracle_psnr(*pair))


@points(1, problem="psnr")
@settings(max_examples=12)
@given(pair=image_pairs(), peak=st.sampled_from([0.5, 2.5, 255, 255.0]))
def test_the_peak_is_squared(student, pair, peak):
    """psnr[i] = 10 log10(peak^2 / mse[i]) for every peak, whatever the images' own greatest pixels are."""
    assert_psnr(student.psnr(*pair, peak=peak), oracle_psnr(*pair, peak))


@points(0.5, problem="psnr")
@settings(max_examples=10)
@given(pair=image_pairs())
def test_a_tenth_of_the_error_is_twenty_decibels_more(student, pair):
    """An error ten times as small has 20 dB more."""
    a, b = pair
    assert_close(student.psnr(a, a + (b - a) / 10), oracle_psnr(a, b) + 20, what="psnr", rtol=1e-7)


@points(0.75, problem="psnr")
@needs("test_psnr_is_its_formula_for_every_image")
@settings(max_examples=12)
@given(pair=image_pairs(), which=st.lists(st.booleans(), min_size=5, max_size=5))
def test_only_identical_images_have_infinite_psnr(student, pair, which):
    """psnr is +infinity, exactly, for images that are identical, and what it was for the others beside them."""
    a, b = pair
    same = np.array(which[: len(a)])
    same[0], same[-1] = True, False
    b[same] = a[same]
    assert_psnr(student.psnr(a, b), oracle_psnr(a, b))


@points(0.5, problem="psnr")
@needs("test_psnr_is_its_formula_for_every_image")
@settings(max_examples=12)
@given(pair=image_pairs(n=sizes(0, 1)) | image_pairs(d=sizes(1, 1)))
def test_psnr_is_one_number_an_image(student, pair):
    """psnr has the shape (n,), for one image, for none, and for images of one pixel."""
    assert_close(student.psnr(*pair), oracle_psnr(*pair), what="psnr", rtol=1e-9, atol=1e-9)


@points(0.5, problem="psnr")
@needs("test_psnr_is_its_formula_for_every_image")
@settings(max_examples=8)
@given(pair=image_pairs())
def test_psnr_is_float64(student, pair):
    """psnr of float32 images is float64, and of the precision of float64."""
    a, b = (side.astype(np.float32) for side in pair)
    assert_psnr(student.psnr(a, b), oracle_psnr(a, b))


@points(0.75, problem="psnr")
@needs("test_the_peak_is_squared")
@settings(max_examples=12)
@given(seed=seeds, n=sizes(2, 4), d=sizes(2, 8), dtype=st.sampled_from([np.uint8, np.int64]))
def test_psnr_of_bytes_is_that_of_their_numbers(student, seed, n, d, dtype):
    """Pixels from 0 to 255, as bytes too, have with peak 255 the psnr of the same pixels divided by 255 with peak 1."""
    a, b = np.random.default_rng(seed).integers(0, 256, (2, n, d)).astype(dtype)
    assume((a != b).any(axis=1).all())
    assert_psnr(student.psnr(a, b, peak=255), oracle_psnr(a / 255, b / 255))


@points(0.75, problem="psnr")
@settings(max_examples=10)
@given(pair=image_pairs())
def test_psnr_is_symmetric_and_only_looks(student, pair):
    """psnr(a, b) = psnr(b, a), and neither is changed."""
    a, b = pair
    before = snapshot(a, b)
    first = student.psnr(a, b)
    assert_unchanged((a, b), before, what="(a, b)")
    assert_psnr(first, oracle_psnr(a, b), what="psnr(a, b)")
    assert_psnr(student.psnr(b, a), oracle_psnr(a, b), what="psnr(b, a)")


@points(0.75, problem="psnr")
@settings(max_examples=10)
@given(pair=image_pairs())
def test_images_of_different_shapes_are_refused(student, pair):
    """psnr raises ValueError if a and b differ in shape, also where numpy would broadcast one to the other, and only
    then."""
    a, b = pair
    for other in (b[:1], b[:, :1], b[:-1], b[0]):
        with assert_raises(ValueError, what=f"psnr of images of shape {a.shape} and {other.shape}"):
            student.psnr(a, other)
        with assert_raises(ValueError, what=f"psnr of images of shape {other.shape} and {a.shape}"):
            student.psnr(other, a)
    assert_psnr(student.psnr(a, b), oracle_psnr(a, b))


# ----------------------------------------------------------------------------------------------------------------- pca


class Cloud(NamedTuple):
    x: np.ndarray  # (n, d)
    mean: np.ndarray  # (d,)
    directions: np.ndarray  # (r, d), orthonormal, in the order of falling variance
    k: int  # at most r


MORE_IMAGES = st.tuples(sizes(5, 9), sizes(2, 4))  # (n, d), d <= n - 1
MORE_PIXELS = st.tuples(sizes(3, 5), sizes(5, 9))
FEWEST = st.sampled_from([(2, 1), (2, 5), (6, 1)])


def above_one(r):
    return sizes(min(2, r), r)


@st.composite
def clouds(draw, shape=MORE_IMAGES, k=above_one):
    """Images built from directions that are known: x = mean + U diag(spread) V^T, each column of U without a mean."""
    n, d = draw(shape)
    r = min(n - 1, d)
    rng = np.random.default_rng(draw(seeds))
    u = np.linalg.qr(np.hstack([np.ones((n, 1)), rng.normal(size=(n, r))]))[0][:, 1:]
    v = np.linalg.qr(rng.normal(size=(d, d)))[0][:r]
    spread = 4.0 * 0.6 ** np.arange(r) * rng.uniform(0.9, 1.1, r)
    mean = rng.normal(0, 2, d)
    return Cloud(mean + (u * spread) @ v, mean, v, draw(k(r)))


@st.composite
def any_images(draw):
    """(x, k): images at random, each pixel with a spread of its own, and how many components to ask for."""
    n, d = draw(sizes(4, 9)), draw(sizes(2, 6))
    rng = np.random.default_rng(draw(seeds))
    return rng.normal(1, 1, (n, d)) * np.arange(1, d + 1), draw(above_one(min(n - 1, d)))


def ask_pca(student, x, k):
    """(mean, components), after their types and dtypes, in the promised shapes: another law holds these."""
    answer = items_of(student.pca(x, k), "mean", "components", what="pca's answer")
    found = []
    for what, part, shape in (("mean", answer[0], x.shape[1:]), ("components", answer[1], (k, x.shape[1]))):
        found.append(values_of(part, np.zeros(shape)))
        assert_close(found[-1], np.zeros(shape), what=what, atol=np.inf)
    return found


def assert_components(found, expected):
    """Up to their signs."""
    signs = np.where(np.einsum("kd,kd->k", found, expected) < 0, -1.0, 1.0)
    assert_close(found, signs[:, None] * expected, what="components", rtol=1e-8, atol=1e-8)


@points(3.25, problem="pca")
@settings(max_examples=20)
@given(cloud=clouds())
def test_pca_finds_the_directions_that_images_were_made_from(student, cloud):
    """pca gives the k directions of greatest variance as rows, in falling order, up to their signs."""
    assert_components(ask_pca(student, cloud.x, cloud.k)[1], cloud.directions[: cloud.k])


@points(0.5, problem="pca")
@settings(max_examples=10)
@given(cloud=clouds())
def test_pca_gives_the_mean_image(student, cloud):
    """pca gives the mean of every pixel over the images."""
    assert_near(ask_pca(student, cloud.x, cloud.k)[0], cloud.mean, "the mean")


@points(0.5, problem="pca")
@needs("test_pca_finds_the_directions_that_images_were_made_from")
@settings(max_examples=12)
@given(cloud=clouds(MORE_PIXELS) | clouds(FEWEST))
def test_there_may_be_more_pixels_than_images(student, cloud):
    """pca is right for more pixels than images, for two images, and for images of one pixel."""
    assert_components(ask_pca(student, cloud.x, cloud.k)[1], cloud.directions[: cloud.k])


@points(0.25, problem="pca")
@needs("test_pca_finds_the_directions_that_images_were_made_from", "test_pca_gives_the_mean_image")
@settings(max_examples=10)
@given(cloud=clouds(k=lambda r: st.just(1)) | clouds())
def test_pca_keeps_the_promised_shapes(student, cloud):
    """The mean is (d,) and components are (k, d), for a single component, too."""
    mean, components = items_of(student.pca(cloud.x, cloud.k), "mean", "components", what="pca's answer")
    assert_near(mean, cloud.mean, "the mean")
    expected = cloud.directions[: cloud.k]
    assert_close(components, expected, what="components", atol=np.inf)  # type and shape alone
    assert_components(components, expected)


@points(0.5, problem="pca")
@settings(max_examples=12)
@given(case=any_images())
def test_components_are_orthonormal(student, case):
    """components components^T = 1: rows of length 1 at right angles."""
    _, components = ask_pca(student, *case)
    assert_near(np.einsum("kd,ld->kl", components, components), np.eye(case[1]), "components components^T")


@points(1.25, problem="pca")
@settings(max_examples=15)
@given(case=any_images())
def test_no_other_projection_loses_less(student, case):
    """What mean + (x - mean) C^T C loses of the images is the sum of the variances left out: the least that any can."""
    x, k = case
    mean, components = ask_pca(student, x, k)
    lost = x - mean - np.einsum("nd,kd,ke->ne", x - mean, components, components)
    centred = x - np.einsum("nd->d", x) / len(x)
    variances = np.sort(np.linalg.eigvalsh(np.einsum("nd,ne->de", centred, centred)))
    scale, least = float(variances.sum()), float(variances[: x.shape[1] - k].sum())
    assert_close(float(np.sum(lost**2)), least, what="the loss", rtol=1e-8, atol=1e-9 * scale)


@points(0.25, problem="pca")
@settings(max_examples=6)
@given(cloud=clouds())
def test_pca_leaves_the_images_alone(student, cloud):
    """pca does not change the images."""
    before = snapshot(cloud.x)
    mean, _ = ask_pca(student, cloud.x, cloud.k)
    assert_unchanged(cloud.x, before, what="x")
    assert_near(mean, cloud.mean, "the mean")


@points(0.5, problem="pca")
@settings(max_examples=10)
@given(cloud=clouds(), bad=st.integers(-2, 0), more=sizes(1, 3))
def test_impossible_numbers_of_components_are_refused(student, cloud, bad, more):
    """pca raises ValueError for k below 1 and for k above min(n - 1, d), and for no other."""
    n, d = cloud.x.shape
    for x, k in ((cloud.x, bad), (cloud.x, d + more), (cloud.x[: d - 1], d - 2 + more)):
        with assert_raises(ValueError, what=f"pca of {len(x)} images of {d} pixels with k = {k}"):
            student.pca(x, k)
    assert_near(ask_pca(student, cloud.x, min(n - 1, d))[0], cloud.mean, "the mean")


class Projection(NamedTuple):
    x: np.ndarray  # (n, d)
    mean: np.ndarray  # (d,)
    components: np.ndarray  # (k, d)
    code: np.ndarray  # (n, k)


SOME, ABOVE_ONE, MANY = sizes(2, 5), sizes(2, 7), st.floats(0.3, 1)


@st.composite
def projections(draw, n=SOME, d=ABOVE_ONE, few=MANY):
    """Images and codes, and a mean and components that are those of others.   few : the share of components kept."""
    count, width, share = draw(n), draw(d), draw(few)
    rng = np.random.default_rng(draw(seeds))
    k = 1 + int(share * (width - 1))
    components = np.ascontiguousarray(np.linalg.qr(rng.normal(size=(width, width)))[0][:k])
    return Projection(
        rng.normal(0.5, 1, (count, width)), rng.normal(0.5, 1, width), components, rng.normal(0, 2, (count, k))
    )


def encoded(p):
    return np.einsum("nd,kd->nk", p.x - p.mean, p.components)


def decoded(p):
    return np.einsum("nk,kd->nd", p.code, p.components) + p.mean


@points(0.75, problem="pca")
@settings(max_examples=15)
@given(p=projections())
def test_pca_codes_are_projections_of_images_without_their_mean(student, p):
    """pca_encode is (x - mean) C^T, with the mean that is given."""
    assert_values(student.pca_encode(p.x, p.mean, p.components), encoded(p), "the codes")


@points(0.75, problem="pca")
@settings(max_examples=15)
@given(p=projections())
def test_pca_images_are_sums_of_components(student, p):
    """pca_decode is mean + code C, with the mean that is given; nothing is clipped."""
    assert_values(student.pca_decode(p.code, p.mean, p.components), decoded(p), "the images")


ODD = projections(n=sizes(0, 1)) | projections(d=sizes(1, 2)) | projections(few=st.just(0.0))


@points(0.25, problem="pca")
@needs("test_pca_codes_are_projections_of_images_without_their_mean", "test_pca_images_are_sums_of_components")
@settings(max_examples=15)
@given(p=ODD)
def test_pca_keeps_both_axes(student, p):
    """pca_encode and pca_decode keep both axes, for one image, for none, for one component, and for one pixel."""
    assert_near(student.pca_encode(p.x, p.mean, p.components), encoded(p), "the codes")
    assert_near(student.pca_decode(p.code, p.mean, p.components), decoded(p), "the images")


@points(0.25, problem="pca")
@settings(max_examples=6)
@given(p=projections())
def test_projecting_leaves_its_arguments_alone(student, p):
    """Neither pca_encode nor pca_decode changes an argument."""
    before = snapshot(*p)
    codes, images = student.pca_encode(p.x, p.mean, p.components), student.pca_decode(p.code, p.mean, p.components)
    assert_unchanged(tuple(p), before, what="(x, mean, components, code)")
    assert_values(codes, encoded(p), "the codes")
    assert_values(images, decoded(p), "the images")
