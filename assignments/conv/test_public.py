"""Public tests of `conv`: run them with `deepgrade check`. The server runs these, and hidden ones."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.testing import (
    Heard,
    assert_close,
    assert_equal,
    check,
    items_of,
    needs,
    points,
    sizes,
    values_of,
)

# The handout's example: one picture of one channel, 3x3, and one kernel or window of 2x2.
X = np.array([[[[1.0, 2.0, 0.0], [3.0, 1.0, -1.0], [2.0, 0.0, 4.0]]]])
W = np.array([[[[1.0, 0.0], [2.0, -1.0]]]])
B = np.array([1.0])
DOUT = np.array([[[[1.0, -1.0], [2.0, 0.0]]]])
DPOOLED = np.array([[[[1.0, 10.0], [5.0, 2.0]]]])

SEEDS = st.integers(0, 2**32 - 1)
FEW = settings(max_examples=15)


def convolved(student, *arguments):
    """(out, cache)."""
    return items_of(student.conv2d_forward(*arguments), "out", "cache", what="the answer of conv2d_forward")


def gradients(student, dout, cache):
    """[dx, dw, db]."""
    return items_of(student.conv2d_backward(dout, cache), "dx", "dw", "db", what="the answer of conv2d_backward")


def pooled(function, *arguments):
    """(out, cache)."""
    return items_of(function(*arguments), "out", "cache", what="the answer of pooling")


# -------------------------------------------------------------------------------------------------------------- sizes


@points(0, problem="sizes")
def test_output_sizes_of_the_handout(student):
    """A window of 2 fits twice into 3 at stride 1; with padding 1, four times at stride 1 and twice at stride 2."""
    assert_equal(student.output_size(3, 2), 2, what="output_size(3, 2)")
    assert_equal(student.output_size(3, 2, 1, 1), 4, what="output_size(3, 2, 1, 1)")
    assert_equal(student.output_size(3, 2, 2, 1), 2, what="output_size(3, 2, 2, 1)")


@points(1, problem="sizes")
@FEW
@given(size=sizes(4, 20), window=sizes(1, 4), padding=sizes(0, 3))
def test_at_stride_one_each_entry_begins_a_window(student, size, window, padding):
    """At stride 1 a window begins at every entry but the last window - 1 of the padded axis."""
    found = student.output_size(size, window, 1, padding)
    assert_equal(found, size + 2 * padding - window + 1, what=f"output_size({size}, {window}, 1, {padding})")


@points(0, problem="sizes")
def test_receptive_field_of_the_handout(student):
    """Two 3x3 convolutions see 5 pixels in a row; the network's two blocks of convolution and pooling see 10."""
    assert_equal(student.receptive_field([(3, 1), (3, 1)]), 5, what="the field of two convolutions")
    assert_equal(student.receptive_field([(3, 1), (2, 2), (3, 1), (2, 2)]), 10, what="the field of two blocks")


@points(1, problem="sizes")
@FEW
@given(windows=st.lists(sizes(1, 6), min_size=2, max_size=5))
def test_without_strides_each_layer_adds_its_window(student, windows):
    """Where all strides are 1, each layer adds its window less one to the receptive field."""
    layers = [(window, 1) for window in windows]
    assert_equal(student.receptive_field(layers), 1 + sum(windows) - len(windows), what=f"receptive_field({layers})")


# -------------------------------------------------------------------------------------------------------- convolution


@points(0, problem="convolution")
def test_convolution_of_the_handout(student):
    """At stride 1, the handout's example gives [[7, 6], [8, -2]]."""
    out, _ = convolved(student, X.copy(), W.copy(), B.copy(), 1, 0)
    assert_close(out, np.array([[[[7.0, 6.0], [8.0, -2.0]]]]), what="out")


@points(0, problem="convolution")
@needs("test_convolution_of_the_handout")
def test_stride_and_padding_of_the_handout(student):
    """At stride 2 and with padding 1, the handout's example gives [[0, 5], [-1, -2]]."""
    out, _ = convolved(student, X.copy(), W.copy(), B.copy(), 2, 1)
    assert_close(out, np.array([[[[0.0, 5.0], [-1.0, -2.0]]]]), what="out")


@points(2, problem="convolution")
@FEW
@given(padding=sizes(1, 2), side=sizes(3, 5), seed=SEEDS)
def test_one_bright_pixel_shows_the_kernels(student, padding, side, seed):
    """Where all pixels but one are 0, each window that holds this one shows the entry of w that meets it; all others
    show the bias alone."""
    rng = np.random.default_rng(seed)
    w, b, x = rng.normal(size=(3, 2, 3, 3)), rng.normal(size=3), np.zeros((2, 2, side, side))
    i, c, row, column = (int(rng.integers(limit)) for limit in x.shape)
    x[i, c, row, column] = 2.0
    places = side + 2 * padding - 3 + 1
    expected = np.zeros((2, 3, places, places)) + b[:, None, None]
    for u, t in np.ndindex(3, 3):
        r, s = row + padding - u, column + padding - t  # the window whose entry (u, t) is the bright pixel
        if 0 <= r < places and 0 <= s < places:
            expected[i, :, r, s] += 2.0 * w[:, c, u, t]
    out, _ = convolved(student, x, w, b, 1, padding)
    assert_close(values_of(out, expected), expected, what="out", atol=1e-12)


