"""Convolution and pooling by a loop over the places in a window; what a place sees is a strided slice."""

import numpy as np


def pair(value):
    if isinstance(value, (tuple, list)):
        return int(value[0]), int(value[1])
    return int(value), int(value)


def output_size(size, window, stride=1, padding=0):
    if window < 1 or stride < 1:
        raise ValueError("window and stride must be at least 1")
    if padding < 0:
        raise ValueError("padding must not be negative")
    room = size + 2 * padding - window
    if room < 0:
        raise ValueError("not even one window fits")
    return room // stride + 1


def receptive_field(layers):
    seen, jump = 1, 1
    for window, stride in layers:
        seen += jump * (window - 1)
        jump *= stride
    return seen


def seen_at(maps, u, t, stride, size):
    """What all windows have at their place (u, t): a view of the maps."""
    return maps[
        :, :, u : u + (size[0] - 1) * stride[0] + 1 : stride[0], t : t + (size[1] - 1) * stride[1] + 1 : stride[1]
    ]


def with_zeros(x, padding):
    n, c, h, v = x.shape
    maps = np.zeros((n, c, h + 2 * padding[0], v + 2 * padding[1]), dtype=x.dtype)
    maps[:, :, padding[0] : padding[0] + h, padding[1] : padding[1] + v] = x
    return maps


def conv2d_forward(x, w, b, stride=1, padding=0):
    if x.shape[1] != w.shape[1]:
        raise ValueError("x and w differ in their number of channels")
    stride, padding = pair(stride), pair(padding)
    k, _, p, q = w.shape
    size = (
        output_size(x.shape[2], p, stride[0], padding[0]),
        output_size(x.shape[3], q, stride[1], padding[1]),
    )
    maps = with_zeros(x, padding)
    out = np.zeros((len(x), k, *size), dtype=x.dtype)
    for u in range(p):
        for t in range(q):
            out += np.einsum("ncrs,kc->nkrs", seen_at(maps, u, t, stride, size), w[:, :, u, t], optimize=True)
    out += b.reshape(1, k, 1, 1)
    return out, {"x": x, "w": w, "stride": stride, "padding": padding}


def conv2d_backward(dout, cache):
    x, w, stride, padding = cache["x"], cache["w"], cache["stride"], cache["padding"]
    maps = with_zeros(x, padding)
    dmaps = np.zeros_like(maps)
    dw = np.zeros_like(w)
    size = dout.shape[2:]
    for u in range(w.shape[2]):
        for t in range(w.shape[3]):
            seen = seen_at(maps, u, t, stride, size)
            dw[:, :, u, t] = np.einsum("nkrs,ncrs->kc", dout, seen, optimize=True)
            target = seen_at(dmaps, u, t, stride, size)
            target += np.einsum("nkrs,kc->ncrs", dout, w[:, :, u, t], optimize=True)
    h, v = x.shape[2:]
    dx = dmaps[:, :, padding[0] : padding[0] + h, padding[1] : padding[1] + v]
    return dx.copy(), dw, dout.sum(axis=(0, 2, 3))


def pool_sizes(x, window, stride):
    return tuple(output_size(side, part, step) for side, part, step in zip(x.shape[2:], window, stride))


def max_pool_forward(x, window, stride):
    window, stride = pair(window), pair(stride)
    size = pool_sizes(x, window, stride)
    out = seen_at(x, 0, 0, stride, size).copy()
    winner = np.zeros(out.shape, dtype=int)
    for place in range(1, window[0] * window[1]):
        rival = seen_at(x, *divmod(place, window[1]), stride, size)
        better = rival > out
        out[better] = rival[better]
        winner[better] = place
    return out, (x.shape, window, stride, winner)


def max_pool_backward(dout, cache):
    shape, window, stride, winner = cache
    dx = np.zeros(shape, dtype=dout.dtype)
    for place in range(window[0] * window[1]):
        target = seen_at(dx, *divmod(place, window[1]), stride, dout.shape[2:])
        target += dout * (winner == place)
    return dx


