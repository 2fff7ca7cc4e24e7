"""Right, with all weights, biases and velocities in one long vector, and functions that pull gradients back."""

import numpy as np


def flatten(params):
    return np.concatenate([np.ravel(part) for pair in params for part in pair])


def unflatten(vector, shapes):
    """Views into the vector."""
    params, start = [], 0
    for fan_in, fan_out in shapes:
        w = vector[start : start + fan_in * fan_out].reshape(fan_in, fan_out)
        start += fan_in * fan_out
        params.append((w, vector[start : start + fan_out]))
        start += fan_out
    return params


def shapes_of(params):
    return [w.shape for w, _ in params]


def initialize(widths, rng):
    good = len(widths) >= 3 and len(widths) % 2 == 1 and widths[0] == widths[-1] and min(widths) > 0
    if not good:
        raise ValueError(f"{widths} are not the widths of an autoencoder")
    shapes = [(widths[i], widths[i + 1]) for i in range(len(widths) - 1)]
    params = unflatten(rng.uniform(-1, 1, sum((i + 1) * o for i, o in shapes)), shapes)
    for (w, b), (i, o) in zip(params, shapes, strict=True):
        w *= (6 / (i + o)) ** 0.5
        b[:] = 0
    return [(w.copy(), b.copy()) for w, b in params]


def relu(z):
    return np.where(z > 0, z, 0), lambda upstream: np.where(z > 0, upstream, 0)


def sigmoid(z):
    a = 0.5 + 0.5 * np.tanh(0.5 * z)
    return a, lambda upstream: upstream * a * (1 - a)


def layer(a, w, b, f):
    z = a @ w
    z += b
    out, pull = f(z)

    def pull_back(upstream):
        delta = pull(upstream)
        return (a.T @ delta, delta.sum(0)), delta @ w.T

    return out, pull_back


def encode(x, params):
    for w, b in params[: len(params) // 2]:
        x, _ = layer(x, w, b, relu)
    return x


def decode(code, params):
    last = len(params) - 1
    for i in range(len(params) // 2, last + 1):
        code, _ = layer(code, *params[i], sigmoid if i == last else relu)
    return code


def reconstruct(x, params):
    return decode(encode(x, params), params)


def loss_and_grads(x, params):
    r, pulls = x, []
    for i, (w, b) in enumerate(params):
        r, pull_back = layer(r, w, b, relu if i + 1 < len(params) else sigmoid)
        pulls.append(pull_back)
    error = r - x
    upstream, grads = error + error, []
    while pulls:
        grad, upstream = pulls.pop()(upstream)
        grads.append(grad)
    return np.vdot(error, error), tuple(grads[::-1])


def momentum_step(params, velocity, grads, *, learning_rate, momentum):
    if momentum < 0 or not momentum < 1:
        raise ValueError("momentum is a number from 0 to below 1")
    m = momentum * flatten(velocity) - learning_rate * flatten(grads)
    shapes = shapes_of(params)
    return unflatten(flatten(params) + m, shapes), unflatten(m, shapes)


def train(x, params, *, learning_rate, momentum, epochs, batch_size, rng, log=None):
    if batch_size < 1:
        raise ValueError("batch_size")
    if momentum < 0 or not momentum < 1:
        raise ValueError("momentum")
    shapes = shapes_of(params)
    p = flatten(params)
    m = np.zeros_like(p)
    for epoch in range(1, 1 + epochs):
        left, loss_sum = list(rng.permutation(len(x))), 0
        while left:
            batch, left = left[:batch_size], left[batch_size:]
            loss, grads = loss_and_grads(x[batch], unflatten(p, shapes))
            m = momentum * m - learning_rate * flatten(grads)
            p = p + m
            loss_sum += loss
        if log is not None:
            log(epoch=epoch, loss=np.asarray(loss_sum / len(x)))
    return unflatten(p, shapes)


def psnr(a, b, *, peak=1.0):
    a, b = np.asarray(a), np.asarray(b)
    if a.ndim != b.ndim or any(m != n for m, n in zip(a.shape, b.shape, strict=True)):
        raise ValueError("images of one shape, please")
    difference = a.astype(np.float64) - b.astype(np.float64)
    mse = np.square(difference).sum(1) / difference.shape[1]
    result = np.full(len(mse), np.inf)
    noisy = mse > 0
    result[noisy] = -10 * np.log10(mse[noisy] / float(peak) ** 2)
    return result


def count_parameters(params):
    return len(flatten(params))


def pca(x, k):
    largest = min(len(x) - 1, x.shape[1])
    if k > largest or k <= 0:
        raise ValueError(f"k must be from 1 to {largest}")
    mean = np.add.reduce(x) / len(x)
    u, _, _ = np.linalg.svd((x - mean).T, full_matrices=False)
    components = u.T[:k].copy()
    # Signs are free: here the largest entry of each component is positive.
    components *= np.sign(components[np.arange(k), np.abs(components).argmax(axis=1)])[:, np.newaxis]
    return mean, components


def pca_encode(x, mean, components):
    return (components @ (x - mean).T).T


def pca_decode(code, mean, components):
    return (components.T @ code.T).T + mean
