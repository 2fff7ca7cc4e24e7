"""You draw the orders from a generator with a fixed seed and not from rng."""

import numpy as np


def train(x, y, params, *, learning_rate, epochs, batch_size, rng, log=None):
    generator = np.random.default_rng(42)
    network = [(np.array(w), np.array(b)) for w, b in params]
    n = len(y)
    for epoch in range(epochs):
        order = generator.permutation(n)
        losses, hits = [], 0
        for start in range(0, n, batch_size):
            chosen = order[start : start + batch_size]
            z, cache = forward(x[chosen], network)
            of_batch, dz, right = mean_loss(z, y[chosen])
            losses.extend(of_batch)
            hits += right
            for i, (dw, db) in enumerate(backward(dz, cache)):
                w, b = network[i]
                network[i] = (w - learning_rate * dw, b - learning_rate * db)
        if log is not None:
            log(epoch=epoch + 1, loss=float(np.mean(losses)), accuracy=hits / n)
    return network