def avg_pool_forward(x, window, stride):
    window, stride = pair(window), pair(stride)
    size = pool_sizes(x, window, stride)
    total = np.zeros((*x.shape[:2], *size), dtype=x.dtype)
    for u in range(window[0]):
        for t in range(window[1]):
            total += seen_at(x, u, t, stride, size)
    total /= window[0] * window[1]
    return total, (x.shape, window, stride)


def avg_pool_backward(dout, cache):
    shape, window, stride = cache
    share = dout / (window[0] * window[1])
    dx = np.zeros(shape, dtype=dout.dtype)
    for u in range(window[0]):
        for t in range(window[1]):
            target = seen_at(dx, u, t, stride, dout.shape[2:])
            target += share
    return dx


def initialize(image_shape, kernels, size, classes, rng):
    c, h, v = image_shape
    if size % 2 != 1:
        raise ValueError("size must be odd")
    if min(h, v) < 4:
        raise ValueError("pictures must have at least 4 rows and columns")
    first, second = kernels
    shapes = [(first, c, size, size), (second, first, size, size), (second * (h // 4) * (v // 4), classes)]
    fans = [c * size * size, first * size * size, shapes[2][0]]
    units = [first, second, classes]
    params = []
    for shape, fan_in, count in zip(shapes, fans, units):
        params.append((np.sqrt(2.0 / fan_in) * rng.standard_normal(shape), np.zeros(count)))
    return params


def stage(x, w, b):
    """pool(relu(conv(x))), and what its way back needs."""
    z, conv_cache = conv2d_forward(x, w, b, 1, (w.shape[2] // 2, w.shape[3] // 2))
    pooled, pool_cache = max_pool_forward(np.maximum(z, 0), 2, 2)
    return pooled, (conv_cache, z > 0, pool_cache)


def stage_back(da, cache):
    conv_cache, is_open, pool_cache = cache
    return conv2d_backward(max_pool_backward(da, pool_cache) * is_open, conv_cache)


def forward(x, params):
    (w1, b1), (w2, b2), (w3, b3) = params
    a1, first = stage(x, w1, b1)
    a2, second = stage(a1, w2, b2)
    flat = a2.reshape(len(x), -1)
    return flat.dot(w3) + b3, (first, second, flat, a2.shape, w3)


def backward(dz, cache):
    first, second, flat, shape, w3 = cache
    last = (flat.T.dot(dz), dz.sum(axis=0))
    da1, dw2, db2 = stage_back(dz.dot(w3.T).reshape(shape), second)
    _, dw1, db1 = stage_back(da1, first)
    return [(dw1, db1), (dw2, db2), last]


def mean_loss(z, y):
    """The mean cross-entropy of a batch and its gradient, and how many are right."""
    shifted = z - z.max(axis=1, keepdims=True)
    sums = np.exp(shifted).sum(axis=1, keepdims=True)
    hot = np.zeros(z.shape)
    hot[np.arange(len(y)), y] = 1
    losses = np.log(sums[:, 0]) - (shifted * hot).sum(axis=1)
    return losses, (np.exp(shifted) / sums - hot) / len(y), int((z.argmax(axis=1) == y).sum())


def train(x, y, params, *, learning_rate, epochs, batch_size, rng, log=None):
    params = [(w.copy(), b.copy()) for w, b in params]
    n = len(x)
    for epoch in range(1, epochs + 1):
        order = rng.permutation(n)
        total, right = 0.0, 0
        for begin in range(0, n, batch_size):
            part = order[begin : begin + batch_size]
            z, cache = forward(x[part], params)
            losses, dz, hits = mean_loss(z, y[part])
            total += float(losses.sum())
            right += hits
            grads = backward(dz, cache)
            params = [
                (w - learning_rate * dw, b - learning_rate * db) for (w, b), (dw, db) in zip(params, grads)
            ]
        if log is not None:
            log(epoch=epoch, loss=total / n, accuracy=right / n)
    return params
