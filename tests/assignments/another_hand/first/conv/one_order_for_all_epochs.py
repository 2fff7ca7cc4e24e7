"""You draw one order for all epochs."""

import numpy as np


def train(x, y, params, *, learning_rate, epochs, batch_size, rng, log=None):
    order = rng.permutation(len(x))
    batches = [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
    params = [(w.copy(), b.copy()) for w, b in params]
    for epoch in range(1, epochs + 1):
        all_losses, all_hits = [], []
        for batch in batches:
            z, cache = forward(x[batch], params)
            losses, dz, hits = mean_loss(z, y[batch])
            all_losses.append(losses)
            all_hits.append(hits)
            grads = backward(dz, cache)
            params = [tuple(p - learning_rate * g for p, g in zip(*two)) for two in zip(params, grads)]
        if log is not None:
            loss = float(np.concatenate(all_losses).mean())
            log(epoch=epoch, loss=loss, accuracy=sum(all_hits) / len(x))
    return params