@points(1, problem="convolution")
@FEW
@given(stride=sizes(1, 3), more=sizes(1, 2), seed=SEEDS)
def test_maps_of_one_colour_stay_so(student, stride, more, seed):
    """Where each channel has one value everywhere, and without padding, out[i, o] is the same everywhere, at any
    stride: the bias, and each channel's value times the sum of its kernel."""
    rng = np.random.default_rng(seed)
    w, b, values = rng.normal(size=(3, 2, 2, 2)), rng.normal(size=3), rng.normal(size=(2, 2))
    side = 2 + more * stride
    x = np.zeros((2, 2, side, side)) + values[:, :, None, None]
    colours = b + values @ w.sum(axis=(2, 3)).T  # (n, k)
    expected = np.zeros((2, 3, more + 1, more + 1)) + colours[:, :, None, None]
    out, _ = convolved(student, x, w, b, stride, 0)
    assert_close(values_of(out, expected), expected, what="out", atol=1e-12)


# ---------------------------------------------------------------------------------------------------------- gradients


@points(0, problem="gradients")
@needs("test_convolution_of_the_handout")
def test_gradients_of_the_handout(student):
    """The gradients of the handout's convolution are the ones that it derives by hand."""
    _, cache = convolved(student, X.copy(), W.copy(), B.copy(), 1, 0)
    dx, dw, db = gradients(student, DOUT.copy(), cache)
    assert_close(dx, np.array([[[[1.0, -1.0, 0.0], [4.0, -3.0, 1.0], [4.0, -2.0, 0.0]]]]), what="dx", atol=1e-12)
    assert_close(dw, np.array([[[[5.0, 4.0], [6.0, 2.0]]]]), what="dw", atol=1e-12)
    assert_close(db, np.array([2.0]), what="db", atol=1e-12)


def a_convolution(seed, padding, n=2):
    """x, w, b, dout of a convolution at stride 1: n pictures of 4x4, two channels, three kernels of 3x3."""
    rng = np.random.default_rng(seed)
    x, w, b = rng.normal(size=(n, 2, 4, 4)), rng.normal(size=(3, 2, 3, 3)), rng.normal(size=3)
    return x, w, b, rng.normal(size=(n, 3, 2 + 2 * padding, 2 + 2 * padding))


@points(2, problem="gradients")
@needs("test_one_bright_pixel_shows_the_kernels")
@FEW
@given(n=sizes(2, 4), padding=sizes(1, 2), seed=SEEDS)
def test_bias_gradients_sum_over_examples_and_places(student, n, padding, seed):
    """db has one number a kernel: the sum of dout over all examples and places."""
    x, w, b, dout = a_convolution(seed, padding, n)
    _, cache = convolved(student, x, w, b, 1, padding)
    expected = np.array([dout[:, o].sum() for o in range(len(b))])
    assert_close(values_of(gradients(student, dout.copy(), cache)[2], expected), expected, what="db", atol=1e-12)


@points(1, problem="gradients")
@needs("test_bias_gradients_sum_over_examples_and_places")
@FEW
@given(n=sizes(1, 3), c=sizes(1, 3), k=sizes(1, 3), padding=sizes(1, 2), seed=SEEDS)
def test_gradients_have_the_shapes_of_their_arrays(student, n, c, k, padding, seed):
    """dx has the shape of x, dw that of w and db that of b, also of one picture, one channel or one kernel."""
    rng = np.random.default_rng(seed)
    x, w, b = rng.normal(size=(n, c, 4, 4)), rng.normal(size=(k, c, 3, 3)), rng.normal(size=k)
    dout = rng.normal(size=(n, k, 2 + 2 * padding, 2 + 2 * padding))
    _, cache = convolved(student, x, w, b, 1, padding)
    found = gradients(student, dout.copy(), cache)
    for name, gradient, array in zip(("dx", "dw", "db"), found, (x, w, b), strict=True):
        shape = np.shape(gradient)
        check(shape == array.shape, f"{name} has shape {shape}, expected {array.shape}", "wrong_shape")
    assert_close(found[2], dout.sum(axis=(0, 2, 3)), what="db", atol=1e-12)


