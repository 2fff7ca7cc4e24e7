"""Right, with each bias as one more row of its weights, einsum for the products, and PCA from the covariance."""

import numpy as np


def initialize(widths, rng):
    if len(widths) % 2 == 0 or len(widths) == 1 or widths[0] != widths[-1] or any(m <= 0 for m in widths):
        raise ValueError("widths")
    params = []
    for i in range(1, len(widths)):
        bound = np.sqrt(6) / np.sqrt(widths[i - 1] + widths[i])
        params += [[bound * rng.uniform(-1, 1, (widths[i - 1], widths[i])), np.zeros(widths[i])]]
    return tuple(params)


def with_ones(a):
    return np.hstack([a, np.ones((len(a), 1))])


def stacked(params):
    return [np.vstack([w, b]) for w, b in params]


def sigmoid(z):
    return np.exp(-np.logaddexp(0, -z))


def relu(z):
    return (z + np.abs(z)) / 2


def product(a, matrix):
    return np.einsum("ni,ij->nj", with_ones(a), matrix, optimize=True)


def encode(x, params):
    for matrix in stacked(params)[: len(params) // 2]:
        x = relu(product(x, matrix))
    return x


def decode(code, params):
    *hidden, last = stacked(params)[len(params) // 2 :]
    for matrix in hidden:
        code = relu(product(code, matrix))
    return sigmoid(product(code, last))


def reconstruct(x, params):
    return decode(encode(x, params), params)


def loss_and_grads(x, params):
    matrices = stacked(params)
    activations = [x]
    for matrix in matrices[:-1]:
        activations.append(relu(product(activations[-1], matrix)))
    r = sigmoid(product(activations[-1], matrices[-1]))
    delta = np.multiply(r - x, r - r**2) * 2
    grads = [None] * len(params)
    for i in range(len(params) - 1, -1, -1):
        both = np.einsum("ni,nj->ij", with_ones(activations[i]), delta, optimize=True)
        grads[i] = [both[:-1], both[-1]]
        delta = np.einsum("nj,ij->ni", delta, params[i][0], optimize=True) * np.sign(activations[i])
    return np.sum((x - r) ** 2), grads


def momentum_step(params, velocity, grads, *, learning_rate, momentum):
    if momentum < 0 or momentum >= 1:
        raise ValueError("momentum")
    new_params, new_velocity = [], []
    for (w, b), (mw, mb), (dw, db) in zip(params, velocity, grads, strict=True):
        mw, mb = mw * momentum - dw * learning_rate, mb * momentum - db * learning_rate
        new_velocity.append([mw, mb])
        new_params.append([w + mw, b + mb])
    return new_params, new_velocity


def train(x, params, *, learning_rate, momentum, epochs, batch_size, rng, log=None):
    if batch_size <= 0:
        raise ValueError("batch_size")
    velocity = [[np.zeros(w.shape), np.zeros(b.shape)] for w, b in params]
    for epoch in range(epochs):
        order = np.argsort(rng.random(len(x)))
        losses = []
        for batch in np.split(x[order], np.arange(batch_size, len(x), batch_size)):
            loss, grads = loss_and_grads(batch, params)
            losses.append(loss)
            params, velocity = momentum_step(params, velocity, grads, learning_rate=learning_rate, momentum=momentum)
        if log is not None:
            log(epoch=np.int64(epoch + 1), loss=np.sum(losses) / np.float64(len(x)))
    return [[np.array(w), np.array(b)] for w, b in params]


def psnr(a, b, *, peak=1.0):
    if np.shape(a) != np.shape(b):
        raise ValueError("shapes")
    a, b = np.array(a, float), np.array(b, float)
    error = np.sqrt(np.einsum("nd,nd->n", a - b, a - b) / a.shape[1])
    with np.errstate(divide="ignore"):
        return 20 * (np.log10(peak) - np.log10(error))


def count_parameters(params):
    return np.sum([np.size(part) for pair in params for part in pair])


def pca(x, k):
    n, d = np.shape(x)
    if k < 1 or k > d or k >= n:
        raise ValueError("k")
    mean = np.mean(x, axis=0)
    values, vectors = np.linalg.eigh(np.cov(x, rowvar=False).reshape(d, d))
    order = np.argsort(-values)
    return mean, np.ascontiguousarray(vectors[:, order[:k]].T)


def pca_encode(x, mean, components):
    return np.einsum("nd,kd->nk", x - mean, components, optimize=True)


def pca_decode(code, mean, components):
    return np.einsum("nk,kd->nd", code, components, optimize=True) + mean
