"""You compare exponentials of the logits without a shift, and they overflow for large logits."""

import numpy as np


def predict(x, weights):
    w, b = weights
    powers = np.exp(x @ w + b)
    probabilities = powers / powers.sum(axis=1).reshape(-1, 1)
    return probabilities.argmax(axis=1)
