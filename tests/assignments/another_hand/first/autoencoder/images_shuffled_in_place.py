"""You shuffle the images of x in place."""

import numpy as np


def train(x, params, *, learning_rate, momentum, epochs, batch_size, rng, log=None):
    if batch_size < 1:
        raise ValueError("batch_size must not be below 1")
    weights = [(w + 0, b + 0) for w, b in params]
    speed = [(np.zeros_like(w), np.zeros_like(b)) for w, b in params]
    for epoch in range(1, epochs + 1):
        rng.shuffle(x)
        total, position = 0.0, 0
        while position < len(x):
            batch = x[position : position + batch_size]
            loss, grads = loss_and_grads(batch, weights)
            weights, speed = momentum_step(weights, speed, grads, learning_rate=learning_rate, momentum=momentum)
            total += loss
            position += batch_size
        if log is not None:
            log(epoch=epoch, loss=total / len(x))
    return weights
