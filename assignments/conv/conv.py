"""Convolution and pooling, forward and backward, and a small network made of them, in numpy.

    out[i, o, r, s] = b[o] + sum_{c, u, t} w[o, c, u, t] * padded[i, c, r * stride + u, s * stride + t]

Letters used below: n examples, c channels, maps of h rows and v columns; k kernels of p rows and q columns; what comes
out has h' rows and v' columns; (r, s) is a place in it, and (u, t) one in a window, all counted from 0.
Maps are (n, c, h, v) arrays, float64 or float32; all arrays of one call have the same dtype, and so have the results.
n may be 0 in convolution and pooling: no examples in, none out, and gradients that are sums over examples are 0.
window, stride and padding are each an int, for both axes, or a pair (rows, columns) of ints.
`cache` is whatever a forward pass wants to remember; its backward pass gets it as it is. No function changes an
argument, except that drawing from `rng` advances it.
"""

import numpy as np  # noqa: F401


def output_size(size, window, stride=1, padding=0):
    """How many windows fit along one axis:  floor((size + 2 padding - window) / stride) + 1.

    size, window, stride : ints, at least 1.   padding : int, at least 0, how much is added at each of the two ends.
    Windows start at the padded axis's beginning, and `stride` apart; one that would reach beyond its end is left out.
    Returns an int. Raises ValueError if not even one window fits, window or stride is below 1, or padding below 0.
    """
    raise NotImplementedError("output_size: yours to write")


def receptive_field(layers):
    """How many inputs in a row one output depends on:  r = 1 + sum_l (window_l - 1) * prod_{m < l} stride_m.

    layers : list of pairs (window, stride) of ints, at least 1, along one axis, first layer first; it may be empty.
    Returns an int. No window has gaps, and padding is not counted: it is as if the axis had no ends.
    """
    raise NotImplementedError("receptive_field: yours to write")


def conv2d_forward(x, w, b, stride=1, padding=0):
    """Convolution as deep learning means it (the kernels are not flipped), with zeros around the maps.

        out[i, o, r, s] = b[o] + sum_{c, u, t} w[o, c, u, t] * padded[i, c, r * stride + u, s * stride + t]

    x : (n, c, h, v).   w : (k, c, p, q).   b : (k,).
    stride, padding : int or pair; padding rows are added above and below, padding columns on the left and right.
    Returns (out, cache): out is (n, k, h', v') with h' = output_size(h, p, stride, padding), and v' alike.
    Raises ValueError where output_size does, and if x and w differ in their number of channels.
    """
    raise NotImplementedError("conv2d_forward: yours to write")


def conv2d_backward(dout, cache):
    """The gradients of a scalar L through a convolution, from dout = dL/dout.

        dw[o, c, u, t] = sum_{i, r, s} dout[i, o, r, s] * padded[i, c, r * stride + u, s * stride + t]
        db[o] = sum_{i, r, s} dout[i, o, r, s]
        dx = the sum of dout[i, o, r, s] * w[o] over all windows, each put where its window is, without the padding

    dout : (n, k, h', v'); any numbers.   cache : from the `conv2d_forward` that made out.
    Returns (dx, dw, db), of the shapes of x, w and b. A second call with the same cache gives the same answer.
    """
    raise NotImplementedError("conv2d_backward: yours to write")


def max_pool_forward(x, window, stride):
    """The greatest entry of every window:  out[i, c, r, s] = max_{u, t} x[i, c, r * stride + u, s * stride + t].

    x : (n, c, h, v).   window, stride : int or pair. Windows overlap where stride < window, and skip entries where
    stride > window; entries in no window do not matter.
    Returns (out, cache): out is (n, c, h', v') with h' = output_size(h, window, stride), and v' alike.
    Raises ValueError where output_size does.
    """
    raise NotImplementedError("max_pool_forward: yours to write")


def max_pool_backward(dout, cache):
    """The gradient of a scalar L through max pooling: each window's goes to its greatest entry.

        dx[i, c, e, f] = the sum of dout[i, c, r, s] over all windows (r, s) whose greatest entry x[i, c, e, f] is

    dout : (n, c, h', v').   cache : from the `max_pool_forward` that made out.
    Where several entries of a window are equal and greatest, its gradient goes to any one of them, or is shared out
    among them: in shares that are not negative and sum to 1.
    Returns dx, (n, c, h, v). A second call with the same cache gives the same answer.
    """
    raise NotImplementedError("max_pool_backward: yours to write")


