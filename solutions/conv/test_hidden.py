"""Hidden tests of `conv`: laws over random maps, judged by an oracle that goes from window to window.

The oracle below visits every place of the output in a plain loop and cuts out the window there; solutions move whole
maps. tests/oracles/test_conv.py holds it against torch. Maps, kernels and windows are drawn by shape and seed, rows
apart from columns, so that no side, stride or padding equals another by accident, no upstream gradient is 0 or 1, and
there are no ties but where a test is about ties.
"""

import math
from typing import NamedTuple

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from autograder import datasets
from autograder.testing import (
    assert_adjoint,
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
    sizes,
    snapshot,
)

# ---------------------------------------------------------------------------------------------------------- the oracle


def windows_of(shape, window, stride):
    """((r, s), rows, columns): every place of the output, and the part of the (padded) map that its window covers."""
    counts = [len(range(0, shape[2 + axis] - window[axis] + 1, stride[axis])) for axis in (0, 1)]
    for r, s in np.ndindex(*counts):
        top, left = r * stride[0], s * stride[1]
        yield (r, s), slice(top, top + window[0]), slice(left, left + window[1])


def output_of(shape, window, stride):
    """(h', v')."""
    places = [place for place, *_ in windows_of(shape, window, stride)]
    return (1 + max(r for r, _ in places), 1 + max(s for _, s in places))


def with_zeros(x, padding):
    return np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))


def oracle_conv(x, w, b, stride=(1, 1), padding=(0, 0)):
    padded, window = with_zeros(x, padding), w.shape[2:]
    out = np.zeros((len(x), len(w), *output_of(padded.shape, window, stride)))
    for (r, s), rows, columns in windows_of(padded.shape, window, stride):
        out[:, :, r, s] = np.einsum("ncut,kcut->nk", padded[:, :, rows, columns], w) + b
    return out


def oracle_conv_backward(dout, x, w, stride=(1, 1), padding=(0, 0)):
    """(dx, dw, db)."""
    padded, window = with_zeros(x, padding), w.shape[2:]
    dpadded, dw = np.zeros(padded.shape), np.zeros(w.shape)
    for (r, s), rows, columns in windows_of(padded.shape, window, stride):
        dw += np.einsum("nk,ncut->kcut", dout[:, :, r, s], padded[:, :, rows, columns])
        dpadded[:, :, rows, columns] += np.einsum("nk,kcut->ncut", dout[:, :, r, s], w)
    inside = (slice(padding[0], padding[0] + x.shape[2]), slice(padding[1], padding[1] + x.shape[3]))
    return dpadded[:, :, *inside], dw, np.einsum("nkrs->k", dout)


def oracle_pool(kind, x, window, stride):
    """kind : np.max or np.mean."""
    out = np.zeros((*x.shape[:2], *output_of(x.shape, window, stride)))
    for (r, s), rows, columns in windows_of(x.shape, window, stride):
        out[:, :, r, s] = kind(x[:, :, rows, columns], axis=(2, 3))
    return out


def oracle_pool_backward(kind, dout, x, window, stride):
    """For np.max, of equal entries the first gets it all."""
    dx = np.zeros(x.shape)
    for (r, s), rows, columns in windows_of(x.shape, window, stride):
        patch = x[:, :, rows, columns]
        if kind is np.max:
            first = patch.reshape(*patch.shape[:2], window[0] * window[1]).argmax(axis=2)[:, :, None, None]
            share = np.arange(window[0] * window[1]).reshape(window) == first
        else:
            share = np.full(patch.shape, 1 / (window[0] * window[1]))
        dx[:, :, rows, columns] += share * dout[:, :, r, s, None, None]
    return dx