@points(2, problem="gradients")
@needs("test_one_bright_pixel_shows_the_kernels")
@FEW
@given(padding=sizes(1, 2), seed=SEEDS)
def test_one_gradient_meets_one_window(student, padding, seed):
    """Where dout is 0 but at one place of one kernel, dw of this kernel is dout times the window there, and dx is dout
    times the kernel, put where the window is."""
    x, w, b, _ = a_convolution(seed, padding)
    rng = np.random.default_rng(seed)
    dout = np.zeros((2, 3, 2 + 2 * padding, 2 + 2 * padding))
    i, o = int(rng.integers(2)), int(rng.integers(3))
    r, s = (int(place) for place in rng.integers(padding, padding + 2, 2))  # a window without padding
    dout[i, o, r, s] = -3.0
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    rows, columns = slice(r - padding, r - padding + 3), slice(s - padding, s - padding + 3)
    dw[o] = -3.0 * x[i, :, rows, columns]
    dx[i, :, rows, columns] = -3.0 * w[o]
    _, cache = convolved(student, x, w, b, 1, padding)
    found = gradients(student, dout, cache)
    for name, gradient, expected in (("dx", found[0], dx), ("dw", found[1], dw)):
        assert_close(values_of(gradient, expected), expected, what=name, atol=1e-12)


# ------------------------------------------------------------------------------------------------------------ pooling


@points(0, problem="max_pooling")
def test_max_pooling_of_the_handout(student):
    """The greatest entries of the example's four 2x2 windows, at stride 1, are [[3, 2], [3, 4]]."""
    out, _ = pooled(student.max_pool_forward, X.copy(), 2, 1)
    assert_close(out, np.array([[[[3.0, 2.0], [3.0, 4.0]]]]), what="out")


@points(0, problem="max_pooling")
@needs("test_max_pooling_of_the_handout")
def test_max_pooling_gradients_of_the_handout(student):
    """The 3 of the example is the greatest of two windows, so it gets the gradients of both: 1 + 5 = 6."""
    _, cache = pooled(student.max_pool_forward, X.copy(), 2, 1)
    dx = student.max_pool_backward(DPOOLED.copy(), cache)
    assert_close(dx, np.array([[[[0.0, 10.0, 0.0], [6.0, 0.0, 0.0], [0.0, 0.0, 2.0]]]]), what="dx")


@st.composite
def rising_maps(draw):
    """(x, window): positive maps that rise to the right and downwards, and windows that fit side by side."""
    window, number = draw(sizes(2, 3)), draw(sizes(2, 3))
    rng = np.random.default_rng(draw(SEEDS))
    steps = rng.uniform(0.1, 1.0, (2, 2, 2, window * number))
    return steps[:, :, 0].cumsum(axis=2)[:, :, :, None] + steps[:, :, 1].cumsum(axis=2)[:, :, None], window


@points(2, problem="max_pooling")
@FEW
@given(drawn=rising_maps())
def test_where_maps_rise_the_last_entry_is_the_greatest(student, drawn):
    """Where positive maps rise to the right and downwards, the greatest entry of each window is its last one."""
    x, window = drawn
    out, _ = pooled(student.max_pool_forward, x.copy(), window, window)
    expected = x[:, :, window - 1 :: window, window - 1 :: window].copy()
    assert_close(values_of(out, expected), expected, what="out")


@points(1, problem="max_pooling")
@needs("test_where_maps_rise_the_last_entry_is_the_greatest")
@FEW
@given(drawn=rising_maps(), seed=SEEDS)
def test_where_maps_rise_the_last_entry_gets_the_gradient(student, drawn, seed):
    """On the same maps, side by side, each window's gradient goes to its last entry, and to no other."""
    x, window = drawn
    expected = np.zeros_like(x)
    last = expected[:, :, window - 1 :: window, window - 1 :: window]
    last += np.random.default_rng(seed).normal(size=last.shape)
    _, cache = pooled(student.max_pool_forward, x.copy(), window, window)
    dx = student.max_pool_backward(last.copy(), cache)
    assert_close(values_of(dx, expected), expected, what="dx")


@points(0, problem="avg_pooling")
def test_average_pooling_of_the_handout(student):
    """The means of the example's windows are [[7/4, 1/2], [3/2, 1]]; the pixel in the middle is in all four of them."""
    out, cache = pooled(student.avg_pool_forward, X.copy(), 2, 1)
    assert_close(out, np.array([[[[1.75, 0.5], [1.5, 1.0]]]]), what="out")
    dx = student.avg_pool_backward(DPOOLED.copy(), cache)
    expected = np.array([[[[1.0, 11.0, 10.0], [6.0, 18.0, 12.0], [5.0, 7.0, 2.0]]]]) / 4
    assert_close(dx, expected, what="dx")


