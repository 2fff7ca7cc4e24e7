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

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def output_size(size, window, stride=1, padding=0):
    """How many windows fit along one axis:  floor((size + 2 padding - window) / stride) + 1.

    size, window, stride : ints, at least 1.   padding : int, at least 0, how much is added at each of the two ends.
    Windows start at the padded axis's beginning, and `stride` apart; one that would reach beyond its end is left out.
    Returns an int. Raises ValueError if not even one window fits, window or stride is below 1, or padding below 0.
    """
    if window < 1 or stride < 1 or padding < 0:
        raise ValueError(f"window {window}, stride {stride} and padding {padding} must be at least 1, 1 and 0")
    room = size + 2 * padding - window
    if room < 0:
        raise ValueError(f"a window of {window} does not fit into {size} with {padding} of padding at both ends")
    return room // stride + 1


def receptive_field(layers):
    """How many inputs in a row one output depends on:  r = 1 + sum_l (window_l - 1) * prod_{m < l} stride_m.

    layers : list of pairs (window, stride) of ints, at least 1, along one axis, first layer first; it may be empty.
    Returns an int. No window has gaps, and padding is not counted: it is as if the axis had no ends.
    """
    field, step = 1, 1
    for window, stride in layers:
        field += (window - 1) * step
        step *= stride
    return field


def conv2d_forward(x, w, b, stride=1, padding=0):
    """Convolution as deep learning means it (the kernels are not flipped), with zeros around the maps.

        out[i, o, r, s] = b[o] + sum_{c, u, t} w[o, c, u, t] * padded[i, c, r * stride + u, s * stride + t]

    x : (n, c, h, v).   w : (k, c, p, q).   b : (k,).
    stride, padding : int or pair; padding rows are added above and below, padding columns on the left and right.
    Returns (out, cache): out is (n, k, h', v') with h' = output_size(h, p, stride, padding), and v' alike.
    Raises ValueError where output_size does, and if x and w differ in their number of channels.
    """
    n, channels = x.shape[:2]
    count, expected, p, q = w.shape
    if channels != expected:
        raise ValueError(f"the maps have {channels} channels, but the kernels have {expected}")
    stride, padding = _pair(stride), _pair(padding)
    shape = _output_shape(x, (p, q), stride, padding)
    columns = _columns(_padded(x, padding), (p, q), stride)  # (n, c p q, h' v')
    out = np.matmul(w.reshape(count, -1), columns)  # (n, k, h' v')
    out += b[:, None]
    return out.reshape(n, count, *shape), (x, w, stride, padding)


def conv2d_backward(dout, cache):
    """The gradients of a scalar L through a convolution, from dout = dL/dout.

        dw[o, c, u, t] = sum_{i, r, s} dout[i, o, r, s] * padded[i, c, r * stride + u, s * stride + t]
        db[o] = sum_{i, r, s} dout[i, o, r, s]
        dx = the sum of dout[i, o, r, s] * w[o] over all windows, each put where its window is, without the padding

    dout : (n, k, h', v'); any numbers.   cache : from the `conv2d_forward` that made out.
    Returns (dx, dw, db), of the shapes of x, w and b. A second call with the same cache gives the same answer.
    """
    x, w, stride, padding = cache
    n, channels, height, width = x.shape
    count, _, p, q = w.shape
    # Made anew: to fill the columns again is quicker than to keep them, p q times as large as x, from pass to pass.
    columns = _columns(_padded(x, padding), (p, q), stride)  # (n, c p q, h' v')
    flat = dout.reshape(n, count, dout.shape[2] * dout.shape[3])  # (n, k, h' v')
    dw = np.matmul(flat, columns.transpose(0, 2, 1)).sum(axis=0).reshape(w.shape)
    db = flat.sum(axis=(0, 2))
    dcolumns = np.matmul(w.reshape(count, -1).T, flat)  # (n, c p q, h' v')
    dcolumns = dcolumns.reshape(n, channels, p, q, *dout.shape[2:])
    dpadded = np.zeros((n, channels, height + 2 * padding[0], width + 2 * padding[1]), dout.dtype)
    for (u, t), view in _slices(dpadded, (p, q), stride):
        view += dcolumns[:, :, u, t]
    return dpadded[:, :, padding[0] : padding[0] + height, padding[1] : padding[1] + width], dw, db


