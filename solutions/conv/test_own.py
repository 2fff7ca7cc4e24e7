"""Tests of one's own for convolution and pooling that catch every wrong answer and accept every right one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from autograder.testing import assert_close, assert_equal, assert_raises, assert_unchanged, images, items_of, snapshot

SIZES = st.integers(1, 3)


def windows_that_fit(size, window, stride, padding):
    """Counted one by one."""
    return len([start for start in range(0, size + 2 * padding, stride) if start + window <= size + 2 * padding])


def convolved(x, w, b, stride, padding):
    """The formula, entry by entry."""
    (rows, columns), (above, left) = stride, padding
    padded = np.pad(x, ((0, 0), (0, 0), (above, above), (left, left)))
    height = windows_that_fit(x.shape[2], w.shape[2], rows, above)
    width = windows_that_fit(x.shape[3], w.shape[3], columns, left)
    out = np.zeros((len(x), len(w), height, width))
    for i, o, r, s in np.ndindex(out.shape):
        window = padded[i, :, r * rows : r * rows + w.shape[2], s * columns : s * columns + w.shape[3]]
        out[i, o, r, s] = b[o] + (w[o] * window).sum()
    return out


def pooled(x, window, stride, reduce):
    """The formula of pooling, entry by entry."""
    height = windows_that_fit(x.shape[2], window[0], stride[0], 0)
    width = windows_that_fit(x.shape[3], window[1], stride[1], 0)
    out = np.zeros((*x.shape[:2], height, width))
    for i, c, r, s in np.ndindex(out.shape):
        top, left = r * stride[0], s * stride[1]
        out[i, c, r, s] = reduce(x[i, c, top : top + window[0], left : left + window[1]])
    return out


@given(size=st.integers(3, 9), window=SIZES, stride=SIZES, padding=st.integers(0, 2))
def test_output_size_counts_windows(student, size, window, stride, padding):
    """As many as there are places to begin."""
    assert_equal(student.output_size(size, window, stride, padding), windows_that_fit(size, window, stride, padding))


def test_a_window_that_does_not_fit_is_refused(student):
    """ValueError where not even one window fits."""
    with assert_raises(ValueError):
        student.output_size(3, 5)


def test_receptive_field_of_no_layer(student):
    """One input."""
    assert_equal(student.receptive_field([]), 1)


@given(layers=st.lists(st.tuples(st.integers(1, 4), SIZES), min_size=1, max_size=3))
def test_receptive_field_walks_back(student, layers):
    """From one output back to its inputs, layer by layer."""
    seen = 1
    for window, stride in reversed(layers):
        seen = (seen - 1) * stride + window
    assert_equal(student.receptive_field(layers), seen)


@st.composite
def convolutions(draw):
    """(x, w, b, stride, padding), with sides that differ and windows that fit."""
    channels, kernels = draw(SIZES), draw(SIZES)
    x = draw(images(n=draw(st.integers(1, 2)), c=channels, h=draw(st.integers(3, 6)), w=draw(st.integers(3, 6))))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    w = rng.normal(size=(kernels, channels, draw(SIZES), draw(SIZES)))
    stride, padding = draw(st.tuples(SIZES, SIZES)), draw(st.tuples(st.integers(0, 2), st.integers(0, 2)))
    return x, w, rng.normal(size=kernels), stride, padding


@given(drawn=convolutions())
def test_convolution_is_its_formula(student, drawn):
    """Entry by entry."""
    x, w, b, stride, padding = drawn
    out, _ = items_of(student.conv2d_forward(x, w, b, stride, padding), "out", "cache")
    assert_close(out, convolved(*drawn), rtol=1e-10, atol=1e-10)


def test_as_many_kernels_as_channels(student):
    """The axes of w are kernels, then channels."""
    rng = np.random.default_rng(0)
    drawn = rng.normal(size=(1, 3, 5, 4)), rng.normal(size=(3, 3, 2, 2)), rng.normal(size=3), (2, 1), (0, 1)
    out, _ = items_of(student.conv2d_forward(*drawn), "out", "cache")
    assert_close(out, convolved(*drawn), rtol=1e-10, atol=1e-10)


def test_convolution_keeps_float32(student):
    """The result has x's dtype."""
    x, w = np.ones((1, 1, 3, 3), np.float32), np.ones((1, 1, 2, 2), np.float32)
    out, _ = items_of(student.conv2d_forward(x, w, np.zeros(1, np.float32)), "out", "cache")
    assert_close(out, np.full((1, 1, 2, 2), 4, np.float32))


@given(drawn=convolutions())
def test_convolution_leaves_its_arguments(student, drawn):
    """x, w and b are as they were."""
    x, w, b, stride, padding = drawn
    before = snapshot(x, w, b)
    student.conv2d_forward(x, w, b, stride, padding)
    assert_unchanged((x, w, b), before)


def test_channels_must_agree(student):
    """ValueError where x and w differ in their channels."""
    with assert_raises(ValueError):
        student.conv2d_forward(np.zeros((1, 2, 3, 3)), np.zeros((1, 3, 2, 2)), np.zeros(1))


@given(
    x=images(h=st.integers(3, 7), w=st.integers(3, 7)), window=st.tuples(SIZES, SIZES), stride=st.tuples(SIZES, SIZES)
)
def test_max_pooling_is_its_formula(student, x, window, stride):
    """The greatest of each window."""
    out, _ = items_of(student.max_pool_forward(x, window, stride), "out", "cache")
    assert_close(out, pooled(x, window, stride, np.max), rtol=1e-12)


@given(
    x=images(h=st.integers(3, 7), w=st.integers(3, 7)), window=st.tuples(SIZES, SIZES), stride=st.tuples(SIZES, SIZES)
)
def test_average_pooling_is_its_formula(student, x, window, stride):
    """The mean of each window."""
    out, _ = items_of(student.avg_pool_forward(x, window, stride), "out", "cache")
    assert_close(out, pooled(x, window, stride, np.mean), rtol=1e-10, atol=1e-12)
