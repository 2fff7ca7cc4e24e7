"""You draw from a generator of your own with a fixed seed and not from rng."""

import numpy as np


def train(
    x,
    y,
    model,
    optimizer,
    settings,
    *,
    epochs,
    batch_size,
    rng,
    keep_prob=1.0,
    lambda1=0.0,
    lambda2=0.0,
    log=None,
):
    chance = np.random.default_rng(seed=1)
    trained = copied(model)
    moves = optimizer(parameters(trained), **settings)
    n = x.shape[0]
    for epoch in range(epochs):
        numbers = np.arange(n)
        chance.shuffle(numbers)
        sums = [0.0, 0.0]
        for start in range(0, n, batch_size):
            xs, ys = x[numbers[start : start + batch_size]], y[numbers[start : start + batch_size]]
            z, cache = forward(trained, xs, training=True, keep_prob=keep_prob, rng=chance)
            loss, dz = cross_entropy(z, ys)
            sums[0] += loss * len(ys)
            sums[1] += np.count_nonzero(z.argmax(axis=1) == ys)
            grads = backward(trained, dz, cache)
            for i, (w, _) in enumerate(trained["layers"]):
                grads[2 * i] += lambda1 * np.sign(w) + lambda2 * w
            moves.step(grads)
        if log is not None:
            log(epoch=epoch + 1, loss=sums[0] / n, accuracy=sums[1] / n, model=trained)
    return trained