def avg_pool_forward(x, window, stride):
    """The mean of every window of p rows and q columns.

        out[i, c, r, s] = 1 / (p q) * sum_{u, t} x[i, c, r * stride + u, s * stride + t]

    x, window, stride, and the (out, cache) that is returned : as with max_pool_forward. Raises the same errors.
    """
    raise NotImplementedError("avg_pool_forward: yours to write")


def avg_pool_backward(dout, cache):
    """The gradient of a scalar L through average pooling: each window's is shared out evenly among its entries.

        dx[i, c, e, f] = 1 / (p q) * the sum of dout[i, c, r, s] over all windows (r, s) that hold x[i, c, e, f]

    dout : (n, c, h', v').   cache : from the `avg_pool_forward` that made out.
    Returns dx, (n, c, h, v). A second call with the same cache gives the same answer.
    """
    raise NotImplementedError("avg_pool_backward: yours to write")


def initialize(image_shape, kernels, size, classes, rng):
    """The params of the network of `forward`: normal weights of variance 2 / fan_in (He et al., 2015), zero biases.

    image_shape : (c, h, v) of one picture, h and v at least 4.   kernels : (k_1, k_2), how many in each convolution.
    size : odd int, rows and columns of every kernel.   classes : int.   rng : numpy.random.Generator.
    Returns [(w_1, b_1), (w_2, b_2), (w_3, b_3)], float64: w_1 is (k_1, c, size, size), w_2 is (k_2, k_1, size, size),
    w_3 is (k_2 floor(h/4) floor(v/4), classes), and each b has one entry for each kernel or class. A weight's fan_in
    is how many inputs one output sums up: the product of a kernel's last three sides, or the rows of w_3.
    Raises ValueError if size is even, or h or v below 4.
    """
    raise NotImplementedError("initialize: yours to write")


def forward(x, params):
    """The logits of a small network: twice convolution, ReLU and max pooling, then one dense layer.

        a_1 = pool(relu(conv(x, w_1, b_1))),   a_2 = pool(relu(conv(a_1, w_2, b_2))),   z = flat(a_2) w_3 + b_3

    conv has stride 1 and the padding that keeps the maps' size, (p // 2, q // 2) for kernels of p x q, both odd; pool
    takes 2x2 windows, 2 apart; relu(a) = max(a, 0); flat(a) is a.reshape(n, -1) in numpy's order (channels, rows,
    columns).
    x : (n, c, h, v) float64 array, n >= 1.   params : as from `initialize`, with biases of any kind.
    Returns (z, cache): the (n, classes) logits, and whatever `backward` needs.
    """
    raise NotImplementedError("forward: yours to write")


def backward(dz, cache):
    """The gradients of a scalar L with respect to all params of the network, from dz = dL/dz.

    dz : (n, classes) float64 array; any numbers.   cache : from the `forward` that made z.
    Returns [(dw_1, db_1), (dw_2, db_2), (dw_3, db_3)], each of the shape of its w and b. (relu'(0) = 0.)
    A second call with the same cache gives the same answer.
    """
    raise NotImplementedError("backward: yours to write")


def train(x, y, params, *, learning_rate, epochs, batch_size, rng, log=None):
    """Minibatch gradient descent on the mean cross-entropy L = -1/m sum_i log softmax(z)[i, y[i]] of each batch.

        for every batch of m examples:   w <- w - learning_rate dL/dw,   b <- b - learning_rate dL/db

    x : (n, c, h, v) float64 array.   y : (n,) int array of labels.   params : where to start.
    Logits may be large, and far apart within a batch: |z| <= 1e4 at every step; losses and steps are right then, too.
    epochs : int, at least 0. In each one, all examples are put in a new random order, labels with their examples, and
        cut into batches of batch_size, of which the last holds what is left; every batch makes one step.
    rng : numpy.random.Generator: the only source of chance; the same one gives the same network.
    log : None, or a function, called after every epoch as log(epoch=1.., loss=.., accuracy=..) with two floats: the
        mean loss of an example, in nats, and the share of right answers (greatest logits at the labels), over all
        examples of the epoch as their batches came, each taken before the step on it.
    Returns the trained params, in new arrays; the given ones stay as they are.
    """
    raise NotImplementedError("train: yours to write")
