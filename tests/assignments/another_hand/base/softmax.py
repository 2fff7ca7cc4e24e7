"""Softmax regression, one example after the other: a right answer that loops over rows."""

import math

import numpy as np


def row_log_sum(row):
    """log sum exp of one row, with its maximum taken out."""
    top = row[np.argmax(row)]
    return top + np.log(np.sum(np.exp(row - top)))


def check_labels(z, y):
    labels = np.asarray(y)
    n, k = z.shape
    if n == 0:
        raise ValueError("there are no examples")
    if labels.shape != (n,):
        raise ValueError(f"expected {n} labels, got the shape {labels.shape}")
    numbers = [int(label) for label in labels]
    for number in numbers:
        if number < 0 or number >= k:
            raise ValueError(f"label {number} is not one of 0 .. {k - 1}")
    return numbers


def softmax(z):
    p = np.zeros_like(z)
    for i, row in enumerate(z):
        powers = np.exp(row - np.max(row))
        p[i] = powers / np.sum(powers)
    return p


def log_softmax(z):
    out = np.zeros_like(z)
    for i, row in enumerate(z):
        shifted = row - np.max(row)
        out[i] = shifted - np.log(np.sum(np.exp(shifted)))
    return out


def cross_entropy(z, y):
    numbers = check_labels(z, y)
    logs = log_softmax(z)
    surprises = [-float(logs[i, label]) for i, label in enumerate(numbers)]
    return math.fsum(surprises) / len(surprises)


def cross_entropy_grad(z, y):
    numbers = check_labels(z, y)
    grad = softmax(z)
    for i, label in enumerate(numbers):
        grad[i, label] -= 1
    grad /= len(numbers)
    return grad


def logits(x, weights):
    w, b = weights
    return np.dot(x, w) + b


def predict_proba(x, weights):
    return softmax(logits(x, weights))


def predict(x, weights):
    return np.array([int(np.argmax(row)) for row in logits(x, weights)], dtype=int)


def chunks(n, batch_size, rng):
    """The numbers of the examples of each batch of one epoch."""
    order = list(rng.permutation(n))
    while order:
        yield np.array(order[:batch_size])
        order = order[batch_size:]


def softmax_regression(x, y, *, learning_rate, epochs, batch_size, weight_decay=0.0, rng, log=None):
    y = np.asarray(y)
    n, d = x.shape
    if y.shape != (n,):
        raise ValueError("there must be one label for each example")
    if batch_size < 1:
        raise ValueError("batch_size must be at least 1")
    k = int(y.max()) + 1
    w, b = np.zeros((d, k)), np.zeros(k)
    for epoch in range(epochs):
        for chosen in chunks(n, batch_size, rng):
            g = cross_entropy_grad(np.dot(x[chosen], w) + b, y[chosen])
            step_w = np.dot(x[chosen].T, g) + weight_decay * w
            step_b = np.sum(g, axis=0)
            w = w - learning_rate * step_w
            b = b - learning_rate * step_b
        if log is not None:
            z = np.dot(x, w) + b
            objective = cross_entropy(z, y) + 0.5 * weight_decay * float(np.sum(np.square(w)))
            hits = np.count_nonzero(predict(x, (w, b)) == y)
            log(epoch=epoch + 1, loss=objective, accuracy=hits / n)
    return w, b


def decision_boundary(weights, i, j):
    w, b = weights
    if i == j:
        raise ValueError("a class has no boundary with itself")
    a = np.array([feature[i] - feature[j] for feature in w])
    return a, float(b[i] - b[j])


def reflect(x, weights, i, j):
    a, c = decision_boundary(weights, i, j)
    length = np.linalg.norm(a)
    if length == 0:
        raise ValueError("classes of equal columns have no boundary")
    unit, offset = a / length, c / length
    images = np.zeros_like(x)
    for m, point in enumerate(x):
        distance = np.dot(point, unit) + offset
        images[m] = point - 2 * distance * unit
    return images


def meeting_point(weights):
    w, b = weights
    d, k = w.shape
    if k != d + 1:
        raise ValueError("k must be d + 1")
    normals = np.stack([w[:, j] - w[:, 0] for j in range(1, k)])
    offsets = np.array([b[0] - b[j] for j in range(1, k)])
    if not normals.any():
        raise ValueError("all columns of w are equal")
    return np.linalg.lstsq(normals, offsets, rcond=None)[0]
