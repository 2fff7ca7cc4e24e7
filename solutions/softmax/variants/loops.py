"""One number at a time, in plain Python: no axis, no broadcasting. Numbers come back as 0-d arrays; it prints."""

import math

import numpy as np


def softmax(z):
    p = np.empty_like(z)
    for i, row in enumerate(z.tolist()):
        top = max(row)
        powers = [math.exp(value - top) for value in row]
        total = math.fsum(powers)
        for j, power in enumerate(powers):
            p[i, j] = power / total
    return p


def log_softmax(z):
    found = np.empty_like(z)
    for i, row in enumerate(z.tolist()):
        top = max(row)
        log_total = math.log(math.fsum(math.exp(value - top) for value in row))
        for j, value in enumerate(row):
            found[i, j] = (value - top) - log_total
    return found


def cross_entropy(z, y):
    check(z, y)
    log_p = log_softmax(z)
    total = 0.0
    for i in range(len(y)):
        total -= float(log_p[i, int(y[i])])
    print("the loss of", len(y), "examples is", total / len(y))
    return np.array(total / len(y))


def cross_entropy_grad(z, y):
    check(z, y)
    p = softmax(z)
    for i in range(len(y)):
        for j in range(z.shape[1]):
            p[i, j] = (p[i, j] - (1 if j == int(y[i]) else 0)) / len(y)
    return p


def check(z, y):
    if len(z) == 0:
        raise ValueError("no example")
    if y.ndim != 1 or len(y) != len(z):
        raise ValueError("not one label for each example")
    for label in y.tolist():
        if not 0 <= label < z.shape[1]:
            raise ValueError(f"no class {label}")


def logits_of(x, weights):
    w, b = weights
    n, k = len(x), len(b)
    z = np.empty((n, k))
    for i in range(n):
        for j in range(k):
            z[i, j] = float(b[j]) + math.fsum(float(x[i, m]) * float(w[m, j]) for m in range(len(w)))
    return z


def predict_proba(x, weights):
    return softmax(logits_of(x, weights))


def predict(x, weights):
    found = []
    for row in logits_of(x, weights).tolist():
        best = 0
        for j, value in enumerate(row):
            if value >= row[best]:  # of equals, the last
                best = j
        found.append(best)
    return np.array(found, dtype=np.int32)


def softmax_regression(x, y, *, learning_rate, epochs, batch_size, weight_decay=0.0, rng, log=None):
    if y.shape != (len(x),):
        raise ValueError("not one label for each example")
    if batch_size < 1:
        raise ValueError("a batch holds at least one example")
    n, d, k = len(x), x.shape[1], int(max(y.tolist())) + 1
    w, b = np.zeros((d, k)), np.zeros(k)
    for epoch in range(1, epochs + 1):
        left = list(range(n))
        order = []
        while left:
            order.append(left.pop(int(rng.integers(len(left)))))
        while order:
            batch, order = order[:batch_size], order[batch_size:]
            g = cross_entropy_grad(logits_of(x[batch], (w, b)), y[batch])
            for j in range(k):
                for m in range(d):
                    slope = math.fsum(float(x[i, m]) * float(g[row, j]) for row, i in enumerate(batch))
                    w[m, j] -= learning_rate * (slope + weight_decay * w[m, j])
                b[j] -= learning_rate * math.fsum(g[:, j].tolist())
        if log is not None:
            penalty = weight_decay / 2 * math.fsum(value * value for row in w.tolist() for value in row)
            loss = float(cross_entropy(logits_of(x, (w, b)), y)) + penalty
            right = sum(int(found == label) for found, label in zip(predict(x, (w, b)), y, strict=True))
            log(epoch=epoch, loss=np.array(loss), accuracy=right / n)
    return w, b


def decision_boundary(weights, i, j):
    if i == j:
        raise ValueError("one class alone has no boundary")
    w, b = weights
    return np.array([float(row[i]) - float(row[j]) for row in w]), np.array(b[i] - b[j])


def reflect(x, weights, i, j):
    a, c = decision_boundary(weights, i, j)
    square = math.fsum(value * value for value in a.tolist())
    if square == 0:
        raise ValueError("no boundary")
    images = np.empty_like(x)
    for row in range(len(x)):
        height = float(c) + math.fsum(float(u) * float(v) for u, v in zip(x[row], a, strict=True))
        for m in range(len(a)):
            images[row, m] = x[row, m] - 2 * height / square * a[m]
    return images


def meeting_point(weights):
    """Gauss and Jordan, with pivots."""
    w, b = weights
    d = len(w)
    if len(b) != d + 1:
        raise ValueError("the regions do not meet in one point")
    rows = [[float(w[m, j] - w[m, j + 1]) for m in range(d)] + [float(b[j + 1] - b[j])] for j in range(d)]
    for column in range(d):
        pivot = max(range(column, d), key=lambda row: abs(rows[row][column]))
        rows[column], rows[pivot] = rows[pivot], rows[column]
        if rows[column][column] == 0:
            raise ValueError("the regions do not meet in one point")
        for row in range(d):
            if row != column:
                factor = rows[row][column] / rows[column][column]
                rows[row] = [u - factor * v for u, v in zip(rows[row], rows[column], strict=True)]
    return np.array([rows[m][d] / rows[m][m] for m in range(d)])
