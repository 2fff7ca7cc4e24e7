"""A fully connected network, written with small helpers and a table of activations."""

import math

import numpy as np


def as_floats(x):
    x = np.asarray(x)
    return x if x.dtype.kind == "f" else x.astype(np.float64)


def cross_entropy(z, y):
    dz = np.zeros(z.shape)
    total = 0.0
    for i in range(z.shape[0]):
        shifted = z[i] - max(z[i])
        powers = np.exp(shifted)
        bulk = powers.sum()
        total += math.log(bulk) - shifted[y[i]]
        dz[i] = powers / bulk
        dz[i, y[i]] -= 1
    return float(total), dz


def sigmoid(x):
    x = as_floats(x)
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e / (1 + e), 1 / (1 + e))


def sigmoid_derivative(a):
    return a - a * a


def tanh(x):
    return np.tanh(as_floats(x))


def tanh_derivative(a):
    return (1 - a) * (1 + a)


def relu(x):
    return np.where(x > 0, x, np.zeros_like(x))


def relu_derivative(a):
    slope = np.zeros_like(a)
    slope[a > 0] = 1
    return slope


def xavier_uniform(fan_in, fan_out, rng):
    if min(fan_in, fan_out) < 1:
        raise ValueError("a fan is at least 1")
    bound = math.sqrt(6.0 / (fan_in + fan_out))
    return bound * (2 * rng.random((fan_in, fan_out)) - 1)


def initialize(widths, rng):
    if len(widths) < 2:
        raise ValueError("a network has at least two widths")
    params = []
    for i in range(1, len(widths)):
        params.append((xavier_uniform(widths[i - 1], widths[i], rng), np.zeros(widths[i])))
    return params


def identity(x):
    return x


def slope_one(a):
    return np.ones_like(a)


def pair_of(activation):
    """The function of that name and its derivative, looked up at the call."""
    table = {
        "sigmoid": (sigmoid, sigmoid_derivative),
        "tanh": (tanh, tanh_derivative),
        "relu": (relu, relu_derivative),
        "identity": (identity, slope_one),
    }
    if activation not in table:
        raise ValueError(f"there is no activation {activation!r}")
    return table[activation]


def forward(x, params, activation):
    f, _ = pair_of(activation)
    inputs = [x]
    for w, b in params[:-1]:
        inputs.append(f(np.dot(inputs[-1], w) + b))
    w, b = params[-1]
    return np.dot(inputs[-1], w) + b, inputs


def backward(dz, params, cache, activation):
    _, derivative = pair_of(activation)
    grads = [None] * len(params)
    delta = dz
    layer = len(params) - 1
    while True:
        a = cache[layer]
        grads[layer] = (np.dot(a.T, delta), delta.sum(axis=0))
        da = np.dot(delta, params[layer][0].T)
        if layer == 0:
            return grads, da
        delta = da * derivative(a)
        layer -= 1


def accuracy(z, y):
    if len(z) != len(y):
        raise ValueError("z and y differ in length")
    right = 0
    for row, label in zip(z, y):
        right += int(np.argmax(row) == label)
    return right / len(y)


def minibatches(x, y, batch_size, rng):
    if batch_size < 1:
        raise ValueError("batch_size is at least 1")
    if len(x) != len(y):
        raise ValueError("x and y differ in length")
    order = rng.permutation(len(x))
    batches = []
    for start in range(0, len(order), batch_size):
        part = order[start : start + batch_size]
        batches.append((x[part], y[part]))
    return batches


def moved(params, grads, learning_rate):
    return [(w - learning_rate * dw, b - learning_rate * db) for (w, b), (dw, db) in zip(params, grads)]


def train(x, y, params, *, activation, learning_rate, epochs, batch_size, rng, log=None):
    current = [(w.copy(), b.copy()) for w, b in params]
    for epoch in range(1, epochs + 1):
        losses, hits = 0.0, 0.0
        for xs, ys in minibatches(x, y, batch_size, rng):
            z, cache = forward(xs, current, activation)
            loss, dz = cross_entropy(z, ys)
            losses += loss
            hits += accuracy(z, ys) * len(ys)
            grads, _ = backward(dz, current, cache, activation)
            current = moved(current, grads, learning_rate)
        if log is not None:
            log(epoch=epoch, loss=losses / len(x), accuracy=hits / len(x))
    return current


def collapse(params):
    w, b = params[0][0].copy(), params[0][1].copy()
    for next_w, next_b in params[1:]:
        w = np.dot(w, next_w)
        b = np.dot(b, next_w) + next_b
    return w, b


def gradient_norms(x, y, params, activation):
    z, cache = forward(x, params, activation)
    _, dz = cross_entropy(z, y)
    grads, _ = backward(dz, params, cache, activation)
    return [float(np.linalg.norm(dw)) for dw, _ in grads]


def dead_fraction(x, w, b):
    fires = np.zeros(w.shape[1], dtype=bool)
    for example in x:
        fires |= relu(np.dot(example, w) + b) > 0
    return float(np.count_nonzero(~fires)) / len(fires)


def active_interval_width(w):
    size = abs(float(w))
    if size < 4:
        raise ValueError("the slope is below 1 everywhere if |w| < 4")
    root = math.sqrt(1 - 4 / size)
    return 2 / size * math.log(size * (1 + root) / 2 - 1)
