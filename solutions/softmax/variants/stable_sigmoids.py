"""Each probability from its differences to the others:  p[i, j] = 1 / sum_m exp(z[i, m] - z[i, j]), which divides
infinity out instead of avoiding it. Batches are views of arrays put in order once an epoch."""

import numpy as np


def softmax(z):
    with np.errstate(over="ignore"):
        return 1 / np.exp(z[:, np.newaxis, :] - z[:, :, np.newaxis]).sum(axis=2)  # 1 / infinity = 0


def log_softmax(z):
    gaps = z - np.amax(z, axis=1)[:, None]
    return (
        gaps - np.log1p(np.exp(np.sort(gaps, axis=1)[:, :-1]).sum(axis=1))[:, None]
    )  # but for the largest, which is 1


def _labels(z, y):
    if y.shape != (z.shape[0],):
        raise ValueError("the labels have the wrong shape")
    y = y.astype(int)
    if y.size == 0 or y.min() < 0 or y.max() > z.shape[1] - 1:
        raise ValueError("the labels are none, or none of the classes")
    return y


def cross_entropy(z, y):
    y = _labels(z, y)
    return sum(-row[label] for row, label in zip(log_softmax(z), y, strict=True)) / len(y)


def cross_entropy_grad(z, y):
    y = _labels(z, y)
    flat = softmax(z).reshape(-1)
    flat[np.ravel_multi_index((np.arange(len(y)), y), z.shape)] -= 1
    return (flat / len(y)).reshape(z.shape)


def predict_proba(x, weights):
    return softmax(np.dot(x, weights[0]) + weights[1])


def predict(x, weights):
    return np.dot(x, weights[0]).__add__(weights[1]).argsort(axis=1)[:, -1]


class Model:
    """Weights, and what moves them."""

    def __init__(self, d, k):
        self.w, self.b = np.zeros((k, d)), np.zeros(k)

    def step(self, x, y, rate, decay):
        error = cross_entropy_grad(x @ self.w.T + self.b, y)
        self.w, self.b = self.w - rate * decay * self.w - rate * error.T @ x, self.b - rate * np.add.reduce(error)

    def objective(self, x, y, decay):
        return cross_entropy(x @ self.w.T + self.b, y) + decay * np.vdot(self.w, self.w) / 2


def softmax_regression(x, y, *, learning_rate, epochs, batch_size, weight_decay=0.0, rng, log=None):
    if len(y.shape) != 1 or len(y) != len(x) or batch_size <= 0:
        raise ValueError("these arguments do not fit")
    model = Model(x.shape[1], 1 + int(y.max()))
    epoch = 0
    while epoch < epochs:
        epoch += 1
        order = rng.choice(len(x), size=len(x), replace=False)
        shuffled, labels = x[order], y[order]
        for start in range(0, len(x), batch_size):
            stop = min(start + batch_size, len(x))
            model.step(shuffled[start:stop], labels[start:stop], learning_rate, weight_decay)
        if log is not None:
            right = predict(x, (model.w.T, model.b)) == y
            log(epoch=epoch, loss=model.objective(x, y, weight_decay), accuracy=np.float32(right.mean()))
    return model.w.T, model.b


def decision_boundary(weights, i, j):
    if i == j:
        raise ValueError("a class has no boundary with itself")
    w, b = weights
    return np.diff(w[:, [j, i]], axis=1)[:, 0], np.diff(b[[j, i]])[0]


def reflect(x, weights, i, j):
    a, c = decision_boundary(weights, i, j)
    if np.all(a == 0):
        raise ValueError("these classes have no boundary")
    foot = -c * a / a.dot(a)  # the boundary's point nearest to the origin
    return x - 2 * (x - foot) @ np.outer(a, a) / a.dot(a)


def meeting_point(weights):
    w, b = weights
    if w.shape[1] - w.shape[0] != 1:
        raise ValueError("too many or too few classes for one point")
    slopes = (w[:, :-1] - w[:, -1:]).T
    if abs(np.linalg.det(slopes)) == 0:
        raise ValueError("the regions are parallel")
    return np.linalg.inv(slopes) @ (b[-1] - b[:-1])
