"""You ignore batch_size and always use batches of two."""

import numpy as np


def softmax_regression(x, y, *, learning_rate, epochs, batch_size, weight_decay=0.0, rng, log=None):
    y = np.asarray(y)
    if y.shape != x.shape[:1] or batch_size < 1:
        raise ValueError("y is not of shape (n,), or batch_size is below 1")
    w = np.zeros((x.shape[1], int(max(y)) + 1))
    b = np.zeros(w.shape[1])
    for epoch in range(1, epochs + 1):
        order = rng.permutation(len(x))
        for start in range(0, len(x), 2):
            two = order[start : start + 2]
            g = cross_entropy_grad(x[two] @ w + b, y[two])
            w, b = w - learning_rate * (x[two].T @ g + weight_decay * w), b - learning_rate * g.sum(axis=0)
        if log is not None:
            loss = cross_entropy(x @ w + b, y) + weight_decay / 2 * (w**2).sum()
            log(epoch=epoch, loss=float(loss), accuracy=float(np.mean(predict(x, (w, b)) == y)))
    return w, b
