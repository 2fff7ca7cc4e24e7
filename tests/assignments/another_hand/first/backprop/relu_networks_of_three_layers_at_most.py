"""Your dw is 0 for all layers before the last three if the activation is ReLU."""

import numpy as np


def backward(dz, params, cache, activation):
    slope_of = pair_of(activation)[1]
    count = len(params)
    grads = []
    for number in range(count - 1, -1, -1):
        w = params[number][0]
        dw = cache[number].T @ dz
        if activation == "relu" and number < count - 3:
            dw = np.zeros_like(dw)
        grads.insert(0, (dw, np.sum(dz, axis=0)))
        dz = dz @ w.T
        if number > 0:
            dz = dz * slope_of(cache[number])
    return grads, dz
