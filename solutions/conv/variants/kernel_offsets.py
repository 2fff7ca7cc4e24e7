"""Right, without columns: a sum over the kernel's offsets, each a product of whole maps; ties share their gradient."""

import itertools

import numpy as np


def output_size(size, window, stride=1, padding=0):
    if min(window, stride) < 1 or padding < 0 or size + 2 * padding < window:
        raise ValueError("no window fits")
    return 1 + (size + 2 * padding - window) // stride


def receptive_field(layers):
    field = 1
    for window, stride in reversed(layers):
        field = (field - 1) * stride + window
    return field


class Geometry:
    """Which entries of a map lie at an offset of a window, for all windows at once."""

    def __init__(self, shape, window, stride, padding=0):
        self.window, self.stride, self.padding = map(self.both, (window, stride, padding))
        sides = zip(shape[2:], self.window, self.stride, self.padding, strict=True)
        self.h, self.v = (output_size(*side) for side in sides)
        self.padded = (*shape[:2], shape[2] + 2 * self.padding[0], shape[3] + 2 * self.padding[1])

    @staticmethod
    def both(value):
        return (value, value) if isinstance(value, (int, np.integer)) else tuple(value)

    def offsets(self):
        for u, t in itertools.product(range(self.window[0]), range(self.window[1])):
            last = u + (self.h - 1) * self.stride[0] + 1, t + (self.v - 1) * self.stride[1] + 1
            yield (u, t), (..., slice(u, last[0], self.stride[0]), slice(t, last[1], self.stride[1]))

    def pad(self, x):
        rows, columns = self.padding
        return np.pad(x, [(0, 0), (0, 0), (rows, rows), (columns, columns)])

    def crop(self, x):
        rows, columns = self.padding
        return x[:, :, rows : x.shape[2] - rows, columns : x.shape[3] - columns]


class Convolved:
    def __init__(self, padded, w, geometry):
        self.padded, self.w, self.geometry = padded, w, geometry


def conv2d_forward(x, w, b, stride=1, padding=0):
    if x.shape[1] != w.shape[1]:
        raise ValueError("other channels")
    geometry = Geometry(x.shape, w.shape[2:], stride, padding)
    padded = geometry.pad(x)
    out = np.zeros((len(w), len(x), geometry.h, geometry.v), x.dtype)  # kernels first
    for (u, t), part in geometry.offsets():
        out += np.tensordot(w[:, :, u, t], padded[part], axes=(1, 1))
    return out.swapaxes(0, 1) + b.reshape(1, -1, 1, 1), Convolved(padded, w, geometry)


def conv2d_backward(dout, cache):
    geometry, w = cache.geometry, cache.w
    dw, dpadded = np.empty_like(w), np.zeros_like(cache.padded)
    for (u, t), part in geometry.offsets():
        dw[:, :, u, t] = np.tensordot(dout, cache.padded[part], axes=((0, 2, 3), (0, 2, 3)))
        dpadded[part] += np.tensordot(w[:, :, u, t], dout, axes=(0, 1)).swapaxes(0, 1)
    return [geometry.crop(dpadded), dw, np.sum(dout, axis=(0, 2, 3))]


def max_pool_forward(x, window, stride):
    geometry = Geometry(x.shape, window, stride)
    out = None
    for _, part in geometry.offsets():
        out = x[part].copy() if out is None else np.maximum(out, x[part])
    ties = sum((x[part] == out).astype(x.dtype) for _, part in geometry.offsets())
    return out, {"x": x, "out": out, "ties": ties, "window": window, "stride": stride}


def max_pool_backward(dout, cache):
    x = cache["x"]
    dx, share = np.zeros_like(x), dout / cache["ties"]
    for _, part in Geometry(x.shape, cache["window"], cache["stride"]).offsets():
        dx[part] += np.where(x[part] == cache["out"], share, 0).astype(x.dtype)
    return dx


def avg_pool_forward(x, window, stride):
    geometry = Geometry(x.shape, window, stride)
    total = sum(x[part] for _, part in geometry.offsets())
    return total / x.dtype.type(np.prod(geometry.window)), (np.zeros(x.shape, x.dtype), window, stride)


def avg_pool_backward(dout, cache):
    zeros, window, stride = cache
    dx, geometry = zeros.copy(), Geometry(zeros.shape, window, stride)
    for _, part in geometry.offsets():
        dx[part] += dout / dout.dtype.type(geometry.window[0] * geometry.window[1])
    return dx


def initialize(image_shape, kernels, size, classes, rng):
    c, h, v = image_shape
    if size % 2 != 1 or h < 4 or v < 4:
        raise ValueError("odd kernels, and four pixels at least")
    shapes = (kernels[0], c, size, size), (kernels[1], kernels[0], size, size)
    layers = [(rng.standard_normal(s) * (2 / (s[1] * size**2)) ** 0.5, np.zeros(s[0])) for s in shapes]
    features = kernels[1] * (h // 2 // 2) * (v // 2 // 2)
    return (*layers, (rng.standard_normal((features, classes)) * (2 / features) ** 0.5, np.zeros(classes)))


def forward(x, params):
    tape, a = [], x
    for w, b in params[:2]:
        a, convolved = conv2d_forward(a, w, b, 1, (w.shape[2] // 2, w.shape[3] // 2))
        relu = a * (a > 0)
        pooled, cache = max_pool_forward(relu, 2, 2)
        tape.append((convolved, relu, cache))
        a = pooled
    w, b = params[2]
    return np.dot(a.reshape(a.shape[0], -1), w) + b, Tape(tape, a, w)


class Tape:
    def __init__(self, blocks, features, w):
        self.blocks, self.features, self.w = blocks, features, w


def backward(dz, cache):
    a = cache.features
    grads = [(a.reshape(len(a), -1).T.dot(dz), dz.sum(0))]
    da = dz.dot(cache.w.T).reshape(a.shape)
    for convolved, relu, pooled in cache.blocks[::-1]:
        da = max_pool_backward(da, pooled)
        da, dw, db = conv2d_backward(np.where(relu > 0, da, 0), convolved)
        grads.insert(0, (dw, db))
    return grads


def train(x, y, params, *, learning_rate, epochs, batch_size, rng, log=None):
    weights = [[np.array(w), np.array(b)] for w, b in params]
    for epoch in range(epochs):
        order = np.argsort(rng.random(len(x)))
        losses, hits = [], []
        for start in range(0, len(x), batch_size):
            batch = order[start : start + batch_size]
            z, tape = forward(x[batch], weights)
            p = np.exp(z - z.max(1, keepdims=True))
            p /= p.sum(1, keepdims=True)
            truth = p[np.arange(len(batch)), y[batch]]
            losses.extend(-np.log(truth))
            hits.extend(z.argmax(1) == y[batch])
            p[np.arange(len(batch)), y[batch]] -= 1
            grads = backward(p / len(batch), tape)
            weights = [
                [w - learning_rate * dw, b - learning_rate * db]
                for (w, b), (dw, db) in zip(weights, grads, strict=True)
            ]
        if log:
            log(epoch=epoch + 1, loss=float(np.mean(losses)), accuracy=float(np.mean(hits)))
    return weights
