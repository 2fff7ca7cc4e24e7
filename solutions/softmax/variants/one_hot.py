"""One-hot matrices and einsum; the bias is one more row of the weights, for a feature that is always 1. Returns lists
where pairs are promised, arrays that are not contiguous, and draws its orders by sorting random keys."""

import numpy as np


def softmax(z):
    z = z.T - z.max(axis=1)  # (k, n)
    e = np.exp(z)
    return np.einsum("kn,n->nk", e, 1 / e.sum(axis=0))


def log_softmax(z):
    z = z.T - z.max(axis=1)
    return (z - np.log(np.einsum("kn->n", np.exp(z)))).T


def one_hot(z, y):
    n, k = z.shape
    if n < 1 or np.shape(y) != (n,) or (y.astype(np.int64) < 0).any() or (y.astype(np.int64) >= k).any():
        raise ValueError(f"expected {n} labels from 0 to {k - 1}")
    return (y.astype(np.int64)[:, None] == np.arange(k)).astype(z.dtype)


def cross_entropy(z, y):
    return -np.einsum("ij,ij->", one_hot(z, y), log_softmax(z)) / len(z)


def cross_entropy_grad(z, y):
    truth = one_hot(z, y)
    return np.asfortranarray((softmax(z) - truth) / len(z))


def with_ones(x):
    return np.hstack([x, np.ones((len(x), 1))])


def joined(weights):
    w, b = weights
    return np.vstack([w, b])


def predict_proba(x, weights):
    return softmax(with_ones(x) @ joined(weights))


def predict(x, weights):
    return np.argmax(with_ones(x) @ joined(weights), axis=1)


def softmax_regression(x, y, *, learning_rate, epochs, batch_size, weight_decay=0.0, rng, log=None):
    n, d = x.shape
    if batch_size < 1 or np.shape(y) != (n,):
        raise ValueError("expected a label for each example, and a batch_size of at least 1")
    x = with_ones(x)
    theta = np.zeros((d + 1, int(y.max()) + 1))
    decay = np.full((d + 1, 1), weight_decay)
    decay[-1] = 0
    keys = rng.random((epochs, n))  # the orders of all epochs, drawn at once
    for epoch in range(epochs):
        order = keys[epoch].argsort()
        first = 0
        while first < n:
            batch = order[first : first + batch_size]
            g = cross_entropy_grad(x[batch] @ theta, y[batch])
            theta = theta - learning_rate * (np.einsum("nd,nk->dk", x[batch], g) + decay * theta)
            first += batch_size
        if log is not None:
            z = x @ theta
            loss = cross_entropy(z, y) + 0.5 * np.sum(decay * theta**2)
            log(accuracy=(z.argmax(axis=1) == y).sum() / n, loss=loss, epoch=epoch + 1)
    return [theta[:-1], theta[-1]]


def decision_boundary(weights, i, j):
    if i == j:
        raise ValueError("i and j must differ")
    difference = joined(weights) @ (np.eye(len(weights[1]))[i] - np.eye(len(weights[1]))[j])
    return [difference[:-1], difference[-1]]


def reflect(x, weights, i, j):
    """As a matrix of homogeneous coordinates."""
    a, c = decision_boundary(weights, i, j)
    if not np.any(a != 0):
        raise ValueError("no boundary")
    d = len(a)
    mirror = np.eye(d + 1)
    mirror[:, :d] -= 2 * np.outer(np.append(a, c), a) / np.sum(a**2)
    return (with_ones(x) @ mirror)[:, :d]


def meeting_point(weights):
    """Weights p_1 .. p_d of which all logits are one number t: a linear system for the point and for t."""
    w, b = weights
    d, k = w.shape
    if k != d + 1:
        raise ValueError("expected one class more than dimensions")
    if np.linalg.matrix_rank(w - w[:, :1]) < d:
        raise ValueError("the regions do not meet in one point")
    return np.linalg.solve(np.hstack([w.T, -np.ones((k, 1))]), -b)[:d]
