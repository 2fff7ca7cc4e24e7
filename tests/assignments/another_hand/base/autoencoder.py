"""An autoencoder whose layers are walked by index, with one helper for the hidden layers."""

import numpy as np


def initialize(widths, rng):
    count = len(widths)
    if count < 3 or count % 2 == 0:
        raise ValueError("the number of layers must be even and at least 2")
    if any(width < 1 for width in widths):
        raise ValueError("each width must be at least 1")
    if widths[0] != widths[count - 1]:
        raise ValueError("the last width must be the first")
    params = []
    for fan_in, fan_out in zip(widths, widths[1:]):
        c = np.sqrt(6 / (fan_in + fan_out))
        params.append((rng.uniform(-c, c, size=(fan_in, fan_out)), np.zeros(fan_out)))
    return params


def squash(s):
    """The sigmoid, by way of tanh, which never overflows."""
    return (np.tanh(s / 2) + 1) / 2


def affine(a, layer):
    w, b = layer
    return a.dot(w) + b


def clip_below(s):
    return s * (s > 0)


def encode(x, params):
    a = x
    for layer in params[: len(params) // 2]:
        a = clip_below(affine(a, layer))
    return a


def decode(code, params):
    half = params[len(params) // 2 :]
    a = code
    for layer in half[:-1]:
        a = clip_below(affine(a, layer))
    return squash(affine(a, half[-1]))


def reconstruct(x, params):
    return decode(encode(x, params), params)


def loss_and_grads(x, params):
    outputs = [x]
    for number, layer in enumerate(params, start=1):
        s = affine(outputs[-1], layer)
        outputs.append(squash(s) if number == len(params) else clip_below(s))
    r = outputs.pop()
    error = r - x
    delta = 2 * error * (r - r**2)
    grads = []
    for (w, _), a in zip(params[::-1], outputs[::-1]):
        grads.append((a.T.dot(delta), np.add.reduce(delta)))
        delta = delta.dot(w.T) * np.sign(np.abs(a) * (a > 0))
    return float((error**2).sum()), grads[::-1]


def momentum_step(params, velocity, grads, *, learning_rate, momentum):
    if not 0 <= momentum < 1:
        raise ValueError("momentum must be in [0, 1)")
    new_params, new_velocity = [], []
    for (w, b), (mw, mb), (gw, gb) in zip(params, velocity, grads):
        mw = momentum * mw - learning_rate * gw
        mb = momentum * mb - learning_rate * gb
        new_velocity.append((mw, mb))
        new_params.append((w + mw, b + mb))
    return new_params, new_velocity


def batches_of(x, batch_size, rng):
    order = rng.permutation(len(x))
    for begin in range(0, len(x), batch_size):
        yield x[order[begin : begin + batch_size]]


def train(x, params, *, learning_rate, momentum, epochs, batch_size, rng, log=None):
    if batch_size < 1:
        raise ValueError("batch_size must be at least 1")
    params = [(w.copy(), b.copy()) for w, b in params]
    velocity = [(w * 0.0, b * 0.0) for w, b in params]
    for epoch in range(epochs):
        sum_of_losses = 0.0
        for images in batches_of(x, batch_size, rng):
            loss, grads = loss_and_grads(images, params)
            sum_of_losses += loss
            params, velocity = momentum_step(
                params, velocity, grads, learning_rate=learning_rate, momentum=momentum
            )
        if log is not None:
            log(epoch=epoch + 1, loss=sum_of_losses / len(x))
    return params


def psnr(a, b, *, peak=1.0):
    if a.shape != b.shape:
        raise ValueError("a and b differ in shape")
    answers = np.full(len(a), np.inf)
    for i in range(len(a)):
        difference = a[i].astype(np.float64) - b[i].astype(np.float64)
        mse = np.mean(difference**2)
        if mse > 0:
            answers[i] = 20 * np.log10(peak) - 10 * np.log10(mse)
    return answers


def count_parameters(params):
    return int(sum(np.prod(w.shape) + len(b) for w, b in params))


def pca(x, k):
    n, d = x.shape
    if k < 1 or k > min(n - 1, d):
        raise ValueError("k must be from 1 to min(n - 1, d)")
    mean = x.sum(axis=0) / n
    _, _, directions = np.linalg.svd(x - mean, full_matrices=False)
    return mean, directions[:k]


def pca_encode(x, mean, components):
    return np.einsum("ij,kj->ik", x - mean, components)


def pca_decode(code, mean, components):
    return np.einsum("ik,kj->ij", code, components) + mean