def max_pool_forward(x, window, stride):
    """The greatest entry of every window:  out[i, c, r, s] = max_{u, t} x[i, c, r * stride + u, s * stride + t].

    x : (n, c, h, v).   window, stride : int or pair. Windows overlap where stride < window, and skip entries where
    stride > window; entries in no window do not matter.
    Returns (out, cache): out is (n, c, h', v') with h' = output_size(h, window, stride), and v' alike.
    Raises ValueError where output_size does.
    """
    window, stride = _pair(window), _pair(stride)
    _output_shape(x, window, stride)
    views = _slices(x, window, stride)
    out = views[0][1].copy()
    winner = np.zeros(out.shape, np.min_scalar_type(len(views)))  # the number of the offset that the maximum is from
    for number, (_, view) in enumerate(views[1:], 1):
        winner[view > out] = number
        np.maximum(out, view, out=out)
    return out, (x.shape, winner, window, stride)


def max_pool_backward(dout, cache):
    """The gradient of a scalar L through max pooling: each window's goes to its greatest entry.

        dx[i, c, e, f] = the sum of dout[i, c, r, s] over all windows (r, s) whose greatest entry x[i, c, e, f] is

    dout : (n, c, h', v').   cache : from the `max_pool_forward` that made out.
    Where several entries of a window are equal and greatest, its gradient goes to any one of them, or is shared out
    among them: in shares that are not negative and sum to 1.
    Returns dx, (n, c, h, v). A second call with the same cache gives the same answer.
    """
    shape, winner, window, stride = cache
    dx = np.zeros(shape, dout.dtype)
    for number, (_, view) in enumerate(_slices(dx, window, stride)):
        view += dout * (winner == number)
    return dx


def avg_pool_forward(x, window, stride):
    """The mean of every window of p rows and q columns.

        out[i, c, r, s] = 1 / (p q) * sum_{u, t} x[i, c, r * stride + u, s * stride + t]

    x, window, stride, and the (out, cache) that is returned : as with max_pool_forward. Raises the same errors.
    """
    window, stride = _pair(window), _pair(stride)
    out = np.zeros(x.shape[:2] + _output_shape(x, window, stride), x.dtype)
    for _, view in _slices(x, window, stride):
        out += view
    out /= window[0] * window[1]
    return out, (x.shape, window, stride)


def avg_pool_backward(dout, cache):
    """The gradient of a scalar L through average pooling: each window's is shared out evenly among its entries.

        dx[i, c, e, f] = 1 / (p q) * the sum of dout[i, c, r, s] over all windows (r, s) that hold x[i, c, e, f]

    dout : (n, c, h', v').   cache : from the `avg_pool_forward` that made out.
    Returns dx, (n, c, h, v). A second call with the same cache gives the same answer.
    """
    shape, window, stride = cache
    dx = np.zeros(shape, dout.dtype)
    share = dout / (window[0] * window[1])
    for _, view in _slices(dx, window, stride):
        view += share
    return dx