def same_padding(w):
    return (w.shape[2] // 2, w.shape[3] // 2)


def oracle_forward(x, params):
    """(logits, what each layer got)."""
    inputs, a = [], x
    for w, b in params[:-1]:
        convolved = oracle_conv(a, w, b, padding=same_padding(w))
        inputs.append((a, convolved))
        a = oracle_pool(np.max, np.where(convolved > 0, convolved, 0.0), (2, 2), (2, 2))
    w, b = params[-1]
    inputs.append(a)
    return np.einsum("nchv,chvk->nk", a, w.reshape(*a.shape[1:], -1)) + b, inputs


def oracle_backward(dz, x, params):
    """The gradients of all params; which rule for ties makes no difference to them.

    Entries tie where ReLU gave 0, through which nothing passes, or where a kernel saw nothing but zeros: then dw gets
    nothing from any of them, and db the same from each.
    """
    _, inputs = oracle_forward(x, params)
    w = params[-1][0].reshape(*inputs[-1].shape[1:], -1)
    grads = [(np.einsum("nchv,nk->chvk", inputs[-1], dz).reshape(params[-1][0].shape), dz.sum(axis=0))]
    da = np.einsum("nk,chvk->nchv", dz, w)
    for (a, convolved), (w, _) in zip(inputs[-2::-1], params[-2::-1], strict=True):
        passed = np.where(convolved > 0, convolved, 0.0)
        dpassed = oracle_pool_backward(np.max, da, passed, (2, 2), (2, 2)) * (convolved > 0)
        da, dw, db = oracle_conv_backward(dpassed, a, w, padding=same_padding(w))
        grads.insert(0, (dw, db))
    return grads


def oracle_step(x, y, params, learning_rate):
    """(params after one step on the mean loss, the sum of the losses before it, right answers before it)."""
    z, _ = oracle_forward(x, params)
    log_sum = np.logaddexp.reduce(z, axis=1)
    truth = np.arange(z.shape[1]) == y[:, None]
    grads = oracle_backward((np.exp(z - log_sum[:, None]) - truth) / len(y), x, params)
    stepped = [(w - learning_rate * dw, b - learning_rate * db) for (w, b), (dw, db) in zip(params, grads, strict=True)]
    return stepped, (log_sum - z[truth]).sum(), int((z.argmax(axis=1) == y).sum())


def greatest(array):
    return float(np.max(np.abs(array), initial=0.0))


def assert_near(actual, expected, *, terms, scale, what, factors=()):
    """Within 64 eps sqrt(terms) times `scale`, what the absolute values of an entry's products sum up to at most.

    factors : two arrays whose entries are multiplied. An entry may have no products at all, as where a window sees
        nothing but padding; then the product of the greatest factors counts.
    So it does not matter in which order the products are summed, nor whether Fourier transforms sum them.
    """
    scale = max(greatest(scale), math.prod(map(greatest, factors)) if factors else 0.0)
    bound = 64 * np.finfo(expected.dtype).eps * math.sqrt(max(terms, 1)) * scale
    assert_close(actual, expected, what=what, rtol=0.0, atol=bound)


# ---------------------------------------------------------------------------------------------------- what tests draw


class Case(NamedTuple):
    """One convolution; stride and padding are pairs."""

    x: np.ndarray  # (n, c, h, v)
    w: np.ndarray  # (k, c, p, q)
    b: np.ndarray  # (k,)
    stride: tuple
    padding: tuple
    dout: np.ndarray  # (n, k, h', v'), an upstream gradient
    short: bool  # equal pairs are given as one int

    @property
    def how(self):
        return [pair[0] if self.short and pair[0] == pair[1] else pair for pair in (self.stride, self.padding)]

    def forward(self, student):
        """On copies: who changes them fails the test that forbids it, and no other."""
        return student.conv2d_forward(self.x.copy(), self.w.copy(), self.b.copy(), *self.how)

    def backward(self, student):
        """The student's (dx, dw, db) on the student's cache."""
        _, cache = self.forward(student)
        answer = student.conv2d_backward(self.dout.copy(), cache)
        check(
            type(answer) in (list, tuple) and len(answer) == 3, "conv2d_backward returns no (dx, dw, db)", "wrong_type"
        )
        return answer

    def assert_right(self, out):
        scale = oracle_conv(*map(np.abs, (self.x, self.w, self.b)), self.stride, self.padding)
        expected = oracle_conv(*self[:5]).astype(self.x.dtype)
        assert_near(out, expected, terms=self.w[0].size + 1, scale=scale, factors=(self.x, self.w), what="out")

    def assert_right_gradients(self, gradients):
        exact = oracle_conv_backward(self.dout, self.x, self.w, self.stride, self.padding)
        scales = oracle_conv_backward(*map(np.abs, (self.dout, self.x, self.w)), self.stride, self.padding)
        places = self.dout[:, 0].size
        terms = (self.w[:, 0].size, places, places)
        names, others = ("dx", "dw", "db"), (self.w, self.x, np.ones(1))
        for name, other, found, right, scale, count in zip(names, others, gradients, exact, scales, terms, strict=True):
            factors = (self.dout, other)
            assert_near(found, right.astype(self.x.dtype), terms=count, scale=scale, factors=factors, what=name)


BATCHES, STRIDES, PADDINGS = sizes(1, 3), st.tuples(sizes(1, 3), sizes(1, 3)), st.tuples(sizes(0, 2), sizes(0, 2))
WINDOWS, SPARE = sizes(1, 4), sizes(0, 4)
ANY_SEED = st.integers(0, 2**32 - 1)


@st.composite
def cases(draw, n=BATCHES, stride=STRIDES, padding=PADDINGS, sides=WINDOWS, spare=SPARE, dtype=np.float64):
    """Convolutions of every legal shape: kernels as large as the map, strides longer than the kernel, rows to spare."""
    n, stride, padding = (draw(it) if isinstance(it, st.SearchStrategy) else it for it in (n, stride, padding))
    c, k, p, q = (draw(side) for side in (sizes(1, 3), sizes(1, 3), sides, sides))
    # Often as many columns as kernels come out, so that a bias can go along the wrong axis without an error.
    spares = draw(spare), draw(st.one_of(st.just(k - 1), spare))
    h, v = (max(1, side - 2 * pad + more) for side, pad, more in zip((p, q), padding, spares, strict=True))
    rng = np.random.default_rng(draw(ANY_SEED))
    x, w, b = rng.normal(0, 2, (n, c, h, v)), rng.normal(0, 1, (k, c, p, q)), rng.normal(0, 3, k)
    padded = (n, c, h + 2 * padding[0], v + 2 * padding[1])
    dout = rng.normal(0, 2, (n, k, *output_of(padded, (p, q), stride)))
    x, w, b, dout = (array.astype(dtype) for array in (x, w, b, dout))
    return Case(x, w, b, stride, padding, dout, draw(st.booleans()))


class Pool(NamedTuple):
    """One pooling; window and stride are pairs."""

    x: np.ndarray  # (n, c, h, v)
    window: tuple
    stride: tuple
    dout: np.ndarray  # (n, c, h', v')
    short: bool

    @property
    def how(self):
        return [pair[0] if self.short and pair[0] == pair[1] else pair for pair in (self.window, self.stride)]

    def forward(self, function):
        return function(self.x.copy(), *self.how)

    def assert_right(self, kind, out):
        expected = oracle_pool(kind, self.x, self.window, self.stride).astype(self.x.dtype)
        assert_near(out, expected, terms=math.prod(self.window), scale=self.x, what="out")

    def assert_right_gradient(self, kind, dx):
        expected = oracle_pool_backward(kind, self.dout, self.x, self.window, self.stride)
        scale = oracle_pool_backward(kind, np.abs(self.dout), self.x, self.window, self.stride)
        assert_near(dx, expected.astype(self.x.dtype), terms=math.prod(self.window), scale=scale, what="dx")


@st.composite
def pools(draw, n=BATCHES, stride=STRIDES, window=WINDOWS, dtype=np.float64):
    """Pooling over windows of every shape, apart, side by side and overlapping, with rows to spare."""
    n = draw(n) if isinstance(n, st.SearchStrategy) else n
    window, stride = (draw(window), draw(window)), draw(stride)
    h, v = (side + draw(sizes(0, 5)) for side in window)
    rng = np.random.default_rng(draw(ANY_SEED))
    shape = (n, draw(sizes(1, 3)), h, v)
    x = rng.normal(draw(st.sampled_from([0.0, -9.0])), 2, shape)
    dout = rng.normal(0, 2, (*shape[:2], *output_of(shape, window, stride)))
    return Pool(x.astype(dtype), window, stride, dout.astype(dtype), draw(st.booleans()))


# -------------------------------------------------------------------------------------------------------------- sizes


@points(2, problem="sizes")
@given(size=sizes(1, 30), window=sizes(1, 12), stride=sizes(1, 12), padding=sizes(0, 6))
def test_output_size_counts_the_windows_that_fit(student, size, window, stride, padding):
    """output_size is how many windows fit; one that would reach beyond the padded end is not counted."""
    assume(window <= size + 2 * padding)
    starts = range(-padding, size + padding, stride)
    expected = sum(start + window <= size + padding for start in starts)
    assert_equal(student.output_size(size, window, stride, padding), expected)


@points(1, problem="sizes")
@given(size=sizes(1, 9), padding=sizes(0, 3), more=sizes(1, 5), bad=sizes(-2, 0))
def test_windows_that_do_not_fit_are_refused(student, size, padding, more, bad):
    """output_size raises ValueError if no window fits, window or stride is below 1, or padding is negative."""
    too_large = size + 2 * padding + more
    for arguments in (
        (size, too_large, 1, padding),
        (size, bad, 1, padding),
        (size, 1, bad, padding),
        (9, 1, 1, bad - 1),
    ):
        with assert_raises(ValueError, what=f"output_size{arguments}"):
            student.output_size(*arguments)


@points(2, problem="sizes")
@given(layers=st.lists(st.tuples(sizes(1, 5), sizes(1, 3)), max_size=4))
def test_receptive_field_is_what_one_output_sees(student, layers):
    """receptive_field is how many inputs in a row one output depends on, for any windows and strides, and no layers."""
    seen = {0}
    for window, stride in reversed(layers):
        seen = {place * stride + offset for place in seen for offset in range(window)}
    assert_equal(student.receptive_field(layers), 1 + max(seen))


# -------------------------------------------------------------------------------------------------------- convolution


@points(3, problem="convolution")
@given(case=cases(stride=(1, 1), padding=(0, 0)))
def test_convolution_is_its_formula(student, case):
    """At stride 1 and without padding, out is its docstring's sum: any number of channels, kernels of any shape."""
    case.assert_right(case.forward(student)[0])


@points(4, problem="convolution")
@given(case=cases())
def test_strides_and_paddings_have_two_axes(student, case):
    """Convolution is right for every stride and padding, given as int or pair, and windows that would not fit are left
    out."""
    case.assert_right(case.forward(student)[0])


@points(1, problem="convolution")
@settings(max_examples=25)
@given(case=cases(), seed=ANY_SEED, a=st.floats(-3, 3), b=st.floats(-3, 3))
def test_convolution_is_linear(student, case, seed, a, b):
    """Without a bias, conv(a x + b x', w) = a conv(x, w) + b conv(x', w)."""
    case = case._replace(b=np.zeros_like(case.b))
    other = case._replace(x=np.random.default_rng(seed).normal(0, 2, case.x.shape))
    mixed = case._replace(x=a * case.x + b * other.x)
    expected = a * oracle_conv(*case[:5]) + b * oracle_conv(*other[:5])
    largest = 6 * np.maximum(abs(case.x), abs(other.x))
    scale = oracle_conv(largest, abs(case.w), case.b, case.stride, case.padding)
    terms, factors = 2 * case.w[0].size, (largest, case.w)
    assert_near(mixed.forward(student)[0], expected, terms=terms, scale=scale, factors=factors, what="out")


@points(2, problem="convolution")
@settings(max_examples=25)
@given(case=cases(padding=(0, 0), spare=sizes(3, 6)))
def test_convolution_moves_with_its_maps(student, case):
    """Maps moved by one stride give an output moved by one place."""
    rows, columns = case.stride
    moved = case._replace(x=case.x[:, :, rows:, columns:].copy())
    expected = oracle_conv(*case[:5])[:, :, 1:, 1:]
    assume(moved.x.shape[2] >= case.w.shape[2] and moved.x.shape[3] >= case.w.shape[3])
    scale = oracle_conv(*map(np.abs, case[:3]))
    terms, factors = case.w[0].size + 1, (case.x, case.w)
    assert_near(moved.forward(student)[0], expected, terms=terms, scale=scale, factors=factors, what="out")


@points(1, problem="convolution")
@settings(max_examples=25)
@given(case=cases(stride=st.tuples(sizes(2, 4), sizes(2, 4)), padding=(0, 0)), seed=ANY_SEED)
def test_rows_that_no_window_reaches_do_not_matter(student, case, seed):
    """Rows and columns beyond the last window that fits, or between windows, leave out as it is."""
    out, _ = case.forward(student)
    reached = np.zeros(case.x.shape, bool)
    for _, rows, columns in windows_of(case.x.shape, case.w.shape[2:], case.stride):
        reached[:, :, rows, columns] = True
    noise = np.random.default_rng(seed).normal(0, 9, case.x.shape)
    case.assert_right(out)
    case.assert_right(case._replace(x=np.where(reached, case.x, noise)).forward(student)[0])


@points(2, problem="convolution")
@settings(max_examples=25)
@given(case=cases(n=st.sampled_from([0, 1])))
def test_convolution_of_one_picture_or_none(student, case):
    """One picture keeps its four axes, and an empty batch gives an empty one."""
    case.assert_right(case.forward(student)[0])


@points(2, problem="convolution")
@settings(max_examples=25)
@given(case=cases(dtype=np.float32))
def test_convolution_keeps_float32(student, case):
    """float32 in, float32 out, right to the precision of float32."""
    case.assert_right(case.forward(student)[0])


@points(1, problem="convolution")
@settings(max_examples=25)
@given(case=cases())
def test_convolution_leaves_its_arguments_alone(student, case):
    """conv2d_forward changes neither x nor w nor b."""
    before = snapshot(*case[:3])
    student.conv2d_forward(*case[:3], *case.how)
    assert_unchanged(case[:3], before, what="(x, w, b)")


@points(1, problem="convolution")
@settings(max_examples=25)
@given(case=cases(padding=(0, 0)), more=sizes(1, 3), bad=sizes(-2, 0), axis=st.sampled_from([0, 1]))
def test_impossible_convolutions_are_refused(student, case, more, bad, axis):
    """conv2d_forward raises ValueError for kernels of other channels or larger than the maps, a stride below 1, and a
    padding below 0."""
    k, c, p, q = case.w.shape
    side = [p, q]
    side[axis] = case.x.shape[2 + axis] + more
    wrong = np.ones(2, int)
    wrong[axis] = bad
    refused = {
        "kernels with more channels than the maps": case._replace(w=np.ones((k, c + more, p, q))),
        "kernels larger than the maps": case._replace(w=np.ones((k, c, *side))),
        f"stride {wrong.tolist()}": case._replace(stride=tuple(wrong.tolist())),
        f"padding {(wrong - 1).tolist()}": case._replace(padding=tuple((wrong - 1).tolist())),
    }
    for what, one in refused.items():
        with assert_raises(ValueError, what=f"conv2d_forward with {what}"):
            one.forward(student)


# ---------------------------------------------------------------------------------------------------------- gradients

convolution_first = needs("test_convolution_of_the_handout", "test_strides_and_paddings_have_two_axes")
few = {"n": sizes(1, 2), "sides": sizes(1, 3), "spare": sizes(0, 2)}


def loss_of(case, **replaced):
    """sum(dout * out), whose gradient with respect to out is dout."""
    return float(np.sum(case.dout * oracle_conv(*case._replace(**replaced)[:5])))


@points(4, problem="gradients")
@convolution_first
@settings(max_examples=20)
@given(case=cases(**few))
def test_kernel_gradients_agree_with_differences(student, case):
    """dw agrees with central differences of L, for any upstream gradient, stride and padding."""
    _, dw, _ = case.backward(student)
    assert_gradient(lambda w: loss_of(case, w=w), case.w, dw, what="dw")


@points(4, problem="gradients")
@convolution_first
@settings(max_examples=20)
@given(case=cases(**few))
def test_map_gradients_agree_with_differences(student, case):
    """dx agrees with central differences of L: overlapping windows add up, and the padding has no gradient."""
    dx, _, _ = case.backward(student)
    assert_gradient(lambda x: loss_of(case, x=x), case.x, dx, what="dx")


@points(2, problem="gradients")
@convolution_first
@given(case=cases())
def test_bias_gradients_sum_over_examples_and_places(student, case):
    """db has one number a kernel: the sum of dout over all examples and places."""
    _, _, db = case.backward(student)
    expected = np.array([sum(float(entry) for entry in case.dout[:, o].ravel()) for o in range(len(case.b))])
    scale = np.abs(case.dout).sum(axis=(0, 2, 3))
    assert_near(db, expected, terms=case.dout[:, 0].size, scale=scale, what="db")


@points(3, problem="gradients")
@convolution_first
@settings(max_examples=25)
@given(case=cases(), seed=ANY_SEED)
def test_backward_is_the_adjoint_of_convolution(student, case, seed):
    """<conv(x), y> = <x, dx(y)> for all x and y: without a bias, the backward pass is convolution, transposed."""
    zero = np.zeros_like(case.b)
    dx, _, _ = oracle_conv_backward(case.dout, case.x, case.w, case.stride, case.padding)
    assume(greatest(dx) > 0)  # some window sees more than padding
    _, cache = case._replace(b=zero).forward(student)
    assert_adjoint(
        lambda x: oracle_conv(x, case.w, zero, case.stride, case.padding),
        lambda y: student.conv2d_backward(y, cache)[0],
        np.random.default_rng(seed).normal(size=case.x.shape),
        case.dout,
        what="dx",
    )


@points(3, problem="gradients")
@convolution_first
@given(case=cases(n=sizes(2, 4)))
def test_gradients_are_exact(student, case):
    """dx, dw and db are right to the last digits, on maps of any shape, for any stride and padding."""
    case.assert_right_gradients(case.backward(student))


@points(1, problem="gradients")
@convolution_first
@needs("test_convolution_of_one_picture_or_none")
@settings(max_examples=25)
@given(case=cases(n=st.sampled_from([0, 1])))
def test_gradients_of_one_picture_or_none(student, case):
    """One picture keeps its axes in dx; an empty batch gives an empty dx, and a dw and db of zeros."""
    case.assert_right_gradients(case.backward(student))


@points(1, problem="gradients")
@convolution_first
@settings(max_examples=25)
@given(case=cases())
def test_backward_can_be_called_twice(student, case):
    """conv2d_backward changes neither dout nor x, w and b nor its cache: a second call gives the same gradients."""
    before = snapshot(case[:3], case.dout)
    _, cache = student.conv2d_forward(*case[:3], *case.how)
    first = snapshot(student.conv2d_backward(case.dout, cache))
    again = student.conv2d_backward(case.dout, cache)
    assert_unchanged((case[:3], case.dout), before, what="(x, w, b), dout")
    assert_close(again, first, what="the second answer", rtol=1e-12)


@points(1, problem="gradients")
@convolution_first
@settings(max_examples=25)
@given(case=cases(), seed=ANY_SEED)
def test_each_cache_belongs_to_its_own_forward(student, case, seed):
    """Two batches may be passed through at once: each cache leads to its own gradients."""
    rng = np.random.default_rng(seed)
    other = case._replace(x=rng.normal(size=case.x.shape), w=rng.normal(size=case.w.shape))
    caches = [one.forward(student)[1] for one in (case, other)]
    for one, cache in zip((case, other), caches, strict=True):
        one.assert_right_gradients(student.conv2d_backward(one.dout.copy(), cache))


@points(1, problem="gradients")
@convolution_first
@needs("test_convolution_keeps_float32")
@settings(max_examples=25)
@given(case=cases(dtype=np.float32))
def test_gradients_keep_float32(student, case):
    """dx, dw and db of float32 arrays are float32, right to its precision."""
    case.assert_right_gradients(case.backward(student))


# -------------------------------------------------------------------------------------------------------- max pooling

max_first = needs("test_max_pooling_of_the_handout", "test_max_pooling_takes_the_greatest")


@points(3, problem="max_pooling")
@given(pool=pools())
def test_max_pooling_takes_the_greatest(student, pool):
    """out is the greatest entry of every window that fits, of any shape and stride, on maps of negative numbers too."""
    pool.assert_right(np.max, pool.forward(student.max_pool_forward)[0])


@points(3, problem="max_pooling")
@max_first
@given(pool=pools())
def test_the_greatest_entry_gets_the_gradient(student, pool):
    """Each window's gradient goes to its greatest entry, and to no other; entries in no window get none."""
    _, cache = pool.forward(student.max_pool_forward)
    pool.assert_right_gradient(np.max, student.max_pool_backward(pool.dout.copy(), cache))


@points(2, problem="max_pooling")
@max_first
@settings(max_examples=25)
@given(pool=pools(stride=st.tuples(sizes(1, 2), sizes(1, 2)), window=sizes(2, 4)))
def test_gradients_of_overlapping_windows_add_up(student, pool):
    """An entry that is the greatest of several overlapping windows gets the sum of their gradients."""
    x = pool.x.copy()
    x[:, :, x.shape[2] // 2, x.shape[3] // 2] = 50.0  # in the middle, of as many windows as can be
    pool = pool._replace(x=x)
    _, cache = pool.forward(student.max_pool_forward)
    pool.assert_right_gradient(np.max, student.max_pool_backward(pool.dout.copy(), cache))


@points(2, problem="max_pooling")
@max_first
@settings(max_examples=25)
@given(pool=pools(n=sizes(1, 2)), seed=ANY_SEED, number=sizes(0, 1000))
def test_ties_share_one_gradient(student, pool, seed, number):
    """Where several entries are the greatest of a window, its gradient is passed on whole, and only to those."""
    x = np.random.default_rng(seed).integers(-1, 2, pool.x.shape).astype(np.float64)
    _, cache = pool._replace(x=x).forward(student.max_pool_forward)
    places = list(windows_of(x.shape, pool.window, pool.stride))
    (r, s), rows, columns = places[number % len(places)]
    one = np.zeros_like(pool.dout)
    one[:, :, r, s] = pool.dout[:, :, r, s]
    dx = student.max_pool_backward(one, cache)
    check(type(dx) is np.ndarray and dx.shape == x.shape, "dx has another shape than x", "wrong_shape")
    patch = x[:, :, rows, columns]
    greatest = np.zeros(x.shape, bool)
    greatest[:, :, rows, columns] = patch == patch.max(axis=(2, 3), keepdims=True)
    assert_close(np.where(greatest, 0.0, dx), np.zeros_like(x), what="dx where x is not the greatest", atol=0)
    sign = np.sign(one[:, :, r, s])[:, :, None, None]
    check(bool((dx * sign >= 0).all()), "a share of dx has another sign than its window's gradient")
    assert_close(dx.sum(axis=(2, 3)), one[:, :, r, s], what="the sum of dx", rtol=1e-12)


@points(1, problem="max_pooling")
@max_first
@settings(max_examples=25)
@given(pool=pools(n=st.sampled_from([0, 1])))
def test_max_pooling_of_one_picture_or_none(student, pool):
    """One picture keeps its axes, and an empty batch gives an empty one, forward and backward."""
    out, cache = pool.forward(student.max_pool_forward)
    pool.assert_right(np.max, out)
    pool.assert_right_gradient(np.max, student.max_pool_backward(pool.dout.copy(), cache))


@points(1, problem="max_pooling")
@max_first
@settings(max_examples=25)
@given(pool=pools(dtype=np.float32))
def test_max_pooling_keeps_float32(student, pool):
    """float32 stays float32, forward and backward."""
    out, cache = pool.forward(student.max_pool_forward)
    pool.assert_right(np.max, out)
    pool.assert_right_gradient(np.max, student.max_pool_backward(pool.dout.copy(), cache))


@points(1, problem="max_pooling")
@max_first
@settings(max_examples=25)
@given(pool=pools())
def test_max_pooling_leaves_its_arguments_alone(student, pool):
    """max_pool_forward changes not x, nor max_pool_backward dout or the cache: a second call gives the same dx."""
    before = snapshot(pool.x, pool.dout)
    _, cache = student.max_pool_forward(pool.x, *pool.how)
    first = snapshot(student.max_pool_backward(pool.dout, cache))
    again = student.max_pool_backward(pool.dout, cache)
    assert_unchanged((pool.x, pool.dout), before, what="(x, dout)")
    assert_close(again, first, what="the second answer", rtol=1e-12)


def refuse_pooling(function, name, pool, more, bad, axis):
    """ValueError for a window that does not fit, or is empty, and for a stride below 1, on either axis."""
    for what, value in (("window", pool.x.shape[2 + axis] + more), ("window", bad), ("stride", bad)):
        pair = list(getattr(pool, what))
        pair[axis] = value
        with assert_raises(ValueError, what=f"{name} of {pool.x.shape} with {what} {pair}"):
            pool._replace(**{what: tuple(pair)}).forward(function)


@points(1, problem="max_pooling")
@settings(max_examples=25)
@given(pool=pools(), more=sizes(1, 3), bad=sizes(-2, 0), axis=st.sampled_from([0, 1]))
def test_impossible_max_pooling_is_refused(student, pool, more, bad, axis):
    """max_pool_forward raises ValueError if no window fits, and for windows and strides below 1."""
    refuse_pooling(student.max_pool_forward, "max_pool_forward", pool, more, bad, axis)


# ---------------------------------------------------------------------------------------------------- average pooling

avg_first = needs("test_average_pooling_takes_the_mean")


@points(2, problem="avg_pooling")
@given(pool=pools())
def test_average_pooling_takes_the_mean(student, pool):
    """out is the mean of every window that fits, of any shape and stride."""
    pool.assert_right(np.mean, pool.forward(student.avg_pool_forward)[0])


@points(3, problem="avg_pooling")
@avg_first
@given(pool=pools(), seed=ANY_SEED)
def test_average_pooling_shares_its_gradient_out(student, pool, seed):
    """Each window's gradient is shared out evenly among its entries, and overlapping windows add up: the adjoint."""
    _, cache = pool.forward(student.avg_pool_forward)
    pool.assert_right_gradient(np.mean, student.avg_pool_backward(pool.dout.copy(), cache))
    assert_adjoint(
        lambda x: oracle_pool(np.mean, x, pool.window, pool.stride),
        lambda y: student.avg_pool_backward(y, cache),
        np.random.default_rng(seed).normal(size=pool.x.shape),
        pool.dout,
        what="dx",
    )


@points(1, problem="avg_pooling")
@avg_first
@settings(max_examples=25)
@given(pool=pools(n=st.sampled_from([0, 1]), dtype=np.float32))
def test_average_pooling_of_one_picture_or_none(student, pool):
    """One picture keeps its axes and its float32, and an empty batch gives an empty one, forward and backward."""
    out, cache = pool.forward(student.avg_pool_forward)
    pool.assert_right(np.mean, out)
    pool.assert_right_gradient(np.mean, student.avg_pool_backward(pool.dout.copy(), cache))


@points(1, problem="avg_pooling")
@avg_first
@settings(max_examples=25)
@given(pool=pools())
def test_average_pooling_leaves_its_arguments_alone(student, pool):
    """avg_pool_forward changes not x, nor avg_pool_backward dout or the cache: a second call gives the same dx."""
    before = snapshot(pool.x, pool.dout)
    _, cache = student.avg_pool_forward(pool.x, *pool.how)
    first = snapshot(student.avg_pool_backward(pool.dout, cache))
    again = student.avg_pool_backward(pool.dout, cache)
    assert_unchanged((pool.x, pool.dout), before, what="(x, dout)")
    assert_close(again, first, what="the second answer", rtol=1e-12)


@points(1, problem="avg_pooling")
@settings(max_examples=25)
@given(pool=pools(), more=sizes(1, 3), bad=sizes(-2, 0), axis=st.sampled_from([0, 1]))
def test_impossible_average_pooling_is_refused(student, pool, more, bad, axis):
    """avg_pool_forward raises ValueError if no window fits, and for windows and strides below 1."""
    refuse_pooling(student.avg_pool_forward, "avg_pool_forward", pool, more, bad, axis)


# ------------------------------------------------------------------------------------------------------------ network


class Network(NamedTuple):
    x: np.ndarray  # (n, c, h, v)
    params: list  # [(w_1, b_1), (w_2, b_2), (w_3, b_3)]
    dz: np.ndarray  # (n, classes), an upstream gradient


def pictures_and_params(rng, n, image, kernels, sides, classes):
    """x, params: normal, with biases that are not zero; sides are of each layer's kernels, (p, q)."""
    channels = (image[0], *kernels)
    params = [
        (rng.normal(0, np.sqrt(2 / (c * p * q)), (k, c, p, q)), rng.normal(0, 0.3, k))
        for c, k, (p, q) in zip(channels, kernels, sides, strict=False)
    ]
    features = kernels[-1] * (image[1] // 4) * (image[2] // 4)
    params.append((rng.normal(0, np.sqrt(2 / features), (features, classes)), rng.normal(0, 0.3, classes)))
    return rng.normal(0, 1, (n, *image)), params


@st.composite
def networks(draw, n=BATCHES):
    """Networks with kernels of every odd shape, on maps that halve evenly and on others."""
    n = draw(n) if isinstance(n, st.SearchStrategy) else n
    image = (draw(sizes(1, 2)), draw(sizes(4, 9)), draw(sizes(4, 9)))
    kernels, classes = (draw(sizes(1, 3)), draw(sizes(1, 3))), draw(sizes(2, 4))
    sides = [(draw(st.sampled_from([1, 3])), draw(st.sampled_from([1, 3, 5]))) for _ in kernels]
    rng = np.random.default_rng(draw(ANY_SEED))
    x, params = pictures_and_params(rng, n, image, kernels, sides, classes)
    return Network(x, params, rng.normal(0, 2, (n, classes)))


def assert_like(actual, expected, what):
    """To eight digits of the greatest entry: some hundred products, three times in a row, in any order."""
    parts = [part for pair in expected for part in pair] if isinstance(expected, list) else [expected]
    scale = max(1e-3, max(float(np.max(np.abs(part), initial=0.0)) for part in parts))
    assert_close(actual, expected, what=what, rtol=1e-8, atol=1e-8 * scale)


passes_first = needs(
    "test_strides_and_paddings_have_two_axes",
    "test_gradients_are_exact",
    "test_max_pooling_takes_the_greatest",
    "test_the_greatest_entry_gets_the_gradient",
)
forward_first = needs("test_the_network_is_its_formula")


@points(1, problem="network")
@settings(max_examples=15)
@given(kernels=st.sampled_from([(40, 8), (8, 40), (25, 25)]), size=st.sampled_from([1, 3, 5]), seed=ANY_SEED)
def test_weights_have_the_variance_that_relu_needs(student, kernels, size, seed):
    """initialize draws normal weights of variance 2 / fan_in from rng, by each layer's own fan_in, and zero biases."""
    image, classes = (30, 9, 12), 40
    params = student.initialize(image, kernels, size, classes, np.random.default_rng(seed))
    features = kernels[1] * 2 * 3
    shapes = [(kernels[0], image[0], size, size), (kernels[1], kernels[0], size, size), (features, classes)]
    check(type(params) in (list, tuple) and len(params) == 3, "params is no list of three pairs", "wrong_shape")
    for layer, ((w, b), shape) in enumerate(zip(params, shapes, strict=True), 1):
        check(type(w) is np.ndarray and w.dtype == np.float64, f"w_{layer} is no float64 array", "wrong_type")
        check(w.shape == shape, f"w_{layer} has shape {w.shape}, expected {shape}", "wrong_shape")
        assert_close(b, np.zeros(shape[1] if layer == 3 else shape[0]), what=f"b_{layer}", atol=0)
        fan_in = features if layer == 3 else math.prod(shape[1:])
        normal = np.sort(w.ravel() * math.sqrt(fan_in / 2))
        share = np.array([(1 + math.erf(value / math.sqrt(2))) / 2 for value in normal])
        distance = np.abs(share - (np.arange(w.size) + 0.5) / w.size).max()
        # Kolmogorov's distance: 3.2 / sqrt(draws) is exceeded once in 400,000,000 right answers.
        words = f"w_{layer} is not normal with variance 2 / {fan_in} (Kolmogorov distance {distance:.3f})"
        check(distance <= 3.2 / math.sqrt(w.size), words)
    again = student.initialize(image, kernels, size, classes, np.random.default_rng(seed))
    assert_close(again, params, what="params by the same rng")


@points(1, problem="network")
@settings(max_examples=25)
@given(even=st.sampled_from([2, 4, 6]), low=sizes(1, 3), high=sizes(4, 9), seed=ANY_SEED)
def test_networks_that_cannot_be_are_refused(student, even, low, high, seed):
    """initialize raises ValueError for kernels of even size, and for pictures with less than four rows or columns."""
    for image, size in (((1, high, high), even), ((1, low, high), 3), ((1, high, low), 3)):
        with assert_raises(ValueError, what=f"initialize with image_shape {image} and size {size}"):
            student.initialize(image, (2, 2), size, 3, np.random.default_rng(seed))


@points(2, problem="network")
@passes_first
@settings(max_examples=25)
@given(net=networks())
def test_the_network_is_its_formula(student, net):
    """z is the docstring's: twice convolution, ReLU and pooling, then a dense layer; kernels of any odd shape."""
    before = snapshot(net.x, net.params)
    z, _ = student.forward(net.x, net.params)
    assert_like(z, oracle_forward(net.x, net.params)[0], "z")
    assert_unchanged((net.x, net.params), before, what="(x, params)")


@points(2, problem="network")
@passes_first
@forward_first
@settings(max_examples=25)
@given(net=networks())
def test_the_networks_gradients_are_exact(student, net):
    """All six gradients of the network are right, for any upstream gradient, and a second call gives the same ones."""
    before = snapshot(net.dz)
    _, cache = student.forward(net.x, net.params)
    expected = oracle_backward(net.dz, net.x, net.params)
    assert_like(student.backward(net.dz, cache), expected, "grads")
    assert_like(student.backward(net.dz, cache), expected, "the second answer")
    assert_unchanged(net.dz, before, what="dz")


gradients_first = needs("test_the_network_is_its_formula", "test_the_networks_gradients_are_exact")


@st.composite
def copies(draw):
    """One picture, many times: the order of an epoch cannot matter, but every batch and its size does."""
    net = draw(networks(n=1))
    n = draw(sizes(1, 7))
    y = np.full(n, draw(st.integers(0, net.dz.shape[1] - 1)))
    return np.repeat(net.x, n, axis=0), y, net.params, draw(sizes(1, n + 1))


@points(2, problem="network")
@passes_first
@gradients_first
@settings(max_examples=15)
@given(case=copies(), epochs=sizes(0, 3), rate=st.floats(0.001, 0.05))
def test_every_batch_makes_its_step(student, case, epochs, rate):
    """Each batch makes one step on its mean loss; log hears means over all examples of an epoch, before the steps."""
    x, y, params, batch_size = case
    before, expected, history, heard = snapshot(x, y, params), params, [], []
    for _ in range(epochs):
        loss, right = 0.0, 0
        for start in range(0, len(y), batch_size):
            batch = slice(start, start + batch_size)
            expected, batch_loss, batch_right = oracle_step(x[batch], y[batch], expected, rate)
            loss, right = loss + batch_loss, right + batch_right
        history.append((loss / len(y), right / len(y)))

    def log(epoch, loss, accuracy):
        heard.append((epoch, loss, accuracy))

    trained = student.train(
        x, y, params, learning_rate=rate, epochs=epochs, batch_size=batch_size, rng=np.random.default_rng(1), log=log
    )
    assert_close(trained, expected, what="the trained params", rtol=1e-6, atol=1e-6)
    assert_unchanged((x, y, params), before, what="(x, y, params)")
    check(len(heard) == epochs, f"log was called {len(heard)} times in {epochs} epochs", "wrong_shape")
    for number, ((epoch, loss, right), (true_loss, true_right)) in enumerate(zip(heard, history, strict=True), 1):
        assert_equal(epoch, number, what="epoch")
        assert_close(loss, float(true_loss), what=f"the loss of epoch {number}", rtol=1e-6, atol=1e-6)
        assert_close(right, float(true_right), what=f"the accuracy of epoch {number}", any_float=True)


@points(1, problem="network")
@passes_first
@gradients_first
@settings(max_examples=8)
@given(seed=ANY_SEED)
def test_an_epochs_order_comes_from_rng(student, seed):
    """The order is random, labels staying with their pictures: one rng, one network, and another for another rng."""
    draw = np.random.default_rng([seed, 1])
    x, params = pictures_and_params(draw, 12, (1, 4, 4), (2, 2), [(3, 3), (3, 3)], 3)
    y = draw.integers(0, 3, 12)

    def trained(rng, batch_size):
        return student.train(x, y, params, learning_rate=0.1, epochs=2, batch_size=batch_size, rng=rng)

    first = trained(np.random.default_rng(seed), 3)
    assert_close(trained(np.random.default_rng(seed), 3), first, what="the second network", rtol=1e-9)
    other = trained(np.random.default_rng(seed + 1), 3)
    # In all parameters: where the last map is dead, the order shows in the last biases alone.
    pairs = [(one, two) for mine, yours in zip(other, first, strict=True) for one, two in zip(mine, yours, strict=True)]
    same = all(np.allclose(one, two, rtol=1e-9, atol=0) for one, two in pairs)
    check(not same, "another rng trains the very same network")
    expected = params
    for _ in range(2):
        expected, _, _ = oracle_step(x, y, expected, 0.1)
    assert_close(trained(np.random.default_rng(seed), 12), expected, what="one batch an epoch", rtol=1e-6, atol=1e-6)


KERNELS = [(8, 3, 3, 3), (16, 8, 3, 3), (144, 10)]
RECIPE = {"learning_rate": 0.12, "epochs": 10, "batch_size": 16}
BAR = 93.0  # percent; measured: see calibration.json


class Lesson(NamedTuple):
    """What a training gets, and what only the judge keeps: `held_out` and `labels`."""

    x: np.ndarray  # (n, 3, 12, 12)
    y: np.ndarray
    params: list
    held_out: np.ndarray
    labels: np.ndarray
    names: tuple


def letters(seed):
    """Ten letters that nobody has seen, in two inks: the label is that of the first ink's."""
    made = datasets.alphabet(seed, sizes=(1200, 300), side=12, hand=datasets.LOOSE, inks=True)
    rng = np.random.default_rng([seed, 1])
    params = [
        (rng.normal(0, math.sqrt(2 / fan_in), shape), np.zeros(shape[-1] if len(shape) == 2 else shape[0]))
        for shape, fan_in in zip(KERNELS, (27, 72, 144), strict=True)
    ]
    x, held_out = (4 * (part.x.reshape(-1, 3, 12, 12) - 0.5) for part in (made.train, made.held_out))
    return Lesson(x, made.train.y, params, held_out, made.held_out.y, made.train.names)


def learning(module, lesson, *, device, seed, log):
    return module.train(lesson.x, lesson.y, lesson.params, rng=np.random.default_rng(seed), log=log, **RECIPE)


def predictions(lesson, params):
    """The judge passes the held-out letters through the params itself: what counts is what was learned."""
    assert_shaped_like(params, lesson.params, what="the trained params")
    return oracle_forward(lesson.held_out, params)[0].argmax(axis=1)


@points(3, problem="network")
@limits(seconds=240, test_seconds=300)
@passes_first
@gradients_first
def test_the_network_reads_letters(training, record):
    """Trained on ten letters that nobody has seen before, two in each picture, in two inks, the network reads those of
    the first ink in other pictures."""
    kept = []

    def percent_right(lesson, params):
        kept[:] = [lesson, predictions(lesson, params)]
        return 100 * float(np.mean(kept[1] == lesson.labels))

    run = training.run(learning, letters, percent_right, title="Learning curve")
    lesson, predicted = kept
    record.confusion(f"Confusion on {len(predicted)} other pictures", lesson.labels, predicted, list(lesson.names))
    w = run.answer[0][0]
    shown = 0.5 + w / (2 * max(greatest(w), 1e-12))  # (8, 3, 3, 3)
    rows = {name: list(shown[:, channel]) for channel, name in enumerate(("red", "green", "blue"))}
    record.images("The first layer's kernels after training (grey is 0)", rows)
    training.reaches(BAR, name="accuracy on other pictures of the letters")


# -------------------------------------------------------------------------------------------------------------- speed

# One large map, and windows of few entries. Much of the time that is compared is the arrays' way to the student and
# back (a cache that holds arrays of indices goes that way, too), so the windows are small, while a step of a loop costs
# what it costs; and the map is so large that a busy machine's pauses matter less. The mean is given more room, as the
# reference has hardly anything to do there.
# Ratios as measured on two cores with some twenty processes waiting for them, which is as bad as it gets; where nobody
# waits, those of the loops are larger (of processor time alone, loops take 60 to 1000 times the reference's):
#     variants   1.3 to 3.1 (convolution)   1.2 to 3.0 (max)    1.7 to 5.3 (mean)
#     loops      17 to 82                   10 to 100           17 to 98
LIMIT, MEANS_LIMIT = 8.0, 12.0
SIDE = 448


def maps(number, *sides):
    return np.random.default_rng([number, *sides]).normal(size=sides)


def timed_convolution(module, x, w, b, dout):
    out, cache = module.conv2d_forward(x, w, b, 1, 0)
    return [out, *module.conv2d_backward(dout, cache)]


def timed_max_pooling(module, x, dout):
    out, cache = module.max_pool_forward(x, (2, 1), 1)
    return [out, module.max_pool_backward(dout, cache)]


def timed_avg_pooling(module, x, dout):
    out, cache = module.avg_pool_forward(x, (2, 1), 1)
    return [out, module.avg_pool_backward(dout, cache)]


def for_convolution(number):
    return (
        maps(number, 1, 1, SIDE, SIDE),
        maps(number, 1, 1, 2, 2),
        maps(number, 1),
        maps(number, 1, 1, SIDE - 1, SIDE - 1),
    )


def for_pooling(number):
    return maps(number, 1, 1, SIDE, SIDE), maps(number, 1, 1, SIDE - 1, SIDE)


@points(3, problem="speed")
@limits(seconds=30, test_seconds=120)
@needs("test_strides_and_paddings_have_two_axes", "test_gradients_are_exact")
def test_convolution_does_not_loop_over_pixels(race):
    """Convolution, forward and backward, takes at most 8 times as long as the reference: no loop goes over pixels."""
    race.within(LIMIT, timed_convolution, for_convolution)


@points(2, problem="speed")
@limits(seconds=30, test_seconds=120)
@needs("test_max_pooling_takes_the_greatest", "test_the_greatest_entry_gets_the_gradient")
def test_max_pooling_does_not_loop_over_pixels(race):
    """Max pooling, forward and backward, takes at most 8 times as long as the reference: no loop goes over pixels."""
    race.within(LIMIT, timed_max_pooling, for_pooling)


@points(1, problem="speed")
@limits(seconds=30, test_seconds=120)
@needs("test_average_pooling_takes_the_mean", "test_average_pooling_shares_its_gradient_out")
def test_average_pooling_does_not_loop_over_pixels(race):
    """Average pooling, both ways, takes at most 12 times as long as the reference: no loop goes over pixels."""
    race.within(MEANS_LIMIT, timed_avg_pooling, for_pooling)
