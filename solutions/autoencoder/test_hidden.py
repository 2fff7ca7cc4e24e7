"""Hidden tests of `autoencoder`: laws over random networks, judged by an oracle that shares no formula with a solution.

The oracle below keeps what goes into every ReLU and takes derivatives from that, with hyperbolic functions for the
sigmoid; solutions work from outputs. Networks are drawn by shape and seed, their halves no mirror images of each other,
so that no weight or bias is ever 0, 1 or equal to another by accident, and no ReLU sits at its kink. For PCA, pictures
are built from known directions, so that the right answer needs no eigenvectors at all.
"""

from collections.abc import Callable
from itertools import pairwise, permutations, product
from typing import NamedTuple

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from autograder import datasets
from autograder.testing import (
    assert_close,
    assert_equal,
    assert_gradient,
    assert_raises,
    assert_shaped_like,
    assert_unchanged,
    check,
    limits,
    needs,
    points,
    rngs,
    sizes,
    snapshot,
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


# -------------------------------------------------------------------------------------------------- what tests draw


class Network(NamedTuple):
    x: np.ndarray  # (n, d)
    params: list  # [(w, b), ..], an even number of them
    code: np.ndarray  # (n, m), codes that need not be anybody's


HALVES, COUNTS = st.integers(1, 3), sizes(1, 6)


@st.composite
def networks(draw, half=HALVES, n=COUNTS, widest=6):
    """Autoencoders of every depth and shape, with biases that are not zero and no ReLU at its kink."""
    layers = 2 * draw(half)
    widths = [draw(sizes(1, widest)) for _ in range(layers)]
    widths.append(widths[0])
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    params = [
        (rng.normal(0, 1.5 / np.sqrt(fan_in), (fan_in, fan_out)), rng.normal(0.3, 0.7, fan_out))
        for fan_in, fan_out in pairwise(widths)
    ]
    count = draw(n) if isinstance(n, st.SearchStrategy) else n
    net = Network(rng.normal(0.5, 0.7, (count, widths[0])), params, rng.normal(0, 1.5, (count, widths[layers // 2])))
    seen = [*oracle_encode(net.x, params)[1], *oracle_decode(net.code, params)[1]]
    seen += oracle_decode(oracle_encode(net.x, params)[0], params)[1]
    assume(all(np.abs(z).min(initial=1.0) > 1e-3 for z in seen))
    return net


def ask_loss(student, x, params):
    answer = student.loss_and_grads(x, params)
    check(
        type(answer) in (list, tuple) and len(answer) == 2,
        "loss_and_grads does not return a pair (loss, grads)",
        "wrong_type",
    )
    return answer


# ------------------------------------------------------------------------------------------------------------- weights


@points(2, problem="initialization")
@settings(max_examples=10)
@given(widths=st.sampled_from([[300, 20, 300], [20, 300, 20], [64, 90, 70, 80, 64], [2000, 2, 2000]]), rng=rngs())
def test_initialize_fills_each_layers_interval_evenly(student, widths, rng):
    """The weights of each layer are uniform on the whole of [-c, c], c = sqrt(6 / (fan_in + fan_out)); biases are 0."""
    params = student.initialize(widths, rng)
    fans = list(pairwise(widths))
    check(type(params) in (list, tuple) and len(params) == len(fans), "params is no list of L pairs", "wrong_shape")
    for layer, ((w, b), (fan_in, fan_out)) in enumerate(zip(params, fans, strict=True), 1):
        assert_close(b, np.zeros(fan_out), what=f"the biases of layer {layer}", atol=0)
        check(type(w) is np.ndarray and w.dtype == np.float64, f"w of layer {layer} is no float64 array", "wrong_type")
        check(w.shape == (fan_in, fan_out), f"w of layer {layer} has the shape {w.shape}", "wrong_shape")
        share = np.sort((w.ravel() / np.sqrt(6 / (fan_in + fan_out)) + 1) / 2)  # uniform on [0, 1]
        check(share[0] >= 0 and share[-1] <= 1, f"a weight of layer {layer} lies outside [-c, c]")
        # Kolmogorov's distance; for 4000 draws and more it exceeds 0.055 once in 10,000,000,000 right answers.
        distance = np.abs(share - (np.arange(w.size) + 0.5) / w.size).max()
        check(distance <= 0.055, f"layer {layer} is not uniform on [-c, c] (Kolmogorov distance {distance:.3f})")


@points(2, problem="initialization")
@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), widths=st.tuples(sizes(2, 5), sizes(2, 5)))
def test_all_chance_comes_from_rng(student, seed, widths):
    """The same rng gives the same weights, a second draw from it gives others, and no layer repeats another's draw."""
    widths = [widths[0], widths[1], widths[0]]
    first = student.initialize(widths, np.random.default_rng(seed))
    rng = np.random.default_rng(seed)
    assert_equal(student.initialize(widths, rng), first, what="the first draw")
    again = student.initialize(widths, rng)
    check(not np.array_equal(again[0][0], first[0][0]), "a second draw from the same rng gives the same weights")
    check(not np.allclose(first[0][0].ravel(), first[1][0].ravel()), "two layers have the same weights")
    check(not np.allclose(first[0][0].T, first[1][0]), "the decoder's weights are the encoder's, transposed")


@points(1, problem="initialization")
@settings(max_examples=25)
@given(d=sizes(2, 6), m=sizes(1, 4), bad=st.integers(-2, 0), more=sizes(1, 3), rng=rngs())
def test_impossible_widths_are_refused(student, d, m, bad, more, rng):
    """initialize raises ValueError for too few widths, for an even number of them, for widths below 1 and for images
    that are not as wide as their reconstructions."""
    for widths in ([d], [d, d], [d, m, m, d], [d, bad, d], [bad, m, bad], [d, m, d + more], [d, m, m, m, d - 1]):
        with assert_raises(ValueError, what=f"initialize({widths})"):
            student.initialize(widths, rng)


@points(1, problem="initialization")
@settings(max_examples=25)
@given(net=networks(n=1))
def test_parameters_are_all_weights_and_biases(student, net):
    """count_parameters is the number of all entries of all weights and biases."""
    fans = [np.shape(w) for w, _ in net.params]
    assert_equal(student.count_parameters(net.params), sum((i + 1) * o for i, o in fans), what="the count")


# ------------------------------------------------------------------------------------------------------------- network


@points(4, problem="network")
@given(net=networks())
def test_codes_are_their_formula(student, net):
    """encode is a_{L/2}, with a_l = relu(a_{l-1} w_l + b_l): any widths, biases, and a ReLU on the code itself."""
    assert_near(student.encode(net.x, net.params), oracle_encode(net.x, net.params)[0], "the code")


@points(4, problem="network")
@given(net=networks())
def test_decoded_images_are_their_formula(student, net):
    """decode is the last L/2 layers, ReLUs between them and a sigmoid at the end, for codes of any sign."""
    assert_near(student.decode(net.code, net.params), logistic(oracle_decode(net.code, net.params)[0]), "the images")


@points(3, problem="network")
@needs("test_codes_are_their_formula", "test_decoded_images_are_their_formula")
@settings(max_examples=30)
@given(net=networks())
def test_reconstruct_is_decode_of_encode(student, net):
    """reconstruct(x) = decode(encode(x)): all that it knows of an image are the m numbers of its code."""
    assert_near(student.reconstruct(net.x, net.params), oracle_reconstruct(net.x, net.params), "the reconstruction")
    through = student.decode(student.encode(net.x, net.params), net.params)
    assert_near(through, oracle_reconstruct(net.x, net.params), "decode(encode(x))")


@points(1, problem="network")
@settings(max_examples=25)
@given(net=networks(), far=st.sampled_from([800.0, 1e4]))
def test_huge_codes_become_black_and_white(student, net, far):
    """Where the sigmoid's inputs are as large as +-10000, pixels are right, and never NaN."""
    z = oracle_decode(net.code, net.params)[0]
    w, b = net.params[-1]
    scale = far / np.abs(z).max()
    driven = [*net.params[:-1], (w * scale, b * scale)]
    assert_near(student.decode(net.code, driven), logistic(z * scale), "the images")


@points(1, problem="network")
@settings(max_examples=25)
@given(net=networks(n=st.sampled_from([0, 1])))
def test_one_image_or_none_keeps_both_axes(student, net):
    """(1, d) becomes (1, m) and (1, d) again, and no images at all, (0, d), become (0, m) and (0, d)."""
    assert_near(student.encode(net.x, net.params), oracle_encode(net.x, net.params)[0], "the code")
    assert_near(student.decode(net.code, net.params), logistic(oracle_decode(net.code, net.params)[0]), "the images")
    assert_near(student.reconstruct(net.x, net.params), oracle_reconstruct(net.x, net.params), "the reconstruction")


@points(2, problem="network")
@settings(max_examples=25)
@given(net=networks())
def test_the_network_leaves_its_arguments_alone(student, net):
    """encode, decode and reconstruct change neither images nor codes nor params."""
    before = snapshot(net.x, net.code, net.params)
    student.encode(net.x, net.params)
    assert_unchanged((net.x, net.code, net.params), before, what="(x, code, params), by encode,")
    student.decode(net.code, net.params)
    assert_unchanged((net.x, net.code, net.params), before, what="(x, code, params), by decode,")
    student.reconstruct(net.x, net.params)
    assert_unchanged((net.x, net.code, net.params), before, what="(x, code, params), by reconstruct,")


# ----------------------------------------------------------------------------------------------------------- gradients


def loss_with(net, layer, part, array):
    """The loss with one of the params replaced."""
    params = [list(pair) for pair in net.params]
    params[layer][part] = array
    return oracle_loss(net.x, params)


@points(3, problem="gradients")
@given(net=networks())
def test_the_loss_is_summed_over_pixels_and_images(student, net):
    """The loss is sum_i sum_j (r[i, j] - x[i, j])^2: no mean, no half, no root, and images against themselves."""
    loss, _ = ask_loss(student, net.x, net.params)
    assert_close(loss, oracle_loss(net.x, net.params), what="the loss", rtol=1e-9, any_float=True)


@points(4, problem="gradients")
@settings(max_examples=20)
@given(net=networks(n=sizes(1, 4), widest=4))
def test_weight_gradients_agree_with_differences(student, net):
    """dL/dw of every layer agrees with central differences of L."""
    _, grads = ask_loss(student, net.x, net.params)
    for layer, (w, _) in enumerate(net.params):
        assert_gradient(
            lambda w, layer=layer: loss_with(net, layer, 0, w), w, grads[layer][0], what=f"dw of layer {layer + 1}"
        )


@points(3, problem="gradients")
@settings(max_examples=20)
@given(net=networks(n=sizes(1, 4), widest=4))
def test_bias_gradients_agree_with_differences(student, net):
    """dL/db of every layer agrees with central differences of L: one number a unit, summed over the images."""
    _, grads = ask_loss(student, net.x, net.params)
    for layer, (_, b) in enumerate(net.params):
        assert_gradient(
            lambda b, layer=layer: loss_with(net, layer, 1, b), b, grads[layer][1], what=f"db of layer {layer + 1}"
        )


@points(4, problem="gradients")
@settings(max_examples=30)
@given(net=networks(n=sizes(2, 8), widest=9))
def test_gradients_of_deep_networks_are_exact(student, net):
    """All gradients, of networks with two to six layers, are right to nine digits."""
    _, grads = ask_loss(student, net.x, net.params)
    assert_near(grads, oracle_grads(net.x, net.params), "grads")


@points(1, problem="gradients")
@settings(max_examples=25)
@given(net=networks(n=1))
def test_gradients_of_one_image_keep_their_shapes(student, net):
    """From one image too, every dw and db is right and has the shape of its w and b."""
    _, grads = ask_loss(student, net.x, net.params)
    assert_near(grads, oracle_grads(net.x, net.params), "grads")


@points(1, problem="gradients")
@settings(max_examples=25)
@given(net=networks(), far=st.sampled_from([800.0, 1e4]))
def test_saturated_pixels_pass_nothing_on(student, net, far):
    """Pixels driven to the sigmoid's ends pass no gradient on, and neither loss nor gradients become NaN."""
    w, b = net.params[-1]
    driven = [*net.params[:-1], (w, np.where(b > 0.3, far, -far))]
    loss, grads = ask_loss(student, net.x, driven)
    assert_close(loss, oracle_loss(net.x, driven), what="the loss", rtol=1e-9, any_float=True)
    assert_near(grads, at_rest(driven), "grads")


@points(1, problem="gradients")
@settings(max_examples=25)
@given(net=networks(half=st.integers(1, 2)))
def test_an_image_that_opens_no_unit_teaches_only_the_bias(student, net):
    """Where all units of the code are shut, all gradients before it, and those of its weights, are exactly zero."""
    half = len(net.params) // 2
    shut = [(w, np.full_like(b, -1e3)) if layer == half - 1 else (w, b) for layer, (w, b) in enumerate(net.params)]
    _, grads = ask_loss(student, net.x, shut)
    expected = oracle_grads(net.x, shut)
    assert_equal(grads[:half], at_rest(shut[:half]), what="the encoder's grads")
    assert_close(grads[half][0], np.zeros_like(net.params[half][0]), what="dw of the layer after the code", atol=0)
    assert_near(grads[-1][1], expected[-1][1], "the last db")


@points(1, problem="gradients")
@settings(max_examples=25)
@given(net=networks())
def test_loss_and_grads_leaves_its_arguments_alone(student, net):
    """loss_and_grads changes neither x nor params."""
    before = snapshot(net.x, net.params)
    student.loss_and_grads(net.x, net.params)
    assert_unchanged((net.x, net.params), before, what="(x, params)")


# ------------------------------------------------------------------------------------------------------------ training

RATES, MOMENTA = st.floats(0.001, 0.02), st.floats(0.0, 0.95)


def like(params, rng, scale):
    return [(rng.normal(0, scale, w.shape), rng.normal(0, scale, b.shape)) for w, b in params]


def ask_step(student, *args, **options):
    answer = student.momentum_step(*args, **options)
    check(
        type(answer) in (list, tuple) and len(answer) == 2,
        "momentum_step does not return a pair (params, velocity)",
        "wrong_type",
    )
    return answer


@points(3, problem="training")
@settings(max_examples=25)
@given(net=networks(n=1), seed=st.integers(0, 2**32 - 1), rate=st.floats(0.001, 2), momentum=MOMENTA, steps=sizes(1, 4))
def test_momentum_is_its_formula(student, net, seed, rate, momentum, steps):
    """m <- momentum m - learning_rate g, then p <- p + m with the new m, for every w and b, step after step."""
    rng = np.random.default_rng(seed)
    found = expected = (net.params, like(net.params, rng, 1.0))
    for _ in range(steps):
        grads = like(net.params, rng, 2.0)
        expected = oracle_momentum(*expected, grads, rate, momentum)
        found = ask_step(student, *found, grads, learning_rate=rate, momentum=momentum)
        assert_near(found[1], expected[1], "velocity")
        assert_near(found[0], expected[0], "params")


@points(1, problem="training")
@settings(max_examples=25)
@given(net=networks(n=1), seed=st.integers(0, 2**32 - 1), momentum=st.sampled_from([0.0, 0.5]))
def test_a_step_leaves_its_arguments_alone(student, net, seed, momentum):
    """momentum_step changes neither params nor velocity nor grads: both of its answers are new arrays."""
    rng = np.random.default_rng(seed)
    velocity, grads = like(net.params, rng, 1.0), like(net.params, rng, 1.0)
    before = snapshot(net.params, velocity, grads)
    student.momentum_step(net.params, velocity, grads, learning_rate=0.1, momentum=momentum)
    assert_unchanged((net.params, velocity, grads), before, what="(params, velocity, grads)")


@points(1, problem="training")
@settings(max_examples=15)
@given(net=networks(), bad=st.sampled_from([-0.5, -1e-3, 1.0, 1.5]), size=st.integers(-2, 0))
def test_impossible_training_is_refused(student, net, bad, size):
    """ValueError for a momentum that is negative, 1 or more, from momentum_step and train; for a batch_size below 1."""
    with assert_raises(ValueError, what=f"momentum_step with momentum {bad}"):
        student.momentum_step(net.params, at_rest(net.params), net.params, learning_rate=0.1, momentum=bad)
    options = {"learning_rate": 0.01, "epochs": 1, "rng": np.random.default_rng(0)}
    with assert_raises(ValueError, what=f"train with momentum {bad}"):
        student.train(net.x, net.params, momentum=bad, batch_size=2, **options)
    with assert_raises(ValueError, what=f"train with batch_size {size}"):
        student.train(net.x, net.params, momentum=0.5, batch_size=size, **options)


learns_first = needs(
    "test_the_loss_is_summed_over_pixels_and_images",
    "test_gradients_of_deep_networks_are_exact",
    "test_bias_gradients_agree_with_differences",
    "test_momentum_is_its_formula",
)


@points(4, problem="training")
@learns_first
@settings(max_examples=25)
@given(net=networks(), epochs=st.integers(0, 5), rate=RATES, momentum=MOMENTA)
def test_full_batches_follow_the_gradient_with_momentum(student, net, epochs, rate, momentum):
    """With all images in one batch, every epoch is one step with momentum; the velocity starts at 0 and is kept."""
    params, velocity, batch = net.params, at_rest(net.params), [range(len(net.x))]
    for _ in range(epochs):
        params, velocity, _ = oracle_epoch(net.x, params, velocity, batch, rate, momentum)
    trained = student.train(
        net.x, net.params, learning_rate=rate, momentum=momentum, epochs=epochs, batch_size=len(net.x) + 2,
        rng=np.random.default_rng(0),
    )  # fmt: skip
    assert_close(trained, params, what="the trained params", rtol=1e-6, atol=1e-6)


@st.composite
def copies(draw):
    """One image, many times: the order of an epoch cannot matter, but every batch and its size does."""
    net = draw(networks(n=1))
    n = draw(sizes(3, 9))
    return net._replace(x=np.repeat(net.x, n, axis=0)), draw(sizes(2, n - 1))


def oracle_epochs(x, params, batch_size, rate, momentum, epochs):
    """(params, [loss, ..]) for an order that does not matter."""
    velocity, history = at_rest(params), []
    for _ in range(epochs):
        params, velocity, loss = oracle_epoch(x, params, velocity, cut(range(len(x)), batch_size), rate, momentum)
        history.append(loss)
    return params, history


@points(2, problem="training")
@learns_first
@settings(max_examples=25)
@given(case=copies(), epochs=st.integers(1, 3), rate=RATES, momentum=MOMENTA)
def test_every_batch_makes_its_step(student, case, epochs, rate, momentum):
    """Each batch makes one step, the smaller last one too; the velocity goes on through batches and epochs."""
    net, batch_size = case
    expected, _ = oracle_epochs(net.x, net.params, batch_size, rate, momentum, epochs)
    trained = student.train(
        net.x, net.params, learning_rate=rate, momentum=momentum, epochs=epochs, batch_size=batch_size,
        rng=np.random.default_rng(1),
    )  # fmt: skip
    assert_close(trained, expected, what="the trained params", rtol=1e-6, atol=1e-6)


@points(2, problem="training")
@learns_first
@settings(max_examples=25)
@given(case=copies(), epochs=st.integers(1, 3), rate=RATES, momentum=MOMENTA)
def test_log_hears_of_every_epoch(student, case, epochs, rate, momentum):
    """log(epoch, loss) is called after each epoch, from 1 on, with the mean loss of an image before the steps."""
    net, batch_size = case
    _, expected = oracle_epochs(net.x, net.params, batch_size, rate, momentum, epochs)
    heard = []

    def log(epoch, loss):
        heard.append((epoch, loss))

    student.train(
        net.x, net.params, learning_rate=rate, momentum=momentum, epochs=epochs, batch_size=batch_size,
        rng=np.random.default_rng(2), log=log,
    )  # fmt: skip
    check(len(heard) == epochs, f"log was called {len(heard)} times in {epochs} epochs", "wrong_shape")
    for number, ((epoch, loss), true_loss) in enumerate(zip(heard, expected, strict=True), 1):
        assert_equal(epoch, number, what="epoch")
        assert_close(loss, true_loss, what=f"the loss of epoch {number}", rtol=1e-6, atol=1e-6, any_float=True)


def flat(params):
    return np.concatenate([np.ravel(part) for pair in params for part in pair])


def partitions(n, batch_size):
    """Every way to cut n images into batches, once each: the order of batches counts, the order within one does not."""
    ways = {tuple(tuple(sorted(batch)) for batch in cut(order, batch_size)) for order in permutations(range(n))}
    return sorted(ways)


def outcomes(net, batch_size, rate, momentum, epochs):
    """[(ways, the params that they lead to), ..]: one way for each epoch."""
    reached = [((), net.params, at_rest(net.params))]
    for _ in range(epochs):
        reached = [
            ((*ways, way), *oracle_epoch(net.x, params, velocity, way, rate, momentum)[:2])
            for (ways, params, velocity), way in product(reached, partitions(len(net.x), batch_size))
        ]
    return [ways for ways, _, _ in reached], np.array([flat(params) for _, params, _ in reached])


SMALL = st.sampled_from([(3, 1), (3, 2), (4, 2), (4, 3)])  # (n, batch_size); at most six ways to cut an epoch


@points(2, problem="training")
@learns_first
@settings(max_examples=15)
@given(case=SMALL.flatmap(lambda s: st.tuples(networks(half=st.integers(1, 2), n=s[0], widest=4), st.just(s[1]))),
       epochs=st.integers(1, 2), momentum=st.floats(0.1, 0.9), rng=rngs())  # fmt: skip
def test_an_epoch_is_a_partition_of_the_images(student, case, epochs, momentum, rng):
    """In every epoch each image is in exactly one batch; the params reached are those of one of the possible orders."""
    net, batch_size = case
    _, possible = outcomes(net, batch_size, 0.02, momentum, epochs)
    trained = student.train(
        net.x, net.params, learning_rate=0.02, momentum=momentum, epochs=epochs, batch_size=batch_size, rng=rng
    )
    check([(np.shape(w), np.shape(b)) for w, b in trained] == [(w.shape, b.shape) for w, b in net.params],
          "the params changed their shapes", "wrong_shape")  # fmt: skip
    distance = np.abs(possible - flat(trained)).max(axis=1).min()
    check(distance <= 1e-7, f"no order of the images leads to these params; the nearest ones are {distance:.2g} off")


@points(2, problem="training")
@learns_first
@needs("test_an_epoch_is_a_partition_of_the_images")
@settings(max_examples=1)
@given(seed=st.integers(0, 2**32 - 1))
def test_every_epoch_has_an_order_of_its_own(student, seed):
    """All orders of the images occur, in the first epoch and in the second, and the two are drawn apart."""
    for n, batch_size in ((3, 1), (4, 2)):
        draw = np.random.default_rng([seed, n])
        params = [(draw.normal(0, 0.7, (5, 3)), draw.normal(0.5, 0.3, 3)), (draw.normal(0, 0.7, (3, 5)), np.ones(5))]
        net = Network(draw.random((n, 5)), params, draw.random((n, 3)))
        ways, possible = outcomes(net, batch_size, 0.1, 0.5, epochs=2)
        seen = []
        for _ in range(150):
            trained = student.train(
                net.x, params, learning_rate=0.1, momentum=0.5, epochs=2, batch_size=batch_size,
                rng=np.random.default_rng(draw.integers(2**63)),
            )  # fmt: skip
            seen.append(ways[np.abs(possible - flat(trained)).max(axis=1).argmin()])
        # Of six equally likely ways, one is missing from 150 draws once in 100,000,000,000 right answers.
        for epoch in (0, 1):
            count = len({way[epoch] for way in seen})
            check(count == 6, f"epoch {epoch + 1} only ever takes {count} of 6 ways to cut {n} images into batches")
        same = sum(first == second for first, second in seen)
        check(same < 75, f"in {same} of 150 runs the second epoch repeats the first one, expected about 25")


@points(1, problem="training")
@learns_first
@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_same_rng_trains_the_same_network(student, seed):
    """The same rng trains the same network, and another one another; the second call of train begins at rest."""
    draw = np.random.default_rng([seed, 1])
    x, params = draw.random((24, 5)), oracle_initialize([5, 4, 3, 4, 5], draw)

    def trained(rng):
        return student.train(x, params, learning_rate=0.05, momentum=0.8, epochs=2, batch_size=5, rng=rng)

    first = trained(np.random.default_rng(seed))
    assert_close(trained(np.random.default_rng(seed)), first, what="the second network", rtol=1e-9)
    other = trained(np.random.default_rng(seed + 1))
    check(not np.allclose(flat(other), flat(first), rtol=1e-9, atol=0), "another rng trains the very same network")


@points(1, problem="training")
@learns_first
@settings(max_examples=15)
@given(net=networks(n=sizes(3, 6)))
def test_train_leaves_its_arguments_alone(student, net):
    """train changes neither the images, nor their order, nor the params that it starts from."""
    before = snapshot(net.x, net.params)
    student.train(
        net.x, net.params, learning_rate=0.02, momentum=0.5, epochs=2, batch_size=2, rng=np.random.default_rng(3)
    )
    assert_unchanged((net.x, net.params), before, what="(x, params)")


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


NONE_TOO = st.integers(0, 5)


@st.composite
def image_pairs(draw, n=NONE_TOO):
    """(a, b): images and others that differ from them in every pixel."""
    shape = (draw(n), draw(sizes(1, 8)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    a = rng.random(shape)
    return a, a + rng.normal(0, 0.2, shape) * rng.uniform(0.1, 2, (shape[0], 1))


@points(3, problem="psnr")
@settings(max_examples=30)
@given(pair=image_pairs(), peak=st.sampled_from([1.0, 2.5, 255]), dtype=st.sampled_from([np.float64, np.float32]))
def test_psnr_is_its_formula_for_every_image(student, pair, peak, dtype):
    """psnr[i] = 10 log10(peak^2 / mse[i]), in decibels, one float64 number for each image and each from its own mse."""
    a, b = (side.astype(dtype) for side in pair)
    assume((a != b).any(axis=1).all())
    assert_close(student.psnr(a, b, peak=peak), oracle_psnr(a, b, peak), rtol=1e-9, atol=1e-9)


@points(1, problem="psnr")
@settings(max_examples=25)
@given(pair=image_pairs(n=sizes(2, 5)), which=st.lists(st.booleans(), min_size=5, max_size=5))
def test_only_identical_images_have_infinite_psnr(student, pair, which):
    """psnr is +infinity, exactly, for images that are identical, and what it was for the others beside them."""
    a, b = pair
    same = np.array(which[: len(a)])
    b[same] = a[same]
    expected = oracle_psnr(a, b)
    assert_close(student.psnr(a, b), expected, rtol=1e-9, atol=1e-9)
    assert_close(student.psnr(b, b), np.full(len(b), np.inf), what="the psnr of images and themselves")


@points(1, problem="psnr")
@settings(max_examples=25)
@given(pair=image_pairs(n=sizes(1, 5)), peak=st.sampled_from([1.0, 255.0]))
def test_a_tenth_of_the_error_is_twenty_decibels_more(student, pair, peak):
    """An error ten times as small has 20 dB more, and a peak ten times as great too."""
    a, b = pair
    expected = oracle_psnr(a, b, peak) + 20
    assert_close(student.psnr(a, a + (b - a) / 10, peak=peak), expected, what="with a tenth of the error", rtol=1e-7)
    assert_close(student.psnr(a, b, peak=10 * peak), expected, what="with ten times the peak", rtol=1e-7)


@points(1, problem="psnr")
@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), n=sizes(1, 4), d=sizes(2, 8), dtype=st.sampled_from([np.uint8, np.int64]))
def test_psnr_of_bytes_is_that_of_their_numbers(student, seed, n, d, dtype):
    """Pixels from 0 to 255, as bytes too, have with peak 255 the psnr of the same pixels divided by 255 with peak 1."""
    a, b = np.random.default_rng(seed).integers(0, 256, (2, n, d)).astype(dtype)
    assume((a != b).any(axis=1).all())
    assert_close(student.psnr(a, b, peak=255), oracle_psnr(a / 255, b / 255), rtol=1e-9, atol=1e-9)


@points(1, problem="psnr")
@settings(max_examples=25)
@given(pair=image_pairs(n=sizes(1, 5)))
def test_psnr_is_symmetric_and_only_looks(student, pair):
    """psnr(a, b) = psnr(b, a), and neither is changed."""
    a, b = pair
    before = snapshot(a, b)
    first = student.psnr(a, b)
    assert_unchanged((a, b), before, what="(a, b)")
    assert_close(student.psnr(b, a), oracle_psnr(a, b), what="psnr(b, a)", rtol=1e-9, atol=1e-9)
    assert_close(first, oracle_psnr(a, b), what="psnr(a, b)", rtol=1e-9, atol=1e-9)


@points(1, problem="psnr")
@settings(max_examples=25)
@given(pair=image_pairs(n=sizes(2, 5)))
def test_images_of_different_shapes_are_refused(student, pair):
    """psnr raises ValueError if a and b differ in shape, also where numpy would broadcast one to the other."""
    a, b = pair
    for other in (b[:1], b[:, :1] if b.shape[1] > 1 else np.hstack([b, b]), b[:-1], b[0]):
        with assert_raises(ValueError, what=f"psnr of images of shape {a.shape} and {other.shape}"):
            student.psnr(a, other)
        with assert_raises(ValueError, what=f"psnr of images of shape {other.shape} and {a.shape}"):
            student.psnr(other, a)


# ----------------------------------------------------------------------------------------------------------------- pca


class Cloud(NamedTuple):
    x: np.ndarray  # (n, d)
    mean: np.ndarray  # (d,)
    directions: np.ndarray  # (r, d), orthonormal, in the order of falling variance
    k: int  # at most r


@st.composite
def clouds(draw):
    """Images built from directions that are known: x = mean + U diag(spread) V^T, each column of U without a mean."""
    n, d = draw(sizes(2, 8)), draw(sizes(1, 8))
    r = min(n - 1, d)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    u = np.linalg.qr(np.hstack([np.ones((n, 1)), rng.normal(size=(n, r))]))[0][:, 1:]
    v = np.linalg.qr(rng.normal(size=(d, d)))[0][:r]
    spread = 4.0 * 0.6 ** np.arange(r) * rng.uniform(0.9, 1.1, r)
    mean = rng.normal(0, 2, d)
    return Cloud(mean + (u * spread) @ v, mean, v, draw(sizes(1, r)))


@st.composite
def any_images(draw):
    """(x, k): images at random, each pixel with a spread of its own, and how many components to ask for."""
    n, d = draw(sizes(2, 9)), draw(sizes(1, 9))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return rng.normal(1, 1, (n, d)) * np.arange(1, d + 1), draw(sizes(1, min(n - 1, d)))


def ask_pca(student, x, k):
    answer = student.pca(x, k)
    check(type(answer) in (list, tuple) and len(answer) == 2, "pca does not return a pair", "wrong_type")
    mean, components = answer
    for what, part, shape in (("the mean", mean, x.shape[1:]), ("components", components, (k, x.shape[1]))):
        check(type(part) is np.ndarray, f"{what} is no array", "wrong_type")
        check(part.shape == shape, f"{what} has shape {part.shape}, expected {shape}", "wrong_shape")
    return mean, components


@points(3, problem="pca")
@settings(max_examples=30)
@given(cloud=clouds())
def test_pca_finds_the_directions_that_images_were_made_from(student, cloud):
    """pca gives the mean, and the k directions of greatest variance as rows, in falling order, up to their signs."""
    before = snapshot(cloud.x)
    mean, components = ask_pca(student, cloud.x, cloud.k)
    assert_unchanged(cloud.x, before, what="x")
    assert_near(mean, cloud.mean, "the mean")
    expected = cloud.directions[: cloud.k]
    signs = np.where(np.einsum("kd,kd->k", components, expected) < 0, -1.0, 1.0)
    assert_close(components, signs[:, None] * expected, what="components", rtol=1e-8, atol=1e-8)


@points(1, problem="pca")
@settings(max_examples=25)
@given(case=any_images())
def test_components_are_orthonormal(student, case):
    """components components^T = 1: rows of length 1 at right angles, for more pixels than images as well."""
    x, k = case
    _, components = ask_pca(student, x, k)
    assert_near(np.einsum("kd,ld->kl", components, components), np.eye(k), "components components^T")


@points(2, problem="pca")
@settings(max_examples=25)
@given(case=any_images())
def test_no_other_projection_loses_less(student, case):
    """What mean + (x - mean) C^T C loses of the images is the sum of the variances left out: the least that any can."""
    x, k = case
    mean, components = ask_pca(student, x, k)
    lost = x - mean - np.einsum("nd,kd,ke->ne", x - mean, components, components)
    centred = x - np.einsum("nd->d", x) / len(x)
    variances = np.sort(np.linalg.eigvalsh(np.einsum("nd,ne->de", centred, centred)))
    scale = float(variances.sum())
    assert_close(
        float(np.sum(lost**2)), float(variances[: x.shape[1] - k].sum()), what="the loss", rtol=1e-8, atol=1e-9 * scale
    )


@points(2, problem="pca")
@settings(max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), n=NONE_TOO, d=sizes(1, 7), few=st.floats(0, 1))
def test_pca_codes_are_projections_of_images_without_their_mean(student, seed, n, d, few):
    """pca_encode is (x - mean) C^T and pca_decode is mean + code C, with the mean that is given; nothing is clipped."""
    rng = np.random.default_rng(seed)
    k = 1 + int(few * (d - 1))
    components = np.ascontiguousarray(np.linalg.qr(rng.normal(size=(d, d)))[0][:k])
    x, mean, code = rng.normal(0.5, 1, (n, d)), rng.normal(0.5, 1, d), rng.normal(0, 2, (n, k))
    before = snapshot(x, mean, components, code)
    found = student.pca_encode(x, mean, components)
    assert_near(found, np.einsum("nd,kd->nk", x - mean, components), "pca_encode")
    found = student.pca_decode(code, mean, components)
    assert_near(found, np.einsum("nk,kd->nd", code, components) + mean, "pca_decode")
    assert_unchanged((x, mean, components, code), before, what="(x, mean, components, code)")


@points(1, problem="pca")
@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), n=sizes(2, 6), d=sizes(1, 6), bad=st.integers(-2, 0), more=sizes(1, 3))
def test_impossible_numbers_of_components_are_refused(student, seed, n, d, bad, more):
    """pca raises ValueError for k below 1, and for k above min(n - 1, d)."""
    x = np.random.default_rng(seed).normal(size=(n, d))
    for k in (bad, min(n - 1, d) + more):
        with assert_raises(ValueError, what=f"pca of {n} images of {d} pixels with k = {k}"):
            student.pca(x, k)
