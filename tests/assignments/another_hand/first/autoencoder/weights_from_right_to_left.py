"""Your weights have the shape (fan_out, fan_in)."""

import numpy as np


def initialize(widths, rng):
    if len(widths) < 3 or len(widths) % 2 == 0 or min(widths) < 1 or widths[0] != widths[-1]:
        raise ValueError("these widths do not make an autoencoder")
    params = []
    for layer in range(len(widths) - 1):
        fan_in, fan_out = widths[layer : layer + 2]
        c = (6 / (fan_in + fan_out)) ** 0.5
        weights = [[rng.uniform(-c, c) for _ in range(fan_in)] for _ in range(fan_out)]
        params.append((np.array(weights), np.zeros(fan_out)))
    return params