@points(2, problem="avg_pooling")
@FEW
@given(window=sizes(2, 3), number=sizes(2, 3), seed=SEEDS)
def test_the_mean_of_equal_entries_is_each_of_them(student, window, number, seed):
    """Side by side, the mean of a window of equal entries is that entry."""
    values = np.random.default_rng(seed).normal(size=(2, 2, number, number))
    x = values.repeat(window, axis=2).repeat(window, axis=3)
    out, _ = pooled(student.avg_pool_forward, x, window, window)
    assert_close(values_of(out, values), values, what="out")


# ------------------------------------------------------------------------------------------------------------ network


@points(1, problem="network")
@settings(max_examples=20)
@given(
    n=sizes(1, 2), c=sizes(1, 2), h=sizes(4, 9), v=sizes(4, 9), kernels=st.tuples(sizes(1, 3), sizes(1, 3)),
    classes=sizes(1, 4), seed=SEEDS,
)  # fmt: skip
def test_the_network_has_the_promised_shapes(student, n, c, h, v, kernels, classes, seed):
    """initialize gives weights and biases of the promised shapes, forward a row of logits for each picture, which is
    b_3 where all weights are 0, and backward gradients of the shapes of params; also for one picture, channel, kernel
    or class."""
    params = student.initialize((c, h, v), kernels, 3, classes, np.random.default_rng(seed))
    expected = [
        ((kernels[0], c, 3, 3), (kernels[0],)),
        ((kernels[1], kernels[0], 3, 3), (kernels[1],)),
        ((kernels[1] * (h // 4) * (v // 4), classes), (classes,)),
    ]
    assert_shapes(params, expected, "params")
    rng = np.random.default_rng([seed, 1])
    zeros = [(np.zeros(w), rng.normal(size=b)) for w, b in expected]
    z, cache = items_of(
        student.forward(rng.normal(size=(n, c, h, v)), zeros), "z", "cache", what="the answer of forward"
    )
    assert_close(z, np.zeros((n, classes)) + zeros[-1][1], what="z")
    dz = rng.normal(size=(n, classes))
    grads = student.backward(dz.copy(), cache)
    assert_shapes(grads, expected, "grads")
    assert_close(grads[-1][1], dz.sum(axis=0), what="db_3", atol=1e-12)


def assert_shapes(pairs, expected, what):
    """Three pairs of arrays have the expected shapes."""
    names = ("first pair", "second pair", "third pair")
    found = [items_of(pair, "w", "b", what=f"a pair of {what}") for pair in items_of(pairs, *names, what=what)]
    shapes = [(np.shape(w), np.shape(b)) for w, b in found]
    check(shapes == expected, f"the shapes of {what} are {shapes}, expected {expected}", "wrong_shape")


def stripes(rng, n):
    """(x, y): upright, lying and slanted stripes, wherever they begin."""
    y = np.arange(n) % 3
    rows, columns, start = np.arange(8)[:, None], np.arange(8), rng.integers(0, 4, (n, 1, 1))
    lines = np.array([rows + 0 * columns, 0 * rows + columns, rows + columns])[y]
    return ((lines + start) % 4 < 2)[:, None] + rng.normal(0, 0.2, (n, 1, 8, 8)), y


@points(2, problem="network")
@needs("test_one_bright_pixel_shows_the_kernels", "test_where_maps_rise_the_last_entry_gets_the_gradient")
@settings(max_examples=3)
@given(seed=SEEDS)
def test_train_tells_stripes_apart(student, seed):
    """After 15 epochs on 60 pictures of upright, lying and slanted stripes, 60 others are told apart; log has heard the
    loss fall."""
    rng = np.random.default_rng(seed)
    (x, y), (others, truth) = stripes(rng, 60), stripes(rng, 60)
    params = [
        (rng.normal(0, 0.4, (4, 1, 3, 3)), np.zeros(4)),
        (rng.normal(0, 0.2, (6, 4, 3, 3)), np.zeros(6)),
        (rng.normal(0, 0.2, (24, 3)), np.zeros(3)),
    ]
    heard = Heard("loss", "accuracy")
    params = student.train(
        x, y, params, learning_rate=0.1, epochs=15, batch_size=6, rng=np.random.default_rng(seed), log=heard.log
    )
    z, _ = items_of(student.forward(others, params), "z", "cache", what="the answer of forward")
    assert_close(values_of(z, np.zeros((60, 3))), np.zeros((60, 3)), what="z", rtol=0, atol=np.inf)  # shape and dtype
    right = float(np.mean(np.argmax(z, axis=1) == truth))
    check(right >= 0.95, f"{right:.0%} of the other pictures are told apart, expected at least 95 %")
    (first, _), *_, (last, _) = heard.epochs(15)
    check(last < first / 4, f"the loss went from {first} to {last}, expected far lower")
