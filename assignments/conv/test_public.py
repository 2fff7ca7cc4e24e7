"""Public tests of `conv`: run them with `deepgrade check`. The server runs these, and hidden ones."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.testing import assert_close, assert_equal, check, needs, points, sizes

# The handout's example: one picture of one channel, 3x3, and one kernel or window of 2x2.
X = np.array([[[[1.0, 2.0, 0.0], [3.0, 1.0, -1.0], [2.0, 0.0, 4.0]]]])
W = np.array([[[[1.0, 0.0], [2.0, -1.0]]]])
B = np.array([1.0])
DOUT = np.array([[[[1.0, -1.0], [2.0, 0.0]]]])
DPOOLED = np.array([[[[1.0, 10.0], [5.0, 2.0]]]])


# -------------------------------------------------------------------------------------------------------------- sizes


@points(1, problem="sizes")
def test_output_sizes_of_the_handout(student):
    """A window of 2 fits twice into 3 at stride 1; with padding 1, four times at stride 1 and twice at stride 2."""
    assert_equal(student.output_size(3, 2), 2, what="output_size(3, 2)")
    assert_equal(student.output_size(3, 2, 1, 1), 4, what="output_size(3, 2, 1, 1)")
    assert_equal(student.output_size(3, 2, 2, 1), 2, what="output_size(3, 2, 2, 1)")


@points(1, problem="sizes")
def test_receptive_field_of_the_handout(student):
    """Two 3x3 convolutions see 5 pixels in a row; the network's two blocks of convolution and pooling see 10."""
    assert_equal(student.receptive_field([(3, 1), (3, 1)]), 5, what="the field of two convolutions")
    assert_equal(student.receptive_field([(3, 1), (2, 2), (3, 1), (2, 2)]), 10, what="the field of two blocks")


# -------------------------------------------------------------------------------------------------------- convolution


@points(2, problem="convolution")
def test_convolution_of_the_handout(student):
    """At stride 1, the handout's example gives [[7, 6], [8, -2]]."""
    out, _ = student.conv2d_forward(X.copy(), W.copy(), B.copy(), 1, 0)
    assert_close(out, np.array([[[[7.0, 6.0], [8.0, -2.0]]]]), what="out")


@points(2, problem="convolution")
@needs("test_convolution_of_the_handout")
def test_stride_and_padding_of_the_handout(student):
    """At stride 2 and with padding 1, the handout's example gives [[0, 5], [-1, -2]]."""
    out, _ = student.conv2d_forward(X.copy(), W.copy(), B.copy(), 2, 1)
    assert_close(out, np.array([[[[0.0, 5.0], [-1.0, -2.0]]]]), what="out")


# ---------------------------------------------------------------------------------------------------------- gradients


@points(3, problem="gradients")
@needs("test_convolution_of_the_handout")
def test_gradients_of_the_handout(student):
    """The gradients of the handout's convolution are the ones that it derives by hand."""
    _, cache = student.conv2d_forward(X.copy(), W.copy(), B.copy(), 1, 0)
    dx, dw, db = student.conv2d_backward(DOUT.copy(), cache)
    assert_close(dx, np.array([[[[1.0, -1.0, 0.0], [4.0, -3.0, 1.0], [4.0, -2.0, 0.0]]]]), what="dx", atol=1e-12)
    assert_close(dw, np.array([[[[5.0, 4.0], [6.0, 2.0]]]]), what="dw", atol=1e-12)
    assert_close(db, np.array([2.0]), what="db", atol=1e-12)


@points(1, problem="gradients")
@needs("test_convolution_of_the_handout")
@settings(max_examples=25)
@given(n=sizes(1, 3), c=sizes(1, 3), k=sizes(1, 3), h=sizes(2, 6), v=sizes(2, 6), padding=sizes(0, 2))
def test_gradients_have_the_shapes_of_their_arrays(student, n, c, k, h, v, padding):
    """dx has the shape of x, dw that of w and db that of b, with padding as well."""
    rng = np.random.default_rng(h)
    x, w, b = rng.normal(size=(n, c, h, v)), rng.normal(size=(k, c, 2, 1)), rng.normal(size=k)
    out, cache = student.conv2d_forward(x, w, b, 1, padding)
    expected = (n, k, h - 1 + 2 * padding, v + 2 * padding)
    check(np.shape(out) == expected, f"out has shape {np.shape(out)}, expected {expected}", "wrong_shape")
    for name, gradient, array in zip(
        ("dx", "dw", "db"), student.conv2d_backward(rng.normal(size=expected), cache), (x, w, b), strict=True
    ):
        shape = np.shape(gradient)
        check(shape == array.shape, f"{name} has shape {shape}, expected {array.shape}", "wrong_shape")


