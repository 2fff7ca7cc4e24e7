"""Everything from logarithms: logaddexp for the normalizer, and probabilities as their exponentials. Works in place on
copies of its own, shuffles copies of the examples, and gives numpy's scalars for numbers."""

import numpy as np


def log_softmax(z):
    return z - np.logaddexp.reduce(z, axis=1, keepdims=True)


def softmax(z):
    p = log_softmax(z)
    np.exp(p, out=p)
    return p


def cross_entropy(z, y):
    return -np.mean(picked(log_softmax(z), y))


def cross_entropy_grad(z, y):
    picked(z, y)
    g = softmax(z)
    np.subtract.at(g, (np.arange(len(y)), y), 1)
    g /= len(y)
    return g


def picked(table, y):
    """table[i, y[i]]"""
    n, k = table.shape
    if y.shape != (n,) or n == 0 or not set(y.tolist()) <= set(range(k)):
        raise ValueError("labels and logits do not belong together")
    return np.take_along_axis(table, y[:, None].astype(np.intp), axis=1)


def predict_proba(x, weights):
    return softmax(affine(x, *weights))


def predict(x, weights):
    return np.flip(affine(x, *weights), axis=1).argmax(axis=1) * -1 + len(weights[1]) - 1  # of equals, the last


def affine(x, w, b):
    return np.matmul(x, w) + b[np.newaxis]


def softmax_regression(x, y, *, learning_rate, epochs, batch_size, weight_decay=0.0, rng, log=None):
    if y.shape != x.shape[:1]:
        raise ValueError("not one label for each example")
    if batch_size < 1:
        raise ValueError("a batch holds at least one example")
    classes = np.max(y).astype(int) + 1
    w, b = np.zeros((x.shape[1], classes)), np.zeros(classes)
    pairs = np.column_stack([x, y.astype(np.float64)])
    for epoch in range(epochs):
        rng.shuffle(pairs)
        for batch in np.split(pairs, range(batch_size, len(pairs), batch_size)):
            features, labels = batch[:, :-1], batch[:, -1].astype(int)
            g = cross_entropy_grad(affine(features, w, b), labels)
            w *= 1 - learning_rate * weight_decay
            w -= learning_rate * features.T @ g
            b -= learning_rate * g.sum(axis=0)
        if log:
            penalty = weight_decay * np.linalg.norm(w) ** 2 / 2
            log(
                epoch=np.int64(epoch + 1),
                loss=cross_entropy(affine(x, w, b), y) + penalty,
                accuracy=np.mean(predict(x, (w, b)) == y),
            )
    return w, b


def decision_boundary(weights, i, j):
    if i == j:
        raise ValueError("one class alone has no boundary")
    w, b = weights
    return w.T[i] - w.T[j], b[i] - b[j]


def reflect(x, weights, i, j):
    a, c = decision_boundary(weights, i, j)
    length = np.linalg.norm(a)
    if length == 0:
        raise ValueError("no boundary")
    unit = a / length
    images = x.copy()
    images -= 2 * (x @ unit + c / length)[:, None] * unit
    return images


def meeting_point(weights):
    w, b = weights
    d, k = w.shape
    centred, rest = w - w.mean(axis=1, keepdims=True), b - b.mean()  # logits that sum to 0: all of them are 0 there
    if k != d + 1 or np.linalg.matrix_rank(centred) < d:
        raise ValueError("the regions do not meet in one point")
    return np.linalg.lstsq(centred.T, -rest, rcond=None)[0]
