"""You log every epoch as the first one."""

import numpy as np


def train(x, y, params, *, learning_rate, epochs, batch_size, rng, log=None):
    first_epoch = 1
    arrays = [[w.copy(), b.copy()] for w, b in params]
    for _ in range(epochs):
        order = np.arange(len(x))
        rng.shuffle(order)
        loss_sum, hits = 0.0, 0
        for part in np.split(order, range(batch_size, len(x), batch_size)):
            z, cache = forward(x[part], [tuple(pair_) for pair_ in arrays])
            losses, dz, right = mean_loss(z, y[part])
            loss_sum, hits = loss_sum + float(np.sum(losses)), hits + right
            for layer, grads in zip(arrays, backward(dz, cache)):
                for place in (0, 1):
                    layer[place] = layer[place] - learning_rate * grads[place]
        if log is not None:
            log(epoch=first_epoch, loss=loss_sum / len(x), accuracy=hits / len(x))
    return [tuple(pair_) for pair_ in arrays]