def initialize(image_shape, kernels, size, classes, rng):
    """The params of the network of `forward`: normal weights of variance 2 / fan_in (He et al., 2015), zero biases.

    image_shape : (c, h, v) of one picture, h and v at least 4.   kernels : (k_1, k_2), how many in each convolution.
    size : odd int, rows and columns of every kernel.   classes : int.   rng : numpy.random.Generator.
    Returns [(w_1, b_1), (w_2, b_2), (w_3, b_3)], float64: w_1 is (k_1, c, size, size), w_2 is (k_2, k_1, size, size),
    w_3 is (k_2 floor(h/4) floor(v/4), classes), and each b has one entry for each kernel or class. A weight's fan_in
    is how many inputs one output sums up: the product of a kernel's last three sides, or the rows of w_3.
    Raises ValueError if size is even, or h or v below 4.
    """
    channels, height, width = image_shape
    first, second = kernels
    if size % 2 == 0:
        raise ValueError(f"size is {size}, but only odd kernels leave maps as large as they are")
    if min(height, width) < 4:
        raise ValueError(f"pictures of {height} x {width} are too small to be halved twice")
    features = second * (height // 4) * (width // 4)
    shapes = [(first, channels, size, size), (second, first, size, size), (features, classes)]
    params = []
    for shape in shapes:
        is_dense = len(shape) == 2
        fan_in = shape[0] if is_dense else np.prod(shape[1:])
        params.append((rng.normal(0, np.sqrt(2 / fan_in), shape), np.zeros(shape[1] if is_dense else shape[0])))
    return params


def forward(x, params):
    """The logits of a small network: twice convolution, ReLU and max pooling, then one dense layer.

        a_1 = pool(relu(conv(x, w_1, b_1))),   a_2 = pool(relu(conv(a_1, w_2, b_2))),   z = flat(a_2) w_3 + b_3

    conv has stride 1 and the padding that keeps the maps' size, (p // 2, q // 2) for kernels of p x q, both odd; pool
    takes 2x2 windows, 2 apart; relu(a) = max(a, 0); flat(a) is a.reshape(n, -1) in numpy's order (channels, rows,
    columns).
    x : (n, c, h, v) float64 array, n >= 1.   params : as from `initialize`, with biases of any kind.
    Returns (z, cache): the (n, classes) logits, and whatever `backward` needs.
    """
    caches = []
    a = x
    for w, b in params[:-1]:
        a, convolved = conv2d_forward(a, w, b, 1, (w.shape[2] // 2, w.shape[3] // 2))
        np.maximum(a, 0, out=a)
        positive = a > 0
        a, pooled = max_pool_forward(a, 2, 2)
        caches.append((convolved, positive, pooled))
    w, b = params[-1]
    flat = a.reshape(len(a), -1)  # (n, features)
    return flat @ w + b, (caches, flat, w, a.shape)


def backward(dz, cache):
    """The gradients of a scalar L with respect to all params of the network, from dz = dL/dz.

    dz : (n, classes) float64 array; any numbers.   cache : from the `forward` that made z.
    Returns [(dw_1, db_1), (dw_2, db_2), (dw_3, db_3)], each of the shape of its w and b. (relu'(0) = 0.)
    A second call with the same cache gives the same answer.
    """
    caches, flat, w, shape = cache
    grads = [(flat.T @ dz, dz.sum(axis=0))]
    da = (dz @ w.T).reshape(shape)
    for convolved, positive, pooled in reversed(caches):
        da = max_pool_backward(da, pooled) * positive
        da, dw, db = conv2d_backward(da, convolved)
        grads.append((dw, db))
    return grads[::-1]


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
    params = [(w.copy(), b.copy()) for w, b in params]
    for epoch in range(1, epochs + 1):
        order, loss_sum, right = rng.permutation(len(x)), 0.0, 0
        for start in range(0, len(x), batch_size):
            chosen = order[start : start + batch_size]
            z, cache = forward(x[chosen], params)
            losses, dz = _cross_entropy(z, y[chosen])
            for (w, b), (dw, db) in zip(params, backward(dz / len(chosen), cache), strict=True):
                w -= learning_rate * dw
                b -= learning_rate * db
            loss_sum += float(losses.sum())
            right += int((z.argmax(axis=1) == y[chosen]).sum())
        if log is not None:
            log(epoch=epoch, loss=loss_sum / len(x), accuracy=right / len(x))
    return params


def _cross_entropy(z, y):
    """(each example's loss, the gradient of their sum with respect to z)."""
    rows = np.arange(len(z))
    shifted = z - z.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))  # (n, classes)
    dz = np.exp(log_p)
    dz[rows, y] -= 1
    return -log_p[rows, y], dz


def _pair(value):
    """(for the rows, for the columns)."""
    return (int(value), int(value)) if np.ndim(value) == 0 else (int(value[0]), int(value[1]))


def _output_shape(x, window, stride, padding=(0, 0)):
    return tuple(output_size(x.shape[2 + axis], window[axis], stride[axis], padding[axis]) for axis in (0, 1))


def _padded(x, padding):
    """x with zeros around its maps; x itself where there is nothing to add."""
    if padding == (0, 0):
        return x
    n, channels, height, width = x.shape
    padded = np.zeros((n, channels, height + 2 * padding[0], width + 2 * padding[1]), x.dtype)
    padded[:, :, padding[0] : padding[0] + height, padding[1] : padding[1] + width] = x
    return padded


def _columns(padded, window, stride):
    """Every window as one column, so that a convolution becomes a matrix product: (n, c p q, h' v')."""
    views = sliding_window_view(padded, window, axis=(2, 3))[:, :, :: stride[0], :: stride[1]]  # (n, c, h', v', p, q)
    n, channels, height, width, p, q = views.shape
    return views.transpose(0, 1, 4, 5, 2, 3).reshape(n, channels * p * q, height * width)


def _slices(x, window, stride):
    """[((u, t), view)]: for each offset (u, t) in a window, a view (n, c, h', v') of all windows' entries there."""
    height, width = _output_shape(x, window, stride)
    return [
        ((u, t), x[:, :, u : u + height * stride[0] : stride[0], t : t + width * stride[1] : stride[1]])
        for u in range(window[0])
        for t in range(window[1])
    ]
