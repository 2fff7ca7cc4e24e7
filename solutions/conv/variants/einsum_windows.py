"""Right, with einsum over views of windows; the way back is a convolution of the spread-out gradient with flipped
kernels. Caches are functions. Of equal maxima the last one counts."""

import numpy as np
from numpy.lib.stride_tricks import as_strided


def output_size(size, window, stride=1, padding=0):
    if window < 1:
        raise ValueError("empty window")
    if stride < 1:
        raise ValueError("no stride")
    if padding < 0:
        raise ValueError("negative padding")
    count = len(range(0, size + 2 * padding - window + 1, stride))
    if count == 0:
        raise ValueError("too large a window")
    return count


def receptive_field(layers):
    strides = [stride for _, stride in layers]
    return 1 + sum((window - 1) * int(np.prod(strides[:i], dtype=int)) for i, (window, _) in enumerate(layers))


def axes(value):
    return np.broadcast_to(value, 2).tolist()


def views(x, window, stride):
    """(n, c, h', v', p, q), sharing x's memory."""
    n, c, h, v = x.shape
    rows, columns = output_size(h, window[0], stride[0]), output_size(v, window[1], stride[1])
    a, b, d, e = x.strides
    strides = (a, b, d * stride[0], e * stride[1], d, e)
    return as_strided(x, (n, c, rows, columns, *window), strides, writeable=False)


def surrounded(x, rows, columns):
    n, c, h, v = x.shape
    out = np.zeros((n, c, h + 2 * rows, v + 2 * columns), dtype=x.dtype)
    out[:, :, rows : rows + h, columns : columns + v] = x
    return out


def conv2d_forward(x, w, b, stride=1, padding=0):
    stride, padding = axes(stride), axes(padding)
    for axis in (0, 1):
        output_size(x.shape[2 + axis], w.shape[2 + axis], stride[axis], padding[axis])
    if w.shape[1] != x.shape[1]:
        raise ValueError("channels")
    padded = surrounded(x, *padding)
    windows = views(padded, w.shape[2:], stride)
    out = np.einsum("ncrsut,kcut->nkrs", windows, w, optimize=True) + b[None, :, None, None]

    def back(dout):
        dw = np.einsum("ncrsut,nkrs->kcut", windows, dout, optimize=True)
        k, _, p, q = w.shape
        n, _, h, v = padded.shape
        # Zeros between the places of the output, and around them, undo the strides.
        spread = np.zeros((n, k, h + p - 1, v + q - 1), dout.dtype)
        rows, columns = dout.shape[2:]
        inner = spread[:, :, p - 1 : p + (rows - 1) * stride[0], q - 1 : q + (columns - 1) * stride[1]]
        inner[:, :, :: stride[0], :: stride[1]] = dout
        flipped = w[:, :, ::-1, ::-1]
        dpadded = np.einsum("nkrsut,kcut->ncrs", views(spread, (p, q), (1, 1)), flipped, optimize=True)
        crop = dpadded[:, :, padding[0] : h - padding[0], padding[1] : v - padding[1]]
        return crop, dw, np.einsum("nkrs->k", dout)

    return out, back


def conv2d_backward(dout, cache):
    return cache(dout)


def max_pool_forward(x, window, stride):
    window, stride = axes(window), axes(stride)
    x = np.ascontiguousarray(x)
    windows = views(x, window, stride)
    n, c, rows, columns, p, q = windows.shape
    flat = windows.reshape(n, c, rows, columns, p * q)
    last = p * q - 1 - flat[..., ::-1].argmax(axis=-1)

    def back(dout):
        u, t = np.divmod(last, q)
        place = (u + np.arange(rows)[:, None] * stride[0]) * x.shape[3] + t + np.arange(columns) * stride[1]
        place = place + np.arange(n * c).reshape(n, c, 1, 1) * (x.shape[2] * x.shape[3])
        return np.bincount(place.ravel(), dout.ravel(), x.size).reshape(x.shape).astype(dout.dtype)

    return flat.max(axis=-1), back


def max_pool_backward(dout, cache):
    return cache(dout)


def avg_pool_forward(x, window, stride):
    window, stride = axes(window), axes(stride)
    out = views(np.ascontiguousarray(x), window, stride).mean(axis=(4, 5))

    def back(dout):
        dx = np.zeros(x.shape, dout.dtype)
        rows = [r * stride[0] + np.arange(window[0]) for r in range(out.shape[2])]
        columns = [s * stride[1] + np.arange(window[1]) for s in range(out.shape[3])]
        # Which rows a place's window covers, as a matrix of zeros and ones; the same for columns.
        up, across = np.zeros((x.shape[2], len(rows))), np.zeros((x.shape[3], len(columns)))
        for r, covered in enumerate(rows):
            up[covered, r] = 1 / window[0]
        for s, covered in enumerate(columns):
            across[covered, s] = 1 / window[1]
        dx[...] = up @ dout @ across.T
        return dx

    return out, back


def avg_pool_backward(dout, cache):
    return cache(dout)


def initialize(image_shape, kernels, size, classes, rng):
    if size % 2 == 0 or min(image_shape[1:]) < 4:
        raise ValueError("cannot be")
    params, c = [], image_shape[0]
    for k in kernels:
        params.append((rng.normal(scale=np.sqrt(2 / (c * size * size)), size=(k, c, size, size)), np.zeros(k)))
        c = k
    features = c * (image_shape[1] // 4) * (image_shape[2] // 4)
    params.append((rng.normal(scale=np.sqrt(2 / features), size=(features, classes)), np.zeros(classes)))
    return params


def forward(x, params):
    steps, a = [], x
    for w, b in params[:-1]:
        a, conv = conv2d_forward(a, w, b, 1, [w.shape[2] // 2, w.shape[3] // 2])
        shut = a <= 0
        a, pool = max_pool_forward(np.where(shut, 0.0, a), 2, 2)
        steps.append((conv, shut, pool))
    w, b = params[-1]

    def back(dz):
        da = np.einsum("nk,fk->nf", dz, w).reshape(a.shape)
        grads = [(np.einsum("nf,nk->fk", a.reshape(len(a), -1), dz), dz.sum(axis=0))]
        for conv, shut, pool in steps[::-1]:
            da = pool(da)
            da[shut] = 0
            da, *grad = conv(da)
            grads.append(tuple(grad))
        return grads[::-1]

    return a.reshape(len(a), -1) @ w + b, back


def backward(dz, cache):
    return cache(dz)


def train(x, y, params, *, learning_rate, epochs, batch_size, rng, log=None):
    for epoch in range(1, epochs + 1):
        order = rng.permutation(len(x))
        total = np.zeros(2)
        for i in range(0, len(order), batch_size):
            xb, yb = x[order[i : i + batch_size]], y[order[i : i + batch_size]]
            z, back = forward(xb, params)
            top = z.max(axis=1)
            norm = top + np.log(np.exp(z - top[:, None]).sum(axis=1))
            mine = z[np.arange(len(yb)), yb]
            total += (norm - mine).sum(), (z.argmax(axis=1) == yb).sum()
            dz = np.exp(z - norm[:, None])
            dz[np.arange(len(yb)), yb] -= 1
            grads = back(dz / len(yb))
            params = [
                (w - learning_rate * dw, b - learning_rate * db) for (w, b), (dw, db) in zip(params, grads, strict=True)
            ]
        if log is not None:
            log(epoch=epoch, loss=total[0] / len(x), accuracy=total[1] / len(x))
    return [(w.copy(), b.copy()) for w, b in params]
