"""You give log the sum of the losses and not the mean loss of an example."""

import numpy as np


def train(x, y, params, *, activation, learning_rate, epochs, batch_size, rng, log=None):
    network = [(np.array(w), np.array(b)) for w, b in params]
    epoch = 0
    while epoch < epochs:
        epoch += 1
        losses, hits = [], []
        for some, labels in minibatches(x, y, batch_size, rng):
            z, cache = forward(some, network, activation)
            loss, dz = cross_entropy(z, labels)
            losses.append(loss)
            hits.extend(np.argmax(z, axis=1) == labels)
            grads, _ = backward(dz, network, cache, activation)
            for i, (dw, db) in enumerate(grads):
                network[i] = (network[i][0] - learning_rate * dw, network[i][1] - learning_rate * db)
        if log is not None:
            log(epoch=epoch, loss=float(sum(losses)), accuracy=float(np.mean(hits)))
    return network