# ------------------------------------------------------------------------------------------------------------ pooling


@points(1, problem="max_pooling")
def test_max_pooling_of_the_handout(student):
    """The greatest entries of the example's four 2x2 windows, at stride 1, are [[3, 2], [3, 4]]."""
    out, _ = student.max_pool_forward(X.copy(), 2, 1)
    assert_close(out, np.array([[[[3.0, 2.0], [3.0, 4.0]]]]), what="out")


@points(2, problem="max_pooling")
@needs("test_max_pooling_of_the_handout")
def test_max_pooling_gradients_of_the_handout(student):
    """The 3 of the example is the greatest of two windows, so it gets the gradients of both: 1 + 5 = 6."""
    _, cache = student.max_pool_forward(X.copy(), 2, 1)
    dx = student.max_pool_backward(DPOOLED.copy(), cache)
    assert_close(dx, np.array([[[[0.0, 10.0, 0.0], [6.0, 0.0, 0.0], [0.0, 0.0, 2.0]]]]), what="dx")


@points(2, problem="avg_pooling")
def test_average_pooling_of_the_handout(student):
    """The means of the example's windows are [[7/4, 1/2], [3/2, 1]]; the pixel in the middle is in all four of them."""
    out, cache = student.avg_pool_forward(X.copy(), 2, 1)
    assert_close(out, np.array([[[[1.75, 0.5], [1.5, 1.0]]]]), what="out")
    dx = student.avg_pool_backward(DPOOLED.copy(), cache)
    expected = np.array([[[[1.0, 11.0, 10.0], [6.0, 18.0, 12.0], [5.0, 7.0, 2.0]]]]) / 4
    assert_close(dx, expected, what="dx")


# ------------------------------------------------------------------------------------------------------------ network


@points(1, problem="network")
@given(h=sizes(4, 9), v=sizes(4, 9), seed=st.integers(0, 99))
@settings(max_examples=10)
def test_the_network_has_the_promised_shapes(student, h, v, seed):
    """initialize gives weights and biases of the promised shapes, and forward one row of logits a picture."""
    params = student.initialize((2, h, v), (3, 4), 3, 5, np.random.default_rng(seed))
    shapes = [(np.shape(w), np.shape(b)) for w, b in params]
    features = 4 * (h // 4) * (v // 4)
    expected = [((3, 2, 3, 3), (3,)), ((4, 3, 3, 3), (4,)), ((features, 5), (5,))]
    check(shapes == expected, f"the shapes of params are {shapes}, expected {expected}", "wrong_shape")
    z, _ = student.forward(np.random.default_rng(seed).normal(size=(2, 2, h, v)), params)
    check(np.shape(z) == (2, 5), f"z has shape {np.shape(z)}, expected (2, 5)", "wrong_shape")


@points(2, problem="network")
@needs("test_gradients_of_the_handout", "test_max_pooling_gradients_of_the_handout")
@settings(max_examples=3)
@given(seed=st.integers(0, 99))
def test_train_tells_stripes_apart(student, seed):
    """Upright, lying and slanted stripes, wherever they are, are told apart after 15 epochs; log has heard it."""
    rng = np.random.default_rng(seed)
    y = np.arange(60) % 3
    rows, columns, start = np.arange(8)[:, None], np.arange(8), rng.integers(0, 4, (60, 1, 1))
    lines = np.array([rows + 0 * columns, 0 * rows + columns, rows + columns])[y]
    x = ((lines + start) % 4 < 2)[:, None] + rng.normal(0, 0.2, (60, 1, 8, 8))
    params = [
        (rng.normal(0, 0.4, (4, 1, 3, 3)), np.zeros(4)),
        (rng.normal(0, 0.2, (6, 4, 3, 3)), np.zeros(6)),
        (rng.normal(0, 0.2, (24, 3)), np.zeros(3)),
    ]
    heard = []

    def log(epoch, loss, accuracy):
        heard.append((epoch, loss, accuracy))

    params = student.train(x, y, params, learning_rate=0.1, epochs=15, batch_size=6, rng=rng, log=log)
    z, _ = student.forward(x, params)
    assert_close(float(np.mean(np.argmax(z, axis=1) == y)), 1.0, what="the share of pictures told apart")
    check([epoch for epoch, _, _ in heard] == list(range(1, 16)), f"log was called {len(heard)} times in 15 epochs")
    check(heard[-1][1] < heard[0][1] / 4, f"the loss went from {heard[0][1]} to {heard[-1][1]}, expected far lower")
